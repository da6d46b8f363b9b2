from typing import Any

import pytest

from goaround_verifier.checks.gitlab import GitlabProbe
from goaround_verifier.finding import Finding
from tests.verifier.builders import ask, check, client
from tests.verifier.server import HttpServer, Reply, http_server

SHA = "a91957a858320c0e17f3a0eca7cfacbff50ea29a"


def pipelines(*statuses: str) -> Reply:
    return Reply(
        200,
        [
            {
                "id": 48 - n,
                "iid": 13,
                "project_id": 1,
                "status": status,
                "source": "push",
                "ref": "v2.4.1",
                "sha": SHA,
                "web_url": f"https://gitlab.test/foo/bar/pipelines/{48 - n}",
            }
            for n, status in enumerate(statuses)
        ],
    )


async def told(server: HttpServer, **fields: Any) -> Finding:
    gitlab = {"project": "acme/shops/checkout", "ref": "v2.4.1", "url": server.url, **fields}
    async with client() as shared:
        return await ask(GitlabProbe(shared), check(gitlab=gitlab))


@pytest.mark.parametrize(
    ("reply", "outcome", "says"),
    [
        (pipelines("success"), "passed", "pipeline 48 of acme/shops/checkout for v2.4.1"),
        (pipelines("failed"), "failed", "ended with failed, wanted success"),
        (pipelines("canceled"), "failed", "ended with canceled"),
        (pipelines("skipped"), "failed", "ended with skipped"),
        (pipelines("running"), "errored", "still running: running"),
        (pipelines("pending"), "errored", "still running: pending"),
        (pipelines("waiting_for_resource"), "errored", "still running"),
        (pipelines("manual"), "errored", "waits for a person"),
        (pipelines(), "failed", "no pipeline of acme/shops/checkout for v2.4.1"),
        (Reply(401, {"message": "401 Unauthorized"}), "errored", "give a valid one as token:"),
        (Reply(403, {"message": "403 Forbidden"}), "errored", "it needs read access"),
        (Reply(404, {"message": "404 Project Not Found"}), "errored", "there is no project"),
        (Reply(429, "Retry later", {"Retry-After": "5"}), "errored", "too many requests"),
        (Reply(200, {"a": 1}), "errored", "not GitLab's form"),
        (Reply(200, "x"), "errored", "no JSON"),
    ],
)
async def test_the_newest_pipeline_for_the_ref_decides(
    reply: Reply, outcome: str, says: str
) -> None:
    async with http_server(reply) as server:
        finding = await told(server, token="t0ken")
    assert finding.outcome == outcome, finding.detail
    assert says in finding.detail


async def test_the_pipelines_are_asked_as_documented() -> None:
    async with http_server(pipelines("success")) as server:
        await told(server, token="t0ken")
    asked = server.asked[0]
    assert asked.path == "/api/v4/projects/acme%2Fshops%2Fcheckout/pipelines"
    assert asked.query == {"ref": "v2.4.1", "order_by": "id", "sort": "desc", "per_page": "1"}
    assert asked.headers["private-token"] == "t0ken"


async def test_a_commit_is_asked_by_its_id() -> None:
    async with http_server(pipelines("success")) as server:
        finding = await told(server, ref=SHA)
    assert finding.outcome == "passed"
    assert server.asked[0].query["sha"] == SHA
    assert "ref" not in server.asked[0].query
