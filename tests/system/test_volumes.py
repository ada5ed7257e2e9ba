"""The commands for volumes, on their own: made, listed, exported, imported, cloned and removed."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import archives
import layout
import pytest
from boxes import container_record
from commands import Commands
from layer_trees import snapshot
from tars import Tar

from ocipipe.host import mounts
from ocipipe.store.store import Store

TREE = Tar().dir("./", mode=0o750, uid=70).dir("d").file("d/f", b"hello\n", mode=0o4711, uid=5, xattrs={"user.k": b"v"})
TREE.link("hard", "d/f").symlink("out", "/etc").char("null", 1, 3).fifo("fifo").file("d/.wh.f", b"a file like others")


def names(run: Commands, *filters: str) -> list[str]:
    return run("vol-ls", "-q", *(word for text in filters for word in ("--filter", text))).out.decode().split()


def used(root: Path, *volumes: str) -> None:
    """A container that is not running uses these volumes."""
    os.close(Store(str(root)).containers.create(container_record("c", list(volumes))).lock)


def unfinished(root: Path) -> list[str]:
    return [str(path) for path in root.glob("volumes/.tmp-*")]


def test_made_listed_and_removed(run: Commands, store_root: Path) -> None:
    (made,) = run("vol-create", "--label", "tier=db", "data").documents
    assert run("vol-create", "data", "--label", "tier=db").documents == [made]
    assert made == {
        "name": "data", "driver": "local", "type": "bind", "source": f"{store_root}/volumes/data/data",
        "options": ["rbind"], "mountpoint": f"{store_root}/volumes/data/data", "labels": {"tier": "db"},
        "created": made["created"], "anonymous": False,
    }  # fmt: skip
    assert json.loads(run.shell("vol-ls | oci-validate").out)["type"] == "volume"
    assert run.shell("vol-ls | vol-inspect").documents == [{**made, "containers": []}]
    (anonymous,) = run("vol-create").documents
    assert len(anonymous["name"]) == 64
    assert names(run) == sorted(["data", anonymous["name"]])
    (action,) = run("vol-rm", "data").documents
    assert action == {"action": "delete", "object": made, "reasons": []}
    assert names(run) == [anonymous["name"]]
    assert run.shell("vol-ls -q | vol-rm -q").out.decode().split() == [anonymous["name"]]
    assert os.listdir(store_root / "volumes") == []
    assert run("vol-ls").documents == []


def test_filters_and_sizes(run: Commands, store_root: Path) -> None:
    run("vol-create", "--label", "tier=db", "db-data")
    run("vol-create", "--label", "tier=web", "web-data")
    run("vol-create", "other")
    Path(store_root, "volumes/other/data/file").write_bytes(b"x" * 100_000)
    used(store_root, "other", "db-data")
    for filters, wanted in (
        (["label=tier"], ["db-data", "web-data"]), (["label=tier=db"], ["db-data"]), (["label!=tier"], ["other"]),
        (["name=*-data"], ["db-data", "web-data"]), (["name=data"], []), (["dangling=true"], ["web-data"]),
        (["dangling=false"], ["db-data", "other"]), (["dangling=false", "label=tier"], ["db-data"]),
    ):  # fmt: skip
        assert names(run, *filters) == wanted, filters
    sized = {one["name"]: one for one in run("vol-ls", "--size").documents}
    assert 100_000 <= sized["other"]["bytes"] < 200_000
    assert (sized["other"]["containers"], sized["web-data"]["containers"]) == (["cc"], [])
    table = run("vol-ls", "--size", "--format", "table").out.decode().splitlines()
    assert table[0].split() == ["NAME", "TYPE", "SOURCE", "CREATED", "SIZE", "CONTAINERS"]
    assert [line.split()[0] for line in table[1:]] == ["db-data", "other", "web-data"]


def test_there_and_back(run: Commands, store_root: Path) -> None:
    """Export, import and clone keep everything; the same files make the same archive."""
    run("vol-import", "--label", "a=b", "data", input=TREE.bytes())
    first = run("vol-export", "data").out
    assert run("vol-export", "data").out == first
    run.shell("vol-ls --filter name=data | vol-export | vol-import again")
    (cloned,) = run("vol-clone", "data", "cloned", "--label", "c=d").documents
    assert cloned["labels"] == {"a": "b", "c": "d"}
    wanted = snapshot(store_root / "volumes" / "data" / "data")
    assert (wanted[b""].mode, wanted[b""].owner) == (0o750, (70, 0))
    assert wanted[b"d/f"].xattrs == {"user.k": b"v"}
    assert b"d/.wh.f" in wanted
    for name in ("again", "cloned"):
        assert snapshot(store_root / "volumes" / name / "data") == wanted
        assert run("vol-export", name).out == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        assert tar.getnames() == [".", "d", "d/.wh.f", "d/f", "fifo", "hard", "null", "out"]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
@pytest.mark.parametrize("way", ["vol-import data {}", "cat {} | vol-import data -", "vol-import data <{}"])
def test_every_way_in(compression: str, way: str, run: Commands, store_root: Path, tmp_path: Path) -> None:
    import zstandard

    compress = {"none": bytes, "gzip": gzip.compress, "zstd": zstandard.compress}[compression]
    run.shell(way.format(archives.write(tmp_path / "a.tar", compress(TREE.bytes()))))
    assert Path(store_root, "volumes/data/data/d/f").read_text() == "hello\n"
    assert unfinished(store_root) == []


def test_into_an_empty_volume_that_is_there(run: Commands, store_root: Path) -> None:
    run("vol-create", "--label", "mine=yes", "data")
    (found,) = run("vol-import", "data", input=TREE.bytes()).documents
    assert found["labels"] == {"mine": "yes"}
    assert sorted(os.listdir(store_root / "volumes" / "data")) == ["data", "record.json"]
    before = snapshot(store_root / "volumes" / "data" / "data")
    done = run("vol-import", "data", input=TREE.bytes(), status=1)
    assert "not empty" in done.errors[0]["message"]
    assert snapshot(store_root / "volumes" / "data" / "data") == before


HOSTILE: list[tuple[bytes, str]] = [
    (b"", "end marker"),
    (b"garbage" * 200, "truncated|checksum"),
    (TREE.bytes()[:700], "truncated"),
    (TREE.bytes()[:-1024], "end marker"),
    (gzip.compress(TREE.bytes())[:-9], "truncated"),
    (Tar().file("../../escaped", b"x").bytes(), "leaves the layer|leaves"),
    (Tar().symlink("d", "/tmp").link("x", "../../etc/passwd").bytes(), "leaves"),
]


@pytest.mark.parametrize(("data", "message"), HOSTILE)
@pytest.mark.parametrize("there", [True, False])
def test_archives_that_are_broken_or_hostile(
    data: bytes, message: str, there: bool, run: Commands, store_root: Path
) -> None:
    if there:
        run("vol-create", "data")
    done = run("vol-import", "data", input=data, status=1)
    assert done.out == b""
    (error,) = done.errors
    assert any(word in error["message"] for word in message.split("|")), error
    assert "image" not in error["message"]
    assert names(run) == ["data"] * there
    assert os.listdir(store_root / "volumes") == ["data"] * there
    if there:
        assert os.listdir(store_root / "volumes" / "data" / "data") == []
        assert sorted(os.listdir(store_root / "volumes" / "data")) == ["data", "record.json"]


def test_links_in_an_archive_lead_nowhere_on_the_host(run: Commands, store_root: Path, tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    hostile = Tar().symlink("a", str(tmp_path / "host")).file("a/inside", b"x").symlink("b", "../../../..")
    hostile.file("b/up", b"y").file("/absolute", b"z")
    run("vol-import", "data", input=hostile.bytes())
    assert os.listdir(tmp_path / "host") == []
    assert Path(f"{store_root}/volumes/data/data{tmp_path}/host/inside").read_bytes() == b"x"
    assert sorted(os.listdir(store_root / "volumes" / "data")) == ["data", "record.json"]
    assert Path(store_root, "volumes/data/data/absolute").exists()


def test_export_into_a_file(run: Commands, tmp_path: Path) -> None:
    run("vol-import", "data", input=TREE.bytes())
    target = archives.write(tmp_path / "a.tar", b"before")
    assert run("vol-export", "-o", target, "none", status=1).errors
    assert target.read_bytes() == b"before"
    (found,) = run("vol-export", "-o", target, "data").documents
    assert found["name"] == "data"
    assert target.read_bytes() == run("vol-export", "data").out
    assert run.shell("vol-ls | vol-export -").out == target.read_bytes()
    (error,) = run("vol-export", "-", input=b'{"id": 5}', status=2).errors
    assert "is no volume's" in error["message"]


def test_file_systems_that_the_options_name(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """They are mounted while they are read or filled, and what lies there stays when the volume goes."""
    host = tmp_path / "host"
    host.mkdir()
    options = ["--opt", "type=none", "--opt", f"device={host}", "--opt", "o=bind"]
    (made,) = run("vol-create", *options, "shared").documents
    assert (made["type"], made["source"], made["options"]) == ("none", str(host), ["bind"])
    run("vol-import", "shared", input=TREE.bytes())
    assert (host / "d" / "f").read_text() == "hello\n"
    assert mounts.mounted_under(str(store_root)) == []
    run("vol-clone", "shared", "copy")
    assert snapshot(store_root / "volumes" / "copy" / "data") == snapshot(host)
    run("vol-rm", "shared")
    assert (host / "d" / "f").read_text() == "hello\n"
    assert mounts.mounted_under(str(store_root)) == []


def test_a_volume_in_use_stays(run: Commands, store_root: Path) -> None:
    run("vol-create", "data")
    run("vol-create", "free")
    used(store_root, "data")
    for options in ([], ["--force"]):
        done = run("vol-rm", *options, "data", "free", status=1)
        assert [error["code"] for error in done.errors] == ["CONFLICT"]
        assert "container cc uses it" in done.errors[0]["message"]
        run("vol-create", "free")
    assert names(run) == ["data", "free"]


REFUSED: list[tuple[list[str], int, str]] = [
    (["vol-create", "--driver", "none", "x1"], 2, "no such volume driver"),
    (["vol-create", "--opt", "size=1g", "x1"], 2, "does not have it"),
    (["vol-create", "--opt", "type=nfs", "x1"], 2, "needs the option device"),
    (["vol-create", "--opt", "=x", "x1"], 2, "no key"),
    (["vol-create", "x"], 2, "no volume name"),
    (["vol-create", "a/b"], 2, "no volume name"),
    (["vol-create", "there", "--label", "a=b"], 1, "another driver, options or labels"),
    (["vol-create", "there", "--opt", "type=tmpfs"], 1, "another driver, options or labels"),
    (["vol-rm", "none"], 1, "no such volume"),
    (["vol-rm", "../containers"], 1, "no such volume"),
    (["vol-inspect", "none"], 1, "no such volume"),
    (["vol-export", "none"], 1, "no such volume"),
    (["vol-clone", "none", "x1"], 1, "no such volume"),
    (["vol-clone", "there", "there"], 1, "there already"),
    (["vol-clone", "there", "x"], 2, "no volume name"),
    (["vol-import", "x", "/dev/null"], 2, "no volume name"),
    (["vol-import", "x1", "none.tar"], 1, "none.tar"),
    (["vol-import", "there", "--label", "a=b", "/dev/null"], 1, "other labels"),
    (["vol-ls", "--filter", "dangling=maybe"], 2, "neither true nor false"),
    (["vol-ls", "--filter", "size=1"], 2, "no filter"),
]


@pytest.mark.parametrize(("argv", "status", "message"), REFUSED)
def test_refused(argv: list[str], status: int, message: str, run: Commands, store_root: Path) -> None:
    run("vol-create", "there")
    done = run(argv[0], *argv[1:], status=status)
    assert done.out == b""
    assert message in done.errors[0]["message"]
    assert os.listdir(store_root / "volumes") == ["there"]


def test_not_there_is_no_error_by_force(run: Commands) -> None:
    done = run("vol-rm", "--force", "none", "../etc")
    assert (done.out, done.err) == (b"", b"")


def test_a_damaged_record(run: Commands, store_root: Path) -> None:
    for name in ("bad", "good"):
        run("vol-create", name)
    Path(store_root, "volumes/bad/record.json").write_text("{")
    done = run("vol-ls", status=1)
    assert [one["name"] for one in done.documents] == ["good"]
    assert "record is damaged" in done.errors[0]["message"]
    assert run("vol-rm", "bad", status=1).errors[0]["code"] == "CORRUPT"
    (action,) = run("vol-rm", "--force", "bad").documents
    assert action["object"] == {"kind": "volume", "name": "bad"}
    assert names(run) == ["good"]


def test_a_damaged_record_of_a_container(run: Commands, store_root: Path) -> None:
    """Which volumes it uses is not known, so none goes."""
    run("vol-create", "data")
    used(store_root)
    next(store_root.glob("containers/*/record.json")).write_text("{")
    assert "record is damaged" in run("vol-rm", "data", status=1).errors[0]["message"]
    assert names(run) == ["data"]


def test_a_full_disk(run: Commands, tmp_path: Path) -> None:
    """Nothing is half there."""
    disk = tmp_path / "disk"
    disk.mkdir()
    big = Tar().file("a", b"x" * 600_000).file("b", os.urandom(3_000_000)).bytes()
    mounts.mount("tmpfs", str(disk), "tmpfs", "size=2m")
    small = run.on(OCIPIPE_ROOT=str(disk / "store"))
    try:
        assert "no space left" in small("vol-import", "data", input=big, status=1).errors[0]["message"]
        assert os.listdir(disk / "store" / "volumes") == []
        small("vol-import", "data", input=Tar().file("b", os.urandom(1_200_000)).bytes())
        done = small("vol-clone", "data", "copy", status=1)
        assert "o space left" in done.errors[0]["message"]
        assert os.listdir(disk / "store" / "volumes") == ["data"]
    finally:
        mounts.unmount_under(str(disk))


def test_ten_at_once(run: Commands, store_root: Path) -> None:
    """Ten make one volume, ten fill another: all get the one that there is, or are told."""
    make = [str(run.bin / "vol-create"), "data"]
    fill = [str(run.bin / "vol-import"), "filled"]
    processes: list[tuple[list[str], subprocess.Popen[bytes]]] = []
    for argv in [make, fill] * 10:
        process = subprocess.Popen(
            argv, env=run.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        processes.append((argv, process))
    results: dict[str, list[tuple[int, Any]]] = {"vol-create": [], "vol-import": []}
    for argv, process in processes:
        out, _ = process.communicate(TREE.bytes() if argv is fill else b"", timeout=60)
        results[Path(argv[0]).name].append((process.returncode, out))
    assert {status for status, _ in results["vol-create"]} == {0}
    assert len({out for _, out in results["vol-create"]}) == 1
    assert sorted(status for status, _ in results["vol-import"]) == [0] + [1] * 9
    assert sorted(os.listdir(store_root / "volumes")) == ["data", "filled"]
    assert Path(store_root, "volumes/filled/data/d/f").read_text() == "hello\n"
    assert layout.problems(store_root) == []
