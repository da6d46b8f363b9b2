"""github: the workflow passed for this very ref, as GitHub's REST API tells.

With a workflow its newest run for the ref counts; without, every check of the commit does. A run
that a fork made under the same branch name is not a run for this ref.
"""

from typing import Any
from urllib.parse import quote as escape
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ValidationError

from goaround_schemas.guide import Check, GithubCheck
from goaround_verifier.checks.forge import Refusal, fetch, is_commit
from goaround_verifier.checks.probe import Mask, quote
from goaround_verifier.finding import Finding, errored, failed, passed

API_VERSION = "2022-11-28"
_RUNS_A_PAGE = 30  # newest first; the first of the ref is enough, but forks may stand before it
_CHECKS_A_PAGE = 100
_MOST_PAGES = 10  # a thousand checks, which is as many as GitHub keeps for a commit
_GOOD_CHECK = ("success", "neutral", "skipped")


class _Owner(BaseModel):
    full_name: str


class _Run(BaseModel):
    """A workflow run, of what GitHub tells of it."""

    status: str | None = None
    conclusion: str | None = None
    head_branch: str | None = None
    head_sha: str = ""
    html_url: str = ""
    run_number: int = 0
    head_repository: _Owner | None = None


class _Runs(BaseModel):
    workflow_runs: list[_Run]


class _CheckRun(BaseModel):
    name: str = "?"
    status: str
    conclusion: str | None = None


class _CheckRuns(BaseModel):
    total_count: int
    check_runs: list[_CheckRun]


class GithubProbe:
    """Asks GitHub, or a server that speaks as it does."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time."""
        assert check.github is not None
        asked = check.github
        try:
            if asked.workflow is not None:
                return await self._workflow(asked, asked.workflow, timeout_s, mask)
            return await self._checks(asked, timeout_s, mask)
        except Refusal as refusal:
            return refusal.finding
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"]))
            return errored(f"github {asked.repository}: not GitHub's form at {where}")

    async def _workflow(
        self, asked: GithubCheck, workflow: str, timeout_s: float, mask: Mask
    ) -> Finding:
        by = "head_sha" if is_commit(asked.ref) else "branch"
        query = urlencode({by: asked.ref, "per_page": _RUNS_A_PAGE})
        path = f"actions/workflows/{escape(workflow, safe='')}/runs?{query}"
        missing = (
            f"there is no workflow {workflow} in {asked.repository}, or the token may not see it"
        )
        runs = _Runs.model_validate(await self._get(asked, path, timeout_s, missing, mask))
        own = [run for run in runs.workflow_runs if _is_of(run, asked)]
        newest = max(own, key=lambda run: run.run_number, default=None)
        return judge_run(newest, workflow, asked.ref)

    async def _checks(self, asked: GithubCheck, timeout_s: float, mask: Mask) -> Finding:
        found: list[_CheckRun] = []
        missing = f"there is no {asked.ref} in {asked.repository}, or the token may not see it"
        for page in range(1, _MOST_PAGES + 1):
            query = urlencode({"filter": "latest", "per_page": _CHECKS_A_PAGE, "page": page})
            path = f"commits/{escape(asked.ref)}/check-runs?{query}"
            said = _CheckRuns.model_validate(await self._get(asked, path, timeout_s, missing, mask))
            found += said.check_runs
            if len(found) >= said.total_count or not said.check_runs:
                return judge_checks(found, asked.ref)
        return errored(f"github: more than {len(found)} checks for {asked.ref}; name a workflow")

    async def _get(
        self, asked: GithubCheck, path: str, timeout_s: float, missing: str, mask: Mask
    ) -> Any:
        headers = {"accept": "application/vnd.github+json", "x-github-api-version": API_VERSION}
        if asked.token:
            headers["authorization"] = f"Bearer {asked.token}"
        url = f"{asked.url.rstrip('/')}/repos/{escape(asked.repository)}/{path}"
        what = f"github {quote(asked.repository, mask)}"
        return await fetch(
            self._client, url, headers, timeout_s, what=what, missing=missing, mask=mask
        )


def _is_of(run: _Run, asked: GithubCheck) -> bool:
    owner = run.head_repository.full_name if run.head_repository else asked.repository
    if is_commit(asked.ref):
        return run.head_sha.lower() == asked.ref.lower()
    return run.head_branch == asked.ref and owner.lower() == asked.repository.lower()


def judge_run(run: _Run | None, workflow: str, ref: str) -> Finding:
    """Say what the newest run of a workflow says of the ref. Pure."""
    if run is None:
        return failed(f"no run of {workflow} for {ref}")
    said = f"run {run.run_number} of {workflow} for {ref}"
    at = f" ({run.html_url})" if run.html_url else ""
    if run.status != "completed":
        return errored(f"{said} is still running: {run.status}{at}")
    if run.conclusion == "success":
        return passed(f"{said} ended with success{at}")
    return failed(f"{said} ended with {run.conclusion}, wanted success{at}")


def judge_checks(checks: list[_CheckRun], ref: str) -> Finding:
    """Say what all checks of a commit say together. Pure."""
    if not checks:
        return failed(f"no check ran for {ref}")
    bad = [c for c in checks if c.status == "completed" and c.conclusion not in _GOOD_CHECK]
    running = [c for c in checks if c.status != "completed"]
    if bad:
        shown = ", ".join(f"{c.name} ended with {c.conclusion}" for c in bad[:3])
        return failed(f"{len(bad)} of {len(checks)} checks for {ref} did not pass: {shown}")
    if running:
        shown = ", ".join(f"{c.name} is {c.status}" for c in running[:3])
        return errored(f"{len(running)} of {len(checks)} checks for {ref} still running: {shown}")
    if not any(c.conclusion == "success" for c in checks):
        return failed(f"each of the {len(checks)} checks for {ref} was skipped or neutral")
    return passed(f"all {len(checks)} checks for {ref} passed")
