"""Secrets taken out of what is printed, logged or sent on, also when they come in pieces.

A secret is found as it is, percent-encoded (both habits of writing a space), JSON-escaped, and
inside base64 of any alignment, in both alphabets: what a URL, a header or a dump makes of it. Of a
secret of several lines, each long line is masked by itself too. Base64 broken over lines is not
seen through, nor any other transformation: this is a net, not a proof.

A secret shorter than four characters is not masked: it would blot out text that has nothing to do
with it (an empty one: all text), and what is masked would tell it anyway.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple, overload
from urllib.parse import quote, quote_plus

MASK = "•••"
SHORTEST = 4  # characters
_MASK_BYTES = MASK.encode()
_SHORTEST_LINE = 8  # of a secret of several lines, such as a key: each is masked by itself too
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_HEX_CODE = re.compile("%[0-9A-F]{2}")


class Masked(NamedTuple):
    """What can be shown, and what must wait: `hidden` of its first bytes are masked already."""

    shown: bytes
    rest: bytes
    hidden: int


class Mask:
    """Replaces every secret, in any of its known writings, by `•••`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        writings = {writing for secret in secrets for writing in _writings(secret)}
        self._writings = tuple(sorted(writings))

    @overload
    def apply(self, text: str) -> str: ...
    @overload
    def apply(self, text: bytes) -> bytes: ...
    def apply(self, text: str | bytes) -> str | bytes:
        """Return the text without the secrets; bytes need not be UTF-8."""
        if isinstance(text, str):
            encoded = text.encode("utf-8", "surrogatepass")
            return self.apply(encoded).decode("utf-8", "surrogatepass")
        return self.masked(text, 0, final=True).shown

    def masked(self, text: bytes, hidden: int, *, final: bool) -> Masked:
        """Mask what is sure. The first `hidden` bytes belong to a mask that was shown already.

        What may be the beginning of a secret is not sure, unless the text is `final`.
        """
        cut = len(text) if final else len(text) - self._possible_start(text)
        shown, at = bytearray(), 0
        for start, end in self._covered(text, hidden):
            if start >= cut:
                break
            is_shown = hidden > 0 and start == 0
            shown += text[at:start] + (b"" if is_shown else _MASK_BYTES)
            at = end
        shown += text[at:cut]
        return Masked(bytes(shown), text[cut:], max(0, at - cut))

    def _covered(self, text: bytes, hidden: int) -> list[tuple[int, int]]:
        """Return the stretches that secrets cover, those that overlap as one."""
        stretches: list[tuple[int, int]] = [(0, hidden)] if hidden else []
        for start, end in sorted(_places(text, self._writings)):
            if stretches and start < stretches[-1][1]:
                stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
            else:
                stretches.append((start, end))
        return stretches

    def _possible_start(self, text: bytes) -> int:
        """Return how many of the last bytes could be the beginning of a secret."""
        return max((_overlap(text, writing) for writing in self._writings), default=0)


class StreamMask:
    """Masks a stream chunk by chunk: what could be the beginning of a secret waits for the next."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._waiting = Masked(b"", b"", 0)

    def feed(self, chunk: bytes) -> bytes:
        """Return what is sure by now; less than the longest secret's writing is held back."""
        return self._next(chunk, final=False)

    def finish(self) -> bytes:
        """Return the rest: nothing follows."""
        return self._next(b"", final=True)

    def _next(self, chunk: bytes, *, final: bool) -> bytes:
        _, rest, hidden = self._waiting
        self._waiting = self._mask.masked(rest + chunk, hidden, final=final)
        return self._waiting.shown


def _places(text: bytes, writings: Iterable[bytes]) -> Iterator[tuple[int, int]]:
    for writing in writings:
        at = text.find(writing)
        while at >= 0:
            yield at, at + len(writing)
            at = text.find(writing, at + 1)  # also one that begins inside this one


def _overlap(text: bytes, writing: bytes) -> int:
    """Return the length of the longest end of the text that the writing begins with."""
    at = max(0, len(text) - len(writing) + 1)
    while (at := text.find(writing[:1], at)) >= 0:
        if writing.startswith(text[at:]):
            return len(text) - at
        at += 1
    return 0


def _writings(secret: str) -> set[bytes]:
    """Return the ways a secret is written, none for one too short to be told from other text."""
    if len(secret) < SHORTEST:
        return set()
    lines = {line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE}
    return set[bytes]().union(*(_writings_of(text) for text in {secret} | lines))


def _writings_of(text: str) -> set[bytes]:
    raw = text.encode("utf-8", "surrogatepass")
    quoted = {quote(raw, safe=""), quote(raw), quote_plus(raw)}
    quoted |= {_HEX_CODE.sub(lambda code: code[0].lower(), writing) for writing in quoted}
    plain = {writing.encode("ascii") for writing in quoted | {json.dumps(text)[1:-1]}}
    plain.add(json.dumps(text, ensure_ascii=False)[1:-1].encode("utf-8", "surrogatepass"))
    return {raw} | plain | _base64(raw)


def _base64(raw: bytes) -> set[bytes]:
    """Return the part of base64 that depends on the secret alone, for each place it may start at.

    `user:secret` in a header has the secret at any of three alignments; the characters it shares
    with its neighbours are left out.
    """
    found: set[bytes] = set()
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        first = (8 * before + 5) // 6
        last = 8 * (before + len(raw)) // 6
        own = encoded[first:last]
        found |= {own, own.translate(_URL_SAFE)}
    return found
