"""The containers that a compose command is about, and how they are shown."""

from __future__ import annotations

from ..errors import NotFound
from ..runtime import state
from . import labels, present

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .ground import Ground
    from .present import There


def selected(ground: Ground, services: Sequence[str], *, one_off: bool = False) -> list[There]:
    """The containers of these services, or of the project. Raises NotFound for what is no service of it, Conflict for
    containers of another project of this name."""
    there = present.containers(ground.ctx, ground.store, ground.project)
    orphans = {one.service for one in there}
    for name in services:
        if name not in orphans:
            ground.project.service(name)
    return [one for one in there if (not services or one.service in services) and (one_off or not one.one_off)]


def running(ground: Ground, services: Sequence[str]) -> list[There]:
    """Those of them that have a process. Raises as `selected`."""
    return [one for one in selected(ground, services, one_off=True) if one.runs]


def single(ground: Ground, service: str, index: int | None) -> Container:
    """A service's container of a number, or its first one, rather one that runs. Raises NotFound."""
    found = selected(ground, [service])
    if index is None:
        found = [one for one in found if one.runs] or found
    else:
        found = [one for one in found if one.number == index]
    if not found:
        which = "container" if index is None else f"container {index}"
        raise NotFound(service, f"has no {which}", "compose-up makes them, compose-ps lists what is there")
    return ground.store.containers.load(found[0].id)


def document(ground: Ground, container: Container, seen: state.Observed | None = None) -> Document:
    """A container of a project (schema container), with what people ask for first beside the rest."""
    ctx = ground.ctx
    seen = seen or state.observe(container, ctx.run_root, ctx.env)
    found = state.document(container, seen)
    given: Any = container.record["labels"]
    number = given.get(labels.NUMBER, "")
    more: Document = {
        "project": given.get(labels.PROJECT), "service": given.get(labels.SERVICE), "name": container.name,
        "number": int(number) if number.isdigit() else None, "health": seen.health or None,
        "exitCode": None if seen.runs else seen.exit_code,
        "ports": list(container.record.get("published") or ()) if seen.runs else [],  # type: ignore[call-overload]
    }  # fmt: skip
    return {**found, **{key: value for key, value in more.items() if value is not None}}


def documents(ground: Ground, there: Iterable[There]) -> Iterator[Document]:
    """Those of them that are still there; none where nothing is done."""
    for one in () if ground.dry else there:
        try:
            yield document(ground, ground.store.containers.load(one.id))
        except NotFound:
            continue


def ended(ground: Ground, one: There, code: int | None) -> Document:
    """A container that has ended with this status."""
    seen = state.Observed("stopped", exit_code=code)
    return document(ground, ground.store.containers.load(one.id), seen)


def exit_status(found: Document) -> int:
    """The exit status of a container that has ended. Raises StatusUnknown."""
    from ..containers.attached import StatusUnknown

    code = found.get("exitCode")
    if not isinstance(code, int):
        raise StatusUnknown(str(found["name"]), "has ended, and nobody knows its exit status: its monitor was killed")
    return code


def place(ground: Ground, side: str, index: int | None) -> str:
    """A side of a copy (containers.copy): SERVICE:PATH with the container in the service's place."""
    service, colon, path = side.partition(":")
    if not colon or side.startswith(("/", ".")):
        return side
    return f"{single(ground, service, index).name}:{path}"
