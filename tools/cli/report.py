"""What goes to stderr: errors, warnings, and progress; for people on a terminal, as JSON lines for programs elsewhere.

On a terminal an error is `command: subject: problem (remedy)`, and below it an excerpt of what it is about where there
is one. Elsewhere it is one line of the shape registries answer with (distribution-spec 1.1, Error Codes):

    {"errors":[{"code":"NOT_FOUND","message":"subject: problem (remedy)","detail":{…}}]}

`message` is the whole text without the command's name and may be reworded; `code` is stable; `detail` is there only
when there is one. A warning is `{"warnings":[{"message":"…"}]}`, or `command: warning: …` on a terminal.
"""

from __future__ import annotations

import _thread
import errno
import os

from ..context import SilentTask
from ..errors import Conflict, Denied, NotFound, OcipipeError, Unavailable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from ..context import Progress, Task

FORMAT_CODE = "INVALID"
"""The code of a document or a name that breaks its format."""
INTERNAL_CODE = "INTERNAL"
"""The code of a mistake of ours."""

_OS_ERRORS: dict[int, tuple[type[OcipipeError], str]] = {
    errno.EACCES: (Denied, "run it as root, or use a store of your own with --root"),
    errno.EPERM: (Denied, "run it as root, or use a store of your own with --root"),
    errno.EROFS: (Unavailable, "choose a writable place with --root"),
    errno.ENOSPC: (Unavailable, "free space on that file system, or choose another with --root"),
    errno.EDQUOT: (Unavailable, "raise the quota, or choose another file system with --root"),
    errno.EMFILE: (Unavailable, "raise the limit with ulimit -n"),
    errno.ENFILE: (Unavailable, "raise fs.file-max"),
    errno.ENOMEM: (Unavailable, "free memory, or raise the limit of this session"),
    errno.EIO: (Unavailable, "check the disk"),
    errno.ENOENT: (NotFound, ""),
    errno.ENOTDIR: (Conflict, ""),
    errno.EISDIR: (Conflict, ""),
    errno.EEXIST: (Conflict, ""),
    errno.EBUSY: (Conflict, "something still uses it"),
}


def understood(error: BaseException) -> OcipipeError | None:
    """`error` as something to tell a user, or None when it is a mistake of ours.

    FormatError keeps its own type for callers; here it becomes code INVALID with its JSON pointer as detail.
    """
    if isinstance(error, OcipipeError):
        return error
    if isinstance(error, OSError) and error.errno:
        kind, remedy = _OS_ERRORS.get(error.errno, (Unavailable, ""))
        names = [name for name in (error.filename, error.filename2) if name]
        subject = " -> ".join(os.fsdecode(name) if isinstance(name, bytes) else str(name) for name in names)
        return kind(subject or "system call", lower_first(os.strerror(error.errno)), remedy)
    ours = ("ocipipe", "oci_spec")
    if isinstance(error, ModuleNotFoundError) and (error.name or ours[0]).split(".")[0] not in ours:
        return Unavailable(str(error.name), "this Python package is not installed", "install ocipipe again")
    if isinstance(error, MemoryError):
        return Unavailable("memory", "is exhausted", "free memory, or raise the limit of this session")
    from oci_spec.jsondoc import FormatError

    if isinstance(error, FormatError):
        found = OcipipeError(error.subject, f"{error.pointer}: {error.problem}" if error.pointer else error.problem)
        found.code = FORMAT_CODE
        found.detail = {"pointer": error.pointer} if error.pointer else None
        return found
    return None


def lower_first(text: str) -> str:
    """`No such file` as `no such file`; names in capitals stay."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def visible(text: str) -> str:
    """`text` with nothing that steers a terminal: names come from registries and images, which are not trusted."""
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() or character in "\n\t" else ascii(character)[1:-1] for character in text
    )


class Reporter:
    """Everything a command says to people; also its Progress. Safe to use from any thread.

    The bars come from `progress`, which is imported when the first task begins and somebody watches.
    """

    def __init__(self, command: str, stderr: BinaryIO, mode: str = "auto", *, debug: bool = False) -> None:
        self.command = command
        self.mode = mode
        self.debug = debug
        self._stream = stderr
        self._terminal = stderr.isatty()
        self._lock = _thread.allocate_lock()
        self._drawing: Progress | None = None

    # What commands see of it: context.Progress.

    def task(self, label: str, total: int | None) -> Task:
        if self.mode == "none" or (self.mode == "auto" and not self._terminal):
            return SilentTask()
        return self._drawn().task(label, total)

    def step(self, label: str) -> Task:
        return self._drawn().step(visible(label)) if self.mode == "auto" and self._terminal else SilentTask()

    def _drawn(self) -> Progress:
        with self._lock:
            if self._drawing is None:
                from . import progress

                self._drawing = progress.make(self.mode, self.command, self._stream, self._write)
            return self._drawing

    def warn(self, message: str) -> None:
        if self._terminal:
            self._say(visible(f"{self.command}: warning: {message}"))
        else:
            self._document({"warnings": [{"message": message}]})

    def say(self, line: str) -> None:
        if self.mode == "json":
            self._document({"line": line})
        elif self.mode != "none":
            self._say(visible(line))

    def close(self) -> None:
        with self._lock:
            drawing, self._drawing = self._drawing, None
        if drawing is not None:
            drawing.close()

    # What the launcher says.

    def error(self, error: BaseException) -> int:
        """Tells one failure; returns the exit status it asks for."""
        found = understood(error)
        if self.debug and (found is None or found is not error):
            import traceback

            self._say("".join(traceback.format_exception(error)).rstrip())
        if found is None:
            found = OcipipeError(
                "internal error", f"{type(error).__name__}: {error}".rstrip(": "),
                "please report it with what OCIPIPE_DEBUG=1 shows",
            )  # fmt: skip
            found.code = INTERNAL_CODE
        if self._terminal:
            excerpt = f"\n{found.excerpt}" if found.excerpt else ""
            self._say(visible(f"{self.command}: {found}{excerpt}"))
        else:
            entry: dict[str, object] = {"code": found.code, "message": str(found)}
            if found.detail is not None:
                entry["detail"] = found.detail
            self._document({"errors": [entry]})
        return found.status

    def usage(self, error: UsageError, text: str) -> int:
        """Tells a usage error: what is wrong, and on a terminal the presentation `text` that holds it instead."""
        if not self._terminal:
            return self.error(error)
        self._say(text.rstrip("\n"))
        return error.status

    @property
    def terminal(self) -> bool:
        """Whether people read this directly."""
        return self._terminal

    def _document(self, value: object) -> None:
        from json import dumps

        # ASCII: a message may hold a file name that is not UTF-8, and a line must stay valid JSON.
        self._say(dumps(value, separators=(",", ":"), default=str))

    def _say(self, line: str) -> None:
        with self._lock:
            drawing = self._drawing
        if drawing is not None:
            drawing.warn(line)
        else:
            self._write(line)

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line.encode("utf-8", "backslashreplace") + b"\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # stderr is closed or full: there is nobody left to tell
