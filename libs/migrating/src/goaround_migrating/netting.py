"""What a row of effects comes to in the end: renames followed, what is undone again left out.

Pure. Names are told as they stand at the seam between an up and its down: after the one, before
the other.
"""

from collections.abc import Iterable

from goaround_migrating.verdicts import Effect


def after(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Return what an up comes to, in the names that objects have after it."""
    net: list[Effect] = []
    for effect in effects:
        if effect.does == "rename":
            net = _renamed(net, effect)
        elif effect.does == "drop" and (made := find(net, "add", effect.what)):
            net = [e for e in net if e is not made and not within(e, [effect.what])]
        else:
            net.append(effect)
    return tuple(net)


def before(effects: Iterable[Effect]) -> tuple[Effect, ...]:
    """Return what a down comes to, in the names that objects have before it."""
    renames: list[tuple[str, str]] = []
    net: list[Effect] = []
    for effect in effects:
        first = _first_name(effect.what, renames)
        if effect.does == "rename":
            net = [e for e in net if not (e.does == "rename" and e.what == first)]
            if first != effect.to:
                net.append(effect.model_copy(update={"what": first}))
            renames.append((effect.what, effect.to))
            continue
        home = tuple(_first_name(place, renames) for place in effect.inside)
        net.append(effect.model_copy(update={"what": first, "inside": home}))
    return tuple(net)


def _renamed(net: list[Effect], rename: Effect) -> list[Effect]:
    """Tell what was done so far in the name that is new."""
    told = [
        e.model_copy(
            update={
                "what": e.what if e.does == "rename" else moved(e.what, rename.what, rename.to),
                "to": moved(e.to, rename.what, rename.to),
                "inside": tuple(moved(place, rename.what, rename.to) for place in e.inside),
            }
        )
        for e in net
    ]
    new = find(told, "add", rename.to) or any(
        e.does == "rename" and e.to == rename.to for e in told
    )
    kept = [e for e in told if not (e.does == "rename" and e.what == e.to)]
    return kept if new else [*kept, rename]


def _first_name(what: str, renames: list[tuple[str, str]]) -> str:
    for old, new in reversed(renames):
        what = moved(what, new, old)
    return what


def moved(what: str, old: str, new: str) -> str:
    """Return what an object is called once `old` is `new`: what lies in a table goes with it."""
    if what == old:
        return new
    noun, _, name = what.partition(" ")
    kind, _, table = old.partition(" ")
    if kind == "table" and name.startswith(f"{table}."):
        return f"{noun} {new.partition(' ')[2]}{name[len(table) :]}"
    return what


def find(effects: Iterable[Effect], does: str, what: str, aspect: str = "") -> Effect | None:
    """Return the effect of that kind on that object, if there is one."""
    for effect in effects:
        if effect.does == does and same(effect.what, what) and effect.aspect == aspect:
            return effect
    return None


def same(one: str, other: str) -> bool:
    """Whether two names mean one object: a routine may be named without its arguments."""
    if "(" in one and "(" in other:
        return one == other
    return one.partition("(")[0] == other.partition("(")[0]


def _lies_in(noun: str, place: str) -> bool:
    """Whether an object of that noun could hold the place, by what the place is."""
    of_table = place.partition(" ")[0] in ("column", "constraint", "trigger", "policy", "rule")
    return of_table if noun == "table" else noun == "schema" and not of_table


def within(effect: Effect, gone: Iterable[str]) -> bool:
    """Whether what the effect is on goes when one of these objects goes."""
    places = {effect.what, *effect.inside}
    for what in gone:
        noun, _, name = what.partition(" ")
        inner = f"{name}."
        if what in places:
            return True
        if any(p.partition(" ")[2].startswith(inner) for p in places if _lies_in(noun, p)):
            return True
    return False
