"""A project: what compose files say, read, merged, checked and finished. The door to the pure half of compose."""

from __future__ import annotations

import os

from ..errors import NotFound, OcipipeError, Unsupported, UsageError
from . import environment, files, merge, names, order, profiles
from .finish import finish
from .positions import ComposeError, Mapping, Place, place_at
from .reading import Reader, project_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ..context import Context
    from .order import Graph


class Project:
    """name          of the project, [a-z0-9][a-z0-9_-]*
    directory     absolute; what relative paths started at
    files         the compose files, absolute, - for stdin: those the user chose, without what they include
    environment   the variables that values referred to, COMPOSE_PROJECT_NAME among them
    profiles      the active ones
    warnings      what people should know, a sentence each, no full stop
    model         the normalised model, of type `compose` (oci_spec/schema/compose.json), {name, services, networks,
                  volumes, secrets, configs, x-…}; every section is there, if empty, and holds all services, those in
                  no active profile too

    In the model everything has its long form; paths are absolute, sizes bytes (int), durations Go's notation
    (quantity.seconds reads them), file modes octal digits ("0440"), lists and mappings of KEY=VALUE mappings. Nothing
    is null but the value of a variable that takes away what the image sets. A service has:

        networks      {key: {aliases?, ipv4_address?, …}}, unless it has a network_mode; keys of the model's networks
        depends_on    {service: {condition, required, restart?}}, with what links, volumes_from and service:… imply
        environment   {name: text or null}, env_file's included (it is gone, as is label_file); labels likewise
        build         {context, dockerfile or dockerfile_inline, args?, …}; image may be missing then (see `image`)
        ports         [{target: int, published?: "8080" or "8000-8010", protocol, mode, host_ip?, name?}]
        volumes       [{type, source?, target, read_only?, bind?, volume?, tmpfs?, image?}]; of type volume a key of
                      the model's volumes, or no source for an anonymous one
        secrets       [{source, target: absolute, uid?, gid?, mode?}]; configs likewise
        devices       [{source, target, permissions}]
        ulimits       {name: {soft, hard}}
        healthcheck   {test: ["CMD" or "CMD-SHELL", …], interval?, …} or {disable: true}
        command, entrypoint   lists of words; [] clears what the image says, a missing one keeps it
        scale, cpus, mem_limit, pids_limit, mem_reservation, restart   whatever deploy says is said here too

    and networks, volumes, secrets and configs each have the `name` that the thing has or gets.
    """

    __slots__ = ("directory", "environment", "files", "model", "name", "profiles", "warnings")

    def __init__(
        self, name: str, directory: str, files: list[str], environment: dict[str, str], profiles: list[str],
        model: Mapping, warnings: list[str],
    ) -> None:  # fmt: skip
        self.name = name
        self.directory = directory
        self.files = files
        self.environment = environment
        self.profiles = profiles
        self.model = model
        self.warnings = warnings

    def service(self, name: str) -> Mapping:
        """A service of the model. Raises NotFound."""
        found: Mapping | None = self.model["services"].get(name)
        if found is None:
            raise NotFound(name, "no such service", f"the project has {', '.join(self.model['services'])}")
        return found

    def enabled(self, services: Sequence[str] = (), *, dependencies: bool = True) -> list[str]:
        """The services to act on, each after those that it depends on: the named ones, or all that are in no profile or
        in an active one; with what they depend on unless not `dependencies`. Raises NotFound, ComposeError (a circle, a
        dependency in no active profile)."""
        return order.ordered(self.graph(services, dependencies=dependencies))

    def graph(self, services: Sequence[str] = (), *, dependencies: bool = True) -> Graph:
        """The graph (order.graph) of those services. Raises as `enabled`."""
        return order.graph(self.model, profiles.enabled(self.model, self.profiles, services, dependencies=dependencies))

    def selected(self, services: Sequence[str] = (), *, dependencies: bool = True) -> dict[str, Any]:
        """The model with only the services of `enabled`, in the file's order, and what they use. Raises as that."""
        chosen = set(self.enabled(services, dependencies=dependencies))
        kept = {name: service for name, service in self.model["services"].items() if name in chosen}
        used: dict[str, set[str]] = {section: set() for section in ("networks", "volumes", "secrets", "configs")}
        for service in kept.values():
            used["networks"].update(service.get("networks") or ())
            used["volumes"].update(
                one["source"] for one in service.get("volumes") or () if one["type"] == "volume" and "source" in one
            )
            for section in ("secrets", "configs"):
                used[section].update(one["source"] for one in service.get(section) or ())
            used["secrets"].update(one["source"] for one in (service.get("build") or {}).get("secrets") or ())
        found: dict[str, Any] = {"name": self.name, "services": kept}
        for section, keys in used.items():
            if keys:
                found[section] = {key: value for key, value in self.model[section].items() if key in keys}
        return found | {key: value for key, value in self.model.items() if key.startswith("x-")}

    def image(self, name: str) -> str:
        """The name of a service's image: what it says, or what it is built as. Raises NotFound."""
        return str(self.service(name).get("image") or names.image(self.name, name))

    def hash(self, name: str) -> str:
        """A service's configuration hash (hashing.config_hash). Raises NotFound."""
        from . import hashing

        self.service(name)
        return hashing.config_hash(self.model, name, self.environment)

    def where(self, *path: str | int) -> str:
        """Where something of the model was written, for messages: `compose.yaml:12`."""
        return str(place_at(self.model, path))


def load(
    ctx: Context, chosen: Sequence[str] = (), *, name: str | None = None, directory: str | None = None,
    env_files: Sequence[str] = (), profiles: Sequence[str] = (),
) -> Project:  # fmt: skip
    """The project of the compose files `chosen` (paths, - for stdin; none: as COMPOSE_FILE says, or the usual ones), as
    `compose-*` are asked for it: `name` -p, `directory` --project-directory, `env_files` --env-file, `profiles`
    --profile. Raises ComposeError for what files say, NotFound for files that are not there, UsageError for options.
    """
    with _Excerpt():
        return _Loading(
            ctx, chosen, name=name, directory=directory, env_files=env_files, profiles=profiles, literal=False
        ).project()


def asked(ctx: Context, args: Any) -> Project:
    """The project that a command's arguments ask for (cli.options.COMPOSE); its warnings are told. Raises as `load`."""
    project = load(ctx, args.file, **_options(args))
    for warning in project.warnings:
        ctx.progress.warn(warning)
    return project


def literal(ctx: Context, args: Any) -> Mapping:
    """The merged files that a command's arguments ask for, in canonical form as far as that is possible without the
    values of variables, which stay as they are written. Raises as `load`."""
    with _Excerpt():
        return _Loading(ctx, args.file, **_options(args), literal=True).merged()


def _options(args: Any) -> dict[str, Any]:
    return {
        "name": args.project_name, "directory": args.project_directory, "env_files": args.env_file,
        "profiles": args.profile,
    }  # fmt: skip


class _Excerpt:
    """Adds to a ComposeError that comes out of its block the line that it is about."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, ComposeError):
            error.excerpt = files.line(error.place)


class _Loading:
    def __init__(
        self, ctx: Context, chosen: Sequence[str], *, name: str | None, directory: str | None,
        env_files: Sequence[str], profiles: Sequence[str], literal: bool,
    ) -> None:  # fmt: skip
        self.ctx = ctx
        self.warnings: list[str] = []
        self.missed: set[str] = set()
        self.literal = literal
        start = os.path.abspath(directory) if directory else os.getcwd()
        named = [one for one in chosen if one != files.STDIN]
        before = start if directory or not named else os.path.dirname(os.path.abspath(named[0]))
        env = {key: value for key, value in ctx.env.items() if _is_text(key) and _is_text(value)}
        self.foreign = ctx.env.keys() - env.keys()
        given = environment.named(env_files, env)
        self.variables = environment.extended(env, given or environment.beside(before, env), self.missing)
        self.files = files.chosen(chosen, self.variables, start, self.warnings)
        first = self.files[0]
        self.directory = start if directory or first == files.STDIN else os.path.dirname(first)
        if not _is_text(self.directory):
            raise Unsupported(repr(self.directory), "is not UTF-8, as the model is", "give the directory another name")
        if not given and self.directory != before:
            found = environment.beside(self.directory, self.variables)
            self.variables = environment.extended(self.variables, found, self.missing)
        active = profiles or self.variables.get("COMPOSE_PROFILES", "").split(",")
        self.profiles = [one.strip() for one in active if one.strip()]
        self.reader = Reader(
            self.variables, self.directory, missing=self.missing, stdin=ctx.stdin, literal=literal
        )  # fmt: skip
        self.name = self.project_name(name)
        self.variables["COMPOSE_PROJECT_NAME"] = self.name

    def missing(self, name: str, place: Place) -> None:
        if name not in self.missed:
            self.missed.add(name)
            state = "not UTF-8" if name in self.foreign else "not set"
            self.warnings.append(f"{place}: the variable {name} is {state}, and empty here")

    def project_name(self, given: str | None) -> str:
        for name, subject in (
            (given, "--project-name"),
            (self.variables.get("COMPOSE_PROJECT_NAME"), "COMPOSE_PROJECT_NAME"),
        ):
            if name or (name is not None and subject.startswith("-")):
                if not names.is_project(name):
                    raise UsageError(subject, f"{name!r} is no project name", names.RULE)
                return name
        found: str | None = None
        for path in self.files:
            for document in self.reader.parsed(path):
                said = project_name(document, self.variables, literal=self.literal)
                if said is None:
                    continue
                name, place = said
                if not isinstance(name, str) or not (names.is_project(name) or (self.literal and "$" in name)):
                    raise ComposeError(place, ["name"], f"{name!r} is no project name", names.RULE)
                found = name
        found = found or names.of_directory(self.directory)
        if not found:
            raise OcipipeError(self.directory, "gives the project no name", "give one with -p or name:")
        return found

    def merged(self) -> Mapping:
        whole = Mapping(Place(files.shown(self.files[0]), 0))
        for path in self.files:
            merge.lay(whole, self.reader.document(path))
        whole.put("name", self.name, whole.place_of("name"))
        return whole

    def project(self) -> Project:
        model = finish(self.merged(), self.name, self.directory, self.variables, self.missing)
        project = Project(
            self.name, self.directory, self.files, self.variables, self.profiles, model, self.warnings
        )  # fmt: skip
        order.graph(model, model["services"])
        return project


def _is_text(value: str) -> bool:
    """Whether a string of the operating system is UTF-8, as everything in a document is."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
