"""Writing any text as part of a subject, so that no two texts become the same."""

from urllib.parse import quote


def as_token(text: str) -> str:
    """Return a text that is one token of a subject and a valid key of a bucket.

    Letters, digits, `-` and `_` stand for themselves, everything else is `=` and its bytes in hex.
    """
    return quote(text, safe="-_").replace(".", "%2E").replace("~", "%7E").replace("%", "=") or "="
