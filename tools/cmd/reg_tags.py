"""reg-tags: the tags of a repository in a registry."""

from __future__ import annotations

from ..cli.declare import Command, Operand
from ..cli.options import REGISTRY
from ..errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "reg-tags",
    "list the tags of a repository",
    description="Prints the registry's list of tags for each repository, as one document (distribution-spec 1.1).",
    operands=(Operand("REPO", "[registry/]repository, without a tag", many=True),),
    options=REGISTRY,
    objects="repo",
    writes="tags",
    examples=(("reg-tags debian | jq -r '.tags[]'", "one tag a line"),),
    see=("img-pull", "reg-login"),
)


def each(ctx: Context, args: Args, item: str) -> dict[str, object]:
    """Lists one repository's tags."""
    from oci_spec import reference

    from ..registry.remote import connect
    from ..registry.settings import Access

    wanted = reference.parse(item, default_tag=False)
    if wanted.tag or wanted.digest:
        raise Unsupported(item, "names an image, not a repository", f"leave out everything after {wanted.name}")
    return {"name": wanted.repository, "tags": list(connect(ctx, wanted.name, Access.of(args)).tags())}
