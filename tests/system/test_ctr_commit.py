"""ctr-commit: containers as images, that others run, push and read."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import time
from pathlib import Path
from typing import Any

import layout
import pytest
from boxes import Box, stored
from commands import Commands
from images import Image, index
from inhabited import running
from registry import DockerRegistry

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def shown(box: Box, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(box.run("img-inspect", image).out)
    return found


def test_what_was_changed_is_there(box: Box, store_root: Path, tmp_path: Path) -> None:
    script = "echo new >/new; chmod 4750 /new; rm /etc/os-release; rm -r /home; mkdir -p /home/x; touch /data/in"
    box("-v", f"{tmp_path}/volume:/data", "--name", "one", "--", "sh", "-c", script, rm=False)
    done = box.run("ctr-commit", "-m", "by hand", "-a", "me", "one", "made:1")
    (entry,) = done.documents
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "docker.io/library/made:1"
    look = "stat -c '%a %n' /new; ls -a /home; test -e /etc/os-release || echo gone; test -e /data || echo none"
    assert box.run("ctr-run", "--rm", "made:1", "sh", "-c", look).out == b"4750 /new\n.\n..\nx\ngone\nnone\n"
    found = shown(box, "made:1")
    base = shown(box, "busybox")
    assert found["manifest"]["layers"][:-1] == base["manifest"]["layers"]
    assert found["config"]["rootfs"]["diff_ids"][:-1] == base["config"]["rootfs"]["diff_ids"]
    assert found["config"]["config"] == base["config"]["config"]
    assert found["config"]["author"] == "me"
    (*_, step) = found["config"]["history"]
    assert (step["author"], step["comment"], step["created_by"]) == ("me", "by hand", f"sh -c {script}")
    assert layout.problems(store_root) == []
    assert layout.errors(box.run, store_root) == []
    assert layout.unfinished(store_root) == []


def test_the_same_changes_are_the_same_layer(box: Box) -> None:
    box("--name", "one", "--", "sh", "-c", "echo new >/new; mkdir /d; ln /new /d/hard", rm=False)
    first, second = (shown(box, box.run("ctr-commit", "one").documents[0]["digest"]) for _ in range(2))
    assert first["manifest"]["layers"] == second["manifest"]["layers"]
    blob = box.root / "images/blobs/sha256" / first["manifest"]["layers"][-1]["digest"][7:]
    unpacked = subprocess.run(["gzip", "-dc", str(blob)], capture_output=True, check=True).stdout
    assert "sha256:" + hashlib.sha256(unpacked).hexdigest() == first["config"]["rootfs"]["diff_ids"][-1]


def test_nothing_changed_is_no_layer(box: Box) -> None:
    box("--name", "one", rm=False)
    found = shown(box, box.run("ctr-commit", "-c", "CMD [\"id\"]", "one").documents[0]["digest"])
    assert found["manifest"]["layers"] == shown(box, "busybox")["manifest"]["layers"]
    assert found["config"]["history"][-1]["empty_layer"] is True
    assert found["config"]["config"]["Cmd"] == ["id"]
    events = [one for one in box.run("ctr-events", "--no-follow").documents if one["action"] == "commit"]
    assert [one["detail"] for one in events] == [{"image": found["descriptor"]["digest"]}]


def test_changes_of_the_config(box: Box) -> None:
    box("--name", "one", "-e", "OPTION=no part of it", rm=False)
    changes = [
        "ENV A=1 PATH=$PATH:/x", "EXPOSE 80", "LABEL l=v", "USER app", "VOLUME /v", "WORKDIR /tmp",
        'ENTRYPOINT ["/bin/echo"]', "HEALTHCHECK CMD true", "ONBUILD RUN x", "STOPSIGNAL INT",
    ]  # fmt: skip
    box.run("ctr-commit", *[word for change in changes for word in ("-c", change)], "one", "made:1")
    assert shown(box, "made:1")["config"]["config"] == {
        "Env": ["PATH=/bin:/usr/bin:/x", "A=1"], "Labels": {"org.example.base": "busybox", "l": "v"},
        "ExposedPorts": {"80/tcp": {}}, "User": "app", "Volumes": {"/v": {}}, "WorkingDir": "/tmp",
        "Entrypoint": ["/bin/echo"], "Healthcheck": {"Test": ["CMD-SHELL", "true"]}, "OnBuild": ["RUN x"],
        "StopSignal": "INT",
    }  # fmt: skip
    assert box.run("ctr-run", "--rm", "made:1", "said").out == b"said\n"


def test_in_a_pipe_to_a_registry(box: Box, registry: DockerRegistry) -> None:
    box("--name", "one", "--", "touch", "/new", rm=False)
    (pushed,) = box.run.shell(f"ctr-commit one | img-push - {registry.address}/made:1").documents
    assert box.run.shell(f"img-pull {registry.address}/made:1 | ctr-run --rm - ls /new").out == b"/new\n"
    there = box.run("img-inspect", "--manifest", f"{registry.address}/made:1").out
    assert "sha256:" + hashlib.sha256(there).hexdigest() == pushed["digest"]


def test_attributes_that_get_lost_easily(box: Box) -> None:
    with running(box, "cp /bin/busybox /tool; echo ready; exec sleep 1000") as name:
        (record,) = box.records()
        tool = box.root / "containers" / record["id"] / "rootfs" / "tool"
        os.setxattr(tool, "security.capability", CAPABILITY)
        box.run("ctr-commit", name, "made:1")
    box("--name", "other", rm=False)
    with running(box, "echo ready; exec sleep 1000", name="next"):
        pass
    box.run("ctr-run", "--name", "of-it", "made:1", "true")
    layers = {Path(path) for path in box.root.glob("layers/sha256/*/tool")}
    assert [os.getxattr(path, "security.capability") for path in layers] == [CAPABILITY]


def test_a_running_one_stands_still(box: Box) -> None:
    """Two files that grow by turns never differ by more than a byte in the image."""
    script = "echo >/one; echo >/two; echo ready; while :; do echo >>/one; echo >>/two; done"
    with running(box, script) as name:
        for _ in range(3):
            (entry,) = box.run("ctr-commit", name).documents
            one, two = box.run("ctr-run", "--rm", entry["digest"], "stat", "-c", "%s", "/one", "/two").out.split()
            assert int(one) - int(two) in (0, 1)
        grows = box.root / "containers" / box.records()[0]["id"] / "rootfs" / "one"
        before, deadline = grows.stat().st_size, time.monotonic() + 30
        while grows.stat().st_size == before:
            assert time.monotonic() < deadline, "it was left frozen"
            time.sleep(0.01)


def test_of_an_index_it_is_the_right_image(box: Box, busybox_image: Image) -> None:
    from images import Layer, image
    from rootfs import busybox_tar

    foreign = image([Layer(busybox_tar(), "zstd")], {"Cmd": ["sh"]}, on="linux/s390x")
    index(foreign, busybox_image).into_store(box.root, "docker.io/library/both:1")
    box.run("ctr-run", "--name", "one", "both:1", "touch", "/new")
    (entry,) = box.run("ctr-commit", "one").documents
    assert shown(box, entry["digest"])["manifest"]["layers"][0] == busybox_image.document["layers"][0]


def test_docker_s_family_stays(run: Commands, store_root: Path) -> None:
    import rootfs

    box = stored(run, store_root, rootfs.busybox_image(docker=True))
    box("--name", "one", "--", "touch", "/new", rm=False)
    (entry,) = run("ctr-commit", "one").documents
    types = {entry["mediaType"], *(part["mediaType"] for part in shown(box, entry["digest"])["manifest"]["layers"])}
    assert all(kind.startswith("application/vnd.docker.") for kind in types)
    assert run("ctr-run", "--rm", entry["digest"], "ls", "/new").out == b"/new\n"


REFUSED = [
    (["none"], 1, "no such container"),
    (["one", "made:1@sha256:" + "0" * 64], 2, "digest follows"),
    (["one", "Made:1"], 1, "lower case"),
    (["-c", "RUN x", "one"], 2, "RUN x"),
    (["white"], 1, "would delete"),
]


def test_refused_and_nothing_stays(box: Box) -> None:
    box("--name", "one", "--", "touch", "/new", rm=False)
    box("--name", "white", "--", "touch", "/.wh.etc", rm=False)
    blobs = sorted(box.root.glob("images/blobs/*/*"))
    for argv, status, message in REFUSED:
        done = box.run("ctr-commit", *argv, status=status)
        assert done.out == b""
        assert message in done.errors[0]["message"]
        assert sorted(box.root.glob("images/blobs/*/*")) == blobs, argv
        assert layout.unfinished(box.root) == [], argv


def test_its_image_is_gone(box: Box) -> None:
    box("--name", "one", "--", "touch", "/new", rm=False)
    box.run("img-rm", "--force", "busybox")
    (error,) = box.run("ctr-commit", "one", status=1).errors
    assert error["code"] == "NOT_FOUND"
    assert error["message"].startswith("one: its image is not whole in the store")
