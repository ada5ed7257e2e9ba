"""host/beneath: no path leads out of the directory, whatever is in it, and whoever changes it meanwhile."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from ocipipe.host import beneath
from ocipipe.host.beneath import Root


@pytest.fixture
def place(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "d/sub").mkdir(parents=True)
    (root / "d/f").write_text("inside")
    (tmp_path / "f").write_text("outside")
    (root / "up").symlink_to("../../../..")
    (root / "absolute").symlink_to("/d")
    (root / "host").symlink_to(tmp_path)
    (root / "self").symlink_to("self")
    return root


def read(root: Root, path: bytes) -> bytes:
    fd = root.open(path, os.O_RDONLY)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


@pytest.mark.parametrize("path", ["d/f", "/d/f", "up/d/f", "absolute/f", "../d/f", "d/sub/../f", "up/../absolute/f"])
def test_all_lead_inside(place: Path, path: str) -> None:
    with Root.at(str(place)) as root:
        assert read(root, path.encode()) == b"inside"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("host/f", FileNotFoundError), ("../f", FileNotFoundError), ("d/f/x", NotADirectoryError), ("self", OSError)],
)
def test_what_is_not_there(place: Path, path: str, kind: type[OSError]) -> None:
    with Root.at(str(place)) as root, pytest.raises(kind):
        root.open(path.encode(), os.O_RDONLY)


def test_pins(place: Path) -> None:
    """A pin is of the link itself unless that is to be followed, and stays when another takes the name."""
    with Root.at(str(place)) as root:
        pin = root.pin(b"absolute")
        assert os.readlink(b"", dir_fd=pin) == b"/d"
        os.close(pin)
        pin = root.pin(b"absolute", follow=True)
        assert beneath.listed(pin) == [b"f", b"sub"]
        os.close(pin)
        with pytest.raises(OSError, match="symbolic links"):
            root.pin(b"absolute/f")
        pin = root.pin(b"d/f")
        os.rename(place / "host", place / "d/f")
        fd = beneath.reopened(pin, os.O_RDONLY)
        assert os.read(fd, 100) == b"inside"
        os.close(fd)
        os.close(pin)


def test_links_of_proc_that_jump_elsewhere_are_refused() -> None:
    with Root.at("/proc/self") as root, pytest.raises(OSError, match="cross-device"):
        root.open(b"root/etc", os.O_RDONLY)


def test_a_walk(place: Path) -> None:
    with Root.at(str(place)) as root:
        assert [path for path, _, _ in root.walk({b"host"})] == [
            b"", b"absolute", b"d", b"d/f", b"d/sub", b"self", b"up",
        ]  # fmt: skip
        seen = []
        for path, _, _ in root.walk():
            seen.append(path)
            if path == b"d":
                os.rename(place / "d", place / "elsewhere")
                (place / "d").symlink_to("host")
        assert seen == [b"", b"absolute", b"d", b"host", b"self", b"up"]


def test_a_swapper_shows_nothing_of_the_host(place: Path, tmp_path: Path) -> None:
    """A directory that is a link to the host every other moment."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/host-only").write_text("")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            os.rename(place / "d", place / "kept")
            os.rename(place / "host", place / "d")
            os.rename(place / "d", place / "host")
            os.rename(place / "kept", place / "d")

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        with Root.at(str(place)) as root:
            for _ in range(300):
                assert not [path for path, _, _ in root.walk() if b"host-only" in path]
                try:
                    assert read(root, b"d/f") == b"inside"
                except FileNotFoundError:
                    pass
    finally:
        done.set()
        thread.join()


def test_steps_open_files_to_be_read_and_nothing_else(place: Path) -> None:
    os.mkfifo(place / "d/pipe")
    with Root.at(str(place)) as root:
        found = {}
        for path, fd, status in root.walk(to_read=True):
            found[path] = beneath.is_pin(fd)
            if path == b"d/f":
                assert os.read(fd, 100) == b"inside"
                assert status.st_ino == os.stat(place / "d/f").st_ino
        assert found == {
            b"": True, b"absolute": True, b"d": True, b"d/f": False, b"d/pipe": True, b"d/sub": True, b"host": True,
            b"self": True, b"up": True,
        }  # fmt: skip


def test_a_step_follows_no_link(place: Path) -> None:
    with Root.at(str(place)) as root:
        with pytest.raises(OSError, match="symbolic links"):
            root.step(b"absolute", to_read=True)
        with pytest.raises(OSError, match="symbolic links"):
            root.step(b"absolute/f")
        fd = root.step(b"d/f", to_read=True)  # goes on elsewhere after a failure
        assert os.read(fd, 100) == b"inside"
        os.close(fd)
        pin = root.step(b"host")
        assert os.readlink(b"", dir_fd=pin) == os.fsencode(place.parent)
        os.close(pin)
