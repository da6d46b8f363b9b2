"""What differs between two fingerprints, in words for the person who reads that a revert failed.

Pure. The first is what should be, the second what is.
"""

from collections.abc import Iterator
from itertools import chain

from goaround_migrating.fingerprint import Fingerprint, Properties

_LONGEST = 120
"""Letters of a definition that a sentence can bear."""
_PARTS_OF = ("column", "constraint", "index", "trigger", "rule", "policy")
_ORDER = (
    "extension", "schema", "type", "domain", "table", "foreign table", "column", "constraint",
    "index", "sequence", "view", "materialized view", "function", "procedure", "aggregate",
    "trigger", "rule", "policy", "statistics", "collation", "event trigger",
)  # fmt: skip
_SAID = {
    "not null": ("refuses NULL now", "takes NULL now"),
    "row level security": (
        "has row level security now", "has no row level security any more"
    ),
    "row level security for the owner": (
        "has row level security for its owner too now",
        "has no row level security for its owner any more",
    ),
    "cycle": ("begins anew at its end now", "does not begin anew at its end any more"),
}  # fmt: skip
"""What is either so or not, where `is so now` is no good English."""
_LABELS = {
    "partition by": "partition key",
    "of type": "type that it follows",
    "generated": "generating expression",
    "owned by": "owning column",
    "fires": "firing mode",
    "using": "USING clause",
    "with check": "WITH CHECK clause",
    "range of": "subtype",
}


def difference(expected: Fingerprint, found: Fingerprint) -> tuple[str, ...]:
    """Return what is missing, what is there beyond it, and what is another; nothing if equal.

    What went with its table is not told beside the table.
    """
    return tuple(
        chain.from_iterable(_of_kind(kind, expected, found) for kind in _kinds(expected, found))
    )


def moved(expected: Fingerprint, found: Fingerprint) -> tuple[str, ...]:
    """Return which tables have the same columns in another order. It counts as no difference."""
    return tuple(
        f"the columns of table {_short(table)} stand in another order: {', '.join(now)}"
        for table, before in expected.order.items()
        if (now := found.order.get(table, ())) != before and set(now) == set(before)
    )


def _kinds(*prints: Fingerprint) -> list[str]:
    known = set[str]().union(*(p.objects for p in prints))
    return sorted(known, key=lambda k: (_ORDER.index(k) if k in _ORDER else len(_ORDER), k))


def _of_kind(kind: str, expected: Fingerprint, found: Fingerprint) -> Iterator[str]:
    before, after = expected.objects.get(kind, {}), found.objects.get(kind, {})
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            if not _went_along(kind, name, before[name], expected, found):
                yield f"{kind} {_short(name)} is missing"
        elif name not in before:
            if not _went_along(kind, name, after[name], found, expected):
                yield f"{kind} {_short(name)} should not be there"
        elif before[name] != after[name]:
            yield from _changed(kind, name, before[name], after[name])


def _went_along(
    kind: str, name: str, told: Properties, here: Fingerprint, there: Fingerprint
) -> bool:
    """Whether the object belongs to a table that only one of the two has."""
    if kind == "sequence":
        home = str(told.get("owned by", "")).rpartition(".")[0]
    elif kind in _PARTS_OF:
        home = str(told.get("table", name.rpartition(".")[0]))
    else:
        return False
    return any(
        home in here.objects.get(k, {}) and home not in there.objects.get(k, {})
        for k in ("table", "foreign table", "view", "materialized view")
    )


def _changed(kind: str, name: str, before: Properties, after: Properties) -> Iterator[str]:
    what = f"{kind} {_short(name)}"
    told = False
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        if was == now or key == "definition":
            continue
        told = True
        yield _sentence(what, key, was, now)
    was, now = str(before.get("definition")), str(after.get("definition"))
    # Uniqueness stands in the definition too, and is told already.
    if not (told and was.replace(" UNIQUE ", " ") == now.replace(" UNIQUE ", " ")) and was != now:
        yield f"{what} is {_cut(_words(now))}, not {_cut(_words(was))}"


def _sentence(what: str, key: str, was: object, now: object) -> str:
    if isinstance(was, bool) or isinstance(now, bool):
        does, does_not = _SAID.get(key, (f"is {key} now", f"is not {key} any more"))
        return f"{what} {does if now else does_not}"
    label = _LABELS.get(key, key)
    if was is None:
        return f"{what} has {_with_article(label)} now: {_cut(_words(now))}"
    if now is None:
        return f"{what} has no {label} any more: it was {_cut(_words(was))}"
    return f"{what} has the {label} {_cut(_words(now))}, not {_cut(_words(was))}"


def _with_article(key: str) -> str:
    return key if key.endswith("s") else f"{'an' if key[0] in 'aeiou' else 'a'} {key}"


def _words(told: object) -> str:
    match told:
        case str():
            return " ".join(told.split())
        case list():
            return ", ".join(str(part) for part in told)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case dict():
            return ", ".join(f"{k}: {v}" for k, v in told.items())  # pyright: ignore[reportUnknownVariableType]
        case _:
            return str(told)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def _short(name: str) -> str:
    return name.removeprefix("public.")
