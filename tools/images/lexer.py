"""Variables, quotes and escapes in the words of Dockerfile instructions.

`$NAME` and `${NAME}`; `${NAME:-word}`, `${NAME:+word}`, `${NAME:?word}`, which take an empty variable for one that is
not set, and the same without the colon, which don't; `${NAME#pattern}`, `##`, `%`, `%%` without the shortest or the
longest part at its start or end that matches; `${NAME/pattern/word}` and `//` with the first or every match replaced.
A pattern has `*`, `?` and escapes. In single quotes nothing is special; in double quotes `$` is, and the escape
character before `$`, `"` and itself. The escape character is the backslash, or what `# escape=` says.
"""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BLANKS = " \t\r\n\v\f"
_DEEPEST = 100
"""Expansions inside one another."""
_PARAMETERS = "@*#?-$!"
"""What a shell has values for and a Dockerfile never does."""


class Lexer:
    """Replaces variables in words. `used` and `missing` collect the names that it met, with and without a value.

    `quotes`: drop them; keep what they mean but leave them there; or plain, where they mean nothing. `escapes` and
    `unset` variables: drop, or keep them as they are written.
    """

    def __init__(
        self, variables: Mapping[str, str], escape: str = "\\", *,
        quotes: str = "drop", escapes: str = "drop", unset: str = "drop",
    ) -> None:  # fmt: skip
        self.variables = variables
        self.escape = escape
        self.quotes = quotes
        self.keeps_escapes = escapes == "keep"
        self.keeps_unset = unset == "keep"
        self.used: set[str] = set()
        self.missing: set[str] = set()

    def word(self, text: str) -> str:
        """All of `text` as one. Raises FormatError."""
        return _Pass(self, text).until("", self.keeps_escapes)[0]

    def words(self, text: str) -> list[str]:
        """`text` split at blanks that are not quoted, those of variables' values included. Raises FormatError."""
        return _Pass(self, text).until("", self.keeps_escapes)[1]


class _Words:
    """Words as they grow."""

    __slots__ = ("done", "word")

    def __init__(self) -> None:
        self.done: list[str] = []
        self.word = ""

    def add(self, text: str) -> None:
        """`text`, which ends a word at every blank."""
        for character in text:
            if character not in BLANKS:
                self.word += character
            elif self.word:
                self.end()

    def end(self) -> list[str]:
        if self.word:
            self.done.append(self.word)
            self.word = ""
        return self.done


class _Pass:
    """One way through a text, from `position` on."""

    __slots__ = ("depth", "lexer", "position", "text")

    def __init__(self, lexer: Lexer, text: str) -> None:
        self.lexer = lexer
        self.text = text
        self.position = 0
        self.depth = 0

    def refuse(self, problem: str) -> FormatError:
        return FormatError(self.text, problem)

    def next(self) -> str:
        """The character here, '' at the end."""
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        found = self.next()
        self.position += 1
        return found

    def until(self, closing: str, raw: bool) -> tuple[str, list[str]]:
        """What stands from here up to a `closing` that is neither quoted nor escaped, and after that; as one and as
        words. With `raw`, escapes stay in it."""
        parts: list[str] = []
        words = _Words()
        escape, quotes = self.lexer.escape, self.lexer.quotes
        while character := self.next():
            if character == closing:
                self.position += 1
                return "".join(parts), words.end()
            if character == "$":
                part = self.variable()
                words.add(part)
            elif character in "'\"" and quotes != "plain":
                part = self.single() if character == "'" else self.double(raw)
                words.word += part
            elif character == escape:
                self.position += 1
                part = (escape if raw else "") + self.take()
                words.word += part
            else:
                self.position += 1
                part = character
                words.add(part)
            parts.append(part)
        if closing:
            raise self.refuse(f"a {closing} is missing")
        return "".join(parts), words.end()

    def single(self) -> str:
        begin = self.position
        end = self.text.find("'", begin + 1)
        if end < 0:
            raise self.refuse("a quote ' is not closed")
        self.position = end + 1
        return self.text[begin : end + 1] if self.lexer.quotes == "keep" else self.text[begin + 1 : end]

    def double(self, raw: bool) -> str:
        kept = '"' if self.lexer.quotes == "keep" else ""
        parts = [kept]
        self.position += 1
        while character := self.next():
            if character == "$":
                parts.append(self.variable())
                continue
            self.position += 1
            if character == '"':
                return "".join(parts) + kept
            if character == self.lexer.escape:
                if raw:
                    parts.append(character)
                after = self.next()
                if after and after in ('"', "$", character):
                    character = self.take()
                elif raw or not after:
                    continue
            parts.append(character)
        raise self.refuse('a quote " is not closed')

    def variable(self) -> str:
        """The value of the variable whose `$` is here."""
        begin = self.position
        self.position += 1
        if self.next() != "{":
            name = self.name()
            return self.value(name, self.text[begin : self.position])[0] if name else "$"
        self.position += 1
        name = self.name()
        if not name:
            raise self.refuse("${ is not followed by a name" if self.next() else "a } is missing")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.refuse("variables are nested too deeply")
        found = self.modified(name, begin)
        self.depth -= 1
        return found

    def name(self) -> str:
        begin = self.position
        first = self.next()
        if first and first in _PARAMETERS:
            self.position += 1
        elif first.isdecimal():
            while self.next().isdecimal():
                self.position += 1
        else:
            while self.next().isalnum() or self.next() == "_":
                self.position += 1
        return self.text[begin : self.position]

    def value(self, name: str, written: str) -> tuple[str, bool]:
        """The variable's value, and whether it has one; where it has none, what stands for it."""
        found = self.lexer.variables.get(name)
        (self.lexer.missing if found is None else self.lexer.used).add(name)
        if found is None:
            return written if self.lexer.keeps_unset else "", False
        return found, True

    def modified(self, name: str, begin: int) -> str:
        """What `${name…}` stands for; it began at `begin`, and its name has been read."""
        operator = self.take()
        if operator == "}":
            return self.value(name, self.text[begin : self.position])[0]
        colon = operator == ":"
        if colon:
            operator = self.take()
        if not operator:
            raise self.refuse("a } is missing")
        if operator == "/" and not colon:
            every = self.next() == "/"
            self.position += every
            pattern = self.until("/", True)[0]
            word = self.until("}", True)[0]
        elif operator in "-+?" or (operator in "#%" and not colon):
            word = self.until("}", operator in "#%")[0]
        else:
            written = f"${{{name}{':' if colon else ''}{operator}"
            raise self.refuse(f"{written}… is no modifier (:- :+ :? - + ? # ## % %% / // are)")
        value, known = self.value(name, self.text[begin : self.position])
        if not known and self.lexer.keeps_unset:
            return value
        given = bool(value) if colon else known
        if operator == "-":
            return value if given else word
        if operator == "+":
            return word if given else ""
        if operator == "?":
            if not given:
                raise self.refuse(f"{name}: {word or ('is empty' if known else 'is not set')}")
            return value
        if operator == "/":
            return _matcher(self, pattern)(value, word, every)
        longest = word.startswith(operator)
        return _trimmed(self, value, word.removeprefix(operator) if longest else word, operator == "%", longest)


def _expression(walk: _Pass, pattern: str) -> str:
    """The regular expression of a shell's pattern. Raises FormatError."""
    from re import escape

    parts: list[str] = []
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "\\":
            # What would end the ${…} is escaped for us, anything else for the pattern.
            character = pattern[position : position + 1]
            position += 1
            if not character or character not in "}/*?\\":
                raise walk.refuse(f"the pattern {pattern} escapes what needs no escape")
            parts.append(escape(character))
        else:
            parts.append({"*": ".*", "?": "."}.get(character) or escape(character))
    return "".join(parts)


def _trimmed(walk: _Pass, value: str, pattern: str, at_end: bool, longest: bool) -> str:
    """`value` without the shortest or longest part at its start or end that `pattern` matches."""
    import re

    matches = re.compile(_expression(walk, pattern)).fullmatch
    for length in sorted(range(len(value) + 1), reverse=longest):
        if at_end and matches(value, len(value) - length):
            return value[: len(value) - length]
        if not at_end and matches(value, 0, length):
            return value[length:]
    return value


def _matcher(walk: _Pass, pattern: str) -> Callable[[str, str, bool], str]:
    import re

    substitute = re.compile(_expression(walk, pattern)).sub
    return lambda value, word, every: substitute(lambda _: word, value, 0 if every else 1)
