"""The rules that a Dockerfile is judged by: BuildKit's, by their names (https://docs.docker.com/reference/build-checks/),
and which of them a Dockerfile wants, by `# check=skip=…;error=true;experimental=…`."""

from __future__ import annotations

from .instruction import DockerfileError, near
from .steps import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_URL = "https://docs.docker.com/go/dockerfile/rule/"
_BOOLEANS = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False}

RULES: dict[str, tuple[str, str]] = {
    "ConsistentInstructionCasing": (
        "consistent-instruction-casing",
        "the instructions of a file are all written in capitals, or all in small letters",
    ),
    "CopyIgnoredFile": ("copy-ignored-file", "what .dockerignore leaves out cannot be copied"),
    "DuplicateStageName": ("duplicate-stage-name", "each stage has a name of its own"),
    "ExposeInvalidFormat": (
        "expose-invalid-format",
        "EXPOSE tells ports of the container; addresses and ports of the host are for run time",
    ),
    "ExposeProtoCasing": ("expose-proto-casing", "protocols are written in small letters"),
    "FromAsCasing": ("from-as-casing", "AS is written in the letters of its FROM"),
    "FromPlatformFlagConstDisallowed": (
        "from-platform-flag-const-disallowed",
        "a fixed platform in FROM makes the image the same for every platform",
    ),
    "InvalidDefaultArgInFrom": (
        "invalid-default-arg-in-from",
        "with the defaults of its arguments alone, FROM names an image",
    ),
    "InvalidDefinitionDescription": (
        "invalid-definition-description",
        "a comment right above an argument or a stage describes it and begins with its name; with an empty line below "
        "it, it is any comment",
    ),
    "JSONArgsRecommended": (
        "json-args-recommended",
        "a program that a shell starts gets no signals: CMD and ENTRYPOINT are better JSON arrays",
    ),
    "LegacyKeyValueFormat": ("legacy-key-value-format", "names and values have an equals sign between them"),
    "MaintainerDeprecated": ("maintainer-deprecated", "who keeps an image is told by a label"),
    "MultipleInstructionsDisallowed": (
        "multiple-instructions-disallowed",
        "of several CMD, ENTRYPOINT or HEALTHCHECK in a stage only the last one counts",
    ),
    "NoEmptyContinuation": ("no-empty-continuation", "an instruction that goes on has no empty lines in it"),
    "RedundantTargetPlatform": (
        "redundant-target-platform",
        "a base image is for the target's platform where nothing else is said",
    ),
    "ReservedStageName": ("reserved-stage-name", "context and scratch mean something already"),
    "SecretsUsedInArgOrEnv": (
        "secrets-used-in-arg-or-env",
        "what stands in ARG and ENV stays in the image: secrets come by RUN --mount=type=secret",
    ),
    "StageNameCasing": ("stage-name-casing", "names of stages are written in small letters"),
    "UndefinedArgInFrom": ("undefined-arg-in-from", "arguments in FROM are declared before the first FROM"),
    "UndefinedVar": ("undefined-var", "variables are defined before they are used"),
    "WorkdirRelativePath": (
        "workdir-relative-path",
        "a first WORKDIR that is relative means something else on another base image",
    ),
}
"""Each rule's page, and what it asks for."""
EXPERIMENTAL = frozenset(("CopyIgnoredFile", "InvalidDefinitionDescription"))
"""Judged only where they are asked for."""


def url(rule: str) -> str:
    return f"{_URL}{RULES[rule][0]}/"


class Wanted:
    """Which rules are judged, and whether what breaks them is an error."""

    __slots__ = ("_experimental", "_skipped", "error")

    def __init__(self, text: str, file: str) -> None:
        """`text`: the value of a directive. Raises DockerfileError."""
        self.error = False
        self._skipped: frozenset[str] = frozenset()
        self._experimental: frozenset[str] = frozenset()
        seen: set[str] = set()
        for part in filter(None, (each.strip() for each in text.split(";"))):
            name, _, value = part.partition("=")
            name = name.strip().lower()
            if name in seen:
                raise _refused(file, part, f"{name} stands twice")
            seen.add(name)
            if name == "skip":
                self._skipped = _names(value)
            elif name == "experimental":
                self._experimental = _names(value)
            elif name == "error" and value.strip().lower() in _BOOLEANS:
                self.error = _BOOLEANS[value.strip().lower()]
            else:
                problem = "error is true or false" if name == "error" else f"{name} is not known"
                raise _refused(file, part, problem, near(name, ("skip", "error", "experimental")))

    def judges(self, rule: str, comments: Iterable[str] = ()) -> bool:
        """`comments`: those right above an instruction; with `check=skip=…` they except it."""
        if _holds(self._skipped, rule) or (rule in EXPERIMENTAL and not _holds(self._experimental, rule)):
            return False
        said = [comment.partition("=")[2] for comment in comments if comment.lower().startswith("check=")]
        parts = (part.strip() for text in said for part in text.split(";"))
        return not any(_holds(_names(part[5:]), rule) for part in parts if part.startswith("skip="))


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip().lower() for name in text.split(",") if name.strip())


def _holds(names: frozenset[str], rule: str) -> bool:
    return "all" in names or rule.lower() in names


def _refused(file: str, part: str, problem: str, remedy: str = "") -> DockerfileError:
    return DockerfileError(Place(file, 1, 1), f"check={part}", problem, remedy or "write check=skip=Rule;error=true")
