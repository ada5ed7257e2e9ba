"""Which stages a build needs, in which order, and what each begins with."""

from __future__ import annotations

from oci_spec import reference
from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform

from ..errors import NotFound
from ..images import words
from ..images.lexer import Lexer
from . import arguments
from .instruction import near
from .mounts import sources_of
from .steps import Place
from .syntax import stage_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from .dockerfile import Dockerfile
    from .instruction import Instruction

SCRATCH = "scratch"


class Stage:
    """`base`: an image's name, `scratch`, a context that was given, or the number of another stage. `needs`: numbers of
    the stages that must be built before it. `platform`: what its base is wanted for. `begin`: its FROM."""

    __slots__ = ("base", "begin", "index", "instructions", "name", "needs", "platform")

    def __init__(self, index: int, begin: Instruction, base: str | int, platform: Platform) -> None:
        self.index = index
        self.name = stage_name(begin)
        self.begin = begin
        self.base = base
        self.platform = platform
        self.instructions: list[Instruction] = []
        self.needs: set[int] = set()

    @property
    def place(self) -> Place:
        return self.begin.place

    @property
    def label(self) -> str:
        """Its name, or its number where it has none."""
        return self.name or str(self.index)

    def __repr__(self) -> str:
        return f"Stage({self.index}, {self.name!r}, {self.base!r}, {self.platform}, needs={sorted(self.needs)})"


class Plan:
    """`platform`: what is built for. `stages`: those that are needed, in order; the target is the last of them.
    `every`: all. `globals`: arguments that are there outside of stages, the `automatic` ones among them. `unused`:
    names of given arguments that nothing declares."""

    __slots__ = ("automatic", "build_args", "escape", "every", "globals", "platform", "stages", "target", "unused")

    def __init__(
        self, every: list[Stage], target: Stage, automatic: dict[str, str], globals: dict[str, str],
        build_args: Mapping[str, str], escape: str, platform: Platform,
    ) -> None:  # fmt: skip
        self.platform = platform
        self.every = every
        self.target = target
        self.stages = self.reach([target.index])
        self.automatic = automatic
        self.globals = globals
        self.build_args = dict(build_args)
        self.escape = escape
        self.unused: list[str] = []

    def reach(self, indices: Iterable[int]) -> list[Stage]:
        """Stages of these numbers and all that they need, in order: also for what an image's triggers turn out to
        need."""
        found: set[int] = set()
        waiting = list(indices)
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting += self.every[index].needs
        return [self.every[index] for index in sorted(found)]

    def source(self, stage: Stage, instruction: Instruction, name: str) -> int | None:
        """The number of the stage that `--from=name` of an instruction in `stage` means; None for an image or a
        context. Raises DockerfileError for a stage that is not before it."""
        return _source(self.every, stage, instruction, name)


def plan(
    dockerfile: Dockerfile, *, target: str = "", build_args: Mapping[str, str] | None = None,
    platform: Platform, build_platform: Platform, contexts: Collection[str] = (),
) -> Plan:  # fmt: skip
    """What is to be built for a target, a stage's name or number; '' for the last stage. `contexts`: names that are
    given from outside, instead of stages and images so named. Raises DockerfileError, NotFound for the target."""
    given = dict(build_args or {})
    before, parts = divided(dockerfile)
    names = [stage_name(part[0]) for part in parts]
    automatic = arguments.of_platforms(platform, build_platform, target.lower() or names[-1])
    known = {**automatic, **{name: given[name] for name in automatic.keys() & given.keys()}}
    declared(before, known, given, dockerfile.escape)
    every: list[Stage] = []
    outside = {name.lower() for name in contexts}
    for begin, *instructions in parts:
        every.append(_stage(len(every), begin, every, known, dockerfile.escape, platform, outside))
        every[-1].instructions = instructions
    for stage in every:
        stage.needs |= _needs(every, stage, outside)
    found = Plan(every, _target(every, target, dockerfile.name), automatic, known, given, dockerfile.escape, platform)
    said = {name for one in dockerfile.instructions if one.keyword == "ARG" for name in argument_names(one)}
    said |= known.keys()
    found.unused = [name for name in given if name not in said and not arguments.is_predefined(name)]
    return found


def divided(dockerfile: Dockerfile) -> tuple[list[Instruction], list[list[Instruction]]]:
    """The ARGs before the first FROM; then each stage's instructions, its FROM first."""
    before: list[Instruction] = []
    parts: list[list[Instruction]] = []
    for instruction in dockerfile.instructions:
        if instruction.keyword == "FROM":
            parts.append([instruction])
        elif parts:
            parts[-1].append(instruction)
        elif instruction.keyword == "ARG":
            before.append(instruction)
        else:
            raise instruction.refuse("stands before any FROM", "begin with FROM image")
    if not parts:
        raise dockerfile.instructions[-1].refuse("there is no FROM", "add FROM image")
    return before, parts


def argument_names(instruction: Instruction) -> list[str]:
    return [word.partition("=")[0] for word in words.split(instruction.text, instruction.escape)]


def declared(before: Sequence[Instruction], known: dict[str, str], given: Mapping[str, str], escape: str) -> None:
    """Adds to `known` what the ARGs before the first FROM declare."""
    for instruction in before:
        for word in words.split(instruction.text, escape):
            name, equals, value = word.partition("=")
            if name in given:
                known[name] = given[name]
            elif equals:
                known[name] = expanded(instruction, value, known, escape)


def expanded(instruction: Instruction, text: str, variables: Mapping[str, str], escape: str) -> str:
    try:
        return words.expand(text, variables, escape)
    except FormatError as error:
        raise instruction.refuse(error.problem, at=text) from None


def _stage(
    index: int, begin: Instruction, before: Sequence[Stage], known: Mapping[str, str], escape: str,
    platform: Platform, outside: Collection[str],
) -> Stage:  # fmt: skip
    name = expanded(begin, begin.words[0], known, escape)
    if not name:
        raise begin.refuse("the image's name is empty", _unset(begin.words[0], known, escape), at=begin.words[0])
    base: str | int = name
    for stage in before:
        if stage.name == name.lower() and stage.name not in outside:
            base = stage.index
    if isinstance(base, int):
        platform = before[base].platform
    elif name != SCRATCH and name.lower() not in outside:
        try:
            reference.parse(name)
        except FormatError as error:
            problem = f"{name} is no name of an image: {error.problem}"
            raise begin.refuse(problem, _unset(begin.words[0], known, escape), at=begin.words[0]) from None
    if "platform" in begin.options:
        platform = _platform(begin, known, escape)
    return Stage(index, begin, base, platform)


def _unset(text: str, known: Mapping[str, str], escape: str) -> str:
    """What to do about variables in `text` that have no value; '' where all have one."""
    lexer = Lexer(known, escape)
    lexer.word(text)
    names = sorted(lexer.missing)
    return f"nothing gives {names[0]} a value: use --build-arg {names[0]}=…" if names else ""


def _platform(begin: Instruction, known: Mapping[str, str], escape: str) -> Platform:
    written = begin.option("platform")
    said = expanded(begin, written, known, escape)
    try:
        if said and "/" not in said:  # an operating system or an architecture alone, the other one as it is built for
            target = Platform.parse(known["TARGETPLATFORM"])
            return Platform(said, target.architecture) if said in ("linux", "windows") else Platform(target.os, said)
        return Platform.parse(said)
    except FormatError as error:
        remedy = "write --platform=$BUILDPLATFORM or --platform=linux/arm64"
        raise begin.refuse(error.problem, remedy, at=written) from None


def _needs(every: Sequence[Stage], stage: Stage, outside: Collection[str]) -> set[int]:
    if stage.name and stage.name in outside:
        return set()
    found = {stage.base} if isinstance(stage.base, int) else set()
    waiting = []
    if isinstance(stage.base, int):
        waiting = [one.inner for one in every[stage.base].instructions if one.inner is not None]
    for instruction in [*waiting, *stage.instructions]:
        for name in sources_of(instruction):
            if name.lower() not in outside:
                index = _source(every, stage, instruction, name)
                found |= set() if index is None else {index}
    return found


def _source(every: Sequence[Stage], stage: Stage, instruction: Instruction, name: str) -> int | None:
    if name.isascii() and name.isdecimal():
        named = [int(name)] if len(name) < 6 and int(name) < len(every) else []
        if not named:
            raise instruction.refuse(f"there is no stage {name}", f"they are 0 to {len(every) - 1}", at=name)
    else:
        named = [other.index for other in every if other.name and other.name == name.lower()]
    earlier = [index for index in named if index < stage.index]
    if earlier or not named:
        return earlier[-1] if earlier else None
    if stage.index in named:
        raise instruction.refuse(f"stage {name} needs itself", "name a stage before it", at=name)
    raise instruction.refuse(f"stage {name} comes later", "move it before this one", at=name)


def _target(every: Sequence[Stage], name: str, file: str) -> Stage:
    if not name:
        return every[-1]
    for stage in reversed(every):
        if stage.name and stage.name == name.lower():
            return stage
    if name.isascii() and name.isdecimal() and len(name) < 6 and int(name) < len(every):
        return every[int(name)]
    names = [stage.label for stage in every]
    raise NotFound(f"--target {name}", f"{file} has no such stage", near(name, names) or f"it has {', '.join(names)}")
