"""cache-export and cache-import: a cache mount of builds on its way to another machine, through a registry."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from builds import Builds
from damage import blob, flip
from images import Image
from layer_trees import snapshot
from registry import DockerRegistry

DOCKERFILE = r"""FROM busybox
RUN --mount=type=cache,id=kept,target=/c,mode=0750,uid=7 cd /c; mkdir -m 1777 d; echo one > d/f; chmod 4711 d/f; \
    chown 5:6 d/f; ln d/f hard; ln -s /etc/passwd out; echo x > .wh.kept; mknod null c 0 0; mkfifo pipe
"""
READ = "FROM busybox\nRUN --mount=type=cache,id=kept,target=/c ({}) > /out\n"
KIND = "application/vnd.ocipipe.build.cache-mount.v1"


def mount(root: Path) -> Path:
    """The files of the one cache mount."""
    (found,) = root.glob("build/mounts/*/data")
    return found


def test_through_a_registry(builds: Builds, registry: DockerRegistry, tmp_path: Path, busybox_image: Image) -> None:
    builds(DOCKERFILE)
    here = mount(builds.root)
    os.setxattr(here / "d" / "f", "user.kind", b"\0binary")
    name = f"{registry.address}/cache/kept:1"
    sent = builds.run.shell(f"cache-export kept | img-push --tls-verify=false {name}").documents[0]
    assert sent["artifactType"] == KIND
    again = builds.run("cache-export", "kept", "-t", "kept:again").documents[0]
    assert again["digest"] == sent["digest"]

    there = builds.run.on(OCIPIPE_ROOT=str(tmp_path / "other"))
    took = there.shell(f"img-pull --tls-verify=false {name} | cache-import kept").documents[0]
    assert took["digest"] == sent["digest"]
    assert snapshot(mount(tmp_path / "other")) == snapshot(here)
    busybox_image.into_store(tmp_path / "other", "docker.io/library/busybox:latest")
    context = builds.write(READ.format("cat /c/d/f; stat -c '%a %u' /c"))
    (image,) = there("img-build", "--network", "none", "-q", context).out.split()
    files = there.shell(f"img-export {image.decode()} | tar -xO out").out
    assert files == b"one\n750 7\n"
    assert there("store-check", "--deep").documents == []


def test_what_is_there_stays(builds: Builds) -> None:
    builds(DOCKERFILE)
    artifact = json.dumps(builds.run("cache-export", "kept").documents[0]).encode()
    (mount(builds.root) / "later").touch()
    refused = builds.run("cache-import", "kept", input=artifact, status=1)
    assert refused.errors[0]["message"] == (
        "kept: the cache mount has files already (add --replace to put these in their place)"
    )
    assert (mount(builds.root) / "later").exists()
    builds.run("cache-import", "--replace", "kept", input=artifact)
    assert not (mount(builds.root) / "later").exists()
    assert (mount(builds.root) / "d" / "f").read_text() == "one\n"


def test_a_build_that_has_it_is_waited_for(builds: Builds, tmp_path: Path) -> None:
    builds("FROM busybox\nRUN --mount=type=cache,id=kept,target=/c echo one > /c/f\n")
    (tmp_path / "artifact").write_bytes(builds.run("cache-export", "kept").out)
    context = builds.write(READ.format("touch /c/began; while test ! -e /c/go; do sleep 0.05; done; cat /c/f"))
    argv = [builds.run.bin / "img-build", "--network", "none", "-q", context]
    building = subprocess.Popen(argv, env=builds.run.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    there = mount(builds.root)
    while not (there / "began").exists():
        assert building.poll() is None
        time.sleep(0.05)
    argv = [builds.run.bin / "cache-import", "--replace", "kept"]
    with (tmp_path / "artifact").open("rb") as artifact:
        taking = subprocess.Popen(argv, env=builds.run.env, stdin=artifact, stdout=subprocess.DEVNULL)
    time.sleep(0.5)  # or it would come after the build anyway
    assert taking.poll() is None
    (there / "go").touch()
    assert building.wait(60) == taking.wait(60) == 0
    assert sorted(os.listdir(mount(builds.root))) == ["f"]


def test_what_is_refused(builds: Builds) -> None:
    builds("FROM busybox\nRUN --mount=type=cache,target=/root/.cache echo one > /root/.cache/f\n")
    missing = builds.run("cache-export", "kept", status=1).errors[0]
    assert missing["message"] == "kept: no such cache mount (there are /root/.cache)"
    assert builds.run("cache-export", "/root/.cache", "-t", "a@sha256:" + "0" * 64, status=2).out == b""
    other = builds.run("cache-import", "kept", "busybox", status=1).errors[0]
    assert "is no cache mount but an image (name what cache-export has made)" in other["message"]
    artifact = builds.run("cache-export", "/root/.cache").documents[0]
    (layer,) = builds.manifest(artifact)["layers"]
    path = blob(builds.root, layer["digest"])
    before = path.read_bytes()
    flip(path)
    assert builds.run("cache-import", "other", input=json.dumps(artifact).encode(), status=1).errors
    path.write_bytes(before)
    assert [one.name for one in builds.root.glob("build/mounts/.tmp*")] == []
    assert len(list(builds.root.glob("build/mounts/*"))) == 1
