"""What a layer's archive holds arrives on the real file system as it was: the facts of PITFALLS 1 to 7."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tars import Tar, chunked, gnu_sparse, header, of_tarfile, pax_sparse

from ocipipe.errors import Unavailable
from ocipipe.host import mounts
from ocipipe.layers.apply import apply_layer

CAPABILITY = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
"""cap_net_bind_service=ep, as the kernel stores it (revision 2)."""
OPAQUE = "trusted.overlay.opaque"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    directory.mkdir()
    return directory


def apply(tar: Tar | bytes, root: Path) -> None:
    apply_layer(chunked(tar if isinstance(tar, bytes) else tar.bytes(), 700), str(root))


def test_modes_keep_setuid_setgid_and_sticky(root: Path) -> None:
    apply(
        Tar().file("su", mode=0o4755, uid=1, gid=2).file("sg", mode=0o2711).dir("tmp", mode=0o1777).dir("d", 0o6755),
        root,
    )
    assert [stat.S_IMODE(os.lstat(root / name).st_mode) for name in ("su", "sg", "tmp", "d")] == [
        0o4755, 0o2711, 0o1777, 0o6755,
    ]  # fmt: skip


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o777])
def test_our_umask_takes_nothing_off(root: Path, umask: int) -> None:
    modes = (0o000, 0o400, 0o644, 0o666, 0o755, 0o777, 0o4755, 0o2755, 0o1777)
    archive = Tar()
    for mode in modes:
        archive.file(f"mine-{mode:o}", mode=mode).file(f"theirs-{mode:o}", mode=mode, uid=7, gid=8)
    before = os.umask(umask)
    try:
        apply(archive, root)
    finally:
        os.umask(before)
    for mode in modes:
        for whose in ("mine", "theirs"):
            assert stat.S_IMODE(os.lstat(root / f"{whose}-{mode:o}").st_mode) == mode


def test_owners_are_numeric_and_large_ones_come_through(root: Path) -> None:
    apply(
        Tar()
        .file("a", uid=12345, gid=3)
        .dir("d", uid=1, gid=2)
        .symlink("s", "a", uid=7, gid=8)
        .file("z", uid=3_000_000_000),
        root,
    )
    owners = [(os.lstat(root / name).st_uid, os.lstat(root / name).st_gid) for name in "adsz"]
    assert owners == [(12345, 3), (1, 2), (7, 8), (3_000_000_000, 0)]


def test_a_setgid_directory_and_its_acl_are_not_inherited(root: Path) -> None:
    anybody = 2**32 - 1
    entries = [(1, 7, anybody), (2, 7, 1000), (4, 5, anybody), (0x10, 7, anybody), (0x20, 5, anybody)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    tar = Tar().dir("d", mode=0o2775, gid=50, xattrs={"system.posix_acl_default": acl})
    apply(tar.file("d/f", mode=0o600).dir("d/sub").fifo("d/p").symlink("d/s", "f").file("d/implied/f"), root)
    for name in ("f", "sub", "p", "s", "implied", "implied/f"):
        assert os.lstat(root / "d" / name).st_gid == 0
        assert os.listxattr(root / "d" / name, follow_symlinks=False) == []
    assert stat.S_IMODE(os.lstat(root / "d/sub").st_mode) == 0o755
    assert os.getxattr(root / "d", "system.posix_acl_default") == acl


def test_extended_attributes_survive_with_any_bytes(root: Path) -> None:
    value = bytes(range(256))
    tar = Tar().file("f", b"x", mode=0o4755, uid=5, xattrs={"security.capability": CAPABILITY, b"user.na\xefve": value})
    apply(
        tar.dir("d", xattrs={"user.d": b""})
        .symlink("s", "f", xattrs={"trusted.s": b"1"})
        .fifo("p", xattrs={"trusted.p": b"2"}),
        root,
    )
    assert os.getxattr(root / "f", "security.capability") == CAPABILITY
    assert os.getxattr(root / "f", b"user.na\xefve") == value
    assert os.listxattr(root / "d") == ["user.d"]
    assert os.getxattr(root / "s", "trusted.s", follow_symlinks=False) == b"1"
    assert os.getxattr(root / "p", "trusted.p", follow_symlinks=False) == b"2"
    assert stat.S_IMODE(os.lstat(root / "f").st_mode) == 0o4755


def test_overlay_marks_and_host_labels_in_an_archive_are_dropped(root: Path) -> None:
    marks = {
        "trusted.overlay.opaque": b"y",
        "trusted.overlay.redirect": b"/etc",
        "user.overlay.opaque": b"y",
        "security.selinux": b"x",
    }
    apply(Tar().dir("d", xattrs=marks).file("f", xattrs={**marks, "user.kept": b"1"}), root)
    assert os.listxattr(root / "d") == []
    assert os.listxattr(root / "f") == ["user.kept"]


def test_devices_fifos_and_links(root: Path) -> None:
    tar = Tar().char("null", 1, 3, mode=0o666).block("disk", 259, 70000, mode=0o640, gid=6).fifo("pipe", mode=0o620)
    apply(tar.file("f", b"x").link("hard", "f").link("abs", "/f").symlink("s", "/no/where").link("hs", "s"), root)
    null, disk = os.lstat(root / "null"), os.lstat(root / "disk")
    assert (stat.S_ISCHR(null.st_mode), null.st_rdev, stat.S_IMODE(null.st_mode)) == (True, os.makedev(1, 3), 0o666)
    assert (stat.S_ISBLK(disk.st_mode), disk.st_rdev, stat.S_IMODE(disk.st_mode)) == (
        True,
        os.makedev(259, 70000),
        0o640,
    )
    assert stat.S_ISFIFO(os.lstat(root / "pipe").st_mode)
    assert os.lstat(root / "f").st_nlink == 3
    assert os.readlink(root / "hs") == "/no/where"
    assert os.lstat(root / "hs").st_ino == os.lstat(root / "s").st_ino


def test_times_to_the_nanosecond_and_of_directories_last(root: Path) -> None:
    tar = (
        Tar()
        .dir("d", mtime="1.5")
        .file("d/f", mtime="1234567890.123456789")
        .symlink("d/s", "f", mtime="-3.25")
        .dir("d/e", mtime=7)
    )
    apply(tar.file("d/e/late"), root)
    times = {name: os.lstat(root / name).st_mtime_ns for name in ("d", "d/f", "d/s", "d/e")}
    assert times == {"d": 1_500_000_000, "d/f": 1234567890123456789, "d/s": -3_250_000_000, "d/e": 7_000_000_000}


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_and_odd_names(root: Path, format: int) -> None:
    names = ["n" * 150, "d" * 90 + "/" + "f" * 120, "späť/ф", "raw\udcff\udcfe", " space\n"]

    def fill(archive: tarfile.TarFile) -> None:
        for name in names:
            archive.addfile(tarfile.TarInfo(name))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "t" * 300
        archive.addfile(link)

    apply(of_tarfile(fill, format), root)
    for name in names:
        assert os.path.isfile(root / name)
    assert os.readlink(root / "link") == "t" * 300


def test_ustar_prefix_and_old_directories(root: Path) -> None:
    apply(Tar().raw(header(b"f", prefix=b"a/b")).raw(header(b"old/", b"\0", mode=0o755)), root)
    assert (root / "a/b/f").is_file()
    assert (root / "old").is_dir()


SPARSE = [(4096, b"one"), (1 << 20, b"two" * 1000), ((8 << 20) - 512, b"x" * 512)]
SIZE = 10 << 20


@pytest.mark.parametrize("version", ["gnu", "0.0", "0.1", "1.0"])
@pytest.mark.parametrize("pieces", [SPARSE, [], [(offset << 16, b"%d" % offset) for offset in range(60)]])
def test_sparse_files_keep_their_holes(root: Path, version: str, pieces: list[tuple[int, bytes]]) -> None:
    if version == "gnu":
        tar = Tar().raw(gnu_sparse(b"sparse", pieces, SIZE))
    else:
        tar = pax_sparse(version, b"sparse", pieces, SIZE)
    apply(tar.file("after", b"next"), root)
    wanted = bytearray(SIZE)
    for offset, data in pieces:
        wanted[offset : offset + len(data)] = data
    assert (root / "sparse").read_bytes() == wanted
    assert os.lstat(root / "sparse").st_blocks * 512 < SIZE // 2
    assert (root / "after").read_bytes() == b"next"


@pytest.mark.parametrize("format", ["gnu", "pax"])
def test_sparse_files_of_gnu_tar(root: Path, tmp_path: Path, format: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with open(source / "f", "wb") as file:
        for offset in range(0, 40 << 20, 1 << 20):
            file.seek(offset)
            file.write(b"data")
        file.truncate(50 << 20)
    archive = subprocess.run(
        ["tar", "-C", source, "--sparse", f"--format={format}", "-cf", "-", "."], check=True, capture_output=True
    ).stdout
    assert len(archive) < 1 << 20
    apply(archive, root)
    assert (root / "f").read_bytes() == (source / "f").read_bytes()
    assert os.lstat(root / "f").st_blocks * 512 < 1 << 20


@pytest.mark.parametrize("content", [b"", bytes(1024), bytes(10240), bytes(512)])
def test_empty_layers(root: Path, content: bytes) -> None:
    apply(content, root)
    assert os.listdir(root) == []


def test_what_follows_the_end_marker_is_read_and_no_content(root: Path) -> None:
    seen = []

    def stream() -> object:
        for chunk in chunked(Tar().file("a").bytes() + Tar().file("b").bytes(), 512):
            seen.append(len(chunk))
            yield chunk

    apply_layer(stream(), str(root))  # type: ignore[arg-type]
    assert os.listdir(root) == ["a"]
    assert sum(seen) == 512 * 6


def test_later_entries_replace_earlier_ones(root: Path) -> None:
    tar = (
        Tar()
        .file("f", b"old")
        .file("f", b"new")
        .dir("d")
        .file("d/x")
        .file("d", b"file")
        .symlink("s", "f")
        .file("s", b"own")
    )
    apply(tar.file("g").dir("g").file("g/in").dir("k", xattrs={"user.a": b"1"}).file("k/in").dir("k", mode=0o700), root)
    assert (root / "f").read_bytes() == b"new"
    assert (root / "d").read_bytes() == b"file"
    assert not (root / "s").is_symlink()
    assert (root / "g/in").is_file()
    assert (root / "k/in").is_file()
    assert stat.S_IMODE(os.lstat(root / "k").st_mode) == 0o700
    assert os.listxattr(root / "k") == []


def test_a_file_is_not_written_through_a_hard_link(root: Path) -> None:
    apply(Tar().file("a", b"a").link("b", "a").file("b", b"b"), root)
    assert (root / "a").read_bytes() == b"a"


def test_a_hard_link_to_itself_changes_nothing(root: Path) -> None:
    apply(Tar().file("a", b"kept").link("a", "./a"), root)
    assert (root / "a").read_bytes() == b"kept"


def test_missing_parents_are_roots(root: Path) -> None:
    apply(Tar().file("a/b/c", uid=5), root)
    for name in ("a", "a/b"):
        found = os.lstat(root / name)
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (0, 0, 0o755)


def test_the_umask_does_not_matter(root: Path) -> None:
    before = os.umask(0o077)
    try:
        apply(Tar().file("f", mode=0o666).dir("d", mode=0o777).file("i/f").fifo("p", mode=0o622), root)
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(os.lstat(root / name).st_mode) for name in ("f", "d", "i", "p")]
    assert modes == [0o666, 0o777, 0o755, 0o622]


def test_many_directories_in_any_order(root: Path) -> None:
    tar = Tar()
    for number in range(300):
        tar.dir(f"{number % 7}/{number}", mtime=number)
    for number in reversed(range(300)):
        tar.file(f"{number % 7}/{number}/f", b"%d" % number)
    apply(tar, root)
    for number in range(300):
        assert (root / f"{number % 7}/{number}/f").read_bytes() == b"%d" % number
        assert os.lstat(root / f"{number % 7}/{number}").st_mtime_ns == number * 1_000_000_000
    assert len(os.listdir("/proc/self/fd")) < 60


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounts.mount("tmpfs", str(small), "tmpfs", "size=1m")
    try:
        with pytest.raises(
            Unavailable, match=r"layer: entry big: cannot be unpacked: no space left on device \(make room"
        ):
            apply(Tar().file("big", bytes(4 << 20)), small)
    finally:
        mounts.unmount(str(small))


def test_without_root_it_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from ocipipe.layers.apply import apply_layer\n"
        "from ocipipe.errors import Denied\n"
        "os.setuid(65534)\n"
        "try: apply_layer([], sys.argv[1])\n"
        "except Denied as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "layer: cannot be unpacked by this user (unpacking layers needs root: use --no-unpack, or run as root)\n"
    )
