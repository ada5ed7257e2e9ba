"""img-pull: registry to store."""

from __future__ import annotations

from oci_spec.platform import Platform

from ..cli.declare import Command, Operand, Option
from ..cli.options import JOBS, PLATFORM, PULL_POLICIES, REGISTRY, given
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "img-pull",
    "pull images from a registry into the store",
    description="Fetches what each reference stands for, checks every byte against its digest, unpacks the layers "
    "while they arrive, and prints the image's descriptor. A blob that is in the store is not fetched again, a broken "
    "download is resumed, and two pulls of one image share the work. With neither tag nor digest, the tag is latest; "
    "with no registry, it is docker.io. The name then stands for what was pulled last: the image for one platform, or "
    "with --all-platforms the whole index. As long as it stands for the index that the registry has, a pull for one "
    "platform only prints the descriptor of that platform's image.\n\n"
    "With --repair it reads the findings of store-check, fetches exactly the blobs that are missing or damaged from "
    "where they came, unpacks exactly the layers that are damaged, restores what was lost of the store's own files, "
    "and prints an action document for each thing that it mended. An image given by name or descriptor has its blobs "
    "read, and those that are damaged fetched again.",
    operands=(Operand("REF", "image reference: [registry/]repository[:tag][@digest]", required=False, many=True),),
    options=(
        PLATFORM,
        Option("--all-platforms", "pull the whole index, with the images for every platform", kind="flag"),
        Option("-a, --all-tags", "pull every tag of the repository", kind="flag"),
        Option(
            "--policy",
            "when to ask the registry: always; only when the image is missing; newer, as always, but what is here will "
            "do when the registry can't be reached; or never",
            choices=PULL_POLICIES,
            default="always",
        ),
        Option("--repair", "mend what store-check found, or the blobs of an image that is here", kind="flag"),
        Option("--no-unpack", "store the blobs, and unpack no layer; needs no root", kind="flag"),
        JOBS,
        *REGISTRY,
    ),
    objects="ref",
    reads="descriptor or finding",
    writes="descriptor or action",
    examples=(
        ("img-pull debian:bookworm", "pull one image and print its descriptor"),
        ("img-pull debian:bookworm | ctr-run --rm - cat /etc/os-release", "pull, then run a command in it"),
        (
            "img-pull --all-platforms debian:bookworm | img-push --all-platforms mirror/debian:bookworm",
            "mirror an index",
        ),
        ("store-check | img-pull --repair", "mend the store"),
    ),
    see=("img-push", "img-ls", "ctr-run", "store-check"),
)


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> Iterator[dict[str, object]]:
    """Pulls one reference; a descriptor from a pipe is pulled by its name and digest."""
    from ..images.pull import PullOptions, all_tags, pull
    from ..registry.remote import Access
    from ..store.store import Store

    if args.repair:
        from ..upkeep.repair import mend

        others = [flag for flag in given(COMMAND, args) if flag not in ("--repair", *(one.long for one in REGISTRY))]
        if others:
            raise UsageError(f"--repair {others[0]}", "what is mended is what was pulled", f"leave out {others[0]}")
        yield from mend(ctx, Store(ctx.root), item, Access.of(args))
        return
    if args.jobs < 1:
        raise UsageError("--jobs", f"{args.jobs} is too few", "give 1 or more")
    options = PullOptions(
        Access.of(args),
        platform=Platform.parse(args.platform, "--platform") if args.platform else None,
        all_platforms=args.all_platforms,
        policy=args.policy,
        unpack=not args.no_unpack,
        jobs=args.jobs,
    )
    store = Store(ctx.root)
    name = item if isinstance(item, str) else _name(item)
    for entry in all_tags(ctx, store, name, options) if args.all_tags else (pull(ctx, store, name, options),):
        yield entry.document


def _name(document: dict[str, object]) -> str:
    """`registry/repository@digest` of a descriptor that says where it comes from."""
    from oci_spec import reference
    from oci_spec.descriptor import Descriptor

    if "code" in document:
        raise UsageError("stdin", "holds a finding of store-check", "give --repair to have it mended")
    wanted = Descriptor.parse(document, "stdin")
    if not wanted.name:
        raise UsageError(str(wanted.digest), "the descriptor names no reference", "name the image as an operand")
    return f"{reference.parse(wanted.name).name}@{wanted.digest}"
