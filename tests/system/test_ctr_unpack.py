"""ctr-unpack: bundles that runtimes take as they are, appearing whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from boxes import NAME
from commands import Commands
from images import Layer, image
from rootfs import busybox_tar

from oci_spec import validate
from ocipipe.host import cgroups

CONFIG = {
    "Cmd": ["sh", "-c", "echo $A; id -un; pwd"], "Env": ["PATH=/bin", "A=b"], "User": "app", "WorkingDir": "/made/here",
}  # fmt: skip


@pytest.fixture
def ready(run: Commands, store_root: Path) -> Commands:
    """With an image in the store."""
    image([Layer(busybox_tar())], CONFIG).into_store(store_root, NAME)
    return run


def start(bundle: Path, tmp_path: Path) -> tuple[int, bytes, bytes]:
    runtime = "crun" if cgroups.version() == 2 else "runc"
    done = subprocess.run(
        [runtime, "--root", str(tmp_path / "state"), "run", "-b", str(bundle), f"bundle-{os.getpid()}"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_runtime_takes_it_as_it_is(ready: Commands, tmp_path: Path, store_root: Path) -> None:
    (printed,) = ready("ctr-unpack", "busybox", tmp_path / "bundle").documents
    (listed,) = ready("img-ls").documents
    assert printed == listed
    assert sorted(os.listdir(tmp_path / "bundle")) == ["config.json", "rootfs"]
    assert start(tmp_path / "bundle", tmp_path) == (0, b"b\napp\n/made/here\n", b"")
    config = json.loads((tmp_path / "bundle" / "config.json").read_bytes())
    validate.check("runtime-config", config, "config.json")
    assert config["process"]["user"] == {"uid": 1000, "gid": 1000, "additionalGids": [1000, 2000]}
    assert config["linux"]["seccomp"]["defaultAction"] == "SCMP_ACT_ERRNO"
    assert "cgroupsPath" not in config["linux"]
    assert not list((store_root / "layers").glob("*/*"))  # one copy is enough


def test_it_is_the_reader_s_to_see(ready: Commands, tmp_path: Path) -> None:
    ready.shell(f"umask 077; ctr-unpack busybox {tmp_path}/bundle")
    assert (tmp_path / "bundle").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "bundle" / "rootfs" / "made" / "here").stat().st_mode & 0o777 == 0o755


def test_from_a_pipe(ready: Commands, tmp_path: Path) -> None:
    ready.shell(f"img-ls | ctr-unpack - {tmp_path}/bundle")
    assert (tmp_path / "bundle" / "rootfs" / "bin" / "busybox").exists()
    done = ready("ctr-unpack", "-", tmp_path / "other", input=b"", status=None)
    assert done.status in (1, 2)
    assert not (tmp_path / "other").exists()


def test_upper_layers_and_whiteouts(run: Commands, store_root: Path, tmp_path: Path) -> None:
    import io
    import tarfile

    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for name in ("etc/.wh.passwd", "home/.wh..wh..opq", "home/new"):
            tar.addfile(tarfile.TarInfo(name))
    image([Layer(busybox_tar()), Layer(data.getvalue())], {"Cmd": ["true"]}).into_store(store_root, NAME)
    run("ctr-unpack", "busybox", tmp_path / "bundle")
    rootfs = tmp_path / "bundle" / "rootfs"
    assert not (rootfs / "etc" / "passwd").exists()
    assert sorted(os.listdir(rootfs / "home")) == ["new"]


def test_where_it_goes(ready: Commands, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ready("ctr-unpack", "busybox", "empty", cwd=tmp_path)
    assert (tmp_path / "empty" / "config.json").exists()
    before = sorted(tmp_path.iterdir())
    (tmp_path / "file").write_text("")
    for name, problem in (
        ("empty", "not empty"), ("file", "is no directory"), ("file/x", "no directory"),
        ("missing/x", "no such directory"),
    ):  # fmt: skip
        done = ready("ctr-unpack", "busybox", tmp_path / name, status=1)
        assert problem in done.errors[0]["message"] or "not a directory" in done.errors[0]["message"], name
    (tmp_path / "file").unlink()
    assert sorted(tmp_path.iterdir()) == before


def test_a_failure_leaves_nothing(run: Commands, store_root: Path, tmp_path: Path) -> None:
    good = Layer(busybox_tar())
    bad = Layer(busybox_tar() + b"\0" * 512)
    bad.diff_id = good.diff_id
    for made, named in (
        (image([bad], {"Cmd": ["true"]}), "diff ID"),
        (image([good], {"Cmd": ["true"], "User": "nobody-here"}), "nobody-here"),
        (image([good]), "neither the image nor the command line"),
    ):
        made.into_store(store_root, NAME)
        before = sorted(tmp_path.iterdir())
        done = run("ctr-unpack", "busybox", tmp_path / "bundle", status=None)
        assert done.status in (1, 2)
        assert named in done.errors[0]["message"]
        assert sorted(tmp_path.iterdir()) == before


def test_a_signal_leaves_nothing(ready: Commands, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    for delay in (0.03, 0.06, 0.09, 0.12):
        process = subprocess.Popen(
            [ready.bin / "ctr-unpack", "busybox", str(tmp_path / "place" / "bundle")], env=ready.env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        process.wait()
        left = os.listdir(tmp_path / "place")
        assert left in ([], ["bundle"])
        if left:
            assert (tmp_path / "place" / "bundle" / "config.json").exists()
            return


def test_unknown_images(ready: Commands, tmp_path: Path) -> None:
    done = ready("ctr-unpack", "--pull", "never", "other", tmp_path / "bundle", status=1)
    assert "other" in done.errors[0]["message"]
    assert not (tmp_path / "bundle").exists()
