"""What is given to a container beside its own image: trees of other images, and devices that vendors describe."""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image, Layer, image
from rootfs import add

SECOND = "docker.io/library/data:1"


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


# --- images


def data_image(layers: int) -> Image:
    """An image with a file in each layer."""
    return image([Layer(tar_of(f"file{number}", f"text{number}\n")) for number in range(layers)], {})


def tar_of(name: str, text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, name, text.encode())
    return out.getvalue()


@pytest.mark.parametrize("layers", [1, 3])
def test_an_image_s_tree(box: Box, layers: int) -> None:
    data_image(layers).into_store(box.root, SECOND)
    option = "type=image,source=data:1,destination=/data/in"
    out = box.sh("cat /data/in/file*; touch /data/in/new 2>&1", "--mount", option, status=1)
    assert out.splitlines()[:-1] == [f"text{number}" for number in range(layers)]
    assert "Read-only file system" in out
    assert box.left() == []


def test_a_part_of_an_image(box: Box) -> None:
    """A directory or a file; a link leads nowhere but into the image."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "deep/er/file", b"text\n")
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/deep"
        tar.addfile(link)
    image([Layer(out.getvalue())], {}).into_store(box.root, SECOND)
    for part, path in (("deep/er", "in/file"), ("deep/er/file", "in"), ("out", "in/er/file")):
        option = f"type=image,source=data:1,destination=/data/in,image-subpath={part}"
        assert box.text("--mount", option, "--", "cat", f"/data/{path}") == "text\n"
    option = "type=image,source=data:1,destination=/in,image-subpath=none"
    assert "the image has no none" in box.refused("--mount", option, "--", "true")
    (made,) = box.run("ctr-create", "--mount", option.replace("none", "out"), "busybox", "true").documents
    assert box.run.shell(f"ctr-cp {made['id']}:/in/er/file - | tar -xO").out == b"text\n"
    box.run("ctr-rm", made["id"])
    assert box.left() == []


def test_two_images(box: Box) -> None:
    data_image(2).into_store(box.root, SECOND)
    options = ("--mount", "type=image,src=data:1,dst=/b/tmp", "--mount", "type=image,src=busybox,dst=/b")
    assert box.sh("ls /b/bin/busybox; cat /b/tmp/file1", *options).split() == ["/b/bin/busybox", "text1"]
    options = ("--mount", "type=image,src=data:1,dst=/b", "--mount", "type=image,src=busybox,dst=/c")
    assert box.sh("cat /b/file1; ls /c/bin/busybox", *options).split() == ["text1", "/c/bin/busybox"]


def test_its_layers_stay_as_long_as_the_container(box: Box) -> None:
    data_image(2).into_store(box.root, SECOND)
    box("--mount", "type=image,source=data:1,destination=/data", "--", "true", rm=False)
    box.run("img-rm", "--force", "data:1", status=None)
    box.run("store-prune", "--images", "--older-than", "0s")
    (record,) = box.records()
    assert len(record["mountedChainIds"]) == 2
    assert box.run("store-check").documents == []
    out = box.run("ctr-start", "-a", record["id"])
    assert out.status == 0
    box.run("ctr-rm", record["id"])
    box.run("store-prune", "--images", "--older-than", "0s")
    layers = {path.name for path in (box.root / "layers" / "sha256").iterdir()}
    assert not layers & {one.partition(":")[2] for one in record["mountedChainIds"]}
    assert box.left() == []


def test_an_image_that_is_none(box: Box) -> None:
    assert "no such image" in box.refused("--pull", "never", "--mount", "type=image,source=none:1,destination=/d")
    assert "needs a source" in box.refused("--mount", "type=image,destination=/d")
    assert "leads out of the image" in box.refused(
        "--mount", "type=image,source=busybox,destination=/d,image-subpath=../bin"
    )
    assert box.left() == []


# --- devices


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[str]:
    """A kind of devices that a spec of this test's describes."""
    kind = f"ocipipe-test-{os.getpid()}.org/thing"
    library = tmp_path / "library"
    library.write_text("vendor's\n")
    hook = tmp_path / "hook"
    hook.write_text(f'#!/bin/sh\ncat >/dev/null\necho "$1 $STAGE" >>{tmp_path}/hooked\n')
    hook.chmod(0o755)
    spec = {
        "cdiVersion": "0.6.0",
        "kind": kind,
        "devices": [
            {"name": "0", "containerEdits": {"deviceNodes": [{"path": "/dev/thing0", "hostPath": "/dev/full"}]}},
            {"name": "gone", "containerEdits": {"deviceNodes": [{"path": "/dev/no-such-thing"}]}},
        ],
        "containerEdits": {
            "env": ["THING=yes"],
            "mounts": [{"hostPath": str(library), "containerPath": "/usr/lib/thing", "options": ["ro", "bind"]}],
            "hooks": [
                {"hookName": name, "path": str(hook), "args": ["hook", name], "env": ["STAGE=s", "PATH=/bin:/usr/bin"]}
                for name in ("prestart", "poststop")
            ],
        },
    }
    directory = Path("/var/run/cdi")
    made = not directory.exists()
    directory.mkdir(exist_ok=True)
    path = directory / f"ocipipe-test-{os.getpid()}.json"
    path.write_text(json.dumps(spec))
    yield kind
    path.unlink()
    if made:
        directory.rmdir()


def test_a_device_that_a_vendor_describes(box: Box, vendor: str, tmp_path: Path) -> None:
    script = "echo $THING; cat /usr/lib/thing; echo x >/dev/thing0"
    done = box("--device", f"{vendor}=0", "--", "sh", "-c", script, status=1)
    assert done.out == b"yes\nvendor's\n"
    assert b"No space left on device" in done.err
    assert (tmp_path / "hooked").read_text() == "prestart s\npoststop s\n"


def test_devices_that_are_not_there(box: Box, vendor: str) -> None:
    assert "no such device" in box.refused("--device", f"{vendor}=gone")
    assert "no CDI spec has it" in box.refused("--device", f"{vendor}=7")
    assert "is no device" in box.refused("--device", "vendor.com=x")
    if not any(Path(place, "nvidia.yaml").exists() for place in ("/etc/cdi", "/var/run/cdi")):
        assert "nvidia.com/gpu=all: no CDI spec has it" in box.refused("--gpus", "all")
    assert box.left() == []
