"""store-check: every kind of damage to every kind of file is found; what commands are at work on is no finding."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import damage
import pytest
from boxes import Box
from commands import Commands
from faulty_registry import FaultyRegistry, Request, path_of
from images import Image, Layer, image, index, layer_path
from tars import Tar

from ocipipe.host import locks


def two_layers(word: str) -> Image:
    """An image with all that a layer can hold; `word` makes it another one."""
    lower = Tar().dir("d").file("d/file", f"content {word}".encode(), mtime=5).symlink("link", "d").file("gone", b"x")
    upper = Tar().link("hard", "d/file").char("null", 1, 3).whiteout("gone").file("suid", b"s", mode=0o4755)
    upper.file("attr", b"a", xattrs={b"user.word": b"one"})
    return image([Layer(lower.bytes()), Layer(upper.bytes())])


@pytest.fixture
def pulled(run: Commands, store_root: Path) -> Image:
    """An image in the store, unpacked, as a pull leaves it; its name says that no registry has it."""
    made = two_layers("one")
    made.into_store(store_root, "nowhere.invalid/one:1")
    run("img-pull", "--policy", "missing", "nowhere.invalid/one:1")
    return made


def findings(run: Commands, *options: str, errors: int) -> list[dict[str, Any]]:
    """What store-check finds, of which so many are errors."""
    done = run("store-check", *options, status=1 if errors else 0)
    assert sum(found["severity"] == "error" for found in done.documents) == errors, (done.documents, done.err)
    assert len(done.errors) == (1 if errors else 0)
    return done.documents


@pytest.mark.parametrize("option", ["--fast", "--deep"])
def test_a_store_as_commands_leave_it(run: Commands, store_root: Path, pulled: Image, option: str) -> None:
    run("img-tag", "nowhere.invalid/one:1", "two")
    before = damage.times(store_root)
    assert findings(run, option, errors=0) == []
    assert damage.times(store_root) == before, "a check changes nothing"


def test_no_store_and_an_empty_one(run: Commands, store_root: Path) -> None:
    assert findings(run, errors=0) == []
    assert not store_root.exists()
    store_root.mkdir()
    assert findings(run, errors=0) == []


@pytest.mark.parametrize("harm", [damage.flip, damage.truncate, damage.remove], ids=["flip", "truncate", "remove"])
@pytest.mark.parametrize("which", ["manifest", "config", "lower", "upper"])
def test_a_blob(run: Commands, store_root: Path, pulled: Image, harm: damage.Damage, which: str) -> None:
    document = pulled.document
    descriptor = {
        "manifest": pulled.root, "config": document["config"], "lower": document["layers"][0],
        "upper": document["layers"][1],
    }[which]  # fmt: skip
    harm(damage.blob(store_root, descriptor["digest"]))
    (found,) = findings(run, errors=1)
    code = {"flip": "BLOB_CORRUPT", "truncate": "BLOB_TRUNCATED", "remove": "BLOB_MISSING"}[harm.__name__]
    assert (found["code"], found["object"]["digest"]) == (code, descriptor["digest"])
    assert found["affects"] == {"images": ["nowhere.invalid/one:1"], "containers": []}
    assert found["origins"] == ["nowhere.invalid/one"]
    fast = findings(run, "--fast", errors=int(harm is not damage.flip or which in ("manifest", "config")))
    assert all(entry == found for entry in fast)


def test_two_blobs_in_each_other_s_place(run: Commands, store_root: Path, pulled: Image) -> None:
    one, other = (damage.blob(store_root, layer["digest"]) for layer in pulled.document["layers"])
    damage.swap(other)(one)
    found = findings(run, errors=2)
    assert {entry["code"] for entry in found} <= {"BLOB_CORRUPT", "BLOB_TRUNCATED"}
    assert {entry["object"]["digest"] for entry in found} == {layer["digest"] for layer in pulled.document["layers"]}


@pytest.mark.parametrize(
    ("name", "harm", "code"),
    [
        ("index.json", damage.flip, "INDEX_DAMAGED"),
        ("index.json", damage.truncate, "INDEX_DAMAGED"),
        ("index.json", damage.remove, "INDEX_MISSING"),
        ("oci-layout", damage.truncate, "LAYOUT_DAMAGED"),
        ("oci-layout", damage.remove, "LAYOUT_MISSING"),
    ],
)
def test_the_layout(run: Commands, store_root: Path, pulled: Image, name: str, harm: damage.Damage, code: str) -> None:
    harm(store_root / "images" / name)
    (found,) = findings(run, errors=1)  # and nothing is garbage that a lost index does not name
    assert found["code"] == code


def test_the_layout_s_mark(run: Commands, store_root: Path, pulled: Image) -> None:
    path = store_root / "images" / "oci-layout"
    data = path.read_bytes()
    for wrong in (b"", b"{}", data.replace(b"1.0.0", b"2.0.0"), data.replace(b"L", b"M"), data + b"}"):
        path.write_bytes(wrong)
        (found,) = findings(run, "--fast", errors=1)
        assert found["code"] == "LAYOUT_DAMAGED"


def test_any_flipped_bit_of_the_index(run: Commands, store_root: Path, pulled: Image) -> None:
    """Also one that leaves it a valid document, with another name in it."""
    path = store_root / "images" / "index.json"
    data = path.read_bytes()
    at = data.index(b"nowhere.invalid/one") + 3
    found_before = path.stat()
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    os.utime(path, ns=(found_before.st_atime_ns, found_before.st_mtime_ns))
    (found,) = findings(run, "--fast", errors=1)
    assert found["code"] == "INDEX_DAMAGED"


def test_another_tool_may_write_the_index(run: Commands, store_root: Path, pulled: Image) -> None:
    path = store_root / "images" / "index.json"
    document = json.loads(path.read_bytes())
    document["manifests"].append({**pulled.root, "annotations": {"org.opencontainers.image.ref.name": "theirs"}})
    path.write_text(json.dumps(document, indent=2))
    (found,) = findings(run, errors=0)
    assert (found["code"], found["severity"]) == ("INDEX_COPY_STALE", "garbage")


@pytest.mark.parametrize("harm", [damage.flip, damage.truncate, damage.remove], ids=["flip", "truncate", "remove"])
def test_the_index_s_copy(run: Commands, store_root: Path, pulled: Image, harm: damage.Damage) -> None:
    harm(store_root / "index.json.copy")
    (found,) = findings(run, errors=0)
    assert found["code"] == "INDEX_COPY_STALE"


@pytest.mark.parametrize("harm", [damage.flip, damage.truncate], ids=["flip", "truncate"])
def test_the_store_s_id(run: Commands, store_root: Path, pulled: Image, harm: damage.Damage) -> None:
    """A flipped bit may leave it what could be an id, of another store."""
    run("store-prune", "--plan")
    harm(store_root / "id")
    (found,) = findings(run, "--fast", errors=1)
    assert found["code"] == "ID_DAMAGED"
    run.shell("store-check 2>/dev/null | img-pull --repair", status=None)
    assert findings(run, errors=0) == []


CHANGES = {
    "content": lambda top: (top / "d" / "file", damage.flip),
    "size": lambda top: (top / "d" / "file", lambda path: path.write_bytes(b"short")),
    "missing": lambda top: (top / "d" / "file", lambda path: path.unlink()),
    "extra": lambda top: (top / "d" / "new", lambda path: path.write_text("new")),
    "type": lambda top: (top / "d" / "file", lambda path: (path.unlink(), path.mkdir())),
    "mode": lambda top: (top / "d" / "file", lambda path: path.chmod(0o600)),
    "mode of a directory": lambda top: (top / "d", lambda path: path.chmod(0o700)),
    "owner": lambda top: (top / "d" / "file", lambda path: os.chown(path, 1, 1)),
    "time": lambda top: (top / "d" / "file", lambda path: os.utime(path, (9, 9))),
    "attribute": lambda top: (top / "d" / "file", lambda path: os.setxattr(path, "user.new", b"x")),
    "link": lambda top: (top / "link", lambda path: (path.unlink(), path.symlink_to("e"))),
    "opaque": lambda top: (top / "d", lambda path: os.setxattr(path, "trusted.overlay.opaque", b"y")),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_unpacked_layer(run: Commands, store_root: Path, pulled: Image, change: str) -> None:
    top = store_root / "layers" / pulled.config["rootfs"]["diff_ids"][0].replace(":", "/")
    path, harm = CHANGES[change](top)
    harm(path)
    assert findings(run, errors=0) == []
    (found,) = findings(run, "--deep", errors=1)
    assert found["code"] == "LAYER_DAMAGED"
    assert found["differences"]
    assert {line.partition(":")[0] for line in found["differences"]} == {str(path.relative_to(top))}
    assert found["image"]["digest"] == pulled.digest


@pytest.mark.parametrize("what", ["hard", "null", "gone", "suid", "attr"])
def test_an_entry_of_the_upper_layer(run: Commands, store_root: Path, pulled: Image, what: str) -> None:
    path = layer_path(store_root, pulled) / what
    path.unlink()
    (found,) = findings(run, "--deep", errors=1)
    assert f"{what}: is missing" in found["differences"]


def test_layers_in_each_other_s_place(run: Commands, store_root: Path, pulled: Image) -> None:
    two_layers("two").into_store(store_root, "nowhere.invalid/two:1")
    run("img-pull", "--policy", "missing", "nowhere.invalid/two:1")
    one, other = (layer_path(store_root, two_layers(word)) for word in ("one", "two"))
    damage.swap(other)(one)
    assert {found["code"] for found in findings(run, "--deep", errors=2)} == {"LAYER_DAMAGED"}


def test_what_removed_images_and_killed_commands_left(run: Commands, store_root: Path, pulled: Image) -> None:
    orphan = image([Layer(Tar().file("f", b"orphan").bytes())])
    digest, data = next(iter(orphan.blobs.items()))
    damage.blob(store_root, digest).write_bytes(data)
    (store_root / "layers" / "sha256" / ("0" * 64)).mkdir()
    (store_root / "layers" / ".tmp-sha256-0").mkdir()
    (store_root / "leases" / "1-dead").write_text(f"{digest}\n")
    (store_root / "images" / ".tmp-index.json-1").write_text("{")
    (store_root / "partial").mkdir(exist_ok=True)
    (store_root / "partial" / pulled.digest.replace(":", "-")).write_text("half")
    (store_root / "partial" / f"sha256-{'1' * 64}").write_text("may be gone on with")
    old = store_root / "partial" / f"sha256-{'2' * 64}"
    old.write_text("given up")
    os.utime(old, (1, 1))
    (store_root / "images" / "blobs" / "sha256" / "README").write_text("not ours")
    found = findings(run, errors=0)
    assert sorted(entry["code"] for entry in found) == sorted(
        ["BLOB_ORPHAN", "LAYER_ORPHAN", "TEMPORARY_LEFT", "LEASE_DEAD", "TEMPORARY_LEFT", "PARTIAL_STALE",
         "PARTIAL_STALE", "STRAY"]
    )  # fmt: skip


def test_a_rotten_blob_that_nothing_needs(run: Commands, store_root: Path, pulled: Image) -> None:
    """The next pull of an image that has it would take it for whole."""
    path = store_root / "images" / "blobs" / "sha256" / ("3" * 64)
    path.write_bytes(b"rotten")
    (found,) = findings(run, errors=1)
    assert found["code"] == "BLOB_CORRUPT"


def test_a_lost_document_makes_nothing_garbage(run: Commands, store_root: Path, pulled: Image) -> None:
    """What it names is not known: its config and layers must not be told to be orphans."""
    damage.remove(damage.blob(store_root, pulled.digest))
    assert [entry["code"] for entry in findings(run, errors=1)] == ["BLOB_MISSING"]


def test_an_index_of_several_platforms(run: Commands, store_root: Path) -> None:
    other = image([Layer(Tar().file("f", b"other").bytes())], on="linux/s390x")
    top = index(two_layers("one"), other)
    top.into_store(store_root, "nowhere.invalid/several:1")
    assert findings(run, errors=0) == []
    damage.flip(damage.blob(store_root, other.document["layers"][0]["digest"]))
    damage.remove(damage.blob(store_root, other.digest))
    (found,) = findings(run, errors=1)
    assert found["object"]["digest"] == other.digest


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    made = Box(run, store_root)
    made("--name", "web", rm=False)
    made("--name", "db", rm=False)
    return made


@pytest.mark.parametrize("harm", [damage.flip, damage.truncate, damage.remove], ids=["flip", "truncate", "remove"])
@pytest.mark.parametrize(("name", "kind"), [("record.json", "RECORD"), ("config.json", "CONFIG")])
def test_a_container_s_documents(
    run: Commands, store_root: Path, box: Box, harm: damage.Damage, name: str, kind: str
) -> None:
    web = (store_root / "containers" / "names" / "web").resolve()
    harm(web / name)
    (found,) = findings(run, "--fast", errors=1)
    assert found["code"] == f"{kind}_{'MISSING' if harm is damage.remove else 'DAMAGED'}"
    assert found["affects"]["containers"] == ["web"]
    assert f"{web}/upper" in found["remedy"]


@pytest.mark.parametrize(("name", "kind"), [("record.json", "RECORD"), ("config.json", "CONFIG")])
def test_a_container_s_document_in_another_s_place(
    run: Commands, store_root: Path, box: Box, name: str, kind: str
) -> None:
    web, db = ((store_root / "containers" / "names" / name).resolve() for name in ("web", "db"))
    damage.swap(db / name)(web / name)
    found = findings(run, "--fast", errors=2)
    assert {entry["code"] for entry in found} == {f"{kind}_DAMAGED"}


def test_a_container_s_parts_and_names(run: Commands, store_root: Path, box: Box) -> None:
    names = store_root / "containers" / "names"
    web = (names / "web").resolve()
    damage.remove(web / "work")
    damage.swap(names / "db")(names / "web")
    (names / "nobody").symlink_to(f"../{'0' * 64}")
    (store_root / "containers" / "rm").mkdir(exist_ok=True)
    (store_root / "containers" / "rm" / ("0" * 64)).symlink_to(f"../{'0' * 64}")
    found = findings(run, "--fast", errors=3)
    assert sorted(entry["code"] for entry in found) == [
        "CONTAINER_DAMAGED", "MARK_DANGLING", "NAME_DANGLING", "NAME_WRONG", "NAME_WRONG",
    ]  # fmt: skip


def test_a_container_s_layer_that_is_gone(run: Commands, store_root: Path, box: Box, busybox_image: Image) -> None:
    damage.remove(layer_path(store_root, busybox_image))
    (found,) = findings(run, "--fast", errors=1)
    assert found["code"] == "LAYER_MISSING"
    assert sorted(found["affects"]["containers"]) == ["db", "web"]


def test_a_container_at_work_is_no_finding(run: Commands, store_root: Path, box: Box) -> None:
    command = [str(run.bin / "ctr-run"), "--rm", "-i", "busybox", "sh", "-c", "echo up; cat"]
    with subprocess.Popen(command, env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        found = findings(run, "--deep", errors=0)
        process.stdin.close()
        process.wait(60)
    assert found == []


def test_a_killed_run_is_garbage(run: Commands, store_root: Path, box: Box) -> None:
    command = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=mount", "-e", "inject=mount:signal=SIGKILL:when=1"]
    killed = subprocess.run(
        [*command, str(run.bin / "ctr-run"), "--rm", "busybox", "true"], env=run.env, check=False, timeout=60
    )
    assert killed.returncode in (-signal.SIGKILL, 137)
    assert [one["code"] for one in findings(run, errors=0)] == ["CONTAINER_ABANDONED", "LEASE_DEAD"]


def test_a_pull_at_work_is_no_finding(run: Commands, store_root: Path, pulled: Image) -> None:
    """Its partial download, its lease, its unpacked half of a layer: held, and no garbage."""
    big = image([Layer(Tar().file("f", os.urandom(1 << 20)).bytes()), Layer(Tar().file("g", b"small").bytes())])
    with FaultyRegistry() as registry:
        name = registry.hold(big)
        blob = big.document["layers"][0]["digest"]
        held = []

        def slow(request: Request) -> bool:
            if not path_of(request).endswith(blob):
                return False
            request.send_response(200)
            request.send_header("Content-Length", str(len(big.blobs[blob])))
            request.end_headers()
            request.wfile.write(big.blobs[blob][: 1 << 19])
            held.append(True)
            while held:
                time.sleep(0.01)
            request.wfile.write(big.blobs[blob][1 << 19 :])
            return True

        registry.fault = slow
        with subprocess.Popen([str(run.bin / "img-pull"), name], env=run.env, stdout=subprocess.DEVNULL) as process:
            while not held:
                assert process.poll() is None
                time.sleep(0.01)
            assert findings(run, errors=0) == []
            held.clear()
            assert process.wait(60) == 0
    assert findings(run, "--deep", errors=0) == []


def test_an_image_that_is_removed_meanwhile(run: Commands, store_root: Path, pulled: Image) -> None:
    """What the check looks at stays as long as it looks; then it is garbage, and no loss."""
    leases = store_root / "leases"
    with locks.locked(str(leases)):
        checking = subprocess.Popen([str(run.bin / "store-check")], env=run.env, stdout=subprocess.PIPE)
        removing = subprocess.Popen([str(run.bin / "img-rm"), "nowhere.invalid/one:1"], env=run.env)
        while (store_root / "images" / "index.json").read_bytes().count(b"digest"):
            time.sleep(0.01)
    out, _ = checking.communicate(timeout=60)
    assert removing.wait(60) == 0
    assert [json.loads(line)["severity"] for line in out.splitlines() if b'"error"' in line] == []
    assert checking.returncode == 0


def test_a_disk_that_is_read_only(run: Commands, store_root: Path, pulled: Image) -> None:
    """As it is when the kernel has found it failing: then a check is wanted most."""
    damage.remove(damage.blob(store_root, pulled.digest))
    script = f"mount --bind {store_root} {store_root} && mount -o remount,ro,bind {store_root} && exec store-check"
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], env=run.env, capture_output=True, check=False)
    assert done.returncode == 1, done.stderr
    assert [json.loads(line)["code"] for line in done.stdout.splitlines()] == ["BLOB_MISSING"]


def test_a_blob_that_cannot_be_read(run: Commands, store_root: Path, pulled: Image) -> None:
    """An input/output error is damage, not the end of the check."""
    path = damage.blob(store_root, pulled.document["layers"][0]["digest"])
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-e", "inject=pread64:error=EIO"]
    done = subprocess.run([*command, str(run.bin / "store-check")], env=run.env, capture_output=True, check=False)
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (found["code"], found["problem"]) == ("BLOB_CORRUPT", "cannot be read: input/output error")


def test_bad_options(run: Commands) -> None:
    done = run("store-check", "--fast", "--deep", status=2)
    assert done.errors[0]["code"] == "USAGE"
