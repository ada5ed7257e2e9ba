"""Containers outside the project that a service knows (external_links)."""

from __future__ import annotations

from ..containers import linking
from ..errors import OcipipeError
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .ground import Ground


def check(ground: Ground, service: str) -> None:
    """Raises ComposeError for a container that does not run, or not on a network that the service is on."""
    model, keys = ground.project.model, ground.project.service(service)
    networks = [str(model["networks"][key]["name"]) for key in keys.get("networks") or ()]
    for number, text in enumerate(keys.get("external_links") or ()):
        try:
            linking.addresses(ground.ctx, ground.store, text.partition(":")[0], networks)
        except OcipipeError as error:
            path = ("services", service, "external_links", number)
            place = place_at(model, path)
            raise ComposeError(place, path, f"{error.subject}: {error.problem}", error.remedy) from None
