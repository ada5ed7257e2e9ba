"""The graph of services: who needs whom first."""

from __future__ import annotations

from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping as Table
    from typing import Any

    from .positions import Mapping

    Graph = dict[str, dict[str, dict[str, Any]]]

ENDED_WELL = "service_completed_successfully"
JOBS = ("replicated-job", "global-job")
"""The deploy.mode of what ends: it is started again until it has ended well."""


def jobs(model: Table[str, Any]) -> set[str]:
    """The services that are to end: by their deploy.mode, or because others wait for that."""
    services = model["services"].items()
    awaited = {
        other for _, keys in services for other, how in (keys.get("depends_on") or {}).items()
        if how["condition"] == ENDED_WELL
    }  # fmt: skip
    return awaited | {name for name, keys in services if (keys.get("deploy") or {}).get("mode") in JOBS}


def graph(model: Mapping, services: Iterable[str]) -> Graph:
    """Each of `services` with those of them that it depends on, as `{condition, required, restart?}`, in the model's
    order. What links, volumes_from, and network_mode, ipc, pid, uts and cgroup `service:…` need is in it: a service's
    depends_on holds it. Raises ComposeError, which names them, for services that wait for one another in a circle."""
    wanted = set(services)
    found = {
        name: {other: how for other, how in (service.get("depends_on") or {}).items() if other in wanted}
        for name, service in model["services"].items()
        if name in wanted
    }
    circle = _circle(found)
    if circle:
        path = ["services", circle[0], "depends_on", circle[1]]
        raise ComposeError(
            place_at(model, path), path[:3], f"services wait for one another: {' -> '.join(circle)}",
            "take one of these dependencies away",
        )  # fmt: skip
    return found


def ordered(found: Graph) -> list[str]:
    """The services of a graph, each after those that it depends on, else in the graph's order."""
    done: dict[str, None] = {}
    for start in found:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            others = [other for other in found[name] if other not in done]
            if others:
                waiting += reversed(others)
            else:
                done[name] = None
                waiting.pop()
    return list(done)


def _circle(found: Graph) -> list[str]:
    """The names on a circle, the first once more at the end; none where there is no circle."""
    done: set[str] = set()
    for start in found:
        trail: list[str] = []
        walk = [(start, iter(found[start]))]
        while walk and start not in done:
            name, others = walk[-1]
            if not trail or trail[-1] != name:
                trail.append(name)
            other = next((one for one in others if one not in done), None)
            if other is None:
                done.add(name)
                walk.pop()
                trail.pop()
            elif other in trail:
                return [*trail[trail.index(other) :], other]
            else:
                walk.append((other, iter(found[other])))
    return []
