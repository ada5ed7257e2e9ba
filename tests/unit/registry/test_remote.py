"""Mirrors before the registry, and the registry when they fail."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import pytest
from faulty_registry import FaultyRegistry, Request
from images import Image, Layer, image

from oci_spec import reference
from oci_spec.descriptor import Descriptor
from ocipipe.context import Context
from ocipipe.errors import Corrupt, NotFound, Unavailable
from ocipipe.registry.remote import Access, connect

DATA = bytes(range(256)) * 4096
BLOB = Descriptor.make("application/octet-stream", DATA)


@pytest.fixture
def made() -> Image:
    return image([Layer(b"content")])


def away() -> str:
    with FaultyRegistry() as gone:
        return gone.address


def test_a_mirror_is_asked_first(world: Any, faulty: FaultyRegistry, other: FaultyRegistry, made: Image) -> None:
    other.hold(made)
    other.blobs[BLOB.digest] = DATA
    remote = world.remote(faulty.address, other.address)
    found = remote.resolve("1")
    assert remote.read(found) == made.raw
    assert b"".join(remote.open(BLOB)) == DATA
    assert faulty.requests == []
    assert world.progress.warnings == []


def test_what_a_mirror_lacks_is_no_news(world: Any, faulty: FaultyRegistry, other: FaultyRegistry, made: Image) -> None:
    faulty.hold(made)
    faulty.blobs[BLOB.digest] = DATA
    remote = world.remote(faulty.address, other.address)
    assert remote.resolve("1").digest == made.digest
    assert b"".join(remote.open(BLOB)) == DATA
    assert world.progress.warnings == []
    with pytest.raises(NotFound, match=f"^{faulty.address}/faulty/image:nope: "):
        remote.resolve("nope")


def test_a_mirror_that_is_away_is_told(world: Any, faulty: FaultyRegistry, made: Image) -> None:
    faulty.hold(made)
    gone = away()
    remote = world.remote(faulty.address, gone)
    assert remote.read(remote.resolve("1")) == made.raw
    assert world.progress.warnings[0].startswith(f"mirror {gone}: ")
    assert "connection refused" in world.progress.warnings[0]


def test_a_mirror_that_lies_is_told(world: Any, faulty: FaultyRegistry, other: FaultyRegistry, made: Image) -> None:
    faulty.hold(made)
    other.hold(made)
    other.blobs[made.digest] = bytes(len(made.raw))
    remote = world.remote(faulty.address, other.address)
    assert remote.read(Descriptor(made.root)) == made.raw
    assert "does not match the digest" in world.progress.warnings[0]


def test_a_mirror_must_have_what_it_says_a_name_stands_for(
    world: Any, faulty: FaultyRegistry, other: FaultyRegistry, made: Image
) -> None:
    """The registry's tag has moved on since, so that only the mirror could have the manifest that it names."""
    faulty.hold(made)
    older = image([Layer(b"older")])
    other.hold(older)
    other.blobs[older.digest] = bytes(len(older.raw))
    remote = world.remote(faulty.address, other.address)
    assert remote.read(remote.resolve("1")) == made.raw
    assert "does not match the digest" in world.progress.warnings[0]


def test_a_mirror_that_is_distrusted_is_not_asked_for_that_blob_again(
    world: Any, faulty: FaultyRegistry, other: FaultyRegistry
) -> None:
    faulty.blobs[BLOB.digest] = DATA
    other.blobs[BLOB.digest] = bytes(len(DATA))
    other.hold(image([Layer(b"content")]))
    remote = world.remote(faulty.address, other.address)
    assert b"".join(remote.open(BLOB)) == bytes(len(DATA))
    assert remote.distrust(BLOB, Corrupt("blob x", "its content is wrong"))
    assert world.progress.warnings == [f"mirror {other.address}: blob x: its content is wrong"]
    assert b"".join(remote.open(BLOB)) == DATA
    assert not remote.distrust(BLOB, Corrupt("blob x", "its content is wrong"))
    assert len(world.progress.warnings) == 1
    assert remote.resolve("1").size > 0  # what else it has is taken still


def test_the_registry_goes_on_where_the_mirror_stopped(
    world: Any, faulty: FaultyRegistry, other: FaultyRegistry
) -> None:
    faulty.blobs[BLOB.digest] = DATA
    answers: list[int] = []

    def fault(request: Any) -> bool:
        if "/blobs/" not in request.path:
            return False
        answers.append(1)
        request.reply(200, DATA[:300_000] if len(answers) == 1 else b"", length=len(DATA))
        return True

    other.fault = fault
    remote = world.remote(faulty.address, other.address)
    assert b"".join(remote.open(BLOB)) == DATA
    assert [headers["Range"] for headers in faulty.asked("GET", "/blobs/")] == ["bytes=300000-"]
    assert len(world.progress.warnings) == 1


def tags(*names: str) -> Any:
    body = json.dumps({"tags": names}).encode()
    return lambda request: "/tags/" in request.path and request.reply(200, body) is None


def test_tags_are_the_registry_s_own(world: Any, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    faulty.fault, other.fault = tags("a", "b"), tags("a")
    assert list(world.remote(faulty.address, other.address).tags()) == ["a", "b"]
    assert list(world.remote(faulty.address).tags()) == ["a", "b"]
    assert other.requests == []


def test_tags_of_a_mirror_where_the_registry_is_away(world: Any, other: FaultyRegistry) -> None:
    other.fault = tags("a")
    gone = away()
    assert list(world.remote(gone, away(), other.address).tags()) == ["a"]
    assert f"its mirror {other.address}" in world.progress.warnings[-1]
    with pytest.raises(Unavailable, match=f"cannot reach {gone}"):
        world.remote(gone, away()).tags()


def context(env: dict[str, str]) -> Context:
    stream = io.BytesIO()
    return Context(
        "test", "/nowhere", "/nowhere", env=env, stdin=stream, stdout=stream, stderr=stream,
        now=lambda: 0.0, random=bytes, user=4242,
    )  # fmt: skip


def test_connect_sends_nothing(tmp_path: Path, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    config = tmp_path / "r.json"
    config.write_text(json.dumps({"registries": {"docker.io": {"mirrors": [f"{faulty.address}/hub", other.address]}}}))
    ctx = context({"OCIPIPE_REGISTRIES": str(config), "HOME": str(tmp_path)})
    remote = connect(ctx, "docker.io/library/alpine", Access())
    assert faulty.requests == []
    assert remote.origin.client.host == "registry-1.docker.io"
    faulty.hold(image([Layer(b"content")]), "latest")
    assert remote.resolve("latest").size > 0
    assert faulty.asked("HEAD", "/v2/hub/library/alpine/manifests/latest")
    assert other.requests == []


def test_a_host_in_upper_case_is_configured_and_known_all_the_same(
    tmp_path: Path, faulty: FaultyRegistry, other: FaultyRegistry, made: Image
) -> None:
    faulty.hold(made)
    written = faulty.address.replace("127.0.0.1", "LOCALHOST")
    meant = written.lower()
    config = tmp_path / "r.json"
    config.write_text(json.dumps({"registries": {meant: {"mirrors": [other.address]}}}))
    secret = base64.b64encode(b"me:secret").decode()
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {meant: {"auth": secret}}}))
    challenged: list[str] = []

    def fault(request: Request) -> bool:
        if request.headers.get("Authorization") == f"Basic {secret}":
            return False
        challenged.append(request.path)
        request.reply(401, b"", {"WWW-Authenticate": "Basic realm=x"})
        return True

    faulty.fault = fault
    ctx = context({"OCIPIPE_REGISTRIES": str(config), "REGISTRY_AUTH_FILE": str(tmp_path / "auth.json")})
    remote = connect(ctx, f"{written}/faulty/image", Access())
    assert remote.resolve("1").digest == made.digest
    assert other.requests
    assert challenged
    pushing = connect(ctx, f"{written}/faulty/other", Access(), push=True)
    faulty.blobs[BLOB.digest] = DATA
    origin = f"{meant.upper()}/faulty/image"
    absent = Descriptor.make("text/plain", b"absent")
    assert pushing.push(absent, lambda offset: iter([b"absent"[offset:]]), origin=origin) == "done"
    assert faulty.asked("POST", "from=faulty")


def test_an_ipv6_address(tmp_path: Path, made: Image) -> None:
    try:
        running = FaultyRegistry(host="::1")
    except OSError:
        pytest.skip("no IPv6 here")
    with running:
        running.hold(made)
        assert running.address.startswith("[::1]:")
        wanted = reference.parse(f"{running.address}/faulty/image:1")
        remote = connect(context({"HOME": str(tmp_path)}), wanted.name, Access())
        assert remote.resolve(wanted.target).digest == made.digest
        assert remote.read(Descriptor(made.root)) == made.raw


def test_a_push_goes_to_the_registry_itself(tmp_path: Path, faulty: FaultyRegistry, other: FaultyRegistry) -> None:
    config = tmp_path / "r.json"
    config.write_text(json.dumps({"registries": {faulty.address: {"mirrors": [other.address]}}}))
    ctx = context({"OCIPIPE_REGISTRIES": str(config), "HOME": str(tmp_path)})
    remote = connect(ctx, f"{faulty.address}/a/b", Access(), push=True)
    assert remote.push(BLOB, lambda offset: iter([DATA[offset:]])) == "done"
    assert faulty.blobs[BLOB.digest] == DATA
    assert other.requests == []
