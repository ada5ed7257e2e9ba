"""The launcher: parse, read documents, run, write documents, map errors to an exit status. The only loop.

It alone reads the environment, the arguments, the clock, randomness and the standard streams; a command gets a Context.

Exit status: 0 done; 1 refused or failed, told on stderr; 2 usage; what the command declares beyond these. A command
that declares 125 (it starts a process whose status becomes its own) gives 125 where others give 1. A reader that went
away (`| head`) ends a command by SIGPIPE (a shell shows 141), Ctrl-C by SIGINT (130) and SIGTERM by SIGTERM (143),
after the clean-up, so that whoever started it sees what a C program would show.
"""

from __future__ import annotations

import gc
import os
import sys

from ..context import Context
from ..errors import UsageError
from .declare import Args
from .output import Ended, Output, OutputFailed, write
from .parse import missing, parse
from .report import Reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from sys import UnraisableHookArgs
    from types import FrameType
    from typing import Any, BinaryIO, NoReturn

    from .declare import Command
else:
    import _signal  # what signal is made of, without the enumerations that it builds at every start

CLEANED = (_signal.SIGTERM, _signal.SIGHUP)
"""Signals that would kill at once, and that we take as a request to clean up and end."""
_MOMENT_SECONDS = 0.001


def main(name: str, argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command `name` (`img-pull`) as this process, and ends the process with its status."""
    gc.disable()  # a collection during the imports finds nothing and costs a millisecond
    sys.unraisablehook = _not_lost
    try:
        for number in CLEANED:
            if _signal.getsignal(number) == _signal.SIG_DFL:  # nohup's SIG_IGN stays
                _signal.signal(number, _end)
        status = run_command(
            load(name),
            sys.argv[1:] if argv is None else argv,
            env=os.environ,
            stdin=_stream(0),
            stdout=_stream(1),
            stderr=_stream(2),
            now=_now,
            random=os.urandom,
            user=os.geteuid(),
            bin=os.path.dirname(os.path.abspath(sys.argv[0])),
        )
    except KeyboardInterrupt:
        _die(_signal.SIGINT)
    except Ended as error:
        _die(error.signal)
    except Exception as error:  # not even the declaration could be read: a broken installation
        status = Reporter(name, _stream(2), debug=_debug(os.environ)).error(error)
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        sys.exit(status)
    os._exit(status)  # everything is flushed; taking the interpreter apart would cost milliseconds


def load(name: str) -> Any:
    """The module of the command `name`. By name: nothing but this one line reaches into `cmd/`."""
    return __import__(f"{__package__.rpartition('.')[0]}.cmd.{name.replace('-', '_')}", fromlist=("COMMAND",))


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
    bin: str = "",
) -> int:
    """Runs one command in the given world; returns its exit status. Raises Ended when stdout's reader is gone.

    `module` has a COMMAND and `run`, `each` or `together` (see declare). `stdin` is unbuffered: its read returns what
    is there.
    """
    command: Command = module.COMMAND
    reporter = Reporter(command.name, stderr, debug=_debug(env))
    own_failure = 125 if 125 in command.exits else 1
    try:
        try:
            values = parse(command, argv)
            if values["help"] or values["version"]:
                return _tell(command, values["help"], stdout)
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
                bin=bin,
                progress=reporter,
            )
            return _run(module, ctx, args, reporter)
        except UsageError as error:
            if not reporter.terminal:
                return reporter.error(error)
            from .present import usage_error

            return reporter.usage(error, usage_error(command, error))
        except Exception as error:
            status = reporter.error(error)
            return own_failure if status == 1 else status
    finally:
        reporter.close()


def _run(module: Any, ctx: Context, args: Args, reporter: Reporter) -> int:
    command: Command = module.COMMAND
    output = Output(ctx.stdout, args, command, reporter, ctx.env)
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
    together = getattr(module, "together", None)
    try:
        if together is not None:
            output.take(together(ctx, args, (_judge(item, command.reads) for item in objects)))
            return output.status
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


def _judge(item: Any, type: str) -> Any:
    """The same item, or what is wrong with it."""
    try:
        return _check(item, type)
    except ValueError as error:
        return error


def _check(item: Any, type: str) -> Any:
    """A document from stdin, known to be of a type that the command reads; a name is the command's to judge."""
    if isinstance(item, dict):
        from oci_spec import validate

        types = type.split(" or ")
        found = validate.detect(item) if len(types) > 1 else None
        name = found if found in types else types[0]
        if name in validate.TYPES:
            return validate.check(name, item, f"{name} on stdin")
    return item


def _tell(command: Command, help: bool, stdout: BinaryIO) -> int:
    if help:
        from .present import help_text

        text = help_text(command, stdout.isatty())
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
    gets its number and takes results or messages meant for people; nor one of a program that we start.
    """
    try:
        os.fstat(number)
    except OSError:
        filler = os.open("/dev/null", os.O_WRONLY if number == 0 else os.O_RDONLY)
        if filler == number:
            os.set_inheritable(number, True)
        else:
            os.dup2(filler, number)
            os.close(filler)
    # A raw file, not a BinaryIO in name: it has every method that we and the commands use.
    return open(number, "rb" if number == 0 else "wb", buffering=0, closefd=False)


def _debug(env: Mapping[str, str]) -> bool:
    return env.get("OCIPIPE_DEBUG", "") not in ("", "0")


def _now() -> float:
    import time

    return time.time()


def _end(number: int, _frame: FrameType | None) -> None:
    _signal.signal(number, _signal.SIG_DFL)  # a second one does not wait for the clean-up
    raise Ended(number)


def _not_lost(dropped: UnraisableHookArgs) -> None:
    """A signal may come while Python does something whose errors it drops (it forgets a lock of an import, say): then
    it comes once more, a moment later."""
    if isinstance(dropped.exc_value, Ended):
        number = dropped.exc_value.signal
    elif isinstance(dropped.exc_value, KeyboardInterrupt):
        number = _signal.SIGINT
    else:
        sys.__unraisablehook__(dropped)
        return

    def again(_number: int, _frame: FrameType | None) -> None:
        raise Ended(number)

    _signal.signal(_signal.SIGALRM, again)
    _signal.setitimer(_signal.ITIMER_REAL, _MOMENT_SECONDS)


def _die(number: int) -> NoReturn:
    """Ends this process by a signal, as if it had never been caught."""
    _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (number,))
    os.kill(os.getpid(), number)
    os._exit(128 + number)
