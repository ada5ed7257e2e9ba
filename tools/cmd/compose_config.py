"""compose-config: what compose files mean."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE, REGISTRY
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..cli.declare import Args
    from ..context import Context
    from ..registry.settings import Access

COMMAND = Command(
    "compose-config",
    "show and check what compose files mean",
    description="Reads the compose files of a project, replaces variables, merges the files, follows extends and "
    "include, checks every key, and prints the model as one document in which everything has its long form. Services "
    "in no active profile are left out, as are networks, volumes, secrets and configs that nobody uses. Dollar signs "
    "are doubled, so that the document is a compose file again; with --no-interpolate variables stay as they are "
    "written. An error names the file, the line and the key; so does a key that is not supported.",
    operands=(Operand("SERVICE", "only these services and what they depend on", required=False, many=True),),
    options=(
        *COMPOSE,
        Option("--services", "list the services", kind="flag"),
        Option("--volumes", "list the volumes", kind="flag"),
        Option("--networks", "list the networks", kind="flag"),
        Option("--images", "list the images", kind="flag"),
        Option("--profiles", "list the profiles, active or not", kind="flag"),
        Option("--environment", "list the variables that values can refer to", kind="flag"),
        Option("--hash", "list the services with the hashes that their containers are known by", kind="flag"),
        Option("--resolve-image-digests", "ask the registries which digest each image has", kind="flag"),
        Option("--no-interpolate", "leave variables as they are written", kind="flag"),
        *REGISTRY,
    ),
    writes="compose or compose-item",
    examples=(
        ("compose-config -q", "check the compose file in this directory; print the project's name"),
        ("compose-config --services -q", "the names of the services, each after those that it depends on"),
        ("compose-config | jq '.services.web.environment'", "what a service's process will see"),
        ("compose-config | compose-config -f - --images -q", "the document is a compose file itself"),
    ),
    see=("img-build", "ctr-run"),
)


def run(ctx: Context, args: Args) -> Iterable[dict[str, object]] | dict[str, object]:
    """Loads the project, and prints it or one of its lists."""
    from ..compose import items, project
    from ..compose.interpolate import escaped

    wanted = [name for name in items.LISTS if getattr(args, name)]
    if len(wanted) > 1:
        raise UsageError(f"--{wanted[1]}", f"cannot be listed together with --{wanted[0]}", "ask for one list")
    if args.no_interpolate:
        if wanted or args.service or args.resolve_image_digests:
            raise UsageError("--no-interpolate", "prints the whole files", "leave out lists, digests and services")
        return project.literal(ctx, args)
    found = project.asked(ctx, args)
    if wanted:
        return items.LISTS[wanted[0]](found, args.service)
    model = found.selected(args.service)
    if args.resolve_image_digests:
        from ..registry.settings import Access

        _resolve(ctx, model, Access.of(args))
    document: dict[str, object] = escaped(model)
    return document


def _resolve(ctx: Context, model: dict[str, dict[str, dict[str, object]]], access: Access) -> None:
    """Adds to each image the digest that its registry has for it now."""
    from oci_spec import reference

    from ..registry.remote import connect

    known: dict[str, str] = {}
    for service in model["services"].values():
        image = service.get("image")
        if not isinstance(image, str):
            continue
        wanted = reference.parse(image)
        if wanted.digest:
            continue
        if image not in known:
            found = connect(ctx, wanted.name, access).resolve(wanted.target)
            known[image] = f"{wanted.familiar}@{found.digest}"
        service["image"] = known[image]
