"""A process in the foreground: a runtime that is our child and has our terminal, or a container's first process itself,
gets our signals."""

from __future__ import annotations

import os

from . import first_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

FORWARDED = frozenset(signal.valid_signals()) - {
    signal.SIGCHLD,
    signal.SIGKILL,
    signal.SIGSTOP,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGCONT,
    signal.SIGPIPE,
    signal.SIGSEGV,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
}
"""The signals that are the process's when they reach us."""
_ENDING = frozenset((signal.SIGTERM, signal.SIGHUP, signal.SIGINT))
_FROM_KERNEL = 0x80
_POLL_SECONDS = 0.005
_PATIENCE = 100
"""Polls in which a process that has begun may still make itself ready for a signal."""


def run(
    start: Callable[[], int],
    process: Callable[[], int],
    stop: Callable[[], None],
    *,
    terminal: bool = False,
    apart: bool = False,
) -> int:
    """Starts the runtime by `start() -> pid` and waits for its end; its exit status, -n when signal n ended it.

    A signal that somebody sent us goes to the runtime, which hands it to the process. What the terminal's keys send,
    the kernel gives to the whole process group, so the runtime has it already, unless it is `apart`: not in ours. One
    that asks to end before there is a process (`process()` is 0 so long, then its id), or before `start` returns, waits
    until that takes it: as number 1 of its namespace it never hears of what comes before it has a handler. Where it has
    none for a while, `stop` ends it and the signal is ours at our return; a second one waits for nothing. With
    `terminal`, its settings are put back at the end, also when the runtime was killed in raw mode.
    """
    waited = FORWARDED | {signal.SIGCHLD}
    settings = _terminal_settings() if terminal else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    early = 0  # the signal that asked to end before there was a process
    patience = _PATIENCE
    pid = 0
    try:
        pid = start()
        begun = not apart  # else what is waiting now came before there was a process
        while True:
            waiting = not begun or (early and patience > 0)
            seconds = _POLL_SECONDS if begun else 0
            found = signal.sigtimedwait(waited, seconds) if waiting else signal.sigwaitinfo(waited)
            if found is None:
                if not begun:
                    begun = True
                    ended, status = _reap(pid, orphans=apart)  # who told of it may have been taken for another
                    if ended:
                        return os.waitstatus_to_exitcode(status)
                number = process() if early else 0
                if number and first_process.is_program(number) and _takes(number, early):
                    os.kill(pid, early)
                    early = 0
                elif number:
                    patience -= 1
                    if not patience:
                        stop()
            elif found.si_signo == signal.SIGCHLD:
                ended, status = _reap(pid, orphans=apart)
                if ended:
                    return os.waitstatus_to_exitcode(status)
            elif early:
                os.kill(pid, signal.SIGKILL)
            elif found.si_signo in _ENDING and not (begun and _is_there(process())):
                early = found.si_signo
            elif apart or found.si_code != _FROM_KERNEL:
                if apart:
                    first_process.await_program(pid)
                os.kill(pid, found.si_signo)
    finally:
        _restore(settings)
        while pid and signal.sigtimedwait(waited, 0) is not None:
            pass  # came for a process that had ended
        if early:
            os.kill(os.getpid(), early)  # blocked still: it is delivered with the mask
        signal.signal(signal.SIGCHLD, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def await_end(pid: int) -> int:
    """For `start`: waits for a child, and its status as a shell shows it. A second signal that asks to end kills it."""
    asked = 0
    while True:
        found = signal.sigwaitinfo(_ENDING | {signal.SIGCHLD})
        if found.si_signo != signal.SIGCHLD:
            if asked:
                os.kill(pid, signal.SIGKILL)
            asked = found.si_signo
            continue
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            if asked:
                os.kill(os.getpid(), asked)  # it waits for the process, as those do that nobody has taken yet
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code


def _reap(pid: int, *, orphans: bool) -> tuple[int, int]:
    """Whether a child of ours has ended (its id, or 0), and its status; with `orphans`, others that have are let go."""
    while True:
        ended, status = os.waitpid(-1 if orphans else pid, os.WNOHANG)
        if ended in (0, pid):
            return ended, status


def _is_there(process: int) -> bool:
    """Whether there is a process, and it is the program that is to be run."""
    return bool(process) and first_process.is_program(process)


def _takes(process: int, number: int) -> bool:
    """Whether a program catches a signal, or will look at it later; one that has ended takes anything.

    One that waits for signals in sigwait, as tini does all the time, shows them neither blocked nor caught meanwhile.
    """
    try:
        with open(f"/proc/{process}/status", "rb") as file:
            masks = [int(line.split()[1], 16) for line in file if line.startswith((b"SigBlk:", b"SigCgt:"))]
        with open(f"/proc/{process}/wchan", "rb") as file:
            waits = b"sigtimedwait" in file.read()
    except OSError:
        return True
    return waits or any(mask >> (number - 1) & 1 for mask in masks)


def _terminal_settings() -> list[object]:
    import termios

    return termios.tcgetattr(0)


def _restore(settings: list[object] | None) -> None:
    if settings is None:
        return
    import termios

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})  # it would stop us in the background
    try:
        termios.tcsetattr(0, termios.TCSADRAIN, settings)  # type: ignore[arg-type]
    except termios.error:
        pass  # the terminal is gone, and its settings with it
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
