"""Which services take part (compose-spec, 15-profiles.md)."""

from __future__ import annotations

from ..errors import NotFound
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .positions import Mapping

EVERY = "*"


def enabled(
    model: Mapping, active: Iterable[str], services: Sequence[str] = (), *, dependencies: bool = True
) -> list[str]:
    """The services to act on, in the model's order: of `services`, or of all that have no profile or an active one;
    with those that they depend on. A named service takes part whatever its profiles, which then are active for what it
    depends on. Raises NotFound for a name that is none, ComposeError for a dependency in no active profile."""
    known = model["services"]
    for name in services:
        if name not in known:
            raise NotFound(name, "no such service", f"the file has {', '.join(known) or 'none'}")
    profiles = set(active)
    begin = list(services) or [name for name in known if _takes_part(known[name], profiles)]
    for name in services:
        profiles.update(known[name].get("profiles", ()))
    found = set(begin)
    waiting = begin if dependencies else []
    while waiting:
        name = waiting.pop()
        for other, how in (known[name].get("depends_on") or {}).items():
            if other in found:
                continue
            if _takes_part(known[other], profiles):
                found.add(other)
                waiting.append(other)
            elif how.get("required", True):
                path = ["services", name, "depends_on", other]
                names = ", ".join(known[other]["profiles"])
                raise ComposeError(
                    place_at(model, path), path[:3], f"{other} is in no active profile", f"--profile {names}"
                )
    return [name for name in known if name in found]


def _takes_part(service: Mapping, active: set[str]) -> bool:
    profiles = service.get("profiles")
    return not profiles or EVERY in active or not active.isdisjoint(profiles)
