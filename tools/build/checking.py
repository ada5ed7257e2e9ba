"""What is better written otherwise in a Dockerfile, told for itself (--check) or before a build that asks for it."""

from __future__ import annotations

from ..errors import Conflict
from ..host import machine
from . import context, dockerfile, workshop
from .plan import plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store
    from .context import Sources
    from .dockerfile import Dockerfile
    from .plan import Plan
    from .request import Request


def check(ctx: Context, store: Store, request: Request) -> Iterator[Document]:
    """What is better written otherwise in the Dockerfile (documents of the type lint); nothing is built or pulled.
    Raises DockerfileError for what could not be built at all."""
    with workshop.Workshop(store.prepare()) as work:
        sources = context.sources(ctx, work, request.context, request.file, request.written)
        here = machine.platform()
        parsed = dockerfile.parse(sources.text, sources.name)
        planned = plan(
            parsed, target=request.target, build_args=request.build_args, platform=(request.platforms or [here])[0],
            build_platform=here, contexts=request.wishes.contexts,
        )  # fmt: skip
        yield from _findings(store, parsed, planned, sources)


def refuse_what_is_asked_to_be(store: Store, parsed: Dockerfile, planned: Plan, sources: Sources) -> None:
    """Raises Conflict where the Dockerfile asks, by its directive check, that what breaks a rule is not built."""
    if "error" not in parsed.directives.get("check", ""):
        return
    broken = [one for one in _findings(store, parsed, planned, sources) if one["severity"] == "error"]
    if broken:
        first = broken[0]
        more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
        place = f"{first['file']}:{first['firstLine']}"
        raise Conflict(place, f"{first['rule']}: {first['message']}{more}", "img-build --check tells of all")


def _findings(store: Store, parsed: Dockerfile, planned: Plan, sources: Sources) -> list[Document]:
    from .lint import lint

    bases = {one.base: _parameters(store, one.base) for one in planned.every if isinstance(one.base, str)}
    known = {name: config for name, config in bases.items() if config is not None}
    return lint(parsed, planned, bases=known, ignore=sources.ignore)


def _parameters(store: Store, name: str) -> Document | None:
    """The config object of an image that is in the store; None for another."""
    from oci_spec.jsondoc import FormatError

    from ..errors import OcipipeError
    from ..images.entry import read_config
    from ..images.local import choose_manifest, find

    try:
        config = read_config(store, choose_manifest(store, find(store, name), None))
    except (OcipipeError, FormatError):
        return None
    found: Document = config.document.get("config") or {}  # type: ignore[assignment]
    return found
