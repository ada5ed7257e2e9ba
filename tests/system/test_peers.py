"""The other tools on both sides of us: what they push we pull and run, what we push they read and run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import Commands
from images import Layer, image, index
from peers import LIMITS, Podman, call, skopeo_push
from rootfs import busybox_image as make_busybox
from rootfs import busybox_tar


@pytest.fixture
def podman() -> Iterator[Podman]:
    # podman refuses a run directory with a path of more than 50 characters
    with tempfile.TemporaryDirectory(prefix="podman-") as directory:
        found = Podman(Path(directory))
        yield found
        found("system", "reset", "--force")


@pytest.mark.parametrize("family", ["oci", "v2s2"])
@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_what_skopeo_pushes_we_pull_and_run(
    family: str, compression: str, run: Commands, registry: Any, tmp_path: Path
) -> None:
    if (family, compression) == ("v2s2", "zstd"):
        made, args = make_busybox(), ["--format", "v2s2"]  # Docker's family has no zstd: skopeo would refuse
    else:
        made, args = make_busybox(compression=compression), ["--format", family]
    reference = f"{registry.address}/peers/skopeo-{family}-{compression}:1"
    skopeo_push(made, reference, tmp_path, *args)
    done = run.shell(f"img-pull {reference} | ctr-run --rm - cat /etc/os-release")
    assert b"BusyBox from this machine" in done.out
    raw = call("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{reference}")
    assert run("img-inspect", "--manifest", reference).out == raw


def test_an_index_that_skopeo_pushes(run: Commands, registry: Any, tmp_path: Path) -> None:
    other = image([Layer(busybox_tar())], on="linux/s390x")
    made = index(other, make_busybox())
    reference = f"{registry.address}/peers/index:1"
    skopeo_push(made, reference, tmp_path, "--all")
    assert run.shell(f"img-pull {reference} | ctr-run --rm - echo ran").out == b"ran\n"
    (chosen,) = run("img-pull", "--platform", "linux/s390x", "--no-unpack", reference).documents
    assert chosen["digest"] == other.digest
    (whole,) = run("img-pull", "--all-platforms", reference).documents
    raw = call("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{reference}")
    assert run("img-inspect", "--index", reference).out == raw
    assert whole["mediaType"] == json.loads(raw)["mediaType"]


@pytest.mark.parametrize("docker", [False, True], ids=["oci", "docker"])
def test_what_we_push_skopeo_and_podman_read(docker: bool, run: Commands, registry: Any, podman: Podman) -> None:
    made = make_busybox(docker=docker)
    source = f"{registry.address}/peers/source-{docker}:1".lower()
    pushed = f"{registry.address}/peers/pushed-{docker}:1".lower()
    made.push(registry.address, f"peers/source-{docker}".lower(), "1")
    run.shell(f"img-pull {source} | img-push {pushed}")
    seen = json.loads(call("skopeo", "inspect", "--tls-verify=false", f"docker://{pushed}"))
    assert seen["Digest"] == made.digest
    assert seen["Layers"] == [layer["digest"] for layer in made.document["layers"]]
    assert call("skopeo", "inspect", "--raw", "--tls-verify=false", f"docker://{pushed}") == made.raw
    podman("pull", "-q", "--tls-verify=false", pushed)
    (inspected,) = json.loads(podman("image", "inspect", pushed))
    assert inspected["Digest"] == made.digest
    assert f"sha256:{inspected['Id']}" == made.document["config"]["digest"]


def test_podman_runs_what_we_push(run: Commands, registry: Any, podman: Podman) -> None:
    make_busybox().push(registry.address, "peers/runs", "1")
    reference = f"{registry.address}/peers/runs"
    run.shell(f"img-pull {reference}:1 | img-push {reference}:2")
    ran = podman("run", "--rm", "--network", "none", *LIMITS, "--tls-verify=false", f"{reference}:2", "echo", "ran")
    assert ran == b"ran\n"


@pytest.mark.parametrize("compression", ["gzip", "zstd"])
def test_layers_that_we_compress_skopeo_verifies(
    compression: str, run: Commands, registry: Any, tmp_path: Path
) -> None:
    """skopeo checks each layer's digest and diff ID on the way into a directory of its own."""
    made = make_busybox(compression="none")
    made.push(registry.address, "peers/plain", "1")
    pushed = f"{registry.address}/peers/compressed-{compression}:1"
    run.shell(f"img-pull {registry.address}/peers/plain:1 | img-push --force-compression {compression} {pushed}")
    assert run("store-check").documents == []  # what was made for the push is gone again
    call("skopeo", "copy", "-q", "--src-tls-verify=false", f"docker://{pushed}", f"oci:{tmp_path}/copied:1")
    raw = json.loads(call("skopeo", "inspect", "--raw", f"oci:{tmp_path}/copied:1"))
    (layer,) = raw["layers"]
    assert layer["mediaType"].endswith(f"tar+{compression}")
    (diff_id,) = json.loads(call("skopeo", "inspect", "--config", f"oci:{tmp_path}/copied:1"))["rootfs"]["diff_ids"]
    assert [diff_id] == made.config["rootfs"]["diff_ids"]
    if compression == "gzip":  # umoci does not know zstd
        call("umoci", "unpack", "--image", f"{tmp_path}/copied:1", tmp_path / "bundle")
        assert "BusyBox" in (tmp_path / "bundle" / "rootfs" / "etc" / "os-release").read_text()
