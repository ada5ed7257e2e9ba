"""images/changes: instructions that change a config."""

from __future__ import annotations

from typing import Any

import pytest

from ocipipe.errors import UsageError
from ocipipe.images import changes


@pytest.mark.parametrize(
    ("instructions", "config"),
    [
        (['CMD ["sh","-c","x y"]'], {"Cmd": ["sh", "-c", "x y"]}),
        (["cmd echo $HOME"], {"Cmd": ["/bin/sh", "-c", "echo $HOME"]}),
        (["CMD ['sh']"], {"Cmd": ["/bin/sh", "-c", "['sh']"]}),
        (["CMD []", 'ENTRYPOINT ["/init"]'], {"Cmd": [], "Entrypoint": ["/init"]}),
        (["ENV A=1 B='x y' C=$A"], {"Env": ["A=1", "B=x y", "C="]}),
        (["ENV A=bye", "ENV A=hello B=$A", "ENV C=${A}!"], {"Env": ["A=hello", "B=bye", "C=hello!"]}),
        (["ENV KEY some value  with = in it"], {"Env": ["KEY=some value  with = in it"]}),
        (["ENV P=a:b", "ENV P=$P:c"], {"Env": ["P=a:b:c"]}),
        (["LABEL a=1 'b c'=\"d e\"", "LABEL a 2"], {"Labels": {"a": "2", "b c": "d e"}}),
        (
            ["EXPOSE 80 53/UDP", "EXPOSE 8000-8001/tcp"],
            {"ExposedPorts": {"80/tcp": {}, "53/udp": {}, "8000/tcp": {}, "8001/tcp": {}}},
        ),
        (["VOLUME /a '/b c'", 'VOLUME ["/d","/$e"]'], {"Volumes": {"/a": {}, "/b c": {}, "/d": {}, "/$e": {}}}),
        (["ENV U=me", "USER $U:staff"], {"Env": ["U=me"], "User": "me:staff"}),
        (["WORKDIR a", "WORKDIR b/../c", "WORKDIR /x//y/"], {"WorkingDir": "/x/y"}),
        (["WORKDIR a", "WORKDIR b"], {"WorkingDir": "/a/b"}),
        (["STOPSIGNAL SIGRTMIN+3"], {"StopSignal": "SIGRTMIN+3"}),
        (["STOPSIGNAL 9"], {"StopSignal": "9"}),
        (["ONBUILD RUN make", "onbuild COPY . /x"], {"OnBuild": ["RUN make", "COPY . /x"]}),
        (["HEALTHCHECK NONE"], {"Healthcheck": {"Test": ["NONE"]}}),
        (["HEALTHCHECK CMD test -e /x"], {"Healthcheck": {"Test": ["CMD-SHELL", "test -e /x"]}}),
        (
            ['HEALTHCHECK --interval=1m30s  --retries=5 --start-interval=500ms CMD ["ok","-q"]'],
            {"Healthcheck": {"Test": ["CMD", "ok", "-q"], "Interval": 90 * 10**9, "Retries": 5,
                             "StartInterval": 500 * 10**6}},
        ),
    ],
)
def test_changes(instructions: list[str], config: dict[str, Any]) -> None:
    found: dict[str, Any] = {}
    changes.apply(found, instructions)
    assert found == config


@pytest.mark.parametrize(
    ("instruction", "problem"),
    [
        ("", "none of its instructions"),
        ("RUN make", "'RUN' is none of its instructions (use CMD, ENTRYPOINT"),
        ("CMD", "says nothing"),
        ("ENV A", "A has no value"),
        ("ENV A=1 B", "'B' is no pair"),
        ("ENV =1", "is no pair"),
        ("ENV A='x", "not closed"),
        ("LABEL ''=x", "is no pair"),
        ("EXPOSE web", "'web' is no port"),
        ("EXPOSE 80/icmp", "is no port"),
        ("EXPOSE 0", "from 1 to 65535"),
        ("EXPOSE 9-8", "from 1 to 65535"),
        ("EXPOSE 80-", "is no port"),
        ("VOLUME ''", "is empty"),
        ('VOLUME [""]', "path is empty"),
        ("USER $NOBODY", "is empty"),
        ("STOPSIGNAL SIGNOTHING", "is no signal"),
        ("WORKDIR ${X:?must be set}", "must be set"),
        ("ONBUILD ONBUILD RUN x", "cannot wait"),
        ("ONBUILD FROM x", "cannot wait"),
        ("HEALTHCHECK", "says nothing"),
        ("HEALTHCHECK true", "neither CMD"),
        ("HEALTHCHECK CMD", "neither CMD"),
        ("HEALTHCHECK --interval=3s NONE", "nor NONE alone"),
        ("HEALTHCHECK --interval=soon CMD x", "is no option like"),
        ("HEALTHCHECK --retries=many CMD x", "is no option like"),
        ("HEALTHCHECK --period=1s CMD x", "is no option like"),
    ],
)
def test_refused(instruction: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        changes.apply({}, [instruction])
    assert problem in str(caught.value)
    assert instruction in str(caught.value)


def test_a_new_entrypoint_clears_the_old_command() -> None:
    for instructions, left in (
        (['ENTRYPOINT ["/x"]'], {"Entrypoint": ["/x"]}),
        (['CMD ["new"]', 'ENTRYPOINT ["/x"]'], {"Entrypoint": ["/x"], "Cmd": ["new"]}),
        (['CMD ["new"]'], {"Cmd": ["new"]}),
    ):
        config: dict[str, Any] = {"Cmd": ["old"]}
        changes.apply(config, instructions)
        assert config == left
