"""build/lint and rules: each rule with what breaks it and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from dockerfiles import planned, read

from oci_spec import validate
from ocipipe.build import ignore, rules
from ocipipe.build.instruction import DockerfileError
from ocipipe.build.lint import lint


def found(
    text: str, *, build_args: dict[str, str] | None = None, bases: dict[str, dict[str, Any]] | None = None,
    ignored: str | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    patterns = None if ignored is None else ignore.parse(ignored.encode())
    return lint(read(text), planned(text, build_args), bases=bases, ignore=patterns)


ALL = "# check=experimental=all\n"

BROKEN = [
    ("StageNameCasing", "FROM x AS Base", 1, "Base should be base"),
    ("FromAsCasing", "FROM x as base", 1, "as stands beside FROM"),
    ("FromAsCasing", "from x AS base", 1, "AS stands beside from"),
    ("NoEmptyContinuation", "FROM x\nRUN a \\\n\n  b", 3, "an empty line"),
    ("NoEmptyContinuation", "FROM x\nRUN a \\\n  b \\\n\n\n  c", 4, "an empty line"),
    ("ConsistentInstructionCasing", "FROM x\nRUN y\nrun z", 3, "run is RUN in most of the file"),
    ("ConsistentInstructionCasing", "FROM x\nRun y", 2, "Run is RUN"),
    ("ConsistentInstructionCasing", "from x\nrun y\nRUN z", 3, "RUN is run"),
    ("DuplicateStageName", "FROM x AS a\nFROM y AS a", 2, "there is a stage a already"),
    ("ReservedStageName", "FROM x AS scratch", 1, "cannot well be named scratch"),
    ("ReservedStageName", "FROM x AS context", 1, "cannot well be named context"),
    ("JSONArgsRecommended", "FROM x\nCMD a", 2, "CMD is no JSON array"),
    ("JSONArgsRecommended", "FROM x\nENTRYPOINT a", 2, "ENTRYPOINT is no JSON array"),
    ("MaintainerDeprecated", "FROM x\nMAINTAINER y", 2, "MAINTAINER is LABEL"),
    ("UndefinedArgInFrom", "FROM x$Y", 1, "argument Y is not declared"),
    ("UndefinedArgInFrom", "ARG VERSION=1\nFROM x:${VERSIO:-1}", 2, "did you mean VERSION?"),
    ("UndefinedArgInFrom", "FROM --platform=${BUILDPLATFOR:-linux/amd64} x", 1, "did you mean BUILDPLATFORM?"),
    ("UndefinedVar", "FROM scratch\nENV A=$B", 2, "nothing defines $B"),
    ("UndefinedVar", "FROM scratch\nARG NAME=1\nCOPY $NMAE /", 3, "(did you mean $NAME?)"),
    ("UndefinedVar", "FROM scratch\nCOPY <<E /x\n$B\nE", 2, "nothing defines $B"),
    ("UndefinedVar", "FROM scratch AS a\nFROM a\nWORKDIR /$B", 3, "nothing defines $B"),
    ("UndefinedVar", "FROM scratch\nARG A=$B", 2, "nothing defines $B"),
    ("WorkdirRelativePath", "FROM x\nWORKDIR a", 2, "WORKDIR a depends on the base image"),
    ("MultipleInstructionsDisallowed", 'FROM x\nCMD ["a"]\nCMD ["b"]', 2, "another CMD of this stage"),
    ("MultipleInstructionsDisallowed", 'FROM x\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]', 2, "another ENTRYPOINT"),
    ("MultipleInstructionsDisallowed", "FROM x\nHEALTHCHECK NONE\nHEALTHCHECK NONE", 2, "another HEALTHCHECK"),
    ("LegacyKeyValueFormat", "FROM x\nENV A b", 2, "ENV A … is better written ENV A=…"),
    ("LegacyKeyValueFormat", "FROM x\nLABEL a b", 2, "LABEL a … is better"),
    ("RedundantTargetPlatform", "FROM --platform=$TARGETPLATFORM x", 1, "says what holds anyway"),
    ("RedundantTargetPlatform", "FROM --platform=${TARGETPLATFORM} x", 1, "says what holds anyway"),
    ("SecretsUsedInArgOrEnv", "FROM x\nARG GITHUB_TOKEN", 2, "ARG GITHUB_TOKEN looks like a secret"),
    ("SecretsUsedInArgOrEnv", "FROM x\nENV A=1 db_password=x", 2, "ENV db_password looks like a secret"),
    ("SecretsUsedInArgOrEnv", "FROM x\nENV APIKEY=x", 2, "APIKEY"),
    ("InvalidDefaultArgInFrom", "ARG V\nFROM x:$V", 2, "x:$V is no image with the defaults alone"),
    ("FromPlatformFlagConstDisallowed", "FROM --platform=linux/arm64 x", 1, "linux/arm64 is always the same"),
    ("CopyIgnoredFile", f"{ALL}FROM x\nCOPY a /b", 3, "a is left out by .dockerignore"),
    ("CopyIgnoredFile", f"{ALL}FROM x\nADD ./a/b /b", 3, "./a/b is left out"),
    ("InvalidDefinitionDescription", f"{ALL}# about\nFROM x AS a", 3, "reads # a …"),
    ("InvalidDefinitionDescription", f"{ALL}# about\nARG A\nFROM x", 3, "a comment above ARG reads # A …"),
    ("InvalidDefinitionDescription", f"{ALL}FROM x\n# about\nARG A B", 4, "reads # name …"),
    ("ExposeProtoCasing", "FROM x\nEXPOSE 80/TCP", 2, "80/TCP should be 80/tcp"),
    ("ExposeInvalidFormat", "FROM x\nEXPOSE 127.0.0.1:80:80", 2, "127.0.0.1:80:80 holds an address"),
    ("ExposeInvalidFormat", "FROM x\nEXPOSE 80:80", 2, "80:80 holds"),
]


@pytest.mark.parametrize(("rule", "text", "line", "message"), BROKEN)
def test_broken(rule: str, text: str, line: int, message: str) -> None:
    build_args = {"V": "1", "Y": "y"} if rule in ("InvalidDefaultArgInFrom", "UndefinedArgInFrom") else {}
    (one,) = [each for each in found(text, build_args=build_args, ignored="a") if each["rule"] == rule][:1]
    assert (one["firstLine"], one["severity"], one["file"]) == (line, "warning", "Dockerfile")
    assert message in one["message"]
    assert one["url"] == rules.url(rule)
    assert validate.check("lint", one, "finding") == one
    assert validate.detect(one) == "lint"


KEPT = [
    ("StageNameCasing", "FROM x AS base"),
    ("FromAsCasing", "FROM x AS base"),
    ("FromAsCasing", "from x as base"),
    ("FromAsCasing", "From x as base"),
    ("NoEmptyContinuation", "FROM x\nRUN a \\\n# comment\n  b"),
    ("ConsistentInstructionCasing", "from x\nrun y"),
    ("ConsistentInstructionCasing", "arg V\nFROM x\nRUN y"),
    ("DuplicateStageName", "FROM x AS a\nFROM y AS b"),
    ("ReservedStageName", "FROM x AS scratchy"),
    ("JSONArgsRecommended", 'FROM x\nCMD ["a"]'),
    ("JSONArgsRecommended", 'FROM x\nSHELL ["/bin/bash", "-c"]\nCMD a'),
    ("JSONArgsRecommended", "FROM x\nRUN a\nHEALTHCHECK CMD a"),
    ("MaintainerDeprecated", "FROM x\nLABEL org.opencontainers.image.authors=y"),
    ("UndefinedArgInFrom", "ARG Y\nFROM x$Y"),
    ("UndefinedArgInFrom", "FROM --platform=$BUILDPLATFORM x-$TARGETARCH"),
    ("UndefinedVar", "FROM scratch\nARG B\nENV A=$B"),
    ("UndefinedVar", "FROM scratch\nENV A=$PATH\nRUN echo $B\nCMD echo $C"),
    ("UndefinedVar", "FROM scratch AS a\nARG B=1\nFROM a\nENV A=$B"),
    ("UndefinedVar", "FROM unknown\nENV A=$B"),
    ("UndefinedVar", "FROM scratch\nCOPY <<'E' /x\n$B\nE"),
    ("UndefinedVar", "FROM scratch\nARG BUILDKIT_SBOM_SCAN_STAGE=1\nENV A=$BUILDKIT_SBOM_SCAN_STAGE"),
    ("WorkdirRelativePath", "FROM x\nWORKDIR /a\nWORKDIR b"),
    ("WorkdirRelativePath", "FROM x AS a\nWORKDIR /a\nFROM a\nWORKDIR b"),
    ("WorkdirRelativePath", "FROM x\nARG D=/d\nWORKDIR $D"),
    ("MultipleInstructionsDisallowed", 'FROM x AS a\nCMD ["a"]\nFROM a\nCMD ["b"]'),
    ("LegacyKeyValueFormat", "FROM x\nENV A=b\nLABEL 'a b'=c"),
    ("RedundantTargetPlatform", "FROM --platform=$BUILDPLATFORM x"),
    ("RedundantTargetPlatform", "FROM --platform=$TARGETOS/$TARGETARCH x"),
    ("SecretsUsedInArgOrEnv", "FROM x\nARG KEYBOARD\nENV PUBLIC_KEY=1 TOKEN_FILE=2 MONKEY=3 KEY_VERSION=4"),
    ("InvalidDefaultArgInFrom", "ARG V=1\nFROM x:$V"),
    ("InvalidDefaultArgInFrom", "ARG V\nFROM x:${V:-1} AS a\nFROM a"),
    ("FromPlatformFlagConstDisallowed", "FROM --platform=linux/arm64 x AS build-arm64"),
    ("FromPlatformFlagConstDisallowed", "FROM --platform=$BUILDPLATFORM x"),
    ("CopyIgnoredFile", "FROM x\nCOPY a /b"),
    ("CopyIgnoredFile", f"{ALL}FROM x\nCOPY b . /c/\nCOPY --from=y a /b\nADD https://x.org/a /b\nCOPY <<a /x\na"),
    ("InvalidDefinitionDescription", "# about\nFROM x AS a"),
    ("InvalidDefinitionDescription", f"{ALL}# a is it\nFROM x AS a\n# about\n\nARG A\n# B b\nARG B\n# about\nRUN x"),
    ("ExposeProtoCasing", "FROM x\nEXPOSE 80/tcp 81"),
    ("ExposeInvalidFormat", "FROM x\nEXPOSE 80/tcp 81-82/udp"),
]


@pytest.mark.parametrize(("rule", "text"), KEPT)
def test_kept(rule: str, text: str) -> None:
    assert [one for one in found(text, ignored="a") if one["rule"] == rule] == []


def test_every_rule_is_shown_broken_and_kept() -> None:
    assert {rule for rule, *_ in BROKEN} == set(rules.RULES) == {rule for rule, _ in KEPT}


MANY = "FROM x AS Base\nENV A b\nCMD c\n"


@pytest.mark.parametrize(
    ("directive", "left"),
    [
        ("", {"StageNameCasing", "LegacyKeyValueFormat", "JSONArgsRecommended"}),
        ("# check=skip=all\n", set()),
        ("# check=skip=StageNameCasing\n", {"LegacyKeyValueFormat", "JSONArgsRecommended"}),
        ("# check=skip=stagenamecasing, JSONArgsRecommended\n", {"LegacyKeyValueFormat"}),
        ("# check=error=false;skip=LegacyKeyValueFormat\n", {"StageNameCasing", "JSONArgsRecommended"}),
    ],
)
def test_skipped(directive: str, left: set[str]) -> None:
    assert {one["rule"] for one in found(directive + MANY)} == left


def test_findings_can_be_errors() -> None:
    assert {one["severity"] for one in found(f"# check=error=true\n{MANY}")} == {"error"}


def test_one_experimental_rule_alone() -> None:
    text = "# check=experimental=CopyIgnoredFile\n# about\nFROM x AS a\nCOPY b /b\n"
    assert [one["rule"] for one in found(text, ignored="b")] == ["CopyIgnoredFile"]


def test_a_comment_excepts_an_instruction() -> None:
    text = "FROM x\n# check=skip=JSONArgsRecommended\nCMD a\nENTRYPOINT b"
    assert [(one["rule"], one["firstLine"]) for one in found(text)] == [("JSONArgsRecommended", 4)]


@pytest.mark.parametrize(
    ("directive", "problem"),
    [
        ("skip=a;skip=b", "skip stands twice"),
        ("error=perhaps", "error is true or false"),
        ("skipp=a", "skipp is not known (did you mean skip?)"),
    ],
)
def test_refused(directive: str, problem: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        found(f"# check={directive}\nFROM x")
    assert problem in str(caught.value)


def test_a_known_base_tells_its_variables() -> None:
    text = "FROM x\nENV A=$B$C"
    assert [one["message"] for one in found(text, bases={"x": {"Env": ["B=1"], "OnBuild": ["ENV D=$E"]}})] == [
        "nothing defines $C"
    ]


def test_a_root_that_is_left_out_whole() -> None:
    text = f"{ALL}FROM x\nCOPY . /b"
    assert [one["rule"] for one in found(text, ignored="**")] == ["CopyIgnoredFile"]
    assert found(text, ignored="*\n!a") == []


def test_findings_stand_in_the_order_of_their_lines() -> None:
    text = "from x AS Base\nCMD a\nCMD b\nENV A b\n"
    lines = [one["firstLine"] for one in found(text)]
    assert lines == sorted(lines)
    assert len(lines) > 5


def test_what_cannot_be_built_is_an_error() -> None:
    with pytest.raises(DockerfileError, match="is no port"):
        found("FROM x\nEXPOSE web")
