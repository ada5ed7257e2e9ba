"""Results on their way to stdout: written out one by one as they come, or gathered for a table."""

from __future__ import annotations

import os

from ..errors import Unavailable
from .report import lower_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping
    from typing import Any, BinaryIO

    from .declare import Args, Command
    from .report import Reporter
else:
    import _signal  # what signal is made of, without the enumerations that it builds at every start


class OutputFailed(Unavailable):
    """stdout takes no more results: nothing further can succeed."""


class Ended(BaseException):
    """A signal that ends the process came; or, as SIGPIPE, the reader of stdout went away."""

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"signal {signal}")


class Output:
    """Results on their way to stdout: each written out as soon as it is there, or gathered for a table."""

    def __init__(
        self, stream: BinaryIO, args: Args, command: Command, reporter: Reporter, env: Mapping[str, str]
    ) -> None:
        self.status = 0
        self._stream = stream
        self._quiet = args.quiet
        self._writes = command.writes
        self._streams = command.streams
        self._reporter = reporter
        self._env = env
        self._terminal = stream.isatty()
        form = (
            args.format if args.format in ("json", "table") else None
        )  # else the command's own --format, of its files
        self._table = not self._quiet and (form == "table" or (form is None and self._terminal))
        self._rows: list[Any] = []
        self._head = True
        self._open_line = False

    def take(self, results: Any) -> None:
        """Prints a document, or each of an iterable of them as it comes. An error among them is told, not raised."""
        if results is None:
            return
        if isinstance(results, (dict, bytes, str)):
            self._put(results)
            return
        try:
            for result in results:
                if isinstance(result, Exception):
                    self._reporter.error(result)
                    self.status = 1
                else:
                    self._put(result)
        finally:
            close = getattr(results, "close", None)
            if close is not None:
                close()  # a generator's clean-up happens now, also when stdout failed under it

    def finish(self) -> None:
        """Prints the table, or what is left of it, if that is the format."""
        if self._rows:
            from .tables import render

            rows, self._rows = self._rows, []
            self._write(render(self._writes, rows, self._terminal, self._env, head=self._head))
            self._head = False

    def _put(self, result: Any) -> None:
        if self._quiet:
            self._write(bare(result).encode("utf-8", "surrogateescape") + b"\n")
        elif self._table:
            self._rows.append(result)
            if self._streams:
                self.finish()
        elif isinstance(result, bytes):
            # Stored bytes leave unchanged, so that their digest holds; a line end only keeps two of them apart.
            self._write(b"\n" + result if self._open_line else result)
            self._open_line = not result.endswith(b"\n")
        else:
            from oci_spec.jsondoc import dumps

            self._write(dumps(result) + b"\n")

    def _write(self, data: bytes) -> None:
        if self._terminal:
            self._reporter.close()  # no bars where results are about to stand
        write(self._stream, data)


def bare(result: Any) -> str:
    """What -q prints of a document: a container's id, a descriptor's digest, else the name, path or address; of a
    document about an object, the object's. A document with none of these is printed whole."""
    if isinstance(result, dict):
        for key in ("id", "digest", "name", "registry", "path", "address"):
            if isinstance(result.get(key), str):
                return str(result[key])
        for key in ("object", "descriptor", "image", "metadata"):
            if isinstance(result.get(key), dict):
                return bare(result[key])
        from oci_spec.jsondoc import dumps

        return dumps(result).decode()
    if isinstance(result, bytes):
        from oci_spec.digest import of_bytes

        return of_bytes(result)
    return str(result)


def write(stream: BinaryIO, data: bytes) -> None:
    """Writes all of `data` to stdout now. Raises Ended when its reader is gone, OutputFailed when it takes no more."""
    try:
        view = memoryview(data)
        while view:
            count = stream.write(view)
            if count is None:
                _wait_writable(stream)
            else:
                view = view[count:]
        stream.flush()
    except BrokenPipeError:
        raise Ended(_signal.SIGPIPE) from None
    except OSError as error:
        problem = lower_first(os.strerror(error.errno or 0))
        raise OutputFailed("standard output", problem, "send the results to somewhere that takes them") from None


def _wait_writable(stream: BinaryIO) -> None:
    import select

    poll = select.poll()
    poll.register(stream, select.POLLOUT)
    poll.poll()
