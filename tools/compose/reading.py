"""A file with everything that it brings: read, its variables replaced, in canonical form, checked, its services
extended (compose-spec, 05-services.md, extends) and what it includes put in (14-include.md)."""

from __future__ import annotations

import os

from . import canonical, check, environment, files, interpolate, load, merge
from .positions import ComposeError, Mapping, Place, Source, copied

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping as Variables
    from typing import Any, BinaryIO

_SECTIONS = ("services", "networks", "volumes", "secrets", "configs")
_DEEPEST = 50
"""Includes inside one another, and services that extend one another."""


class Reader:
    """Reads the files of one project. `variables` are what values refer to; `directory` is what paths start at."""

    def __init__(
        self, variables: Variables[str, str], directory: str, *, missing: Callable[[str, Place], None],
        stdin: BinaryIO | None = None, literal: bool = False, including: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.variables = variables
        self.directory = directory
        self.missing = missing
        self.stdin = stdin
        self.literal = literal
        self.including = including
        self._parsed: dict[str, list[Mapping]] = {}
        self._bases: dict[tuple[str, str], Mapping] = {}

    def parsed(self, path: str) -> list[Mapping]:
        """The documents of a file as they stand. Raises NotFound, ComposeError."""
        found = self._parsed.get(path)
        if found is None:
            found = self._parsed[path] = load.documents(files.read(path, self.stdin), files.shown(path))
        return found

    def document(self, path: str) -> Mapping:
        """The whole of a file, in canonical form. Raises ComposeError, NotFound."""
        whole = Mapping(Place(files.shown(path), 0))
        for part in self.parsed(path):
            made = self._canonical(part, self.directory)
            _Extension(self, made, path, self.directory).services()
            self._include(made, path)
            merge.lay(whole, made)
        return whole

    def _canonical(self, part: Mapping, directory: str) -> Mapping:
        part = copied(part)
        if not self.literal:
            interpolate.interpolate(part, self.variables, self.missing)
        home = self.variables.get("HOME", "")
        made = canonical.document(part, Source(directory, home, literal=self.literal))
        check.check(made, literal=self.literal)
        if not self.literal:
            for service in made.get("services", {}).values():
                _resolve(service, self.variables)
        return made

    def base(self, path: str, directory: str) -> Mapping:
        """A file that a service is extended from, its own services not extended yet."""
        found = self._bases.get((path, directory))
        if found is None:
            found = Mapping(Place(files.shown(path), 0))
            for part in self.parsed(path):
                merge.lay(found, self._canonical(part, directory))
            self._bases[path, directory] = found
        return found

    def _include(self, document: Mapping, path: str) -> None:
        for number, entry in enumerate(document.get("include") or ()):
            place = document["include"].place_of(number)
            where: list[str | int] = ["include", number]
            paths = [self._resolved(one, self.directory) for one in entry["path"]]
            if not paths:
                raise ComposeError(place, where, "names no file")
            again = next((one for one in paths if one == path or one in self.including), None)
            if again is not None or len(self.including) >= _DEEPEST:
                raise ComposeError(place, where, f"{files.shown(again or paths[0])} includes itself")
            given = entry.get("project_directory")
            directory = self._resolved(given, self.directory) if given else os.path.dirname(paths[0])
            variables = self._variables(entry, directory, place, where)
            reader = Reader(
                variables, directory, missing=self.missing, literal=self.literal,
                including=(*self.including, path),
            )  # fmt: skip
            included = Mapping(place)
            for one in paths:
                if not os.path.exists(one):
                    raise ComposeError(place, where, f"{files.shown(one)}: no such file")
                merge.lay(included, reader.document(one))
            _imported(document, included)
        document.drop("include")

    def _variables(self, entry: Mapping, directory: str, place: Place, where: list[str | int]) -> Variables[str, str]:
        """What an included file's values refer to: this file's variables, then those of its own files."""
        given = [self._resolved(one, self.directory) for one in entry.get("env_file") or ()]
        for one in given:
            if not os.path.exists(one):
                raise ComposeError(place, [*where, "env_file"], f"{files.shown(one)}: no such file")
        found = [one for one in given if one != os.devnull]
        return environment.extended(
            self.variables, found if given else environment.beside(directory, self.variables), self.missing
        )

    def _resolved(self, path: str, directory: str) -> str:
        if path == "~" or path.startswith("~/"):
            path = self.variables.get("HOME", "") + path[1:]
        return os.path.normpath(os.path.join(directory, path))


def _resolve(service: Mapping, variables: Variables[str, str]) -> None:
    """Names without a value get the one that the variable has; one that has none stays null."""
    build = service.get("build") or {}
    hooks = [hook for key in ("pre_start", "post_start", "pre_stop") for hook in service.get(key) or ()]
    for values in (service.get("environment"), build.get("args"), *(hook.get("environment") for hook in hooks)):
        for key, value in (values or {}).items():
            if value is None:
                values[key] = variables.get(key)


def _imported(document: Mapping, included: Mapping) -> None:
    """Puts what a file includes into it. Raises ComposeError for a thing that both have, and not the same."""
    for section in _SECTIONS:
        theirs = included.get(section)
        if not theirs:
            continue
        if section not in document:
            document.put(section, Mapping(theirs.place), included.place_of(section))
        mine = document[section]
        for key, value in theirs.items():
            if key in mine and mine[key] != value:
                raise ComposeError(
                    mine.place_of(key), [section, key], f"is in the included {theirs.place_of(key)} too",
                    "give it another name, or change it in an override file",
                )  # fmt: skip
            mine.put(key, value, theirs.place_of(key))
    for key, value in included.items():
        if key.startswith("x-") and key not in document:
            document.put(key, value, included.place_of(key))


class _Extension:
    """The services of one document, each laid over what it extends. `directory` is what `file` starts at."""

    def __init__(self, reader: Reader, document: Mapping, path: str, directory: str) -> None:
        self.reader = reader
        self.document = document
        self.path = path
        self.directory = directory

    def services(self) -> None:
        services = self.document.get("services", {})
        for name in services:
            services[name] = self.service(name, ())

    def service(self, name: str, trail: tuple[tuple[str, str], ...]) -> Mapping:
        """A service with everything that it extends. `trail`: the files and services that are being extended.
        Raises ComposeError."""
        service: Mapping = self.document["services"][name]
        extends = service.get("extends")
        if extends is None:
            return service
        place = service.place_of("extends")
        key = ["services", name, "extends"]
        trail = (*trail, (self.path, name))
        other: str = extends["service"]
        base = self
        if extends.get("file"):
            path = self.reader._resolved(extends["file"], self.directory)
            if path != self.path:
                if not os.path.exists(path):
                    raise ComposeError(place, key, f"{files.shown(path)}: no such file")
                directory = os.path.dirname(path)
                base = _Extension(self.reader, self.reader.base(path, directory), path, directory)
        if (base.path, other) in trail:
            names = " -> ".join([*(one for _, one in trail), other])
            raise ComposeError(place, key, f"services extend one another: {names}")
        if len(trail) > _DEEPEST:
            raise ComposeError(place, key, f"services extend one another more than {_DEEPEST} times")
        if other not in (base.document.get("services") or ()):
            raise ComposeError(place, key, f"{files.shown(base.path)} has no service {other}")
        made = merge.merged_service(base.service(other, trail), service)
        made.drop("extends")
        return made


def project_name(document: Mapping, variables: Variables[str, str], *, literal: bool) -> tuple[Any, Place] | None:
    """The `name` that a file gives the project, with its place. Raises ComposeError."""
    if "name" not in document:
        return None
    place = document.place_of("name")
    name = document["name"]
    if isinstance(name, str) and not literal:
        try:
            name = interpolate.substitute(name, variables, lambda _: None)
        except interpolate.Refused as error:
            raise ComposeError(place, ["name"], error.problem, error.remedy) from None
    return name, place
