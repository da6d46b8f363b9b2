"""What a check's kind must be able to do, and how it quotes what it found."""

import re
from collections.abc import Callable
from typing import Protocol

from goaround_schemas.guide import Check
from goaround_verifier.finding import Finding

Mask = Callable[[str], str]
"""Hides this check's secrets in a text. Applied before a text is cut: half a secret is one too."""

LONGEST_QUOTE = 200  # characters of an answer that a sentence shows
LONGEST_VALUE = 1000  # characters of what a check read; a version is far shorter
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\s]+")


class Probe(Protocol):
    """Asks one kind of question, once."""

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time; every fault of the world is a finding."""
        ...


def quote(text: str, mask: Mask, most: int = LONGEST_QUOTE) -> str:
    """The start of a text on one line, without secrets and control characters."""
    flat = _UNPRINTABLE.sub(" ", mask(text)).strip()
    return flat if len(flat) <= most else flat[:most] + "…"


def quote_end(text: str, mask: Mask, most: int = LONGEST_QUOTE) -> str:
    """The end of a text likewise: where programs say why they stopped."""
    flat = _UNPRINTABLE.sub(" ", mask(text)).strip()
    return flat if len(flat) <= most else "…" + flat[-most:]


def seconds(value: float) -> str:
    """`0.02 s`, `12 s`: a length of time in a sentence."""
    return f"{value:.0f} s" if value >= 10 else f"{value:.2g} s"
