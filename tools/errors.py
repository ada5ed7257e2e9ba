"""The one error base. Libraries raise it, the launcher alone turns it into a line and an exit status.

A message reads `subject: problem (remedy)`: lower case, no full stop, naming the object and the way out. `code` is
the error code as registries write it (distribution-spec 1.1, Error Codes) or one of ours in the same style.
"""

from __future__ import annotations


class OcipipeError(Exception):
    """What a user can cause or must know. `status` is the exit status (1, or 125 to 127 for a process's start)."""

    code = "UNKNOWN"
    status = 1
    excerpt = ""
    """Lines that show people the place, below the message on a terminal."""

    def __init__(self, subject: str, problem: str, remedy: str = "", *, detail: object = None) -> None:
        self.subject = subject
        self.problem = problem
        self.remedy = remedy
        self.detail = detail
        super().__init__(subject, problem, remedy)

    def __str__(self) -> str:
        return f"{self.subject}: {self.problem}{f' ({self.remedy})' if self.remedy else ''}"


class UsageError(OcipipeError):
    """Operands or options that don't go together; exit status 2."""

    code = "USAGE"
    status = 2


class NotFound(OcipipeError):
    """A named thing does not exist."""

    code = "NOT_FOUND"


class Conflict(OcipipeError):
    """A name is taken, or the object is in a state that forbids the action."""

    code = "CONFLICT"


class Denied(OcipipeError):
    """Permission or authentication is missing."""

    code = "DENIED"


class Corrupt(OcipipeError):
    """Content does not match its digest, size or format."""

    code = "CORRUPT"


class WrongContent(Corrupt):
    """What came is not what its descriptor says. Whoever took it kept nothing, so another try starts afresh."""


class Unsupported(OcipipeError):
    """This host, registry or version cannot do what was asked."""

    code = "UNSUPPORTED"


class Unavailable(OcipipeError):
    """A host part, a disk or a network that is needed did not do its work."""

    code = "UNAVAILABLE"
