"""A container that stands still while something is done with it, and goes on whatever becomes of us.

A small shell freezes it, waits for the end of its standard input, which is a pipe from us, and lets it go on. It does
one after the other, so at no moment can our death leave the container frozen.
"""

from __future__ import annotations

import os

from ..errors import Unavailable
from ..host import process
from ..runtime import state
from . import ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from ..context import Context
    from ..store.container import Container

_KEEPER = 'id=$1; shift; "$@" pause "$id" || exit; echo paused; read -r _; exec "$@" resume "$id"'
_PAUSED = b"paused\n"
_WORDS_LIMIT = 1 << 16


class still:
    """Freezes the container for the `with` block, if it is running and not frozen already. Raises Unavailable when the
    runtime can't, or cannot let it go on."""

    __slots__ = ("_container", "_ctx", "_keeper", "_pipe")

    def __init__(self, ctx: Context, container: Container) -> None:
        self._ctx = ctx
        self._container = container
        self._keeper = 0
        self._pipe = -1

    def __enter__(self) -> None:
        if not self._runs():
            return
        env = self._ctx.env
        runtime = ending.runtime_of(self._container, env)
        argv = ["/bin/sh", "-c", _KEEPER, "sh", self._container.id, runtime.path, *runtime.options]
        stdin, self._pipe = os.pipe()
        words, stdout = os.pipe()
        try:
            # Away from our terminal's signals: Ctrl-C ends us, and that is its sign to go on.
            self._keeper = process.spawn(argv, env=env, stdin=stdin, stdout=stdout, stderr=stdout, new_session=True)
        finally:
            os.close(stdin)
            os.close(stdout)
        try:
            told = b""
            while not told.endswith(_PAUSED) and (part := os.read(words, _WORDS_LIMIT)):
                told += part
        finally:
            os.close(words)
        if not told.endswith(_PAUSED):
            self._end()
            if self._runs():  # else it has just ended, or somebody else has frozen it
                why = " ".join(told.decode("utf-8", "replace").split())
                raise Unavailable(self._container.name, f"cannot be paused: {why}", "use --pause=false")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._end() and kind is None and self._status() == "paused":
            raise Unavailable(self._container.name, "is paused and does not go on", "ctr-unpause it")

    def _runs(self) -> bool:
        return self._status() == "running"

    def _status(self) -> str:
        return state.observe(self._container, self._ctx.run_root, self._ctx.env).status

    def _end(self) -> int:
        """Lets it go on; the keeper's exit status, 0 when there was none."""
        if not self._keeper:
            return 0
        os.close(self._pipe)
        keeper, self._keeper = self._keeper, 0
        return process.wait(keeper)
