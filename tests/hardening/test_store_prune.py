"""store-prune and img-prune: what nobody needs goes, what anybody could need stays, whatever else happens meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import damage
import layout
import pytest
from boxes import Box
from commands import Commands
from faulty_registry import FaultyRegistry, Request
from images import Image, Layer, image, index, layer_path
from killing import Kills
from tars import Tar

NOW = "--older-than=0s"


def made(word: str, **labels: str) -> Image:
    """An image of two layers, the lower one shared by all of these."""
    lower = Tar().dir("d").file("d/shared", b"shared" * 1000)
    upper = Tar().file(f"own-{word}", word.encode() * 1000)
    return image([Layer(lower.bytes()), Layer(upper.bytes())], {"Labels": labels})


def stored(run: Commands, root: Path, word: str, **labels: str) -> Image:
    """Such an image in the store, unpacked, as localhost/WORD:1."""
    found = made(word, **labels)
    found.into_store(root, f"localhost/{word}:1")
    run("img-pull", "--policy", "missing", f"localhost/{word}:1")
    return found


def aged(root: Path) -> None:
    """Everything in the store was written an hour ago."""
    for path in (root / "images" / "blobs").rglob("*"):
        os.utime(path, (time.time() - 3600,) * 2)


def kinds(documents: list[dict[str, Any]], action: str = "delete") -> list[str]:
    return sorted(one["kind"] for one in documents if one["action"] == action)


def images(run: Commands) -> list[str]:
    entries = run("img-ls").documents
    return sorted(entry["annotations"].get("org.opencontainers.image.ref.name", "none") for entry in entries)


def whole(run: Commands, root: Path) -> None:
    """Nothing is missing, and nothing is left to prune."""
    assert layout.problems(root) == []
    assert run("store-check", "--deep").documents == []


@pytest.fixture
def dangling(run: Commands, store_root: Path) -> Image:
    """The store holds localhost/new:1; its former image has no name any more."""
    old = stored(run, store_root, "old")
    stored(run, store_root, "new")
    run("img-tag", "localhost/new:1", "localhost/old:1")
    return old


def test_nothing_to_prune(run: Commands, store_root: Path) -> None:
    assert run("store-prune").documents == []
    assert not store_root.exists()
    stored(run, store_root, "one")
    aged(store_root)
    for name in ("store-prune", "img-prune"):
        assert run(name).documents == []
    whole(run, store_root)


def test_an_image_without_a_name(run: Commands, store_root: Path, dangling: Image) -> None:
    assert run("store-prune").documents == [], "young"
    aged(store_root)
    before = damage.times(store_root)
    plan = run("store-prune", "--plan").documents
    assert kinds(plan) == ["blob", "blob", "blob", "image", "layer"], "and not the layer that it shares"
    assert {path: found for path, found in damage.times(store_root).items() if path in before} == before
    assert sum(action["bytes"] for action in plan) > 0
    assert run("store-prune").documents == plan
    assert not layer_path(store_root, dangling).exists()
    assert images(run) == ["localhost/new:1", "localhost/old:1"]
    whole(run, store_root)


def test_documents_go_before_what_they_name(run: Commands, store_root: Path, dangling: Image) -> None:
    plan = run("img-prune", "--plan", NOW).documents
    assert [action["kind"] for action in plan] == ["image", "layer", "blob", "blob", "blob"]
    assert plan[2]["object"]["digest"] == dangling.digest


def test_a_plan_is_a_pipe(run: Commands, store_root: Path, dangling: Image) -> None:
    done = run.shell(f"store-prune --plan {NOW} | store-prune --apply -")
    assert kinds(done.documents) == ["blob", "blob", "blob", "image", "layer"]
    whole(run, store_root)


def test_a_plan_in_a_file_and_only_part_of_it(run: Commands, store_root: Path, dangling: Image, tmp_path: Path) -> None:
    plan = run("store-prune", "--plan", NOW).documents
    part = tmp_path / "part"
    part.write_text("\n".join(json.dumps(one) for one in plan if one["kind"] in ("layer", "blob")))
    assert kinds(run("store-prune", "--apply", part).documents, "skip") == ["blob", "blob", "blob", "layer"]
    assert layout.problems(store_root) == []
    part.write_text("\n".join(json.dumps(one) for one in plan if one["kind"] == "image"))
    assert kinds(run("store-prune", "--apply", part).documents) == ["image"]
    assert dangling.digest.partition(":")[2] in os.listdir(store_root / "images" / "blobs" / "sha256")
    assert kinds(run("store-prune", NOW).documents) == ["blob", "blob", "blob", "layer"]
    whole(run, store_root)


def test_what_came_into_use_is_skipped(run: Commands, store_root: Path, dangling: Image) -> None:
    plan = run("store-prune", "--plan", NOW).out
    run("img-tag", dangling.digest, "localhost/back:1")
    done = run("store-prune", "--apply", "-", input=plan)
    assert kinds(done.documents) == []
    assert kinds(done.documents, "skip") == ["blob", "blob", "blob", "image", "layer"]
    assert {one["reasons"][0]["to"] for one in done.documents} == {"in use", "gone, or its name has changed"}
    assert [one["bytes"] for one in done.documents] == [0] * 5
    whole(run, store_root)


def test_what_changed_is_skipped(run: Commands, store_root: Path, dangling: Image) -> None:
    """A blob that came again, a layer that was unpacked again: not the ones that the plan saw."""
    plan = run("store-prune", "--plan", NOW).out
    run("img-rm", dangling.digest)
    assert {one["reasons"][0]["to"] for one in run("store-prune", "--apply", "-", input=plan).documents} == {
        "gone", "gone, or its name has changed"
    }  # fmt: skip
    again = stored(run, store_root, "old")
    run("img-tag", "localhost/new:1", "localhost/old:1")
    assert again.digest == dangling.digest
    done = run("store-prune", "--apply", "-", input=plan)
    assert kinds(done.documents) == ["image"]
    assert {one["reasons"][0]["to"] for one in done.documents if one["action"] == "skip"} == {"changed"}


def test_images_with_names(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    Box(run, store_root)("--name", "web", rm=False)
    stored(run, store_root, "unused")
    assert run("store-prune", NOW).documents == []
    for command in (("img-prune", "--all"), ("store-prune", "--images")):
        plan = run(*command, "--plan", NOW).documents
        assert [one["object"]["annotations"]["org.opencontainers.image.ref.name"] for one in plan[:1]] == [
            "localhost/unused:1"
        ]
    run("img-prune", "-a", NOW)
    assert images(run) == ["docker.io/library/busybox:latest"], "a container uses it"
    whole(run, store_root)
    run("ctr-run", "--rm", "busybox", "true")


def test_containers(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    box("--name", "web", "--label", "keep=yes", rm=False)
    box("--name", "db", rm=False)
    assert run("store-prune", NOW).documents == []
    (action,) = run("store-prune", "--containers", "--filter", "label!=keep", NOW).documents
    assert action["bytes"] > 0
    assert [record["name"] for record in box.records()] == ["web"]
    assert kinds(run("store-prune", "--containers", "--images", NOW).documents) == [
        "blob", "blob", "blob", "container", "image", "layer",
    ]  # fmt: skip
    assert box.left() == []
    whole(run, store_root)


def test_a_container_with_a_damaged_record(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """What it needs is not known, so no layer goes; it goes itself when that is asked for."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    box("--name", "web", rm=False)
    damage.truncate((store_root / "containers" / "names" / "web").resolve() / "record.json")
    run("img-rm", "--force", "busybox", status=None)
    done = run("store-prune", NOW, status=1)
    assert "layer" not in kinds(done.documents)
    assert done.errors
    done = run("store-prune", "--containers", NOW)
    assert "container" in kinds(done.documents)
    assert box.left() == []
    run("store-prune", NOW)
    assert [found for found in run("store-check").documents if found["severity"] == "error"] == []


def test_containers_whose_records_were_swapped(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """Each goes for what it is, not for what the other's record says of it."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    for name in ("web", "db", "kept"):
        box("--name", name, "--label", f"n={name}", rm=False)
    web, kept = ((store_root / "containers" / "names" / name).resolve() for name in ("web", "kept"))
    damage.remove(web / "record.json")
    (web / "record.json").write_bytes((kept / "record.json").read_bytes())
    plan = [one for one in run("store-prune", "--containers", "--plan", NOW).documents if one["kind"] == "container"]
    text = "\n".join(json.dumps(one) for one in plan if one["object"]["id"] == web.name)
    (done,) = run("store-prune", "--apply", "-", input=text.encode()).documents
    assert (done["action"], done["object"]["id"]) == ("delete", web.name)
    assert sorted(record["name"] for record in box.records()) == ["db", "kept"]
    assert sorted(os.listdir(store_root / "containers" / "names")) == ["db", "kept"]
    whole(run, store_root)


def test_a_running_container(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    command = [str(run.bin / "ctr-run"), "--rm", "-i", "busybox", "sh", "-c", "echo up; cat; ls /bin/busybox"]
    with subprocess.Popen(command, env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        assert run("store-prune", "--images", "--containers", "--partial", NOW).documents == []
        process.stdin.close()
        assert process.stdout.read() == b"/bin/busybox\n"
        assert process.wait(60) == 0


def test_leftovers_of_killed_commands(run: Commands, store_root: Path, busybox_image: Image) -> None:
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    box = Box(run, store_root)
    box()
    for call in ("rename", "symlink", "mount"):
        command = ["strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}"]
        command += ["-e", f"inject={call}:signal=SIGKILL:when=1", str(run.bin / "ctr-run"), "--rm", "busybox", "true"]
        subprocess.run(command, env=run.env, check=False, timeout=60)
    (store_root / "layers" / ".tmp-sha256-0").mkdir()
    (store_root / "images" / ".tmp-index.json-1").write_text("{")
    (store_root / "partial").mkdir(exist_ok=True)
    fresh, stale = (store_root / "partial" / f"sha256-{digit * 64}" for digit in "12")
    fresh.write_text("may be gone on with")
    stale.write_text("given up")
    os.utime(stale, (1, 1))
    plan = run("store-prune", "--plan").documents
    assert {"temporary", "partial", "container"} <= {one["kind"] for one in plan}
    assert run("store-prune").documents == plan
    assert fresh.exists()
    whole(run, store_root)
    assert kinds(run("store-prune", "--partial", NOW).documents) == ["partial"]
    assert box.left() == []
    assert layout.unfinished(store_root) == []


def test_strays_are_left_alone(run: Commands, store_root: Path) -> None:
    stored(run, store_root, "one")
    mine = [store_root / "images" / "blobs" / "sha256" / "README", store_root / "layers" / "mine"]
    for path in mine:
        path.write_text("mine")
    assert run("store-prune", "--images", "--containers", "--partial", NOW).status == 0
    assert all(path.read_text() == "mine" for path in mine)


def test_filters(run: Commands, store_root: Path) -> None:
    stored(run, store_root, "one", team="a")
    stored(run, store_root, "two", team="b")
    for filters, gone in (
        (["label=team=c"], []), (["name=*/none*"], []), (["label!=team"], []),
        (["label=team", "label=team=b"], ["two"]), (["name=localhost/o*"], ["one"]),
    ):  # fmt: skip
        argv = [word for text in filters for word in ("--filter", text)]
        plan = run("img-prune", "-a", "--plan", NOW, *argv).documents
        names = [
            one["object"]["annotations"]["org.opencontainers.image.ref.name"] for one in plan if one["kind"] == "image"
        ]
        assert names == [f"localhost/{word}:1" for word in gone], filters
    run("img-prune", "-a", NOW, "--filter", "label=team=b")
    assert images(run) == ["localhost/one:1"]
    whole(run, store_root)


def test_bytes_that_may_stay(run: Commands, store_root: Path) -> None:
    """The newest stay."""
    for age, word in ((3000, "old"), (2000, "newer"), (1000, "newest")):
        found = stored(run, store_root, word)
        os.utime(damage.blob(store_root, found.digest), (time.time() - age,) * 2)
    assert run("img-prune", "-a", NOW, "--keep-bytes", "1g").documents == []
    size = sum(one["bytes"] for one in run("img-prune", "-a", NOW, "--plan").documents)
    run("img-prune", "-a", NOW, "--keep-bytes", str(size - 1))
    assert images(run) == ["localhost/newer:1", "localhost/newest:1"]
    run("img-prune", "-a", NOW, "--keep-bytes", "0")
    assert images(run) == []


def test_older_than(run: Commands, store_root: Path, dangling: Image) -> None:
    aged(store_root)
    assert run("img-prune", "--older-than", "2h").documents == []
    assert kinds(run("img-prune", "--older-than", "30m").documents) == ["blob", "blob", "blob", "image", "layer"]


@pytest.mark.parametrize(
    "argv",
    [
        ["--older-than", "soon"], ["--older-than", ""], ["--older-than", "1.5"], ["--older-than", "m"],
        ["--filter", "until=1h"], ["--filter", "label"], ["--keep-bytes", "-1"], ["--plan", "--apply", "-"],
        ["--apply", "-", "--older-than", "1h"],
    ],
)  # fmt: skip
def test_options_that_are_none(run: Commands, argv: list[str]) -> None:
    for name in ("store-prune", "img-prune"):
        done = run(name, *argv, status=2)
        assert done.out == b""
        assert done.errors[0]["code"] == "USAGE"


def changed(found: dict[str, Any], **changes: object) -> bytes:
    return json.dumps({**found, **changes}).encode()


def test_plans_that_are_none(run: Commands, store_root: Path, dangling: Image, tmp_path: Path) -> None:
    """Refused whole, before anything is done, though the rest of the plan is good."""
    plan = run("store-prune", "--plan", NOW).documents
    good = "\n".join(map(json.dumps, plan)).encode() + b"\n"
    layer = next(one for one in plan if one["kind"] == "layer")
    other = run.on(OCIPIPE_ROOT=str(tmp_path / "other"))
    stored(other, tmp_path / "other", "one")
    stored(other, tmp_path / "other", "two")
    other("img-tag", "localhost/one:1", "localhost/two:1")
    bad: list[tuple[bytes, str]] = [
        (b"garbage\n", "CORRUPT"),
        (b"{", "INVALID"),
        (b"[]", "INVALID"),
        (b"\xff\xfe", "INVALID"),
        (b"{}", "INVALID"),
        (b'{"action":"delete","object":{},"reasons":[]}', "CORRUPT"),
        (json.dumps(dangling.root).encode(), "INVALID"),
        (other("store-prune", "--plan", NOW).out, "CONFLICT"),
        (changed(layer, store=""), "CONFLICT"),
        (changed(layer, action="create"), "CORRUPT"),
        (changed(layer, kind="host"), "CORRUPT"),
        (changed(layer, object={"kind": "layer", "id": "sha256:../../../../etc"}), "INVALID"),
        (changed(layer, object={"kind": "layer"}), "INVALID"),
        (changed(layer, kind="blob"), "INVALID"),
        (changed(layer, kind="container", object={"id": 1}), "INVALID"),
        (changed(layer, bytes=-1), "INVALID"),
    ]
    before = damage.times(store_root)
    for text, code in bad:
        for input in (good + text, text):
            done = run("store-prune", "--apply", "-", input=input, status=1)
            assert (done.out, [error["code"] for error in done.errors]) == (b"", [code]), text
    assert damage.times(store_root) == before
    assert run("store-prune", "--apply", "-", input=b"").documents == []
    assert run("store-prune", "--apply", tmp_path / "none", status=1).errors[0]["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "path", ["../victim", "leases/../../victim", "/etc/passwd", "containers/names/../../../victim"]
)
@pytest.mark.parametrize("kind", ["temporary", "partial", "lease", "mark"])
def test_a_path_that_leads_out(
    run: Commands, store_root: Path, dangling: Image, tmp_path: Path, path: str, kind: str
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("stays")
    found = Path(os.path.normpath(store_root / path)).stat()
    state = f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
    action = {**run("store-prune", "--plan", NOW).documents[0], "kind": kind, "object": {"path": path}, "state": state}
    (done,) = run("store-prune", "--apply", "-", input=json.dumps(action).encode()).documents
    assert done["action"] == "skip"
    assert victim.read_text() == "stays"
    assert Path("/etc/passwd").exists()


@pytest.mark.parametrize("which", ["manifest", "index"])
def test_damage_makes_nothing_garbage(run: Commands, store_root: Path, which: str) -> None:
    """What a damaged document names is not known: nothing is planned that it could need."""
    found = stored(run, store_root, "one")
    aged(store_root)
    path = damage.blob(store_root, found.digest) if which == "manifest" else store_root / "images" / "index.json"
    damage.remove(path)
    before = damage.times(store_root)
    done = run("store-prune", "--containers", NOW, status=1)
    assert (done.out, done.errors[0]["code"]) == (b"", "CORRUPT")
    assert "--repair" in done.errors[0]["message"]
    after = damage.times(store_root)
    assert {name: after[name] for name in before} == before


def test_a_rotten_index_makes_nothing_garbage(run: Commands, store_root: Path) -> None:
    """One flipped bit can leave it a valid document that needs other blobs, or none."""
    stored(run, store_root, "one")
    path = store_root / "images" / "index.json"
    data, found = path.read_bytes(), path.stat()
    for part in (b"manifests", b"manifest.v1", b"sha256:", b'"size"', b"localhost"):
        at = data.index(part) + len(part) - 2
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        for command in (("store-prune", "--images"), ("img-prune", "-a"), ("img-prune",)):
            done = run(*command, NOW, status=1)
            assert (done.out, done.errors[0]["code"]) == (b"", "CORRUPT"), part
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    whole(run, store_root)


def test_a_rotten_record_makes_no_layer_garbage(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """One flipped bit of a chain ID, and the container would stand on nothing."""
    busybox_image.into_store(store_root, "docker.io/library/busybox:latest")
    Box(run, store_root)("--name", "web", rm=False)
    path = (store_root / "containers" / "names" / "web").resolve() / "record.json"
    data, found = path.read_bytes(), path.stat()
    at = data.index(b'"chainIds":["sha256:') + 24
    path.write_bytes(data[:at] + (b"0" if data[at : at + 1] != b"0" else b"1") + data[at + 1 :])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    run("img-rm", "--force", "busybox", status=None)
    run("store-prune", "--images", NOW, status=1)
    assert layer_path(store_root, busybox_image).exists()


def test_a_container_of_an_index_s_image(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """It was named by the digest of the image itself; the index that has it is in use too."""
    index(busybox_image, made("other")).into_store(store_root, "localhost/several:1")
    command = f"echo '{json.dumps(busybox_image.root)}' | ctr-run - true"
    run.shell(command)
    assert run("img-prune", "-a", NOW).documents == []
    assert images(run) == ["localhost/several:1"]


def test_a_damaged_image_without_a_name_goes(run: Commands, store_root: Path, dangling: Image) -> None:
    damage.remove(damage.blob(store_root, dangling.digest))
    run("store-prune", NOW)
    whole(run, store_root)


def slow(registry: FaultyRegistry, blob: str, held: list[bool]) -> None:
    """The registry stops in the middle of a blob until `held` is empty again."""

    def fault(request: Request) -> bool:
        if blob not in request.path:
            return False
        data = registry.blobs[blob]
        request.send_response(200)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data[: len(data) // 2])
        held.append(True)
        while held:
            time.sleep(0.01)
        request.wfile.write(data[len(data) // 2 :])
        return True

    registry.fault = fault


def test_a_pull_at_work(run: Commands, store_root: Path) -> None:
    """It has its lower layer and half of the upper one; all of that is leased."""
    pulled = made("pulled")
    held: list[bool] = []
    with FaultyRegistry() as registry:
        name = registry.hold(pulled)
        slow(registry, pulled.document["layers"][1]["digest"], held)
        with subprocess.Popen([str(run.bin / "img-pull"), name], env=run.env, stdout=subprocess.DEVNULL) as process:
            try:
                while not held:
                    assert process.poll() is None
                    time.sleep(0.01)
                assert run("store-prune", "--images", "--containers", "--partial", NOW).documents == []
            finally:
                held.clear()
            assert process.wait(60) == 0
    whole(run, store_root)


@pytest.fixture
def asked(run: Commands) -> Iterator[tuple[FaultyRegistry, list[str]]]:
    with FaultyRegistry() as registry:
        names = [registry.hold(made(word), word) for word in ("one", "two", "three")]
        yield registry, names


def test_side_by_side(run: Commands, store_root: Path, asked: tuple[FaultyRegistry, list[str]]) -> None:
    """Pulls, tags and removals while two prunes run in a loop, with no age to protect anything: leases must do."""
    stop = f"{store_root}.stop"
    prune = f"while [ ! -e {stop} ]; do store-prune {NOW} >/dev/null; done"
    pruning = [subprocess.Popen(["bash", "-c", prune], env=run.env, stderr=subprocess.PIPE) for _ in range(2)]
    try:
        loops = [
            f"for n in 1 2 3 4 5 6; do img-pull {name} >/dev/null && img-tag {name} localhost/{number}:$n >/dev/null"
            f" && img-rm localhost/{number}:$n >/dev/null || exit 1; done"
            for number, name in enumerate(asked[1])
        ]
        writing = [subprocess.Popen(["bash", "-c", loop], env=run.env, stderr=subprocess.PIPE) for loop in loops]
        told = [process.communicate(timeout=200)[1] for process in writing]
        assert [process.returncode for process in writing] == [0] * 3, told
    finally:
        Path(stop).touch()
        errors = [process.communicate(timeout=60)[1] for process in pruning]
    assert errors == [b"", b""]
    assert images(run) == sorted(asked[1])
    run("store-prune", NOW)
    whole(run, store_root)


def test_killed_at_every_change(kills: Kills, run: Commands, store_root: Path, dangling: Image, tmp_path: Path) -> None:
    """What is left is garbage, never a reference to what is gone; the next prune takes it."""
    (store_root / "leases" / "1-dead").write_text("")
    (store_root / "layers" / ".tmp-sha256-0").mkdir()
    (store_root / "containers" / "names").mkdir(parents=True)
    (store_root / "containers" / "names" / "nobody").symlink_to(f"../{'0' * 64}")
    run("store-prune", "--plan")

    def prune(number: int) -> list[str | Path]:
        root = tmp_path / f"copy-{number}"
        subprocess.run(["cp", "-a", str(store_root), str(root)], check=True)
        return [run.bin / "store-prune", NOW, "--root", root]

    def after(number: int) -> None:
        root = tmp_path / f"copy-{number}"
        there = run.on(OCIPIPE_ROOT=str(root))
        assert layout.problems(root) == []
        assert {found["severity"] for found in there("store-check", "--deep").documents} <= {"garbage"}
        there("store-prune", NOW)
        whole(there, root)
        assert images(there) == ["localhost/new:1", "localhost/old:1"]
        subprocess.run(["rm", "-rf", str(root)], check=True)

    assert kills(prune, after) > 3
