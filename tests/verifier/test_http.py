import asyncio

import httpx
import pytest

from goaround_schemas.guide import Check
from goaround_verifier.checks.exchange import MOST_BODY, redirected
from goaround_verifier.checks.http import HttpProbe
from goaround_verifier.finding import Again, Finding
from tests.verifier.builders import ask, check, client
from tests.verifier.server import (
    Asked,
    Raw,
    Reply,
    closed_port,
    drip,
    hang,
    http_server,
    raw_server,
    reset,
)


async def probe(asked: Check, timeout_s: float = 5.0) -> Finding:
    async with client() as shared:
        return await ask(HttpProbe(shared), asked, timeout_s)


async def told(reply: Reply, **http: object) -> Finding:
    async with http_server(reply) as server:
        finding = await probe(check(http={"url": f"{server.url}/x", **http}))
        return Finding(
            finding.outcome,
            finding.detail.replace(server.url, "URL"),
            finding.value,
            finding.again,
        )


JSON = Reply(body={"version": "2.4.1", "items": [{"id": 3}], "ok": True, "none": None, "a.b": 1})


@pytest.mark.parametrize(
    ("reply", "expect", "outcome", "says"),
    [
        (Reply(200), {}, "passed", "GET URL/x answered 200 in "),
        (Reply(204), {}, "passed", "answered 204"),
        (Reply(503, "still\nstarting"), {}, "failed", "wanted 2xx: still starting"),
        (Reply(404), {"status": 404}, "passed", "404"),
        (Reply(200), {"status": [201, 202]}, "failed", "answered 200"),
        (Reply(200), {"status": [201, 202]}, "failed", "wanted 201 or 202"),
        (Reply(302, headers={"Location": "/y"}), {"status": 302}, "passed", "302"),
        (Reply(200, "all good"), {"text": "good"}, "passed", "200"),
        (Reply(200, "all bad"), {"text": "good"}, "failed", "the body lacks 'good': all bad"),
        (Reply(200), {"text": "good"}, "failed", "it is empty"),
        (Reply(200, "v2.4.1"), {"matches": r"v\d+\.\d+"}, "passed", "200"),
        (Reply(200, "v2"), {"matches": r"v\d+\.\d+"}, "failed", "does not match"),
        (Reply(200, "x"), {"matches": "(x"}, "errored", "is no regular expression: missing )"),
        (Reply(200, headers={"X-V": "1"}), {"headers": {"x-v": "1"}}, "passed", "200"),
        (Reply(200, headers={"X-V": "2"}), {"headers": {"x-v": "1"}}, "failed",
         "header x-v is '2', wanted '1'"),
        (Reply(200), {"headers": {"x-v": "1"}}, "failed", "header x-v is not there, wanted '1'"),
        (Reply(200), {"latency": "1ms"}, "failed", "wanted within 0.001 s"),
        (Reply(200), {"latency": "30s"}, "passed", "200"),
        (JSON, {"json": {"version": "2.4.1", "items.0.id": 3, "ok": True}}, "passed", "200"),
        (JSON, {"json": {"items.0.id": 3.0, "a.b": 1, "none": None}}, "passed", "200"),
        (JSON, {"json": {"version": "2.4.2"}}, "failed",
         "version is the text '2.4.1', wanted the text '2.4.2'"),
        (JSON, {"json": {"items.0.id": "3"}}, "failed",
         "items.0.id is the number 3, wanted the text '3'"),
        (JSON, {"json": {"ok": 1}}, "failed", "ok is true, wanted the number 1"),
        (JSON, {"json": {"items.1.id": 3}}, "failed", "items has a list of 1"),
        (JSON, {"json": {"version.major": 2}}, "failed", "version has the text '2.4.1'"),
        (JSON, {"json": {"build": 2}}, "failed",
         "the answer has no 'build': its top has a.b, items, none, ok, version"),
        (Reply(200, "<html>"), {"json": {"a": 1}}, "failed", "that is no JSON"),
    ],
)  # fmt: skip
async def test_an_answer_is_judged_by_what_is_expected(
    reply: Reply, expect: dict[str, object], outcome: str, says: str
) -> None:
    finding = await told(reply, expect=expect)
    assert finding.outcome == outcome, finding.detail
    assert says in finding.detail


@pytest.mark.parametrize(
    ("path", "outcome", "value"),
    [
        ("version", "passed", "2.4.1"),
        ("items.0.id", "passed", "3"),
        ("items", "passed", '[{"id":3}]'),
        ("none", "failed", None),
        ("nowhere", "failed", None),
    ],
)
async def test_a_value_is_read_from_the_answer(path: str, outcome: str, value: str | None) -> None:
    finding = await told(JSON, json=path)
    assert (finding.outcome, finding.value) == (outcome, value)


async def test_a_refused_connection_may_be_a_start_and_is_a_no_in_the_end() -> None:
    port = closed_port()
    finding = await probe(check(http={"url": f"http://127.0.0.1:{port}/livez"}))
    assert (finding.outcome, finding.again) == ("failed", Again.RETRY)
    assert f"nothing listens at 127.0.0.1:{port}" in finding.detail


async def test_a_name_with_several_addresses_is_refused_if_all_refuse() -> None:
    finding = await probe(check(http={"url": f"http://localhost:{closed_port()}/"}))
    assert (finding.outcome, finding.again) == ("failed", Again.RETRY)


@pytest.mark.parametrize("broken", [hang, drip])
async def test_an_answer_that_never_ends_is_given_up_in_time(broken: Raw) -> None:
    async with raw_server(broken) as port:
        finding = await probe(check(http={"url": f"http://127.0.0.1:{port}/"}), timeout_s=0.2)
    assert finding.outcome == "errored"
    assert "no complete answer within 0.2 s" in finding.detail


async def test_a_connection_that_is_torn_down_tells_nothing() -> None:
    async with raw_server(reset) as port:
        finding = await probe(check(http={"url": f"http://127.0.0.1:{port}/"}))
    assert (finding.outcome, finding.again) == ("errored", Again.RETRY)


async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_what_speaks_another_language_tells_nothing(scheme: str) -> None:
    async with raw_server(nonsense) as port:
        finding = await probe(check(http={"url": f"{scheme}://127.0.0.1:{port}/"}))
    assert (finding.outcome, finding.again) == ("errored", Again.RETRY)


@pytest.mark.parametrize(
    "http",
    [
        {"url": "127.0.0.1:80"},
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://[::1/"},
        {"url": "http://127.0.0.1:99999999/"},
        {"url": "http://127.0.0.1/", "headers": {"x": "a\nb"}},
        {"url": "http://127.0.0.1/", "headers": {"x": "…"}},
    ],
)
async def test_a_request_that_cannot_be_made_is_not_tried_again(http: dict[str, object]) -> None:
    finding = await probe(check(http=http))
    assert (finding.outcome, finding.again) == ("errored", Again.NEVER), finding.detail
    assert "the request cannot be made" in finding.detail


def redirecting(times: int) -> Reply:
    return Reply(302, headers={"Location": f"/{times}"})


@pytest.mark.parametrize(("times", "outcome"), [(5, "passed"), (6, "failed")])
async def test_five_redirects_are_followed(times: int, outcome: str) -> None:
    def answer(asked: Asked) -> Reply:
        left = int(asked.path.strip("/"))
        return redirecting(left - 1) if left else Reply(200)

    async with http_server(answer) as server:
        finding = await probe(check(http={"url": f"{server.url}/{times}"}))
    assert finding.outcome == outcome


async def test_the_last_answer_of_a_redirect_is_judged() -> None:
    def answer(asked: Asked) -> Reply:
        return Reply(503) if asked.path == "/end" else Reply(301, headers={"Location": "/end"})

    async with http_server(answer) as server:
        finding = await probe(check(http={"url": server.url}))
    assert finding.outcome == "failed"
    assert "answered 503" in finding.detail


async def test_a_redirect_loop_is_a_no() -> None:
    finding = await told(Reply(302, headers={"Location": "/x"}))
    assert finding.outcome == "failed"
    assert "redirected more than 5 times" in finding.detail


async def test_another_host_is_not_told_the_headers_of_the_guide() -> None:
    async with (
        http_server(Reply(200)) as other,
        http_server(Reply(302, headers={"Location": other.url})) as server,
    ):
        headers = {"X-Api-Key": "s3cret", "Authorization": "Bearer s3cret"}
        finding = await probe(check(http={"url": server.url, "headers": headers}))
    assert finding.outcome == "passed"
    assert server.asked[0].headers["x-api-key"] == "s3cret"
    assert not [v for v in other.asked[0].headers.values() if "s3cret" in v]


@pytest.mark.parametrize(
    ("here", "there", "kept"),
    [
        ("http://a/x", "http://a/y", True),
        ("http://a/", "https://a/", True),
        ("https://a/", "http://a/", False),
        ("https://a/", "https://a:8443/", False),
        ("https://a/", "https://b/", False),
    ],
)
def test_headers_go_on_to_the_same_place_alone_and_never_in_the_clear(
    here: str, there: str, kept: bool
) -> None:
    own = {"X-Api-Key": "s3cret"}
    last, following = (httpx.Request("GET", url, headers=own) for url in (here, there))
    assert ("x-api-key" in redirected(last, following, own).headers) is kept


@pytest.mark.parametrize("location", ["http://[", "ftp://127.0.0.1/", "http://127.0.0.1:99999/"])
async def test_a_redirect_to_nowhere_tells_nothing(location: str) -> None:
    finding = await told(Reply(302, headers={"Location": location}))
    assert finding.outcome == "errored"


async def test_a_big_body_is_read_up_to_its_bound() -> None:
    big = Reply(200, b"." * (MOST_BODY + 1) + b"end")
    assert (await told(big)).outcome == "passed"
    assert (await told(big, expect={"text": "..."})).outcome == "passed"
    for expect in ({"text": "end"}, {"matches": "end"}, {"json": {"a": 1}}):
        assert (await told(big, expect=expect)).outcome == "errored"


async def test_a_pattern_that_never_ends_is_given_up_in_time() -> None:
    async with http_server(Reply(200, "a" * 40 + "!")) as server:
        asked = check(http={"url": server.url, "expect": {"matches": "(a+)+$"}})
        finding = await probe(asked, timeout_s=0.4)
    assert finding.outcome == "errored"
    assert "make it simpler" in finding.detail


@pytest.mark.parametrize(
    ("body", "sent", "kind"),
    [
        ("plain", b"plain", None),
        ({"a": 1}, b'{"a": 1}', "application/json"),
        (None, b"", None),
    ],
)
async def test_a_body_is_sent_as_it_is_or_as_json(
    body: object, sent: bytes, kind: str | None
) -> None:
    async with http_server(Reply(200)) as server:
        await probe(check(http={"url": server.url, "method": "POST", "body": body}))
    assert server.asked[0].body == sent
    assert server.asked[0].headers.get("content-type") == kind


async def test_each_try_opens_a_connection_of_its_own() -> None:
    """A kept one could still lead to the process that was just replaced."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % connections)

    async with raw_server(serve) as port, client() as shared:
        for body in ("1", "2"):
            asked = check(http={"url": f"http://127.0.0.1:{port}/", "expect": {"text": body}})
            assert (await ask(HttpProbe(shared), asked)).outcome == "passed"


async def test_secrets_are_hidden_before_an_answer_is_cut() -> None:
    async with http_server(Reply(500, "." * 195 + "s3cret")) as server, client() as shared:
        finding = await ask(
            HttpProbe(shared),
            check(http={"url": server.url}),
            mask=lambda text: text.replace("s3cret", "***"),
        )
    assert "s3" not in finding.detail
