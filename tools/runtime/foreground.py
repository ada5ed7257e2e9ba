"""A container in the foreground: the runtime is our child, has our terminal, and gets our signals."""

from __future__ import annotations

import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FORWARDED = frozenset(signal.valid_signals()) - {
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
_FROM_KERNEL = 0x80


def run(start: Callable[[], int], terminal: bool) -> int:
    """Starts the runtime by `start() -> pid` and waits for its end; its exit status, -n when signal n ended it.

    A signal that somebody sent us goes to the runtime, which hands it to the process. What the terminal's keys send,
    the kernel gives to the whole process group, so the runtime has it already. With `terminal`, its settings are put
    back at the end, also when the runtime was killed in raw mode.
    """
    waited = _FORWARDED | {signal.SIGCHLD}
    settings = _terminal_settings() if terminal else None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    handler = signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        pid = start()
        while True:
            found = signal.sigwaitinfo(waited)
            if found.si_signo == signal.SIGCHLD:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    return os.waitstatus_to_exitcode(status)
            elif found.si_code != _FROM_KERNEL:
                os.kill(pid, found.si_signo)
    finally:
        _restore(settings)
        while signal.sigtimedwait(waited, 0) is not None:
            pass  # came for a process that had ended
        signal.signal(signal.SIGCHLD, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


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
