"""Archives from and to podman, docker, skopeo and umoci: what one saves the other loads, and the digests stay."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import layout
import pytest
from commands import Commands
from images import Image, Layer, image, index, layer_path
from peers import Docker, Podman, call
from rootfs import busybox_image, busybox_tar
from tars import Tar

NAME = "docker.io/library/box:1"
UPPER = Tar().dir("opt").file("opt/added", b"added\n").whiteout("etc/group").bytes()


def made(compression: str = "gzip", *, docker: bool = False) -> Image:
    """Busybox with a layer above it that adds and removes."""
    layers = [Layer(busybox_tar(), compression, docker=docker), Layer(UPPER, compression, docker=docker)]
    return image(layers, {"Cmd": ["cat", "/opt/added"], "Env": ["PATH=/bin"]}, docker=docker)


def config_digest(one: Image) -> str:
    return str(one.document["config"]["digest"])


@pytest.mark.parametrize("format", ["docker", "oci"])
@pytest.mark.parametrize("family", ["oci", "docker"])
def test_podman_loads_what_we_save(format: str, family: str, run: Commands, store_root: Path, podman: Podman) -> None:
    one = made(docker=family == "docker")
    one.into_store(store_root, NAME)
    archive = run("img-save", "--format", format, "box:1").out
    assert NAME in call(*podman.argv, "load", input=archive).decode()
    (seen,) = json.loads(podman("image", "inspect", NAME))
    assert f"sha256:{seen['Id']}" == config_digest(one)
    assert seen["Digest"] == one.digest
    limits = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024")
    assert podman("run", "--rm", "--network", "none", *limits, NAME) == b"added\n"


def test_podman_loads_zstd_from_us(run: Commands, store_root: Path, podman: Podman) -> None:
    one = made("zstd")
    one.into_store(store_root, NAME)
    saved = run("img-save", "box:1")
    assert b"zstd" in saved.err
    call(*podman.argv, "load", input=saved.out)
    (seen,) = json.loads(podman("image", "inspect", NAME))
    assert f"sha256:{seen['Id']}" == config_digest(one)


@pytest.mark.parametrize("format", ["docker-archive", "oci-archive"])
def test_we_load_what_podman_saves(
    format: str, run: Commands, store_root: Path, podman: Podman, tmp_path: Path
) -> None:
    one = made()
    one.into_store(tmp_path / "first", NAME)
    call(*podman.argv, "load", input=run("img-save", "--root", tmp_path / "first", "box:1").out)
    podman("save", "--format", format, "-o", str(tmp_path / "a.tar"), NAME)
    (loaded,) = run.shell(f"cat {tmp_path}/a.tar | img-load").documents
    assert run("img-load", "-i", tmp_path / "a.tar").documents == [loaded]
    assert loaded["annotations"]["org.opencontainers.image.ref.name"] == NAME
    assert run("img-inspect", "--config", "box:1").out == one.blobs[config_digest(one)]
    assert run("ctr-run", "--rm", "--network", "none", "box:1").out == b"added\n"
    assert not (layer_path(store_root, one) / "etc" / "group").is_file()
    assert layout.problems(store_root) == []
    if format == "oci-archive":
        raw = call("skopeo", "inspect", "--raw", f"oci-archive:{tmp_path}/a.tar:{NAME}")
        assert run("img-inspect", "--manifest", "box:1").out == raw


@pytest.mark.parametrize("format", ["docker", "oci image, docker's list"])
def test_docker_loads_what_we_save(format: str, run: Commands, store_root: Path, docker: Docker) -> None:
    one = made(docker=format == "docker")
    one.into_store(store_root, NAME)
    said = docker("load", input=run("img-save", "box:1").out)
    try:
        assert b"box:1" in said
        (seen,) = json.loads(docker("image", "inspect", "box:1"))
        assert seen["Id"] == config_digest(one)
        assert seen["RootFS"]["Layers"] == one.config["rootfs"]["diff_ids"]
        assert docker("run", "--rm", "--network", "none", "box:1") == b"added\n"
    finally:
        docker("image", "rm", "-f", "box:1")


def test_docker_loads_an_index_from_us(run: Commands, store_root: Path, docker: Docker) -> None:
    mine = made()
    index(image([Layer(UPPER)], on="linux/s390x"), mine).into_store(store_root, NAME)
    docker("load", input=run("img-save", "box:1").out)
    try:
        assert json.loads(docker("image", "inspect", "box:1"))[0]["Id"] == config_digest(mine)
    finally:
        docker("image", "rm", "-f", "box:1")


def test_we_load_what_docker_saves(run: Commands, store_root: Path, docker: Docker, tmp_path: Path) -> None:
    """Two images with layers in common, one of which has the same layer twice: docker writes links for those."""
    lower = Layer(busybox_tar())
    one = image([lower, Layer(UPPER)], {"Cmd": ["cat", "/opt/added"], "Env": ["PATH=/bin"]})
    two = image([lower, Layer(UPPER), Layer(UPPER)], {"Cmd": ["true"], "Env": ["PATH=/bin"]})
    one.into_store(tmp_path / "first", NAME)
    two.into_store(tmp_path / "first", "example.org/two:2")
    docker("load", input=run("img-save", "--root", tmp_path / "first", "box:1", "example.org/two:2").out)
    try:
        archive = docker("save", "box:1", "example.org/two:2")
    finally:
        docker("image", "rm", "-f", "box:1", "example.org/two:2")
    loaded = run("img-load", input=archive).documents
    names = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in loaded}
    assert sorted(names) == [NAME, "example.org/two:2"]
    for name, wanted in ((NAME, one), ("example.org/two:2", two)):
        assert run("img-inspect", "--config", name).out == wanted.blobs[config_digest(wanted)]
    assert run("ctr-run", "--rm", "--network", "none", "box:1").out == b"added\n"
    assert layout.problems(store_root) == []
    (tmp_path / "a.tar").write_bytes(archive)
    again = run("img-load", "--root", tmp_path / "again", "-i", tmp_path / "a.tar").documents
    assert {entry["digest"] for entry in again} == set(names.values()), "the same digests each time"


def test_there_and_back_through_skopeo(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """As an OCI archive nothing changes on the way, manifest and all."""
    one = made()
    one.into_store(store_root, NAME)
    run("img-save", "--format", "oci", "-o", tmp_path / "ours.tar", "box:1")
    source = f"oci-archive:{tmp_path}/ours.tar:{NAME}"
    call("skopeo", "copy", "-q", "--preserve-digests", source, f"oci-archive:{tmp_path}/theirs.tar:{NAME}")
    (loaded,) = run("img-load", "--root", tmp_path / "back", "-i", tmp_path / "theirs.tar").documents
    assert loaded["digest"] == one.digest


@pytest.mark.parametrize("family", ["oci", "docker"])
def test_docker_s_form_through_skopeo(family: str, run: Commands, store_root: Path, tmp_path: Path) -> None:
    one = made(docker=family == "docker")
    one.into_store(store_root, NAME)
    run("img-save", "-o", tmp_path / "ours.tar", "box:1")
    source = f"docker-archive:{tmp_path}/ours.tar:{NAME}"
    call("skopeo", "copy", "-q", source, f"docker-archive:{tmp_path}/docker.tar:box:1")
    (loaded,) = run("img-load", "--root", tmp_path / "plain", "-i", tmp_path / "docker.tar").documents
    assert loaded["annotations"]["org.opencontainers.image.ref.name"] == NAME
    assert run("img-inspect", "--root", tmp_path / "plain", "--config", "box:1").out == one.blobs[config_digest(one)]


def test_a_whole_index_through_skopeo(run: Commands, store_root: Path, tmp_path: Path) -> None:
    whole = index(made(), image([Layer(UPPER)], on="linux/s390x"))
    whole.into_store(store_root, NAME)
    run("img-save", "--format", "oci", "-o", tmp_path / "ours.tar", "box:1")
    source = f"oci-archive:{tmp_path}/ours.tar:{NAME}"
    call("skopeo", "copy", "-q", "--all", "--preserve-digests", source, f"oci-archive:{tmp_path}/theirs.tar:{NAME}")
    (loaded,) = run("img-load", "--root", tmp_path / "back", "-i", tmp_path / "theirs.tar").documents
    assert loaded["digest"] == whole.digest
    assert layout.problems(tmp_path / "back") == []


def test_umoci_unpacks_what_we_save(run: Commands, store_root: Path, tmp_path: Path) -> None:
    one = busybox_image()
    one.into_store(store_root, NAME)
    (tmp_path / "layout").mkdir()
    run.shell(f"img-save box:1 | tar -x -C {tmp_path}/layout")
    call("umoci", "unpack", "--image", f"{tmp_path}/layout:{NAME}", tmp_path / "bundle")
    assert "BusyBox" in (tmp_path / "bundle" / "rootfs" / "etc" / "os-release").read_text()


def test_we_load_what_umoci_makes(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """An archive of umoci's layout, made by tar: its index has tags for names."""
    place = tmp_path / "layout"
    call("umoci", "init", "--layout", place)
    call("umoci", "new", "--image", f"{place}:1.0")
    call("umoci", "config", "--image", f"{place}:1.0", "--config.cmd", "true")
    subprocess.run(["tar", "-C", str(place), "-cf", str(tmp_path / "a.tar"), "."], check=True)
    done = run("img-load", "-i", tmp_path / "a.tar")
    assert b"img-tag" in done.err
    (entry,) = json.loads((place / "index.json").read_bytes())["manifests"]
    assert done.documents[0]["digest"] == entry["digest"]
    assert run.shell("img-ls -q | head -1 | img-tag - made:1.0").documents[0]["digest"] == entry["digest"]


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "dir"])
def test_copies_between_us_and_skopeo(kind: str, run: Commands, tmp_path: Path) -> None:
    """What we copy skopeo copies on, and the other way round: the same manifest, byte by byte."""
    one = made()
    one.write_layout(tmp_path / "first")
    name = "" if kind == "dir" else f":{NAME}"
    run("img-copy", f"oci:{tmp_path}/first", f"{kind}:{tmp_path}/ours{name}")
    call(
        "skopeo", "copy", "-q", "--preserve-digests", f"{kind}:{tmp_path}/ours{name}", f"{kind}:{tmp_path}/theirs{name}"
    )
    (back,) = run("img-copy", f"{kind}:{tmp_path}/theirs{name}", f"oci:{tmp_path}/back:1").documents
    assert back["digest"] == one.digest
    assert call("skopeo", "inspect", "--raw", f"oci:{tmp_path}/back:1") == one.raw
    assert "1" in call("umoci", "ls", "--layout", tmp_path / "back").decode().split()


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "dir"])
def test_copies_of_a_whole_index(kind: str, run: Commands, tmp_path: Path) -> None:
    whole = index(made(), image([Layer(UPPER)], on="linux/s390x"))
    whole.write_layout(tmp_path / "first")
    name = "" if kind == "dir" else f":{NAME}"
    run("img-copy", "--all-platforms", f"oci:{tmp_path}/first", f"{kind}:{tmp_path}/ours{name}")
    copy = ("skopeo", "copy", "-q", "--all", "--preserve-digests")
    call(*copy, f"{kind}:{tmp_path}/ours{name}", f"{kind}:{tmp_path}/theirs{name}")
    (back,) = run("img-copy", "--all-platforms", f"{kind}:{tmp_path}/theirs{name}", f"oci:{tmp_path}/back").documents
    assert back["digest"] == whole.digest


def test_a_copy_for_docker_s_archive(run: Commands, tmp_path: Path, podman: Podman) -> None:
    one = made()
    one.write_layout(tmp_path / "first")
    run("img-copy", f"oci:{tmp_path}/first", f"docker-archive:{tmp_path}/a.tar:box:1")
    podman("load", "-i", str(tmp_path / "a.tar"))
    assert json.loads(podman("image", "inspect", NAME))[0]["Digest"] == one.digest
    config = call("skopeo", "inspect", "--config", "--raw", f"docker-archive:{tmp_path}/a.tar:{NAME}")
    assert config == one.blobs[config_digest(one)]
    call("skopeo", "copy", "-q", f"oci:{tmp_path}/first", f"docker-archive:{tmp_path}/theirs.tar:{NAME}")
    run("img-copy", f"docker-archive:{tmp_path}/theirs.tar:{NAME}", "store:theirs:1")
    assert run("img-inspect", "--config", "theirs:1").out == one.blobs[config_digest(one)]
