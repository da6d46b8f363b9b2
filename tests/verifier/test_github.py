from typing import Any

import pytest

from goaround_verifier.checks.github import GithubProbe
from goaround_verifier.finding import Again, Finding
from tests.verifier.builders import ask, check, client
from tests.verifier.server import Asked, HttpServer, Reply, closed_port, http_server

SHA = "d6fde92930d4715a2b49857d24b940956b26d2d3"


def run(number: int = 7, **fields: Any) -> dict[str, Any]:
    return {
        "id": 30433642 + number,
        "name": "Release",
        "head_branch": "v2.4.1",
        "head_sha": SHA,
        "run_number": number,
        "event": "push",
        "status": "completed",
        "conclusion": "success",
        "html_url": f"https://github.test/acme/checkout/actions/runs/{number}",
        "head_repository": {"id": 1, "full_name": "acme/checkout"},
        **fields,
    }


def runs(*found: dict[str, Any]) -> Reply:
    return Reply(200, {"total_count": len(found), "workflow_runs": list(found)})


def check_run(name: str = "build", **fields: Any) -> dict[str, Any]:
    return {"id": 4, "name": name, "status": "completed", "conclusion": "success", **fields}


def check_runs(*found: dict[str, Any]) -> Reply:
    return Reply(200, {"total_count": len(found), "check_runs": list(found)})


async def told(server: HttpServer, **fields: Any) -> Finding:
    github = {"repository": "acme/checkout", "ref": "v2.4.1", "url": server.url, **fields}
    async with client() as shared:
        return await ask(GithubProbe(shared), check(github=github))


@pytest.mark.parametrize(
    ("reply", "outcome", "says"),
    [
        (runs(run()), "passed", "run 7 of release.yml for v2.4.1 ended with success"),
        (runs(run(conclusion="failure")), "failed", "ended with failure, wanted success"),
        (runs(run(conclusion="cancelled")), "failed", "ended with cancelled"),
        (runs(run(conclusion="timed_out")), "failed", "ended with timed_out"),
        (runs(run(conclusion="skipped")), "failed", "ended with skipped"),
        (runs(run(status="in_progress", conclusion=None)), "errored", "still running"),
        (runs(run(status="queued", conclusion=None)), "errored", "still running: queued"),
        (runs(), "failed", "no run of release.yml for v2.4.1"),
        (runs(run(8), run(7, conclusion="failure")), "passed", "run 8"),
        (runs(run(7), run(8, conclusion="failure")), "failed", "run 8"),
        (runs(run(head_branch="main")), "failed", "no run of"),
        (
            runs(run(9, head_repository={"full_name": "mallory/checkout"})),
            "failed",
            "no run of release.yml for v2.4.1",
        ),
    ],
)
async def test_the_newest_run_for_the_ref_decides(reply: Reply, outcome: str, says: str) -> None:
    async with http_server(reply) as server:
        finding = await told(server, workflow="release.yml")
    assert finding.outcome == outcome, finding.detail
    assert says in finding.detail


async def test_the_runs_are_asked_as_documented() -> None:
    async with http_server(runs(run())) as server:
        await told(server, workflow="release.yml", token="t0ken")
    asked = server.asked[0]
    assert asked.path == "/repos/acme/checkout/actions/workflows/release.yml/runs"
    assert asked.query == {"branch": "v2.4.1", "per_page": "30"}
    assert asked.headers["authorization"] == "Bearer t0ken"
    assert asked.headers["accept"] == "application/vnd.github+json"


async def test_a_commit_is_asked_by_its_id() -> None:
    async with http_server(runs(run(head_branch="main"))) as server:
        finding = await told(server, workflow="release.yml", ref=SHA)
    assert finding.outcome == "passed"
    assert server.asked[0].query["head_sha"] == SHA


@pytest.mark.parametrize(
    ("reply", "outcome", "says"),
    [
        (check_runs(check_run(), check_run("lint")), "passed", "all 2 checks"),
        (check_runs(check_run(), check_run("x", conclusion="neutral")), "passed", "all 2"),
        (check_runs(check_run(), check_run("x", conclusion="skipped")), "passed", "all 2"),
        (check_runs(check_run("x", conclusion="skipped")), "failed", "was skipped or neutral"),
        (
            check_runs(check_run(), check_run("lint", conclusion="failure")),
            "failed",
            "1 of 2 checks for v2.4.1 did not pass: lint ended with failure",
        ),
        (
            check_runs(check_run(status="in_progress", conclusion=None)),
            "errored",
            "1 of 1 checks for v2.4.1 still running: build is in_progress",
        ),
        (check_runs(), "failed", "no check ran for v2.4.1"),
    ],
)
async def test_without_a_workflow_every_check_decides(
    reply: Reply, outcome: str, says: str
) -> None:
    async with http_server(reply) as server:
        finding = await told(server)
    assert finding.outcome == outcome, finding.detail
    assert says in finding.detail


async def test_all_pages_of_checks_are_read() -> None:
    def answer(asked: Asked) -> Reply:
        page = int(asked.query["page"])
        found = [check_run(f"{page}-{n}") for n in range(100 if page < 3 else 1)]
        if page == 3:
            found = [check_run("last", conclusion="failure")]
        return Reply(200, {"total_count": 201, "check_runs": found})

    async with http_server(answer) as server:
        finding = await told(server)
    assert finding.outcome == "failed"
    assert "last ended with failure" in finding.detail
    assert server.asked[0].path == "/repos/acme/checkout/commits/v2.4.1/check-runs"


async def test_pages_without_end_are_given_up() -> None:
    endless = Reply(200, {"total_count": 10**9, "check_runs": [check_run()]})
    async with http_server(endless) as server:
        finding = await told(server)
    assert finding.outcome == "errored"
    assert len(server.asked) == 10


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(401, {"message": "Bad credentials"}), "give a valid one as token:"),
        (Reply(403, {"message": "Resource not accessible"}), "it needs read access"),
        (
            Reply(403, {"message": "API rate limit exceeded"}, {"x-ratelimit-remaining": "0"}),
            "too many requests",
        ),
        (Reply(429, "", {"retry-after": "60"}), "in 60 s: give a token, or ask less often"),
        (Reply(404, {"message": "Not Found"}), "no workflow release.yml in acme/checkout"),
        (Reply(500, "oops"), "500, wanted 200: oops"),
        (Reply(200, "<html>"), "the answer is no JSON"),
        (Reply(200, {"workflow_runs": [{"run_number": "x"}]}), "not GitHub's form"),
        (Reply(200, {}), "not GitHub's form at workflow_runs"),
    ],
)
async def test_a_refusal_is_never_a_no_and_says_what_to_do(reply: Reply, says: str) -> None:
    async with http_server(reply) as server:
        finding = await told(server, workflow="release.yml", token="t0ken")
    assert (finding.outcome, finding.again) == ("errored", Again.RETRY)
    assert says in finding.detail
    assert "t0ken" not in finding.detail


async def test_a_forge_that_is_away_tells_nothing() -> None:
    async with client() as shared:
        github = {"repository": "a/b", "ref": "x", "url": f"http://127.0.0.1:{closed_port()}"}
        finding = await ask(GithubProbe(shared), check(github=github))
    assert (finding.outcome, finding.again) == ("errored", Again.RETRY)
