"""Changes to an image's config, written as Dockerfile instructions: `CMD ["sh"]`, `ENV A=1 B=2`, `EXPOSE 80`."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from ..errors import UsageError
from . import settings, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from oci_spec.jsondoc import Document


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


def _expanded(config: Document, text: str) -> str:
    found = words.expand(text, settings.variables(config))
    if not found:
        raise FormatError(text, "is empty")
    return found


def _command(key: str) -> Callable[[Document, str], None]:
    def change(config: Document, text: str) -> None:
        found = settings.array(text)
        config[key] = [*settings.SHELL, text] if found is None else found

    return change


def _pairs(config: Document, text: str) -> list[tuple[str, str]]:
    """`K=V K="V W"`, or `K V W` where the first word has no equals sign. All see the variables as they were before."""
    variables = settings.variables(config)
    return [(words.expand(key, variables), words.expand(value, variables)) for key, value in words.pairs(text)]


def _env(config: Document, text: str) -> None:
    settings.set_variables(config, _pairs(config, text))


def _label(config: Document, text: str) -> None:
    settings.set_labels(config, _pairs(config, text))


def _expose(config: Document, text: str) -> None:
    settings.expose(config, [port for word in words.split(text) for port in settings.ports(_expanded(config, word))])


def _volume(config: Document, text: str) -> None:
    found = settings.array(text)
    settings.add_volumes(config, [_expanded(config, word) for word in words.split(text)] if found is None else found)


def _user(config: Document, text: str) -> None:
    config["User"] = _expanded(config, text)


def _working_directory(config: Document, text: str) -> None:
    config["WorkingDir"] = settings.working_directory(config, _expanded(config, text))


def _stop_signal(config: Document, text: str) -> None:
    settings.set_stop_signal(config, _expanded(config, text))


def _health_check(config: Document, text: str) -> None:
    """`[--interval=…] CMD command`, or NONE."""
    options: dict[str, str] = {}
    word, _, rest = text.partition(" ")
    while word.startswith("--"):
        flag, _, value = word[2:].partition("=")
        options[flag] = value
        word, _, rest = rest.lstrip().partition(" ")
    config["Healthcheck"] = settings.health(options, f"{word} {rest}")


_CHANGES: dict[str, Callable[[Document, str], None]] = {
    "CMD": _command("Cmd"),
    "ENTRYPOINT": _command("Entrypoint"),
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _health_check,
    "LABEL": _label,
    "ONBUILD": settings.add_trigger,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _working_directory,
}
