"""What a process remembers of the database: guides, which never change there, and runs under way.

None of it is needed, and none of it is believed where it could be wrong.
"""

import time
from collections.abc import Callable, Iterable
from functools import lru_cache

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.run import Run
from goaround_schemas.guide import Guide

MOST_GUIDES = 2000
"""Guides that are remembered: with fewer than there are services, each is read anew each time."""
DOUBT_S = 10.0
"""For how long everything is asked for, once something was not as it was remembered."""


@lru_cache(maxsize=MOST_GUIDES)
def guide_of(digest: str, model: str) -> Guide:
    """Return a pinned guide: parsing it takes longer than everything else in a transaction."""
    del digest
    return Guide.model_validate_json(model)


class Pinned:
    """Guides that are known to be in the database, by their digests: they never change there."""

    def __init__(self, most: int = MOST_GUIDES) -> None:
        self._most = most
        self._guides: dict[str, PinnedGuide] = {}

    def get(self, digest: str) -> PinnedGuide | None:
        """The guide, if it is known."""
        return self._guides.get(digest)

    def add(self, guides: Iterable[PinnedGuide]) -> None:
        """Know these, too; the oldest are forgotten where they are too many."""
        for guide in guides:
            self._guides[guide.digest] = guide
        while len(self._guides) > self._most:
            del self._guides[next(iter(self._guides))]


class Familiar:
    """Runs under way as this process saw them last, by their ids.

    No truth: a run is read anew where its edition is another one by now. Where somebody else moves
    the same runs, it is mostly another one, and is not worth going by unasked.
    """

    def __init__(self, most: int = 2000, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._runs: dict[str, tuple[int, Run]] = {}
        self._doubted_until = 0.0

    @property
    def can_be_trusted(self) -> bool:
        """Whether what is remembered has been so lately, as far as is known."""
        return self._clock() >= self._doubted_until

    def doubt(self, run_ids: Iterable[str]) -> None:
        """Know that these were moved by somebody else, who may be moving others as well."""
        self._doubted_until = self._clock() + DOUBT_S
        for id_ in run_ids:
            self._runs.pop(id_, None)

    def get(self, run_id: str) -> tuple[int, Run | None]:
        """The run and its edition; 0, which none has, where it is not known."""
        return self._runs.get(run_id, (0, None))

    def add(self, runs: Iterable[tuple[int, Run]]) -> None:
        """Know these as they stand now; those that have ended are not asked for any more."""
        for edition, run in runs:
            self._runs.pop(run.id, None)
            if not run.ended:
                self._runs[run.id] = edition, run
        while len(self._runs) > self._most:
            del self._runs[next(iter(self._runs))]

    def clear(self) -> None:
        """Know nothing any more."""
        self._runs.clear()
