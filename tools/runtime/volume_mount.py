"""Which volume a mount asks for, and what it is to be if it has to be made. Pure."""

from __future__ import annotations

from ..errors import UsageError
from ..host.owners import ALL
from ..store.volumes import is_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES = {
    "src": "source", "dst": "destination", "target": "destination", "ro": "readonly", "subpath": "volume-subpath",
}  # fmt: skip
"""Other names of the fields of --mount."""


class Wanted:
    """`name` of a volume, '' for an anonymous one; `copy`: an empty one gets what the image has there; `subpath`: of
    the volume only this directory or file; `idmap`: whose its files are seen to be, '' as they are. driver,
    driver_options and labels are for one that has to be made."""

    __slots__ = ("copy", "driver", "driver_options", "idmap", "labels", "name", "subpath")

    def __init__(self, name: str, subject: str) -> None:
        if name and not is_name(name):
            raise UsageError(
                subject, f"{name} is neither a path nor a volume's name",
                "begin a path with / or ./, and name a volume by two or more letters, digits, _ . and -",
            )  # fmt: skip
        self.name = name
        self.copy = True
        self.subpath = ""
        self.idmap = ""
        self.driver = ""
        self.driver_options: dict[str, str] = {}
        self.labels: dict[str, str] = {}


def split(text: str, subject: str) -> list[tuple[str, str | None]]:
    """The fields of --mount, each key with its value (None: it has none); a field in quotes may hold commas. Raises
    UsageError for a quote that is not closed."""
    found: list[tuple[str, str | None]] = []
    rest = text
    while rest:
        if rest.startswith('"'):
            field, closed, rest = rest[1:].partition('"')
            if not closed or (rest and not rest.startswith(",")):
                raise UsageError(subject, "a quote is not closed at the end of its field", 'write "key=value,value"')
            rest = rest[1:]
        else:
            field, _, rest = rest.partition(",")
        key, equals, value = field.partition("=")
        found.append((ALIASES.get(key, key), value if equals else None))
    return found


def owners(text: str, subject: str) -> tuple[str, str]:
    """The maps of users and groups, as host.owners has them, of `uids=STORED-SEEN-COUNT#…;gids=…`; a kind that is left
    out is as it is. Raises UsageError."""
    found = {"uids": ALL, "gids": ALL}
    for part in text.split(";"):
        kind, equals, ranges = part.partition("=")
        numbers = [one.split("-") for one in ranges.split("#")]
        good = all(len(one) == 3 and all(n.isascii() and n.isdigit() and len(n) < 11 for n in one) for one in numbers)
        if kind not in found or not equals or not good or any(not int(one[2]) for one in numbers):
            raise UsageError(
                subject, f"idmap={text} maps no owners", "write idmap=uids=STORED-SEEN-COUNT;gids=STORED-SEEN-COUNT"
            )
        found[kind] = "\n".join(" ".join(one) for one in numbers)
    return found["uids"], found["gids"]


def of_fields(fields: Sequence[tuple[str, str | None]], subject: str) -> tuple[Wanted, dict[str, str]]:
    """What the fields of --mount type=volume say of the volume, and the others of them. Raises UsageError."""
    others: dict[str, str] = {}
    driver_options: dict[str, str] = {}
    labels: dict[str, str] = {}
    for key, value in fields:
        into = {"volume-opt": driver_options, "volume-label": labels}.get(key)
        if into is None:
            others[key] = "true" if value is None else value
            continue
        name, _, text = (value or "").partition("=")
        if not name:
            raise UsageError(subject, f"{key} names nothing", f"write {key}=KEY=VALUE")
        into[name] = text
    wanted = Wanted(others.pop("source", ""), subject)
    wanted.driver_options, wanted.labels = driver_options, labels
    wanted.driver = others.pop("volume-driver", "")
    wanted.subpath = others.pop("volume-subpath", "")
    if "idmap" in others:
        wanted.idmap = others.pop("idmap")
        owners(wanted.idmap, subject)
    if wanted.subpath.startswith("/") or ".." in wanted.subpath.split("/"):
        raise UsageError(subject, f"{wanted.subpath} leads out of the volume", "name a path below it")
    if wanted.subpath and not wanted.name:
        raise UsageError(subject, "a new volume has no subpath", "add source=NAME")
    return wanted, others
