"""Our standard streams as a container's: attached through its monitor, to its end or until the keys that detach."""

from __future__ import annotations

from ..errors import Conflict, NotFound, OcipipeError
from ..runtime import attach, policy
from . import ending, stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from typing import Any

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_ENDING = frozenset((signal.SIGTERM, signal.SIGHUP, signal.SIGINT))


class StatusUnknown(OcipipeError):
    """A container has ended, and nobody can know how."""

    code = "EXIT_STATUS_UNKNOWN"
    status = 125


class Streams:
    """What of our streams is given to a container, and how it is left."""

    __slots__ = ("_attachment", "_keys", "_proxy", "_shown", "_stdin", "_terminal")

    def __init__(self, *, stdin: bool, terminal: bool, keys: bytes, proxy: bool, shown: tuple[int, ...]) -> None:
        self._shown = shown
        self._stdin = stdin
        self._terminal = terminal
        self._keys = keys
        self._proxy = proxy
        self._attachment: attach.Attachment | None = None

    @classmethod
    def of(cls, args: Any, *, stdin: bool, terminal: bool, shown: tuple[int, ...] = (1, 2)) -> Streams:
        """With --detach-keys and --sig-proxy as they are in `args`; `shown`: 1 for stdout, 2 for stderr. Raises
        UsageError."""
        keys, proxy = policy.attachment(args)
        return cls(stdin=stdin, terminal=terminal, keys=keys if terminal else b"", proxy=proxy, shown=shown)

    def begin(self, container: Container) -> None:
        """Attaches to a container whose process is about to begin. What asks us to end is held back from here on: it
        must find either no process or one that is told."""
        if self._proxy:
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        self.connect(container)

    def connect(self, container: Container) -> None:
        """Attaches; nothing of what comes from now on is missed. Raises Conflict."""
        self._attachment = attach.Attachment(container.path, container.name)
        if self._terminal:
            self._attachment.resize()  # before the process looks

    def to_the_end(self, ctx: Context, store: Store, container: Container) -> int:
        """Carries the streams; the exit status of the container, 0 when the keys that detach were typed.

        Raises StatusUnknown, and Conflict when the container was never attached to.
        """
        if self._attachment is None:
            raise Conflict(container.name, "is not attached to")
        ctx.progress.close()  # stderr is the process's now
        if signal.sigpending() & _ENDING:  # the process has hardly begun, and may not hear of a signal yet
            try:
                stopping.kill(ctx, store, container, "SIGKILL")
            except (Conflict, NotFound):
                pass  # it has ended already

        def proxy(number: int) -> None:
            stopping.send(ctx, container, str(number))

        with self._attachment as attachment:
            ended = attachment.pump(
                stdin=self._stdin, terminal=self._terminal, detach=self._keys, proxy=proxy if self._proxy else None,
                shown=self._shown,
            )  # fmt: skip
        if not ended:
            return 0
        return exit_status(ending.await_end(ctx, store, container), container)


def exit_status(found: Container | None, container: Container) -> int:
    """The exit status that is recorded of a container. Raises StatusUnknown."""
    code = None if found is None else found.record["exitCode"]
    if not isinstance(code, int):
        raise StatusUnknown(container.name, "has ended, and nobody knows its exit status: its monitor was killed",
                            "see ctr-logs for what it said")  # fmt: skip
    return code
