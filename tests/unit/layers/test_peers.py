"""The same layers, unpacked by umoci and by GNU tar: an independent opinion on what they mean."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest
from layer_trees import Node, apply_plain, shown, snapshot
from tars import Tar, diff_id

from oci_spec import media_types
from oci_spec.descriptor import Descriptor

NAMES = ["a", "b", "c"]


def write_layout(directory: Path, archives: list[bytes]) -> None:
    """An OCI layout with one image, tagged `it`, of uncompressed layers."""
    blobs = directory / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(media_type: str, data: bytes, **fields: object) -> dict[str, object]:
        made = Descriptor.make(media_type, data, **fields)
        (blobs / made.digest.hex).write_bytes(data)
        return dict(made.document)

    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id(archive) for archive in archives]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": blob(media_types.OCI_CONFIG, json.dumps(config).encode()),
        "layers": [blob(media_types.OCI_LAYER, archive) for archive in archives],
    }
    entry = blob(
        media_types.OCI_MANIFEST,
        json.dumps(manifest).encode(),
        annotations={"org.opencontainers.image.ref.name": "it"},
        platform={"architecture": "amd64", "os": "linux"},
    )
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def random_stack(seed: int) -> list[bytes]:
    """Layers as builders write them: every parent named, whiteouts ahead of the entries, no whiteout of an own entry.

    (On the rest the peers differ among themselves, or from the specification.)
    """
    pick = random.Random(seed)
    present: dict[str, str] = {}
    archives = []
    for number in range(4):
        tar = Tar().dir("./", mtime=number)
        for _ in range(pick.randrange(3)):
            victims = [path for path in present if pick.random() < 0.3]
            if victims:
                victim = victims[0]
                if present[victim] == "dir" and pick.random() < 0.5:
                    tar.opaque(victim)
                    gone = [path for path in present if path.startswith(victim + "/")]
                else:
                    tar.whiteout(victim)
                    gone = [path for path in present if path == victim or path.startswith(victim + "/")]
                for path in gone:
                    del present[path]
        for _ in range(pick.randrange(8)):
            parts = [pick.choice(NAMES) for _ in range(pick.randrange(1, 4))]
            fields = {"mtime": pick.randrange(1_000_000, 1_000_009), "uid": pick.randrange(3), "gid": pick.randrange(3)}
            for depth in range(1, len(parts)):
                parent = "/".join(parts[:depth])
                tar.dir(parent, pick.choice([0o755, 0o2750]), **fields)
                present[parent] = "dir"
            path = "/".join(parts)
            kind = pick.choice(["file", "file", "dir", "symlink", "fifo", "link"])
            for below in [other for other in present if other.startswith(path + "/") and kind != "dir"]:
                del present[below]
            files = [other for other, what in present.items() if what == "file" and other != path]
            if kind == "file" or (kind == "link" and not files):
                tar.file(path, b"%d" % pick.randrange(1000), mode=pick.choice([0o644, 0o4755]), **fields)
                kind = "file"
            elif kind == "dir":
                tar.dir(path, pick.choice([0o755, 0o1777]), **fields)
            elif kind == "symlink":
                tar.symlink(path, pick.choice(["a", "../b", "/c"]), **fields)
            elif kind == "fifo":
                tar.fifo(path, mode=0o600, **fields)
            else:
                tar.link(path, pick.choice(files))
                kind = "file"
            present[path] = kind
        archives.append(tar.bytes())
    return archives


def test_umoci_unpacks_the_same(tmp_path: Path) -> None:
    compared = 0
    for seed in range(40):
        archives = random_stack(seed)
        place = tmp_path / str(seed)
        write_layout(place / "layout", archives)
        done = subprocess.run(
            ["umoci", "unpack", "--image", f"{place}/layout:it", place / "bundle"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (seed, done.stderr)
        theirs = snapshot(place / "bundle/rootfs")
        assert shown(archives, place / "ours") == theirs, seed
        assert snapshot(apply_plain(archives, place / "plain")) == theirs, seed
        compared += len(theirs)
    assert compared > 200


def make_source(directory: Path) -> None:
    """A tree with all that a base image has."""
    directory.mkdir()
    script = """
        mkdir -p etc usr/bin var/mail dev tmp 'späť'
        echo x > usr/bin/su; chmod 4755 usr/bin/su; echo y > usr/bin/ping; setcap cap_net_raw+ep usr/bin/ping || true
        chmod 1777 tmp; chown 0:8 var/mail; chmod 2775 var/mail; ln usr/bin/su usr/bin/hard; ln -s /usr/bin bin
        mknod dev/null c 1 3; mknod dev/loop b 7 0; mkfifo dev/pipe; touch "$(printf 'raw\\377name')"
        touch -d '2001-02-03 04:05:06.123456789' etc/old; chown 12345:54321 etc/old
        touch usr/$(printf 'n%.0s' $(seq 200))
        truncate -s 5M etc/hole; echo end >> etc/hole
        find . -depth -not -newermt 2001-02-04 -o -exec touch -h -d '2010-01-01 00:00:00.5' {} +
    """
    subprocess.run(["sh", "-ec", script], cwd=directory, check=True)


@pytest.mark.parametrize(
    "options", [["--format=gnu"], ["--format=pax", "--xattrs", "--xattrs-include=*"], ["--format=gnu", "-S"]]
)
def test_gnu_tar_archives_come_out_as_they_went_in(tmp_path: Path, options: list[str]) -> None:
    make_source(tmp_path / "source")
    archive = subprocess.run(
        ["tar", "-C", tmp_path / "source", "--numeric-owner", *options, "-cf", "-", "."],
        check=True,
        capture_output=True,
    ).stdout
    ours = snapshot(apply_plain([archive], tmp_path / "ours"))
    wanted = snapshot(tmp_path / "source")
    if "--format=gnu" in options:  # that format holds whole seconds and no extended attributes
        for tree in (ours, wanted):
            for node in tree.values():
                coarse(node)
    assert ours == wanted
    assert wanted[b"etc/old"].owner == (12345, 54321)


def coarse(node: Node) -> None:
    node.mtime = node.mtime // 1_000_000_000 if node.mtime is not None else None
    node.xattrs = {}
