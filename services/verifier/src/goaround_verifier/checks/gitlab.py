"""gitlab: the newest pipeline for this very ref passed, as GitLab's REST API tells."""

from urllib.parse import quote as escape
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from goaround_schemas.guide import Check
from goaround_verifier.checks.forge import Refusal, fetch, is_commit
from goaround_verifier.checks.probe import Mask, quote
from goaround_verifier.finding import Finding, errored, failed, passed

_RUNNING = frozenset(
    {
        "created",
        "waiting_for_resource",
        "waiting_for_callback",
        "preparing",
        "pending",
        "running",
        "scheduled",
        "canceling",
    }
)


class _Pipeline(BaseModel):
    """A pipeline, of what GitLab tells of it."""

    id: int
    status: str
    web_url: str = ""


_PIPELINES = TypeAdapter(list[_Pipeline])


class GitlabProbe:
    """Asks GitLab, or a server that speaks as it does."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time."""
        assert check.gitlab is not None
        asked = check.gitlab
        by = "sha" if is_commit(asked.ref) else "ref"
        query = urlencode({by: asked.ref, "order_by": "id", "sort": "desc", "per_page": 1})
        project = escape(asked.project, safe="")
        url = f"{asked.url.rstrip('/')}/api/v4/projects/{project}/pipelines?{query}"
        what = f"gitlab {quote(asked.project, mask)}"
        try:
            said = await fetch(
                self._client,
                url,
                {"private-token": asked.token} if asked.token else {},
                timeout_s,
                what=what,
                missing=f"there is no project {asked.project}, or the token may not see it",
                mask=mask,
            )
            pipelines = _PIPELINES.validate_python(said)
        except Refusal as refusal:
            return refusal.finding
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "its top"
            return errored(f"{what}: not GitLab's form at {where}")
        return judge_pipeline(pipelines[0] if pipelines else None, asked.project, asked.ref)


def judge_pipeline(pipeline: _Pipeline | None, project: str, ref: str) -> Finding:
    """Say what the newest pipeline says of the ref. Pure."""
    if pipeline is None:
        return failed(f"no pipeline of {project} for {ref}")
    said = f"pipeline {pipeline.id} of {project} for {ref}"
    at = f" ({pipeline.web_url})" if pipeline.web_url else ""
    if pipeline.status == "success":
        return passed(f"{said} ended with success{at}")
    if pipeline.status in _RUNNING:
        return errored(f"{said} is still running: {pipeline.status}{at}")
    if pipeline.status == "manual":
        return errored(f"{said} waits for a person to start its manual job{at}")
    return failed(f"{said} ended with {pipeline.status}, wanted success{at}")
