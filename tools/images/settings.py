"""What Dockerfile instructions do to the execution parameters of an image (image-spec config.md), their words read and
expanded: for builds, and for `--change`. Each raises FormatError for what it refuses, and has changed nothing then."""

from __future__ import annotations

import posixpath

from oci_spec import jsondoc, quantity
from oci_spec.jsondoc import FormatError

from ..host import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oci_spec.jsondoc import Document

SHELL = ("/bin/sh", "-c")
_PROTOCOLS = ("tcp", "udp", "sctp")


def array(text: str) -> list[str] | None:
    """The exec form: a JSON array of strings; None for what is no JSON array, which is the shell form. Raises
    FormatError for an array of anything else."""
    if not text.lstrip().startswith("["):
        return None
    try:
        value = jsondoc.loads(text)
    except FormatError:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise FormatError(text, "an array here has strings only")
    return value


def shell_of(config: Mapping[str, object]) -> list[str]:
    """What SHELL said, for commands in the shell form."""
    found: Sequence[str] | None = config.get("Shell")  # type: ignore[assignment]
    return list(found or SHELL)


def arguments(config: Mapping[str, object], text: str) -> list[str]:
    """Program and arguments of a command in either form."""
    found = array(text)
    return [*shell_of(config), text] if found is None else found


def variables(config: Mapping[str, object]) -> dict[str, str]:
    pairs: Sequence[str] | None = config.get("Env")  # type: ignore[assignment]
    return dict(pair.partition("=")[::2] for pair in pairs or ())


def set_variables(config: Document, pairs: Iterable[tuple[str, str]]) -> None:
    """ENV."""
    config["Env"] = [f"{name}={value}" for name, value in {**variables(config), **dict(pairs)}.items()]


def set_labels(config: Document, pairs: Iterable[tuple[str, str]]) -> None:
    """LABEL."""
    labels: dict[str, str] = config.get("Labels") or {}  # type: ignore[assignment]
    config["Labels"] = {**labels, **dict(pairs)}


def ports(word: str) -> list[str]:
    """`80/tcp` each, of `80`, `53/udp` or `8000-8010/tcp`. Raises FormatError."""
    numbers, _, protocol = word.partition("/")
    first, dash, last = numbers.partition("-")
    protocol = protocol.lower() or "tcp"
    digits = all(part.isascii() and part.isdecimal() and len(part) <= 5 for part in (first, last if dash else first))
    if not digits or protocol not in _PROTOCOLS:
        raise FormatError(word, f"{word!r} is no port like 80, 53/udp or 8000-8010/tcp")
    low, high = int(first), int(last or first)
    if not 1 <= low <= high <= 65535:
        raise FormatError(word, f"{word!r} is no port from 1 to 65535")
    return [f"{number}/{protocol}" for number in range(low, high + 1)]


def expose(config: Document, exposed: Iterable[str]) -> None:
    """EXPOSE, of what `ports` gave."""
    before: dict[str, Document] = config.get("ExposedPorts") or {}  # type: ignore[assignment]
    config["ExposedPorts"] = {**before, **{port: {} for port in exposed}}


def add_volumes(config: Document, paths: Sequence[str]) -> None:
    """VOLUME. Raises FormatError for an empty path."""
    if not all(paths):
        raise FormatError("VOLUME", "a volume's path is empty")
    before: dict[str, Document] = config.get("Volumes") or {}  # type: ignore[assignment]
    config["Volumes"] = {**before, **{path: {} for path in paths}}


def working_directory(config: Mapping[str, object], path: str) -> str:
    """WORKDIR: `path` seen from the one before it, absolute and without dots."""
    before = str(config.get("WorkingDir") or "/")
    return "/" + posixpath.normpath(posixpath.join("/", before, path)).lstrip("/")


def set_stop_signal(config: Document, text: str) -> None:
    """STOPSIGNAL. Raises FormatError for no signal."""
    if signals.name(text) is None:
        raise FormatError(text, f"{text!r} is no signal")
    config["StopSignal"] = text


def add_trigger(config: Document, text: str) -> None:
    """ONBUILD: `text` is the instruction that waits. Raises FormatError for one that cannot."""
    keyword = text.split()[0].upper()
    if keyword in ("ONBUILD", "FROM", "MAINTAINER"):
        raise FormatError(text, f"{keyword} cannot wait for a later build")
    before: list[str] = config.get("OnBuild") or []  # type: ignore[assignment]
    config["OnBuild"] = [*before, text]


_HEALTH_TIMES = {
    "interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod", "start-interval": "StartInterval",
}  # fmt: skip
HEALTH_OPTIONS = (*_HEALTH_TIMES, "retries")


def health(options: Mapping[str, str], text: str) -> Document:
    """HEALTHCHECK: `text` is NONE, or CMD and a command; the options' values as they stand. Raises FormatError."""
    check: Document = {}
    for name, value in options.items():
        if name == "retries" and value.isascii() and value.isdecimal() and len(value) < 10:
            check["Retries"] = int(value)
            continue
        seconds = quantity.seconds(value)
        if name not in _HEALTH_TIMES or seconds is None or 0 < seconds < 0.001:
            raise FormatError(text, f"'--{name}={value}' is no option like --interval=30s or --retries=3")
        check[_HEALTH_TIMES[name]] = round(seconds * 1_000_000_000)
    word, *rest = text.split(maxsplit=1) or [""]
    if word.upper() == "NONE" and not options and not rest:
        return {"Test": ["NONE"]}
    if word.upper() != "CMD" or not rest:
        raise FormatError(text, "has neither CMD and a command nor NONE alone")
    command = array(rest[0])
    if command == []:
        raise FormatError(text, "has no command after CMD")
    said = {key: value for key, value in check.items() if value}  # none is told like what is not said
    return {"Test": ["CMD-SHELL", rest[0].strip()] if command is None else ["CMD", *command], **said}
