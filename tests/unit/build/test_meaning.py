"""build/meaning: the steps that instructions ask for, the config that they leave, and what the history tells."""

from __future__ import annotations

from typing import Any

import pytest
from dockerfiles import PATH, carried_out, config_of, fields, last, planned

from ocipipe.build.instruction import DockerfileError

SH = ["/bin/sh", "-c"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ENV A=1", {"Env": ["A=1"]}),
        ("ENV A=1 B='x y' C=x\\ z D=\"$A\"", {"Env": ["A=1", "B=x y", "C=x z", "D="]}),
        ("ENV A=hello\nENV A=bye B=$A\nENV C=$A", {"Env": ["A=bye", "B=hello", "C=bye"]}),
        ("ENV A some value  with = in it", {"Env": ["A=some value  with = in it"]}),
        ("ENV A 'x' \"y\"", {"Env": ["A=x y"]}),
        ("ENV A=1\nENV $A=2", {"Env": ["A=1", "1=2"]}),
        ("ENV A=a.tar.gz\nENV B=${A%.gz} C=${A%%.*} D=${A#*.} E=${A/tar/zip}",
         {"Env": ["A=a.tar.gz", "B=a.tar", "C=a", "D=tar.gz", "E=a.zip.gz"]}),
        ("ENV A=", {"Env": ["A="]}),
        ("ENV P=$PATH:/x", {"Env": [f"P={PATH}:/x"]}),
        ("ARG A=1\nENV B=$A", {"Env": ["B=1"]}),
        ("LABEL a=1 'b c'=\"d e\"\nLABEL a 2", {"Labels": {"a": "2", "b c": "d e"}}),
        ("ENV V=1\nLABEL a.$V=$V b='$V'", {"Env": ["V=1"], "Labels": {"a.1": "1", "b": "$V"}}),
        ("EXPOSE 80 53/UDP 8000-8001/tcp",
         {"ExposedPorts": {"53/udp": {}, "80/tcp": {}, "8000/tcp": {}, "8001/tcp": {}}}),
        ("ARG P='1 2/udp'\nEXPOSE $P", {"ExposedPorts": {"1/tcp": {}, "2/udp": {}}}),
        ("EXPOSE 127.0.0.1:80:81 90:91", {"ExposedPorts": {"81/tcp": {}, "91/tcp": {}}}),
        ("VOLUME /a /b", {"Volumes": {"/a": {}, "/b": {}}}),
        ("ENV D=/d\nVOLUME [\"/a b\", \"$D\"]", {"Env": ["D=/d"], "Volumes": {"/a b": {}, "/d": {}}}),
        ("USER me:staff", {"User": "me:staff"}),
        ("ARG U=7\nUSER ${U}:$U", {"User": "7:7"}),
        ("USER me\nUSER $NOBODY", {}),
        ("WORKDIR a\nWORKDIR b/../c\nWORKDIR ./d/", {"WorkingDir": "/a/c/d"}),
        ("WORKDIR /x//y\nWORKDIR ..", {"WorkingDir": "/x"}),
        ("WORKDIR //x", {"WorkingDir": "/x"}),
        ("WORKDIR ../..", {"WorkingDir": "/"}),
        ("ENV D=/d\nWORKDIR $D/e f", {"Env": ["D=/d"], "WorkingDir": "/d/e f"}),
        ("STOPSIGNAL SIGRTMIN+3", {"StopSignal": "SIGRTMIN+3"}),
        ("ARG S=9\nSTOPSIGNAL $S", {"StopSignal": "9"}),
        ("CMD echo $HOME", {"Cmd": [*SH, "echo $HOME"]}),
        ('CMD ["echo", "$HOME"]', {"Cmd": ["echo", "$HOME"]}),
        ("CMD ['echo']", {"Cmd": [*SH, "['echo']"]}),
        ("CMD []", {}),
        ("ENTRYPOINT /init", {"Entrypoint": [*SH, "/init"]}),
        ('CMD ["a"]\nENTRYPOINT ["/init"]', {"Cmd": ["a"], "Entrypoint": ["/init"]}),
        ('SHELL ["/bin/bash", "-euc"]\nCMD a\nENTRYPOINT b',
         {"Shell": ["/bin/bash", "-euc"], "Cmd": ["/bin/bash", "-euc", "a"], "Entrypoint": ["/bin/bash", "-euc", "b"]}),
        ("HEALTHCHECK NONE", {"Healthcheck": {"Test": ["NONE"]}}),
        ("HEALTHCHECK CMD curl  x", {"Healthcheck": {"Test": ["CMD-SHELL", "curl  x"]}}),
        ("HEALTHCHECK cmd curl", {"Healthcheck": {"Test": ["CMD-SHELL", "curl"]}}),
        ('HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=1s --start-interval=2s --retries=4 CMD ["a"]',
         {"Healthcheck": {"Test": ["CMD", "a"], "Interval": 90 * 10**9, "Timeout": 5 * 10**8, "StartPeriod": 10**9,
                          "StartInterval": 2 * 10**9, "Retries": 4}}),
        ("HEALTHCHECK --interval=0s --retries=0 CMD a", {"Healthcheck": {"Test": ["CMD-SHELL", "a"]}}),
        ("HEALTHCHECK CMD a\nHEALTHCHECK CMD b", {"Healthcheck": {"Test": ["CMD-SHELL", "b"]}}),
        ("ONBUILD RUN make $A\nONBUILD COPY . /x", {"OnBuild": ["RUN make $A", "COPY . /x"]}),
        ("ONBUILD RUN <<E\na\nE", {"OnBuild": ["RUN <<E\na\nE"]}),
        ("onbuild run make \\\n  all", {"OnBuild": ["run make   all"]}),
        ("MAINTAINER Me $A", {}),
        ("RUN make\nCOPY a b\nARG X=1", {}),
    ],
)  # fmt: skip
def test_config(text: str, found: dict[str, Any]) -> None:
    expected = {"Env": [f"PATH={PATH}", *found.pop("Env", [])], **found}
    assert config_of(text) == expected


@pytest.mark.parametrize(
    ("base", "text", "found"),
    [
        ({"Env": ["PATH=/x", "A=1"]}, "ENV A=2 B=$A", {"Env": ["PATH=/x", "A=2", "B=1"]}),
        ({"Env": ["A=1"]}, "USER x", {"Env": ["A=1", f"PATH={PATH}"], "User": "x"}),
        ({"Cmd": ["a"]}, 'ENTRYPOINT ["b"]', {"Entrypoint": ["b"]}),
        ({"Cmd": ["a"], "Entrypoint": ["x"]}, 'ENTRYPOINT ["b"]', {"Entrypoint": ["b"]}),
        ({"Cmd": ["a"]}, 'ENTRYPOINT ["b"]\nCMD ["c"]', {"Entrypoint": ["b"], "Cmd": ["c"]}),
        ({"Cmd": ["a"], "Entrypoint": ["x"]}, 'CMD ["c"]', {"Entrypoint": ["x"], "Cmd": ["c"]}),
        ({"Entrypoint": ["x"], "Cmd": ["a"]}, "ENTRYPOINT []", {}),
        ({"WorkingDir": "/a"}, "WORKDIR b", {"WorkingDir": "/a/b"}),
        ({"WorkingDir": "/a/"}, "", {"WorkingDir": "/a"}),
        ({"Labels": {"a": "1"}}, "LABEL b=2", {"Labels": {"a": "1", "b": "2"}}),
        ({"ExposedPorts": {"1/tcp": {}}}, "EXPOSE 2", {"ExposedPorts": {"1/tcp": {}, "2/tcp": {}}}),
        ({"Volumes": None, "Labels": None, "ExposedPorts": None}, "VOLUME /a\nLABEL a=1\nEXPOSE 1",
         {"Volumes": {"/a": {}}, "Labels": {"a": "1"}, "ExposedPorts": {"1/tcp": {}}}),
        ({"OnBuild": ["USER x"]}, "ONBUILD USER y", {"User": "x", "OnBuild": ["USER y"]}),
        ({"OnBuild": ["ENV A=1", "ENV B=$A"]}, "ENV C=$B", {"Env": [f"PATH={PATH}", "A=1", "B=1", "C=1"]}),
        ({"Shell": ["/bin/bash", "-c"]}, "CMD a", {"Shell": ["/bin/bash", "-c"], "Cmd": ["/bin/bash", "-c", "a"]}),
        ({"Env": ["PATH=/x"], "Healthcheck": {"Test": ["CMD", "a"]}, "StopSignal": "9"}, "",
         {"Env": ["PATH=/x"], "Healthcheck": {"Test": ["CMD", "a"]}, "StopSignal": "9"}),
    ],
)  # fmt: skip
def test_config_of_a_base(base: dict[str, Any], text: str, found: dict[str, Any]) -> None:
    before = {key: list(value) if isinstance(value, list) else value for key, value in base.items()}
    assert config_of(text, base) == {"Env": [f"PATH={PATH}"], **found}
    assert base == before


def test_scratch_begins_at_its_root() -> None:
    scope, _ = last("FROM scratch")
    assert scope.config == {"WorkingDir": "/", "Env": [f"PATH={PATH}"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("RUN apt-get update", "RUN /bin/sh -c apt-get update # buildkit"),
        ('RUN ["make", "x y"]', "RUN make x y # buildkit"),
        ("ARG A=1\nARG B\nRUN x", "RUN |2 A=1 B= /bin/sh -c x # buildkit"),
        ("ARG A=1\nENV A=2\nRUN x", "RUN |1 A=2 /bin/sh -c x # buildkit"),
        ('SHELL ["/bin/bash", "-c"]\nRUN x', "RUN /bin/bash -c x # buildkit"),
        ("RUN <<E\na\nb\nE", "RUN /bin/sh -c a\nb\n # buildkit"),
        ("RUN <<E sh\na\nE", "RUN /bin/sh -c <<E sh\na\nE # buildkit"),
        ("COPY a b /c/", "COPY a b /c/ # buildkit"),
        ("COPY --from=debian --link --chown=1:2 --chmod=755 --exclude=x a /c",
         "COPY --chown=1:2 --chmod=755 a /c # buildkit"),
        ("COPY --parents a /c", "COPY --parents a /c # buildkit"),
        ("COPY a <<E /c/\nE", "COPY a <<E /c/ # buildkit"),
        ("ARG V=x\nADD $V.tar /$V", "ADD x.tar /x # buildkit"),
        ("ENV A=b C='d e'", "ENV A=b C=d e"),
        ("LABEL a b c", "LABEL a=b c"),
        ("WORKDIR app", "WORKDIR /app"),
        ("USER me", "USER me"),
        ("EXPOSE 443 80", "EXPOSE [443/tcp 80/tcp]"),
        ("VOLUME /a /b", "VOLUME [/a /b]"),
        ("CMD a \"b\"", 'CMD ["/bin/sh" "-c" "a \\"b\\""]'),
        ('ENTRYPOINT ["a", "b"]', 'ENTRYPOINT ["a" "b"]'),
        ("STOPSIGNAL 9", "STOPSIGNAL 9"),
        ('SHELL ["a", "b"]', "SHELL [a b]"),
        ("HEALTHCHECK NONE",
         "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}"),
        ("HEALTHCHECK --interval=1h1s --timeout=1500ms --start-period=5ms --start-interval=90s --retries=2 CMD a b",
         "HEALTHCHECK {Test:[CMD-SHELL a b] "
         "Interval:1h0m1s Timeout:1.5s StartPeriod:5ms StartInterval:1m30s Retries:2}"),
        ("MAINTAINER Me <me@x>", "MAINTAINER Me <me@x>"),
        ("ONBUILD RUN x", ""),
    ],
)  # fmt: skip
def test_history(text: str, told: str) -> None:
    assert last(text)[1][-1].text == told


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("RUN make", {"args": [*SH, "make"]}),
        ("RUN make \\\n  all", {"args": [*SH, "make   all"]}),
        ('RUN ["make"]', {"args": ["make"]}),
        ("RUN --network=none --security=insecure x", {"args": [*SH, "x"], "network": "none", "security": "insecure"}),
        ("RUN --network=default --security=sandbox x", {"args": [*SH, "x"]}),
        ("RUN --network=host x", {"args": [*SH, "x"], "network": "host"}),
        ("RUN echo $A ${B:-c}", {"args": [*SH, "echo $A ${B:-c}"]}),
        ("RUN <<E\n$a\n\\$b\nE", {"args": [*SH, "$a\n\\$b\n"]}),
        ("RUN <<-E\n\ta\n\t\tb\nE", {"args": [*SH, "a\nb\n"]}),
        ("RUN <<E\n#!/usr/bin/python3\nprint()\nE",
         {"args": [*SH, "/dev/pipes/E"], "files": {"E": "#!/usr/bin/python3\nprint()\n"}}),
        ("RUN <<A cat <<'B'\n1\nA\n2\nB", {"args": [*SH, "<<A cat <<'B'\n1\nA\n2\nB"]}),
        ("RUN --mount=type=tmpfs,target=/x y", {"args": [*SH, "y"], "mounts": [{"kind": "tmpfs", "target": "/x"}]}),
        ("COPY a /b", {"sources": ["a"], "destination": "/b"}),
        ("COPY . .", {"sources": ["."], "destination": "."}),
        ("COPY a b c/", {"sources": ["a", "b"], "destination": "c/"}),
        ('COPY ["a b", "c"]', {"sources": ["a b"], "destination": "c"}),
        ("COPY a\\* b", {"sources": ["a*"], "destination": "b"}),
        ("ARG X=y\nCOPY --chown=$X:1 --chmod=7$N5 --exclude=*.$X ${X}a /$X/",
         {"sources": ["ya"], "destination": "/y/", "chown": "y:1", "chmod": "7", "exclude": ["*.y"]}),
        ("COPY --chmod=u=rwX,go-w,a+r a b", {"sources": ["a"], "destination": "b", "chmod": "u=rwX,go-w,a+r"}),
        ("COPY --from=debian:12 --link --parents a b",
         {"sources": ["a"], "destination": "b", "from_": "debian:12", "link": True, "parents": True}),
        ("COPY --link=false a b", {"sources": ["a"], "destination": "b"}),
        ("ARG V=1\nCOPY <<E <<'F' x /y/\n$V \\$V \"$V\" \\\\\nE\n$V\nF",
         {"sources": ["x"], "destination": "/y/", "files": {"E": '1 $V "1" \\\n', "F": "$V\n"}}),
        ("COPY <<-E /y\n\ta\nE", {"destination": "/y", "files": {"E": "a\n"}}),
        ('COPY ["<<E", "/y"]', {"sources": ["<<E"], "destination": "/y"}),
        ("ADD a.tar /b", {"add": True, "sources": ["a.tar"], "destination": "/b"}),
        ("ADD --unpack=false --link a.tar /b",
         {"add": True, "sources": ["a.tar"], "destination": "/b", "link": True}),
        ("ADD --unpack https://x.org/a /b",
         {"add": True, "sources": ["https://x.org/a"], "destination": "/b", "unpack": True}),
        (f"ADD --checksum=sha256:{'a' * 64} https://x.org/a /b",
         {"add": True, "sources": ["https://x.org/a"], "destination": "/b", "checksum": f"sha256:{'a' * 64}"}),
        (f"ADD --keep-git-dir --checksum={'a' * 40} https://x.org/a.git#main:dir /b",
         {"add": True, "sources": ["https://x.org/a.git#main:dir"], "destination": "/b", "keep_git_dir": True,
          "checksum": "a" * 40}),
        ("ADD git@x.org:a/b.git /b", {"add": True, "sources": ["git@x.org:a/b.git"], "destination": "/b"}),
        ("ADD --chown=a --chmod=0644 --exclude=b c /d",
         {"add": True, "sources": ["c"], "destination": "/d", "chown": "a", "chmod": "0644", "exclude": ["b"]}),
        ("WORKDIR a/../b", {"path": "/b"}),
    ],
)  # fmt: skip
def test_steps(text: str, found: dict[str, Any]) -> None:
    step = last(text)[1][-1]
    assert {key: value for key, value in fields(step).items() if key != "text"} == found


def test_an_unpack_that_is_off_is_told_from_none() -> None:
    assert [last(f"ADD {flag} a /b")[1][-1].unpack for flag in ("", "--unpack", "--unpack=false")] == [
        None, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RUN --network=bridge x", "--network=bridge is not known (use default, none, host)"),
        ("RUN --security=none x", "--security=none is not known"),
        ("COPY --chmod=999 a b", "999 is no mode"),
        ("COPY --chmod=17777 a b", "is no mode"),
        ("COPY --chmod=u*x a b", "is no mode"),
        ("COPY --chmod=rwx a b", "is no mode"),
        ("COPY https://x.org/a /b", "COPY does not fetch (write ADD https://x.org/a …)"),
        ("COPY git@x.org:a.git /b", "COPY does not fetch"),
        ("ADD --checksum=sha256:00 https://x.org/a /b", "--checksum: "),
        (f"ADD --checksum=sha256:{'a' * 64} a /b", "--checksum is for one URL"),
        (f"ADD --checksum=sha256:{'a' * 64} https://x.org/a https://x.org/b /c/", "--checksum is for one URL"),
        ("ADD --checksum=xyz https://x.org/a.git /b", "xyz is no commit"),
        ("COPY $ a ${A", "a } is missing"),
        ("COPY 'a b /c", "a quote ' is not closed"),
        ("ENV A=${B?tell}", "B: tell"),
        ("ENV ''=1", "is no pair"),
        ("ENV $A=1", "a name is empty"),
        ("EXPOSE web", "'web' is no port like"),
        ("EXPOSE 80/icmp", "is no port"),
        ("EXPOSE 70000", "is no port from 1 to 65535"),
        ("EXPOSE 9-8", "is no port from"),
        ("VOLUME $A", "a volume's path is empty"),
        ("STOPSIGNAL SIGNOTHING", "is no signal"),
        ("WORKDIR ${A:?must be set}", "A: must be set"),
        ("ARG A=${B?no}", "B: no"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        last(text)
    assert problem in str(caught.value)
    assert str(caught.value).startswith(f"Dockerfile:2: {text.split()[0]}")


@pytest.mark.parametrize(
    ("text", "build_args", "run"),
    [
        ("ARG A=1\nRUN x", {}, {"A": "1"}),
        ("ARG A=1\nRUN x", {"A": "2"}, {"A": "2"}),
        ("ARG A\nRUN x", {}, {}),
        ("ARG A\nRUN x", {"A": ""}, {"A": ""}),
        ("RUN x", {"A": "2"}, {}),
        ("ARG A=1 B=$A C=${A}c\nRUN x", {}, {"A": "1", "B": "1", "C": "1c"}),
        ("ARG A='x y'\nRUN x", {}, {"A": "x y"}),
        ("ARG A=$PATH\nRUN x", {}, {"A": PATH}),
        ("ARG A=1\nENV A=2\nRUN x", {"A": "3"}, {"A": "2"}),
        ("ENV A=2\nARG A=1\nRUN x", {}, {"A": "1"}),
        ("ENV A=2\nARG A\nRUN x", {}, {"A": "2"}),
        ("ARG A=1\nENV B=$A\nRUN x", {}, {"A": "1", "B": "1"}),
        ("ENV B=${A:-d}\nARG A=1", {}, {"A": "1", "B": "d"}),
        ("ARG A=1\nARG A=2\nRUN x", {}, {"A": "2"}),
        ("ARG TARGETARCH\nARG BUILDPLATFORM\nRUN x", {}, {"TARGETARCH": "amd64", "BUILDPLATFORM": "linux/amd64"}),
        ("ARG TARGETVARIANT\nRUN x", {}, {"TARGETVARIANT": ""}),
        ("ARG TARGETSTAGE\nRUN x", {}, {"TARGETSTAGE": "default"}),
        ("ARG TARGETARCH=x\nRUN x", {}, {"TARGETARCH": "x"}),
        ("ARG BUILDKIT_SBOM_SCAN_STAGE=true\nRUN x", {}, {}),
        ("ARG SOURCE_DATE_EPOCH\nRUN x", {"SOURCE_DATE_EPOCH": "7"}, {"SOURCE_DATE_EPOCH": "7"}),
        ("RUN x", {"SOURCE_DATE_EPOCH": "7"}, {}),
        ("RUN x", {"HTTP_PROXY": "p"}, {}),
        ("ARG HTTP_PROXY\nRUN x", {"HTTP_PROXY": "p"}, {"HTTP_PROXY": "p"}),
    ],
)
def test_arguments(text: str, build_args: dict[str, str], run: dict[str, str]) -> None:
    assert last(text, build_args)[0].variables_of_run() == {"PATH": PATH, **run}


def test_arguments_before_the_first_stage_are_for_from_until_they_are_declared_again() -> None:
    text = "ARG V=1\nFROM scratch AS a\nENV A=$V\nFROM scratch\nARG V\nENV B=$V"
    first, second = [dict(done[0].variables) for done in carried_out(planned(f"{text}\nCOPY --from=a x y")).values()]
    assert (first["A"], second["B"]) == ("", "1")


def test_arguments_go_on_into_a_stage_that_begins_with_this_one() -> None:
    done = carried_out(planned("FROM scratch AS a\nARG V=1\nENV E=2\nFROM a\nRUN x"))
    assert done[1][0].variables_of_run() == {"PATH": PATH, "V": "1", "E": "2"}
    assert done[1][1][0].text == "RUN |1 V=1 /bin/sh -c x # buildkit"


def test_proxies_are_given_but_do_not_count() -> None:
    scope, _ = last("ARG no_proxy\nRUN x", {"https_proxy": "p", "NO_PROXY": "q", "X": "r"})
    assert scope.proxies() == {"HTTPS_PROXY": "p", "https_proxy": "p", "NO_PROXY": "q", "no_proxy": "q"}
    assert scope.variables_of_run() == {"PATH": PATH}


def test_triggers_of_a_stage_run_in_one_that_begins_with_it() -> None:
    found = planned("FROM scratch AS a\nONBUILD COPY --from=c x /y\nONBUILD RUN z\nFROM scratch AS c\nFROM a\nRUN w")
    assert [stage.index for stage in found.stages] == [0, 1, 2]
    done = carried_out(found)
    assert [step.text for step in done[2][1]] == [
        "COPY x /y # buildkit", "RUN /bin/sh -c z # buildkit", "RUN /bin/sh -c w # buildkit",
    ]  # fmt: skip
    assert str(done[2][1][0].place) == "Dockerfile:5"
    assert "OnBuild" not in done[2][0].config


@pytest.mark.parametrize("text", ["NOTHING x", "RUN a\nRUN b", "", "RUN --x y", "FROM y"])
def test_a_trigger_that_is_no_instruction(text: str) -> None:
    with pytest.raises(DockerfileError, match=r"^Dockerfile:3: ONBUILD .* of the base: "):
        last("\n\nFROM base", bases={"base": {"OnBuild": [text]}})


def test_who_made_it() -> None:
    assert last("MAINTAINER Me")[1][-1].author == "Me"


def test_what_a_step_wanted_and_nothing_defines() -> None:
    scope, _ = last("ENV A=$B-${C:-x}$PATH")
    assert scope.met == {"B", "C"}
