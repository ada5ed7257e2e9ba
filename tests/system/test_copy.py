"""img-copy: every kind of place with every other; the digests stay, and the store sees nothing that it need not."""

from __future__ import annotations

import gzip
import itertools
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import archives
import layout
import pytest
from commands import Commands
from images import HERE, Image, Layer, image, index, layer_path
from tars import Tar

LOWER = Tar().dir("etc").file("etc/motd", b"hello\n").bytes()
UPPER = Tar().file("etc/issue", b"upper\n").bytes()
NAME = "docker.io/library/copied:1"
KINDS = ("registry", "oci", "oci-archive", "docker-archive", "dir", "store")


@pytest.fixture
def made() -> Image:
    return image([Layer(LOWER), Layer(UPPER, "zstd")], {"Cmd": ["x"]})


@pytest.fixture
def place(registry: Any, tmp_path: Path) -> Any:
    """A fresh place of a kind, as img-copy names it."""
    counter = itertools.count()

    def make(kind: str) -> str:
        number = next(counter)
        return {
            "registry": f"{registry.address}/copy/{tmp_path.name.lower().strip('_')}-{number}:1",
            "oci": f"oci:{tmp_path}/layout-{number}:docker.io/library/copied:1",
            "oci-archive": f"oci-archive:{tmp_path}/oci-{number}.tar:docker.io/library/copied:1",
            "docker-archive": f"docker-archive:{tmp_path}/docker-{number}.tar:copied:1",
            "dir": f"dir:{tmp_path}/dir-{number}",
            "store": f"store:copied-{number}:1",
        }[kind]

    return make


def every_pair(kinds: Sequence[str]) -> Iterator[str]:
    """Kinds in an order in which each comes once right after each, itself too; the first one ends it."""
    for number, kind in enumerate(kinds):
        yield from (kind, kind)
        for other in kinds[number + 2 :]:
            yield from (other, kind)
    yield from reversed(kinds[:-1])


def test_the_order_has_every_pair() -> None:
    order = list(every_pair("abcde"))
    assert sorted(itertools.pairwise(order)) == list(itertools.product("abcde", repeat=2))


@pytest.mark.parametrize("whole", [False, True], ids=["image", "index"])
def test_every_pairing(whole: bool, run: Commands, place: Any, store_root: Path, made: Image, tmp_path: Path) -> None:
    """From a layout of another maker through places of every kind, each to each, the store last, and back into a
    layout."""
    wanted = index(made, image([Layer(UPPER)], on="linux/s390x")) if whole else made
    wanted.write_layout(tmp_path / "theirs")
    options = ["--all-platforms"] if whole else []
    here = f"oci:{tmp_path}/theirs"

    def to(there: str) -> None:
        nonlocal here
        (copied,) = run("img-copy", *options, here, there).documents
        assert copied["digest"] == wanted.digest, (here, there)
        here = there

    *others, store = KINDS
    for kind in every_pair(others):
        to(place(kind))
    assert list(store_root.glob("images/blobs/sha256/*")) == [], "it need not have gone through the store"
    for kind in (store, store, *(word for other in others[1:] for word in (other, store)), others[0]):
        to(place(kind))
    to(f"oci:{tmp_path}/back")
    (entry,) = json.loads((tmp_path / "back" / "index.json").read_bytes())["manifests"]
    assert entry == {key: wanted.root[key] for key in ("mediaType", "digest", "size")}
    for digest, data in wanted.blobs.items():
        assert (tmp_path / "back" / "blobs" / digest.replace(":", "/")).read_bytes() == data
    assert layout.unfinished(tmp_path) == []
    assert layout.problems(store_root) == []
    assert layer_path(store_root, made).exists()


def test_what_the_places_say_of_names(run: Commands, place: Any, made: Image, tmp_path: Path) -> None:
    made.write_layout(tmp_path / "theirs")
    source = f"oci:{tmp_path}/theirs"
    for kind, name in (
        ("oci", NAME), ("oci-archive", NAME), ("docker-archive", NAME), ("dir", None),
        ("store", "docker.io/library/copied-4:1"),
    ):  # fmt: skip
        (copied,) = run("img-copy", source, place(kind)).documents
        assert copied.get("annotations", {}).get("org.opencontainers.image.ref.name") == name
    reference = place("registry")
    (copied,) = run("img-copy", source, f"docker://{reference}").documents
    assert copied["annotations"]["org.opencontainers.image.ref.name"] == reference


@pytest.mark.parametrize("kind", ["oci", "oci-archive", "docker-archive", "registry", "dir", "store"])
def test_one_platform_of_an_index(kind: str, run: Commands, place: Any, made: Image, tmp_path: Path) -> None:
    foreign = image([Layer(UPPER)], on="linux/s390x")
    whole = index(foreign, index(made))
    whole.write_layout(tmp_path / "theirs")
    source = place(kind)
    run("img-copy", "--all-platforms", f"oci:{tmp_path}/theirs", source)
    assert run("img-copy", source, place("dir")).documents[0]["digest"] == made.digest
    for platform, one in ((HERE, made), ("linux/s390x", foreign)):
        (copied,) = run("img-copy", "--platform", platform, source, place("oci")).documents
        assert copied["digest"] == one.digest
    refused = run("img-copy", "--platform", "linux/riscv64", source, place("oci"), status=1)
    assert "has no image for linux/riscv64" in refused.errors[0]["message"]
    made.write_layout(tmp_path / "single")
    refused = run("img-copy", "--platform", "linux/s390x", f"oci:{tmp_path}/single", place(kind), status=1)
    assert "is an image for" in refused.errors[0]["message"]


def test_a_layout_takes_several_images(run: Commands, made: Image, tmp_path: Path) -> None:
    """A name moves, other names stay, and who reads an image without naming it is asked which."""
    other = image([Layer(UPPER)])
    made.write_layout(tmp_path / "one")
    other.write_layout(tmp_path / "two")
    target = f"oci:{tmp_path}/mine"
    run("img-copy", f"oci:{tmp_path}/one", f"{target}:a")
    run("img-copy", f"oci:{tmp_path}/one", f"{target}:b")
    run("img-copy", f"oci:{tmp_path}/two", f"{target}:b")
    entries = json.loads((tmp_path / "mine" / "index.json").read_bytes())["manifests"]
    assert {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in entries} == {
        "a": made.digest, "b": other.digest,
    }  # fmt: skip
    assert run("img-copy", f"{target}:b", f"dir:{tmp_path}/b").documents[0]["digest"] == other.digest
    assert run("img-copy", f"{target}:{made.digest}", f"dir:{tmp_path}/a").documents[0]["digest"] == made.digest
    refused = run("img-copy", target, f"dir:{tmp_path}/c", status=1).errors[0]
    assert refused["code"] == "CONFLICT"
    assert "name one: a, b" in refused["message"]
    refused = run("img-copy", f"{target}:none", f"dir:{tmp_path}/c", status=1).errors[0]
    assert refused["code"] == "NOT_FOUND"
    assert "there are: a, b" in refused["message"]


@pytest.mark.parametrize("compressed", [False, True])
def test_docker_s_archive_of_another_maker(
    compressed: bool, run: Commands, store_root: Path, made: Image, tmp_path: Path
) -> None:
    """Its images by their tags; a compressed one goes by way of the store, which keeps nothing of it."""
    plain = image([Layer(LOWER)], {"Cmd": ["plain"]})
    data = archives.tar(archives.docker_files(plain, ["one:1", "one:2"], [LOWER]))
    path = archives.write(tmp_path / "a.tar", gzip.compress(data) if compressed else data)
    run("img-copy", f"docker-archive:{path}:one:2", f"oci:{tmp_path}/out:x")
    (entry,) = json.loads((tmp_path / "out" / "index.json").read_bytes())["manifests"]
    manifest = (tmp_path / "out" / "blobs" / entry["digest"].replace(":", "/")).read_bytes()
    assert manifest == archives.docker_manifest(plain, [LOWER])
    assert list(store_root.glob("images/blobs/sha256/*")) == []
    assert layout.unfinished(store_root) == []
    (copied,) = run("img-copy", f"docker-archive:{path}", "store:two:1").documents
    assert copied["digest"] == entry["digest"]
    assert (layer_path(store_root, plain) / "etc" / "motd").read_bytes() == b"hello\n"
    assert layout.problems(store_root) == []


def test_through_pipes(run: Commands, store_root: Path, made: Image, tmp_path: Path) -> None:
    made.write_layout(tmp_path / "theirs")
    script = (
        f"img-copy oci:{tmp_path}/theirs oci-archive:/dev/fd/3:x 3>&1 >/dev/null"
        f" | img-copy oci-archive:/dev/stdin dir:{tmp_path}/dir"
    )
    assert run.shell(script).documents[0]["digest"] == made.digest
    assert (tmp_path / "dir" / "manifest.json").read_bytes() == made.raw
    assert list(store_root.glob("images/blobs/sha256/*")) == []


def test_docker_s_list_has_the_reference_in_full(run: Commands, made: Image, tmp_path: Path) -> None:
    made.write_layout(tmp_path / "theirs")
    run("img-copy", f"oci:{tmp_path}/theirs", f"docker-archive:{tmp_path}/a.tar:copied")
    with tarfile.open(tmp_path / "a.tar") as tar:
        (item,) = json.loads(tar.extractfile("manifest.json").read())  # type: ignore[union-attr]
    assert item["RepoTags"] == ["docker.io/library/copied:latest"]


@pytest.mark.parametrize(
    ("source", "target", "status", "message"),
    [
        ("oci:{}/none", "dir:{}/x", 1, "no such directory"),
        ("dir:{}/none", "dir:{}/x", 1, "no such directory"),
        ("dir:{}/theirs", "dir:{}/x", 1, "manifest.json"),
        ("oci-archive:{}/none.tar", "dir:{}/x", 1, "none.tar"),
        ("docker-archive:{}/theirs/index.json", "dir:{}/x", 1, "truncated"),
        ("store:none:1", "dir:{}/x", 1, "no such image"),
        ("oci:{}/theirs", "oci:{}/busy", 1, "something else"),
        ("oci:{}/theirs", "dir:{}/busy", 1, "something else"),
        ("oci:{}/theirs", "oci-archive:{}/none/x.tar", 1, "no such file"),
        ("oci:{}/theirs", "oci-archive:{}/busy", 1, "is a directory"),
        ("oci:{}/theirs", "store:x@sha256:" + "0" * 64, 2, "digest follows"),
        ("oci:{}/theirs", "localhost:1/x@sha256:" + "0" * 64, 2, "digest follows"),
        ("oci:", "dir:{}/x", 2, "names no path"),
        ("oci:{}/theirs", "store:", 2, "names no image"),
        ("docker-daemon:x:1", "dir:{}/x", 1, "is none of the places"),
        ("oci:{}/theirs", "store:x/UPPER:1", 1, "lower case"),
        ("Not A Name", "dir:{}/x", 1, "Not A Name"),
    ],
)
def test_refused(
    source: str, target: str, status: int, message: str, run: Commands, store_root: Path, made: Image, tmp_path: Path
) -> None:
    made.write_layout(tmp_path / "theirs")
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "file").write_text("")
    done = run("img-copy", source.format(tmp_path), target.format(tmp_path), status=status)
    assert done.out == b""
    assert message in done.errors[0]["message"]
    assert sorted(path.name for path in tmp_path.glob("*.tar")) == []
    assert [path.name for path in (tmp_path / "busy").iterdir()] == ["file"]
    assert layout.problems(store_root) == []


@pytest.mark.parametrize("what", ["missing", "changed", "cut"])
@pytest.mark.parametrize("target", KINDS)
def test_a_damaged_source(
    what: str, target: str, run: Commands, place: Any, store_root: Path, made: Image, tmp_path: Path
) -> None:
    """No destination takes it for an image; what was there under the name stays."""
    good = image([Layer(UPPER)])
    good.write_layout(tmp_path / "good")
    made.write_layout(tmp_path / "theirs")
    there = place(target)
    run("img-copy", f"oci:{tmp_path}/good", there)
    blob = tmp_path / "theirs" / "blobs" / made.document["layers"][0]["digest"].replace(":", "/")
    data = blob.read_bytes()
    blob.unlink()
    if what != "missing":
        blob.write_bytes(data[:-1] if what == "cut" else data[:-1] + b"x")
    refused = run("img-copy", f"oci:{tmp_path}/theirs", there, status=1)
    assert refused.errors[0]["code"] in ("CORRUPT", "NOT_FOUND")
    assert blob.name in refused.errors[0]["message"]
    assert run("img-copy", there, f"oci:{tmp_path}/back").documents[0]["digest"] == good.digest
    assert layout.problems(store_root) == []
