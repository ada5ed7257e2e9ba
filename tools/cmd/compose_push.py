"""compose-push: the images of services, pushed."""

from __future__ import annotations

from ..cli.compose_options import CHANGING, SERVICES
from ..cli.declare import Command, Option
from ..cli.options import COMPOSE, REGISTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-push",
    "push the images of services to their registries",
    description="Pushes the image of each service that has a build and an image's name, and prints the descriptors.",
    operands=(SERVICES,),
    options=(
        *COMPOSE,
        *CHANGING,
        Option("--include-deps", "also what the services depend on", kind="flag"),
        *REGISTRY,
    ),
    writes="descriptor",
    examples=(("compose-build app && compose-push app", "build, then push"),),
    see=(
        "compose-build",
        "compose-pull",
        "img-push",
    ),
)


def run(ctx: Context, args: Args) -> list[dict[str, object]]:
    """Pushes the images."""
    from ..compose import ground, images
    from ..registry.settings import Access

    return images.push_all(ground.asked(ctx, args), args.service, deps=args.include_deps, access=Access.of(args))
