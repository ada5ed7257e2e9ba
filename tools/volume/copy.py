"""A directory tree copied with all that it has: owners, modes, times, attributes, links, holes; by coreutils' cp.

cp shares blocks where the file system can (FICLONE), and moves the rest inside the kernel; no loop of ours could.
"""

from __future__ import annotations

import os

from ..errors import Unavailable
from ..host import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_ALL = "--preserve=mode,ownership,timestamps,links,xattr"
"""What -a means, but so that an attribute that cannot be kept is an error."""
_SAID, _SHOWN = 4096, 300
"""Bytes that are read of what cp says, and characters that are shown of it."""


def copy_tree(source: str, target: str, subject: str, env: Mapping[str, str], lock: int) -> None:
    """Copies what is in the directory `source`, and its own attributes, to the directory `target`, which may be there.

    Links are copied, never followed. `lock` is a descriptor that cp inherits: what it locks stays locked until cp has
    ended, though we be killed. Raises Unavailable, naming `subject`.
    """
    program = process.find("cp", env.get("PATH", ""))
    if program is None:
        raise Unavailable("cp", "is not installed", "install coreutils")
    argv = [program, "-dR", _ALL, "--reflink=auto", "--sparse=auto", "-T", "--", source, target]
    said = os.memfd_create("cp")
    nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    try:
        clean = {"PATH": process.SEARCH_PATH, "LC_ALL": "C"}
        keep = (lock,) if lock >= 0 else ()
        pid = process.spawn(argv, env=clean, stdin=nothing, stdout=nothing, stderr=said, keep=keep)
        status = process.wait_or_kill(pid)
        if status:
            text = os.pread(said, _SAID, 0).decode("utf-8", "backslashreplace")
            told = text.splitlines()[0].removeprefix(f"{program}: ") if text else f"cp ended with status {status}"
            told = told if len(told) <= _SHOWN else f"{told[:_SHOWN]}…"
            raise Unavailable(subject, f"cannot be copied: {told}", "see that there is room and nobody writes there")
    finally:
        os.close(said)
        os.close(nothing)
