"""A correction of a guide carried out: in its file, or as a commit on a branch of its checkout.

Whether it should be is for people to say; nothing here decides, and nothing asks the system.
"""

from goaround.correcting.branch import Branch, Committed, NotCommitted
from goaround.correcting.file import GuideFile, NotWritten, check, guide_file
from goaround.correcting.patch import DoesNotFit, Patched, patched

__all__ = [
    "Branch",
    "Committed",
    "DoesNotFit",
    "GuideFile",
    "NotCommitted",
    "NotWritten",
    "Patched",
    "check",
    "guide_file",
    "patched",
]
