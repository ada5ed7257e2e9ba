"""The words that an instruction must have: checked before variables are replaced, in every stage, needed or not."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from ..images import settings, words
from .instruction import Instruction, heredoc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def check(instruction: Instruction) -> None:
    """Raises DockerfileError."""
    if not instruction.text and not (instruction.keyword == "RUN" and instruction.heredocs):
        raise instruction.refuse("says nothing", f"write {_EXAMPLES[instruction.keyword]}")
    judge = _CHECKS.get(instruction.keyword)
    if judge is not None:
        try:
            judge(instruction)
        except FormatError as error:
            raise instruction.refuse(error.problem, f"write {_EXAMPLES[instruction.keyword]}") from None


def stage_name(instruction: Instruction) -> str:
    """The name that a FROM gives its stage, in small letters; '' for none."""
    return instruction.words[2].lower() if len(instruction.words) == 3 else ""


def _from(one: Instruction) -> None:
    if len(one.words) != 1 and not (len(one.words) == 3 and one.words[1].upper() == "AS"):
        raise one.refuse("needs an image, or an image, AS and a name", "write FROM image AS name", at=one.text)
    name = stage_name(one)
    if name and not ("a" <= name[0] <= "z" and _NAME.issuperset(name)):
        raise one.refuse(
            f"{one.words[2]} is no name for a stage", "begin with a letter, go on with letters, digits, - _ and .",
            at=one.words[2],
        )  # fmt: skip


def _pairs(one: Instruction) -> None:
    words.pairs(one.text, one.escape)


def _arguments(one: Instruction) -> None:
    for word in words.split(one.text, one.escape):
        if word.startswith("="):
            raise one.refuse(f"{word} has no name", "write ARG NAME=value", at=word)


def _copy(one: Instruction) -> None:
    if len(one.words) < 2:
        raise one.refuse("needs a source and a destination", f"write {_EXAMPLES[one.keyword]}", at=one.text)
    if not one.json and heredoc(one.words[-1]) is not None:
        raise one.refuse("a heredoc cannot be the destination", f"write {one.keyword} <<EOF /path", at=one.words[-1])


def _command(one: Instruction) -> None:
    if one.keyword == "RUN" and one.json and not one.words:
        raise one.refuse("names no program", f"write {_EXAMPLES['RUN']}", at=one.text)


def _shell(one: Instruction) -> None:
    if not one.json or not one.words:
        raise one.refuse("needs a JSON array", f"write {_EXAMPLES['SHELL']}", at=one.text)


def _volume(one: Instruction) -> None:
    if not one.words or not all(word.strip() for word in one.words):
        raise one.refuse("a volume's path is empty", f"write {_EXAMPLES['VOLUME']}", at=one.text)


def _health(one: Instruction) -> None:
    settings.health({name: values[-1] for name, values in one.options.items()}, one.text)


def _on_build(one: Instruction) -> None:
    assert one.inner is not None
    check(one.inner)


_CHECKS: dict[str, Callable[[Instruction], None]] = {
    "ADD": _copy,
    "ARG": _arguments,
    "COPY": _copy,
    "ENV": _pairs,
    "FROM": _from,
    "HEALTHCHECK": _health,
    "LABEL": _pairs,
    "ONBUILD": _on_build,
    "RUN": _command,
    "SHELL": _shell,
    "VOLUME": _volume,
}
_EXAMPLES = {
    "ADD": "ADD source /path",
    "ARG": "ARG NAME or ARG NAME=value",
    "CMD": 'CMD ["program", "argument"]',
    "COPY": "COPY source /path",
    "ENTRYPOINT": 'ENTRYPOINT ["program", "argument"]',
    "ENV": "ENV NAME=value",
    "EXPOSE": "EXPOSE 80",
    "FROM": "FROM image",
    "HEALTHCHECK": "HEALTHCHECK CMD command, or HEALTHCHECK NONE",
    "LABEL": "LABEL name=value",
    "MAINTAINER": "LABEL org.opencontainers.image.authors=…",
    "ONBUILD": "ONBUILD RUN command",
    "RUN": "RUN command",
    "SHELL": 'SHELL ["/bin/sh", "-c"]',
    "STOPSIGNAL": "STOPSIGNAL SIGTERM",
    "USER": "USER name",
    "VOLUME": "VOLUME /path",
    "WORKDIR": "WORKDIR /path",
}
