"""Fetching the recording of a verdict, with everything that may be wrong with it as one error."""

from goaround.client import Goaround
from goaround.errors import Refused
from goaround_judge import recording
from goaround_schemas.api import EvidenceRow


class NoRecording(Exception):
    """A verdict's recording cannot be had; the message says why."""


async def recorded(g: Goaround, row: EvidenceRow) -> recording.Recording:
    """Return what a verdict was given on.

    Raises:
        NoRecording: It is not kept any more, is damaged, or is not given out.
        Unreachable: Nobody answers.
    """
    try:
        answer = await g.evidence(row.run_id, row.evidence_id)
        if answer.recording is None:
            raise NoRecording("the recording is not kept any more")
        return recording.read(answer.recording)
    except (recording.Damaged, Refused) as error:
        raise NoRecording(str(error)) from error
