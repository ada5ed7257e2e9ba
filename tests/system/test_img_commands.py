"""img-ls, img-inspect, img-tag and img-rm: what they print, what they change, what they refuse."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import layout
import pytest
from boxes import NAME as BUSYBOX
from boxes import Box, stored
from cli_world import Outcome, on_terminal
from commands import Commands
from images import EPOCH, Image, Layer, artifact, attestation, image, index
from peers import call
from tars import Tar

from oci_spec import validate

BASE, ONE, TWO = (Layer(Tar().file(name, name.encode() * 100).bytes()) for name in ("base", "one", "two"))
NAME = "docker.io/library/one:1"
REF = "org.opencontainers.image.ref.name"


@pytest.fixture
def one(store_root: Path) -> Image:
    made = image([BASE, ONE], {"Cmd": ["true"]})
    made.into_store(store_root, NAME)
    return made


def entry(made: Image, name: str | None, **annotations: str) -> dict[str, Any]:
    """The descriptor that stands for an image on every pipe, field by field."""
    config = made.config
    parts = [made.root, made.document["config"], *made.document["layers"]]
    named = {REF: name} if name else {}
    return {
        **made.root,
        "platform": {key: config[key] for key in ("os", "architecture", "variant") if key in config},
        "annotations": {
            "org.opencontainers.image.created": EPOCH,
            "org.ocipipe.image.size": str(sum(part["size"] for part in parts)), **named, **annotations,
        },
    }  # fmt: skip


def documents(done: Outcome, kind: str) -> list[dict[str, Any]]:
    """What a command printed: compact JSON, a document a line, each as its schema has it."""
    found = done.documents
    for line, document in zip(done.out.splitlines(), found, strict=True):
        validate.check(kind, document, "stdout")
        assert line == json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return found


def names(run: Commands) -> dict[str | None, str]:
    return {found["annotations"].get(REF): found["digest"] for found in run("img-ls").documents}


def actions(done: Outcome) -> list[tuple[str, str | None]]:
    found = documents(done, "action")
    return [(one["action"], one["object"].get("annotations", {}).get(REF)) for one in found]


def blobs(store_root: Path) -> set[str]:
    return {f"sha256:{path.name}" for path in (store_root / "images" / "blobs" / "sha256").iterdir()}


class TestLs:
    def test_every_field(self, run: Commands, one: Image) -> None:
        assert documents(run("img-ls"), "descriptor") == [entry(one, NAME)]

    def test_newest_first(self, run: Commands, store_root: Path) -> None:
        for number, time in enumerate(["2024-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"]):
            image([BASE], created=time).into_store(store_root, f"docker.io/library/x:{number}")
        assert list(names(run)) == [f"docker.io/library/x:{number}" for number in (1, 2, 0)]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            (["one"], ["docker.io/library/one:1", "docker.io/library/one:2"]),
            (["one:2"], ["docker.io/library/one:2"]),
            (["docker.io/library/one:1", "one"], ["docker.io/library/one:1", "docker.io/library/one:2"]),
            (["registry.local:5000/one"], ["registry.local:5000/one:1"]),
            (["one:2", "registry.local:5000/one:1"], ["docker.io/library/one:2", "registry.local:5000/one:1"]),
        ],
    )
    def test_repositories_and_references(self, run: Commands, one: Image, wanted: list[str], found: list[str]) -> None:
        run("img-tag", "one:1", "one:2", "registry.local:5000/one:1", "onesie:1")
        assert sorted(document["annotations"][REF] for document in run("img-ls", *wanted).documents) == found

    def test_what_matches_is_listed_also_where_a_name_matches_nothing(self, run: Commands, one: Image) -> None:
        done = run("img-ls", "none", "one", status=1)
        assert documents(done, "descriptor") == [entry(one, NAME)]
        assert done.errors == [
            {"code": "NOT_FOUND", "message": "none: no such image in the store (img-ls without a name lists all)"}
        ]

    def test_bare(self, run: Commands, one: Image) -> None:
        assert run("img-ls", "-q").out.decode() == f"{one.digest}\n"

    def test_a_terminal_gets_a_table(self, run: Commands, store_root: Path, one: Image) -> None:
        image([TWO], on="linux/arm/v7").into_store(store_root, "registry.local:5000/two:1")
        status, shown = on_terminal([str(run.bin / "img-ls")], {**run.env, "COLUMNS": "120"}, "stdout")
        assert status == 0
        rows = [line.split() for line in shown.splitlines()]
        size = int(entry(one, None)["annotations"]["org.ocipipe.image.size"])
        host = "/".join(entry(one, None)["platform"][key] for key in ("os", "architecture"))
        digest = one.digest.removeprefix("sha256:")[:12]
        assert rows[0] == ["NAME", "DIGEST", "CREATED", "SIZE", "PLATFORM"]
        assert ["one:1", digest, "2023-11-14", "22:13", f"{size / 1000:.1f}", "kB", host] in rows
        assert [row[-1] for row in rows if row[0] == "registry.local:5000/two:1"] == ["linux/arm/v7"]
        assert len(rows) == 3

    def test_indexes_and_artifacts(self, run: Commands, store_root: Path) -> None:
        both = index(image([ONE]), image([TWO], on="linux/s390x"))
        thing = artifact("application/vnd.example", b"thing")
        both.into_store(store_root, "docker.io/library/both:1")
        thing.into_store(store_root, "docker.io/library/thing:1")
        found = {one["digest"]: one for one in documents(run("img-ls"), "descriptor")}
        assert found[both.digest] == {**both.root, "annotations": {REF: "docker.io/library/both:1"}}
        assert found[thing.digest]["artifactType"] == "application/vnd.example"


class TestInspect:
    def test_all_that_is_known(self, run: Commands, one: Image) -> None:
        (found,) = documents(run("img-inspect", "one:1"), "image")
        assert found == {"descriptor": entry(one, NAME), "manifest": one.document, "config": one.config}

    def test_an_index(self, run: Commands, store_root: Path) -> None:
        both = index(image([ONE]), attestation(image([ONE])))
        both.into_store(store_root, "docker.io/library/both:1")
        (found,) = documents(run("img-inspect", "both:1"), "image")
        assert (list(found), found["index"]) == (["descriptor", "index"], both.document)

    def test_stored_bytes_unchanged(self, run: Commands, store_root: Path, one: Image) -> None:
        both = index(one, image([TWO], on="linux/s390x"))
        both.into_store(store_root, "docker.io/library/both:1")
        assert run("img-inspect", "--manifest", "one:1").out == one.raw
        assert run("img-inspect", "--config", "one:1").out == one.blobs[one.document["config"]["digest"]]
        assert run("img-inspect", "--index", "both:1").out == both.raw
        assert run("img-inspect", "--manifest", "one:1", one.digest).out == one.raw + b"\n" + one.raw

    @pytest.mark.parametrize("wanted", ["one:1", "docker.io/library/one:1", "{digest}", "{hex}", "one@{digest}"])
    def test_every_way_to_name_it(self, run: Commands, one: Image, wanted: str) -> None:
        word = wanted.format(digest=one.digest, hex=one.digest[7:15])
        assert run("img-inspect", "-q", word).out.decode() == f"{one.digest}\n"

    def test_descriptors_from_a_pipe(self, run: Commands, one: Image) -> None:
        run("img-tag", "one:1", "one:2")
        assert len(documents(run.shell("img-ls | img-inspect"), "image")) == 2

    @pytest.mark.parametrize(
        ("argv", "said"),
        [
            (["--manifest", "both:1"], "is an index of several images"),
            (["--index", "one:1"], "is a single image, no index"),
            (["--manifest", "--config", "one:1"], "--manifest: does not go with --config"),
            (["none"], "docker.io/library/none:latest: no such image in the store"),
        ],
    )
    def test_refused(self, run: Commands, store_root: Path, one: Image, argv: list[str], said: str) -> None:
        index(one).into_store(store_root, "docker.io/library/both:1")
        done = run("img-inspect", *argv, status=None)
        (error,) = done.errors
        assert done.status in (1, 2)
        assert said in error["message"]
        assert done.out == b""


class TestTag:
    def test_names_are_printed_and_kept(self, run: Commands, one: Image) -> None:
        done = run("img-tag", "one:1", "two", "registry.local:5000/a/b:c")
        wanted = ["docker.io/library/two:latest", "registry.local:5000/a/b:c"]
        assert documents(done, "descriptor") == [entry(one, name) for name in wanted]
        assert names(run) == dict.fromkeys([NAME, *wanted], one.digest)

    def test_by_digest_and_from_a_pipe(self, run: Commands, one: Image) -> None:
        run("img-tag", one.digest, "two:1")
        run.shell("img-ls two | img-tag - three:1")
        assert set(names(run)) == {NAME, "docker.io/library/two:1", "docker.io/library/three:1"}

    def test_a_name_moves_and_leaves_a_dangling_image(self, run: Commands, store_root: Path, one: Image) -> None:
        two = image([BASE, TWO])
        two.into_store(store_root, "docker.io/library/two:1")
        run("img-tag", "two:1", "one:1")
        assert names(run) == {NAME: two.digest, "docker.io/library/two:1": two.digest, None: one.digest}
        assert run("img-inspect", "--manifest", one.digest).out == one.raw
        assert layout.problems(store_root) == []

    @pytest.mark.parametrize("name", ["UPPER", "a b", "one@sha256:" + "0" * 64, "0" * 64, ""])
    def test_no_name(self, run: Commands, store_root: Path, one: Image, name: str) -> None:
        before = (store_root / "images" / "index.json").read_bytes()
        done = run("img-tag", "one:1", "good", name, status=None)
        assert done.status in (1, 2)
        assert len(done.errors) == 1
        assert (store_root / "images" / "index.json").read_bytes() == before, "all names are looked at first"


class TestRm:
    def test_untag_and_delete_are_told_apart(self, run: Commands, store_root: Path, one: Image) -> None:
        run("img-tag", "one:1", "two:1")
        two = "docker.io/library/two:1"
        assert actions(run("img-rm", "two:1")) == [("untag", two)]
        assert blobs(store_root) == set(one.blobs)
        done = run("img-rm", "one:1")
        assert actions(done) == [("untag", NAME), ("delete", None)]
        assert done.documents[0]["object"] == entry(one, NAME)
        assert done.documents[1]["object"] == entry(one, None)
        assert (blobs(store_root), names(run)) == (set(), {})

    def test_bare(self, run: Commands, one: Image) -> None:
        assert run("img-rm", "-q", "one:1").out.decode() == f"{one.digest}\n" * 2

    def test_by_digest_it_goes_under_its_one_name(self, run: Commands, one: Image) -> None:
        assert actions(run("img-rm", one.digest[7:19])) == [("untag", NAME), ("delete", None)]

    def test_several_names_take_force(self, run: Commands, store_root: Path, one: Image) -> None:
        run("img-tag", "one:1", "two:1")
        (error,) = run("img-rm", one.digest, status=1).errors
        assert error == {
            "code": "CONFLICT",
            "message": f"{one.digest}: has several names: {NAME}, docker.io/library/two:1 "
            "(name one of them, or use --force)",
        }
        assert blobs(store_root) == set(one.blobs)
        done = run("img-rm", "--force", one.digest)
        assert actions(done) == [("untag", NAME), ("untag", "docker.io/library/two:1"), ("delete", None)]
        assert blobs(store_root) == set()

    def test_a_failed_one_does_not_stop_the_rest(self, run: Commands, one: Image) -> None:
        run("img-tag", "one:1", "two:1")
        done = run("img-rm", "none", "two:1", "two:1", "one:1", status=1)
        assert [action for action, _ in actions(done)] == ["untag", "untag", "delete"]
        assert [error["code"] for error in done.errors] == ["NOT_FOUND", "NOT_FOUND"]

    def test_a_dangling_image(self, run: Commands, store_root: Path, one: Image) -> None:
        two = image([BASE, TWO])
        two.into_store(store_root, "docker.io/library/two:1")
        run("img-tag", "two:1", "one:1")
        assert actions(run("img-rm", one.digest)) == [("delete", None)]
        assert blobs(store_root) == set(two.blobs)

    def test_shared_layers_stay(self, run: Commands, store_root: Path, one: Image) -> None:
        two = image([BASE, TWO])
        two.into_store(store_root, "docker.io/library/two:1")
        run("img-rm", "one:1")
        assert blobs(store_root) == set(two.blobs)
        assert layout.problems(store_root) == []

    def test_an_image_that_a_container_uses(self, run: Commands, store_root: Path, busybox_image: Image) -> None:
        box = stored(run, store_root, busybox_image)
        box("--name", "kept", rm=False)
        (record,) = box.records()
        (error,) = run("img-rm", "busybox", status=1).errors
        assert (
            error["message"]
            == f"{BUSYBOX}: container {record['id']} uses it (remove the container first, or use --force)"
        )
        run("img-tag", "busybox", "other")
        assert actions(run("img-rm", "busybox")) == [("untag", BUSYBOX)], "another name is left"
        assert [action for action, _ in actions(run("img-rm", "-f", "other"))] == ["untag", "delete"]
        assert blobs(store_root) == set()
        (layer,) = (store_root / "layers" / "sha256").iterdir()
        assert (layer / "bin" / "busybox").exists(), "the container stands on it"


def test_a_layout_that_skopeo_wrote_into(run: Commands, store_root: Path, one: Image, tmp_path: Path) -> None:
    """Its entries have no annotations of ours: they are listed, inspected, named and removed all the same."""
    theirs = image([BASE, TWO])
    theirs.write_layout(tmp_path / "theirs")
    call("skopeo", "copy", "-q", f"oci:{tmp_path}/theirs", f"oci:{store_root}/images:theirs")
    listed = {found["digest"]: found for found in documents(run("img-ls"), "descriptor")}
    assert listed[theirs.digest] == entry(theirs, "theirs")
    assert run("img-inspect", "--manifest", "theirs").out == theirs.raw
    run("img-tag", "theirs", "ours:1")
    assert actions(run("img-rm", "theirs")) == [("untag", "theirs")]
    assert names(run) == {NAME: one.digest, "docker.io/library/ours:1": theirs.digest}
    call("skopeo", "copy", "-q", f"oci:{store_root}/images:docker.io/library/ours:1", f"dir:{tmp_path}/out")
    assert actions(run("img-rm", "ours:1")) == [("untag", "docker.io/library/ours:1"), ("delete", None)]
    assert blobs(store_root) == set(one.blobs)
    assert layout.problems(store_root) == []


def test_containers_side_by_side_from_one_image(run: Commands, store_root: Path, busybox_image: Image) -> None:
    """The first of them unpacks the image, the others join it; each has a writable layer of its own."""
    box = Box(run, store_root)
    busybox_image.into_store(store_root, BUSYBOX)
    script = "echo $0 >>/mine && sleep 0.2 && cat /mine"
    running = [
        subprocess.Popen(
            [run.bin / "ctr-run", "--rm", "busybox", "sh", "-c", script, str(number)],
            env=run.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(8)
    ]  # fmt: skip
    said = [process.communicate(timeout=120) for process in running]
    assert said == [(b"%d\n" % number, b"") for number in range(8)]
    assert box.left() == []
    assert layout.unfinished(store_root) == []
