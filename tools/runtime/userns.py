"""Users of a container's own: which ids of the host its user and group ids stand for (user_namespaces(7)). Pure.

What is in its files stays as the image has it: the maps are laid over them by mounts (see mapped). So a container's
layer, its volumes and its commits know nothing of whose ids it runs with.
"""

from __future__ import annotations

from itertools import pairwise

from ..errors import Conflict, Unavailable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from oci_spec.jsondoc import Document

WHOLE = 65536
"""So many ids are all that images use: private has them."""
LEAST = 1024
"""Of auto without a size, podman's number too."""
NOBODY = 65534
"""What an id that has no place in a map is seen as."""
OWNER = "containers"
"""Whose lines in SUBUID and SUBGID are for containers' users, as podman has it."""
SUBUID, SUBGID = "/etc/subuid", "/etc/subgid"
_EVERY = (1 << 32) - 1
_MOST_LINES = 340  # of a map, user_namespaces(7)

Ranges = list[tuple[int, int, int]]
"""Of each: the first id in the container, the first on the host, how many."""


class Asked:
    """mode: private, auto or container; size: of auto, None for what the image needs; maps: what --uidmap and --gidmap
    say, instead of a range that is free."""

    __slots__ = ("maps", "mode", "size")

    def __init__(self, mode: str, size: int | None = None, maps: Maps | None = None) -> None:
        self.mode = mode
        self.size = size
        self.maps = maps


class Maps:
    """The maps of a container's users and groups."""

    __slots__ = ("gids", "uids")

    def __init__(self, uids: Ranges, gids: Ranges) -> None:
        self.uids = uids
        self.gids = gids

    @classmethod
    def of_record(cls, record: Document) -> Maps | None:
        """Those that a container's record has; None where it has the host's users."""
        found: Any = record.get("users")
        return cls.of_config(found) if found and found.get("uidMappings") else None

    @classmethod
    def of_config(cls, document: Any) -> Maps:
        """Those of a document's uidMappings and gidMappings, as in linux of the runtime-spec."""
        uids, gids = (
            [(one["containerID"], one["hostID"], one["size"]) for one in document[key]]
            for key in ("uidMappings", "gidMappings")
        )
        return cls(uids, gids)

    @property
    def documents(self) -> Document:
        """As the runtime-spec has them in `linux`."""
        return {
            key: [dict(zip(("containerID", "hostID", "size"), one, strict=True)) for one in ranges]
            for key, ranges in (("uidMappings", self.uids), ("gidMappings", self.gids))
        }

    @property
    def lines(self) -> tuple[str, str]:
        """As the kernel takes them: of users, of groups (see host.owners)."""
        uids, gids = ("\n".join(" ".join(map(str, one)) for one in ranges) for ranges in (self.uids, self.gids))
        return uids, gids

    @property
    def root(self) -> tuple[int, int]:
        """The host's ids of user and group 0 in the container."""
        return self.outside(0, 0)

    def outside(self, uid: int, gid: int) -> tuple[int, int]:
        """The host's ids of a user and a group of the container's. Raises Conflict for what it does not have."""
        uids, gids = _translated(uid, self.uids, 0, 1), _translated(gid, self.gids, 0, 1)
        if uids is None or gids is None:
            what = f"user {uid}" if uids is None else f"group {gid}"
            raise Conflict(what, "is none of the container's", "make it with --userns auto:size=65536, or private")
        return uids, gids

    def inside(self, uid: int, gid: int) -> tuple[int, int]:
        """The container's ids of a user and a group of the host."""
        uids, gids = _translated(uid, self.uids, 1, 0), _translated(gid, self.gids, 1, 0)
        return NOBODY if uids is None else uids, NOBODY if gids is None else gids


def _translated(number: int, ranges: Ranges, source: int, target: int) -> int | None:
    for one in ranges:
        if one[source] <= number < one[source] + one[2]:
            return one[target] + number - one[source]
    return None


def asked(text: str | None, uids: list[str], gids: list[str]) -> Asked | None:
    """What --userns, --uidmap and --gidmap ask for; None for the host's users. `container:NAME` comes with that mode
    and nothing more. Raises UsageError."""
    maps = _maps(uids, gids)
    mode, colon, rest = (text or ("private" if maps else "host")).partition(":")
    subject = f"--userns {text}"
    if maps and mode != "private":
        option = "--uidmap" if uids else "--gidmap"
        raise UsageError(option, f"does not go with {subject}", "leave one of them out")
    if (mode in ("host", "private") and not colon) or (mode == "container" and rest):
        return Asked(mode, WHOLE, maps) if mode != "host" else None
    if mode != "auto" or (colon and not rest):
        raise UsageError(
            subject, "is not among its values", "choose from host, private, auto, auto:size=COUNT, container:NAME"
        )
    size = None
    for word in rest.split(",") if rest else ():
        key, _, value = word.partition("=")
        if key != "size":
            raise UsageError(subject, f"{word} is not supported", "write auto:size=COUNT, or use --uidmap and --gidmap")
        size = _number(value)
        if not size:
            raise UsageError(subject, f"{value or '(empty)'} is no count of ids", "like auto:size=65536")
    return Asked(mode, size)


def _maps(uids: list[str], gids: list[str]) -> Maps | None:
    """What is said of one kind alone holds for the other too, as with podman."""
    if not uids and not gids:
        return None
    found = {}
    for option, texts in (("--uidmap", uids or gids), ("--gidmap", gids or uids)):
        ranges = [_range(text, option) for text in texts]
        subject = f"{option} {texts[0]}"
        if len(ranges) > _MOST_LINES:
            raise UsageError(subject, f"is one of more than {_MOST_LINES}, which the kernel does not take")
        for end, where in ((0, "in the container"), (1, "on the host")):
            ordered = sorted(ranges, key=lambda one: one[end])
            if any(one[end] + one[2] > after[end] for one, after in pairwise(ordered)):
                raise UsageError(subject, f"overlaps another {where}", "give each id one place")
        if _translated(0, ranges, 0, 1) is None:
            raise UsageError(subject, "leaves the container without a user 0", f"add {option} 0:HOST:1")
        found[option] = ranges
    return Maps(found["--uidmap"], found["--gidmap"])


def _range(text: str, option: str) -> tuple[int, int, int]:
    parts = [_number(part) for part in text.split(":")]
    if len(parts) == 2:
        parts.append(1)
    if len(parts) == 3:
        inner, outer, count = parts
        if inner is not None and outer is not None and count and max(inner, outer) + count <= _EVERY:
            return inner, outer, count
    raise UsageError(f"{option} {text}", "is not CONTAINER:HOST:COUNT", f"like {option} 0:100000:65536")


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None


def needed(passwd: str, group: str, more: Iterable[int]) -> int:
    """How many ids an image with these files needs, whose process has also the ids `more`: LEAST, and WHOLE at most.
    Nobody, who is far above all others, needs no place: what has none is seen as his."""
    found = [*more]
    for text in (passwd, group):
        fields = (line.split(":") for line in text.split("\n"))
        numbers = (_number(row[2]) for row in fields if len(row) > 2)
        found += [number for number in numbers if number is not None and number < NOBODY]
    return min(max([LEAST, *(number + 1 for number in found)]), WHOLE)


def subordinate(text: str, path: str) -> list[tuple[int, int]]:
    """First id and count of each range that SUBUID or SUBGID (its `text` and `path`) gives OWNER, as subuid(5) has it.
    Raises Unavailable when there is none."""
    rows = (line.strip().split(":") for line in text.split("\n"))
    numbers = [(_number(row[1]), _number(row[2])) for row in rows if len(row) == 3 and row[0] == OWNER]
    found = [(start, count) for start, count in numbers if start and count and start + count <= _EVERY]
    if not found:
        raise Unavailable(
            path, f"has no line of the user {OWNER}, which says whose ids containers' users may have",
            f"add {OWNER}:2147483648:1073741824 to {SUBUID} and {SUBGID}, or use --uidmap",
        )  # fmt: skip
    return found


def free(ranges: Iterable[tuple[int, int]], taken: Iterable[tuple[int, int]], size: int, path: str) -> int:
    """The first id of the lowest part of `ranges` (first and count of each) that has `size` ids which are in none of
    `taken`. Raises Unavailable when there is none; `path` says where the ranges stand."""
    held = sorted(taken)
    for start, count in sorted(ranges):
        at = start
        for first, length in held:
            if first + length <= at or first >= at + size:
                continue
            at = first + length
        if at + size <= start + count:
            return at
    raise Unavailable(
        path, f"gives {OWNER} no {size} ids together that no other container has",
        "make the range larger, remove containers, or ask for less with --userns auto:size=COUNT",
    )  # fmt: skip
