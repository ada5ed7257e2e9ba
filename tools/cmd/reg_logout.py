"""reg-logout: forget a registry's credentials."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "reg-logout",
    "log out of a registry",
    description="Forgets the credentials for a registry (docker.io when none is named) in every place where img-pull "
    "would find them.",
    operands=(Operand("REGISTRY", "host[:port] of the registry", required=False),),
    options=(Option("--authfile", "credentials file to use instead of docker's and podman's", metavar="FILE"),),
    writes="login",
    examples=(
        ("echo secret | reg-login -u me --password-stdin registry.local; reg-logout registry.local", "log in and out"),
    ),
    see=("reg-login",),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object]]:
    """Logs out."""
    from ..registry.credentials import Keychain
    from ..registry.settings import canonical

    registry = canonical(args.registry or "docker.io")
    if not Keychain(ctx.env, args.authfile, ctx.user).erase(registry):
        raise NotFound(registry, "not logged in", "see the credentials in ~/.docker/config.json")
    yield {"registry": registry, "status": "logged-out"}
