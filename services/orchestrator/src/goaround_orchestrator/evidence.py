"""What the orchestrator keeps of verdicts, and answers about it: recordings, and people's labels.

A label is what a person says of a deployment, for the judge to be measured by; it moves no run.
"""

import base64
import binascii

import structlog

from goaround_chassis.clock import Clock
from goaround_chassis.errors import Never
from goaround_orchestrator.ledger import Evidence, Ledger
from goaround_orchestrator.replies import Answer, Wrong, answering, unknown
from goaround_orchestrator.run import Run
from goaround_schemas import api
from goaround_schemas.envelope import Payload
from goaround_schemas.phase import Phase
from goaround_schemas.watching import DeployEvidenced

log = structlog.stdlib.get_logger()

MOST_RECORDED = 920_000
"""Characters of a recording. It must fit into a reply of 1 MiB, beside the run's verdicts."""
MOST_VERDICTS = 50
"""Of a run in one answer: the newest."""
MOST_LABELS = 20
"""Of a run in one answer: the newest. All of them are in its history."""
_WORDS, _NAME = 120, 64
"""Characters of a label in a list: five hundred must fit into a reply. `api.runs.get` has all."""


async def on_evidence(event: DeployEvidenced, ledger: Ledger) -> None:
    """A verdict's evidence has come: keep it, whatever has become of the run by now."""
    evidence = _kept(event)
    async with ledger.unit() as unit:
        if not await unit.first_time(event.id):
            return
        if not await unit.keep_evidence(evidence):
            log.warning("evidence for a run that is not known", run_id=event.data.run_id)


def _kept(event: DeployEvidenced) -> Evidence:
    data = event.data
    if len(data.recording) > MOST_RECORDED:
        size = len(data.recording)
        raise Never(f"a recording of {size} characters; {MOST_RECORDED} are the most")
    if unfit := [k for k, v in data if isinstance(v, str) and "\0" in v]:
        raise Never(f"{', '.join(unfit)}: a NUL character is no text")
    try:
        body = base64.b64decode(data.recording, validate=True)
    except binascii.Error as exc:
        raise Never(f"the recording is no base64: {exc}") from exc
    return Evidence(
        id=event.id,
        run_id=data.run_id,
        version=data.version,
        stage=data.stage,
        colour=data.colour,
        action=data.action,
        judged_at=data.judged_at,
        switched_at=data.switched_at,
        looks=data.looks,
        judge_version=data.judge_version,
        body=body,
    )


class EvidenceAnswers:
    """The subjects of `api.>` that are about evidence and labels."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def by_subject(self) -> dict[str, Answer]:
        """Subject to a function from the request's bytes to the reply's."""
        return {
            api.RUNS_EVIDENCE: answering(api.RunEvidenceQuery, self._of_run),
            api.RUNS_LABEL: answering(api.LabelRequest, self._label),
            api.EVIDENCE_LIST: answering(api.EvidenceQuery, self._list),
        }

    async def _of_run(self, query: api.RunEvidenceQuery) -> Payload:
        run = await self._ledger.whole(query.run_id)
        if run is None:
            raise unknown(query.run_id)
        verdicts = await self._ledger.verdicts(run.id, MOST_VERDICTS)
        if not verdicts:
            raise Wrong(_none_yet(run))
        ids = [row.evidence_id for row in verdicts]
        wanted = query.evidence_id or ids[-1]
        body = await self._ledger.recording(wanted) if wanted in ids else None
        if body is None:
            raise Wrong(f"run {run.id} has no evidence {wanted!r}; it has {', '.join(ids[-5:])}")
        return api.RunEvidence(
            verdicts=tuple(_short(row) for row in verdicts),
            evidence_id=wanted,
            recording=base64.b64encode(body).decode(),
        )

    async def _list(self, query: api.EvidenceQuery) -> Payload:
        try:
            rows = await self._ledger.evidence(query)
        except LookupError as exc:
            raise Wrong(f"{exc}; begin again without `after`") from exc
        return api.EvidenceList(rows=tuple(_short(row) for row in rows))

    async def _label(self, request: api.LabelRequest) -> Payload:
        now = self._clock.now()
        said = api.Label(label=request.label, actor=request.actor, at=now, because=request.because)
        async with self._ledger.unit() as unit:
            run = await unit.run(request.run_id)
            if run is None:
                raise unknown(request.run_id)
            if why := why_not_labelled(run):
                raise Wrong(why)
            if await unit.label(run, said):
                words = f"labelled {said.label} by {said.actor}: {said.because}"
                await unit.note(run, now, said.actor, words)
        return api.Accepted(run_id=run.id, what=f"run {run.id} is labelled {said.label}")


def why_not_labelled(run: Run) -> str | None:
    """Return why nothing can be said of the deployment yet, or ever; None if it can. Pure."""
    watched = run.phase is Phase.WATCHING or any(s.phase is Phase.WATCHING for s in run.timeline)
    if watched or (run.ended and run.changed):
        return None
    if run.ended:
        return f"run {run.id} is {run.phase}: it deployed nothing that could be good or bad"
    return f"run {run.id} is {run.phase}: it can be labelled once it is watched, or has ended"


def _none_yet(run: Run) -> str:
    if not run.ended:
        return f"run {run.id} is {run.phase}: it has no evidence before a watch has its verdict"
    return f"run {run.id} has no evidence: no watch came to a verdict, or it is no longer kept"


def _short(row: api.EvidenceRow) -> api.EvidenceRow:
    if row.label is None:
        return row
    words = {"actor": _cut(row.label.actor, _NAME), "because": _cut(row.label.because, _WORDS)}
    return row.model_copy(update={"label": row.label.model_copy(update=words)})


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
