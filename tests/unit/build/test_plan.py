"""build/plan: stages, their bases and platforms, and which of them a target needs."""

from __future__ import annotations

import pytest
from dockerfiles import planned, read

from oci_spec.platform import Platform
from ocipipe.build.instruction import DockerfileError
from ocipipe.build.plan import plan
from ocipipe.errors import NotFound

THREE = "FROM debian AS a\nFROM a AS b\nFROM scratch AS c\nCOPY --from=b x y\n"


@pytest.mark.parametrize(
    ("text", "target", "stages"),
    [
        (THREE, "", [(0, "debian", []), (1, 0, [0]), (2, "scratch", [1])]),
        (THREE, "b", [(0, "debian", []), (1, 0, [0])]),
        (THREE, "B", [(0, "debian", []), (1, 0, [0])]),
        (THREE, "1", [(0, "debian", []), (1, 0, [0])]),
        (THREE, "a", [(0, "debian", [])]),
        ("FROM a\nFROM b\nFROM c", "", [(2, "c", [])]),
        ("FROM a\nFROM b\nCOPY --from=0 x y", "", [(0, "a", []), (1, "b", [0])]),
        ("FROM a AS x\nFROM b\nRUN --mount=from=x,target=/x y", "", [(0, "a", []), (1, "b", [0])]),
        ("FROM a AS x\nFROM b\nRUN --mount=type=cache,from=X,target=/x y", "", [(0, "a", []), (1, "b", [0])]),
        ("FROM a AS x\nFROM b\nRUN --mount=type=tmpfs,target=/x y", "", [(1, "b", [])]),
        ("FROM a\nFROM b\nRUN --mount=from=0,target=/x y", "", [(0, "a", []), (1, "b", [0])]),
        ("FROM a\nFROM b\nCOPY --from=debian x y", "", [(1, "b", [])]),
        ("FROM a AS x\nFROM b\nONBUILD COPY --from=x y z", "", [(1, "b", [])]),
        ("FROM a AS x\nFROM b AS y\nONBUILD COPY --from=x y z\nFROM y", "",
         [(0, "a", []), (1, "b", []), (2, 1, [0, 1])]),
        ("FROM a AS x\nFROM b AS x\nFROM x", "", [(1, "b", []), (2, 1, [1])]),
        ("FROM a AS x\nFROM b AS x\nCOPY --from=x y z", "", [(0, "a", []), (1, "b", [0])]),
        ("FROM a AS Base\nFROM BASE", "", [(0, "a", []), (1, 0, [0])]),
        ("FROM x AS x", "", [(0, "x", [])]),
        ("FROM y\nFROM a AS y", "0", [(0, "y", [])]),
        ("FROM scratch", "", [(0, "scratch", [])]),
        ("FROM a AS scratch\nFROM scratch", "", [(0, "a", []), (1, 0, [0])]),
    ],
)  # fmt: skip
def test_stages(text: str, target: str, stages: list[tuple[int, str | int, list[int]]]) -> None:
    found = planned(text, target=target)
    assert [(stage.index, stage.base, sorted(stage.needs)) for stage in found.stages] == stages
    assert found.stages[-1] is found.target


@pytest.mark.parametrize(
    ("text", "build_args", "base"),
    [
        ("ARG V=12\nFROM debian:$V", {}, "debian:12"),
        ("ARG V=12\nFROM debian:$V", {"V": "13"}, "debian:13"),
        ("ARG V\nFROM debian:${V:-11}", {}, "debian:11"),
        ("ARG A=de\nARG B=${A}bian\nFROM $B", {}, "debian"),
        ("ARG A=de B=bian\nFROM $A$B", {}, "debian"),
        ("ARG I=\"debian:12\"\nFROM ${I%:*}", {}, "debian"),
        ("FROM debian${V}", {"V": ":1"}, "debian"),
        ("ARG V=1\nARG V=2\nFROM x:$V", {}, "x:2"),
        ("FROM x-$TARGETARCH", {}, "x-arm64"),
        ("FROM x-$TARGETOS-$BUILDARCH", {}, "x-linux-amd64"),
        ("FROM x-$TARGETARCH", {"TARGETARCH": "y"}, "x-y"),
        ("FROM x-$TARGETSTAGE AS Last", {}, "x-last"),
        ("ARG TARGETARCH\nFROM x-$TARGETARCH", {}, "x-arm64"),
        ("FROM 'debian'", {}, "debian"),
    ],
)
def test_bases(text: str, build_args: dict[str, str], base: str) -> None:
    assert planned(text, build_args, platform=Platform("linux", "arm64")).target.base == base


@pytest.mark.parametrize(
    ("text", "platform"),
    [
        ("FROM x", "linux/arm/v7"),
        ("FROM --platform=linux/riscv64 x", "linux/riscv64"),
        ("FROM --platform=$BUILDPLATFORM x", "linux/amd64"),
        ("FROM --platform=$TARGETPLATFORM x", "linux/arm/v7"),
        ("FROM --platform=$TARGETOS/$TARGETARCH/${TARGETVARIANT:-v6} x", "linux/arm/v7"),
        ("FROM --platform=linux/x86_64 x", "linux/amd64"),
        ("FROM --platform=arm64 x", "linux/arm64"),
        ("FROM --platform=linux x", "linux/arm/v7"),
        ("ARG P=linux/s390x\nFROM --platform=$P x", "linux/s390x"),
        ("FROM --platform=$BUILDPLATFORM x AS a\nFROM a", "linux/amd64"),
    ],
)
def test_platforms(text: str, platform: str) -> None:
    assert str(planned(text, platform=Platform("linux", "arm", "v7")).target.platform) == platform


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RUN x\nFROM y", "Dockerfile:1: RUN: stands before any FROM"),
        ("ENV A=1\nFROM y", "stands before any FROM"),
        ("ARG A", "Dockerfile:1: ARG: there is no FROM"),
        ("FROM $A", "FROM $A: the image's name is empty (nothing gives A a value: use --build-arg A=…)"),
        ("ARG V\nFROM x:$V", "FROM x:$V: x: is no name of an image: '' is no tag"),
        ("ARG V\nFROM x:$V", "(nothing gives V a value: use --build-arg V=…)"),
        ("FROM x$", "x$ is no name of an image"),
        ("FROM UPPER/Case", "is no name of an image"),
        ("FROM x:${A?none}", "A: none"),
        ("FROM 'x", "a quote ' is not closed"),
        ("ARG A=${B:?none}\nFROM x", "Dockerfile:1: ARG ${B:?none}: B: none"),
        ("FROM --platform=$A x", "is not os/architecture"),
        ("FROM --platform=a/b/c/d x", "is not os/architecture"),
        ("FROM x\nCOPY --from=1 a b", "Dockerfile:2: COPY 1: there is no stage 1 (they are 0 to 0)"),
        ("FROM x\nCOPY --from=0 a b", "stage 0 needs itself"),
        ("FROM x AS y\nCOPY --from=y a b", "stage y needs itself"),
        ("FROM x\nCOPY --from=y a b\nFROM x AS y", "COPY y: stage y comes later (move it before this one)"),
        ("FROM x\nCOPY --from=1 a b\nFROM x AS y", "stage 1 comes later"),
        ("FROM x\nRUN --mount=from=y,target=/z a\nFROM x AS y", "stage y comes later"),
        ("FROM x\nCOPY --from=$Y a b", "variables do not work in from"),
        ("FROM x\nRUN --mount=from=$Y,target=/z a", "variables do not work in from"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        planned(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("nothing", "--target nothing: Dockerfile has no such stage (it has a, b, c)"),
        ("bb", "did you mean b?"),
        ("3", "has no such stage"),
        ("-1", "has no such stage"),
    ],
)
def test_no_such_target(target: str, problem: str) -> None:
    with pytest.raises(NotFound) as caught:
        planned(THREE, target=target)
    assert problem in str(caught.value)


def test_contexts_stand_for_stages_and_images() -> None:
    text = "FROM debian AS a\nFROM scratch AS b\nFROM a\nCOPY --from=B x y\nCOPY --from=c x y"
    found = planned(text, contexts=("A", "b"))
    assert [(stage.index, stage.base, stage.needs) for stage in found.stages] == [(2, "a", set())]


def test_arguments_that_nothing_declares() -> None:
    given = {"A": "1", "B": "2", "C": "3", "HTTP_PROXY": "4", "SOURCE_DATE_EPOCH": "5", "BUILDKIT_INLINE_CACHE": "6",
             "TARGETARCH": "7"}  # fmt: skip
    assert planned("ARG A\nFROM x AS y\nARG C\nFROM z", given).unused == ["B"]


def test_the_source_of_an_instruction() -> None:
    found = planned("FROM a AS x\nFROM b\nCOPY --from=x y z\nCOPY --from=debian y z\nCOPY --from=0 y z")
    instructions = found.target.instructions
    assert [found.source(found.target, one, one.option("from")) for one in instructions] == [0, None, 0]
    assert [stage.index for stage in found.reach([0])] == [0]


def test_what_is_automatic() -> None:
    dockerfile = read("FROM x")
    found = plan(dockerfile, platform=Platform("linux", "arm", "v6"), build_platform=Platform("linux", "amd64"))
    assert found.globals == {
        "BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDOSVERSION": "", "BUILDARCH": "amd64",
        "BUILDVARIANT": "", "TARGETPLATFORM": "linux/arm/v6", "TARGETOS": "linux", "TARGETOSVERSION": "",
        "TARGETARCH": "arm", "TARGETVARIANT": "v6", "TARGETSTAGE": "default",
    }  # fmt: skip
