"""The Dockerfile language on any bytes: what is read, planned, carried out and judged, or refused with a place."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oci_spec import jsondoc
from oci_spec.platform import Platform
from ocipipe.build.dockerfile import parse
from ocipipe.build.instruction import FLAGS, DockerfileError
from ocipipe.build.lint import lint
from ocipipe.build.meaning import Scope
from ocipipe.build.plan import plan

HERE = Platform("linux", "amd64")
WHOLE = """# syntax=docker/dockerfile:1
# check=error=true
ARG V=12
FROM --platform=$BUILDPLATFORM debian:${V:-11} AS Base
ENV A=1 B="two $A" PATH=/x:$PATH
RUN --mount=type=cache,target=/var/cache,sharing=locked --network=none \\
    # why
    apt-get update && \\
    true
RUN <<EOF
#!/bin/sh
echo ${A%1}
EOF
COPY --from=debian --chown=1:$A --exclude=*.md a* <<-'X' <<Y /b/
\tx
\tX
$A
Y
HEALTHCHECK --interval=30s --retries=3 CMD ["curl", "x"]
ONBUILD COPY . /src
FROM Base
ARG V
WORKDIR app
ADD --checksum=sha256:0000000000000000000000000000000000000000000000000000000000000000 https://example.org/x.tar /
EXPOSE 80/tcp 8000-8010/UDP
VOLUME ["/data"]
LABEL a.b="c" d=e\\ f
USER ${A:+me}
STOPSIGNAL SIGTERM
SHELL ["/bin/bash", "-c"]
ENTRYPOINT exec x
CMD ["y"]
"""
PIECES = st.sampled_from(
    [
        *FLAGS, "FROM x\n", "AS", "\n", "\\\n", "\\", "`", " ", "\t", "$A", "${A", "${A:-", "}", "${A##*/}",
        "${A//b/c}", "'", '"', "[", "]", '["a"]', "<<E", "<<-E", "E", "#", "# escape=`\n", "# check=skip=all\n",
        "--", "--from=0 ", "--mount=type=cache,target=/x ", "--mount=", "--link ", "--chmod=u+x ", "=", ",", ";", "/",
        "a", "0", "1-2", "\r\n", "\0", "é", "NONE", "CMD", "ONBUILD ", "https://x.org/a", "\ufeff", "\x85", "\u2028",
    ]
)  # fmt: skip


def go_through(data: bytes) -> None:
    error = _refusal(data)
    if error is not None:
        assert str(error).startswith("Dockerfile:")
        assert "\n" not in error.problem
        jsondoc.dumps([str(error), error.detail, error.excerpt])


def _refusal(data: bytes) -> DockerfileError | None:
    try:
        dockerfile = parse(data)
        found = plan(dockerfile, build_args={"A": "b"}, platform=HERE, build_platform=HERE)
        scopes: dict[int, Scope] = {}
        for stage in found.stages:
            base = scopes[stage.base] if isinstance(stage.base, int) else {}
            scope = scopes[stage.index] = Scope(stage, found, base)
            for instruction in [*scope.triggers(), *stage.instructions]:
                step = scope.step(instruction)
                if step is not None:
                    jsondoc.dumps([step.text, scope.config])
        jsondoc.dumps(lint(dockerfile, found))
    except DockerfileError as error:
        return error
    return None


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    go_through(data)
    go_through(b"FROM x\n" + data)


@settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.lists(PIECES, max_size=25).map("".join))
def test_any_pieces(text: str) -> None:
    go_through(text.encode())
    go_through(f"FROM x\n{text}".encode())


@settings(deadline=None, max_examples=400, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_dockerfile_with_something_changed(data: st.DataObject) -> None:
    raw = WHOLE.encode()
    for _ in range(data.draw(st.integers(0, 4))):
        begin = data.draw(st.integers(0, len(raw)))
        end = begin + data.draw(st.integers(0, 12))
        raw = raw[:begin] + data.draw(PIECES.map(str.encode) | st.binary(max_size=4)) + raw[end:]
    go_through(raw)


def test_what_is_changed_is_a_good_one() -> None:
    found = plan(parse(WHOLE.encode()), platform=HERE, build_platform=HERE)
    scope: Scope | None = None
    for stage in found.stages:
        scope = Scope(stage, found, scope or {})
        for instruction in [*scope.triggers(), *stage.instructions]:
            scope.step(instruction)
    assert scope is not None
    assert scope.config["Cmd"] == ["y"]


def test_a_message_is_one_line_of_text() -> None:
    go_through(b"FROM x\nCOPY <<E /x\n${A?one\ntwo \xff}\nE\n")
