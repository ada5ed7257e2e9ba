"""The anonymous volumes of a service's containers."""

from __future__ import annotations

from ..errors import NotFound

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store.container import Container
    from .ground import Ground


def anonymous(ground: Ground, container: Container) -> dict[str, str]:
    """The anonymous volumes of a container, by where they are mounted."""
    found = {}
    for one in container.record.get("volumeMounts") or ():  # type: ignore[attr-defined]
        try:
            if ground.store.volumes.load(str(one["name"])).anonymous:
                found[str(one["destination"])] = str(one["name"])
        except NotFound:
            continue
    return found


def places(ground: Ground, service: str, volumes: list[str]) -> set[str]:
    """Where a container of the service has anonymous volumes: as the service says, and as its image does."""
    mounts = ground.project.service(service).get("volumes") or ()
    said = {str(one["target"]) for one in mounts if one["type"] == "volume" and not one.get("source")}
    return said | (set(volumes) - {str(one["target"]) for one in mounts})
