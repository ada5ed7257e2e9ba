"""Runs a command and stops it at every system call that changes a file, in whatever thread, counted over all of them.

strace can end a program at such a call as well, but counts each call and each thread apart, so that most calls of the
second thread are never reached. Here they have one order: ptrace(2), with the kernel's own description of each stop
(PTRACE_GET_SYSCALL_INFO), which is the same on every machine but for the numbers of the calls.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import signal
import stat
import struct
import subprocess
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryFile

from cli_world import Outcome

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long,) * 4
_libc.ptrace.restype = ctypes.c_long

_SYSCALL, _SEIZE, _INTERRUPT, _GET_SYSCALL_INFO = 24, 0x4206, 0x4207, 0x420E
_SYSGOOD, _CLONE, _EXITKILL = 1, 8, 1 << 20
_WALL = 0x40000000
_ENTRY = 1

_NUMBERS = {
    # name: (x86_64, aarch64)
    "open": (2, -1), "creat": (85, -1), "openat": (257, 56), "openat2": (437, 437),
    "write": (1, 64), "pwrite64": (18, 68), "writev": (20, 66), "pwritev": (296, 70), "pwritev2": (328, 287),
    "sendfile": (40, 71), "splice": (275, 76), "copy_file_range": (326, 285), "fallocate": (285, 47),
    "truncate": (76, 45), "ftruncate": (77, 46),
    "rename": (82, -1), "renameat": (264, 38), "renameat2": (316, 276),
    "mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1), "mknod": (133, -1), "mknodat": (259, 33),
    "link": (86, -1), "linkat": (265, 37), "symlink": (88, -1), "symlinkat": (266, 36),
    "unlink": (87, -1), "unlinkat": (263, 35),
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1), "fchownat": (260, 54),
    "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88),
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7),
    "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "fsync": (74, 82), "fdatasync": (75, 83), "sync": (162, 81), "syncfs": (306, 267), "sync_file_range": (277, 84),
    "mount": (165, 40), "umount2": (166, 39), "fsconfig": (431, 431), "move_mount": (429, 429),
    "clone": (56, 220), "clone3": (435, 435), "vfork": (58, -1), "wait4": (61, 260), "waitid": (247, 95),
    "rt_sigtimedwait": (128, 137), "sendto": (44, 206), "sendmsg": (46, 211),
}  # fmt: skip
PROCESSES = frozenset(("clone", "clone3", "vfork", "wait4", "waitid", "rt_sigtimedwait"))
"""Calls that change no file: other moments of a command that runs a program."""
NETWORK = frozenset(("sendto", "sendmsg"))
CHANGES = _NUMBERS.keys() - PROCESSES - NETWORK
SYNCS = frozenset(("fsync", "fdatasync", "sync", "syncfs"))

_MACHINE = ("x86_64", "aarch64").index(platform.machine())
_NAMES = {numbers[_MACHINE]: name for name, numbers in _NUMBERS.items() if numbers[_MACHINE] >= 0}
_OPENS = {"open": 1, "openat": 2}
_WRITES = {"write": 0, "pwrite64": 0, "writev": 0, "pwritev": 0, "pwritev2": 0, "sendfile": 0, "splice": 2}
_MAKES = os.O_CREAT | os.O_TRUNC


class Stop:
    """The command at one of the calls: before it (`result` is None) or after."""

    def __init__(self, pid: int, name: str, args: Sequence[int], result: int | None = None) -> None:
        self.pid = pid
        self.name = name
        self.args = args
        self.result = result

    def descriptor(self, number: int) -> str:
        """The path under which the file, or whatever it is, behind a descriptor of the command can be reached."""
        return f"/proc/{self.pid}/fd/{number}"

    @property
    def is_change(self) -> bool:
        """Whether it may change a file: not where it opens one to read, or writes to a standard stream or a pipe."""
        if self.name in _OPENS:
            return bool(self.args[_OPENS[self.name]] & _MAKES)
        if self.name == "openat2":
            with open(f"/proc/{self.pid}/mem", "rb") as memory:
                memory.seek(self.args[2])
                return bool(struct.unpack("Q", memory.read(8))[0] & _MAKES)
        if self.name in _WRITES:
            number = self.args[_WRITES[self.name]]
            try:
                return number > 2 and stat.S_ISREG(os.stat(self.descriptor(number)).st_mode)
            except OSError:
                return False
        return True


def run(
    argv: Sequence[str | Path],
    env: Mapping[str, str],
    watch: Callable[[Stop], bool | None],
    *,
    calls: Collection[str] = CHANGES,
    input: bytes = b"",
) -> Outcome:
    """Runs a command to its end; its status is negative when a signal ended it.

    `watch` is called at each of `calls` (a change, where it is one of CHANGES), before the kernel does it and after;
    when it answers True, the command is killed on the spot. Threads are followed. Other processes are not: they are
    not the command, and live on.
    """
    with NamedTemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(input)
        stdin.flush()
        process = subprocess.Popen(
            ["sh", "-c", 'read _; exec "$@" <"$0"', stdin.name, *map(str, argv)],
            env=dict(env), stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, process_group=0,
        )  # fmt: skip
        try:
            _ptrace(_SEIZE, process.pid, 0, _SYSGOOD | _CLONE | _EXITKILL)
            _ptrace(_INTERRUPT, process.pid, 0, 0)
            with process.stdin as begin:  # type: ignore[union-attr]
                begin.write(b"\n")
            process.returncode = _follow(process.pid, watch, calls)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        stdout.seek(0)
        stderr.seek(0)
        return Outcome(process.returncode, stdout.read(), stderr.read())


def _ptrace(request: int, thread: int, address: int, data: int) -> int:
    done: int = _libc.ptrace(request, thread, address, data)
    if done < 0 and (number := ctypes.get_errno()) != errno.ESRCH:  # it was killed meanwhile: waiting will tell
        raise OSError(number, os.strerror(number))
    return done


def _follow(pid: int, watch: Callable[[Stop], bool | None], calls: Collection[str]) -> int:
    """Takes a command that stands at its start to its end; its status."""
    inside: dict[int, Stop] = {}
    while True:
        thread, status = os.waitpid(-pid, _WALL)  # any thread: the command is a process group of its own
        if not os.WIFSTOPPED(status):
            if thread == pid:
                return os.waitstatus_to_exitcode(status)
            continue
        deliver = 0
        if os.WSTOPSIG(status) == signal.SIGTRAP | 0x80:
            stop = _stop(pid, thread, calls, inside)
            if stop is not None and watch(stop):
                os.kill(pid, signal.SIGKILL)
        elif not status >> 16:  # no event, such as a new thread: a signal of the command's own
            deliver = os.WSTOPSIG(status)
        _ptrace(_SYSCALL, thread, 0, deliver)


def _stop(pid: int, thread: int, calls: Collection[str], inside: dict[int, Stop]) -> Stop | None:
    """Where a thread stands, when it is one of the calls; `inside` has those that threads have begun."""
    info = ctypes.create_string_buffer(88)
    if _ptrace(_GET_SYSCALL_INFO, thread, len(info), ctypes.addressof(info)) < 0:
        return None
    if info.raw[0] == _ENTRY:
        number, *args = struct.unpack_from("<7Q", info.raw, 24)
        stop = Stop(pid, _NAMES.get(number, ""), args)
        if stop.name not in calls or not stop.is_change:
            return None
        inside[thread] = stop
        return stop
    entered = inside.pop(thread, None)
    if entered is None:
        return None
    (result,) = struct.unpack_from("<q", info.raw, 24)
    return Stop(pid, entered.name, entered.args, result)
