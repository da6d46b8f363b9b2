"""What is said of the schema once the way back is over, and what it takes to call it proven. Pure.

A revert that ended well says nothing: the tool's revision has to be the one of before, and the
catalogue's fingerprint too, where one is on record.
"""

from dataclasses import dataclass

from goaround_deployer.procedure import Target
from goaround_deployer.runner import Attempt
from goaround_deployer.sight import Sight, form, place
from goaround_migrating import difference, moved
from goaround_schemas.procedure import Reverted, StepOutcome

_MOST_DIFFERENCES = 40
_LONGEST_DIFFERENCE = 300
MOST_REASON = 2000
_ONLY_REVISION = "only the revision was compared, since no fingerprint of before is on record"


@dataclass(frozen=True, slots=True)
class Proof:
    """How a revert ended, as the schema shows. `goes_on`: see `TaskRecord`."""

    outcome: StepOutcome
    reverted: Reverted
    goes_on: bool = False

    def but(self, why: str) -> "Proof":
        """Return the same with something more to be said."""
        reason = f"{self.reverted.reason}; {why}"[:MOST_REASON]
        told = self.reverted.model_copy(update={"reason": reason})
        return Proof(self.outcome, told, self.goes_on)

    def with_copies(self, tables: tuple[str, ...]) -> "Proof":
        """Return the same, saying where what was dropped is kept."""
        if not tables:
            return self
        more = f" and {len(tables) - 3} more tables" if len(tables) > 3 else ""
        told = self.but(f"what it was to drop was copied first, to {', '.join(tables[:3])}{more}")
        kept = told.reverted.model_copy(update={"kept": tables})
        return Proof(told.outcome, kept, told.goes_on)


def proof(reverted: Attempt, now: Sight, target: Target, start: str) -> Proof:
    """Say how a revert from `start` ended, by where the schema is now."""
    same = now.same_form(target.fingerprint)
    at_home = now.revision == target.before
    if at_home and same:
        tail = "" if reverted.outcome == "done" else f", although the revert {_badly(reverted)}"
        return _verified(f"from {start} back to {now.revision}", now, target, tail)
    if reverted.outcome != "done":
        outcome: StepOutcome = "unknown" if reverted.outcome == "stopped" else reverted.outcome
        said = (
            f"the revert {_badly(reverted)}; the schema is {place(now)}, which is "
            f"{'' if at_home else 'not '}where it was ({target.before}); {form(now, target)}"
        )
        return failed(outcome, said, now, target)
    if not at_home:
        said = (
            f"revert ended well, but the schema is {place(now)}, not at {target.before}; "
            f"{form(now, target)}"
        )
        return failed("failed", said, now, target, goes_on=same is True)
    if same is False:
        return astray(now, target, f"revert ended well, and `current` says {now.revision} again")
    if target.fingerprint is not None:
        return _unproven(f"revert ended well, and `current` says {now.revision} again", now, target)
    return _verified(f"from {start} back to {now.revision}", now, target)


def there(now: Sight, target: Target, *, begun: bool) -> Proof:
    """Say that the schema is where it was, with nothing left to be done."""
    at = now.revision or f"the catalogue of {target.before} (`current` does not tell)"
    said = f"back at {at}" if begun else f"at {at} as before: nothing to revert"
    if target.fingerprint is not None and now.fingerprint is None:
        return _unproven(said, now, target)
    return _verified(said, now, target)


def astray(now: Sight, target: Target, said: str) -> Proof:
    """Say that the revision is the one of before, and the catalogue is not.

    The tool has nothing more to take back, so that the code goes back all the same: of the two
    versions it is the previous one that this schema was made for.
    """
    told = _differences(now, target)
    what = f": {told[0]}" if told else ""
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    cannot = "" if told else "; what differs cannot be told, since only its digest is on record"
    why = f"{said}, but the schema is not as it was before the deployment{what}{more}{cannot}"
    return failed("failed", why, now, target, goes_on=True)


def _unproven(said: str, now: Sight, target: Target) -> Proof:
    """Say that the tool's word is all there is, although there is a fingerprint to hold it to."""
    why = now.unseen or "the guide names no database in which to take a fingerprint"
    said = f"{said}, which is not proven: {why}"
    return failed("errored", said, now, target, goes_on=True)


def _verified(said: str, now: Sight, target: Target, tail: str = "") -> Proof:
    if target.fingerprint is None:
        return _proven(f"{said}; {_ONLY_REVISION}{tail}")
    before, found = target.seen.fingerprint, now.fingerprint
    order = moved(before, found) if before is not None and found is not None else ()
    note = f"; {'; '.join(order[:2])}" if order else ""
    proven = f"its fingerprint is the one of before ({target.fingerprint})"
    return _proven(f"{said}; {proven}{tail}{note}")


def _proven(why: str) -> Proof:
    return Proof("done", Reverted(outcome="reverted_verified", reason=why))


def failed(
    outcome: StepOutcome, why: str, now: Sight, target: Target, *, goes_on: bool = False
) -> Proof:
    """Say that the schema is neither where it was nor known to be where it should."""
    told = _differences(now, target)
    reverted = Reverted(outcome="revert_failed", reason=why[:MOST_REASON], difference=told)
    return Proof(outcome, reverted, goes_on)


def _differences(now: Sight, target: Target) -> tuple[str, ...]:
    before, found = target.seen.fingerprint, now.fingerprint
    if before is None or found is None:
        return ()
    told = [d[:_LONGEST_DIFFERENCE] for d in difference(before, found)]
    if len(told) > _MOST_DIFFERENCES:
        more = len(told) - _MOST_DIFFERENCES
        told = [*told[:_MOST_DIFFERENCES], f"and {more} more"]
    return tuple(told)


def _badly(reverted: Attempt) -> str:
    return f"ended {reverted.outcome} ({reverted.detail})"
