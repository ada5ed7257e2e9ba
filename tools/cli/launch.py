"""The launcher: parse, read documents, run, write documents, map errors to an exit status. The only loop.

It alone reads the environment, the arguments, the clock, randomness and the standard streams; a command gets a Context.

Exit status: 0 done; 1 refused or failed, told on stderr; 2 usage; what the command declares beyond these. A command that
declares 125 (it starts a process whose status becomes its own) gives 125 where others give 1. A reader that went away
(`| head`) ends a command by SIGPIPE (a shell shows 141), Ctrl-C by SIGINT (130) and SIGTERM by SIGTERM (143), after the
clean-up, so that whoever started it sees what a C program would show.
"""

from __future__ import annotations

import _signal
import gc
import os
import sys

from ..context import Context
from ..errors import Unavailable, UsageError
from .declare import Args
from .parse import missing, parse
from .report import Reporter, lower_first

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import FrameType
    from typing import Any, BinaryIO, NoReturn

    from .declare import Command

CLEANED = (_signal.SIGTERM, _signal.SIGHUP)
"""Signals that would kill at once, and that we take as a request to clean up and end."""


class OutputFailed(Unavailable):
    """stdout takes no more results: nothing further can succeed."""


class Ended(BaseException):
    """A signal that ends the process came; or, as SIGPIPE, the reader of stdout went away."""

    def __init__(self, signal: int) -> None:
        self.signal = signal
        super().__init__(f"signal {signal}")


def main(name: str, argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command `name` (`img-pull`) as this process, and ends the process with its status."""
    gc.disable()  # a collection during the imports finds nothing and costs a millisecond
    try:
        for number in CLEANED:
            if _signal.getsignal(number) == _signal.SIG_DFL:  # nohup's SIG_IGN stays
                _signal.signal(number, _end)
        package = __package__.rpartition(".")[0]
        module = __import__(f"{package}.cmd.{name.replace('-', '_')}", fromlist=("COMMAND",))
        status = run_command(
            module,
            sys.argv[1:] if argv is None else argv,
            env=os.environ,
            stdin=_stream(0),
            stdout=_stream(1),
            stderr=_stream(2),
            now=_now,
            random=os.urandom,
            user=os.geteuid(),
        )
    except KeyboardInterrupt:
        _die(_signal.SIGINT)
    except Ended as error:
        _die(error.signal)
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        sys.exit(status)
    os._exit(status)  # everything is flushed; taking the interpreter apart would cost milliseconds


def run_command(
    module: Any,
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: BinaryIO,
    stdout: BinaryIO,
    stderr: BinaryIO,
    now: Callable[[], float],
    random: Callable[[int], bytes],
    user: int,
) -> int:
    """Runs one command in the given world; returns its exit status. Raises Ended when stdout's reader is gone.

    `module` has a COMMAND and `run` or `each` (see declare). `stdin` is unbuffered: its read returns what is there.
    """
    command: Command = module.COMMAND
    debug = env.get("OCIPIPE_DEBUG", "") not in ("", "0")
    reporter = Reporter(command.name, stderr, debug=debug)
    own_failure = 125 if 125 in command.exits else 1
    try:
        try:
            values = parse(command, argv)
            if values["help"] or values["version"]:
                return _tell(command, values["help"], stdout, env)
            args = Args(values)
            reporter.mode = args.progress
            ctx = Context(
                command.name,
                *_roots(values, env, user),
                env=env,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                now=now,
                random=random,
                user=user,
                progress=reporter,
            )
            return _run(module, ctx, args, reporter)
        except UsageError as error:
            if not reporter.terminal:
                return reporter.error(error)
            from .present import usage_error

            return reporter.usage(error, usage_error(command, error, env))
        except Exception as error:
            status = reporter.error(error)
            return own_failure if status == 1 else status
    finally:
        reporter.close()


def _run(module: Any, ctx: Context, args: Args, reporter: Reporter) -> int:
    command: Command = module.COMMAND
    output = _Output(ctx.stdout, args, command.writes, reporter, ctx.env)
    gc.freeze()  # what the imports made stays for the whole run: no collection needs to look at it
    gc.enable()
    if not command.objects:
        try:
            result = module.run(ctx, args)
            if isinstance(result, int):
                return result
            output.take(result)
        finally:
            output.finish()
        return output.status
    objects = _objects(command, ctx, args)
    try:
        for item in objects:
            try:
                output.take(module.each(ctx, args, _check(item, command.reads)))
            except (UsageError, OutputFailed):
                raise
            except Exception as error:
                reporter.error(error)
                output.status = 1
    finally:
        output.finish()
    return output.status


def _objects(command: Command, ctx: Context, args: Args) -> Iterator[Any]:
    """The objects to act on: operands in their order, and documents from stdin in the place of `-` or of none."""
    given = getattr(args, command.objects)
    words: list[str] = given if isinstance(given, list) else [given] if given is not None else []
    if not command.reads:
        yield from words
        return
    if not words:
        if ctx.stdin.isatty():
            operand = next(operand for operand in command.operands if operand.dest == command.objects)
            if operand.required:
                raise missing(command, operand)
            return
        words = ["-"]
    for word in words:
        if word != "-":
            yield word
            continue
        from .jsonio import items

        yield from items(ctx.stdin)


def _check(item: Any, type: str) -> Any:
    """A document from stdin, known to be of the type that the command reads; a name is the command's to judge."""
    if isinstance(item, dict):
        from oci_spec import validate

        if type in validate.TYPES:
            return validate.check(type, item, f"{type} on stdin")
    return item


class _Output:
    """Results on their way to stdout: each written out as soon as it is there, or gathered for a table."""

    def __init__(self, stream: BinaryIO, args: Args, writes: str, reporter: Reporter, env: Mapping[str, str]) -> None:
        self.status = 0
        self._stream = stream
        self._quiet = args.quiet
        self._writes = writes
        self._reporter = reporter
        self._env = env
        self._terminal = stream.isatty()
        self._table = not self._quiet and (args.format == "table" or (args.format is None and self._terminal))
        self._rows: list[Any] = []
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
        """Prints the table, if that is the format."""
        if self._rows:
            from .tables import render

            rows, self._rows = self._rows, []
            self._write(render(self._writes, rows, self._terminal, self._env))

    def _put(self, result: Any) -> None:
        if self._quiet:
            self._write(bare(result).encode("utf-8", "surrogateescape") + b"\n")
        elif self._table:
            self._rows.append(result)
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
    """What -q prints of a document: a container's id, a descriptor's digest, else the name."""
    if isinstance(result, dict):
        for key in ("id", "digest", "name"):
            if isinstance(result.get(key), str):
                return str(result[key])
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


def _tell(command: Command, help: bool, stdout: BinaryIO, env: Mapping[str, str]) -> int:
    if help:
        from .present import help_text

        text = help_text(command, env, stdout.isatty())
    else:
        from .. import __version__

        text = f"{command.name} (ocipipe) {__version__}\n"
    write(stdout, text.encode())
    return 0


def _roots(values: Mapping[str, Any], env: Mapping[str, str], user: int) -> tuple[str, str]:
    """The store and the run-time directory, absolute. Raises UsageError where a user's home is not known."""
    root = values["root"] or env.get("OCIPIPE_ROOT")
    run_root = values["run_root"] or env.get("OCIPIPE_RUN_ROOT")
    if not root:
        if not user:
            root = "/var/lib/ocipipe"
        elif env.get("XDG_DATA_HOME"):
            root = env["XDG_DATA_HOME"] + "/ocipipe"
        elif env.get("HOME"):
            root = env["HOME"] + "/.local/share/ocipipe"
        else:
            raise UsageError("--root", "no store is known: HOME is not set", "name a directory with --root")
    if not run_root:
        if not user:
            run_root = "/run/ocipipe"
        elif env.get("XDG_RUNTIME_DIR"):
            run_root = env["XDG_RUNTIME_DIR"] + "/ocipipe"
        else:
            run_root = root + "/run"
    return os.path.abspath(root), os.path.abspath(run_root)


def _stream(number: int) -> BinaryIO:
    """A standard stream, unbuffered: what is read is acted on, what is written is out.

    A descriptor that the caller closed is filled with one that refuses (as a closed one would), so that no file of ours
    gets its number and takes results or messages meant for people.
    """
    try:
        os.fstat(number)
    except OSError:
        filler = os.open("/dev/null", os.O_WRONLY if number == 0 else os.O_RDONLY)
        if filler != number:
            os.dup2(filler, number)
            os.close(filler)
    # A raw file, not a BinaryIO in name: it has every method that we and the commands use.
    return open(number, "rb" if number == 0 else "wb", buffering=0, closefd=False)  # type: ignore[return-value]


def _now() -> float:
    import time

    return time.time()


def _end(number: int, frame: FrameType | None) -> None:
    _signal.signal(number, _signal.SIG_DFL)  # a second one does not wait for the clean-up
    raise Ended(number)


def _die(number: int) -> NoReturn:
    """Ends this process by a signal, as if it had never been caught."""
    _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    os._exit(128 + number)
