"""A registry that misbehaves in every way: the command says so in one line, the store stays whole, and the same command
run again succeeds once the fault has passed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import layout
import pytest
from commands import Commands
from faulty_registry import FaultyRegistry, Request, path_of
from images import Image, Layer, image
from tars import Tar

BIG = os.urandom(700_000)


@pytest.fixture
def made() -> Image:
    return image([Layer(Tar().file("big", BIG).bytes(), "none"), Layer(Tar().file("small", b"content").bytes())])


@pytest.fixture
def registry() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


def pull_fails(run: Commands, store_root: Path, registry: FaultyRegistry, reference: str) -> str:
    """The one line that is said; and afterwards all is well once the fault is gone."""
    done = run("img-pull", reference, status=1)
    assert done.out == b""
    (line,) = done.err.decode().splitlines()
    assert layout.problems(store_root) == []
    assert json.loads((store_root / "images/index.json").read_text())["manifests"] == []
    registry.fault = lambda request: False
    run("img-pull", reference)
    assert layout.problems(store_root) == []
    assert layout.unfinished(store_root) == []
    return str(json.loads(line)["errors"][0]["message"])


def test_broken_connections_at_every_request(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    reference = registry.hold(made)
    run("img-pull", "--no-unpack", reference)
    total = len(registry.requests)
    for number in range(1, total + 1):
        registry.requests.clear()
        registry.fault = lambda request, number=number: request.number == number and request.break_off()
        root = store_root / str(number)
        run("img-pull", "--no-unpack", "--root", root, reference)
        assert layout.problems(root) == []
    assert total >= 5


def test_a_blob_that_breaks_off_is_resumed(run: Commands, registry: FaultyRegistry, made: Image) -> None:
    reference = registry.hold(made)
    blob = made.document["layers"][0]["digest"]
    seen: list[str] = []

    def fault(request: Request) -> bool:
        if request.command != "GET" or blob not in request.path:
            return False
        seen.append(request.headers.get("Range", ""))
        if len(seen) <= 2:
            begin = int(seen[-1].removeprefix("bytes=").rstrip("-") or 0)
            data = registry.blobs[blob][begin:]
            headers = {"Content-Range": f"bytes {begin}-{begin + len(data) - 1}/{begin + len(data)}"} if begin else {}
            request.reply(206 if begin else 200, data[:100_000], headers, length=len(data))
            return True
        return False

    registry.fault = fault
    run("img-pull", reference)
    assert seen == ["", "bytes=100000-", "bytes=200000-"]


@pytest.mark.parametrize("damaged", [False, True], ids=["whole", "damaged"])
def test_a_download_is_resumed_by_the_next_process(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image, damaged: bool
) -> None:
    """A part that turns out to be damaged is dropped, and the blob is fetched afresh by the same command."""
    reference = registry.hold(made)
    blob = made.document["layers"][0]["digest"]

    def fault(request: Request) -> bool:
        if request.command == "GET" and blob in request.path:
            if request.headers.get("Range"):
                return request.break_off()
            data = registry.blobs[blob]
            request.reply(200, bytes(300_000) if damaged else data[:300_000], length=len(data))
            return True
        return False

    registry.fault = fault
    run("img-pull", reference, status=1)
    registry.fault = lambda request: False
    registry.requests.clear()
    run("img-pull", reference)
    ranges = [headers.get("Range") for headers in registry.asked("GET", blob)]
    assert ranges == ["bytes=300000-", None] if damaged else ["bytes=300000-"]
    assert layout.problems(store_root) == []


def test_a_server_that_ignores_range_starts_over(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    reference = registry.hold(made)
    blob = made.document["layers"][0]["digest"]
    answers: list[int] = []

    def fault(request: Request) -> bool:
        if request.command != "GET" or blob not in request.path:
            return False
        answers.append(1)
        data = registry.blobs[blob]
        request.reply(200, data[: 250_000 * len(answers)], length=len(data))
        return True

    registry.fault = fault
    run("img-pull", reference)
    assert len(answers) > 1
    assert layout.problems(store_root) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_passes_is_tried_again(run: Commands, registry: FaultyRegistry, made: Image, status: int) -> None:
    reference = registry.hold(made)

    def fault(request: Request) -> bool:
        if request.number % 3:
            return False
        request.reply(status, b"", {"Retry-After": "0"})
        return True

    registry.fault = fault
    run("img-pull", reference)


def test_a_registry_that_wants_too_much_patience_is_reported(
    run: Commands, registry: FaultyRegistry, made: Image
) -> None:
    reference = registry.hold(made)
    registry.fault = lambda request: request.reply(429, b"", {"Retry-After": "86400"}) is None
    said = run("img-pull", reference, status=1).err.decode()
    assert "86400 s" in said


@pytest.mark.parametrize("part", ["layer", "config", "manifest"])
@pytest.mark.parametrize("how", ["short", "long", "other"])
def test_wrong_bodies(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image, part: str, how: str
) -> None:
    reference = registry.hold(made)
    digest = {
        "layer": made.document["layers"][0]["digest"],
        "config": made.document["config"]["digest"],
        "manifest": made.digest,
    }[part]
    data = registry.blobs[digest]
    wrong = {"short": data[:-1], "long": data + b"x", "other": data[:-1] + bytes([data[-1] ^ 1])}[how]

    def fault(request: Request) -> bool:
        asked = digest in request.path or (part == "manifest" and request.path.endswith("/manifests/1"))
        if request.command != "GET" or not asked:
            return False
        request.reply(200, wrong, {"Content-Type": registry.types.get(digest, "application/octet-stream")})
        return True

    registry.fault = fault
    said = pull_fails(run, store_root, registry, reference)
    assert digest in said


def test_a_manifest_of_a_gigabyte_is_not_read(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    reference = registry.hold(made)
    sent: list[int] = []

    def fault(request: Request) -> bool:
        if "manifests" not in request.path:
            return False
        request.send_response(200)
        request.send_header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        request.send_header("Content-Length", str(1 << 30))
        request.end_headers()
        if request.command == "GET":
            for _ in range(1 << 10):
                request.wfile.write(b" " * (1 << 20))
                sent.append(1)
        return True

    registry.fault = fault
    pull_fails(run, store_root, registry, reference)
    assert len(sent) < 100  # megabytes, most of them in the sockets' buffers


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", "application/vnd.oci.image.manifest.v1+json"),
        (b"{}", "application/vnd.oci.image.manifest.v1+json"),
        (b'{"schemaVersion":2,"schemaVersion":2}', "application/vnd.oci.image.manifest.v1+json"),
        (b"[" * 100_000, "application/vnd.oci.image.manifest.v1+json"),
        (b"{}", "text/html"),
    ],
    ids=["html", "empty", "duplicate", "deep", "type"],
)
def test_garbage_for_a_manifest(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image, body: bytes, kind: str
) -> None:
    reference = registry.hold(made)

    def fault(request: Request) -> bool:
        if "manifests" not in request.path:
            return False
        request.reply(404 if request.command == "HEAD" else 200, body, {"Content-Type": kind})
        return True

    registry.fault = fault
    pull_fails(run, store_root, registry, reference)


def test_a_media_type_that_disagrees_is_refused(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    reference = registry.hold(made)
    registry.types[made.digest] = "application/vnd.oci.image.index.v1+json"
    said = run("img-pull", reference, status=1).err.decode()
    assert "media type" in said or "mediaType" in said


def test_no_head_and_no_digest_header(run: Commands, store_root: Path, registry: FaultyRegistry, made: Image) -> None:
    reference = registry.hold(made)

    def fault(request: Request) -> bool:
        if request.command == "HEAD":
            request.reply(405, b"")
            return True
        if "manifests" in request.path:
            request.reply(200, made.raw, {"Content-Type": made.root["mediaType"]})
            return True
        return False

    registry.fault = fault
    assert run("img-pull", reference).documents[0]["digest"] == made.digest


def test_authorization_does_not_follow_a_redirect(
    run: Commands, store_root: Path, registry: FaultyRegistry, made: Image
) -> None:
    reference = registry.hold(made)
    with FaultyRegistry() as elsewhere:
        elsewhere.hold(made)

        def fault(request: Request) -> bool:
            if not request.headers.get("Authorization"):
                request.reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'})
                return True
            if "/blobs/" in request.path and request.command == "GET":
                request.reply(307, b"", {"Location": f"http://{elsewhere.address}{request.path}"})
                return True
            return False

        registry.fault = fault
        home = Path(run.env["HOME"], ".docker")
        home.mkdir()
        (home / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": "dTpw"}}}))
        Path(run.env["HOME"], ".netrc").write_text("default login someone password secret\n")
        run("img-pull", reference)
        assert len(elsewhere.requests) >= 3
        assert not any("Authorization" in headers for _, _, headers in elsewhere.requests)


@pytest.fixture
def stored(run: Commands, store_root: Path, made: Image) -> str:
    made.into_store(store_root, "docker.io/library/made:1")
    return "made:1"


def pushed(registry: FaultyRegistry, made: Image) -> bool:
    return registry.tags.get("2") == made.digest and set(made.blobs) <= set(registry.blobs)


@pytest.mark.parametrize(
    "place", ["uploads/one", "/v2/faulty/image/blobs/uploads/one", "http://HOST/v2/a/blobs/uploads/b"]
)
def test_locations_relative_and_absolute_with_a_query(
    run: Commands, registry: FaultyRegistry, made: Image, stored: str, place: str
) -> None:
    registry.upload_place = place.replace("HOST", registry.address)
    run("img-push", stored, f"{registry.address}/faulty/image:2")
    assert pushed(registry, made)
    puts = [path_ for verb, path_, _ in registry.requests if verb == "PUT"]
    assert puts[-1].endswith("/manifests/2")


@pytest.mark.parametrize("refusal", [400, 405, 413, 500, "break"])
def test_a_registry_that_wants_chunks_gets_them(
    run: Commands, registry: FaultyRegistry, made: Image, stored: str, refusal: int | str
) -> None:
    def fault(request: Request) -> bool:
        if request.command != "PUT" or "uploads" not in path_of(request) or request.headers["Content-Length"] == "0":
            return False
        if refusal == "break":
            request.body(1000)
            return request.break_off()
        request.body()
        request.reply(int(refusal), b"")
        return True

    registry.fault = fault
    run("img-push", "--jobs", "1", stored, f"{registry.address}/faulty/image:2")
    assert pushed(registry, made)
    assert all("bytes" not in headers["Content-Range"] for headers in registry.asked("PATCH", "uploads"))


def test_a_broken_chunk_goes_on_where_the_registry_is(
    run: Commands, registry: FaultyRegistry, made: Image, stored: str
) -> None:
    broken: list[str] = []

    def fault(request: Request) -> bool:
        if request.command == "PUT" and "uploads" in path_of(request) and request.headers["Content-Length"] != "0":
            request.body()
            request.reply(400, b"")
            return True
        if request.command == "PATCH" and int(request.headers["Content-Length"]) > 1000 and not broken:
            broken.append(request.path)
            registry.uploads[request.upload] = request.body(500)
            return request.break_off()
        return False

    registry.fault = fault
    run("img-push", "--jobs", "1", stored, f"{registry.address}/faulty/image:2")
    assert pushed(registry, made)
    ranges = [headers["Content-Range"].partition("-")[0] for headers in registry.asked("PATCH", "uploads")]
    assert "500" in ranges


def test_a_mount_that_is_answered_with_an_upload(run: Commands, registry: FaultyRegistry, made: Image) -> None:
    reference = registry.hold(made)
    registry.refuses_mounts = True
    registry.fault = lambda request: (
        request.command == "HEAD" and "/other/" in request.path and request.reply(404, b"") is None
    )
    run.shell(f"img-pull {reference} | img-push {registry.address}/other/image:2")
    assert [path for verb, path, _ in registry.requests if verb == "POST" and "mount=" in path]
    assert pushed(registry, made)


def test_a_manifest_is_pushed_after_all_that_it_names(
    run: Commands, registry: FaultyRegistry, made: Image, stored: str
) -> None:
    missing: list[str] = []

    def fault(request: Request) -> bool:
        if request.command == "PUT" and "manifests" in request.path:
            missing.extend(
                {made.document["config"]["digest"], *(one["digest"] for one in made.document["layers"])}
                - set(registry.blobs)
            )
        return False

    registry.fault = fault
    run("img-push", stored, f"{registry.address}/faulty/image:2")
    assert missing == []
    assert pushed(registry, made)


def test_an_unreachable_registry_is_one_line(run: Commands) -> None:
    with FaultyRegistry() as gone:
        address = gone.address
    (line,) = run("img-pull", f"{address}/x:1", status=1).err.decode().splitlines()
    message = json.loads(line)["errors"][0]["message"]
    assert (
        message
        == f"{address}/x:1: cannot reach {address}: connection refused (check the address and that the registry is up)"
    )
    (line,) = run("img-pull", "registry.invalid/x:1", status=1, timeout=120).err.decode().splitlines()
    assert "cannot reach registry.invalid" in line
