"""Questions to the person at the terminal."""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context


def credentials(ctx: Context, username: str | None) -> tuple[str, str]:
    """User name (unless given) and password; what is typed for the password is not shown. Raises UsageError."""
    if not ctx.stdin.isatty():
        raise UsageError("password", "there is no terminal to ask on", "use --username with --password-stdin")
    from getpass import getpass

    if not username:
        ctx.stderr.write(b"user name: ")
        ctx.stderr.flush()
        username = ctx.stdin.readline().decode().strip()
    if not username:
        raise UsageError("user name", "is empty", "give one with --username")
    return username, getpass("password: ")
