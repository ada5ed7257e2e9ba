"""Changes to an image's config, written as Dockerfile instructions: `CMD ["sh"]`, `ENV A=1 B=2`, `EXPOSE 80`."""

from __future__ import annotations

import posixpath

from oci_spec import jsondoc, quantity
from oci_spec.jsondoc import FormatError

from ..errors import UsageError
from ..host import signals
from . import words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oci_spec.jsondoc import Document

_SHELL = ("/bin/sh", "-c")
_PROTOCOLS = ("tcp", "udp", "sctp")


def apply(config: Document, texts: Sequence[str]) -> None:
    """Applies instructions, in their order, to `config`, the execution parameters of an image (image-spec config.md).
    Of an image that had them before, a new ENTRYPOINT without a new CMD clears the old CMD. Raises UsageError."""
    keywords = {_apply(config, text) for text in texts}
    if "ENTRYPOINT" in keywords and "CMD" not in keywords:
        config.pop("Cmd", None)


def _apply(config: Document, text: str) -> str:
    """Applies one; its keyword."""
    keyword, *rest = text.split(maxsplit=1)[:2] or [""]
    change = _CHANGES.get(keyword.upper())
    if change is None:
        raise UsageError(f"--change {text}", f"{keyword!r} is none of its instructions", f"use {', '.join(_CHANGES)}")
    if not rest:
        raise UsageError(f"--change {text}", "says nothing", f"write {keyword.upper()} …")
    try:
        change(config, rest[0].strip())
    except FormatError as error:
        raise UsageError(f"--change {text}", error.problem, "quote it as in a Dockerfile") from None
    return keyword.upper()


def _variables(config: Document) -> dict[str, str]:
    pairs: list[str] = config.get("Env", [])  # type: ignore[assignment]
    return dict(pair.partition("=")[::2] for pair in pairs)


def _expanded(config: Document, text: str) -> str:
    found = words.expand(text, _variables(config))
    if not found:
        raise FormatError(text, "is empty")
    return found


def _array(text: str) -> list[str] | None:
    """The exec form: a JSON array of strings; None for anything else, as Docker reads it."""
    try:
        value = jsondoc.loads(text)
    except FormatError:
        return None
    return value if isinstance(value, list) and all(isinstance(one, str) for one in value) else None


def _command(key: str) -> Callable[[Document, str], None]:
    def change(config: Document, text: str) -> None:
        array = _array(text)
        config[key] = [*_SHELL, text] if array is None else array

    return change


def _pairs(config: Document, text: str) -> dict[str, str]:
    """`K=V K="V W"`, or `K V W` where the first word has no equals sign. All see the variables as they were before."""
    found = words.split(text)
    if "=" not in found[0]:
        key, *rest = text.split(maxsplit=1)
        if not rest:
            raise FormatError(text, f"{key} has no value")
        found = [f"{key}={rest[0]}"]
    pairs: dict[str, str] = {}
    variables = _variables(config)
    for word in found:
        key, equals, value = word.partition("=")
        name = words.expand(key, variables)
        if not equals or not name:
            raise FormatError(text, f"{word!r} is no pair like NAME=value")
        pairs[name] = words.expand(value, variables)
    return pairs


def _env(config: Document, text: str) -> None:
    merged = {**_variables(config), **_pairs(config, text)}
    config["Env"] = [f"{name}={value}" for name, value in merged.items()]


def _label(config: Document, text: str) -> None:
    labels: dict[str, str] = config.get("Labels", {})  # type: ignore[assignment]
    config["Labels"] = {**labels, **_pairs(config, text)}


def _expose(config: Document, text: str) -> None:
    ports: dict[str, Document] = dict(config.get("ExposedPorts", {}))  # type: ignore[call-overload]
    for word in words.split(text):
        said = _expanded(config, word)
        numbers, _, protocol = said.partition("/")
        first, dash, last = numbers.partition("-")
        protocol = protocol.lower() or "tcp"
        if not (first.isdecimal() and (last.isdecimal() if dash else True) and protocol in _PROTOCOLS):
            raise FormatError(text, f"{said!r} is no port like 80, 53/udp or 8000-8010/tcp")
        low, high = int(first), int(last or first)
        if not 1 <= low <= high <= 65535:
            raise FormatError(text, f"{said!r} is no port from 1 to 65535")
        ports |= {f"{number}/{protocol}": {} for number in range(low, high + 1)}
    config["ExposedPorts"] = ports


def _volume(config: Document, text: str) -> None:
    array = _array(text)
    volumes: dict[str, Document] = dict(config.get("Volumes", {}))  # type: ignore[call-overload]
    for word in words.split(text) if array is None else array:
        volumes[_expanded(config, word) if array is None else word] = {}
    if "" in volumes:
        raise FormatError(text, "a volume's path is empty")
    config["Volumes"] = volumes


def _user(config: Document, text: str) -> None:
    config["User"] = _expanded(config, text)


def _working_directory(config: Document, text: str) -> None:
    before = str(config.get("WorkingDir", "/"))
    config["WorkingDir"] = posixpath.normpath(posixpath.join(before, _expanded(config, text))).replace("//", "/")


def _stop_signal(config: Document, text: str) -> None:
    said = _expanded(config, text)
    if signals.name(said) is None:
        raise FormatError(text, f"{said!r} is no signal")
    config["StopSignal"] = said


def _on_build(config: Document, text: str) -> None:
    keyword = text.split()[0].upper()
    if keyword in ("ONBUILD", "FROM", "MAINTAINER"):
        raise FormatError(text, f"{keyword} cannot wait for a later build")
    before: list[str] = config.get("OnBuild") or []  # type: ignore[assignment]
    config["OnBuild"] = [*before, text]


def _health_check(config: Document, text: str) -> None:
    """`[--interval=…] CMD command`, or NONE."""
    check: Document = {}
    word, _, rest = text.partition(" ")
    while word.startswith("--"):
        flag, equals, value = word[2:].partition("=")
        if flag == "retries" and value.isdecimal():
            check["Retries"] = int(value)
        else:
            seconds = quantity.seconds(value)
            if flag not in _HEALTH_TIMES or not equals or seconds is None:
                raise FormatError(text, f"{word!r} is no option like --interval=30s or --retries=3")
            check[_HEALTH_TIMES[flag]] = round(seconds * 1_000_000_000)
        word, _, rest = rest.lstrip().partition(" ")
    command = rest.strip()
    if word.upper() == "NONE" and not check and not command:
        config["Healthcheck"] = {"Test": ["NONE"]}
        return
    if word.upper() != "CMD" or not command:
        raise FormatError(text, "has neither CMD and a command nor NONE alone")
    array = _array(command)
    config["Healthcheck"] = {"Test": ["CMD-SHELL", command] if array is None else ["CMD", *array], **check}


_HEALTH_TIMES = {
    "interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod", "start-interval": "StartInterval",
}  # fmt: skip
_CHANGES: dict[str, Callable[[Document, str], None]] = {
    "CMD": _command("Cmd"),
    "ENTRYPOINT": _command("Entrypoint"),
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health_check,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _working_directory,
}
