"""Whether an HTTP answer is the wanted one. Pure: looks at bytes that are already here.

Regular expressions are not here: they can run for ever, see `pattern`.
"""

import json
import re
from typing import Any, TypeGuard

from goaround_schemas.guide import HttpExpectation
from goaround_verifier.checks.exchange import Answer
from goaround_verifier.checks.probe import Mask, quote, seconds
from goaround_verifier.finding import Finding, errored, failed

_INDEX = re.compile(r"[0-9]{1,9}")


class Missing(LookupError):
    """A dotted path that leads nowhere in the answer."""

    def __init__(self, path: str, at: str, has: str) -> None:
        super().__init__(f"the answer has no {path!r}: {at or 'its top'} has {has}")


def look_up(document: Any, path: str) -> Any:
    """Return what is at a dotted path, `items.0.id`; a key that has dots itself is found too.

    Raises:
        Missing: With what there is instead.
    """
    here, steps, gone = document, path.split("."), list[str]()
    while steps:
        if _is_object(here):
            taken = next((n for n in range(len(steps), 0, -1) if ".".join(steps[:n]) in here), 0)
            if not taken:
                listed = ", ".join(sorted(here)[:8]) or "nothing"
                raise Missing(path, ".".join(gone), listed)
            here = here[".".join(steps[:taken])]
        elif _is_list(here):
            if not (_INDEX.fullmatch(steps[0]) and int(steps[0]) < len(here)):
                raise Missing(path, ".".join(gone), f"a list of {len(here)}")
            here, taken = here[int(steps[0])], 1
        else:
            raise Missing(path, ".".join(gone), kind(here))
        gone, steps = gone + steps[:taken], steps[taken:]
    return here


def same(found: Any, wanted: Any) -> bool:
    """Whether two JSON values are equal: 3 is 3.0, but neither '3' nor true."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, int | float) and isinstance(wanted, int | float):
        return found == wanted
    if _is_object(found) and _is_object(wanted):
        return found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in found)
    if _is_list(found) and _is_list(wanted):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return isinstance(found, str | None) and found == wanted


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def kind(value: Any) -> str:
    """`the number 3`, `the text '3'`: a JSON value in a sentence, its type told."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"the number {value:g}" if isinstance(value, float) else f"the number {value}"
        case str():
            return f"the text {value!r}"
        case _:
            return as_text(value)


def as_text(value: Any) -> str:
    """A JSON value as a row shows it: a text as it is, all else as compact JSON."""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def judge(answer: Answer, wanted: HttpExpectation, said: str, mask: Mask) -> Finding | None:
    """Return the first thing that is not as wanted; None if all is. `said` starts the sentence."""
    return (
        _status(answer, wanted, said, mask)
        or _latency(answer, wanted, said)
        or _headers(answer, wanted, said, mask)
        or _json(answer, wanted, said, mask)
        or _text(answer, wanted, said, mask)
    )


def _status(answer: Answer, wanted: HttpExpectation, said: str, mask: Mask) -> Finding | None:
    match wanted.status:
        case None:
            good, text = 200 <= answer.status < 300, "2xx"
        case int() as one:
            good, text = answer.status == one, str(one)
        case several:
            good, text = answer.status in several, " or ".join(map(str, several))
    if good:
        return None
    told = quote(answer.text, mask)
    return failed(f"{said}, wanted {text}" + (f": {told}" if told else ""))


def _latency(answer: Answer, wanted: HttpExpectation, said: str) -> Finding | None:
    if wanted.latency is None or answer.seconds <= wanted.latency.total_seconds():
        return None
    return failed(f"{said}, wanted within {seconds(wanted.latency.total_seconds())}")


def _headers(answer: Answer, wanted: HttpExpectation, said: str, mask: Mask) -> Finding | None:
    for name, value in wanted.headers.items():
        found = answer.headers.get_list(name)
        if value not in found:
            has = f"is {quote(', '.join(found), mask)!r}" if found else "is not there"
            return failed(f"{said}: header {name} {has}, wanted {quote(value, mask)!r}")
    return None


def _json(answer: Answer, wanted: HttpExpectation, said: str, mask: Mask) -> Finding | None:
    if not wanted.json_values:
        return None
    try:
        document = answer.json()
    except ValueError as error:
        return not_json(answer, said, mask, str(error))
    for path, value in wanted.json_values.items():
        try:
            found = look_up(document, path)
        except Missing as missing:
            return failed(f"{said}: {quote(str(missing), mask)}, wanted {kind(value)} there")
        if not same(found, value):
            is_, want = quote(kind(found), mask), quote(kind(value), mask)
            return failed(f"{said}: {path} is {is_}, wanted {want}")
    return None


def not_json(answer: Answer, said: str, mask: Mask, why: str) -> Finding:
    """It should be JSON. A no; where only the start was read, nobody can tell."""
    if answer.cut:
        return errored(f"{said}: the JSON cannot be read, {why}")
    return failed(f"{said}: that is no JSON ({why}): {quote(answer.text, mask)}")


def _text(answer: Answer, wanted: HttpExpectation, said: str, mask: Mask) -> Finding | None:
    if wanted.text is None or wanted.text in answer.text:
        return None
    want = quote(wanted.text, mask)
    if answer.cut:
        return errored(f"{said}: {want!r} is not in the first {len(answer.body)} bytes")
    told = quote(answer.text, mask)
    return failed(f"{said}: the body lacks {want!r}" + (f": {told}" if told else ", it is empty"))
