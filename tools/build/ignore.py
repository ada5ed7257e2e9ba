"""Which paths of a context a .dockerignore leaves out, and COPY --exclude of what it copies.

A pattern is a path below the root, slashes around it do not matter; its wildcards are those of patterns.py. What
matches a directory covers all that is in it. With `!` a pattern brings back; of all that match, the last decides.
"""

from __future__ import annotations

import posixpath

from oci_spec.jsondoc import FormatError

from .instruction import DockerfileError
from .patterns import compiled, is_pattern
from .steps import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Pattern:
    """One pattern. `matches` tells of a path below the root whether it is meant itself."""

    __slots__ = ("matches", "parts", "text", "wanted")

    def __init__(self, text: str) -> None:
        """Raises FormatError."""
        self.wanted = text.startswith("!")
        bare = text[self.wanted :].strip()
        if not bare:
            raise FormatError(text, "a ! says nothing alone")
        self.text = posixpath.normpath(bare).lstrip("/")
        self.parts = self.text.split("/")
        self.matches: Callable[[str], object] = self.text.__eq__
        if is_pattern(self.text):
            try:
                self.matches = compiled(self.text, deep=True)
            except ValueError as error:
                raise FormatError(text, f"{text} is no pattern: {error}") from None

    def may_match_below(self, directory: str) -> bool:
        """Whether it may match the directory, or something in it."""
        for part, name in zip(self.parts, directory.split("/"), strict=False):
            if "**" in part:
                return True
            if part != name and (not is_pattern(part) or not Pattern(part).matches(name)):
                return False
        return True


class Spot:
    """A path on a walk from the root down. `ignored`: whether it is left out; `entered`: whether something in it may
    not be, so that a walk must go on into it."""

    __slots__ = ("_ignore", "_met", "ignored", "path")

    def __init__(self, ignore: Ignore, path: str, met: Sequence[bool], ignored: bool) -> None:
        self._ignore = ignore
        self._met = met
        self.path = path
        self.ignored = ignored

    @property
    def entered(self) -> bool:
        return not self.ignored or any(pattern.may_match_below(self.path) for pattern in self._ignore.back)

    def below(self, name: str) -> Spot:
        """The spot of an entry of this directory."""
        path = f"{self.path}/{name}" if self.path else name
        ignore = self._ignore
        if not ignore.back:  # each covers all below it: which of them is all the same
            return Spot(ignore, path, (), self.ignored or ignore.any(path))
        met = [
            before or bool(pattern.matches(path)) for pattern, before in zip(ignore.patterns, self._met, strict=True)
        ]
        ignored = False
        for pattern, one in zip(ignore.patterns, met, strict=True):
            if one:
                ignored = not pattern.wanted
        return Spot(ignore, path, met, ignored)


class Ignore:
    """Patterns, in their order. `back`: those that bring back."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = list(patterns)
        self.back = [pattern for pattern in patterns if pattern.wanted]
        self._plain = {pattern.text for pattern in patterns if not is_pattern(pattern.text)}
        self._special = [pattern.matches for pattern in patterns if pattern.text not in self._plain]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Ignore:
        """Raises FormatError."""
        return cls([Pattern(text) for text in texts])

    @property
    def root(self) -> Spot:
        """Where a walk begins."""
        return Spot(self, "", [False] * len(self.patterns), False)

    def any(self, path: str) -> bool:
        """Whether any pattern matches the path itself."""
        return path in self._plain or any(matches(path) for matches in self._special)

    def ignores(self, path: str) -> bool:
        """Whether a path below the root is left out."""
        spot = self.root
        for name in path.split("/"):
            spot = spot.below(name)
        return spot.ignored


def parse(data: bytes, name: str = ".dockerignore") -> Ignore:
    """Reads a .dockerignore. Raises DockerfileError."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    patterns = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            patterns.append(Pattern(line.strip()))
        except FormatError as error:
            shown = line.encode("utf-8", "surrogateescape").decode("utf-8", "replace").rstrip("\r")
            place = Place(name, number, number)
            raise DockerfileError(place, "", error.problem, source=[shown], at=shown.strip()) from None
    return Ignore(patterns)
