"""`ci`: a CI server that says which versions passed, in the form GitHub's REST API documents.

It stands for the team's CI. A version is asked for by its tag (`v1.2.0`), its bare name or its
commit; one it never heard of has no runs. It never runs anything.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence

from goaround_shop.http11 import Request, Response, answer
from goaround_shop.stand_in import arguments, stand

_RUNS = re.compile(r"/repos/([^/]+)/([^/]+)/actions(?:/workflows/([^/]+))?/runs")
_CHECKS = re.compile(r"/repos/([^/]+)/([^/]+)/commits/(.+)/check-runs")
_COMMIT = re.compile(r"/repos/([^/]+)/([^/]+)/commits/(.+)")
_STARTED, _ENDED = "2026-01-05T09:00:00Z", "2026-01-05T09:04:10Z"


def commit_of(version: str) -> str:
    """Return the commit a version was built from: the same on every machine."""
    return hashlib.sha1(f"shop {version}".encode(), usedforsecurity=False).hexdigest()


class Ci:
    """Knows the versions that passed and the ones that failed."""

    def __init__(self, passed: Iterable[str], failed: Iterable[str] = ()) -> None:
        self._conclusion = dict.fromkeys(passed, "success") | dict.fromkeys(failed, "failure")
        self._by_commit = {commit_of(version): version for version in self._conclusion}

    async def __call__(self, request: Request) -> Response:
        """Answer one question about a version."""
        if request.method not in {"GET", "HEAD"}:
            return answer(405, {"message": "Method Not Allowed", "status": "405"})
        if asked := _RUNS.fullmatch(request.path):
            return self._runs(request, f"{asked[1]}/{asked[2]}", asked[3] or "release.yml")
        if asked := _CHECKS.fullmatch(request.path):
            return self._check_runs(request, f"{asked[1]}/{asked[2]}", asked[3])
        if asked := _COMMIT.fullmatch(request.path):
            return self._commit(f"{asked[1]}/{asked[2]}", asked[3])
        return answer(404, {"message": "Not Found", "status": "404"})

    def _version(self, ref: str) -> str | None:
        ref = ref.removeprefix("refs/").removeprefix("tags/").removeprefix("heads/")
        version = self._by_commit.get(ref, ref.removeprefix("v"))
        return version if version in self._conclusion else None

    def _runs(self, request: Request, repository: str, workflow: str) -> Response:
        asked = [request.query[name] for name in ("branch", "head_sha") if name in request.query]
        # Asked by branch and by commit, only a run that has both is meant.
        found = [
            version
            for version in self._conclusion
            if all(self._version(ref) == version for ref in asked)
        ]
        wanted = request.query.get("status")
        runs = [
            self._run(repository, workflow, version)
            for version in found
            if wanted in {None, "completed", self._conclusion[version]}
        ]
        return answer(200, {"total_count": len(runs), "workflow_runs": runs})

    def _run(self, repository: str, workflow: str, version: str) -> dict[str, object]:
        number = list(self._conclusion).index(version) + 1
        return {
            "id": 7_000_000 + number,
            "name": workflow.removesuffix(".yml").removesuffix(".yaml"),
            "path": f".github/workflows/{workflow}",
            "head_branch": f"v{version}",
            "head_sha": commit_of(version),
            "run_number": number,
            "run_attempt": 1,
            "event": "push",
            "status": "completed",
            "conclusion": self._conclusion[version],
            "created_at": _STARTED,
            "run_started_at": _STARTED,
            "updated_at": _ENDED,
            "html_url": f"/{repository}/actions/runs/{7_000_000 + number}",
        }

    def _check_runs(self, request: Request, repository: str, ref: str) -> Response:
        version = self._version(ref)
        name = request.query.get("check_name", "release")
        runs: list[dict[str, object]] = []
        if version is not None:
            number = list(self._conclusion).index(version) + 1
            runs.append(
                {
                    "id": 8_000_000 + number,
                    "name": name,
                    "head_sha": commit_of(version),
                    "status": "completed",
                    "conclusion": self._conclusion[version],
                    "started_at": _STARTED,
                    "completed_at": _ENDED,
                    "html_url": f"/{repository}/runs/{8_000_000 + number}",
                    "app": {"slug": "github-actions", "name": "GitHub Actions"},
                }
            )
        return answer(200, {"total_count": len(runs), "check_runs": runs})

    def _commit(self, repository: str, ref: str) -> Response:
        version = self._version(ref)
        if version is None:
            return answer(422, {"message": f"No commit found for SHA: {ref}", "status": "422"})
        sha = commit_of(version)
        return answer(200, {"sha": sha, "html_url": f"/{repository}/commit/{sha}"})


def main(argv: Sequence[str]) -> int:
    """Answer until told to stop."""
    parser = arguments("ci", __doc__)
    parser.add_argument("--passed", type=_versions, default=(), help="1.0.0,1.1.0,...")
    parser.add_argument("--failed", type=_versions, default=(), help="1.0.0,1.1.0,...")
    args = parser.parse_args(argv[1:])
    return stand(Ci(args.passed, args.failed), parser, args)


def _versions(text: str) -> list[str]:
    return [version.strip() for version in text.split(",") if version.strip()]
