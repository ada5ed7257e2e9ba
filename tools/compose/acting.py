"""What is done to containers of a project that are there: started, stopped, started anew, signalled, removed."""

from __future__ import annotations

from contextlib import nullcontext

from ..containers import ending, pausing, stopping
from ..errors import NotFound, OcipipeError, UsageError
from ..host import signals
from ..runtime import state
from . import apply, due, granted, plan, selecting, translate
from .doing import Doing
from .project_lock import ProjectLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .ground import Ground
    from .present import There

    Found = Iterator[Document | Exception]


def start(ground: Ground, services: Sequence[str]) -> list[Document]:
    """Starts the containers of services that are there, each once what it depends on has come to what it waits for.
    Raises NotFound where there is none."""
    # Who runs hooks does not do so beside another one that is at it.
    with ProjectLock(ground, lambda: None) if _has_hooks(ground) else nullcontext():
        there = selecting.selected(ground, services)
        if not there:
            raise NotFound(", ".join(services) or ground.project.name, "has no containers", "compose-up makes them")
        names = [name for name in ground.project.model["services"] if any(one.service == name for one in there)]
        actions = [
            plan.started(ground.project.name, one) for one in there if not one.is_started and one.service in names
        ]
        graph = ground.project.graph(names, dependencies=False)
        grants = granted.Grants(ground.ctx, ground.project, names)
        everything = selecting.selected(ground, ())
        doing = Doing(ground, translate.Around())
        apply.Up(ground, graph, actions, everything, grants, doing).run()
    return list(selecting.documents(ground, there))


def _has_hooks(ground: Ground) -> bool:
    services = ground.project.model["services"].values()
    return any(keys.get(due.PRE_START) or keys.get(due.POST_START) for keys in services)


def stop(ground: Ground, services: Sequence[str], seconds: float | None) -> Found:
    """Stops containers, those first that no other depends on."""
    doing = Doing(ground, translate.Around(), seconds=seconds)

    def each(one: There) -> Document | None:
        container = doing.stop(one.id)
        return None if container is None else _ended(ground, container)

    return _each(ground, "stop", selecting.running(ground, services), each)


def restart(ground: Ground, services: Sequence[str], seconds: float | None, *, dependents: bool) -> Found:
    """Stops and starts the containers of services, with `dependents` also of those that are to be restarted with what
    they depend on (depends_on.restart)."""
    model = ground.project.model["services"]
    for name in services:
        ground.project.service(name)
    wanted = dict.fromkeys(services or model)
    for name in ground.project.enabled(list(model)) if dependents else ():
        if any(how.get("restart") and other in wanted for other, how in (model[name].get("depends_on") or {}).items()):
            wanted[name] = None
    doing = Doing(ground, translate.Around(), seconds=seconds)
    there = selecting.selected(ground, list(wanted))
    grants = granted.Grants(ground.ctx, ground.project, {one.service for one in there} & set(model))
    doing.around.files = grants.paths
    doing.around.names = {name: translate.name(ground.project, name, 1) for name in model}

    def each(one: There) -> Document | None:
        grants.write()
        if doing.stop(one.id) is None:
            return None
        container = doing.start(one.service, one.id)
        found = ground.store.containers.load(container.id)
        ending.tell(ground.ctx, ground.store, found, "restart")
        return selecting.document(ground, found)

    return _each(ground, "restart", there, each, apply.again)


def kill(ground: Ground, services: Sequence[str], text: str | None) -> Found:
    """Sends a signal to containers that run. Raises UsageError for what is none."""
    name = signals.name(text or "SIGKILL")
    if name is None:
        raise UsageError(f"--signal {text}", "is no signal", "like HUP, SIGTERM or 15")

    def each(one: There) -> Document:
        found = stopping.kill(ground.ctx, ground.store, ground.store.containers.load(one.id), name)
        return selecting.document(ground, found)

    return _each(ground, f"send {name} to", selecting.running(ground, services), each)


def remove(ground: Ground, services: Sequence[str], *, stops: bool, volumes: bool) -> Found:
    """Removes containers that do not run; with `stops` all of them, stopped before."""
    doing = Doing(ground, translate.Around())
    there = selecting.selected(ground, services, one_off=True)

    def each(one: There) -> Document | None:
        container = doing.remove(one.id, volumes=volumes)
        return None if container is None else _ended(ground, container)

    return _each(ground, "remove", [one for one in there if stops or not one.runs], each)


def pause(ground: Ground, services: Sequence[str]) -> Found:
    """Freezes containers that run."""
    return _pausing(ground, services, "pause", "running", pausing.pause)


def unpause(ground: Ground, services: Sequence[str]) -> Found:
    """Lets frozen containers go on."""
    return _pausing(ground, services, "unpause", "paused", pausing.unpause)


def _pausing(ground: Ground, services: Sequence[str], what: str, status: str, work: Callable[..., Document]) -> Found:
    def each(one: There) -> Document:
        work(ground.ctx, ground.store, ground.store.containers.load(one.id))
        return selecting.document(ground, ground.store.containers.load(one.id))

    there = [one for one in selecting.running(ground, services) if one.status == status]
    return _each(ground, what, there, each)


def _ended(ground: Ground, container: Container) -> Document:
    code = container.record["exitCode"]
    seen = state.Observed(str(container.record["status"]), exit_code=code if isinstance(code, int) else None)
    return selecting.document(ground, container, seen)


def _each(
    ground: Ground, what: str, there: Sequence[There], work: Callable[[There], Document | None],
    through: Callable[[Ground, Sequence[There], Callable[[There], object]], None] = apply.stop,
) -> Found:  # fmt: skip
    """Does it (`stop`) to each, in the order of `through`; what came of it, or what went wrong."""
    found: list[Document | Exception] = []

    def each(one: There) -> None:
        try:
            document = ground.act(f"{what} {one.name}", lambda: work(one))
        except OcipipeError as error:
            found.append(error)
        else:
            found.extend([document] if document is not None else [])

    through(ground, there, each)
    yield from found
