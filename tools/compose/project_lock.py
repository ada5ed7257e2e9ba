"""The lock of a project: one command at a time brings it up, so that what the command finds there stays so until it is
done. Another that would bring it up waits; a command that only stops or removes does not."""

from __future__ import annotations

import os
import time

from ..host import files, locks
from . import granted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from .ground import Ground

_LOOK_SECONDS = 0.1


class ProjectLock:
    """A `with` block in which nobody else brings the project up: the kernel lock of its directory in run-time state is
    ours. `check` is called again and again while it is waited for, and raises when that is to end. A dry run takes no
    lock."""

    __slots__ = ("_check", "_fd", "_ground", "_path")

    def __init__(self, ground: Ground, check: Callable[[], None]) -> None:
        self._ground = ground
        self._check = check
        self._path = granted.run_directory(ground.ctx, ground.project.name)
        self._fd = -1

    def __enter__(self) -> None:
        while not self._ground.dry:
            files.make_directories(self._path, 0o700)
            try:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:  # the project has just been taken down
                continue
            try:
                self._wait()
                if os.path.samestat(os.fstat(self._fd), os.stat(self._path)):
                    return
            except FileNotFoundError:
                pass
            except BaseException:
                os.close(self._fd)
                raise
            os.close(self._fd)

    def _wait(self) -> None:
        told = False
        while not locks.take(self._fd):
            if not told:
                self._ground.say(f"waiting for another command that brings {self._ground.project.name} up")
                told = True
            self._check()
            time.sleep(_LOOK_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ground.dry:
            granted.tidy(self._path)
            locks.release(self._fd)
