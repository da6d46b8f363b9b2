"""Guides from the directory that the orchestrator was told of."""

from hashlib import sha256
from pathlib import Path

from goaround_guidebook import GuideInvalid, NoGuide, Shelf, TwoGuides, read
from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.handlers import GuideRefused


class DirectoryGuides:
    """One file a service, in a directory or a git checkout; read anew when a file changes."""

    def __init__(self, directory: Path) -> None:
        self._shelf = Shelf(directory)

    def find(self, service: str) -> PinnedGuide:
        """The guide of a service, as its file says now."""
        try:
            found = self._shelf.find(service)
        except (NoGuide, TwoGuides, GuideInvalid, OSError) as exc:
            raise GuideRefused(str(exc)) from exc
        return PinnedGuide(found.name, found.digest, found.text, found.guide)

    def read(self, text: str, name: str) -> PinnedGuide:
        """The guide in a text."""
        try:
            guide = read(text, name)
        except GuideInvalid as exc:
            raise GuideRefused(str(exc)) from exc
        return PinnedGuide(name, "sha256:" + sha256(text.encode()).hexdigest(), text, guide)
