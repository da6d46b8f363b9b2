"""A guide's text becomes its model, or every fault in it at once."""

from dataclasses import dataclass

from goaround_guidebook.fault import Fault, GuideInvalid
from goaround_guidebook.inspection import inspect
from goaround_guidebook.planting import plant
from goaround_guidebook.remembering import Remembered
from goaround_guidebook.scanner import Unreadable
from goaround_guidebook.tree import Mapping, plain
from goaround_guidebook.validation import read_model
from goaround_schemas.guide import Guide

MOST_REMEMBERED = 4 * 1024 * 1024
"""Characters of the guides that are remembered; their models take some fifteen times as much."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A guide, and what is worth a warning in its text."""

    guide: Guide
    warnings: tuple[str, ...]


_remembered: Remembered[Reading] = Remembered(MOST_REMEMBERED)


def read(text: str, name: str) -> Guide:
    """Return the guide that a text holds; `name` is how faults call it.

    Raises:
        GuideInvalid: It holds none; every fault is told.
    """
    return examine(text, name).guide


def examine(text: str, name: str) -> Reading:
    """Return the guide that a text holds, with its warnings. Raises what `read` raises.

    A guide's text is read again and again, as every record of a run carries it: the last ones are
    remembered.
    """
    reading = _remembered.find(text, name)
    if reading is None:
        reading = _examined(text, name)
        _remembered.keep(text, name, reading)
    return reading


def _examined(text: str, name: str) -> Reading:
    try:
        root, faults = plant(text, name)
    except Unreadable as exc:
        raise GuideInvalid([exc.fault]) from exc
    if not isinstance(root, Mapping):
        what = "a guide is a mapping of fields: guide, service, environments, deploy ..."
        raise GuideInvalid([*faults, Fault(name, root.place.line, root.place.column, what)])
    found, warnings = inspect(root, text, name)
    guide, wrong = read_model(root, plain(root), name)
    if any("stands twice" in f.message for f in found):
        wrong = [f for f in wrong if "stands twice" not in f.message]
    if guide is None or faults or found:
        raise GuideInvalid([*faults, *found, *wrong])
    return Reading(guide, tuple(str(w) for w in warnings))
