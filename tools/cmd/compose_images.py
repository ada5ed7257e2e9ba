"""compose-images: the images that the containers of a project were made from."""

from __future__ import annotations

from ..cli.compose_options import SERVICES
from ..cli.declare import Command
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-images",
    "show the images of a project's containers",
    description="Prints the descriptor of each image that a container of the project was made from, once.",
    operands=(SERVICES,),
    options=(*COMPOSE,),
    writes="descriptor",
    examples=(
        ("compose-up -d && compose-images", "what runs"),
        ("compose-create && compose-images | img-history", "how they were made"),
    ),
    see=(
        "compose-ps",
        "img-ls",
    ),
)


def run(ctx: Context, args: Args) -> Iterator[dict[str, object] | Exception]:
    """Shows the images."""
    from ..compose import ground, images

    return images.used(ground.asked(ctx, args), args.service)
