"""Root file systems for base images: one of the host's busybox, one of Debian by debootstrap with everything in it
that gets lost easily."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

from images import Image, Layer, image, read_layout

MTIME = 1_700_000_000
"""Every file's time: content alone decides about a digest."""

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
"""security.capability, revision 2: cap_net_bind_service, permitted and effective."""
UNUSUAL_NAME = b"n\xf6t-utf8"
LONG_NAME = "long-" * 40 + "name"


def add(tar: tarfile.TarFile, name: str, data: bytes = b"", *, mode: int = 0o644, **fields: object) -> None:
    """A member of the archive; `fields` are TarInfo's."""
    member = tarfile.TarInfo(name)
    member.mode, member.mtime, member.size = mode, MTIME, len(data)
    for key, value in fields.items():
        setattr(member, key, value)
    tar.addfile(member, io.BytesIO(data))


def busybox_tar() -> bytes:
    """A root of the host's busybox: /bin with its applets, users root and app (1000, also in group 2000), /tmp."""
    program = shutil.which("busybox")
    assert program, "busybox is not installed"
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for directory in ("bin", "dev", "etc", "home", "proc", "root", "sys", "usr", "usr/bin", "var"):
            add(tar, directory, mode=0o755, type=tarfile.DIRTYPE)
        add(tar, "home/app", mode=0o755, type=tarfile.DIRTYPE, uid=1000, gid=1000)
        add(tar, "tmp", mode=0o1777, type=tarfile.DIRTYPE)
        add(tar, "bin/busybox", Path(program).read_bytes(), mode=0o755)
        for library in libraries(program):
            add(tar, library.lstrip("/"), Path(library).read_bytes(), mode=0o755)
        applets = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
        for applet in sorted(set(applets) - {"busybox"}):
            add(tar, f"bin/{applet}", type=tarfile.SYMTYPE, linkname="busybox", mode=0o777)
        add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\n")
        add(tar, "etc/group", b"root:x:0:\napp:x:1000:\nextra:x:2000:app\n")
        add(tar, "etc/os-release", b'NAME="BusyBox"\nID=busybox\nPRETTY_NAME="BusyBox from this machine"\n')
    return out.getvalue()


def libraries(program: str) -> list[str]:
    """The shared libraries of a program that is not static."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return sorted({word for word in listed.split() if word.startswith("/")})


def busybox_image(*, docker: bool = False, compression: str = "gzip") -> Image:
    """One layer of busybox that runs a shell."""
    config = {"Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"], "Labels": {"org.example.base": "busybox"}}
    return image([Layer(busybox_tar(), compression, docker=docker)], config, docker=docker)


def example_image() -> Image:
    """What the examples of the manual pages call debian: small, so that each of them has a fresh store at once."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        add(tar, "etc/apt", mode=0o755, type=tarfile.DIRTYPE)
        add(tar, "etc/apt/sources.list", b"deb http://deb.debian.org/debian bookworm main\n")
        add(tar, "etc/motd", b"hello\n")
    config = {"Cmd": ["sh"], "Env": ["PATH=/bin:/usr/bin"]}
    return image([Layer(busybox_tar()), Layer(out.getvalue())], config)


def debian_root(cache: Path) -> Path:
    """A minimal Debian bookworm, made once and kept in `cache`, with our own additions under /opt/kept."""
    root = cache / "debian-root"
    if not root.exists():
        _debootstrap(root, _additions)
    return root


def _debootstrap(root: Path, more: Callable[[Path], None]) -> None:
    """A minimal Debian bookworm, and what `more` does to it."""
    root.parent.mkdir(parents=True, exist_ok=True)
    aside = root.with_name(f"{root.name}.{os.getpid()}")
    try:
        source = mirror()
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", "bookworm", str(aside), *([source] if source else [])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-2000:]
        for volatile in ("var/cache/apt", "var/lib/apt/lists", "var/log", "var/cache/ldconfig", "tmp"):
            for entry in (aside / volatile).iterdir():
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for host_file in ("etc/resolv.conf", "etc/hostname", "etc/machine-id"):
            (aside / host_file).unlink(missing_ok=True)
        more(aside)
        aside.rename(root)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def mirror() -> str:
    """Where this machine's apt gets bookworm from, '' when it does not say."""
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT)", "Created-By: Packages"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    for line in listed.stdout.splitlines():
        site, _, rest = line.partition(" ")
        if rest == "bookworm main":
            return site
    return ""


def _additions(root: Path) -> None:
    directory = root / "opt" / "kept"
    directory.mkdir(parents=True)
    (directory / "plain").write_text("plain\n")
    os.link(directory / "plain", directory / "linked")
    shutil.copy("/bin/true", directory / "setuid")
    (directory / "setuid").chmod(0o4755)
    shutil.copy("/bin/true", directory / "setgid")
    os.chown(directory / "setgid", 0, 42)
    (directory / "setgid").chmod(0o2755)
    (directory / "capable").write_bytes(Path("/bin/true").read_bytes())
    (directory / "capable").chmod(0o755)
    os.setxattr(directory / "capable", "security.capability", CAPABILITY)
    os.mknod(directory / "device", 0o20666, os.makedev(1, 3))
    os.chmod(directory / "device", 0o666)
    os.mkfifo(directory / "fifo", 0o640)
    (directory / "owned").write_text("owned\n")
    os.chown(directory / "owned", 123456, 654321)
    (directory / "sticky").mkdir()
    (directory / "sticky").chmod(0o1777)
    os.symlink("/opt/kept/plain", directory / "absolute-link")
    Path(os.fsdecode(os.fsencode(directory) + b"/" + UNUSUAL_NAME)).write_text("name\n")
    (directory / LONG_NAME).write_text("long\n")
    (directory / "empty").write_text("")


def tree_tar(root: Path) -> bytes:
    """The tree as a layer's archive: sorted, with hard links, devices, owners and extended attributes."""
    out = io.BytesIO()
    seen: dict[tuple[int, int], str] = {}
    with tarfile.open(
        fileobj=out, mode="w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for name in _names(root, ""):
            path = root / name
            member = tar.gettarinfo(str(path), name)  # knows hard links by the inodes that it has seen
            found = os.lstat(path)
            key = (found.st_dev, found.st_ino)
            if member.isreg() or member.islnk():
                if found.st_nlink > 1 and key in seen:
                    member.type, member.linkname, member.size = tarfile.LNKTYPE, seen[key], 0
                else:
                    member.type, member.linkname, member.size = tarfile.REGTYPE, "", found.st_size
                    seen[key] = name
            member.mtime = MTIME
            member.uname = member.gname = ""
            if not member.islnk():
                for attribute in os.listxattr(path, follow_symlinks=False):
                    value = os.getxattr(path, attribute, follow_symlinks=False)
                    member.pax_headers[f"SCHILY.xattr.{attribute}"] = value.decode("utf-8", "surrogateescape")
            if member.isreg():
                with open(path, "rb") as file:
                    tar.addfile(member, file)
            else:
                tar.addfile(member)
    return out.getvalue()


def _names(root: Path, directory: str) -> Iterator[str]:
    for entry in sorted(os.listdir(root / directory)):
        name = f"{directory}/{entry}" if directory else entry
        yield name
        if (root / name).is_dir() and not (root / name).is_symlink():
            yield from _names(root, name)


def debian_image(cache: Path) -> Image:
    """Debian bookworm in one layer, kept as a layout in `cache`."""
    return _kept(cache / "debian-image", lambda: debian_root(cache))


def _kept(layout: Path, root: Callable[[], Path]) -> Image:
    """The image of a tree in one layer, kept as a layout."""
    if not layout.exists():
        config = {"Cmd": ["bash"], "Env": ["PATH=/usr/sbin:/usr/bin"]}
        made = image([Layer(tree_tar(root()))], config)
        aside = layout.with_name(f"{layout.name}.{os.getpid()}")
        made.write_layout(aside).rename(layout)
    return read_layout(layout)
