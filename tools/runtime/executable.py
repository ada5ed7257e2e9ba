"""What the kernel will say to a container's command, told before it is tried: found, not found, not executable.

The runtime reports a failed exec in words only; these statuses come from looking, as execve(2) and a shell would.
"""

from __future__ import annotations

import errno
import os

from ..errors import OcipipeError
from .view import Unjudged, View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from .users import User

_MACHINES = {
    "x86_64": (62, 3),
    "aarch64": (183, 40),
    "armv7l": (40,),
    "riscv64": (243,),
    "s390x": (22,),
    "ppc64le": (21,),
}
"""ELF e_machine numbers that a kernel of this machine runs."""
_BINFMT = "/proc/sys/fs/binfmt_misc"
_MAX_INTERPRETERS = 5
_PT_INTERP = 3


class CannotExecute(OcipipeError):
    """The command is there but can't be executed."""

    code = "CANNOT_EXECUTE"
    status = 126


class CommandNotFound(OcipipeError):
    """There is no such command."""

    code = "COMMAND_NOT_FOUND"
    status = 127


def check(rootfs: str, mounts: list[Document], args: list[str], env: list[str], cwd: str, user: User) -> None:
    """Raises CommandNotFound (127) or CannotExecute (126) when `user` can't start `args` in this root.

    `mounts` are the container's: what lies under a bind mount is looked for at its source, and what lies in a file
    system that only the container will have (/proc) is not judged.
    """
    view = View(rootfs, mounts, user)
    command = args[0]
    if not command:
        raise CommandNotFound("''", "the command is an empty word", "name a program")
    if "/" in command:
        places = [os.path.join(cwd, command)]
    else:
        path = next((one[5:] for one in env if one.startswith("PATH=")), "")
        places = [os.path.join(cwd, directory or ".", command) for directory in path.split(":")]
    refused: OSError | None = None
    for place in places:
        try:
            _start(view, place, 0)
            return
        except Unjudged:
            return
        except OSError as error:
            if error.errno != errno.ENOENT and ("/" in command or error.errno != errno.ENOTDIR):
                refused = refused or error
            elif error.filename2:  # it is there, but what would interpret it is not
                raise CommandNotFound(
                    command, f"its interpreter {error.filename2} is not in the container", "check the image"
                ) from None
    if refused is not None:
        why = os.strerror(refused.errno or errno.EACCES).lower()
        raise CannotExecute(command, why, "see its mode and format in the image")
    where = "no such file in the container" if "/" in command else "command not found in the container's PATH"
    raise CommandNotFound(command, where, "check the image and the command")


def _start(view: View, path: str, depth: int) -> None:
    """Raises the OSError that execve(2) would end with; for a missing interpreter, with its name as second file."""
    host = view.executable(path)
    with open(host, "rb") as file:
        head = file.read(4096)
        if head.startswith(b"\x7fELF"):
            interpreter = _of_program(head)
        elif head.startswith(b"#!"):
            interpreter = _of_script(head, depth)
        elif _interpreted():
            return
        else:
            raise OSError(errno.ENOEXEC, os.strerror(errno.ENOEXEC), path)
    if interpreter:
        try:
            _start(view, interpreter, depth + 1)
        except FileNotFoundError as error:
            raise OSError(errno.ENOENT, error.strerror, path, None, error.filename2 or interpreter) from None


def _of_script(head: bytes, depth: int) -> str:
    words = head[2:256].partition(b"\n")[0].split()
    number = 0 if words else errno.ENOEXEC
    if depth >= _MAX_INTERPRETERS:
        number = errno.ELOOP
    if number:
        raise OSError(number, os.strerror(number))
    return os.fsdecode(words[0])


def _of_program(head: bytes) -> str:
    """The dynamic loader that an ELF program asks for, '' when it asks for none or does so beyond `head`.

    Raises OSError (ENOEXEC) for another machine's program, when nothing interprets those.
    """
    wide = head[4:5] == b"\2"
    order = "big" if head[5:6] == b"\2" else "little"

    def number(offset: int, size: int) -> int:
        return int.from_bytes(head[offset : offset + size], order)  # type: ignore[arg-type]

    own = _MACHINES.get(os.uname().machine)
    if own and number(18, 2) not in own:
        if _interpreted():
            return ""
        raise OSError(errno.ENOEXEC, os.strerror(errno.ENOEXEC))
    table, size, count = (number(32, 8), number(54, 2), number(56, 2)) if wide else (
        number(28, 4), number(42, 2), number(44, 2)
    )  # fmt: skip
    for entry in range(table, min(table + size * count, len(head)), size or 1):
        if number(entry, 4) == _PT_INTERP:
            at, length = (number(entry + 8, 8), number(entry + 32, 8)) if wide else (
                number(entry + 4, 4), number(entry + 16, 4)
            )  # fmt: skip
            return os.fsdecode(head[at : at + length].partition(b"\0")[0]) if at + length <= len(head) else ""
    return ""


def _interpreted() -> bool:
    """Whether the host has interpreters registered for foreign formats (binfmt_misc): then only the kernel knows."""
    try:
        return any(name not in ("register", "status") for name in os.listdir(_BINFMT))
    except OSError:
        return False
