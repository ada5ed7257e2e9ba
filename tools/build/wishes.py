"""What a command line wants of a build, beyond what its Dockerfile says."""

from __future__ import annotations

from ..errors import NotFound, UsageError
from ..host import files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..context import Context
    from ..registry.settings import Access

INSECURE, HOST_NETWORK = "security.insecure", "network.host"
_SECRET_LIMIT = 1 << 20


class Wishes:
    """settings    values of ctr-run's options for every RUN; network: as --network says, '' where it says nothing
    contexts    by name, in small letters: a directory, a URL, or docker-image://NAME
    secrets     by id: the bytes;  agents: by id, the path of an agent's socket
    fresh       stages whose steps are carried out whatever is cached: their names, in small letters; all: every one
    allowed     what a RUN may ask for beyond a container's own: INSECURE, HOST_NETWORK
    clock       seconds since the epoch, `now`, or None: as the base image says
    """

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.network = ""
        self.contexts: dict[str, str] = {}
        self.secrets: dict[str, bytes] = {}
        self.agents: dict[str, str] = {}
        self.fresh: set[str] = set()
        self.all_fresh = False
        self.clock: int | str | None = None
        self.policy = "missing"
        self.allowed: set[str] = set()
        self.access: Access | None = None
        self.explain = False
        self.quiet = False


def pairs(texts: Iterable[str], option: str, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """NAME=VALUE options. With `env`, a bare NAME takes its value from there, and is left out where it has none; else
    it is refused. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or (not equals and env is None):
            raise UsageError(f"{option} {text}", "is not NAME=VALUE", f"write {option} NAME=VALUE")
        if equals:
            found[name] = value
        elif env is not None and name in env:
            found[name] = env[name]
    return found


def clock(text: str | None, ctx: Context, build_args: Mapping[str, str]) -> int | str | None:
    """What --timestamp says, or else SOURCE_DATE_EPOCH among the arguments or in the environment. Raises UsageError."""
    if text is not None:
        if text == "now":
            return "now"
        subject, said = "--timestamp", text
    else:
        subject = "SOURCE_DATE_EPOCH"
        said = build_args.get(subject) or ctx.env.get(subject) or ""
        if not said:
            return None
    if not (said.isascii() and said.isdigit() and len(said) < 12):
        raise UsageError(f"{subject} {said}", "is no number of seconds since the epoch", "like 1767225600, or now")
    return int(said)


def provenance(text: str | None) -> str:
    """What --provenance asks for, in buildx's words: '', min or max. Raises UsageError."""
    found = {None: "", "false": "", "true": "min", "mode=min": "min", "mode=max": "max", "min": "min", "max": "max"}
    if text not in found:
        raise UsageError(f"--provenance {text}", "is not known", "use mode=min, mode=max or false")
    return found[text]


def created(text: str) -> int:
    """Whole seconds since the epoch of an image's time of creation (RFC 3339); 0 where it says none, or one before.

    Worked out here: what Python has for it takes longer to load than a build that is all cached.
    """
    try:
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        hour, minute, second = int(text[11:13]), int(text[14:16]), int(text[17:19])
        zone = text[19:].lstrip(".0123456789").upper()
        offset = 0
        if zone != "Z":
            offset = (int(zone[1:3]) * 60 + int(zone[4:6])) * 60 * (-1 if zone[0] == "-" else 1)
    except (ValueError, IndexError):
        return 0
    if month <= 2:  # years that begin with March have their leap day at their end
        year, month = year - 1, month + 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * (month - 3) + 2) // 5 + day - 719469
    return max(((days * 24 + hour) * 60 + minute) * 60 + second - offset, 0)


def secrets(texts: Iterable[str], env: Mapping[str, str]) -> dict[str, bytes]:
    """--secret id=NAME[,src=FILE|,env=VARIABLE]. Raises UsageError, NotFound."""
    found: dict[str, bytes] = {}
    for text in texts:
        given = fields(text, "--secret", {"src": "source"})
        given.pop("type", None)
        name = given.pop("id", "")
        path, variable = given.pop("source", ""), given.pop("env", "")
        if given or not name or (path and variable):
            raise UsageError(f"--secret {text}", "is not id=NAME,src=FILE or id=NAME,env=VARIABLE")
        if not path and not variable and name in env:
            variable = name
        if variable:
            if variable not in env:
                raise NotFound(f"--secret {text}", f"{variable} is not in the environment")
            found[name] = env[variable].encode("utf-8", "surrogateescape")
        else:
            found[name] = files.read_limited(path or name, _SECRET_LIMIT, f"--secret id={name}: {path or name}")
    return found


def agents(texts: Iterable[str], env: Mapping[str, str]) -> dict[str, str]:
    """--ssh ID[=SOCKET]. Raises UsageError, NotFound."""
    import os
    import stat

    found: dict[str, str] = {}
    for text in texts:
        name, equals, path = text.partition("=")
        path = path if equals else env.get("SSH_AUTH_SOCK", "")
        if not name or not path:
            raise UsageError(f"--ssh {text}", "SSH_AUTH_SOCK names no agent", "start ssh-agent, or write ID=SOCKET")
        try:
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                raise UsageError(f"--ssh {text}", "is no agent's socket", "give the key to ssh-agent with ssh-add")
        except FileNotFoundError:
            raise NotFound(path, "there is no such socket", "start ssh-agent") from None
        found[name] = os.path.abspath(path)
    return found


def fields(text: str, option: str, aliases: Mapping[str, str]) -> dict[str, str]:
    """NAME=VALUE,… of one option; a name that is an alias stands under the one that it is for. Raises UsageError."""
    found: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key:
            raise UsageError(f"{option} {text}", f"{part or 'nothing'} is no name=value")
        found[aliases.get(key, key)] = value
    return found
