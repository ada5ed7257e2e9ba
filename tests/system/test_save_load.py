"""img-save and img-load: what goes out comes back, digest by digest, through a pipe or a file."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import pty
import subprocess
import tarfile
import time
from pathlib import Path

import archives
import layout
import pytest
from commands import Commands
from images import HERE, Image, Layer, artifact, attestation, image, index, layer_path
from rootfs import busybox_image
from tars import Tar

NAME = "docker.io/library/box:1"
SMALL = Tar().dir("etc").file("etc/motd", b"hello\n").bytes()
OTHER = Tar().file("etc/issue", b"other\n").bytes()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    return tmp_path / "other"


def blobs(root: Path) -> set[str]:
    return {path.name for path in (root / "images" / "blobs" / "sha256").iterdir()}


@pytest.mark.parametrize("format", ["docker", "oci"])
@pytest.mark.parametrize("docker", [False, True], ids=["oci image", "docker image"])
def test_through_a_pipe(format: str, docker: bool, run: Commands, store_root: Path, other: Path) -> None:
    made = busybox_image(docker=docker)
    made.into_store(store_root, NAME)
    (loaded,) = run.shell(f"img-save --format {format} box:1 | img-load --root {other}").documents
    assert loaded["digest"] == made.digest
    assert loaded["annotations"]["org.opencontainers.image.ref.name"] == NAME
    assert blobs(other) == {digest.removeprefix("sha256:") for digest in made.blobs}
    assert layout.problems(other) == []
    assert layout.unfinished(other) == []
    assert (layer_path(other, made) / "bin" / "busybox").exists()
    ran = run("ctr-run", "--root", other, "--rm", "--network", "none", "box:1", "cat", "/etc/os-release")
    assert b"BusyBox from this machine" in ran.out


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("way", ["file", "stdin", "pipe"])
def test_every_way_in(compression: str, way: str, run: Commands, store_root: Path, tmp_path: Path) -> None:
    import zstandard

    made = image([Layer(SMALL), Layer(OTHER, "zstd")])
    data = archives.tar(archives.oci_files((made, NAME)))
    compress = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[compression]
    path = archives.write(tmp_path / "a.tar", compress(data))
    script = {"file": f"img-load -i {path}", "stdin": f"img-load < {path}", "pipe": f"cat {path} | img-load"}[way]
    (loaded,) = run.shell(script).documents
    assert loaded["digest"] == made.digest
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []
    assert run("img-ls").documents == [loaded]


def test_the_same_bytes_each_time(run: Commands, store_root: Path, other: Path, tmp_path: Path) -> None:
    """Also from a store that came to the image in another way, at another time, and into a file."""
    made = image([Layer(SMALL), Layer(OTHER)])
    made.into_store(store_root, NAME)
    first = run("img-save", "box:1").out
    run("img-load", "--root", other, input=first)
    run("img-save", "--root", other, "-o", tmp_path / "again.tar", "box:1")
    assert (tmp_path / "again.tar").read_bytes() == first
    with tarfile.open(tmp_path / "again.tar") as tar:
        members = tar.getmembers()
    assert {(one.mtime, one.uid, one.gid, one.uname, one.mode) for one in members if one.isfile()} == {
        (0, 0, 0, "", 0o644)
    }
    names = [one.name for one in members]
    document = names.index(f"blobs/sha256/{made.digest.removeprefix('sha256:')}")
    assert all(
        document < names.index(f"blobs/{layer['digest'].replace(':', '/')}") for layer in made.document["layers"]
    )


@pytest.mark.parametrize("end", ["whole", "cut off"])
def test_layers_are_unpacked_while_the_archive_comes(end: str, run: Commands, store_root: Path, other: Path) -> None:
    """The manifest goes first. An archive that is cut off after all turns out bad, and the layers go again."""
    made = image([Layer(SMALL), Layer(OTHER)])
    made.into_store(store_root, NAME)
    archive = run("img-save", "box:1").out
    border = archive.index(b"manifest.json\0")
    process = subprocess.Popen(
        [str(run.bin / "img-load"), "--root", str(other)], env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin
    process.stdin.write(archive[:border])
    process.stdin.flush()
    for _ in range(600):
        if layer_path(other, made).exists():
            break
        time.sleep(0.05)
    unpacked = layer_path(other, made).exists()
    out, _ = process.communicate(archive[border:] if end == "whole" else b"", timeout=60)
    assert unpacked
    assert process.returncode == (0 if end == "whole" else 1)
    assert layer_path(other, made).exists() == (end == "whole") == bool(out)
    assert layout.problems(other) == []


def test_several_images_in_one_archive(run: Commands, store_root: Path, other: Path) -> None:
    one, two = image([Layer(SMALL)]), image([Layer(SMALL), Layer(OTHER)], {"Cmd": ["two"]})
    one.into_store(store_root, "docker.io/library/one:1")
    one.into_store(store_root, "example.org/deep/one:again")
    two.into_store(store_root, "docker.io/library/two:1")
    archive = run("img-save", "one:1", "two:1", "example.org/deep/one:again", "two:1").out
    loaded = run("img-load", "--root", other, input=archive).documents
    assert [(entry["digest"], entry["annotations"]["org.opencontainers.image.ref.name"]) for entry in loaded] == [
        (one.digest, "docker.io/library/one:1"), (one.digest, "example.org/deep/one:again"),
        (two.digest, "docker.io/library/two:1"),
    ]  # fmt: skip
    assert blobs(other) == {digest.removeprefix("sha256:") for digest in one.blobs | two.blobs}


def test_a_whole_index(run: Commands, store_root: Path, other: Path) -> None:
    """With images of other platforms, a nested index and an attestation; ours alone is unpacked."""
    mine = image([Layer(SMALL)])
    foreign = image([Layer(OTHER)], on="linux/s390x")
    made = index(mine, index(foreign), attestation(mine))
    made.into_store(store_root, NAME)
    for format in ("docker", "oci"):
        (loaded,) = run.shell(f"img-save --format {format} box:1 | img-load --root {other}-{format}").documents
        assert loaded["digest"] == made.digest
        assert run("img-inspect", "--root", f"{other}-{format}", "--index", "box:1").out == made.raw
        assert layer_path(f"{other}-{format}", mine).exists()
        assert not layer_path(f"{other}-{format}", foreign).exists()


def test_one_platform_of_an_index(run: Commands, store_root: Path, other: Path, tmp_path: Path) -> None:
    mine, foreign = image([Layer(SMALL)]), image([Layer(OTHER)], on="linux/s390x")
    made = index(mine, foreign)
    made.into_store(store_root, NAME)
    (loaded,) = run.shell(f"img-save --platform linux/s390x box:1 | img-load --root {other}").documents
    assert loaded["digest"] == foreign.digest
    assert loaded["platform"] == {"architecture": "s390x", "os": "linux"}
    run("img-save", "-o", tmp_path / "whole.tar", "box:1")
    path = tmp_path / "whole.tar"
    for number, way in enumerate((f"img-load -i {path}", f"img-load < {path}", f"cat {path} | img-load")):
        script = f"{way} --root {other}-{number} --platform {HERE}"
        (loaded,) = run.shell(script).documents
        assert loaded["digest"] == mine.digest
        assert blobs(Path(f"{other}-{number}")) == {digest.removeprefix("sha256:") for digest in mine.blobs}
    refused = run("img-save", "--platform", "linux/riscv64", "box:1", status=1)
    assert refused.out == b""
    assert "has no image for linux/riscv64" in refused.errors[0]["message"]


def test_an_index_of_which_not_all_is_there(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """As Docker saves one when it has the image of one platform: refused as a whole, and loaded for that platform."""
    mine, foreign = image([Layer(SMALL)]), image([Layer(OTHER)], on="linux/s390x")
    files = archives.oci_files((index(mine, foreign), NAME))
    for digest in foreign.blobs.keys() - mine.blobs.keys():
        del files[f"blobs/{digest.replace(':', '/')}"]
    path = archives.write(tmp_path / "a.tar", archives.tar(files))
    for way in (f"img-load -i {path}", f"cat {path} | img-load"):
        refused = run.shell(way, status=1)
        assert "--platform" in refused.errors[0]["message"]
        assert blobs(store_root) == set()
        (loaded,) = run.shell(f"{way} --platform {HERE}").documents
        assert loaded["digest"] == mine.digest
        actions = [document["action"] for document in run("img-rm", "box:1").documents]
        assert actions == ["untag", "delete"]


def test_an_index_without_an_image_for_docker(run: Commands, store_root: Path, other: Path) -> None:
    index(image([Layer(OTHER)], on="linux/s390x")).into_store(store_root, NAME)
    refused = run("img-save", "box:1", status=1)
    assert refused.out == b""
    assert "linux/s390x" in refused.errors[0]["message"]
    run.shell(f"img-save --format oci box:1 | img-load --root {other}")


def test_an_artifact(run: Commands, store_root: Path, other: Path) -> None:
    made = artifact("application/x-thing", b"content")
    made.into_store(store_root, NAME)
    assert "not an image" in run("img-save", "box:1", status=1).errors[0]["message"]
    (loaded,) = run.shell(f"img-save --format oci box:1 | img-load --root {other}").documents
    assert loaded["digest"] == made.digest


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("way", ["cat {} | img-load", "img-load -i {}", "gzip -c {} | img-load"])
def test_docker_s_archives_in_any_order(
    legacy: bool, way: str, run: Commands, store_root: Path, tmp_path: Path
) -> None:
    """Whatever the order of the members: the same digest, which is that of a manifest of config and layers alone."""
    made = image([Layer(SMALL), Layer(OTHER)], {"Cmd": ["x"]})
    files = archives.docker_files(made, ["box:1", "example.org/box:2"], [SMALL, OTHER], legacy=legacy)
    orders = list(itertools.permutations(files))
    for number, order in enumerate(orders[:: max(1, len(orders) // 6)]):
        path = archives.write(tmp_path / f"{number}.tar", archives.tar({name: files[name] for name in order}))
        loaded = run.shell(f"{way.format(path)} --root {tmp_path}/store-{number}").documents
        wanted = archives.docker_manifest(made, [SMALL, OTHER])
        assert [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in loaded] == [
            "docker.io/library/box:1", "example.org/box:2",
        ]  # fmt: skip
        root = tmp_path / f"store-{number}"
        assert run("img-inspect", "--root", root, "--manifest", "box:1").out == wanted
        assert (
            run("img-inspect", "--root", root, "--config", "box:1").out
            == (made.blobs[made.document["config"]["digest"]])
        )
        assert len(blobs(root)) == 4
        assert (layer_path(root, made) / "etc" / "issue").read_bytes() == b"other\n"
        assert layout.unfinished(root) == []


def test_layers_that_are_links_to_one_another(run: Commands, tmp_path: Path, store_root: Path) -> None:
    """Docker 20 writes a layer that is there before as a link; podman writes links beside the layers."""
    made = image([Layer(SMALL), Layer(SMALL)])
    config = made.blobs[made.document["config"]["digest"]]
    manifest = json.dumps([{"Config": "c.json", "RepoTags": ["box:1"], "Layers": ["1/layer.tar", "2/layer.tar"]}])
    tar = Tar().file("c.json", config).dir("1").dir("2").symlink("2/layer.tar", "../1/layer.tar")
    tar.file("1/layer.tar", SMALL).link("3/layer.tar", "1/layer.tar").file("manifest.json", manifest.encode())
    path = archives.write(tmp_path / "a.tar", tar.bytes())
    for way in (f"img-load -i {path}", f"cat {path} | img-load"):
        (loaded,) = run.shell(way).documents
        assert run("img-inspect", "--manifest", "box:1").out == archives.docker_manifest(made, [SMALL, SMALL])
        run("img-rm", "box:1")
    assert blobs(store_root) == set()
    assert loaded


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_compressed_layers_of_docker_s_archives_stay_so(compression: str, run: Commands, tmp_path: Path) -> None:
    layer = Layer(SMALL, compression)
    made = image([layer])
    files = archives.docker_files(made, ["box:1"], [layer.blob])
    path = archives.write(tmp_path / "a.tar", archives.tar(files))
    digests = set()
    for way in (f"img-load -i {path}", f"cat {path} | img-load"):
        (loaded,) = run.shell(way).documents
        digests.add(loaded["digest"])
        (found,) = json.loads(run("img-inspect", "--manifest", "box:1").out)["layers"]
        assert found["digest"] == layer.descriptor["digest"]
        assert found["mediaType"].endswith(f"{'+' if compression == 'zstd' else '.'}{compression}")
        run("img-rm", "box:1")
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("annotations", "name"),
    [
        ({"io.containerd.image.name": "docker.io/library/c:1", "org.opencontainers.image.ref.name": "1"}, "c:1"),
        ({"org.opencontainers.image.ref.name": "localhost/p:latest"}, "localhost/p:latest"),
        ({"org.opencontainers.image.ref.name": "box:2"}, "box:2"),
        ({"org.opencontainers.image.ref.name": "1.0"}, None),
        ({}, None),
    ],
)
def test_names(annotations: dict[str, str], name: str | None, run: Commands, tmp_path: Path) -> None:
    made = image([Layer(SMALL)])
    files = archives.oci_files((made, None))
    files["index.json"] = json.dumps(
        {"schemaVersion": 2, "manifests": [{**made.root, "annotations": annotations}]}
    ).encode()
    done = run("img-load", input=archives.tar(files))
    assert done.documents[0]["digest"] == made.digest
    if name:
        assert run("img-inspect", name).documents[0]["descriptor"] == done.documents[0]
    else:
        assert "org.opencontainers.image.ref.name" not in done.documents[0]["annotations"]
        assert [entry["digest"] for entry in run("img-ls").documents] == [made.digest]
    assert (b"img-tag" in done.err) == ("1.0" in annotations.values())


def test_a_name_moves_to_what_is_loaded(run: Commands, store_root: Path) -> None:
    before, after = image([Layer(OTHER)]), image([Layer(SMALL)])
    before.into_store(store_root, NAME)
    run("img-load", input=archives.tar(archives.oci_files((after, NAME))))
    found = {
        entry["digest"]: entry["annotations"].get("org.opencontainers.image.ref.name")
        for entry in run("img-ls").documents
    }
    assert found == {before.digest: None, after.digest: NAME}


def test_what_is_not_part_of_an_image_is_left_out(run: Commands, store_root: Path, tmp_path: Path) -> None:
    made = image([Layer(SMALL)])
    files = archives.oci_files((made, NAME)) | {"README": b"x", "docs/notes.bin": bytes(5000), "repositories": b"{}"}
    files["blobs/sha256/" + "0" * 63 + "x"] = b"no digest"
    files |= {f"blobs/{digest.replace(':', '/')}": data for digest, data in image([Layer(OTHER)]).blobs.items()}
    run("img-load", input=archives.tar(files))
    assert blobs(store_root) == {digest.removeprefix("sha256:") for digest in made.blobs}
    assert layout.unfinished(store_root) == []


def test_documents_on_stdin_are_saved(run: Commands, store_root: Path, other: Path) -> None:
    made = image([Layer(SMALL)])
    made.into_store(store_root, NAME)
    assert run.shell(f"img-ls | img-save - | img-load --root {other}").documents[0]["digest"] == made.digest
    nothing = run("img-save", input=b"", status=1)
    assert (nothing.out, nothing.errors[0]["code"]) == (b"", "NOT_FOUND")


def test_no_archive_on_a_terminal(run: Commands, store_root: Path) -> None:
    image([Layer(SMALL)]).into_store(store_root, NAME)
    master, slave = pty.openpty()
    try:
        save = subprocess.run(
            [str(run.bin / "img-save"), "box:1"], env=run.env, stdout=slave, stderr=subprocess.PIPE, check=False
        )
        load = subprocess.run([str(run.bin / "img-load")], env=run.env, stdin=slave, capture_output=True, check=False)
    finally:
        os.close(master)
        os.close(slave)
    assert (save.returncode, load.returncode) == (2, 2)
    assert b"is a terminal" in save.stderr
    assert b"is a terminal" in load.stderr


def test_a_file_appears_when_it_is_whole(run: Commands, store_root: Path, tmp_path: Path) -> None:
    made = image([Layer(SMALL)])
    made.into_store(store_root, NAME)
    target = archives.write(tmp_path / "a.tar", b"before")
    refused = run("img-save", "-o", target, "box:1", "none:1", status=1)
    assert "none:1" in refused.errors[0]["message"]
    assert target.read_bytes() == b"before"
    blob = store_root / "images" / "blobs" / made.document["layers"][0]["digest"].replace(":", "/")
    content = blob.read_bytes()
    blob.write_bytes(bytes(len(content)))
    damaged = run("img-save", "-o", target, "box:1", status=1)
    assert damaged.errors[0]["code"] == "CORRUPT"
    assert target.read_bytes() == b"before"
    assert sorted(path.name for path in tmp_path.glob("*a.tar*")) == ["a.tar"]
    blob.write_bytes(content)
    (saved,) = run("img-save", "-o", target, "box:1").documents
    assert saved["digest"] == made.digest
    assert target.read_bytes() == run("img-save", "box:1").out
    assert "not a directory" in run("img-save", "-o", target / "x", "box:1", status=1).errors[0]["message"]


def test_into_a_fifo(run: Commands, store_root: Path, other: Path, tmp_path: Path) -> None:
    made = image([Layer(SMALL)])
    made.into_store(store_root, NAME)
    os.mkfifo(tmp_path / "fifo")
    run.shell(f"img-save -o {tmp_path}/fifo box:1 & img-load --root {other} -i {tmp_path}/fifo; wait")
    assert blobs(other) == {digest.removeprefix("sha256:") for digest in made.blobs}
    assert (tmp_path / "fifo").is_fifo()


def test_a_reader_that_goes_away_ends_it(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, NAME)
    assert run.shell("img-save box:1 | head -c 1000 | wc -c", status=141).out.strip() == b"1000"


def test_without_root_no_layers_are_unpacked(run: Commands, store_root: Path) -> None:
    made = image([Layer(SMALL)], {"Cmd": ["x"]})
    run("img-load", "--no-unpack", input=archives.tar(archives.oci_files((made, NAME))))
    assert not layer_path(store_root, made).exists()
    assert run("ctr-unpack", "box:1", store_root.parent / "bundle")


def test_docker_s_list_names_full_names(run: Commands, store_root: Path, tmp_path: Path) -> None:
    made = image([Layer(SMALL)])
    made.into_store(store_root, NAME)
    made.into_store(store_root, "example.org/box:2")
    made.into_store(store_root, f"example.org/box@{made.digest}")
    run("img-save", "-o", tmp_path / "a.tar", "box:1", "example.org/box:2", f"example.org/box@{made.digest}")
    with tarfile.open(tmp_path / "a.tar") as tar:
        (item,) = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
        assert item["RepoTags"] == [NAME, "example.org/box:2"]
        assert json.loads(tar.extractfile(item["Config"]).read()) == made.config  # type: ignore[union-attr]
