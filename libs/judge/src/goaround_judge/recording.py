"""The recorded form of a watch: what the judge was given and what it said, as one short text.

Two lines of JSON, the evidence and the verdict, as zlib in base64. The verdict is kept as the very
text that was said, so that a replay can be held against it byte by byte.
"""

import base64
import binascii
import zlib
from typing import NamedTuple

from pydantic import ValidationError

from goaround_judge.evidence import Evidence
from goaround_judge.verdicts import Verdict

MOST_BYTES = 64 * 1024 * 1024
"""Bytes a recording may hold when unpacked; a watch's own document has one at most."""


class Recording(NamedTuple):
    """The evidence, and the verdict on it as JSON text."""

    evidence: Evidence
    verdict: str


class Damaged(ValueError):
    """The text is no recording, or not a whole one."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the recording cannot be read: {why}")


def write(evidence: Evidence, verdict: Verdict) -> str:
    """Return the recording of a verdict."""
    lines = f"{evidence.model_dump_json()}\n{verdict.model_dump_json()}\n"
    return base64.b64encode(zlib.compress(lines.encode(), 6)).decode()


def read(text: str) -> Recording:
    """Return what was recorded.

    Raises:
        Damaged: It is no recording.
    """
    try:
        packed = base64.b64decode(text, validate=True)
        unpacking = zlib.decompressobj()
        lines = unpacking.decompress(packed, MOST_BYTES).decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise Damaged(str(error)) from error
    if not unpacking.eof:
        raise Damaged("it ends early, or is larger than a watch can be")
    match lines.split("\n"):
        case [evidence, verdict, ""]:
            pass
        case _:
            raise Damaged("it does not hold two lines")
    try:
        return Recording(Evidence.model_validate_json(evidence), verdict)
    except ValidationError as error:
        raise Damaged(f"{error.error_count()} faults in the evidence") from error
