"""store-prune and img-prune: what nobody needs goes, what anybody could need stays."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import damage
import layout
import pytest
from boxes import Box
from commands import Commands
from images import Image, layer_path
from pruning import NOW, aged, images, kinds, stored, whole


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
