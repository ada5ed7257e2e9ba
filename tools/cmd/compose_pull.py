"""compose-pull: the images of services, pulled."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE, REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-pull",
    "pull the images of services",
    description="Pulls the image of each service, and prints the descriptors. A service that has a build is passed "
    "over where its image has no name of its own, and with --ignore-buildable in any case.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        *CHANGING,
        Option(
            "--policy",
            "ask the registry always, or only for what is missing",
            choices=("always", "missing"),
            default="always",
        ),
        Option("--include-deps", "also what the services depend on", kind="flag"),
        Option("--ignore-buildable", "not what can be built", kind="flag"),
        *REGISTRY,
    ),
    writes="descriptor",
    examples=(
        ("compose-pull --policy missing", "what is not here"),
        ("compose-pull web", "one service"),
    ),
    see=(
        "compose-up",
        "compose-build",
        "img-pull",
    ),
)


def run(ctx: Context, args: Args) -> list[dict[str, object] | Exception]:
    """Pulls the images."""
    from ..compose import ground, images
    from ..registry.settings import Access

    return images.pull_all(
        ground.asked(ctx, args),
        args.service,
        policy=args.policy,
        deps=args.include_deps,
        buildable=not args.ignore_buildable,
        access=Access.of(args),
    )
