"""store-check | img-pull --repair: all that was damaged is mended, with exactly the requests that it takes."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import damage
import layout
import pytest
from boxes import Box
from cli_world import Outcome
from commands import Commands
from faulty_registry import FaultyRegistry, Request
from images import Image, Layer, chain_id, image, index, layer_path
from killing import Kills
from registry import DockerRegistry
from tars import Tar

from ocipipe.store.store import Store

HARMS = [damage.flip, damage.truncate, damage.remove]
NAMES = ["flip", "truncate", "remove"]


def made() -> Image:
    lower = Tar().dir("d").file("d/file", b"content" * 100).symlink("link", "d").file("gone", b"x")
    upper = Tar().link("hard", "d/file").whiteout("gone").file("suid", b"s", mode=0o4755)
    return image([Layer(lower.bytes()), Layer(upper.bytes())])


class Place:
    """A registry that has an image, and a store that has pulled it; `asked` are the requests since then."""

    def __init__(self, run: Commands, root: Path, registry: FaultyRegistry) -> None:
        self.run = run
        self.root = root
        self.registry = registry
        self.image = made()
        self.name = registry.hold(self.image)
        self.forget()

    def forget(self) -> None:
        self.registry.requests.clear()

    @property
    def asked(self) -> list[str]:
        """`blobs sha256:…` and `manifests sha256:…` of every request, pings left out."""
        paths = [path.split("?")[0] for _, path, _ in self.registry.requests]
        return [" ".join(path.split("/")[-2:]) for path in paths if path != "/v2/"]

    def repair(self, *options: str, status: int = 0) -> Outcome:
        return self.run.shell(f"store-check {' '.join(options)} 2>/dev/null | img-pull --repair", status=None)

    def mended(self, *options: str) -> list[dict[str, Any]]:
        """Repairs, and looks that it is all whole then; the actions."""
        done = self.repair(*options)
        assert done.err == b""
        assert layout.problems(self.root) == []
        assert self.run("store-check", "--deep").documents == []
        return done.documents


@pytest.fixture(scope="module")
def pulled(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultyRegistry, Path]]:
    """A registry, and a store as a pull from it leaves it."""
    root = tmp_path_factory.mktemp("pulled") / "store"
    with FaultyRegistry() as registry:
        run = Commands(programs, {"PATH": os.environ["PATH"], "HOME": str(root.parent), "OCIPIPE_ROOT": str(root)})
        run("img-pull", registry.hold(made()))
        yield registry, root


@pytest.fixture
def place(run: Commands, store_root: Path, pulled: tuple[FaultyRegistry, Path]) -> Place:
    """A copy of that store, and the registry as it was."""
    registry, template = pulled
    registry.reset()
    subprocess.run(["cp", "-a", str(template), str(store_root)], check=True)
    return Place(run, store_root, registry)


def parts(of: Image) -> dict[str, dict[str, Any]]:
    document = of.document
    return {
        "manifest": of.root, "config": document["config"], "lower": document["layers"][0],
        "upper": document["layers"][1],
    }  # fmt: skip


@pytest.mark.parametrize("harm", HARMS, ids=NAMES)
@pytest.mark.parametrize("which", ["manifest", "config", "lower", "upper"])
def test_a_blob(place: Place, harm: damage.Damage, which: str) -> None:
    digest = parts(place.image)[which]["digest"]
    before = damage.times(place.root)
    harm(damage.blob(place.root, digest))
    (action,) = place.mended()
    assert (action["action"], action["object"]["digest"]) == ("fetch", digest)
    assert place.asked == [f"{'manifests' if which == 'manifest' else 'blobs'} {digest}"]
    after = damage.times(place.root)
    assert [path for path in before if before[path] != after[path]] == [str(damage.blob(place.root, digest))]


def test_every_blob_at_once(place: Place) -> None:
    """The manifest's damage hides the rest from the check; one repair mends all of it."""
    for number, part in enumerate(parts(place.image).values()):
        HARMS[number % 3](damage.blob(place.root, part["digest"]))
    assert len(place.mended()) == 4
    assert sorted(place.asked) == sorted(
        f"{'manifests' if name == 'manifest' else 'blobs'} {part['digest']}"
        for name, part in parts(place.image).items()
    )


def test_blobs_in_each_other_s_place(place: Place) -> None:
    one, other = (damage.blob(place.root, layer["digest"]) for layer in place.image.document["layers"])
    damage.swap(other)(one)
    assert len(place.mended()) == 2
    assert len(place.asked) == 2


def test_a_directory_where_a_blob_should_be(place: Place) -> None:
    path = damage.blob(place.root, place.image.document["layers"][0]["digest"])
    path.unlink()
    (path / "inner").mkdir(parents=True)
    assert len(place.mended()) == 1


def test_nothing_to_mend_asks_nobody(place: Place) -> None:
    assert place.mended() == []
    assert place.run("img-pull", "--repair", place.name).documents == []
    assert place.asked == []


def test_an_image_by_name_or_descriptor(place: Place) -> None:
    digest = place.image.document["layers"][1]["digest"]
    for line in (f"img-pull --repair {place.name}", f"img-ls {place.name} | img-pull --repair"):
        damage.flip(damage.blob(place.root, digest))
        (action,) = place.run.shell(line).documents
        assert action["object"]["digest"] == digest
    assert place.asked == [f"blobs {digest}"] * 2


def test_an_index(run: Commands, store_root: Path, place: Place) -> None:
    other = image([Layer(Tar().file("f", b"other").bytes())], on="linux/s390x")
    top = index(made(), other)
    run("img-pull", "--all-platforms", place.registry.hold(top, "several"))
    place.forget()
    damage.flip(damage.blob(store_root, top.digest))
    damage.remove(damage.blob(store_root, other.document["layers"][0]["digest"]))
    assert len(place.mended()) == 2
    assert place.asked == [f"manifests {top.digest}", f"blobs {other.document['layers'][0]['digest']}"]


@pytest.mark.parametrize(
    "harm", [damage.flip, damage.truncate, damage.remove, lambda path: path.chmod(0)], ids=[*NAMES, "mode"]
)
def test_an_unpacked_layer(place: Place, harm: damage.Damage) -> None:
    lower = place.root / "layers" / place.image.config["rootfs"]["diff_ids"][0].replace(":", "/")
    upper = layer_path(place.root, place.image)
    inodes = lower.stat().st_ino, upper.stat().st_ino
    harm(lower / "d" / "file")
    (action,) = place.mended("--deep")
    assert (action["action"], action["object"]["kind"]) == ("unpack", "layer")
    assert place.asked == []
    assert lower.stat().st_ino != inodes[0]
    assert upper.stat().st_ino == inodes[1], "only the damaged one"


@pytest.mark.parametrize("harmed", [True, False], ids=["both", "only the blob"])
def test_a_layer_and_its_blob(place: Place, harmed: bool) -> None:
    """While the blob is damaged the layer can't be judged; the repair does that when it has the blob."""
    upper = layer_path(place.root, place.image)
    if harmed:
        (upper / "suid").unlink()
    damage.flip(damage.blob(place.root, place.image.document["layers"][1]["digest"]))
    found = place.run("store-check", "--deep", status=1).documents
    assert [(one["code"], one["object"].get("id")) for one in found if one["code"].startswith("LAYER")] == [
        ("LAYER_UNKNOWN", f"sha256:{upper.name}")
    ]
    assert [action["action"] for action in place.mended("--deep")] == ["fetch", "unpack"][: 1 + harmed]
    assert len(place.asked) == 1


def test_a_layer_and_its_blob_that_no_registry_has(run: Commands, store_root: Path) -> None:
    """A name alone says where an image may be; this one has none any more."""
    found = made()
    found.into_store(store_root, "localhost/gone:1")
    run("img-pull", "--policy", "missing", "localhost/gone:1")
    index_file = store_root / "images" / "index.json"
    document = json.loads(index_file.read_bytes())
    del document["manifests"][0]["annotations"]
    index_file.write_text(json.dumps(document))
    damage.flip(damage.blob(store_root, found.document["layers"][1]["digest"]))
    told = run("store-check", "--deep", status=1).documents
    (unknown,) = [one for one in told if one["code"] == "LAYER_UNKNOWN"]
    assert unknown["remedy"] == f"it came from no registry: img-rm {found.digest}, and make the image again"


def test_layers_in_each_other_s_place(place: Place) -> None:
    lower = place.root / "layers" / place.image.config["rootfs"]["diff_ids"][0].replace(":", "/")
    damage.swap(lower)(layer_path(place.root, place.image))
    assert len(place.mended("--deep")) == 2
    assert place.asked == []


def test_a_layer_that_is_no_directory(place: Place) -> None:
    path = layer_path(place.root, place.image)
    damage.remove(path)
    path.write_text("no directory")
    assert len(place.mended()) == 1


@pytest.mark.parametrize("harm", HARMS, ids=NAMES)
def test_the_index_of_the_layout(place: Place, harm: damage.Damage) -> None:
    """With its copy, nothing is lost, and nobody is asked."""
    place.run("img-tag", place.name, "other:1")
    listed = place.run("img-ls").out
    harm(place.root / "images" / "index.json")
    assert len(place.mended()) == 1
    assert place.run("img-ls").out == listed
    assert place.asked == []


def test_the_layout_s_files_in_each_other_s_place(place: Place) -> None:
    """An index without manifests is none: it must not pass for an empty one."""
    listed = place.run("img-ls").out
    damage.swap(place.root / "images" / "index.json")(place.root / "images" / "oci-layout")
    assert place.run("img-ls", status=1).out == b""
    assert {action["object"]["kind"] for action in place.mended()} == {"index", "layout"}
    assert place.run("img-ls").out == listed


@pytest.mark.parametrize("harm", HARMS, ids=NAMES)
def test_the_index_s_copy(place: Place, harm: damage.Damage) -> None:
    harm(place.root / "index.json.copy")
    assert len(place.mended()) == 1


def test_the_index_and_its_copy(place: Place) -> None:
    """Names are gone then; the images are not."""
    damage.remove(place.root / "images" / "index.json")
    damage.remove(place.root / "index.json.copy")
    done = place.repair()
    assert b"lost their names" in done.err
    (entry,) = place.run("img-ls").documents
    assert (entry["digest"], entry["size"]) == (place.image.digest, place.image.root["size"])
    assert place.run("store-check", "--deep").documents == []


def test_an_index_that_is_readable_in_part(place: Place) -> None:
    """Its entries are taken one by one."""
    place.run("img-tag", place.name, "other:1")
    index_file = place.root / "images" / "index.json"
    index_file.write_bytes(index_file.read_bytes()[:-30])
    damage.remove(place.root / "index.json.copy")
    place.repair()
    assert [entry["annotations"]["org.opencontainers.image.ref.name"] for entry in place.run("img-ls").documents] == [
        place.name
    ]


def test_a_name_that_a_container_remembers(place: Place, busybox_image: Image) -> None:
    busybox_image.into_store(place.root, "docker.io/library/busybox:latest")
    place.run("ctr-run", "busybox", "true")
    damage.remove(place.root / "images" / "index.json")
    damage.remove(place.root / "index.json.copy")
    place.repair()
    assert len(place.run("img-ls", "busybox").documents) == 1


@pytest.mark.parametrize("harm", [damage.truncate, damage.remove])
def test_the_layout_s_mark(place: Place, harm: damage.Damage) -> None:
    harm(place.root / "images" / "oci-layout")
    assert len(place.mended()) == 1


def test_the_whole_layout(place: Place) -> None:
    """All is fetched again, under the names of the copy; the layers are there."""
    damage.remove(place.root / "images")
    actions = place.mended()
    assert [action["action"] for action in actions] == ["restore", "fetch", "fetch", "fetch", "fetch"]
    assert len(place.asked) == 4


def test_a_rotten_blob_that_nothing_needs(place: Place) -> None:
    path = place.root / "images" / "blobs" / "sha256" / ("3" * 64)
    path.write_bytes(b"rotten")
    (action,) = place.mended()
    assert action["action"] == "delete"
    assert not path.exists()


def test_a_container_s_names_and_directories(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    for name in ("web", "db"):
        box("--name", name, rm=False)
    names = store_root / "containers" / "names"
    web = (names / "web").resolve()
    damage.remove(web / "work")
    damage.swap(names / "db")(names / "web")
    done = run.shell("store-check 2>/dev/null | img-pull --repair", status=None)
    assert len(done.documents) == 3
    assert (names / "web").resolve() == web
    assert run("store-check").documents == []


def test_what_nobody_can_mend_is_told(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    Box(run, store_root)("--name", "web", rm=False)
    damage.truncate((store_root / "containers" / "names" / "web").resolve() / "record.json")
    done = run.shell("store-check 2>/dev/null | img-pull --repair", status=1)
    (error,) = done.errors
    assert error["code"] == "CONFLICT"
    assert "store-prune --containers" in error["message"]


def test_an_origin_that_has_it_no_more(place: Place) -> None:
    """The damaged blob stays, and so does the reason."""
    digest = place.image.document["layers"][0]["digest"]
    path = damage.blob(place.root, digest)
    damage.flip(path)
    before = path.read_bytes()
    del place.registry.blobs[digest]
    done = place.repair()
    assert done.status == 1
    assert [error["code"] for error in done.errors] == ["NOT_FOUND"]
    assert path.read_bytes() == before


def test_an_origin_that_sends_something_else(place: Place) -> None:
    digest = place.image.document["layers"][0]["digest"]
    path = damage.blob(place.root, digest)
    damage.flip(path)
    before = path.read_bytes()
    place.registry.blobs[digest] = place.registry.blobs[digest][::-1]
    done = place.repair()
    assert [error["code"] for error in done.errors] == ["CORRUPT"]
    assert path.read_bytes() == before


def test_another_name_s_registry_is_asked_next(place: Place) -> None:
    """Where it was pulled from is asked first."""
    with FaultyRegistry() as mirror:
        mirror.hold(place.image)
        place.run("img-tag", place.name, f"{mirror.address}/faulty/image:1")
        digest = place.image.document["layers"][0]["digest"]
        damage.flip(damage.blob(place.root, digest))
        del place.registry.blobs[digest]
        assert len(place.mended()) == 1
        assert len(mirror.asked("GET", digest)) == 1
        assert len(place.registry.asked("GET", digest)) == 1


def test_a_layer_that_a_container_runs_on(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    command = [str(run.bin / "ctr-run"), "--rm", "-i", "--name", "web", "busybox", "sh", "-c", "echo up; cat"]
    with subprocess.Popen(command, env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        top = layer_path(store_root, busybox_image)
        inode = top.stat().st_ino
        (top / "new").write_text("")
        done = run.shell("store-check --deep 2>/dev/null | img-pull --repair", status=1)
        assert "container web runs on it" in done.errors[0]["message"]
        assert top.stat().st_ino == inode
        process.stdin.close()
        assert process.wait(60) == 0
    run.shell("store-check --deep 2>/dev/null | img-pull --repair", status=None)
    assert not (top / "new").exists()
    assert run("store-check", "--deep").documents == []


def test_a_layer_that_another_command_has_leased(place: Place) -> None:
    """It may be about to mount it. The check that runs at the other end of the pipe only looks, and is no hindrance."""
    (layer_path(place.root, place.image) / "suid").unlink()
    chain = chain_id(place.image.config["rootfs"]["diff_ids"])
    with Store(str(place.root)).leases.hold() as lease:
        lease.add(chain)
        done = place.repair("--deep")
        assert done.status == 1
        assert "another command uses it now" in done.errors[0]["message"]
    assert len(place.mended("--deep")) == 1


def test_a_layer_that_a_stopped_container_stands_on(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    Box(run, store_root)("--name", "web", rm=False)
    damage.remove(layer_path(store_root, busybox_image))
    (action,) = run.shell("store-check 2>/dev/null | img-pull --repair", status=None).documents
    assert action["action"] == "unpack"
    assert run("store-check", "--deep").documents == []


def test_a_finding_is_not_believed(place: Place) -> None:
    """What it says is looked at again: a whole blob is left alone, and no path is taken from it."""
    victim = place.root / "victim"
    victim.write_text("stays")
    target = {"kind": "layer", "id": "sha256:../../victim", "path": "../victim"}
    base = {"severity": "error", "problem": "p", "affects": {"images": [], "containers": []}, "remedy": "r"}
    origin = place.name.rpartition(":")[0]
    lies = [
        {**base, "code": "BLOB_CORRUPT", "object": place.image.root, "origins": [origin]},
        {**base, "code": "LAYER_DAMAGED", "object": target, "image": place.image.root},
        {**base, "code": "NAME_WRONG", "object": {**target, "id": "../victim"}},
    ]
    text = "\n".join(json.dumps(lie) for lie in lies).encode()
    done = place.run("img-pull", "--repair", input=text, status=1)
    assert done.out == b""
    assert [error["code"] for error in done.errors] == ["INVALID", "NOT_FOUND"]
    assert victim.read_text() == "stays"
    assert place.asked == []


def test_what_is_no_finding(place: Place) -> None:
    for text, code in (
        (b'{"code":"X","severity":"error"}', "INVALID"), (b"{}", "INVALID"), (b"[]", "INVALID"),
        (b"nothing:1\n", "NOT_FOUND"),
    ):  # fmt: skip
        done = place.run("img-pull", "--repair", input=text, status=1)
        assert (done.out, [error["code"] for error in done.errors]) == (b"", [code]), text
    found = {
        "code": "BLOB_CORRUPT", "severity": "error", "object": place.image.root, "problem": "p",
        "affects": {"images": [], "containers": []}, "remedy": "r",
    }  # fmt: skip
    done = place.run("img-pull", input=json.dumps(found).encode(), status=2)
    assert "--repair" in done.errors[0]["message"]


@pytest.mark.parametrize(
    "option", ["--policy=never", "--all-tags", "--platform=linux/arm64", "--no-unpack", "--jobs=2"]
)
def test_options_of_a_pull_that_mean_nothing_here(place: Place, option: str) -> None:
    assert place.run("img-pull", "--repair", option, place.name, status=2).errors[0]["code"] == "USAGE"


def test_killed_at_every_change(kills: Kills, run: Commands, store_root: Path, tmp_path: Path) -> None:
    """What is visible is damaged as before or whole; the same repair goes on where it stopped."""
    digest = made().document["layers"][0]["digest"]
    with FaultyRegistry() as registry:
        run("img-pull", registry.hold(made()))
        damage.flip(damage.blob(store_root, digest))
        damage.remove(store_root / "images" / "index.json")
        (layer_path(store_root, made()) / "suid").unlink()
        (store_root / "partial" / digest.replace(":", "-")).write_bytes(b"longer than the blob" * 99)
        found = run("store-check", "--deep", status=1).out

        def repair(number: int) -> list[str | Path]:
            root = tmp_path / f"copy-{number}"
            subprocess.run(["cp", "-a", str(store_root), str(root)], check=True)
            return [run.bin / "img-pull", "--repair", "--root", root]

        def after(number: int) -> None:
            root = tmp_path / f"copy-{number}"
            there = run.on(OCIPIPE_ROOT=str(root))
            there.shell("store-check --deep 2>/dev/null | img-pull --repair", status=None)
            left = there("store-check", "--deep").documents
            assert {found["severity"] for found in left} <= {"garbage"}
            assert (layer_path(root, made()) / "suid").exists()
            subprocess.run(["rm", "-rf", str(root)], check=True)

        assert kills(repair, after, input=found) > 2


def test_with_a_real_registry(run: Commands, store_root: Path, registry: DockerRegistry, busybox_image: Image) -> None:
    busybox_image.push(registry.address, "repair/busybox", "latest")
    name = f"{registry.address}/repair/busybox:latest"
    run("img-pull", name)
    for number, digest in enumerate(busybox_image.blobs):
        HARMS[number % 3](damage.blob(store_root, digest))
    before = registry.answered()
    assert len(run.shell("store-check 2>/dev/null | img-pull --repair", status=None).documents) == 3
    assert sorted(registry.answered()[len(before) :]) == sorted(
        f"GET /v2/repair/busybox/{'manifests' if digest == busybox_image.digest else 'blobs'}/{digest}"
        for digest in busybox_image.blobs
    )
    assert run("store-check", "--deep").documents == []


def test_a_registry_that_breaks_off(place: Place) -> None:
    """The download goes on where it stopped."""
    digest = place.image.document["layers"][0]["digest"]
    damage.flip(damage.blob(place.root, digest))
    broken: list[bool] = []

    def once(request: Request) -> bool:
        if digest in request.path and not broken:
            broken.append(True)
            data = place.image.blobs[digest]
            request.reply(200, data[: len(data) // 2], length=len(data))
            return True
        return False

    place.registry.fault = once
    assert len(place.mended()) == 1
    assert [headers.get("Range") is not None for headers in place.registry.asked("GET", digest)] == [False, True]
