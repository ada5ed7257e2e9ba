"""What the kernel will say to a container's command, told before it is tried: found, not found, not executable.

The runtime reports a failed exec in words only; these statuses come from looking, as execve(2) and a shell would.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import OcipipeError
from ..host import rooted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

_MACHINES = {
    "x86_64": (62, 3),
    "aarch64": (183, 40),
    "armv7l": (40,),
    "riscv64": (243,),
    "s390x": (22,),
    "ppc64le": (21,),
}
_BINFMT = "/proc/sys/fs/binfmt_misc"
_MAX_INTERPRETERS = 5


class CannotExecute(OcipipeError):
    """The command is there but can't be executed."""

    code = "CANNOT_EXECUTE"
    status = 126


class CommandNotFound(OcipipeError):
    """There is no such command."""

    code = "COMMAND_NOT_FOUND"
    status = 127


def check(rootfs: str, mounts: list[Document], args: list[str], env: list[str], cwd: str) -> None:
    """Raises CommandNotFound (127) or CannotExecute (126) when `args` can't be started in this root.

    `mounts` are the container's: what lies under a bind mount is looked for at its source, and what lies under
    another kind of mount is not judged.
    """
    command = args[0]
    if "/" in command:
        places = [os.path.join(cwd, command)]
    else:
        path = next((one[5:] for one in env if one.startswith("PATH=")), "")
        places = [os.path.join(cwd, directory or ".", command) for directory in path.split(":")]
    denied = 0
    for place in places:
        number = _try(rootfs, mounts, place, 0)
        if number == 0:
            return
        if number != errno.ENOENT:
            denied = denied or number
    if denied:
        raise CannotExecute(command, os.strerror(denied).lower(), "see its mode and format in the image")
    where = "no such file in the container" if "/" in command else "command not found in the container's PATH"
    raise CommandNotFound(command, where, "check the image and the command")


def _try(rootfs: str, mounts: list[Document], path: str, depth: int) -> int:
    """0 if execve(2) would start it, else its errno."""
    host = _on_host(rootfs, mounts, path)
    if host is None:
        return 0
    try:
        found = os.stat(host)
    except OSError as error:
        return errno.ENOENT if error.errno in (errno.ENOENT, errno.ENOTDIR) else error.errno or errno.EACCES
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & 0o111:
        return errno.EACCES
    with open(host, "rb") as file:
        head = file.read(256)
    if head.startswith(b"\x7fELF"):
        machine = int.from_bytes(head[18:20], "little" if head[5:6] != b"\2" else "big")
        own = _MACHINES.get(os.uname().machine)
        return errno.ENOEXEC if own and machine not in own and not _interpreted() else 0
    if head.startswith(b"#!"):
        words = head[2:].partition(b"\n")[0].split()
        if not words:
            return errno.ENOEXEC
        return errno.ELOOP if depth >= _MAX_INTERPRETERS else _try(rootfs, mounts, os.fsdecode(words[0]), depth + 1)
    return 0 if _interpreted() else errno.ENOEXEC


def _on_host(rootfs: str, mounts: list[Document], path: str) -> str | None:
    """Where the host has a file of the container; None for a place that only the container will have."""
    inside = "/" + os.path.relpath(rooted.resolve(rootfs, path), rootfs)
    best: Document | None = None
    for mount in mounts:
        destination = str(mount["destination"]).rstrip("/")
        if (inside == destination or inside.startswith(destination + "/")) and (
            best is None or len(destination) > len(str(best["destination"]))
        ):
            best = mount
    if best is None:
        return rooted.resolve(rootfs, path)
    if best["type"] != "bind":
        return None
    rest = inside[len(str(best["destination"]).rstrip("/")) :]
    source = str(best["source"])
    return rooted.resolve(source, rest) if rest else source


def _interpreted() -> bool:
    """Whether the host has interpreters registered for foreign formats (binfmt_misc): then only the kernel knows."""
    try:
        return any(name not in ("register", "status") for name in os.listdir(_BINFMT))
    except OSError:
        return False
