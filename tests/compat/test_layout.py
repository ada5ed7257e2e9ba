"""The store's images/ is an OCI image layout that other tools read and write as it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from commands import Commands
from images import Image, Layer, image
from peers import call
from rootfs import busybox_tar


def test_peers_read_our_store_as_it_stands(
    run: Commands, registry: Any, store_root: Path, busybox_image: Image, tmp_path: Path
) -> None:
    busybox_image.push(registry.address, "peers/layout", "1")
    name = f"{registry.address}/peers/layout:1"
    run("img-pull", name)
    layout = store_root / "images"
    call("skopeo", "copy", "-q", f"oci:{layout}:{name}", f"dir:{tmp_path}/copied")
    assert (tmp_path / "copied" / "manifest.json").read_bytes() == busybox_image.raw
    assert name in call("umoci", "ls", "--layout", layout).decode().split()
    call("umoci", "unpack", "--image", f"{layout}:{name}", tmp_path / "bundle")
    assert "BusyBox" in (tmp_path / "bundle" / "rootfs" / "etc" / "os-release").read_text()


def test_we_read_what_skopeo_writes_into_our_store(
    run: Commands, registry: Any, store_root: Path, busybox_image: Image, tmp_path: Path
) -> None:
    """The layout is shared: an image that another tool puts there can be listed, run and pushed."""
    busybox_image.push(registry.address, "peers/first", "1")
    run("img-pull", f"{registry.address}/peers/first:1")
    other = image([Layer(busybox_tar())], {"Cmd": ["echo", "by another tool"], "Env": ["PATH=/bin"]})
    other.write_layout(tmp_path / "other")
    call("skopeo", "copy", "-q", f"oci:{tmp_path}/other", f"oci:{store_root}/images:theirs")
    assert {entry["digest"] for entry in run("img-ls").documents} == {busybox_image.digest, other.digest}
    assert run("ctr-run", "--rm", "theirs").out == b"by another tool\n"
    (pushed,) = run("img-push", "theirs", f"{registry.address}/peers/theirs:1").documents
    assert pushed["digest"] == other.digest
