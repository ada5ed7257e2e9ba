"""Who a container's process is: `user[:group]` by name or number, looked up in the image's passwd and group."""

from __future__ import annotations

from ..errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MOST = (1 << 31) - 1


class User:
    """uid, gid and additional gids of the process, and its home directory; `is_root`: whether it is user 0, whatever
    that is on the host."""

    __slots__ = ("additional", "gid", "home", "is_root", "uid")

    def __init__(self, uid: int, gid: int, additional: list[int], home: str) -> None:
        self.uid = uid
        self.gid = gid
        self.additional = additional
        self.home = home
        self.is_root = uid == 0


def resolve(text: str, passwd: str, group: str, more: Iterable[str] = ()) -> User:
    """The user that `text` stands for: '', `user`, `uid`, `user:group`, `uid:gid` or mixed.

    A name must be in the file; a number need not be. Without a group, the group is passwd's (0 for an unknown number)
    and the supplementary groups are those that list the user; with one, there are none but it (as docker does). The
    home directory is passwd's, else /. `more` are groups beside these, by name or number. Raises NotFound.
    """
    wanted, colon, wanted_group = text.partition(":")
    wanted = wanted or "0"
    entry = next((row for row in _rows(passwd, 7) if wanted in (row[0], row[2])), None)
    number = _number(wanted)
    by_name = next((row for row in _rows(passwd, 7) if row[0] == wanted), None)
    entry = by_name or entry
    if entry is None and number is None:
        raise NotFound(wanted, "no such user in the image's /etc/passwd", "name one by number, like --user 1000")
    uid = _field(entry[2]) if entry else number or 0
    gid = _field(entry[3]) if entry else 0
    home = (entry[5] if entry else "") or "/"
    groups = list(_rows(group, 4))
    beside = {_group(one, groups) for one in more}
    if colon and wanted_group:
        gid = _group(wanted_group, groups)
        return User(uid, gid, sorted(beside - {gid}), home)
    names = {row[0] for row in _rows(passwd, 7) if _field(row[2]) == uid} if entry is None else {entry[0]}
    additional = [_field(row[2]) for row in groups if names & set(row[3].split(","))]
    return User(uid, gid, sorted({*additional, *beside} - {gid}), home)


def _group(wanted: str, groups: list[list[str]]) -> int:
    for row in groups:
        if row[0] == wanted:
            return _field(row[2])
    number = _number(wanted)
    if number is None:
        raise NotFound(wanted, "no such group in the image's /etc/group", "name one by number")
    return number


def _rows(text: str, fields: int) -> Iterator[list[str]]:
    """The entries of passwd (7 fields) or group (4) that make sense; last fields that are left out are empty."""
    numbers = (2, 3) if fields == 7 else (2,)
    for line in text.split("\n"):
        row = line.strip().split(":")
        row += [""] * (fields - len(row))
        if row[0] and all(_number(row[number]) is not None for number in numbers):
            yield row


def _number(text: str) -> int | None:
    """An id, None for what is none: the kernel's are below 2**31 here, and their digits are ASCII."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= _MOST else None


def _field(text: str) -> int:
    return int(text)
