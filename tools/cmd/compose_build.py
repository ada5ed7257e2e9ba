"""compose-build: the images of services, built."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-build",
    "build the images of services",
    description="Builds the image of each service that has a build, those first that others are built from, and "
    "prints the descriptors. A service without one is passed over. What was built before comes from the "
    "cache of img-build.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("--no-cache", "carry out every step", kind="flag"),
        Option("--pull", "ask the registry for every base image", kind="flag"),
        Option("--build-arg", "value of an ARG; a bare NAME takes it from here", metavar="NAME=VALUE", many=True),
        Option("--push", "push each image that has a name of its own", kind="flag"),
    ),
    writes="descriptor",
    examples=(
        ("compose-build", "all that can be built"),
        ("compose-build app | jq -r .digest", "one service"),
    ),
    see=(
        "compose-up",
        "compose-push",
        "img-build",
    ),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]]:
    """Builds the images."""
    from ..cli.container_options import arguments
    from ..cli.output import write
    from ..compose import ground, images

    base = ground.asked(ctx, args, arguments, write)
    how = images.How(build=True, quiet=args.quiet)
    return images.build_all(
        base, args.service, how, no_cache=args.no_cache, pull=args.pull, args=args.build_arg, push=args.push
    )
