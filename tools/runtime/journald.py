"""The output of a container whose log driver is journald, as its monitor gives it to the host's journal.

A message has a whole line of the output, without its line feed, or, with CONTAINER_PARTIAL_MESSAGE, a part of one.
Priority 3 is stderr.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Unavailable
from ..host import process, times

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator, Mapping

    from oci_spec.jsondoc import Document

    from .loglines import Entry
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_STDERR = "3"
_CHUNK = 1 << 18


class Reader:
    """Reads what the journal has of one container; `entries` gives what has come since it was last asked.

    Raises Unavailable when there is no journalctl.
    """

    def __init__(self, container_id: str, env: Mapping[str, str]) -> None:
        program = process.find("journalctl", env.get("PATH", ""))
        if program is None:
            raise Unavailable("journalctl", "is not installed, and this log is in the journal", "install systemd")
        self._words = [program, "--quiet", "--no-pager"]
        self._match = [f"CONTAINER_ID_FULL={container_id}"]
        self._env = {**env, "TZ": "UTC"}
        self._from: list[str] = []
        self._cursor = ""
        self._waker = 0
        self.fd = -1

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            os.kill(self._waker, signal.SIGTERM)
            process.wait(self._waker)
            self.fd = -1

    def wake(self) -> int:
        """A descriptor to poll, from which something comes whenever the journal has more; what it is, means nothing."""
        if self.fd < 0:
            read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            os.set_blocking(write, True)
            null = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
            try:
                words = [*self._words, "--follow", "--lines", "1", "--output", "cat", *self._match]
                self._waker = process.spawn(words, env=self._env, stdin=null, stdout=write, stderr=null)
            finally:
                os.close(null)
                os.close(write)
            self.fd = read
        return self.fd

    def begin_last(self, count: int, streams: tuple[int, ...]) -> None:
        """Begins with so many last messages of these streams."""
        self._from = ["--lines", str(count)]
        if len(streams) == 1:
            self._match.append(f"PRIORITY={_STDERR if streams == (2,) else 6}")

    def begin_since(self, time: str) -> None:
        """Begins with the second of this time."""
        self._from = ["--since", time.replace("T", " ").partition(".")[0]]

    def entries(self) -> Iterator[Entry]:
        """What there is that it has not given yet."""
        if self.fd >= 0:
            _drain(self.fd)
        words = [*self._words, "--output", "json", "--all", *self._begin(), *self._match]
        for line in self._lines(words):
            message = jsondoc.load_object(line, "journalctl")
            self._cursor = str(message["__CURSOR"])
            yield _entry(message)

    def _lines(self, words: list[str]) -> Iterator[bytes]:
        read, write = os.pipe2(os.O_CLOEXEC)
        try:
            try:
                pid = process.spawn(words, env=self._env, stdout=write)
            finally:
                os.close(write)
            tail = b""
            while chunk := os.read(read, _CHUNK):
                *lines, tail = (tail + chunk).split(b"\n")
                yield from lines
        finally:
            os.close(read)  # if nobody wants the rest, it ends by that
        if process.wait(pid):
            raise Unavailable("journalctl", "failed", "see what it says above")

    def _begin(self) -> list[str]:
        return ["--after-cursor", self._cursor] if self._cursor else self._from


def _entry(message: Document) -> Entry:
    text: object = message.get("MESSAGE") or ""
    data = bytes(text) if isinstance(text, list) else str(text).encode("utf-8", "surrogateescape")
    when = int(str(message["__REALTIME_TIMESTAMP"])) * 1000
    whole = message.get("CONTAINER_PARTIAL_MESSAGE") != "true"
    stream = 2 if message.get("PRIORITY") == _STDERR else 1
    return times.stamp(when).encode(), stream, whole, data.removesuffix(b"\n") if whole else data


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 1 << 16):
            pass
    except BlockingIOError:
        pass
