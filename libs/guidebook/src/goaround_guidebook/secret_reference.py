"""Secret references in a guide: `${env:NAME}` and `${file:/path}` are checked, never resolved.

A secret that stands in the guide itself is no fault, since the guide may be a draft on one's own
machine, but it is worth a warning. A warning never repeats the secret.
"""

import re

from goaround_guidebook.fault import nearest

KINDS = ("env", "file")

_WHOLE = re.compile(r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:[^{}\s][^{}\n]*)\}")
_BEGUN = re.compile(r"\$\{(?P<kind>[a-z][a-z0-9_-]*)(?P<rest>:(?P<shell>[-=?+0-9\s])?|\}|$)")
_NAMES_A_SECRET = re.compile(
    r"authorization|cookie|password|passwd|secret|token|api[-_]?key|private[-_]?key", re.IGNORECASE
)
_IN_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:(?P<password>[^/\s@]+)@")


def faults_in(text: str) -> list[tuple[int, str, str | None]]:
    """Return offset, message and nearest name for every reference that is not one."""
    found: list[tuple[int, str, str | None]] = []
    for begun in _BEGUN.finditer(text):
        if _WHOLE.match(text, begun.start()):
            continue
        kind = begun["kind"]
        if kind in KINDS:
            what = "is no secret reference; write ${env:NAME} or ${file:/path}"
        elif begun["shell"]:
            continue  # ${name:-default} and its like are the shell's own
        elif begun["rest"] == ":":
            what = "names no kind of secret reference; there are ${env:NAME} and ${file:/path}"
        elif begun["rest"] == "}":
            what = f"is neither a template, {{{kind}}}, nor a secret reference, ${{env:NAME}}"
        else:
            continue
        shown = text[begun.start() :].partition("}")[0][:40]
        near = None if kind in KINDS else nearest(kind, KINDS)
        found.append((begun.start(), f"'{shown}' {what}", near))
    return found


def names_a_secret(key: str) -> bool:
    """Tell whether a field of this name usually holds a secret."""
    return _NAMES_A_SECRET.search(key) is not None


def is_literal_secret(key: str, text: str) -> bool:
    """Tell whether a text looks like a secret that should be a reference."""
    in_url = _IN_URL.search(text)
    if in_url and "${" not in in_url["password"] and not in_url["password"].startswith("{"):
        return True
    return names_a_secret(key) and bool(text.strip()) and "${" not in text and "{" not in text
