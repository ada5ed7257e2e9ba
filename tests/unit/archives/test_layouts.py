"""archives: the layouts, read and written; their names, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import archives
import pytest
from images import Image, Layer, image, index
from tars import Tar

from oci_spec.descriptor import Descriptor
from ocipipe.archives import names
from ocipipe.archives.dir_layout import DirLayout, DirSink
from ocipipe.archives.layout import Layout
from ocipipe.archives.layout_directory import LayoutDirectory
from ocipipe.archives.members import Directory
from ocipipe.archives.opening import images_of
from ocipipe.archives.tar_members import TarFile
from ocipipe.archives.tar_sink import TarSink
from ocipipe.context import SilentProgress
from ocipipe.errors import Conflict, Corrupt, NotFound, Unsupported
from ocipipe.transfer import Transfer

ONE = image([Layer(Tar().file("one").bytes())])
TWO = image([Layer(Tar().file("two").bytes())])
NAME = "docker.io/library/box:1"


def layout(path: Path, *entries: tuple[Image, dict[str, str]]) -> Layout:
    """A layout in a directory, its entries with these annotations."""
    (path / "blobs" / "sha256").mkdir(parents=True)
    (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    listed = []
    for one, given in entries:
        listed.append({**one.root, "annotations": given})
        for digest, data in one.blobs.items():
            (path / "blobs" / digest.replace(":", "/")).write_bytes(data)
    (path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": listed}))
    return Layout(Directory(str(path)))


def ref(name: str) -> dict[str, str]:
    return {"org.opencontainers.image.ref.name": name}


def test_names_of_a_layout(tmp_path: Path) -> None:
    containerd = {"io.containerd.image.name": NAME, **ref("1")}
    found = layout(tmp_path / "l", (ONE, containerd), (ONE, ref("also:1")), (TWO, {}))
    assert [(root.digest, given) for root, given in found.images()] == [
        (ONE.digest, [NAME, "also:1"]), (TWO.digest, []),
    ]  # fmt: skip
    for wanted in ("1", NAME, "box:1", "also:1", "docker.io/library/also:1", ONE.digest):
        assert found.resolve(wanted).digest == ONE.digest, wanted
    assert found.resolve(TWO.digest).digest == TWO.digest
    with pytest.raises(Conflict, match=r"holds 2 images \(name one: .*box:1, also:1, sha256:"):
        found.resolve("")
    with pytest.raises(NotFound, match="none:1: no such image"):
        found.resolve("none:1")
    assert layout(tmp_path / "m", (TWO, {})).resolve("").digest == TWO.digest
    with pytest.raises(NotFound, match="holds no image"):
        layout(tmp_path / "n").resolve("")


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("box:1", NAME), (NAME, NAME), ("localhost/x", "localhost/x:latest"), ("1.0", None), ("latest", None),
        ("no name/:", None), (f"box@{ONE.digest}", f"docker.io/library/box@{ONE.digest}"),
    ],
)  # fmt: skip
def test_full_names(text: str, full: str | None) -> None:
    assert names.full(text) == full


def test_a_layout_s_documents_are_checked(tmp_path: Path) -> None:
    found = layout(tmp_path / "l", (ONE, {}))
    root = found.resolve("")
    assert found.read(root) == ONE.raw
    config = Descriptor(ONE.document["config"])
    place = tmp_path / "l" / "blobs" / config.digest.replace(":", "/")
    data = place.read_bytes()
    for damaged, message in ((data[:-1], "bytes long, not"), (data[:-1] + b"x", "does not match its digest")):
        place.write_bytes(damaged)
        with pytest.raises(Corrupt, match=message):
            found.read(config)
    place.unlink()
    with pytest.raises(NotFound, match="is missing"):
        found.read(config)
    with pytest.raises(NotFound, match="is missing"):
        found.open(config)
    place.mkdir()
    with pytest.raises(Corrupt, match="no regular file"):
        found.read(config)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("oci-layout", "x", "oci-layout: not JSON"),
        ("oci-layout", "{}", "its version is None"),
        ("oci-layout", '{"imageLayoutVersion":"2.0.0"}', "its version is 2.0.0; 1.0.0 is supported"),
        ("index.json", "[]", "index.json: not a JSON object"),
        ("index.json", '{"schemaVersion":2,"manifests":[{}]}', "/manifests/0"),
    ],
)
def test_a_layout_that_is_none(file: str, text: str, message: str, tmp_path: Path) -> None:
    layout(tmp_path / "l", (ONE, {}))
    (tmp_path / "l" / file).write_text(text)
    with pytest.raises((Corrupt, Unsupported)) as caught:
        Layout(Directory(str(tmp_path / "l")))
    assert message in str(caught.value)
    (tmp_path / "l" / file).unlink()
    with pytest.raises(NotFound, match=f"has no {file}"):
        Layout(Directory(str(tmp_path / "l")))


def source(tmp_path: Path, made: Image = ONE) -> tuple[Layout, Descriptor]:
    found = layout(tmp_path / "source", (made, {}))
    return found, found.resolve("")


def copy(content: Any, sink: Any, root: Descriptor, **options: Any) -> None:
    Transfer(content, sink, SilentProgress(), jobs=1, **options).copy(root)


def test_a_layout_directory_beside_others(tmp_path: Path) -> None:
    """Twice the same is once; a name moves; what another tool has there stays."""
    content, root = source(tmp_path)
    layout(tmp_path / "there", (TWO, ref("two")), (TWO, {}))
    for name in ("one", "one", "", "", "two"):
        sink = LayoutDirectory(str(tmp_path / "there"))
        copy(content, sink, root)
        sink.tag(root, name)
        sink.finish()
    found = Layout(Directory(str(tmp_path / "there")))
    entries = json.loads((tmp_path / "there" / "index.json").read_bytes())["manifests"]
    assert [(entry["digest"], entry.get("annotations")) for entry in entries] == [
        (TWO.digest, {}), (ONE.digest, ref("one")), (ONE.digest, None), (ONE.digest, ref("two")),
    ]  # fmt: skip
    assert found.read(found.resolve("two")) == ONE.raw
    assert sorted(os.listdir(tmp_path / "there")) == ["blobs", "index.json", "oci-layout"]


def test_a_new_layout_directory(tmp_path: Path) -> None:
    content, root = source(tmp_path)
    (tmp_path / "empty").mkdir()
    for place in ("deep/er", "empty"):
        sink = LayoutDirectory(str(tmp_path / place))
        assert not sink.exists(root)
        copy(content, sink, root)
        sink.tag(root, NAME)
        assert sink.exists(root)
        sink.finish()
        assert Layout(Directory(str(tmp_path / place))).resolve("box:1").digest == ONE.digest
    (tmp_path / "busy").mkdir()
    (tmp_path / "busy" / "file").write_text("")
    with pytest.raises(Conflict, match="something else"):
        LayoutDirectory(str(tmp_path / "busy"))
    with pytest.raises(Conflict, match="something else"):
        DirSink(str(tmp_path / "busy"))
    assert os.listdir(tmp_path / "busy") == ["file"]


def test_skopeo_s_directory(tmp_path: Path) -> None:
    whole = index(ONE, TWO)
    content, root = source(tmp_path, whole)
    for _ in range(2):
        sink = DirSink(str(tmp_path / "d"))
        copy(content, sink, root)
        sink.tag(root, "ignored")
        sink.finish()
    names = {f"{one.digest[7:]}.manifest.json" for one in (ONE, TWO)}
    names |= {digest[7:] for one in (ONE, TWO) for digest in one.blobs if digest != one.digest}
    assert set(os.listdir(tmp_path / "d")) == {*names, "manifest.json", "version"}
    assert (tmp_path / "d" / "version").read_bytes() == b"Directory Transport Version: 1.1\n"
    found = DirLayout(str(tmp_path / "d"))
    assert found.images()[0][0].digest == whole.digest
    assert found.read(found.resolve("")) == whole.raw
    layer = Descriptor(ONE.document["layers"][0])
    assert b"".join(found.open(layer)) == ONE.blobs[layer.digest]
    (tmp_path / "d" / layer.digest.hex).unlink()
    with pytest.raises(NotFound, match="is missing"):
        found.open(layer)
    (tmp_path / "d" / "manifest.json").write_text("x")
    with pytest.raises(Corrupt, match=r"manifest\.json: not JSON"):
        DirLayout(str(tmp_path / "d"))
    with pytest.raises(NotFound, match="no such directory"):
        DirLayout(str(tmp_path / "none"))


@pytest.mark.parametrize("damage", [b"", b"x", b"more"], ids=["short", "changed", "long"])
def test_sinks_take_nothing_that_is_not_what_it_says(damage: bytes, tmp_path: Path) -> None:
    data = b"some content"
    bad = {b"": data[:-1], b"x": data[:-1] + b"x", b"more": data + b"more"}[damage]
    wanted = Descriptor.make("application/x", data)
    written: list[bytes] = []
    for sink in (
        LayoutDirectory(str(tmp_path / "l")), DirSink(str(tmp_path / "d")), TarSink("t", written.append),
    ):  # fmt: skip
        with pytest.raises(Corrupt, match=wanted.digest):
            sink.push(wanted, lambda offset: iter((bad[offset:],)))
        assert not sink.exists(wanted)
        seen: list[bytes] = []
        if not isinstance(sink, TarSink):  # that one is cut off now
            assert sink.push(wanted, lambda offset: iter((data[offset:],)), tap=seen.append) == "done"
            assert sink.push(wanted, lambda offset: iter(()), tap=seen.append) == "exists"
            assert b"".join(seen) == data
            assert sink.exists(wanted)


def tar_of(tmp_path: Path, made: Image, *names: str, docker: Any = None) -> TarFile:
    content, root = source(tmp_path, made)
    path = tmp_path / "a.tar"
    with open(path, "wb") as file:
        sink = TarSink("a.tar", file.write, docker)
        copy(content, sink, root, documents_first=True)
        for name in names:
            sink.tag(root, name)
        sink.finish()
    fd = os.open(path, os.O_RDONLY)
    os.set_inheritable(fd, False)
    return TarFile(fd, "a.tar")


def test_a_tar_sink_without_docker_s_list(tmp_path: Path) -> None:
    found = tar_of(tmp_path, ONE, NAME, NAME, "1.0", "")
    assert found.find("manifest.json") is None
    images = images_of(found)
    assert [(root.digest, given) for root, given in images.images()] == [(ONE.digest, [NAME, "1.0"])]
    assert images.read(images.resolve("1.0")) == ONE.raw


def test_what_an_archive_holds(tmp_path: Path) -> None:
    fd = os.memfd_create("archive")
    os.write(fd, archives.tar({"README": b"x"}))
    os.lseek(fd, 0, os.SEEK_SET)
    with pytest.raises(Corrupt, match=r"neither index\.json nor manifest\.json"):
        images_of(TarFile(fd, "a.tar"))
    os.close(fd)
