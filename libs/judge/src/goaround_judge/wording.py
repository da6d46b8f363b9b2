"""How numbers read in a reason: three digits, a unit, a percentage with its sign. Never decides."""


def number(value: float, unit: str = "") -> str:
    """Return the number with at most three digits that matter, and its unit."""
    if value == 0:
        text = "0"
    elif abs(value) >= 1000:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}"
    if not unit:
        return text
    return f"{text} {unit}"


def percent(share: float) -> str:
    """Return a share as a percentage: 0.0021 is 0.21 %."""
    return f"{number(100 * share)} %"


def change(share: float) -> str:
    """Return a relative change with its sign; beyond fourfold, as a factor."""
    if share >= 3:
        return f"{number(1 + share)} times"
    return f"{'+' if share >= 0 else '-'}{number(abs(100 * share))} %"


def moment(at_s: float) -> str:
    """Return a moment of the watch in words."""
    return f"{number(at_s)} s after the switch"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun in the right number."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
