"""Is there enough to say Green? Missing evidence is named here, and never read as good or bad."""

from goaround_judge.rules import SignalKind, SignalRule
from goaround_judge.samples import OK, Series, Tallies
from goaround_judge.wording import counted, number

SILENT_LOOKS = 3
"""Looks without data at the end of a watch that make it one whose data stopped."""
USABLE_SHARE = 0.5
"""Share of looks that must have brought a number: half a blind watch has not watched."""


def lack(rule: SignalRule, post: Series, tallied: Tallies | None) -> str | None:
    """Return what is missing before a signal could be Green, as a clause; None if nothing is."""
    looks, usable = len(post.usable), post.states[OK]
    good = usable if tallied is None else len(tallied.errors)
    if good == 0:
        return f"no usable sample after the switch{_why(post)}"
    if good < rule.min_samples:
        return (
            f"{counted(good, 'usable sample')} after the switch, {rule.min_samples} needed"
            f"{_why(post)}"
        )
    if usable < USABLE_SHARE * looks:
        return f"{usable} of {counted(looks, 'look')} brought data{_why(post)}"
    if looks > max(usable, SILENT_LOOKS) and not any(post.usable[-SILENT_LOOKS:].tolist()):
        return f"the data stopped: none in the last {SILENT_LOOKS} looks{_why(post)}"
    if rule.kind is SignalKind.ERRORS and tallied is not None and tallied.of_requests:
        requests = float(tallied.exposure.sum())
        if requests < rule.min_requests:
            return f"{number(requests)} requests after the switch, {rule.min_requests} needed"
    return None


def _why(post: Series) -> str:
    """Return what the looks without data said, most frequent first, in brackets."""
    missing = [(state, count) for state, count in post.states.items() if count and state != OK]
    if not missing:
        return ""
    worst = sorted(missing, key=lambda item: (-item[1], item[0]))
    return " (" + ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in worst) + ")"
