"""YAML text grows into a tree, within bounds, because a guide comes from people.

It is bounded in size, in depth and in what its aliases stand for; it takes no tags, no merge keys
and no second document; and a field that stands twice is a fault, not a choice.
"""

from goaround_guidebook.fault import Fault
from goaround_guidebook.scanner import Event, Kind, Place, Unreadable, scan
from goaround_guidebook.tree import Mapping, Node, Scalar, Sequence

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_NODES = 20_000
"""With every alias counted as what it stands for: nine nested ones can mean a billion."""


def plant(text: str, name: str) -> tuple[Node, list[Fault]]:
    """Return the tree of a text, and the faults that did not keep it from growing.

    Raises:
        Unreadable: It is no YAML, is empty, or exceeds a bound; what follows cannot be told.
    """
    if len(text) > MAX_BYTES or len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise Unreadable(Fault(name, 1, 1, f"a guide has at most {MAX_BYTES // 1024} KiB"))
    gardener = _Gardener(text, name)
    for event in scan(text, name):
        gardener.take(event)
    if gardener.root is None:
        raise Unreadable(Fault(name, 1, 1, "the guide is empty"))
    return gardener.root, gardener.faults


class _Gardener:
    """Grows one tree from the scanner's events, without recursion, within its bounds."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        self._anchored: list[str] = []
        self._anchors: dict[str, Node | None] = {}
        self._documents = 0

    def take(self, event: Event) -> None:
        """Grow by one event."""
        if event.tag:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")[:60]
            what = f"the tag {tag} is not allowed; for a text, use quotes"
            self._fault(event.place, what)
        match event.kind:
            case Kind.DOCUMENT:
                self._documents += 1
                if self._documents > 1:
                    raise self._stop(event.place, "a second document; one file holds one guide")
            case Kind.SCALAR:
                leaf = Scalar(event.place, event.text, event.style)
                self._remember(event.anchor, leaf)
                self._add(leaf)
            case Kind.ALIAS:
                self._add(self._resolve(event.anchor, event.place))
            case Kind.SEQUENCE:
                self._descend(Sequence(event.place, event.flow), event)
            case Kind.MAPPING:
                self._descend(Mapping(event.place, event.flow), event)
            case Kind.END:
                closed = self._open.pop()
                self._keys.pop()
                closed.place.end = event.place.end
                self._remember(self._anchored.pop(), closed)
                self._add(closed)

    def _descend(self, branch: Sequence | Mapping, event: Event) -> None:
        if len(self._open) >= MAX_DEPTH:
            raise self._stop(event.place, f"nested more than {MAX_DEPTH} deep")
        self._remember(event.anchor, None)
        self._open.append(branch)
        self._keys.append(None)
        self._anchored.append(event.anchor)

    def _stop(self, place: Place, message: str) -> Unreadable:
        return Unreadable(Fault(self.name, place.line, place.column, message))

    def _fault(self, place: Place, message: str) -> None:
        self.faults.append(Fault(self.name, place.line, place.column, message))

    def _remember(self, anchor: str, node: Node | None) -> None:
        if anchor:
            self._anchors[anchor] = node

    def _resolve(self, anchor: str, place: Place) -> Node:
        if anchor not in self._anchors:
            raise self._stop(place, f"the alias *{anchor} has no anchor &{anchor} before it")
        node = self._anchors[anchor]
        if node is None:
            raise self._stop(place, f"the alias *{anchor} stands within what it stands for")
        return node

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        self._bound(parent, node)
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is None:
            self._begin(node)
            return
        self._keys[-1] = None
        if (first := parent.keys.get(key.text)) is not None:
            where = f"it stands on line {first.place.line} already"
            self._fault(key.place, f"the field {key.text!r} stands twice; {where}")
            return
        if isinstance(node, Scalar) and node.style is None and not node.text:
            # the scanner puts what is not written where the next thing is; here it follows its key
            colon = self.text.find(":", key.place.end)
            node.place.start = node.place.end = colon + 1
        parent.keys[key.text] = key
        parent.values[key.text] = node

    def _begin(self, key: Node) -> None:
        if not isinstance(key, Scalar):
            raise self._stop(key.place, "a field's name is a text, not a list or a mapping")
        if key.style is None and key.text == "<<":
            self._fault(key.place, "merge keys (<<) are not YAML 1.2; write the fields out")
        self._keys[-1] = key

    def _bound(self, parent: Sequence | Mapping, node: Node) -> None:
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if sum(branch.size for branch in self._open) > MAX_NODES:
            raise self._stop(node.place, f"more than {MAX_NODES} values, aliases counted in full")
        if len(self._open) + node.depth > MAX_DEPTH:
            raise self._stop(node.place, f"nested more than {MAX_DEPTH} deep, aliases followed")
