"""Archives that are cut off, damaged, or made to do harm: refused in one line, and the store is as it was."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import archives
import layout
import pytest
from archives import Files
from cli_world import context
from commands import Commands
from images import OCI, Image, Layer, image, index, sha256
from tars import Tar, pax_sparse

from oci_spec.jsondoc import FormatError
from ocipipe.errors import OcipipeError
from ocipipe.images.load import LoadOptions, load
from ocipipe.images.remove import remove
from ocipipe.store.store import Store

NAME = "docker.io/library/bad:1"
BASE = Tar().dir("d").file("d/base", b"base\n").bytes()
TOP = Tar().file("top", b"top\n").whiteout("d/base").bytes()


@pytest.fixture
def store_root(store_root: Path) -> Path:
    """A store that holds an image already, unpacked, whose lower layer the archives share."""
    before = image([Layer(BASE)])
    before.into_store(store_root, "docker.io/library/before:1")
    archive = archives.tar(archives.oci_files((before, "before:1")))
    assert attempt(store_root, archive, seekable=True) == [before.digest]
    return store_root


def snapshot(root: Path) -> dict[str, str]:
    """Every file and directory of a store, but for the directories that commands make when they first need them."""
    found = {}
    for directory, _, names in os.walk(root):
        found[os.path.relpath(directory, root)] = ""
        for name in names:
            path = Path(directory, name)
            content = path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(root))] = f"{path.lstat().st_mode:o} {hashlib.sha256(content).hexdigest()}"
    return {path: value for path, value in found.items() if path not in ("leases", "partial")}


def attempt(root: Path, data: bytes, *, seekable: bool) -> list[str]:
    """Loads an archive in this process, from a file or through a pipe; the digests of what was loaded."""
    if seekable:
        fd = os.memfd_create("archive")
        os.write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
        writer = None
    else:
        fd, writer = os.pipe()
        assert len(data) <= 1 << 16, "a pipe holds no more"
        os.write(writer, data)
        os.close(writer)
    try:
        loaded = load(context(root), Store(str(root)), fd, "archive", LoadOptions())
    finally:
        os.close(fd)
    return [entry.digest for entry in loaded]


def made() -> Image:
    return image([Layer(BASE), Layer(TOP)], {"Cmd": ["x"]})


def forms() -> dict[str, bytes]:
    """A good archive of each form; small, because the sweeps try every place in it."""
    files = archives.oci_files((made(), NAME))
    docker = archives.docker_files(made(), [NAME], [BASE, TOP], legacy=True)
    return {
        "oci": archives.tar(files),
        "oci, index first": archives.tar(dict(reversed(files.items()))),
        "docker": archives.tar(docker),
        "docker, list first": archives.tar(dict(reversed(docker.items()))),
        "gzip": gzip.compress(archives.tar(files), mtime=0),
    }


def ways() -> list[Any]:
    """Each form through a pipe and from a file; what is compressed goes the pipe's way from a file too."""
    return [
        pytest.param(data, seekable, id=f"{name}, {'file' if seekable else 'pipe'}")
        for name, data in forms().items()
        for seekable in (False, True)
        if not (seekable and name == "gzip")
    ]


@pytest.mark.parametrize(("data", "seekable"), ways())
def test_cut_anywhere(data: bytes, seekable: bool, store_root: Path) -> None:
    """At every 97th byte, at the borders of blocks, and within the end marker."""
    before = snapshot(store_root)
    cuts = {*range(0, len(data), 97), *range(0, len(data), 512), len(data) - 1, len(data) - 512, len(data) - 1024}
    for cut in sorted(cuts):
        with pytest.raises(OcipipeError) as caught:
            attempt(store_root, data[:cut], seekable=seekable)
        assert str(caught.value).startswith("archive"), f"{cut}: {caught.value}"
        assert snapshot(store_root) == before, f"{cut} of {len(data)}"
    assert attempt(store_root, data, seekable=seekable)
    assert layout.problems(store_root) == []
    print(f"{len(cuts)} cuts tried")


@pytest.mark.parametrize(("data", "seekable"), ways())
def test_a_flipped_bit_anywhere(data: bytes, seekable: bool, store_root: Path, tmp_path: Path) -> None:
    """Refused, or it stood where nothing matters: then what was loaded is what was meant."""
    before = snapshot(store_root)
    good = attempt(tmp_path / "good", data, seekable=seekable)
    harmless = tried = 0
    for place in range(0, len(data), 127):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        tried += 1
        try:
            loaded = attempt(store_root, bytes(damaged), seekable=seekable)
        except (OcipipeError, FormatError):
            assert snapshot(store_root) == before, f"{place} of {len(data)}"
            continue
        harmless += 1
        assert loaded == good, f"{place} of {len(data)}"
        list(remove(Store(str(store_root)), good[0], force=True))
    print(f"{tried} flips tried, {harmless} of them harmless")
    assert harmless < tried


Change = Callable[[Files], Files | Tar]


def document(files: Files, digest: str) -> Any:
    return json.loads(files[f"blobs/{digest.replace(':', '/')}"])


def with_root(files: Files, root: dict[str, Any], blobs: dict[str, bytes], **annotations: str) -> Files:
    """The layout with another image in its index."""
    entry = {**root, "annotations": {"org.opencontainers.image.ref.name": NAME, **annotations}}
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    return files | {f"blobs/{digest.replace(':', '/')}": data for digest, data in blobs.items()}


def without(files: Files, what: str) -> Files:
    """The layout without the first layer, the config or the manifest."""
    manifest = made().document
    digest = {
        "layer": manifest["layers"][1]["digest"],
        "config": manifest["config"]["digest"],
        "manifest": made().digest,
    }
    return {name: data for name, data in files.items() if not name.endswith(digest[what].removeprefix("sha256:"))}


def swapped(files: Files, what: str) -> Files:
    """The layout with other content, of the same length, under a digest."""
    left = without(files, what)
    (name,) = files.keys() - left.keys()
    return {**files, name: bytes(len(files[name]))}


def names_itself(files: Files) -> Files:
    """An index that names itself; its digest cannot be right, so the size is."""
    digest = "sha256:" + "5" * 64
    body = {"schemaVersion": 2, "mediaType": f"{OCI}index.v1+json", "manifests": []}
    entry = {"mediaType": f"{OCI}index.v1+json", "digest": digest, "size": 0}
    for _ in range(3):
        data = json.dumps({**body, "manifests": [entry]}).encode()
        entry["size"] = len(data)
    return with_root(files, entry, {digest: data})


def deep(files: Files) -> Files:
    """Indexes within indexes."""
    top = made()
    for _ in range(20):
        top = index(top)
    return with_root(files, top.root, top.blobs)


def wide(files: Files) -> Files:
    """Indexes that name one index many times, as do those: 30 to the power of 7 ways to one image that is missing."""
    top = made()
    gone = top.digest
    for _ in range(7):
        top = index(*[top] * 30)
    return with_root(without(files, "manifest"), top.root, {k: v for k, v in top.blobs.items() if k != gone})


def lying_layers(files: Files) -> Files:
    """A config whose diff IDs are of other content."""
    layer = Layer(BASE)
    layer.diff_id = "sha256:" + "7" * 64
    other = image([layer])
    return with_root(files, other.root, other.blobs)


def too_few_diff_ids(files: Files) -> Files:
    other = image([Layer(BASE)], rootfs=None)
    manifest = {**other.document, "layers": [Layer(BASE).descriptor] * 2}
    data = json.dumps(manifest).encode()
    return with_root(
        files, {"mediaType": f"{OCI}manifest.v1+json", "digest": sha256(data), "size": len(data)},
        {**other.blobs, sha256(data): data},
    )  # fmt: skip


def escaping_layer(files: Files) -> Files:
    other = image([Layer(Tar().file("../../escaped", b"x").bytes())])
    return with_root(files, other.root, other.blobs)


def not_a_tar_layer(files: Files) -> Files:
    other = image([Layer(b"no archive at all" * 100)])
    return with_root(files, other.root, other.blobs)


def two_images_of_one_name(files: Files) -> Files:
    other = image([Layer(BASE)])
    entries = [{**one.root, "annotations": {"org.opencontainers.image.ref.name": NAME}} for one in (made(), other)]
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": entries}).encode()
    return files | {f"blobs/{digest.replace(':', '/')}": data for digest, data in other.blobs.items()}


def filled(files: Files) -> Tar:
    tar = Tar()
    for name, data in files.items():
        tar.file(name, data)
    return tar


def docker(**changes: Any) -> Change:
    """Docker's form with fields of its list replaced."""

    def change(_: Files) -> Files:
        files = archives.docker_files(made(), [NAME], [BASE, TOP])
        (item,) = json.loads(files["manifest.json"])
        files["manifest.json"] = json.dumps([{**item, **changes}]).encode()
        return files

    return change


def docker_with(change: Callable[[Files], object]) -> Change:
    def changed(_: Files) -> Files:
        files = archives.docker_files(made(), [NAME], [BASE, TOP])
        change(files)
        return files

    return changed


def other_config(files: Files) -> None:
    (name,) = (name for name in files if name.endswith(".json") and name != "manifest.json")
    files[name] = files[name].replace(b"linux", b"xinux")


def other_layer(files: Files) -> None:
    name = next(name for name in files if name.endswith(".tar"))
    files[name] = files[name][:600] + b"X" + files[name][601:]


HOSTILE: list[tuple[str, Change, str]] = [
    ("path above", lambda files: files | {"../escaped": b"x"}, "leads out of the archive"),
    ("path above, deep", lambda files: files | {"blobs/../../escaped": b"x"}, "leads out of the archive"),
    ("absolute path", lambda files: {"/etc/escaped": b"x"} | files, "absolute path"),
    ("link above", lambda files: filled(files).symlink("blobs/x", "../../etc/passwd"), "link that leads out"),
    ("absolute link", lambda files: filled(files).symlink("x", "/etc/passwd"), "link to an absolute path"),
    ("hard link above", lambda files: filled(files).link("x", "../etc/passwd"), "link that leads out"),
    ("links in a circle", lambda files: filled(files | {"oci-layout": b""}).symlink("a", "b").symlink("b", "a"), ""),
    ("link over a file", lambda files: filled(files).symlink("index.json", "oci-layout"), "twice"),
    ("file over a link", lambda files: filled({}).symlink("index.json", "x").raw(filled(files).bytes()), "twice"),
    ("device", lambda files: filled(files).char("null", 1, 3), "of type '3'"),
    ("fifo", lambda files: filled(files).fifo("pipe"), "of type '6'"),
    (
        "sparse file",
        lambda files: filled(files).raw(pax_sparse("0.1", b"x", [(9, b"a")], 99).bytes()[:-1024]),
        "sparse",
    ),
    ("no name", lambda files: filled(files).file(".", b"x"), "without a name"),
    ("zero byte", lambda files: filled(files).file("x", records={b"path": b"a\0b"}), "zero byte"),
    ("twice, differing", lambda files: filled(files).file("index.json", b"{}"), "twice"),
    ("blob twice, differing", lambda files: filled(files).raw(filled(swapped(files, "layer")).bytes()), ""),
    ("no layout", lambda _: {"README": b"x"}, "neither index.json nor manifest.json"),
    ("header alone", lambda _: {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}'}, "neither"),
    ("another version", lambda files: files | {"oci-layout": b'{"imageLayoutVersion":"9"}'}, "9"),
    ("header is no JSON", lambda files: files | {"oci-layout": b"x"}, "oci-layout"),
    ("index is no JSON", lambda files: files | {"index.json": b"x"}, "index.json"),
    ("index is no index", lambda files: files | {"index.json": b"{}"}, "index.json"),
    (
        "index is a directory",
        lambda files: filled({k: v for k, v in files.items() if k != "index.json"}).dir("index.json"),
        "",
    ),
    ("no image", lambda files: files | {"index.json": b'{"schemaVersion":2,"manifests":[]}'}, "holds no image"),
    ("huge index", lambda files: files | {"index.json": b" " * (5 << 20)}, "index.json"),
    *(
        (f"missing {what}", lambda files, what=what: without(files, what), "is missing")
        for what in ("layer", "config", "manifest")
    ),
    *(
        (f"swapped {what}", lambda files, what=what: swapped(files, what), "digest")
        for what in ("layer", "config", "manifest")
    ),
    ("index that names itself", names_itself, "sha256:5555"),
    ("indexes nested deep", deep, "nested more than"),
    ("indexes nested wide", wide, "is missing"),
    ("diff IDs of others", lying_layers, "diff ID"),
    ("too few diff IDs", too_few_diff_ids, "names 1"),
    ("layer that escapes", escaping_layer, "leaves its root"),
    ("layer that is no archive", not_a_tar_layer, "no tar archive"),
    ("a layer as image", lambda files: with_root(files, made().document["layers"][0], {}), "sha256:"),
    ("two images of one name", two_images_of_one_name, "two images"),
    ("docker: config above", docker(Config="../config.json"), "../config.json"),
    ("docker: layer above", docker(Layers=["../../etc/passwd", "x"]), "../../etc/passwd"),
    ("docker: layer missing", docker(Layers=["none.tar", "none.tar"]), "is missing"),
    ("docker: too few layers", docker(Layers=[]), "names 2 layers, but the image has 0"),
    ("docker: list that is none", docker_with(lambda files: files.update({"manifest.json": b"{}"})), "no array"),
    ("docker: list with a number", docker_with(lambda files: files.update({"manifest.json": b"[1]"})), "/0"),
    ("docker: config changed", docker_with(other_config), "digest in its name"),
    ("docker: layer changed", docker_with(other_layer), "has the di"),
    ("docker: config is no config", docker(Config="manifest.json"), "manifest.json"),
    (
        "docker: layers swapped",
        docker_with(lambda files: files.update(dict(zip(list(files)[:2], list(files.values())[1::-1], strict=True)))),
        "has the di",
    ),
    (
        "docker: links in a circle",
        lambda _: filled(docker(Layers=["a", "a"])({})).symlink("a", "b").symlink("b", "a"),
        "too many links",
    ),
]
"""(name, what is done to a good layout, what is said)."""


@pytest.mark.parametrize(("change", "message"), [pytest.param(c, m, id=name) for name, c, m in HOSTILE])
@pytest.mark.parametrize("seekable", [False, True], ids=["pipe", "file"])
def test_hostile(change: Change, message: str, seekable: bool, run: Commands, store_root: Path, tmp_path: Path) -> None:
    changed = change(archives.oci_files((made(), NAME)))
    data = changed.bytes() if isinstance(changed, Tar) else archives.tar(changed)
    path = archives.write(tmp_path / "archive.tar", data)
    before, around = snapshot(store_root), set(os.listdir(tmp_path))
    done = run.shell(f"img-load -i {path}" if seekable else f"cat {path} | img-load", status=1)
    assert done.out == b""
    (error,) = done.errors
    assert error["code"] in ("CORRUPT", "NOT_FOUND", "UNSUPPORTED"), error
    assert message in error["message"]
    assert snapshot(store_root) == before
    assert set(os.listdir(tmp_path)) == around


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"\x1f\x8b\x08 no gzip", b"\xfd7zXZ\x00xz", b"(\xb5/\xfd no zstd", bytes(10240)]
)
@pytest.mark.parametrize("way", ["img-load -i {}", "img-load < {}", "cat {} | img-load"])
def test_no_archive_at_all(data: bytes, way: str, run: Commands, store_root: Path, tmp_path: Path) -> None:
    before = snapshot(store_root)
    done = run.shell(way.format(archives.write(tmp_path / "archive", data)), status=1)
    assert len(done.errors) == 1
    assert done.errors[0]["code"] in ("CORRUPT", "UNSUPPORTED")
    assert snapshot(store_root) == before


def test_a_place_that_is_no_file(run: Commands, tmp_path: Path) -> None:
    assert "none.tar" in run("img-load", "-i", tmp_path / "none.tar", status=1).errors[0]["message"]
    assert "directory" in run("img-load", "-i", tmp_path, status=1).errors[0]["message"]


def test_one_bad_image_among_good_ones(run: Commands, store_root: Path) -> None:
    """All or nothing."""
    good = image([Layer(TOP)], {"Cmd": ["good"]})
    files = archives.oci_files((good, "good:1"), (made(), NAME))
    before = snapshot(store_root)
    assert run("img-load", input=archives.tar(swapped(files, "layer")), status=1).errors
    assert snapshot(store_root) == before
    assert len(run("img-load", input=archives.tar(files)).documents) == 2


def test_what_another_image_needs_is_not_taken_back(run: Commands, store_root: Path) -> None:
    """The failed load has unpacked and stored a layer that came with another pull at the same time; it stays."""
    files = archives.oci_files((made(), NAME))
    run("img-load", input=archives.tar(files))
    before = snapshot(store_root)
    again = with_root(
        dict(files), *(lambda other: (other.root, other.blobs))(image([Layer(BASE), Layer(b"no tar" * 99)]))
    )
    assert run("img-load", input=archives.tar(again), status=1).errors
    assert snapshot(store_root) == before
