"""Files of variables: `.env`, `--env-file`, and a service's env_file (compose-spec, 05-services.md, env_file).

A line is `NAME=value`, with `export ` before it or not, `NAME: value`, or `NAME` alone, which takes the value that the
variable has already. `#` at the start of a line or after a blank begins a comment. A value in single quotes is as it
stands; in double quotes `\\n \\r \\t \\" \\\\ \\$` are escapes; in both it may go on over several lines. Variables in
values that are not in single quotes are replaced as in compose files, those of earlier lines included.

The format `raw` has only `NAME=value` lines, and takes values as they stand.
"""

from __future__ import annotations

from .interpolate import Refused, substitute
from .positions import ComposeError, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Variables

_BLANKS = " \t\r\v\f"
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}
"""What a character means after a backslash in double quotes; a dollar sign is doubled for the variables' sake."""


def parse(
    data: bytes, file: str, variables: Variables[str, str], missing: Callable[[str, Place], None]
) -> dict[str, str]:
    """The variables in `data`. `variables`: what values refer to, before what the file says itself, and what a name
    alone takes its value from; `missing` as in `interpolate`. Raises ComposeError."""
    return _Parser(_text(data, file), file, variables, missing).parse()


def raw(data: bytes, file: str) -> dict[str, str]:
    """The variables in `data`, each value as it stands. Raises ComposeError."""
    found: dict[str, str] = {}
    for number, line in enumerate(_text(data, file).replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise ComposeError(Place(file, number), (), f"{line[:40]!r} is no NAME=value")
        found[name.strip()] = value
    return found


def _text(data: bytes, file: str) -> str:
    try:
        return data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ComposeError(Place(file, line), (), "is not UTF-8") from None


class _Parser:
    def __init__(
        self, text: str, file: str, variables: Variables[str, str], missing: Callable[[str, Place], None]
    ) -> None:
        self.text = text
        self.file = file
        self.outer = variables
        self.missing = missing
        self.position = 0
        self.found: dict[str, str] = {}

    def parse(self) -> dict[str, str]:
        end = len(self.text)
        while True:
            while self.position < end and self.text[self.position] in _BLANKS + "\n":
                self.position += 1
            if self.position >= end:
                return self.found
            if self.text[self.position] == "#":
                self.position = self.line_end()
            else:
                self.statement()

    def place(self) -> Place:
        return Place(self.file, self.text.count("\n", 0, self.position) + 1)

    def line_end(self) -> int:
        end = self.text.find("\n", self.position)
        return len(self.text) if end < 0 else end

    def statement(self) -> None:
        end = self.line_end()
        line = self.text[self.position : end]
        place = self.place()
        if line.startswith("export") and line[6:7] in _BLANKS and line[6:]:
            stripped = line[6:].lstrip(_BLANKS)
            self.position += len(line) - len(stripped)
            line = stripped
        marks = [at for at in (line.find("="), line.find(":")) if at >= 0]
        at = min(marks) if marks else -1
        name = (line[:at] if at >= 0 else line.partition(" #")[0]).strip(_BLANKS)
        if not name or not all(part.isalnum() or part in "_.-[]" for part in name):
            raise ComposeError(place, (), f"{name or line[:40]!r} is no name of a variable", "write NAME=value")
        if at < 0:
            self.position = end
            value = self.outer.get(name)
            if value is not None:
                self.found[name] = value
            return
        self.position += at + 1
        while self.position < end and self.text[self.position] in _BLANKS:
            self.position += 1
        self.found[name] = self.value(end, place)

    def value(self, end: int, place: Place) -> str:
        """The value that begins here, and whose line ends at `end`; after it the position is at the line's end.
        Raises ComposeError."""
        quote = self.text[self.position : self.position + 1]
        if quote not in ("'", '"'):
            value = self.text[self.position : end]
            self.position = end
            if value.startswith("#"):
                return ""
            for blank in (" #", "\t#"):
                value = value.partition(blank)[0]
            return self.expanded(value.strip(_BLANKS), place)
        parts: list[str] = []
        at = self.position + 1
        while (character := self.text[at : at + 1]) != quote:
            if not character:
                raise ComposeError(place, (), f"the quote {quote} is not closed")
            if character == "\\":
                following = self.text[at + 1 : at + 2]
                if quote == '"' and following in _ESCAPES:
                    parts.append(_ESCAPES[following])
                    at += 2
                    continue
                if quote == "'" and following == "'":
                    parts.append("'")
                    at += 2
                    continue
            parts.append(character)
            at += 1
        self.position = at + 1
        end = self.line_end()
        rest = self.text[self.position : end].strip(_BLANKS)
        if rest and not rest.startswith("#"):
            raise ComposeError(place, (), f"{rest[:40]!r} follows the closing quote", "quote the whole value")
        self.position = end
        text = "".join(parts)
        return text if quote == "'" else self.expanded(text, place)

    def expanded(self, value: str, place: Place) -> str:
        if "$" not in value:
            return value
        try:
            return substitute(value, {**self.found, **self.outer}, lambda name: self.missing(name, place))
        except Refused as error:
            raise ComposeError(place, (), error.problem, error.remedy) from None
