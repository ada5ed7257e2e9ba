"""img-import, img-export and img-history: file systems as images and back, with everything that gets lost easily."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import pty
import subprocess
import tarfile
from pathlib import Path

import archives
import layout
import pytest
from commands import Commands
from images import EPOCH, HERE, Image, Layer, artifact, image, index
from layer_trees import snapshot
from tars import Tar

NAME = "docker.io/library/base:1"
TREE = Tar().dir("./", mode=0o750).dir("etc").file("etc/motd", b"hello\n", mode=0o4711, uid=5, xattrs={"user.k": b"v"})


def test_a_directory_runs_as_an_image(run: Commands, store_root: Path, busybox_image: Image, tmp_path: Path) -> None:
    busybox_image.into_store(store_root, NAME)
    done = run.shell(
        'img-export base:1 | img-import -c \'CMD ["sh","-c","echo $GREETING; pwd; id -u"]\' -c \'ENV PATH=/bin\''
        " -c 'ENV GREETING=\"hello you\"' -c 'WORKDIR /tmp' -c 'USER app' -m 'made flat' - flat:1"
    )
    (entry,) = done.documents
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == "docker.io/library/flat:1"
    ran = run("ctr-run", "--rm", "--network", "none", "flat:1").out
    assert ran == b"hello you\n/tmp\n1000\n"
    (step,) = run("img-history", "flat:1").documents
    assert (step["comment"], step["created_by"], step["empty_layer"]) == ("made flat", "img-import -", False)
    assert layout.problems(store_root) == []


def test_debian_there_and_back(
    run: Commands, store_root: Path, debian_image: Image, debian_root: Path, tmp_path: Path
) -> None:
    """Every owner, mode, time, attribute, device and link of a distribution; GNU tar reads what we write."""
    debian_image.into_store(store_root, NAME)
    run("img-export", "-o", tmp_path / "fs.tar", "base:1")
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(
        ["tar", "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", str(out), "-xpf", str(tmp_path / "fs.tar")],
        check=True,
    )
    theirs, ours = snapshot(debian_root), snapshot(out)
    for tree in (theirs, ours):
        del tree[b""]
        for node in tree.values():
            node.mtime = None
    assert ours == theirs
    flat = hashlib.sha256((tmp_path / "fs.tar").read_bytes()).hexdigest()
    run("img-import", tmp_path / "fs.tar", "again:1")
    assert hashlib.sha256(run("img-export", "again:1").out).hexdigest() == flat


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("way", ["img-import {} one:1", "cat {} | img-import - one:1", "img-import <{} >&2; img-ls"])
def test_every_way_in(compression: str, way: str, run: Commands, store_root: Path, tmp_path: Path) -> None:
    import zstandard

    data = TREE.bytes()
    compress = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[compression]
    (entry,) = run.shell(way.format(archives.write(tmp_path / "fs.tar", compress(data)))).documents
    assert ("one:1" in str(entry)) == ("one:1" in way)
    shown = json.loads(run("img-inspect", entry["digest"]).out)
    assert shown["config"]["rootfs"]["diff_ids"] == ["sha256:" + hashlib.sha256(data).hexdigest()]
    assert shown["manifest"]["layers"][0]["mediaType"].endswith("tar+gzip")
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []


def test_for_another_platform(run: Commands) -> None:
    (entry,) = run("img-import", "--platform", "linux/arm/v6", "-", "arm:1", input=TREE.bytes()).documents
    assert entry["platform"] == {"architecture": "arm", "os": "linux", "variant": "v6"}


@pytest.mark.parametrize(
    ("argv", "data", "status", "message"),
    [
        (["-", "a:1"], b"", 1, "end marker"),
        (["-", "a:1"], b"garbage", 1, "truncated"),
        (["-", "a:1"], TREE.bytes()[:700], 1, "truncated"),
        (["-", "a:1"], TREE.bytes()[:-1024], 1, "end marker"),
        (["-", "a:1"], gzip.compress(TREE.bytes())[:-9], 1, "truncated"),
        (["-", "a:1"], Tar().file("../../escaped", b"x").bytes(), 1, "leaves its root"),
        (["-", "a:1@sha256:" + "0" * 64], TREE.bytes(), 2, "digest follows"),
        (["-", "A:1"], TREE.bytes(), 1, "lower case"),
        (["none.tar", "a:1"], b"", 1, "none.tar"),
        (["-c", "RUN x", "-", "a:1"], TREE.bytes(), 2, "RUN x"),
        (["--platform", "x", "-", "a:1"], TREE.bytes(), 1, "--platform"),
    ],
)
def test_refused_and_nothing_stays(
    argv: list[str], data: bytes, status: int, message: str, run: Commands, store_root: Path
) -> None:
    done = run("img-import", *argv, input=data, status=status)
    assert done.out == b""
    assert message in done.errors[0]["message"]
    assert [str(path) for name in ("images/blobs/*/*", "layers/*/*") for path in store_root.glob(name)] == []
    assert layout.unfinished(store_root) == []
    assert layout.problems(store_root) == []


def test_export_of_one_platform_and_of_none(run: Commands, store_root: Path) -> None:
    mine, foreign = image([Layer(TREE.bytes())]), image([Layer(Tar().file("s390x").bytes())], on="linux/s390x")
    index(mine, foreign, artifact("application/x-thing", b"x")).into_store(store_root, NAME)
    for platform, names in ((HERE, [".", "etc", "etc/motd"]), ("linux/s390x", [".", "s390x"])):
        with tarfile.open(fileobj=io.BytesIO(run("img-export", "--platform", platform, "base:1").out)) as tar:
            assert tar.getnames() == names
    assert run("img-export", "base:1").out == run.shell("img-ls | img-export").out
    refused = run("img-export", "--platform", "linux/riscv64", "base:1", status=1)
    assert (refused.out, refused.errors[0]["code"]) == (b"", "UNSUPPORTED")
    artifact("application/x-thing", b"x").into_store(store_root, "docker.io/library/thing:1")
    for command in ("img-export", "img-history"):
        assert "not an image" in run(command, "thing:1", status=1).errors[0]["message"]


def test_export_into_a_file(run: Commands, store_root: Path, tmp_path: Path) -> None:
    image([Layer(TREE.bytes())]).into_store(store_root, NAME)
    target = archives.write(tmp_path / "fs.tar", b"before")
    assert run("img-export", "-o", target, "none:1", status=1).errors
    assert target.read_bytes() == b"before"
    (entry,) = run("img-export", "-o", target, "base:1").documents
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == NAME
    assert target.read_bytes() == run("img-export", "base:1").out
    master, slave = pty.openpty()
    try:
        refused = subprocess.run(
            [str(run.bin / "img-export"), "base:1"], env=run.env, stdout=slave, stderr=subprocess.PIPE, check=False
        )
    finally:
        os.close(master)
        os.close(slave)
    assert refused.returncode == 2
    assert b"is a terminal" in refused.stderr


def test_history(run: Commands, store_root: Path) -> None:
    """The newest first; each layer stands with the step that made it."""
    made = image([Layer(TREE.bytes()), Layer(Tar().file("b").bytes())])
    made.into_store(store_root, NAME)
    layers = made.document["layers"]
    assert run("img-history", "base:1").documents == [
        {"created": EPOCH, "created_by": "CMD", "empty_layer": True, "size": 0},
        {"created": EPOCH, "created_by": "layer 1", "empty_layer": False, "size": layers[1]["size"],
         "digest": layers[1]["digest"]},
        {"created": EPOCH, "created_by": "layer 0", "empty_layer": False, "size": layers[0]["size"],
         "digest": layers[0]["digest"]},
    ]  # fmt: skip
    assert run.shell("img-history base:1 | oci-validate | jq -c .valid").out == b"true\n" * 3
    table = run("img-history", "--format", "table", "base:1").out.decode().splitlines()
    assert table[0].split() == ["LAYER", "CREATED", "CREATED", "BY", "SIZE", "COMMENT"]
    assert table[1].split() == ["2023-11-14", "22:13", "CMD", "0", "B"]
    assert table[2].split()[0] == layers[1]["digest"][7:19]


def test_a_history_that_does_not_match_the_layers(run: Commands, store_root: Path) -> None:
    from images import OCI, sha256

    made = image([Layer(TREE.bytes()), Layer(Tar().file("b").bytes())])
    for history, steps in (
        (None, [False, False]),
        ([{"created_by": "a"}], [False, False]),
        ([{"created_by": "a"}, {"created_by": "b"}, {"created_by": "c"}], [True, False, False]),
    ):
        config = json.dumps({**made.config, "history": history}).encode()
        manifest = {
            **made.document,
            "config": {**made.document["config"], "digest": sha256(config), "size": len(config)},
        }
        data = json.dumps(manifest).encode()
        root = {"mediaType": f"{OCI}manifest.v1+json", "digest": sha256(data), "size": len(data)}
        Image(root, {**made.blobs, sha256(config): config, sha256(data): data}).into_store(store_root, NAME)
        assert [step["empty_layer"] for step in run("img-history", "base:1").documents] == steps
