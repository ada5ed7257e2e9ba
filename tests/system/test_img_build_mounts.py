"""RUN --mount: secrets, caches, agents, files of the context, of stages and images; and none of it in the image."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from builds import Builds
from commands import Commands

SECRET = b"correct-horse-battery-staple"


def holders(root: Path, secret: bytes) -> list[str]:
    """Every file of the store that holds the secret, packed ones unpacked."""
    import gzip

    found = []
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            if secret in data or (data[:2] == b"\x1f\x8b" and secret in gzip.decompress(data)):
                found.append(str(path.relative_to(root)))
    return found


def test_a_secret_is_nowhere_else(builds: Builds, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(SECRET)
    image = builds(
        "FROM busybox\n"
        "RUN --mount=type=secret,id=token sha256sum < /run/secrets/token > /sum\n"
        "RUN --mount=type=secret,id=token stat -c '%a %u' /run/secrets/token > /mode\n"
        "RUN --mount=type=secret,id=token,target=/etc/own,mode=0444,uid=1000 stat -c '%a %u' /etc/own >> /mode\n"
        "RUN --mount=type=secret,id=token,env=TOKEN printf %s \"$TOKEN\" | sha256sum | cmp - /sum\n"
        "RUN --mount=type=secret,id=missing test ! -e /run/secrets/missing\n", None,
        "--secret", f"id=token,src={tmp_path / 'token'}", "--explain-cache",
    )  # fmt: skip
    assert builds.content(image, "mode") == b"400 0\n444 1000\n"
    assert not {"run", "run/secrets", "etc/own"} & builds.tree(image).keys()
    assert holders(builds.root, SECRET) == []
    assert SECRET.decode() not in builds.said
    missing = builds.refused("FROM busybox\nRUN --mount=type=secret,id=no,required=true true\n")
    assert "secret no: was not given" in missing


def test_a_secret_of_the_environment(builds: Builds) -> None:
    image = builds(
        "FROM busybox\nRUN --mount=type=secret,id=token wc -c < /run/secrets/token > /size\n", None,
        "--secret", "id=token,env=TOKEN", env={"TOKEN": SECRET.decode()},
    )  # fmt: skip
    assert builds.content(image, "size").split() == [str(len(SECRET)).encode()]
    refused = builds.refused("FROM busybox\n", None, "--secret", "id=token,env=NOT_THERE")
    assert "NOT_THERE is not in the environment" in refused


def test_another_secret_is_no_miss(builds: Builds) -> None:
    dockerfile = "FROM busybox\nRUN --mount=type=secret,id=token cat /proc/sys/kernel/random/uuid > /when\n"
    first = builds(dockerfile, None, "--secret", "id=token,env=TOKEN", env={"TOKEN": "one"})
    assert builds(dockerfile, None, "--secret", "id=token,env=TOKEN", env={"TOKEN": "two"}) == first


def test_a_cache_stays(builds: Builds) -> None:
    dockerfile = (
        "FROM busybox\n"
        "RUN --mount=type=cache,target=/c,mode=0700,uid=7 echo {0} >> /c/f; cp /c/f /f{0}; stat -c '%a %u' /c > /m\n"
        "RUN --mount=type=cache,id=other,target=/c ls /c > /empty\n"
    )  # fmt: skip
    builds(dockerfile.format(1))
    image = builds(dockerfile.format(2))
    assert builds.content(image, "f2") == b"1\n2\n"
    assert builds.content(image, "m") == b"700 7\n"
    assert builds.content(image, "empty") == b""
    assert "c" not in builds.tree(image)


def test_a_cache_begins_with_a_stage(builds: Builds) -> None:
    image = builds(
        "FROM busybox AS first\nRUN mkdir /d && echo a > /d/a\n"
        "FROM busybox\nRUN --mount=type=cache,target=/c,from=first,source=/d cat /c/a > /seen\n"
        "RUN --mount=type=cache,target=/c,readonly sh -c 'touch /c/x || echo refused > /ro'\n"
    )  # fmt: skip
    assert builds.content(image, "seen") == b"a\n"
    assert builds.content(image, "ro") == b"refused\n"


@pytest.mark.parametrize(("sharing", "together"), [("locked", "1"), ("shared", "2"), ("private", "1")])
def test_sharing_of_a_cache(builds: Builds, sharing: str, together: str) -> None:
    """How many of two processes are ever in one directory at a time. Those that could be wait for one another."""
    script = (
        "mkdir /c/$ME; for n in $(seq {tries}); do ls /c | wc -l > /most; grep -q 2 /most && break; sleep 0.05; done; "
        "sleep {linger}; rm -r /c/$ME"
    ).format(tries=200 if sharing == "shared" else 20, linger=1 if sharing == "shared" else 0)
    mount = f"--mount=type=cache,target=/c,sharing={sharing}"
    image = builds(
        f"FROM busybox AS a\nENV ME=a\nRUN {mount} {script}\nFROM busybox AS b\nENV ME=b\nRUN {mount} {script}\n"
        "FROM scratch\nCOPY --from=a /most /a\nCOPY --from=b /most /b\n"
    )  # fmt: skip
    assert {builds.content(image, one).strip().decode() for one in ("a", "b")} == {together}


def test_binds(builds: Builds) -> None:
    files: dict[str, str | bytes] = {"f": "of the context", "d/x": "x", "no.log": "", ".dockerignore": "*.log\n"}
    image = builds(
        "FROM busybox AS made\nRUN mkdir /m && echo made > /m/a && rm /etc/group\nFROM busybox\n"
        "RUN --mount=type=bind,target=/ctx ls -A /ctx | sort > /names; cp /ctx/f /f; touch /ctx/w || echo ro > /ro\n"
        "RUN --mount=type=bind,source=d,target=/d,rw touch /d/y && ls /d > /rw\n"
        "RUN --mount=type=bind,source=f,target=/file cat /file > /one\n"
        "RUN --mount=type=bind,from=made,target=/m test ! -e /m/etc/group && cat /m/m/a > /two\n"
        "RUN --mount=type=bind,from=made,source=/m,target=/m,rw echo more >> /m/a && cat /m/a > /three\n"
        "RUN --mount=type=bind,from=made,source=/m,target=/m cat /m/a > /four\n"
        "RUN --mount=type=bind,from=busybox,source=/etc/os-release,target=/r,rw echo z >> /r && cat /r > /five\n",
        files,
    )  # fmt: skip
    assert builds.content(image, "names").split() == [b".dockerignore", b"Dockerfile", b"d", b"f"]
    assert builds.content(image, "f") == b"of the context"
    assert builds.content(image, "ro") == b"ro\n"
    assert builds.content(image, "rw").split() == [b"x", b"y"]
    assert builds.content(image, "one") == b"of the context"
    assert builds.content(image, "two") == builds.content(image, "four") == b"made\n"
    assert builds.content(image, "three") == b"made\nmore\n"
    assert builds.content(image, "five").endswith(b"z\n")
    assert not {"ctx", "d", "file", "m", "r"} & builds.tree(image).keys()
    assert not (builds.context / "d" / "y").exists()
    dockerfile = "FROM busybox\nRUN --mount=type=bind,from=busybox,source=/none,target=/x true\n"
    assert "does not exist" in builds.refused(dockerfile)


def test_what_is_bound_counts(builds: Builds) -> None:
    dockerfile = (
        "FROM busybox AS made\nRUN echo {} > /a\nFROM busybox\n"
        "RUN --mount=type=bind,target=/ctx,source=f cat /proc/sys/kernel/random/uuid > /one\n"
        "RUN --mount=type=bind,from=made,target=/m cat /proc/sys/kernel/random/uuid > /two\n"
    )  # fmt: skip
    builds(dockerfile.format(1), {"f": "1", "other": "1"})
    builds(dockerfile.format(1), {"f": "1", "other": "2"})
    assert all(builds.cached())
    builds(dockerfile.format(2), {"f": "1"})
    assert sorted(builds.cached()) == [False, False, True]
    builds(dockerfile.format(2), {"f": "2"})
    assert sorted(builds.cached()) == [False, False, True]


def test_memory_and_files_of_a_script(builds: Builds) -> None:
    image = builds(
        "FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m df -k /t | tail -n 1 > /size; touch /t/x\n"
        "RUN <<ONE\n#!/bin/sh -e\necho from $0 > /script\nONE\nRUN <<TWO\necho plain > /plain\nTWO\n"
        "RUN cat <<THREE > /three\nthe text\nTHREE\n"
    )  # fmt: skip
    assert builds.content(image, "size").split()[1] == b"1024"
    assert builds.content(image, "script").startswith(b"from /dev/")
    assert builds.content(image, "plain") == b"plain\n"
    assert builds.content(image, "three") == b"the text\n"
    assert not {"t", "dev/pipes"} & builds.tree(image).keys()


def test_an_agent(builds: Builds, run: Commands, tmp_path: Path) -> None:
    path = tmp_path / "agent.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        image = builds(
            "FROM busybox\nRUN --mount=type=ssh,required=true test -S $SSH_AUTH_SOCK && echo $SSH_AUTH_SOCK > /where\n",
            None, "--ssh", f"default={path}",
        )  # fmt: skip
    assert builds.content(image, "where").startswith(b"/run/buildkit/ssh_agent.")
    assert "run" not in builds.tree(image)
    assert "SSH_AUTH_SOCK names no agent" in builds.refused("FROM busybox\n", None, "--ssh", "default")
    assert "agent default: was not given" in builds.refused("FROM busybox\nRUN --mount=type=ssh,required=true true\n")


def test_a_killed_build_leaves_no_secret(builds: Builds, run: Commands, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(SECRET)
    context = builds.write("FROM busybox\nRUN --mount=type=secret,id=token echo begun; sleep 1000\n")
    secret = f"id=token,src={tmp_path / 'token'}"
    argv = [run.bin / "img-build", "--progress", "plain", "--network", "none", "--secret", secret, context]
    with subprocess.Popen(argv, env=run.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == b"begun\n":
                break
        process.kill()
    builds("FROM busybox\nRUN true\n")
    run("store-prune", "--older-than", "0s")  # takes the dead lease
    assert holders(builds.root, SECRET) == []
