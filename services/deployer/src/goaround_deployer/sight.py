"""Where a schema is, by two witnesses: the tool's revision and the catalogue's fingerprint. Pure.

The revision is a word in a table that the tool wrote; the fingerprint is what there is. A
migration of data alone moves the revision and leaves the fingerprint, so neither stands for both.
"""

from dataclasses import dataclass
from typing import Literal

from goaround_deployer.procedure import Target
from goaround_migrating import Fingerprint


@dataclass(frozen=True, slots=True)
class Place:
    """A place on record: the revision, and the fingerprint's digest where one was taken."""

    revision: str
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """Where the schema is seen to be now; what could not be had says why."""

    revision: str | None = None
    fingerprint: Fingerprint | None = None
    unsaid: str = ""
    unseen: str = ""
    output: str = ""

    @property
    def digest(self) -> str | None:
        """The fingerprint's, if one could be taken."""
        return self.fingerprint.digest if self.fingerprint else None

    def same_form(self, digest: str | None) -> bool | None:
        """Whether the catalogue is the one of that digest; None if one of the two is not known."""
        if digest is None or self.fingerprint is None:
            return None
        return self.fingerprint.digest == digest


Fate = Literal["again", "done", "unknown"]
Standing = Literal["there", "astray", "elsewhere", "untold"]


def after_crash(
    before: Place, now: Sight, known: frozenset[Place], *, whole_files: bool = False
) -> Fate:
    """Say what became of an `apply` whose worker died.

    `known`: where completed applies of this run have led. `whole_files`: the tool leaves nothing
    half done, and finds by itself where to go on.
    """
    if any(_is_at(place, now, before) for place in known):
        return "done"
    if whole_files and now.revision is not None:
        return "again"
    match now.same_form(before.digest):
        case True:
            # Nothing of it is in the catalogue, whatever `current` says or cannot say: the tool
            # is asked once more, and does what is pending.
            return "again"
        case False:
            return "unknown"
        case None:
            return "again" if now.revision == before.revision else "unknown"


def after_crashed_revert(
    began_at: Place, now: Sight, target: Target, *, whole_files: bool = False
) -> Literal["again", "unknown"]:
    """Say whether a `revert` whose worker died may be run again, where it has not led to its end.

    It may where nothing of it is in the catalogue, or all of it is and the revision alone lags.
    """
    if whole_files and now.revision is not None:
        return "again"
    forms = (now.same_form(began_at.digest), now.same_form(target.fingerprint))
    if True in forms:
        return "again"
    if False in forms:
        return "unknown"
    return "again" if now.revision == began_at.revision else "unknown"


def standing(now: Sight, target: Target) -> Standing:
    """Say whether the schema is where it was before the deployment.

    `astray`: the revision says so, and the catalogue is another one.
    """
    same = now.same_form(target.fingerprint)
    if now.revision is None:
        return "there" if same else "untold"
    if now.revision != target.before:
        return "elsewhere"
    return "astray" if same is False else "there"


def place(now: Sight) -> str:
    """Say in words which revision the schema is at."""
    if now.revision is not None:
        return f"at {now.revision}"
    return f"at a revision that nobody tells ({now.unsaid})"


def form(now: Sight, target: Target) -> str:
    """Say in words what its fingerprint tells: as before, as it was left, or in between."""
    if now.fingerprint is None:
        return now.unseen or "no fingerprint was taken"
    if target.fingerprint is None:
        return "no fingerprint of before is on record"
    if now.same_form(target.fingerprint):
        return "by its fingerprint it is as before the deployment"
    if target.fingerprint_after is None:
        return "by its fingerprint it is not as before the deployment"
    if now.same_form(target.fingerprint_after):
        return "by its fingerprint it is as the deployment left it: nothing was taken back"
    return (
        "by its fingerprint it is in between, neither as before the deployment nor as that left it"
    )


def _is_at(place: Place, now: Sight, before: Place) -> bool:
    same = now.same_form(place.digest)
    if now.revision is None:
        # A migration of data alone leaves the form as it was: nobody can tell the two apart.
        return same is True and place.digest != before.digest
    return now.revision == place.revision and same is not False
