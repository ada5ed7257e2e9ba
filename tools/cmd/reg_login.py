"""reg-login: credentials for a registry."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import REGISTRY
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "reg-login",
    "log in to a registry",
    description="Asks the registry whether user name and password are right, then keeps them where docker does: in "
    "~/.docker/config.json, $DOCKER_CONFIG, or the credential helper that is configured there. The registry is "
    "docker.io when none is named. The password comes from stdin with --password-stdin, else from the terminal; never "
    "from the command line, which every user of the machine can read.",
    operands=(Operand("REGISTRY", "host[:port] of the registry", required=False),),
    options=(
        Option("-u, --username", "user name", metavar="NAME"),
        Option("--password-stdin", "read the password from stdin", kind="flag"),
        *REGISTRY,
    ),
    writes="login",
    examples=(("echo secret | reg-login -u me --password-stdin registry.local", "log in without a terminal"),),
    see=("reg-logout", "img-pull", "img-push"),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Logs in."""
    from ..registry.credentials import Credential, Keychain
    from ..registry.login import verify
    from ..registry.settings import Access, canonical

    registry = canonical(args.registry or "docker.io")
    access = Access.of(args)
    username, password = _ask(ctx, args)
    credential = verify(ctx, registry, Credential(username, password), access)
    where = Keychain(ctx.env, access.authfile, ctx.user).save(registry, credential)
    yield {"registry": registry, "username": username, "status": "logged-in", "store": where}


def _ask(ctx: Context, args: Args) -> tuple[str, str]:
    """User name and password, from the options, stdin, or the person at the terminal."""
    if args.password_stdin:
        if not args.username:
            raise UsageError("--password-stdin", "needs --username", "give both")
        password = ctx.stdin.read().decode("utf-8", "surrogateescape").removesuffix("\n").removesuffix("\r")
        if not password:
            raise UsageError("stdin", "holds no password", "pipe it in")
        return args.username, password
    from ..cli.ask import credentials

    return credentials(ctx, args.username)
