"""compose-run: one command of a service in a container of its own, with what it depends on."""

from __future__ import annotations

from ..containers import making, running
from ..errors import UsageError
from . import apply, conditions, images, plan, present, translate, up, wanting
from .doing import Doing, image_of
from .project_lock import ProjectLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .ground import Ground

_WORDS = (
    "env", "entrypoint", "workdir", "user", "volume", "label", "cap_add", "cap_drop", "publish",
)  # fmt: skip
"""Options of ctr-create that a command line may say beside, and in place of, what the service says."""


def run(ground: Ground, args: Any) -> int | Document:
    """Runs it: the exit status of its process, or with --detach its document; 0 where nothing is done. Raises what
    bringing up raises."""
    if args.tty and not args.detach and not ground.ctx.stdin.isatty():
        raise UsageError("--tty", "standard input is no terminal", "leave it out, or run from a terminal")
    service = args.service
    ground.project.service(service)
    grants = wanting.check(ground, [service])
    how = images.How(build=args.build, pull=args.pull or "")
    needs = {} if args.no_deps else ground.project.graph([service])[service]
    if needs:
        bringing = up.Bringing(ground, list(needs), scale={}, choices=plan.Choices(), how=how)
        bringing.run(Doing(ground, translate.Around()))
        there = present.containers(ground.ctx, ground.store, ground.project)
        for other, condition in needs.items() if not ground.dry else ():
            ids = [one.id for one in there if one.service == other and not one.one_off]
            conditions.wait(ground, service, other, condition, ids, lambda: None)
    images.get(ground, images.needed(ground, [service], how), how)
    doing = Doing(ground, translate.Around())
    _resources(ground, service, grants, doing)
    name = args.name or f"{ground.project.name}-{service}-run-{ground.ctx.random(6).hex()}"
    if ground.dry:
        ground.act(f"run {name}", lambda: None)
        return 0
    around = doing.around
    around.entrypoint = image_of(ground, service).entrypoint
    made = ground.parse(_said(ground, args, name, around))
    vars(made).update(detach=args.detach, replace=False, detach_keys=None, sig_proxy=True, attach=[])

    def make(monitored: bool) -> tuple[Container, Document]:
        return making.make(ground.ctx, ground.store, made, made.image, None, monitored=monitored)

    return running.run(ground.ctx, ground.store, made, make)


def _resources(ground: Ground, service: str, grants: Any, doing: Doing) -> None:
    """The networks and volumes of the service, and its secrets and configs."""
    with ProjectLock(ground, lambda: None):
        there = present.present(ground.ctx, ground.store, ground.project)
        wanted = wanting.wanted(ground, [service], {}, [])
        wanted.services = []
        actions = plan.plan(wanted, there, plan.Choices())
        apply.Up(ground, {}, actions, there.containers, grants, doing).run()


def _said(ground: Ground, args: Any, name: str, around: translate.Around) -> list[str]:
    wish = translate.Wish()
    wish.name = name
    wish.command = args.command or None
    wish.ports = args.service_ports
    wish.aliases = args.use_aliases
    for name in _WORDS:
        value = getattr(args, name)
        flag = f"--{name.replace('_', '-')}"
        wish.words += [f"{flag}={one}" for one in (value if isinstance(value, list) else [value]) if one is not None]
    for name in ("interactive", "tty", "rm"):
        wish.words.append(f"--{name}={str(bool(getattr(args, name))).lower()}")
    wish.words.append("--restart=no")
    return translate.words(ground.project, args.service, 1, around, wish)
