"""A service's keys as options of ctr-create, each looked at as ctr-create itself will: what it refuses is told with the
file, line and key that say it."""

from __future__ import annotations

from ..errors import OcipipeError
from .positions import ComposeError, place_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .positions import Mapping

    Path = tuple[str | int, ...]


class Words:
    """Options, as they come together; `said` has them."""

    def __init__(self, model: Mapping, service: str) -> None:
        self.model = model
        self.said: list[str] = []
        self.service = service
        self.keys: Mapping = model["services"][service]

    def refuse(self, path: Path, problem: str, remedy: str = "") -> ComposeError:
        """The refusal of a part of the service."""
        whole = ("services", self.service, *path)
        return ComposeError(place_at(self.model, whole), whole, problem, remedy)

    def option(self, name: str, value: object, path: Path, check: Callable[[str], object] | None = None) -> None:
        """An option with its value. Raises ComposeError where `check`, the option's own parser, refuses it."""
        text = str(value)
        if check is not None:
            try:
                check(text)
            except OcipipeError as error:
                raise self.refuse(path, error.problem, error.remedy) from None
        self.said.append(f"{name}={text}")

    def key(self, key: str, name: str, check: Callable[[str], object] | None = None) -> None:
        """A key with one value that the option takes as it is; nothing where the service does not have it."""
        value = self.keys.get(key)
        if value is not None:
            self.option(name, value, (key,), check)

    def each(self, key: str, name: str, check: Callable[[str], object] | None = None) -> None:
        """A key with a list: an option for each item."""
        for number, value in enumerate(self.keys.get(key) or ()):
            self.option(name, value, (key, number), check)

    def pairs(self, key: str, name: str) -> None:
        """A key with a mapping: an option NAME=VALUE for each."""
        for one, value in (self.keys.get(key) or {}).items():
            self.option(name, f"{one}={value}", (key, one))

    def flag(self, key: str, name: str) -> None:
        if self.keys.get(key):
            self.said.append(name)
