"""One instruction of a Dockerfile as it stands: its keyword, its flags, its words; nothing is expanded yet."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from ..errors import OcipipeError
from ..images import settings
from ..images.lexer import Lexer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .steps import Place

ONE, MANY, SWITCH = "one", "many", "switch"
"""How often a flag may stand, and that a switch may go without a value."""
_COPY = {"chown": ONE, "chmod": ONE, "link": SWITCH, "exclude": MANY}
FLAGS: dict[str, dict[str, str]] = {
    "ADD": {**_COPY, "checksum": ONE, "keep-git-dir": SWITCH, "unpack": SWITCH},
    "ARG": {},
    "CMD": {},
    "COPY": {**_COPY, "from": ONE, "parents": SWITCH},
    "ENTRYPOINT": {},
    "ENV": {},
    "EXPOSE": {},
    "FROM": {"platform": ONE},
    "HEALTHCHECK": dict.fromkeys(settings.HEALTH_OPTIONS, ONE),
    "LABEL": {},
    "MAINTAINER": {},
    "ONBUILD": {},
    "RUN": {"mount": MANY, "network": ONE, "security": ONE},
    "SHELL": {},
    "STOPSIGNAL": {},
    "USER": {},
    "VOLUME": {},
    "WORKDIR": {},
}
"""Every instruction's keyword, with its flags."""
JSON_FORMS = frozenset(("ADD", "CMD", "COPY", "ENTRYPOINT", "RUN", "SHELL", "VOLUME"))
NO_TRIGGERS = frozenset(("FROM", "MAINTAINER", "ONBUILD"))
HEREDOCS = frozenset(("ADD", "COPY", "RUN"))
_BLANKS = str.maketrans("\t\v\f\r", "    ")
_LONGEST = 60
"""Characters of a word that a message shows."""
_WIDEST = 100
"""Characters of a line that an excerpt shows."""


class DockerfileError(OcipipeError):
    """Something in a Dockerfile that cannot be built. The message names file and line; the excerpt shows it."""

    code = "DOCKERFILE"

    def __init__(
        self, place: Place, subject: str, problem: str, remedy: str = "", *, source: Sequence[str] = (), at: str = ""
    ) -> None:
        """`source`: the lines of the place; `at`: the text in them that is meant."""
        line, column = next(((n, one.index(at)) for n, one in enumerate(source) if at and at in one), (0, 0))
        detail: dict[str, object] = {"file": place.file, "line": place.first + line}
        if source:
            text = source[line].rstrip()
            detail |= {"column": column + 1, "text": text}
            self.excerpt = _excerpt(place.first + line, text, column, len(at.rstrip()))
        subject = f"{place}{': ' if subject else ''}{subject}"
        super().__init__(_on_one_line(subject), _on_one_line(problem), _on_one_line(remedy), detail=detail)


def _excerpt(number: int, text: str, column: int, length: int) -> str:
    """A line, as far as a terminal is wide, and below it marks under `length` characters from `column` on."""
    begin = max(column - _WIDEST // 2, 0) if len(text) > _WIDEST else 0
    shown = text[begin : begin + _WIDEST]
    before, cut = shown[: column - begin], "…" if begin else ""
    blanks = "".join("\t" if one == "\t" else " " for one in before) + " " * len(cut)
    marks = "^" * min(max(length, 1), max(len(shown) - len(before), 1))
    return f"  {number} | {cut}{shown}\n  {' ' * len(str(number))} | {blanks}{marks}"


def _on_one_line(text: str) -> str:
    """A heredoc's text may be told, which has lines of its own and any bytes."""
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split("\n"))


class Heredoc:
    """`<<NAME` and the lines up to NAME. `expand`: variables in it count; `strip`: tabs before its lines don't."""

    __slots__ = ("content", "expand", "name", "strip")

    def __init__(self, name: str, expand: bool, strip: bool, content: str = "") -> None:
        self.name = name
        self.expand = expand
        self.strip = strip
        self.content = content

    @property
    def text(self) -> str:
        """The content as it is meant."""
        if not self.strip:
            return self.content
        return "".join(line.lstrip("\t") for line in self.content.splitlines(keepends=True))


class Instruction:
    """`keyword` in capitals, `written` as it stands; `text`: what follows its flags, on one line; `options`: the values
    of each flag; `words`: its words, of a JSON array those in it, and `json` is true then; `inner`: what an ONBUILD
    waits with; `comments`: those right above it; `gaps`: lines of it that are empty; `original`: all of it on one line.
    """

    __slots__ = (
        "comments", "escape", "gaps", "heredocs", "inner", "json", "keyword", "options", "original", "place",
        "source", "text", "words", "written",
    )  # fmt: skip

    def __init__(self, original: str, place: Place, source: Sequence[str], escape: str) -> None:
        """Raises DockerfileError. `source`: the lines of the place."""
        self.original = original.strip()
        self.place = place
        self.source = source
        self.escape = escape
        self.comments: list[str] = []
        self.gaps: list[int] = []
        self.heredocs: list[Heredoc] = []
        self.inner: Instruction | None = None
        self.json = False
        self.written, *rest = self.original.translate(_BLANKS).split(" ", 1)
        self.keyword = self.written.upper()
        if self.keyword not in FLAGS:
            raise self.refuse(f"unknown instruction {self.written}", near(self.keyword, FLAGS), at=self.written)
        flags, self.text = _flags(self.original[len(self.written) :]) if rest else ([], "")
        self.options = self._options(flags)
        self.words = self._words()
        if self.keyword == "ONBUILD" and self.text:
            self.inner = self._waiting()

    def refuse(self, problem: str, remedy: str = "", *, at: str = "") -> DockerfileError:
        """The error of this instruction; `at`: the text in it that is wrong."""
        subject = self.keyword if self.keyword in FLAGS else ""
        shown = at if len(at) <= _LONGEST else f"{at[:_LONGEST]}…"
        if subject and shown and shown != self.written:
            subject += f" {shown}"
        return DockerfileError(self.place, subject, problem, remedy, source=self.source, at=at or self.written)

    def put_to(self, error: OcipipeError) -> OcipipeError:
        """The error of what this instruction asked for, naming the place of it."""
        if not f"{error.subject}:".startswith(f"{self.place}:"):
            error.subject = f"{self.place}: {error.subject}"
        error.detail = error.detail or {"file": self.place.file, "line": self.place.first}
        return error

    def option(self, name: str) -> str:
        """The value of a flag, '' where it does not stand."""
        return self.options.get(name, [""])[-1]

    def switch(self, name: str) -> bool | None:
        """Whether a switch is on; None where it does not stand."""
        return self.option(name) == "true" if name in self.options else None

    def _options(self, written: Sequence[str]) -> dict[str, list[str]]:
        known = FLAGS[self.keyword]
        found: dict[str, list[str]] = {}
        for flag in written:
            name, equals, value = flag[2:].partition("=")
            kind = known.get(name)
            at = f"--{name}{equals}"
            if kind is None:
                flags = f"it knows --{', --'.join(known)}" if known else "it has none"
                raise self.refuse(f"unknown flag --{name}", near(name, known, "--") or flags, at=at)
            if name in found and kind != MANY:
                raise self.refuse(f"--{name} stands twice", at=at)
            if kind == SWITCH and not equals:
                value = "true"
            elif not equals or (kind == SWITCH and value.lower() not in ("true", "false")):
                needed = "true or false" if kind == SWITCH else "a value"
                raise self.refuse(f"--{name} needs {needed}", f"write --{name}=…", at=at)
            found.setdefault(name, []).append(value.lower() if kind == SWITCH else value)
        return found

    def _waiting(self) -> Instruction:
        word = self.words[0]
        if word.upper() in NO_TRIGGERS:
            raise self.refuse(f"{word.upper()} cannot wait for a later build", at=word)
        return Instruction(self.text, self.place, self.source, self.escape)

    def _words(self) -> list[str]:
        if self.keyword in JSON_FORMS:
            try:
                array = settings.array(self.text)
            except FormatError as error:
                raise self.refuse(error.problem, at=self.text) from None
            if array is not None:
                self.json = True
                return array
        return blank_split(self.text)

    def __repr__(self) -> str:
        return f"Instruction({self.place}, {self.original!r})"


def blank_split(text: str) -> list[str]:
    """Words between blanks; quotes and escapes mean nothing."""
    return [word for word in text.translate(_BLANKS).split(" ") if word]


def _flags(text: str) -> tuple[list[str], str]:
    """The `--name=value` words at the start of `text`, unquoted, and what follows them."""
    found: list[str] = []
    position = 0
    while True:
        while text[position : position + 1].isspace():
            position += 1
        if not text.startswith("--", position):
            return found, text[position:].rstrip()
        word, position = _flag(text, position)
        if word == "--":
            return found, text[position:].strip()
        found.append(word)


def _flag(text: str, position: int) -> tuple[str, int]:
    """The word from `position` on, without its quotes and escapes, and where it ends."""
    word = quote = ""
    while position < len(text) and (quote or not text[position].isspace()):
        character = text[position]
        position += 1
        if character == quote:
            quote = ""
        elif character in "'\"" and not quote:
            quote = character
        elif character == "\\":
            word += text[position : position + 1]
            position += 1
        else:
            word += character
    return word, position


def heredoc(word: str) -> Heredoc | None:
    """Of a word like `<<EOF`, `<<-"EOF"` or `3<<EOF`; None for any other. Raises FormatError."""
    rest = word.lstrip("0123456789")
    if not rest.startswith("<<"):
        return None
    strip = rest.startswith("<<-")
    name = rest[3 if strip else 2 :].lstrip()
    if not name or "<" in name:
        return None
    bare = Lexer({}, unset="keep").words(name)
    if len(bare) != 1:
        return None
    quoted = Lexer({}, quotes="keep", unset="keep").words(name)[0]
    return Heredoc(bare[0], bare[0] == quoted, strip)


def heredoc_words(text: str) -> list[str]:
    """The words of a line, quoted ones whole and as they are written, `<< NAME` as one; none for an open quote."""
    try:
        found = Lexer({}, quotes="keep", escapes="keep", unset="keep").words(text)
    except FormatError:
        return []
    joined: list[str] = []
    for word in found:
        if joined and joined[-1].lstrip("0123456789") in ("<<", "<<-"):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def near(word: str, known: Iterable[str], dashes: str = "") -> str:
    """`did you mean --mount?` where something known is much like it."""
    from difflib import get_close_matches

    found = get_close_matches(word, list(known), 1)
    return f"did you mean {dashes}{found[0]}?" if found else ""
