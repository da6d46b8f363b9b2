"""Which values may stand in a page, and what stands there in place of the others.

Pure. A page is published, and a secret in it cannot be called back: in doubt a value is hidden. A
reference, `${env:NAME}`, is no secret and is shown.
"""

import re
from collections.abc import Iterable

from goaround_guidebook.secret_reference import is_literal_secret, names_a_secret

HIDDEN = "•••"

_NAMES = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|creds|dsn|salt|signature|bearer|cookie"
    r"|authorization|(?:api|access|private|secret|signing|encryption|account)[-_]?key"
)
_KEY = re.compile(
    rf"(?:^|[^A-Za-z])(?:{_NAMES}|auth|pw|pin|key)(?:$|[^A-Za-z])|(?-i:[a-z]Key$)", re.I
)
_IN_URL = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_HEADER = re.compile(r"\b(?:authorization|cookie)[\"']?\s{0,3}:\s{0,3}(?P<value>.+)", re.I)
_SCHEME = re.compile(r"\b(?:bearer|basic|token)\s{1,3}(?P<value>[^\s\"']{6,})", re.I)
_GIVEN = re.compile(
    rf"(?:{_NAMES})[\w-]{{0,40}}[\"']?\s{{0,3}}(?:=|:(?!//))\s{{0,3}}(?P<value>[^\s&;,]+)", re.I
)
_REFERENCE = re.compile(r"\$\{(?:env|file):[^{}\n]{1,200}\}")
_USER = ("u", "user")
# What no person writes: keys of clouds and forges, parts of JSON web tokens. A digest is no secret.
_OPAQUE = re.compile(
    r"(?<!sha256:)(?<!sha512:)(?<![A-Za-z0-9])(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{20,}"
)
_MOST = 2048  # characters of one value that are looked at; far fewer are ever shown


def masked(text: str) -> str:
    """Return a text with what is plainly a secret in it hidden: `https://•••@host`."""
    if "PRIVATE KEY-----" in text:
        return HIDDEN
    text = _IN_URL.sub(_kept_if_reference, text[:_MOST])
    for pattern in (_HEADER, _SCHEME, _GIVEN):
        text = pattern.sub(_value_hidden, text)
    return text


def shown(key: str, text: str) -> str:
    """Return the value of a setting as it may be shown."""
    if _REFERENCE.fullmatch(text):
        return text
    text, key = text[:_MOST], key[-_MOST:]
    named = names_a_secret(key) or _KEY.search(key) is not None
    if text.strip() and (is_literal_secret(key, text) or (named and "{" not in text)):
        # A number or a switch is a setting about secrets: how long one lives, whether one is asked.
        return text if _is_switch(text) else HIDDEN
    return _OPAQUE.sub(HIDDEN, masked(text))


def words_shown(key: str, words: Iterable[str]) -> tuple[str, ...]:
    """Return a command's words as they may be shown: `--password` hides the word after it."""
    told: list[str] = []
    option = key
    for word in words:
        name, colon, _ = word.partition(":")
        credentials = option in _USER and colon and "{" not in word
        told.append(f"{name}:{HIDDEN}" if credentials else shown(option, word))
        option = word.lstrip("-") if word.startswith("-") and "=" not in word else key
    return tuple(told)


def _is_switch(text: str) -> bool:
    return text.strip().lower() in ("true", "false", "yes", "no", "on", "off", "null", "none")


def _kept_if_reference(found: re.Match[str]) -> str:
    return found[0] if "{" in found[0] else HIDDEN


def _value_hidden(found: re.Match[str]) -> str:
    if "{" in found["value"]:
        return found[0]
    return found[0][: found.start("value") - found.start()] + HIDDEN
