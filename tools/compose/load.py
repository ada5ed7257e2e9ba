"""YAML as Compose means it: text in, a document that knows the file and line of everything out.

The parser is libyaml's, its events are read here: PyYAML's own reading of plain words is YAML 1.1, where `22:22` is a
number of base 60 and `no` is false. Here a plain word is a number, true, false or null where the core schema of YAML
1.2 says so (chapter 10.3), an octal number also when it is written 0644, and else the word. Anchors and merge keys
(`<<`) work as everywhere; `!reset` and `!override` are kept as tags for the merge. A key that stands twice in one
mapping, any other tag, and a document that is no mapping are refused.
"""

from __future__ import annotations

from .positions import OVERRIDE, RESET, ComposeError, Mapping, Place, Sequence, copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TAGS = {"!reset": RESET, "!override": OVERRIDE}
_STANDARD = "tag:yaml.org,2002:"
_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None, "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_FIRST = frozenset("0123456789+-.")
_DIGITS = frozenset("0123456789.eE+-")
_INFINITE = frozenset((".inf", ".nan"))
_MERGE = "<<"
_MOST_NODES = 200_000
"""Parts of a document with its aliases written out: more is an attack (a billion laughs), not an application."""
_DEEPEST = 100


def documents(data: bytes, file: str) -> list[Mapping]:
    """The documents in `data`, usually one, with places in `file`; none for an empty text. Raises ComposeError."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    builder = _Builder(file)
    try:
        for event in yaml.parse(data, Loader=loader):
            builder.take(event)
    except yaml.YAMLError as error:
        raise _refusal(error, data, file) from None
    return builder.documents


def _refusal(error: Any, data: bytes, file: str) -> ComposeError:
    """What the parser says, in our words."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).partition("\n")[0]
    remedy = ""
    if mark is not None and b"\t" in b"".join(data.split(b"\n")[mark.line : mark.line + 1])[: mark.column + 1]:
        remedy = "indent with blanks, not tabs"
    return ComposeError(Place(file, mark.line + 1 if mark is not None else 0), (), f"is no YAML: {problem}", remedy)


class _Open:
    """A collection whose end has not come. `key`: of the mapping's member that is awaited, None before the key;
    `merge`: whether that is a merge key, which is a plain word."""

    __slots__ = ("anchor", "key", "key_place", "merge", "merges", "tag", "value")

    def __init__(self, value: Mapping | Sequence, tag: str | None, anchor: str | None) -> None:
        self.value = value
        self.tag = tag
        self.anchor = anchor
        self.key: str | None = None
        self.key_place: Place = value.place
        self.merge = False
        self.merges: list[tuple[Any, Place]] = []


class _Builder:
    """Makes documents of a parser's events, one after another."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.documents: list[Mapping] = []
        self._open: list[_Open] = []
        self._anchors: dict[str, Any] = {}
        self._pending: set[str] = set()
        self._nodes = 0
        self._take = {
            "ScalarEvent": self._scalar, "AliasEvent": self._alias, "MappingStartEvent": self._start_mapping,
            "SequenceStartEvent": self._start_sequence, "MappingEndEvent": self._end, "SequenceEndEvent": self._end,
            "DocumentStartEvent": self._start,
        }  # fmt: skip

    def take(self, event: Any) -> None:
        handler = self._take.get(event.__class__.__name__)
        if handler is not None:
            handler(event)

    def _start(self, event: Any) -> None:
        self._anchors.clear()

    def _place(self, event: Any) -> Place:
        return Place(self.file, event.start_mark.line + 1)

    def _path(self) -> list[str | int]:
        return [
            one.key if one.key is not None else len(one.value) for one in self._open
            if one.key is not None or isinstance(one.value, Sequence)
        ]  # fmt: skip

    def refuse(self, place: Place, problem: str, remedy: str = "") -> ComposeError:
        return ComposeError(place, self._path(), problem, remedy)

    def _count(self, place: Place, number: int = 1) -> None:
        self._nodes += number
        if self._nodes > _MOST_NODES:
            raise self.refuse(place, f"with its aliases the document has more than {_MOST_NODES} parts")

    def _scalar(self, event: Any) -> None:
        place = self._place(event)
        self._count(place)
        tag, text = event.tag, event.value
        value: Any = text
        kind = _TAGS.get(tag)
        if kind is None and tag and tag != "!":
            value = self._tagged(tag, text, place)
        elif event.implicit[0] or kind is not None:
            value = plain(text)
        opened = self._open[-1] if self._open else None
        if opened is not None and opened.key is None and isinstance(opened.value, Mapping):
            self._key(opened, text, place, merge=text == _MERGE and event.implicit[0])
            return
        if event.anchor:
            self._anchors[event.anchor] = value
        self._add(value, place, kind)

    def _tagged(self, tag: str, text: str, place: Place) -> Any:
        name = tag.removeprefix(_STANDARD)
        if name == "str":
            return text
        value = plain(text)
        kinds: dict[str, type | tuple[type, ...]] = {
            "int": int, "float": (int, float), "bool": bool, "null": type(None),
        }  # fmt: skip
        wanted = kinds.get(name)
        if wanted is None:
            raise self.refuse(place, f"the tag {tag if name == tag else f'!!{name}'} means nothing here")
        if not isinstance(value, wanted) or (isinstance(value, bool) and name != "bool"):
            raise self.refuse(place, f"{text!r} is no {name}")
        return value

    def _key(self, opened: _Open, text: str, place: Place, *, merge: bool = False) -> None:
        assert isinstance(opened.value, Mapping)
        if not merge and text in opened.value.places:
            first = opened.value.places[text]
            raise ComposeError(
                place, [*self._path(), text], f"stands twice in one mapping, first in line {first.line}",
                "leave one of them",
            )  # fmt: skip
        opened.key, opened.key_place, opened.merge = text, place, merge
        if not merge:
            opened.value.places[text] = place  # its value may be long in coming, and its place is known

    def _alias(self, event: Any) -> None:
        place = self._place(event)
        name = event.anchor
        if name in self._pending:
            raise self.refuse(place, f"the alias *{name} stands inside what it names")
        if name not in self._anchors:
            raise self.refuse(place, f"nothing is named &{name}")
        opened = self._open[-1] if self._open else None
        if opened is not None and opened.key is None and isinstance(opened.value, Mapping):
            self._key(opened, str(self._anchors[name]), place)
            return
        value = self._anchors[name]
        self._count(place, _size(value))
        self._add(copied(value), place, None)

    def _start_mapping(self, event: Any) -> None:
        place = self._place(event)
        self._begin(event, Mapping(place), place)

    def _start_sequence(self, event: Any) -> None:
        place = self._place(event)
        self._begin(event, Sequence(place), place)

    def _begin(self, event: Any, value: Mapping | Sequence, place: Place) -> None:
        self._count(place)
        opened = self._open[-1] if self._open else None
        if opened is not None and opened.key is None and isinstance(opened.value, Mapping):
            raise self.refuse(place, "a key is a word, not a mapping or a list", "quote it if it has braces")
        kind = _TAGS.get(event.tag)
        if kind is None and event.tag and event.tag not in ("!", _STANDARD + "map", _STANDARD + "seq"):
            raise self.refuse(place, f"the tag {event.tag.replace(_STANDARD, '!!')} means nothing here")
        if len(self._open) >= _DEEPEST:
            raise self.refuse(place, f"is nested more than {_DEEPEST} deep")
        if event.anchor:
            self._pending.add(event.anchor)
        self._open.append(_Open(value, kind, event.anchor))

    def _end(self, event: Any) -> None:
        opened = self._open.pop()
        value = opened.value
        if isinstance(value, Mapping):
            for merged, place in opened.merges:
                self._merge(value, merged, place)
        if opened.anchor:
            self._pending.discard(opened.anchor)
            self._anchors[opened.anchor] = value
        self._add(value, value.place, opened.tag)

    def _merge(self, into: Mapping, merged: Any, place: Place) -> None:
        """What a merge key brings: members that the mapping and earlier ones do not have."""
        for one in merged if isinstance(merged, Sequence) else [merged]:
            if not isinstance(one, Mapping):
                raise self.refuse(place, "a merge key (<<) takes a mapping, or a list of mappings")
            for key, value in one.items():
                if key not in into and key not in into.tags:
                    into.put(key, copied(value), one.place_of(key))
            for key, kind in one.tags.items():
                if key not in into.tags and (kind == OVERRIDE) == (key in into):
                    into.tags[key] = kind
                    into.places.setdefault(key, one.place_of(key))

    def _add(self, value: Any, place: Place, tag: str | None) -> None:
        """A whole value, to where it belongs."""
        if not self._open:
            if value is None:
                return
            if not isinstance(value, Mapping):
                raise ComposeError(place, (), "is no compose file: its top is not a mapping", "begin with services:")
            self.documents.append(value)
            return
        opened = self._open[-1]
        into = opened.value
        if isinstance(into, Sequence):
            if tag is not None:
                raise self.refuse(place, f"!{tag} stands at an item of a list", "put it at the whole list")
            into.put(value, place)
            return
        key = opened.key
        assert key is not None
        if opened.merge:
            opened.merges.append((value, place))
        elif tag == RESET:
            into.tags[key] = RESET
        else:
            into.put(key, value, opened.key_place)
            if tag is not None:
                into.tags[key] = tag
        opened.key = None


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_size, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_size, value))
    return 1


def plain(text: str) -> Any:
    """A plain word's value: str, int, float, bool or None."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    bare = text.lstrip("+-")
    if len(text) - len(bare) > 1 or not bare:
        return text
    sign = -1 if text[0] == "-" else 1
    lower = bare.lower()
    if lower in _INFINITE:
        return text  # neither has a meaning here, and JSON has no word for them
    digits, base = bare, 10
    if lower[:2] in ("0x", "0o", "0b"):
        digits, base = bare[2:], {"x": 16, "o": 8, "b": 2}[lower[1]]
    elif bare[0] == "0" and len(bare) > 1 and bare.isdigit():
        digits, base = bare[1:], 8
    if base != 10 or bare.isdigit():
        try:
            return sign * int(digits, base) if digits.isascii() and "_" not in digits and len(digits) < 40 else text
        except ValueError:
            return text
    if not set(bare) <= _DIGITS or bare[0] not in "0123456789.":
        return text
    try:
        value = float(text)
    except ValueError:
        return text
    return value if abs(value) != float("inf") else text
