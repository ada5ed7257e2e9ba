"""What a stage's instructions mean, one after another: variables replaced, the image's config followed."""

from __future__ import annotations

from oci_spec.jsondoc import FormatError

from ..images import settings, words
from ..images.lexer import Lexer
from . import arguments, history
from .dockerfile import trigger
from .files import copy
from .instruction import heredoc
from .mounts import mount
from .steps import Configure, InlineFile, Run, WorkDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from oci_spec.jsondoc import Document

    from .instruction import Instruction
    from .plan import Plan, Stage
    from .steps import Step

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_NETWORKS = ("default", "none", "host")
_SECURITY = ("sandbox", "insecure")
_PIPES = "/dev/pipes/"


class Scope:
    """What holds at one place of a stage. `config`: the image's parameters so far; `variables`: what `$NAME` means,
    the later of ENV and ARG; `arguments`: names that ARGs declared, with their values, None where they have none;
    `met`: variables that the last step wanted and nothing defines."""

    def __init__(self, stage: Stage, plan: Plan, base: Mapping[str, object] | Scope) -> None:
        """`base`: the config object of the image that the stage begins with, {} for scratch; where it begins with
        another stage, that stage's scope at its end, so that its arguments go on."""
        self.stage = stage
        self.plan = plan
        self.config: Document = dict(base.config if isinstance(base, Scope) else base)
        self.variables = settings.variables(self.config)
        self.arguments: dict[str, str | None] = {}
        if isinstance(base, Scope):
            self.variables = dict(base.variables)
            self.arguments = dict(base.arguments)
        elif stage.base == "scratch":
            self.config.setdefault("WorkingDir", "/")
        if "PATH" not in settings.variables(self.config):
            settings.set_variables(self.config, [("PATH", PATH)])
            self.variables.setdefault("PATH", PATH)
        if self.config.get("WorkingDir"):
            self.config["WorkingDir"] = self.directory
        self.met: set[str] = set()
        self._triggers: Sequence[str] = self.config.pop("OnBuild", None) or ()  # type: ignore[assignment]
        self._has_command = False

    @property
    def directory(self) -> str:
        """The working directory, absolute."""
        return settings.working_directory(self.config, ".")

    def triggers(self) -> list[Instruction]:
        """What the base's ONBUILD has for this stage, before its own instructions. Raises DockerfileError."""
        return [trigger(text, self.stage.place) for text in self._triggers]

    def variables_of_run(self) -> dict[str, str]:
        """What a RUN here gets as its environment, ENV and ARG, and what its result depends on."""
        return dict(self.variables)

    def proxies(self) -> dict[str, str]:
        """What it gets besides, and does not depend on."""
        return {k: v for k, v in arguments.proxies(self.plan.build_args).items() if k not in self.variables}

    def step(self, instruction: Instruction) -> Step | None:
        """Carries the scope over an instruction. The step to take; None for ARG. Raises DockerfileError."""
        lexer = Lexer(self.variables, self.plan.escape)
        self.met = lexer.missing
        try:
            return self._step(instruction, lexer)
        except FormatError as error:
            at = error.subject if error.subject in instruction.original else ""
            raise instruction.refuse(error.problem, at=at) from None

    def _step(self, one: Instruction, lexer: Lexer) -> Step | None:
        keyword = one.keyword
        if keyword == "ARG":
            self._argument(one, lexer)
            return None
        if keyword == "RUN":
            return self._run(one, lexer)
        if keyword in ("ADD", "COPY"):
            return copy(one, lexer)
        if keyword == "WORKDIR":
            path = settings.working_directory(self.config, lexer.word(one.text))
            self.config["WorkingDir"] = path
            return WorkDir(one.place, f"WORKDIR {path}", path)
        text = self._configure(one, lexer)
        return Configure(one.place, text, self.config, one.text if keyword == "MAINTAINER" else "")

    def _argument(self, one: Instruction, lexer: Lexer) -> None:
        given, outside = self.plan.build_args, self.plan.globals
        for word in words.split(one.text, one.escape):
            name, equals, text = word.partition("=")
            value = given.get(name)
            if value is None:
                value = lexer.word(text) if equals else outside.get(name)
            self.arguments[name] = value
            if value is not None and name not in arguments.OF_THE_BUILD:
                self.variables[name] = value

    def _run(self, one: Instruction, lexer: Lexer) -> Step:
        args = list(one.words)
        files: list[InlineFile] = []
        if not one.json:
            text, files = _script(one)
            args = [*settings.shell_of(self.config), text]
        network, security = one.option("network") or "default", one.option("security") or "sandbox"
        for name, value, known in (("network", network, _NETWORKS), ("security", security, _SECURITY)):
            if value not in known:
                raise one.refuse(f"--{name}={value} is not known", f"use {', '.join(known)}", at=value)
        made = [mount(one, text, lexer.word, self.directory) for text in one.options.get("mount", ())]
        declared = {name: self.variables.get(name, value or "") for name, value in self.arguments.items()}
        told = history.run(args, declared)
        return Run(one.place, told, args, mounts=made, network=network, security=security, files=files)

    def _configure(self, one: Instruction, lexer: Lexer) -> str:
        """Carries out what only changes the config; what the history says of it."""
        keyword, config = one.keyword, self.config
        if keyword in ("ENV", "LABEL"):
            pairs = [(lexer.word(key), lexer.word(value)) for key, value in words.pairs(one.text, one.escape)]
            if not all(key for key, _ in pairs):
                raise one.refuse("a name is empty", at=one.text)
            if keyword == "ENV":
                settings.set_variables(config, pairs)
                self.variables |= dict(pairs)
            else:
                settings.set_labels(config, pairs)
            return history.pairs(keyword, pairs)
        if keyword in ("CMD", "ENTRYPOINT"):
            return self._command(one)
        if keyword == "EXPOSE":
            said = [word for text in sorted(one.words) for word in lexer.words(text)]
            # An address or a port of the host before it means nothing to an image, and lint says so.
            exposed = [port for word in said for port in settings.ports(word.rpartition(":")[2])]
            settings.expose(config, exposed)
            return history.listed(keyword, exposed)
        if keyword == "VOLUME":
            paths = [lexer.word(path.strip()) for path in one.words]
            settings.add_volumes(config, paths)
            return history.listed(keyword, paths)
        if keyword == "SHELL":
            config["Shell"] = list(one.words)
            return history.listed(keyword, one.words)
        if keyword == "HEALTHCHECK":
            options = {name: values[-1] for name, values in one.options.items()}
            config["Healthcheck"] = check = settings.health(options, one.text)
            return history.health(check)
        if keyword == "ONBUILD":
            settings.add_trigger(config, _waiting(one))
            return ""
        if keyword == "MAINTAINER":
            return f"MAINTAINER {one.text}"
        value = lexer.word(one.text)
        if keyword == "USER":
            config.pop("User", None)
            if value:
                config["User"] = value
        else:
            assert keyword == "STOPSIGNAL", keyword
            settings.set_stop_signal(config, value)
        return f"{keyword} {value}"

    def _command(self, one: Instruction) -> str:
        key = "Cmd" if one.keyword == "CMD" else "Entrypoint"
        args = one.words if one.json else [*settings.shell_of(self.config), one.text]
        self.config.pop(key, None)
        if args:
            self.config[key] = args
        if key == "Cmd":
            self._has_command = True
        elif not self._has_command:
            self.config.pop("Cmd", None)
        return history.quoted(one.keyword, args)


def _script(one: Instruction) -> tuple[str, list[InlineFile]]:
    """What the shell is given for a RUN in the shell form, and the files that it names."""
    if not one.heredocs:
        return one.text, []
    first = one.heredocs[0]
    if heredoc(one.text) is not None:
        if not first.text.startswith("#!"):
            return first.text, []
        return f"{_PIPES}{first.name}", [InlineFile(first.name, first.text.encode("utf-8", "surrogateescape"))]
    return "".join([one.text, *(f"\n{each.content}{each.name}" for each in one.heredocs)]), []


def _waiting(one: Instruction) -> str:
    """The instruction of an ONBUILD, as an image keeps it."""
    return "".join([one.text, *(f"\n{each.content}{each.name}" for each in one.heredocs)])
