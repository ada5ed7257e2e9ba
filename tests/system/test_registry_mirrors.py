"""Mirrors, client certificates and what a registry does not have, with the commands as they are run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry, Request
from images import Image, Layer, image
from registry import DockerRegistry, certificates
from tars import Tar


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


@pytest.fixture
def made() -> Image:
    return image([Layer(Tar().file("small", b"content").bytes())])


def configured(run: Commands, tmp_path: Path, registries: dict[str, object]) -> Commands:
    config = tmp_path / "registries.json"
    config.write_text(json.dumps({"registries": registries}))
    return run.on(OCIPIPE_REGISTRIES=str(config))


def closed_port() -> str:
    """An address on loopback where nobody listens any more."""
    with FaultyRegistry() as gone:
        return gone.address


@pytest.mark.parametrize("how", ["away", "status", "garbage"])
def test_a_broken_mirror_is_told_about_and_passed_over(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, made: Image, tmp_path: Path, how: str
) -> None:
    made.push(registry.address, "mirrored/image", "1")
    status, body = {"garbage": (200, b"<html>")}.get(how, (501, b""))

    def fault(request: Request) -> bool:
        request.reply(status, body, {"Content-Type": "text/html"})
        return True

    faulty.fault = fault
    mirror = closed_port() if how == "away" else faulty.address
    ours = configured(run, tmp_path, {registry.address: {"mirrors": [mirror]}})
    done = ours("img-pull", "--progress", "plain", f"{registry.address}/mirrored/image:1")
    assert done.documents[0]["digest"] == made.digest
    assert f"mirror {mirror}: ".encode() in done.err


def spoil(mirror: FaultyRegistry, made: Image, what: str, how: str) -> str:
    """Gives a mirror a wrong manifest, config or layer; the digest it goes by."""
    layer = made.document["layers"][0]["digest"]
    spoilt = {"manifest": made.digest, "config": made.document["config"]["digest"], "layer": layer}[what]
    right = made.blobs[spoilt]
    middle = len(right) // 2
    mirror.blobs[spoilt] = {
        "garbage": b"x" * len(right),
        "one bit": right[:middle] + bytes([right[middle] ^ 1]) + right[middle + 1 :],
        "short": right[:-1],
        "long": right + b"x",
    }[how]
    return str(spoilt)


@pytest.mark.parametrize("unpack", ["--unpack", "--no-unpack"])
@pytest.mark.parametrize("how", ["garbage", "one bit", "short", "long"])
@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_what_comes_wrong_from_a_mirror_is_fetched_from_the_registry(
    run: Commands,
    registry: DockerRegistry,
    faulty: FaultyRegistry,
    made: Image,
    store_root: Path,
    tmp_path: Path,
    what: str,
    how: str,
    unpack: str,
) -> None:
    made.push(registry.address, "mirrored/image", "1")
    faulty.hold(made)
    spoilt = spoil(faulty, made, what, how)
    ours = configured(run, tmp_path, {registry.address: {"mirrors": [faulty.address]}})
    options = ["--progress", "plain", "--no-unpack"][: 2 if unpack == "--unpack" else 3]
    done = ours("img-pull", *options, f"{registry.address}/mirrored/image:1")
    assert done.documents[0]["digest"] == made.digest
    assert faulty.asked("GET", spoilt)
    assert done.err.count(f"mirror {faulty.address}: ".encode()) == 1
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []
    if unpack == "--unpack":
        (layer,) = (store_root / "layers").glob("sha256/*/small")
        assert layer.read_bytes() == b"content"


def test_the_next_mirror_is_tried_before_the_registry(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, made: Image, tmp_path: Path
) -> None:
    made.push(registry.address, "cache/image", "1")
    faulty.hold(made)
    spoil(faulty, made, "layer", "one bit")
    with FaultyRegistry() as origin:
        ours = configured(run, tmp_path, {origin.address: {"mirrors": [faulty.address, f"{registry.address}/cache"]}})
        assert ours("img-pull", f"{origin.address}/image:1").documents[0]["digest"] == made.digest
        assert origin.requests == []


def test_when_the_registry_is_wrong_too_the_pull_ends(
    run: Commands, faulty: FaultyRegistry, made: Image, store_root: Path, tmp_path: Path
) -> None:
    with FaultyRegistry() as mirror:
        mirror.hold(made)
        reference = faulty.hold(made)
        spoilt = spoil(mirror, made, "layer", "garbage")
        spoil(faulty, made, "layer", "one bit")
        ours = configured(run, tmp_path, {faulty.address: {"mirrors": [mirror.address]}})
        done = ours("img-pull", "--progress", "plain", reference, status=1)
    assert f"blob {spoilt}: its content has the digest sha256:" in done.err.decode().splitlines()[-1]
    assert (len(mirror.asked("GET", spoilt)), len(faulty.asked("GET", spoilt))) == (1, 1)
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []
    assert list((store_root / "layers").glob("sha256/*")) == []
    faulty.hold(made)
    assert run("img-pull", reference).documents[0]["digest"] == made.digest


def test_a_mirror_that_broke_off_and_was_wrong_is_not_asked_again(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, store_root: Path, tmp_path: Path
) -> None:
    """The registry goes on where the mirror stopped; the whole is wrong, and the registry gives the whole."""
    made = image([Layer(Tar().file("big", os.urandom(400_000)).bytes(), "none")])
    made.push(registry.address, "mirrored/image", "1")
    faulty.hold(made)
    layer = made.document["layers"][0]

    def fault(request: Request) -> bool:
        if request.command != "GET" or layer["digest"] not in request.path:
            return False
        if request.headers.get("Range"):
            request.reply(404, b"")
        else:
            request.reply(200, bytes(300_000), length=layer["size"])
        return True

    faulty.fault = fault
    ours = configured(run, tmp_path, {registry.address: {"mirrors": [faulty.address]}})
    done = ours("img-pull", f"{registry.address}/mirrored/image:1")
    assert done.documents[0]["digest"] == made.digest
    assert [headers.get("Range") for headers in faulty.asked("GET", layer["digest"])] == [None, "bytes=300000-"]
    assert layout.problems(store_root) == []


@pytest.mark.parametrize("target", ["store:copy:1", "oci:{}:1", "dir:{}", "registry", "oci-archive:{}:1"])
def test_a_copy_goes_past_a_mirror_that_is_wrong(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, made: Image, tmp_path: Path, target: str
) -> None:
    """All but into an archive, where the wrong bytes stand already: there the copy ends, and leaves no file."""
    made.push(registry.address, "mirrored/image", "1")
    faulty.hold(made)
    spoilt = spoil(faulty, made, "layer", "one bit")
    with FaultyRegistry() as other:
        place = f"{other.address}/copied/image:1" if target == "registry" else target.format(tmp_path / "copy")
        ours = configured(run, tmp_path, {registry.address: {"mirrors": [faulty.address]}})
        archive = target.startswith("oci-archive")
        source = f"{registry.address}/mirrored/image:1"
        done = ours("img-copy", "--progress", "plain", source, place, status=1 if archive else 0)
        assert faulty.asked("GET", spoilt)
        if archive:
            assert not (tmp_path / "copy").exists()
            return
        assert done.documents[0]["digest"] == made.digest
        assert done.err.count(f"mirror {faulty.address}: ".encode()) == 1
        assert run("img-copy", place, f"oci:{tmp_path}/back:1").documents[0]["digest"] == made.digest


def test_a_repair_goes_past_a_mirror_that_is_wrong(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, made: Image, store_root: Path, tmp_path: Path
) -> None:
    made.push(registry.address, "mirrored/image", "1")
    run("img-pull", f"{registry.address}/mirrored/image:1")
    blob = store_root / "images/blobs" / made.document["layers"][0]["digest"].replace(":", "/")
    blob.write_bytes(bytes(blob.stat().st_size))
    faulty.hold(made)
    spoil(faulty, made, "layer", "one bit")
    ours = configured(run, tmp_path, {registry.address: {"mirrors": [faulty.address]}})
    done = ours.shell("store-check --deep 2>/dev/null | img-pull --repair --progress plain", status=None)
    assert [one["action"] for one in done.documents] == ["fetch"]
    assert f"mirror {faulty.address}: ".encode() in done.err
    assert layout.problems(store_root) == []


def test_a_mirror_that_lacks_the_image_says_nothing(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, made: Image, tmp_path: Path
) -> None:
    made.push(registry.address, "mirrored/image", "1")
    ours = configured(run, tmp_path, {registry.address: {"mirrors": [faulty.address]}})
    done = ours("img-pull", "--progress", "plain", f"{registry.address}/mirrored/image:1")
    assert faulty.requests
    assert b"mirror" not in done.err.replace(b"mirrored/image", b"")


def test_the_next_mirror_is_asked_under_its_prefix_and_pushes_go_past_it(
    run: Commands, registry: DockerRegistry, faulty: FaultyRegistry, made: Image, store_root: Path, tmp_path: Path
) -> None:
    made.push(registry.address, "cache/hub/library/box", "1")
    ours = configured(run, tmp_path, {faulty.address: {"mirrors": [closed_port(), f"{registry.address}/cache/hub"]}})
    assert ours("img-pull", f"{faulty.address}/library/box:1").documents[0]["digest"] == made.digest
    assert faulty.requests == []
    ours("img-push", f"{faulty.address}/library/box:1", f"{faulty.address}/library/box:2")
    assert faulty.tags["2"] == made.digest


def test_a_client_certificate_is_shown_where_it_is_asked_for(run: Commands, made: Image, tmp_path: Path) -> None:
    ca = tmp_path / "tls" / "ca"
    key, certificate = certificates(ca)
    with FaultyRegistry(tls=(key, certificate), clients=ca / "ca.crt") as strict:
        reference = strict.hold(made)
        said = run("img-pull", "--cert-dir", ca, reference, status=1).errors
        assert said[0]["message"].startswith(f"{reference}: ")
        assert strict.requests == []
        with_client = tmp_path / "client"
        with_client.mkdir()
        (with_client / "ca.crt").write_bytes((ca / "ca.crt").read_bytes())
        subprocess.run(
            ["openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", with_client / "me.key", "-subj", "/CN=me",
             "-out", tmp_path / "me.csr"],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(
            ["openssl", "x509", "-req", "-in", tmp_path / "me.csr", "-CA", ca / "ca.crt", "-CAkey",
             ca.parent / "ca.key", "-CAcreateserial", "-days", "2", "-out", with_client / "me.cert"],
            check=True, capture_output=True,
        )  # fmt: skip
        assert run("img-pull", "--cert-dir", with_client, reference).documents[0]["digest"] == made.digest


def test_a_configured_certificate_directory_is_enough(run: Commands, made: Image, tmp_path: Path) -> None:
    ca = tmp_path / "tls" / "ca"
    key, certificate = certificates(ca)
    with FaultyRegistry(tls=(key, certificate)) as secure:
        reference = secure.hold(made)
        run("img-pull", reference, status=1)
        ours = configured(run, tmp_path, {secure.address: {"certDir": str(ca)}})
        assert ours("img-pull", reference).documents[0]["digest"] == made.digest


@pytest.mark.parametrize("what", ["no-such/repository:1", "held/image:no-such-tag", "held/image@sha256:" + "0" * 64])
def test_an_unknown_image_is_one_line(run: Commands, registry: DockerRegistry, made: Image, what: str) -> None:
    made.push(registry.address, "held/image", "1")
    done = run("img-pull", f"{registry.address}/{what}", status=1)
    (error,) = done.errors
    assert done.out == b""
    assert error["message"].startswith(f"{registry.address}/{what}: ")
    assert error["message"].endswith("(check the name, or log in with reg-login)")


def test_a_name_that_does_not_resolve_is_one_line(run: Commands) -> None:
    (error,) = run("img-pull", "registry.invalid/x:1", status=1).errors
    assert error["message"].startswith(
        "registry.invalid/x:1: cannot reach registry.invalid: the name does not resolve ("
    )


def test_reg_tags_of_what_is_not_there(run: Commands, registry: DockerRegistry) -> None:
    (error,) = run("reg-tags", f"{registry.address}/no-such/repository", status=1).errors
    assert error["message"].startswith(f"{registry.address}/no-such/repository")
