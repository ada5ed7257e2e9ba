"""What is better written otherwise in a Dockerfile: findings, each a document of the type `lint`."""

from __future__ import annotations

import posixpath

from oci_spec import reference
from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform

from ..images import words
from ..images.lexer import Lexer
from . import arguments
from .files import remote
from .instruction import DockerfileError, near
from .meaning import Scope
from .plan import SCRATCH, argument_names, declared, divided, expanded
from .rules import RULES, Wanted, url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from oci_spec.jsondoc import Document

    from .dockerfile import Dockerfile
    from .ignore import Ignore
    from .instruction import Instruction
    from .plan import Plan, Stage

_SECRET = frozenset("apikey auth credential credentials key password pword passwd secret token".split())
_HARMLESS = frozenset("public file version".split())
_ONCE = frozenset(("CMD", "ENTRYPOINT", "HEALTHCHECK"))


def lint(
    dockerfile: Dockerfile, plan: Plan, *,
    bases: Mapping[str, Mapping[str, object]] | None = None, ignore: Ignore | None = None,
) -> list[Document]:  # fmt: skip
    """The findings in every stage, in the order of their lines. `bases`: config objects of images, by the names in
    FROM: only where they are known is it told whether a variable is defined; `ignore`: the context's .dockerignore.
    Raises DockerfileError for what cannot be built."""
    linter = _Linter(dockerfile, plan, bases or {}, ignore)
    linter.file()
    scopes: dict[int, _Judged] = {}
    for stage in plan.every:
        scopes[stage.index] = linter.stage(stage, scopes)
    return sorted(linter.found, key=lambda one: (one["firstLine"], str(one["rule"]), str(one["message"])))


class _Judged:
    """A stage at its end. `known`: whether all its variables are; `directory`: whether it has said a WORKDIR."""

    __slots__ = ("directory", "known", "scope")

    def __init__(self, scope: Scope, known: bool, directory: bool) -> None:
        self.scope = scope
        self.known = known
        self.directory = directory


class _Linter:
    def __init__(
        self, dockerfile: Dockerfile, plan: Plan, bases: Mapping[str, Mapping[str, object]], ignore: Ignore | None
    ) -> None:
        self.dockerfile = dockerfile
        self.plan = plan
        self.bases = bases
        self.ignore = ignore
        self.wanted = Wanted(dockerfile.directives.get("check", ""), dockerfile.name)
        self.found: list[Document] = []

    def say(self, rule: str, one: Instruction, message: str, line: int = 0) -> None:
        if not self.wanted.judges(rule, one.comments):
            return
        place = one.place
        self.found.append(
            {
                "rule": rule,
                "severity": "error" if self.wanted.error else "warning",
                "message": message,
                "description": RULES[rule][1],
                "url": url(rule),
                "file": place.file,
                "firstLine": line or place.first,
                "lastLine": line or place.last,
            }
        )

    # The file as a whole.

    def file(self) -> None:
        before, parts = divided(self.dockerfile)
        self.casing([one for part in parts for one in part])
        self.stage_names([part[0] for part in parts])
        self.images(before, [part[0] for part in parts])
        for one in before:
            self.description(one, argument_names(one))
        for one in self.dockerfile.instructions:
            for line in one.gaps:
                self.say("NoEmptyContinuation", one, "an empty line in an instruction that goes on", line)

    def casing(self, instructions: Iterable[Instruction]) -> None:
        each = list(instructions)
        small = sum(one.written.islower() for one in each) > sum(one.written.isupper() for one in each)
        for one in each:
            if not (one.written.islower() if small else one.written.isupper()):
                right = one.keyword.lower() if small else one.keyword
                self.say("ConsistentInstructionCasing", one, f"{one.written} is {right} in most of the file")

    def stage_names(self, stages: Iterable[Instruction]) -> None:
        seen: set[str] = set()
        for one in stages:
            if len(one.words) != 3:
                continue
            _, keyword, name = one.words
            if name != name.lower():
                self.say("StageNameCasing", one, f"stage {name} should be {name.lower()}")
            if (one.written.islower() and not keyword.islower()) or (one.written.isupper() and not keyword.isupper()):
                self.say("FromAsCasing", one, f"{keyword} stands beside {one.written}")
            if name.lower() in ("context", SCRATCH):
                self.say("ReservedStageName", one, f"a stage cannot well be named {name.lower()}")
            if name.lower() in seen:
                self.say("DuplicateStageName", one, f"there is a stage {name.lower()} already")
            seen.add(name.lower())
            self.description(one, [name])

    def description(self, one: Instruction, names: Sequence[str]) -> None:
        comments = [comment for comment in one.comments if not comment.lower().startswith("check=")]
        if comments and names and comments[-1].split(" ")[0] not in names:
            name = names[0] if len(names) == 1 else "name"
            self.say("InvalidDefinitionDescription", one, f"a comment above {one.keyword} reads # {name} …")

    def images(self, before: Sequence[Instruction], stages: Sequence[Instruction]) -> None:
        escape = self.dockerfile.escape
        known = dict(self.plan.automatic)
        for one in stages:
            try:
                declared(before, known, {}, escape)
                reference.parse(expanded(one, one.words[0], known, escape))
            except (DockerfileError, FormatError):
                self.say("InvalidDefaultArgInFrom", one, f"{one.words[0]} is no image with the defaults alone")
            self.platform(one)
        names = {name for one in before for name in argument_names(one)} | self.plan.globals.keys()
        for one in stages:
            for text in (one.words[0], one.option("platform")):
                lexer = Lexer(self.plan.globals, escape)
                lexer.word(text)
                for name in sorted(lexer.missing - names):
                    self.say("UndefinedArgInFrom", one, _hinted(f"argument {name} is not declared", near(name, names)))

    def platform(self, one: Instruction) -> None:
        written = one.option("platform")
        if not written:
            return
        lexer = Lexer(self.plan.globals, self.dockerfile.escape)
        said = lexer.word(written)
        if lexer.used == {"TARGETPLATFORM"} and not lexer.missing and said == self.plan.globals["TARGETPLATFORM"]:
            self.say("RedundantTargetPlatform", one, f"--platform={written} says what holds anyway")
        if not lexer.used and not lexer.missing:
            name = one.words[2].lower() if len(one.words) == 3 else ""
            try:
                platform = Platform.parse(said)
            except FormatError:
                return
            if platform.os not in name and platform.architecture not in name:
                self.say("FromPlatformFlagConstDisallowed", one, f"--platform={said} is always the same")

    # A stage.

    def stage(self, stage: Stage, before: Mapping[int, _Judged]) -> _Judged:
        if isinstance(stage.base, int):
            base = before[stage.base]
            judged = _Judged(Scope(stage, self.plan, base.scope), base.known, base.directory)
        else:
            known = stage.base == SCRATCH or stage.base in self.bases
            judged = _Judged(Scope(stage, self.plan, self.bases.get(stage.base, {})), known, False)
        scope = judged.scope
        for one in scope.triggers():
            scope.step(one)
        last: dict[str, Instruction] = {}
        for one in stage.instructions:
            if one.keyword in _ONCE:
                if one.keyword in last:
                    message = f"another {one.keyword} of this stage comes later and counts instead"
                    self.say("MultipleInstructionsDisallowed", last[one.keyword], message)
                last[one.keyword] = one
            self.before(one, scope)
            if one.keyword == "WORKDIR":
                self.directory(one, scope, judged)
            scope.step(one)
            if judged.known:
                self.variables(one, scope)
        return judged

    def before(self, one: Instruction, scope: Scope) -> None:
        """What is seen of an instruction with what holds before it."""
        judge = {
            "ADD": self.copy, "ARG": self.argument, "CMD": self.command, "COPY": self.copy, "ENTRYPOINT": self.command,
            "ENV": self.environment, "EXPOSE": self.ports, "LABEL": self.pairs, "MAINTAINER": self.maintainer,
        }.get(one.keyword)  # fmt: skip
        if judge is not None:
            judge(one, scope)

    def word(self, one: Instruction, text: str, scope: Scope) -> str:
        return expanded(one, text, scope.variables, self.dockerfile.escape)

    def argument(self, one: Instruction, scope: Scope) -> None:
        names = argument_names(one)
        self.description(one, names)
        self.secrets(one, names)

    def environment(self, one: Instruction, scope: Scope) -> None:
        self.pairs(one, scope)
        self.secrets(one, [self.word(one, name, scope) for name, _ in words.pairs(one.text, one.escape)])

    def secrets(self, one: Instruction, names: Iterable[str]) -> None:
        for name in names:
            if _holds_a_secret(name):
                self.say("SecretsUsedInArgOrEnv", one, f"{one.keyword} {name} looks like a secret")

    def pairs(self, one: Instruction, scope: Scope) -> None:
        if words.is_old_pair(one.text, one.escape):
            written = f"{one.keyword} {one.words[0]}"
            self.say("LegacyKeyValueFormat", one, f"{written} … is better written {written}=…")

    def command(self, one: Instruction, scope: Scope) -> None:
        if not one.json and not scope.config.get("Shell"):
            self.say("JSONArgsRecommended", one, f"{one.keyword} is no JSON array: its program gets no signals")

    def maintainer(self, one: Instruction, scope: Scope) -> None:
        self.say("MaintainerDeprecated", one, "MAINTAINER is LABEL org.opencontainers.image.authors now")

    def ports(self, one: Instruction, scope: Scope) -> None:
        for text in one.words:
            for word in self.word(one, text, scope).split():
                if ":" in word:
                    self.say("ExposeInvalidFormat", one, f"{word} holds an address or a port of the host")
                if word.partition("/")[2] != word.partition("/")[2].lower():
                    self.say("ExposeProtoCasing", one, f"{word} should be {word.lower()}")

    def directory(self, one: Instruction, scope: Scope, judged: _Judged) -> None:
        path = self.word(one, one.text, scope)
        if not judged.directory and not path.startswith("/"):
            self.say("WorkdirRelativePath", one, f"WORKDIR {path} depends on the base image")
        judged.directory = True

    def copy(self, one: Instruction, scope: Scope) -> None:
        if self.ignore is None or self.ignore.back or one.option("from"):
            return
        for text in one.words[:-1]:
            if text.startswith("<<") or remote(text):
                continue
            path = posixpath.normpath(self.word(one, text, scope)).strip("/")
            if path in ("", "."):
                left_out = any(pattern.text in ("*", "**", "**/*") for pattern in self.ignore.patterns)
            else:
                left_out = self.ignore.ignores(path)
            if left_out:
                self.say("CopyIgnoredFile", one, f"{text} is left out by .dockerignore")

    def variables(self, one: Instruction, scope: Scope) -> None:
        for name in sorted(scope.met - scope.arguments.keys() - arguments.OF_THE_BUILD):
            self.say("UndefinedVar", one, _hinted(f"nothing defines ${name}", near(name, scope.variables, "$")))


def _hinted(message: str, hint: str) -> str:
    return f"{message} ({hint})" if hint else message


def _holds_a_secret(name: str) -> bool:
    parts = frozenset(name.lower().split("_"))
    return not _SECRET.isdisjoint(parts) and _HARMLESS.isdisjoint(parts)
