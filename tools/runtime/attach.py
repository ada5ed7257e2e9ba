"""Attached to a container: what its monitor reads and writes, through conmon's socket.

The socket keeps packets apart: the first byte of each is 2 for stdout and 3 for stderr; what we send is stdin, and the
end of it is a shutdown of our side. The monitor closes it when the container has ended and all is said.
"""

from __future__ import annotations

import errno
import os
import select
import time

from ..errors import Conflict
from .foreground import FORWARDED

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable, Container
else:
    # What these are made of, without the enumerations that they build at every start.
    import _signal as signal
    import _socket as socket

_PACKET = 32 * 1024 + 1
_PIECE = 4096
"""So much can be written to a pipe that has room at all (PIPE_BUF, pipe(7)), and nobody has to wait."""
_STREAMS = {2: 1, 3: 2}
_RESIZE = 1
"""Of the messages to the monitor's `ctl`: kind, height, width."""
_PATIENCE = 1.0
"""Seconds for a monitor to take a connection."""
_SETTLED = 0.1
"""Seconds after which a monitor that found our message together with others (see `Attachment.resize`) gets it again."""


class Attachment:
    """A connection to the monitor whose `attach` and `ctl` are in a directory, `name` being the container's; for a
    `with` block. Nothing that the container says from now on is missed. Raises Conflict when there is none to connect
    to."""

    def __init__(self, path: str, name: str) -> None:
        self._path = path
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
        try:
            # Through /proc: a path that is longer than a socket's address may be is no obstacle.
            self._socket.connect(f"/proc/self/fd/{directory}/attach")
        except OSError:
            self._socket.close()
            raise Conflict(name, "has no monitor to attach to", "see ctr-ps and ctr-logs") from None
        finally:
            os.close(directory)
        _await_taken()
        self._socket.setblocking(False)
        self._sent = b""
        self._shut = False
        self._shown = memoryview(b"")
        self._stream = 1
        self._seen: Container[int] = ()
        self._size: os.terminal_size | None = None

    def __enter__(self) -> Attachment:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def resize(self) -> bool:
        """Tells the container's terminal how large ours is; whether that has settled, or must be told again in a while.

        Of messages that wait together, conmon may take the first one alone (its pull request 566, of June 2025). So
        none is left where another still waits, and the last size is told twice.
        """
        try:
            size = os.get_terminal_size(0)
            fd = os.open(os.path.join(self._path, "ctl"), os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:  # no terminal any more, or no monitor
            return True
        try:
            if _waiting(fd):
                return False
            os.write(fd, f"{_RESIZE} {size.lines} {size.columns}\n".encode())
        finally:
            os.close(fd)
        before, self._size = self._size, size
        return before == size

    def pump(
        self, *, stdin: bool, terminal: bool, detach: bytes = b"", proxy: Callable[[int], None] | None = None,
        shown: Container[int] = (1, 2),
    ) -> bool:  # fmt: skip
        """Carries our standard streams until the container has ended, which is True, or the keys `detach` come: False.

        With `terminal`, ours is raw meanwhile and put back on every way out. `proxy` gets the signals that reach us. Of
        what it says, only the streams `shown` reach ours. Raises Unavailable when that cannot be written.
        """
        self._seen = shown
        try:
            with _Raw(terminal), _Signals(proxy is not None, terminal) as signals:
                return self._carry(signals, _Keys(detach), stdin, proxy, terminal)
        except BrokenPipeError:  # `| head` has seen enough: we end as any program does then
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGPIPE)
            raise

    def _carry(
        self, signals: _Signals, keys: _Keys, stdin: bool, proxy: Callable[[int], None] | None, terminal: bool
    ) -> bool:
        resized = terminal
        resize_at = 0.0
        reading = stdin
        while True:
            if resized and time.monotonic() >= resize_at:
                resized = not self.resize()
                resize_at = time.monotonic() + _SETTLED
            ready = self._wait(signals.fd, reading, max(resize_at - time.monotonic(), 0) if resized else None)
            if signals.fd in ready:
                for number in signals.take():
                    if number == signal.SIGWINCH and terminal:
                        resized, resize_at = True, 0.0
                    elif proxy is not None:
                        proxy(number)
            if 0 in ready:
                data = _read()
                self._sent, detached = keys.feed(data) if data else (keys.rest(), False)
                if detached:
                    return False
                reading = bool(data)
            if self._sent or (stdin and not reading and not self._shut):
                self._send(last=not reading)
            if self._shown:
                self._show()
            elif self._socket.fileno() in ready and not self._receive():
                return True

    def _wait(self, signals: int, reading: bool, seconds: float | None) -> dict[int, int]:
        """Until something can be done, or the time is over. None of it waits for another: what the container says is
        taken while it does not read, and signals while nobody takes what it says."""
        poll = select.poll()
        poll.register(signals, select.POLLIN)
        events = (0 if self._shown else select.POLLIN) | (select.POLLOUT if self._sent else 0)
        if events:
            poll.register(self._socket, events)
        if self._shown:
            poll.register(self._stream, select.POLLOUT)
        if reading and not self._sent:
            poll.register(0, select.POLLIN)
        return dict(poll.poll(None if seconds is None else seconds * 1000))

    def _send(self, *, last: bool) -> None:
        """Sends what waits to be sent, if there is room for it; then, of a stdin that has ended, its end."""
        try:
            if self._sent:
                self._socket.send(self._sent)
                self._sent = b""
            if last:
                self._shut = True
                self._socket.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:  # it has ended, or reads no more
            self._sent = b""
            self._shut = True

    def _receive(self) -> bool:
        """Takes what the container says; whether there may be more."""
        try:
            packet = self._socket.recv(_PACKET)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        stream = _STREAMS.get(packet[0], 1) if packet else 0
        if stream in self._seen:
            self._stream = stream
            self._shown = memoryview(packet)[1:]
        return bool(packet)

    def _show(self) -> None:
        """Writes as much of it as can be written without waiting."""
        try:
            self._shown = self._shown[os.write(self._stream, self._shown[:_PIECE]) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            raise
        except OSError as error:
            from . import stdio

            raise stdio.lost(self._stream, error) from None


def _waiting(pipe: int) -> bool:
    """Whether what was written to it was not read yet."""
    import fcntl
    import termios

    return fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)) != bytes(4)


def _read() -> bytes:
    """What there is on stdin; nothing at its end, or when the terminal is gone."""
    try:
        return os.read(0, _PACKET - 1)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


class _Keys:
    """Looks for the keys that detach in what is typed; the beginning of them is held back until it is known."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self.pending = b""

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """What goes on to the container, and whether the keys were all there."""
        if not self._keys:
            return data, False
        out = bytearray()
        for byte in data:
            self.pending += bytes((byte,))
            while self.pending and not self._keys.startswith(self.pending):
                out.append(self.pending[0])
                self.pending = self.pending[1:]
            if self.pending == self._keys:
                return bytes(out), True
        return bytes(out), False

    def rest(self) -> bytes:
        """What was held back when nothing more comes."""
        found, self.pending = self.pending, b""
        return found


class _Signals:
    """Signals as bytes to be read from `fd`, in a `with` block; the handlers that were there come back after it."""

    def __init__(self, proxied: bool, terminal: bool) -> None:
        self._numbers = (FORWARDED if proxied else frozenset()) | ({signal.SIGWINCH} if terminal else set())
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, object] = {}

    def __enter__(self) -> _Signals:
        self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in self._numbers:
            self._before[number] = signal.signal(number, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._numbers)  # what was held back until now
        return self

    def take(self) -> bytes:
        """The numbers of those that came."""
        return os.read(self.fd, 256)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup)
        os.close(self.fd)
        os.close(self._write)


def _await_taken() -> None:
    """Until monitors have taken the connections that were made to them: one that is merely queued, which the kernel's
    table shows without an inode, gets nothing of what a short process says before it is taken. The table does not tell
    whose it is: where another monitor is stuck, this ends after a while."""
    end = time.monotonic() + _PATIENCE
    while _is_queued() and time.monotonic() < end:
        time.sleep(0.001)


def _is_queued() -> bool:
    with open("/proc/thread-self/net/unix", "rb") as table:
        return any(b" 0 " in line and line.endswith(b"/attach\n") and line.split()[6] == b"0" for line in table)


class _Raw:
    """The terminal on stdin in raw mode, in a `with` block, when there is one to be had."""

    def __init__(self, wanted: bool) -> None:
        self._wanted = wanted
        self._settings: list[object] = []

    def __enter__(self) -> None:
        if not self._wanted:
            return
        import termios
        import tty

        self._settings = termios.tcgetattr(0)
        tty.setraw(0, termios.TCSANOW)

    def __exit__(self, *_: object) -> None:
        if not self._wanted:
            return
        import termios

        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # it would stop us in the background
        try:
            termios.tcsetattr(0, termios.TCSADRAIN, self._settings)  # type: ignore[arg-type]
        except termios.error:
            pass  # the terminal is gone, and its settings with it
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
