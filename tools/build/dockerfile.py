"""The Dockerfile language (https://docs.docker.com/reference/dockerfile/): bytes in, instructions out. Pure."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from .instruction import HEREDOCS, DockerfileError, Heredoc, Instruction, heredoc, heredoc_words
from .steps import Place
from .syntax import check

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_DIRECTIVES = ("check", "escape", "syntax")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


class Dockerfile:
    """`name`: as it was given; `directives`: values of syntax, escape and check, where they stand."""

    __slots__ = ("directives", "instructions", "name")

    def __init__(self, name: str, directives: dict[str, str], instructions: list[Instruction]) -> None:
        self.name = name
        self.directives = directives
        self.instructions = instructions

    @property
    def escape(self) -> str:
        return self.directives.get("escape", "\\")


def parse(data: bytes, name: str = "Dockerfile") -> Dockerfile:
    """Reads a Dockerfile. Raises DockerfileError."""
    reader = _Reader(data, name)
    directives = reader.directives()
    instructions = list(reader.instructions())
    if not instructions:
        raise DockerfileError(Place(name, 1, 1), "", "holds no instructions", "begin with FROM image")
    return Dockerfile(name, directives, instructions)


def trigger(text: str, place: Place) -> Instruction:
    """The instruction that an image's ONBUILD has for a build at `place`. Raises DockerfileError."""
    subject = f"ONBUILD {text[:60]} of the base"
    try:
        found = parse(text.encode("utf-8", "replace"), place.file).instructions
    except DockerfileError as error:
        raise DockerfileError(place, subject, error.problem, error.remedy) from None
    if len(found) != 1 or found[0].keyword == "FROM":
        raise DockerfileError(place, subject, "is not one instruction that can wait")
    found[0].place = place
    return found[0]


class _Reader:
    """Goes through the lines once; `next` is the number of lines that were read."""

    def __init__(self, data: bytes, name: str) -> None:
        self.name = name
        # Comments and heredocs may hold what is no UTF-8; it is found where it stands in an instruction.
        self.lines = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").split("\n")
        if self.lines[-1] == "":
            self.lines.pop()
        self.next = 0
        self.escape = "\\"

    def refuse(self, first: int, problem: str, remedy: str = "", *, at: str = "") -> DockerfileError:
        """The error of the line at index `first`, or of those from there to the last one that was read."""
        place = Place(self.name, first + 1, max(self.next, first + 1))
        return DockerfileError(place, "", problem, remedy, source=_shown(self.lines[first : self.next]), at=at)

    def directives(self) -> dict[str, str]:
        found: dict[str, str] = {}
        begin = 1 if self.lines and self.lines[0].startswith("#!") else 0
        for index in range(begin, len(self.lines)):
            key, value = _directive(self.lines[index])
            if key not in _DIRECTIVES or not value:
                break
            if key in found:
                self.next = index + 1
                raise self.refuse(index, f"the directive {key} stands twice", at=key)
            if key == "escape" and value not in ("\\", "`"):
                self.next = index + 1
                raise self.refuse(index, f"{value} cannot be the escape character", "write \\ or `", at=value)
            found[key] = value
            self.next = index + 1
        self.escape = found.get("escape", "\\")
        return found

    def instructions(self) -> Sequence[Instruction]:
        found: list[Instruction] = []
        comments: list[str] = []
        while self.next < len(self.lines):
            line = self.lines[self.next].strip()
            if line.startswith("#"):
                text = line[1:].strip()
                comments = [*comments, text] if text else []
            elif line:
                instruction = self.instruction()
                if instruction is not None:
                    instruction.comments = comments
                    found.append(instruction)
                comments = []
                continue
            else:
                comments = []
            self.next += 1
        return found

    def instruction(self) -> Instruction | None:
        """The instruction from here on; None for continuations of nothing."""
        first = self.next
        parts: list[str] = []
        gaps: list[int] = []
        more = True
        while more and self.next < len(self.lines):
            line = self.lines[self.next].rstrip("\r")
            self.next += 1
            bare = line.lstrip()
            if bare.startswith("#"):
                continue
            if not bare:
                gaps.append(self.next)
                continue
            line, more = self.continued(line if parts else bare)
            parts.append(line)
        text = "".join(parts)
        if not text.strip():
            return None
        if not _is_text(text):
            raise self.refuse(first, "holds bytes that are no text", "save the file as UTF-8")
        place = Place(self.name, first + 1, self.next)
        instruction = Instruction(text, place, _shown(self.lines[first : self.next]), self.escape)
        instruction.gaps = gaps
        self.heredocs(instruction, text)
        check(instruction)
        return instruction

    def continued(self, line: str) -> tuple[str, bool]:
        """`line` without the escape character that continues it, and whether there is one."""
        bare = line.rstrip(" \t")
        if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
            return bare[:-1], True
        return line, False

    def heredocs(self, instruction: Instruction, text: str) -> None:
        """Reads the heredocs that an instruction names."""
        holder = instruction.inner or instruction
        if holder.keyword not in HEREDOCS or holder.json or "<<" not in text:
            return
        try:
            found = [one for one in map(heredoc, heredoc_words(text)) if one is not None]
        except FormatError as error:
            raise instruction.refuse(error.problem, at="<<") from None
        for one in found:
            self.heredoc(instruction, one)
            # A script becomes an argument and a line of the history; what COPY makes of it is a file.
            if instruction.keyword not in ("ADD", "COPY") and not _is_text(one.content):
                raise instruction.refuse(f"the heredoc {one.name} holds bytes that are no text", at="<<")
        for each in (instruction, instruction.inner):
            if each is not None and found:
                each.heredocs = found
                each.place = instruction.place = Place(self.name, instruction.place.first, self.next)
                if each.keyword in ("ADD", "COPY"):
                    each.words = heredoc_words(each.text)

    def heredoc(self, instruction: Instruction, one: Heredoc) -> None:
        begin = self.next
        while self.next < len(self.lines):
            line = self.lines[self.next].rstrip("\r")
            self.next += 1
            if (line.lstrip("\t") if one.strip else line) == one.name:
                one.content = "".join(f"{each}\n" for each in self.lines[begin : self.next - 1])
                return
        raise instruction.refuse(f"the heredoc {one.name} has no end", f"write a line {one.name}", at="<<")


def _directive(line: str) -> tuple[str, str]:
    """Name, in small letters, and value of `# name = value`; '' twice for any other line."""
    text = line.strip()
    name, equals, value = text[1:].partition("=")
    name = name.strip().lower()
    if text[:1] != "#" or not equals or not name or name[0].isdecimal() or not _LETTERS.issuperset(name):
        return "", ""
    return name, value.strip()


def _shown(lines: Sequence[str]) -> list[str]:
    return [line.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for line in lines]


def _is_text(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
