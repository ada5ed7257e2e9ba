"""Containers with volumes: named and anonymous ones, what the image has there, what goes along at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import boxes
import pytest
from boxes import Box
from cli_world import Outcome
from commands import Commands
from images import Image, Layer, image
from rootfs import busybox_tar
from tars import Tar

from ocipipe.host import mounts


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return boxes.stored(run, store_root, busybox_image)


CONTENT = Tar().dir("srv", mode=0o755).dir("srv/data", mode=0o2750, uid=33, gid=44)
CONTENT.file("srv/data/file", b"from the image\n", mode=0o4711, uid=5, xattrs={"user.k": b"v"}).link(
    "srv/data/hard", "srv/data/file"
).symlink("srv/data/out", "/etc/shadow").symlink("escape", "../../../../etc").dir("etc").file("etc/inside", b"")


@pytest.fixture
def server(run: Commands, store_root: Path) -> Callable[..., Outcome]:
    """Runs a container of an image with content in /srv/data, which is a VOLUME of it."""
    config = {"Env": ["PATH=/bin"], "Volumes": {"/srv/data": {}}}
    image([Layer(busybox_tar()), Layer(CONTENT.bytes())], config).into_store(store_root, "docker.io/library/server:1")

    def server(*argv: str, status: int | None = 0, command: str = "ctr-run", rm: bool = True) -> Outcome:
        options, words = boxes.split(argv)
        return run(command, *(["--rm"] if rm else []), *options, "server:1", *words, status=status)

    return server


def names(run: Commands) -> list[str]:
    return run("vol-ls", "-q").out.decode().split()


def data(root: Path, name: str) -> Path:
    return root / "volumes" / name / "data"


def test_a_named_volume_outlives_its_containers(run: Commands, box: Box, store_root: Path) -> None:
    box.sh("echo one > /data/file", "-v", "data:/data")
    assert box.sh("cat /data/file; rm /data/file", "-v", "data:/data") == "one\n"
    box("--name", "web", "-v", "data:/data", "--", "touch", "/data/kept", rm=False)
    assert run("vol-rm", "data", status=1).errors[0]["code"] == "CONFLICT"
    assert run("vol-inspect", "data").documents[0]["containers"] == ["web"]
    assert run("vol-prune", "--all", "--older-than=0s").documents == []
    run("ctr-rm", "-v", "web")
    assert os.listdir(data(store_root, "data")) == ["kept"]
    run("vol-rm", "data")
    assert names(run) == []


def test_what_was_made_before_is_taken_as_it_is(run: Commands, box: Box) -> None:
    run("vol-create", "--label", "a=b", "data")
    box("-v", "data:/data", "--", "true")
    assert run("vol-inspect", "data").documents[0]["labels"] == {"a": "b"}
    refused = box.refused("--mount", "type=volume,source=data,destination=/data,volume-label=c=d")
    assert "another driver, options or labels" in refused
    box("--mount", "type=volume,source=new,destination=/data,volume-label=c=d", "--", "true")
    assert run("vol-inspect", "new").documents[0]["labels"] == {"c": "d"}


def test_options(box: Box, store_root: Path) -> None:
    assert box("-v", "data:/data:ro", "--", "touch", "/data/x", status=None).status != 0
    assert box("--mount", "type=volume,src=data,dst=/data,readonly", "--", "touch", "/data/x", status=None).status != 0
    box("--mount", "type=volume,src=data,dst=/data", "--read-only", "--", "touch", "/data/x")
    assert os.listdir(data(store_root, "data")) == ["x"]
    assert "noexec" in box.text("-v", "data:/data:noexec,z", "--", "grep", " /data ", "/proc/self/mountinfo")
    assert " shared:" in box.text("-v", "data:/data:rshared", "--", "grep", " /data ", "/proc/self/mountinfo")
    assert "neither a path nor a volume's name" in box.refused("-v", "n:/data")
    assert "neither a path nor a volume's name" in box.refused("-v", "a/b:/data")
    assert "no such volume driver" in box.refused("--mount", "type=volume,dst=/data,volume-driver=x")
    assert "does not have it" in box.refused("--mount", "type=volume,dst=/data,volume-opt=size=1")
    assert "two mounts go there" in box.refused("-v", "data:/data", "--tmpfs", "/data/")
    assert box.left() == []


def test_paths_from_where_we_are(box: Box, run: Commands, tmp_path: Path) -> None:
    comma = tmp_path / "f,g"
    comma.mkdir()
    options = """-v ./new:/a --mount 'type=bind,"src=./f,g",dst=/b'"""
    run.shell(f"ctr-run --rm --network none {options} busybox touch /a/x /b/y", cwd=tmp_path)
    assert (os.listdir(tmp_path / "new"), os.listdir(comma)) == (["x"], ["y"])


def test_other_owners(box: Box, run: Commands, store_root: Path) -> None:
    """The volume's files are seen as others', and what these make is stored as theirs; over a restart, too."""
    box.sh("mkdir /data/in; touch /data/old; chown -R 1000:2000 /data", "-v", "data:/data")
    both = "data:/data:idmap=uids=1000-0-1#5-1000-2;gids=2000-0-1#0-2000-1"
    assert box.sh("stat -c %u:%g /data/old; touch /data/new /data/in/x", "-v", both) == "0:0\n"
    for name in ("new", "in/x"):
        found = (data(store_root, "data") / name).stat()
        assert (found.st_uid, found.st_gid) == (1000, 2000)
    run("ctr-create", "--name", "web", "-v", both, "busybox", "sh", "-c", "touch /data/late$(stat -c %u /data/old)")
    for _ in range(2):
        run("ctr-start", "-a", "web")
    assert (data(store_root, "data") / "late0").stat().st_uid == 1000
    part = "type=volume,src=data,dst=/x,volume-subpath=in,idmap=uids=1000-7-1"
    assert box.sh("stat -c %u:%g /x", "--mount", part) == "7:2000\n"
    assert box.sh("stat -c %u:%g /data/old", "--volumes-from", "web") == "0:0\n"
    run("ctr-rm", "web")
    for bad in ("uids=1-2", "uids=a-1-1", "users=0-0-1", "uids=0-0-0", ""):
        assert "maps no owners" in box.refused("-v", f"data:/data:idmap={bad}")
    assert "cannot be seen as others'" in box.refused("-v", "data:/data:idmap=uids=0-0-2#1-5-1")
    assert box.left() == []


def test_owners_where_the_file_system_has_no_maps(box: Box, run: Commands) -> None:
    run("vol-create", "--opt", "type=proc", "--opt", "device=proc", "odd")
    assert "its file system cannot" in box.refused("-v", "odd:/data:nocopy,idmap=uids=0-1-1")
    assert box.left() == []


def test_a_subpath(box: Box, store_root: Path) -> None:
    box.sh("mkdir -p /data/a/b; echo in > /data/a/b/f; ln -s /etc /data/out; ln -s a /data/link", "-v", "data:/data")
    for path in ("a/b", "link/b"):
        assert box.text("--mount", f"type=volume,src=data,dst=/x,volume-subpath={path}", "--", "ls", "/x") == "f\n"
    assert box.text("--mount", "type=volume,src=data,dst=/x,volume-subpath=a/b/f", "--", "cat", "/x") == "in\n"
    for path in ("none", "a/b/f/g", "out", "out/shadow"):
        assert "the volume has no" in box.refused("--mount", f"type=volume,src=data,dst=/x,volume-subpath={path}")
    assert box.left() == []


def test_the_image_s_content_is_copied_up(run: Commands, server: Callable[..., Outcome], store_root: Path) -> None:
    """Owners, modes, attributes and links with it, into an empty volume only, and not with nocopy."""
    stat = ("stat", "-c", "%n %a %u:%g", "/srv/data", "/srv/data/file")
    shown = server("-v", "data:/srv/data", "--", *stat).out.decode()
    assert shown == "/srv/data 2750 33:44\n/srv/data/file 4711 5:0\n"
    place = data(store_root, "data")
    assert sorted(os.listdir(place)) == ["file", "hard", "out"]
    assert os.getxattr(place / "file", "user.k") == b"v"
    assert os.stat(place / "file").st_ino == os.stat(place / "hard").st_ino
    server("-v", "data:/srv/data", "--", "rm", "/srv/data/file", "/srv/data/out")
    server("-v", "data:/srv/data", "--", "true")
    assert os.listdir(place) == ["hard"]
    server("-v", "bare:/srv/data:nocopy", "--", "true")
    assert os.listdir(data(store_root, "bare")) == []
    server("-v", "escaped:/escape", "--", "true")
    found = os.listdir(data(store_root, "escaped"))
    assert "inside" in found
    assert "shadow" not in found, "the image's /etc, not the host's"


def test_at_create_and_not_at_every_start(run: Commands, server: Callable[..., Outcome], store_root: Path) -> None:
    script = "rm -rf /srv/data/*"
    server("--name", "web", "-v", "data:/srv/data", "--", "sh", "-c", script, rm=False, command="ctr-create")
    assert len(os.listdir(data(store_root, "data"))) == 3
    for _ in range(2):
        run.shell("ctr-start web | ctr-wait")
        assert os.listdir(data(store_root, "data")) == []


def test_anonymous_volumes(run: Commands, server: Callable[..., Outcome], box: Box, store_root: Path) -> None:
    """Of VOLUME and of -v /path: with --rm they go along, with ctr-rm -v, and named ones never."""
    server("-v", "/other", "-v", "data:/data", "--", "touch", "/other/x", "/srv/data/x")
    assert names(run) == ["data"]
    server("--name", "web", "-v", "/other", "-v", "data:/data", "--", "true", rm=False)
    (record,) = box.records()
    assert len(record["volumes"]) == 3
    assert sorted(names(run)) == sorted(record["volumes"])
    anonymous = {one["name"] for one in run("vol-ls").documents if one["anonymous"]}
    assert len(anonymous) == 2
    assert run("vol-prune", "--older-than=0s").documents == []
    run("ctr-rm", "web")
    assert set(names(run)) == {"data", *anonymous}
    assert {one["object"]["id"] for one in run("vol-prune", "--older-than=0s").documents} == anonymous
    server("--name", "web", "--", "true", rm=False)
    run("ctr-rm", "-v", "web")
    assert names(run) == ["data"]
    run("ctr-run", "-d", "--rm", "--name", "bg", "server:1", "true")
    run("ctr-wait", "bg", status=None)
    assert names(run) == ["data"]


def test_a_mount_takes_the_image_s_volume_s_place(
    run: Commands, server: Callable[..., Outcome], tmp_path: Path
) -> None:
    for option in (["--tmpfs", "/srv/data"], ["-v", f"{tmp_path}/h:/srv/data/"], ["-v", "data:/srv/data"]):
        server("--name", "web", *option, "--", "true", rm=False)
        assert names(run) == ["data"] * (option[1] == "data:/srv/data")
        run("ctr-rm", "web")


def test_volumes_of_another_container(run: Commands, server: Callable[..., Outcome], tmp_path: Path) -> None:
    (tmp_path / "host").mkdir()
    server("--name", "web", "-v", f"{tmp_path}/host:/host", "-v", "data:/data", "--", "touch", "/data/x", rm=False)
    shown = run("ctr-run", "--rm", "--volumes-from", "web", "server:1", "ls", "/data", "/srv/data")
    assert b"x\n" in shown.out
    assert b"file\n" in shown.out
    run("ctr-run", "--rm", "--volumes-from", "web", "server:1", "touch", "/host/y")
    assert os.listdir(tmp_path / "host") == ["y"]
    done = run("ctr-run", "--rm", "--volumes-from", "web:ro", "server:1", "touch", "/data/z", status=None)
    assert done.status != 0
    assert len(names(run)) == 2, "with the other's volumes, none is made for the image's"
    refused = run("ctr-run", "--rm", "--volumes-from", "no", "server:1", status=125)
    assert "no such container" in refused.errors[0]["message"]
    assert run("ctr-run", "--rm", "--volumes-from", "web:x", "server:1", status=2).errors


def test_made_once_more_from_its_document(run: Commands, server: Callable[..., Outcome], store_root: Path) -> None:
    server("--name", "web", "-v", "data:/data", "--", "touch", "/data/x", "/srv/data/y", rm=False)
    run.shell("ctr-inspect web | ctr-create --name again -")
    run("ctr-rm", "-v", "web")
    assert len(names(run)) == 2, "the other one uses them"
    run.shell("ctr-start again | ctr-wait")
    run("ctr-rm", "-v", "again")
    assert names(run) == ["data"]


def test_in_memory_for_as_long_as_one_runs(run: Commands, server: Callable[..., Outcome], store_root: Path) -> None:
    run("vol-create", "--opt", "type=tmpfs", "--opt", "o=size=1m", "scratch")
    script = "touch /srv/data/x; sleep 60"
    run("ctr-run", "-d", "--name", "one", "-v", "scratch:/srv/data", "server:1", "sh", "-c", script)
    place = data(store_root, "scratch")
    assert mounts.is_mounted(str(place))
    assert (place / "file").exists()
    assert b"/srv/data/file" in server("-v", "scratch:/srv/data", "--", "ls", "/srv/data/file").out
    assert mounts.is_mounted(str(place))
    run("ctr-stop", "-t", "0", "one")
    assert not mounts.is_mounted(str(place))
    run("ctr-start", "one")
    assert sorted(os.listdir(place))[:1] == ["file"]
    run("ctr-rm", "--force", "one")
    assert not mounts.is_mounted(str(place))
    server("--name", "two", "-v", "scratch:/srv/data", "--", "true", rm=False, command="ctr-create")
    assert not mounts.is_mounted(str(place))
    run("ctr-rm", "two")


def test_killed_and_swept(run: Commands, server: Callable[..., Outcome], store_root: Path) -> None:
    """kill -9 of monitor and container: the next command finds what was left."""
    run("vol-create", "--opt", "type=tmpfs", "scratch")
    run("ctr-run", "-d", "--rm", "--name", "one", "-v", "scratch:/data", "server:1", "sleep", "60")
    (container,) = [path.parent for path in store_root.glob("containers/*/record.json")]
    directory = Path(run.env["OCIPIPE_RUN_ROOT"]) / "containers" / container.name
    for name in ("monitor", "pid"):
        os.kill(int((directory / name).read_text()), signal.SIGKILL)
    server("--", "true")
    assert not container.exists()
    assert mounts.mounted_under(str(store_root)) == []
    assert names(run) == ["scratch"], "what had no name went with its container"


def test_a_failed_creation_leaves_no_volume(run: Commands, server: Callable[..., Outcome], box: Box) -> None:
    server("-u", "nobody-there", "--", "true", status=125)
    server("--", "no-such-command", status=127)
    assert names(run) == []
    assert box.left() == []


def test_twenty_at_once_share_one(run: Commands, server: Callable[..., Outcome], store_root: Path) -> None:
    """The first fills it, and nobody sees it half filled."""
    command = [str(run.bin / "ctr-run"), "--rm", "-v", "shared:/srv/data", "server:1", "sh", "-c",
               "ls /srv/data | sort | tr '\\n' ' '"]  # fmt: skip
    running = [subprocess.Popen(command, env=run.env, stdout=subprocess.PIPE) for _ in range(20)]
    outputs = {process.communicate(timeout=120)[0] for process in running}
    assert outputs == {b"file hard out "}
    assert {process.returncode for process in running} == {0}
    assert names(run) == ["shared"]
    assert json.loads(run("vol-inspect", "shared").out)["containers"] == []
