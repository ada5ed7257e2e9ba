"""ctr-diff and ctr-export: what containers have changed, and all that is in them; running, stopped and hostile ones."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image
from inhabited import running


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


def diff(box: Box, name: str) -> list[tuple[str, str]]:
    return [(one["path"], one["kind"]) for one in box.run("ctr-diff", name).documents]


def members(box: Box, name: str) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(box.run("ctr-export", name).out)) as tar:
        return {member.name: member for member in tar}


SCRIPT = "echo new >/new; rm /etc/os-release; echo x >>/etc/group; rm -r /home; mkdir -p /home/other; touch /data/in/v"
CHANGES = [
    ("/etc", "changed"), ("/etc/group", "changed"), ("/etc/os-release", "deleted"), ("/home", "changed"),
    ("/home/app", "deleted"), ("/home/other", "added"), ("/new", "added"),
]  # fmt: skip


def test_a_stopped_one(box: Box, tmp_path: Path) -> None:
    """Nothing of what was mounted counts: the image has neither /data nor /etc/resolv.conf."""
    options = ["-v", f"{tmp_path}/volume:/data/in", "--tmpfs", "/run/x", "--init", "--name", "one"]
    box(*options, "--", "sh", "-c", SCRIPT, rm=False)
    assert diff(box, "one") == CHANGES
    found = members(box, "one")
    assert found["new"].size == 4
    assert {"etc/os-release", "home/app", "etc/resolv.conf", "data/in", "run/x"} & found.keys() == set()
    assert box.run.shell("ctr-diff one | oci-validate | jq -c .valid").out == b"true\n" * len(CHANGES)
    table = box.run("ctr-diff", "--format", "table", "one").out.decode().splitlines()
    assert [line.split() for line in table[:2]] == [["CHANGE", "PATH"], ["changed", "/etc"]]


def test_a_running_one(box: Box, tmp_path: Path) -> None:
    with running(box, f"{SCRIPT}; echo ready; exec sleep 1000", "-v", f"{tmp_path}/volume:/data/in") as name:
        assert diff(box, name) == CHANGES
        found = members(box, name)
        assert "new" in found
        assert "data/in/v" not in found
        assert box.run("ctr-export", name).out == box.run("ctr-export", name).out


def test_an_untouched_one_is_its_image(box: Box) -> None:
    box("--name", "same", rm=False)
    assert diff(box, "same") == []

    def shape(data: bytes) -> list[tuple[object, ...]]:
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return [(one.name, one.type, one.mode, one.uid, one.size, one.linkname) for one in tar]

    assert shape(box.run("ctr-export", "same").out) == shape(box.run("img-export", "busybox").out)


def test_into_a_file_and_back(box: Box, tmp_path: Path) -> None:
    box("--name", "job", "--", "sh", "-c", "echo kept >/kept", rm=False)
    box.run("ctr-export", "-o", tmp_path / "root.tar", "job")
    assert (tmp_path / "root.tar").read_bytes() == box.run("ctr-export", "job").out
    box.run("img-import", tmp_path / "root.tar", "flat:1")
    assert box.run("ctr-run", "--rm", "flat:1", "/bin/cat", "/kept").out == b"kept\n"
    actions = [event["action"] for event in box.run("ctr-events", "--no-follow", "-f", "container=job").documents]
    assert actions == ["create", "start", "die", "export", "export"]
    nowhere = tmp_path / "none" / "root.tar"
    assert box.run("ctr-export", "-o", nowhere, "job", status=1).errors[0]["message"].startswith(f"{nowhere}: no such")


@pytest.mark.parametrize("command", ["ctr-diff", "ctr-export"])
def test_which_there_is_not(box: Box, command: str) -> None:
    (error,) = box.run(command, "nothing", status=1).errors
    assert error["code"] == "NOT_FOUND"
    assert "no such container" in error["message"]


def test_nothing_stays_mounted(box: Box) -> None:
    """Nor is anything seen to be mounted: not by others while it lasts, and not when it is killed."""
    box("--name", "job", rm=False)

    def mounted() -> list[str]:
        return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(box.root) in line]

    box.run("ctr-export", "job")
    assert mounted() == []
    argv = [str(box.run.bin / "ctr-export"), "job"]
    killed = subprocess.Popen(argv, env=box.run.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert killed.stdout
    killed.stdout.read(1)
    assert mounted() == []
    killed.kill()
    killed.communicate()
    assert mounted() == []
    box.run("ctr-rm", "job")


SWAPPER = """
mkdir -p /w/real/deep; echo mine >/w/real/deep/file; ln -s ../../../../../../.. /w/up; ln -s {out} /w/out
echo ready
while :; do
  mv /w/real /w/kept; mv /w/out /w/real; mv /w/real /w/out; mv /w/kept /w/real
  mv /w/real/deep /w/real/k; ln -s {out} /w/real/deep; rm /w/real/deep; mv /w/real/k /w/real/deep
done
"""


@pytest.mark.parametrize("command", ["ctr-diff", "ctr-export", "ctr-commit"])
def test_a_process_that_swaps_links_under_our_feet(box: Box, tmp_path: Path, command: str) -> None:
    """Directories become links to the host and back, all the time: nothing what the host has is read."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "host-secret").write_text("what the host has")
    (tmp_path / "out" / "deep").mkdir()
    (tmp_path / "out" / "deep" / "host-secret").write_text("what the host has")
    options = ["--pause=false"] if command == "ctr-commit" else []
    with running(box, SWAPPER.format(out=tmp_path / "out")) as name:
        for _ in range(12):
            done = box.run(command, *options, name)
            assert b"host-secret" not in done.out
            assert b"what the host has" not in done.out
            if command == "ctr-commit":
                shown = box.run("img-export", done.documents[0]["digest"]).out
                assert b"host-secret" not in shown
                assert b"what the host has" not in shown
                box.run("img-rm", done.documents[0]["digest"])
