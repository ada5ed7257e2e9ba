"""What a volume is to be, and making it."""

from __future__ import annotations

from ..errors import Conflict, NotFound, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.store import Store
    from ..store.volumes import Volume

_IN_MEMORY = ("ramfs", "tmpfs")
"""File systems that stand on no device."""


class Settings:
    """What a volume is asked to be. `options` are the local driver's: type, device and o, as mount(8) takes them; none
    for a plain volume. Raises UsageError for a driver or an option that there is not."""

    __slots__ = ("driver", "labels", "options")

    def __init__(self, driver: str, options: Mapping[str, str], labels: Mapping[str, str]) -> None:
        if driver not in ("", "local"):
            raise UsageError(f"driver {driver}", "there is no such volume driver", "use local")
        for key in options:
            if key not in ("type", "device", "o"):
                raise UsageError(f"option {key}", "the driver local does not have it", "it has type, device and o")
        self.driver = driver or "local"
        self.labels = dict(labels)
        self.options = {key: value for key, value in options.items() if value}
        kind = self.options.get("type", "")
        if kind in _IN_MEMORY:
            self.options.setdefault("device", kind)
        if self.options and not {"type", "device"} <= self.options.keys():
            missing = "device" if kind else "type"
            raise UsageError(
                f"option {next(iter(self.options))}", f"needs the option {missing} as well",
                "give type and device, and what else mount(8) is to be told as o",
            )  # fmt: skip

    def fit(self, volume: Volume) -> bool:
        """Whether a volume is just that."""
        return (volume.record["driver"], volume.driver_options, volume.labels) == (
            self.driver, self.options, self.labels,
        )  # fmt: skip


def in_memory(volume: Volume) -> bool:
    """Whether what lies in the volume is gone as soon as no container uses it."""
    return volume.driver_options.get("type") in _IN_MEMORY


def pairs(words: list[str], flag: str) -> dict[str, str]:
    """KEY=VALUE words of an option; a bare KEY has the value ''. Raises UsageError."""
    found = {}
    for word in words:
        key, _, value = word.partition("=")
        if not key:
            raise UsageError(f"{flag} {word}", "has no key before =", "write KEY=VALUE")
        found[key] = value
    return found


def record(ctx: Context, name: str, settings: Settings, *, anonymous: bool = False) -> Document:
    """The record of a new volume; one without a name gets 64 random digits for it, and is anonymous."""
    return {
        "name": name or ctx.random(32).hex(),
        "driver": settings.driver,
        "driverOptions": settings.options,
        "labels": settings.labels,
        "created": ctx.timestamp(),
        "anonymous": anonymous or not name,
    }


def create(ctx: Context, store: Store, name: str, settings: Settings) -> Volume:
    """The volume `name` with these settings, made if it is missing; '' makes an anonymous one.

    Raises Conflict when it is there with other settings, UsageError for what is no name.
    """
    found = ensure(ctx, store, name, settings)
    if not settings.fit(found):
        raise Conflict(
            name, "the volume is there already, with another driver, options or labels",
            "choose another name, or see vol-inspect",
        )  # fmt: skip
    return found


def ensure(ctx: Context, store: Store, name: str, settings: Settings, *, anonymous: bool = False) -> Volume:
    """The volume `name` as it is, made with these settings if it is missing; '' makes an anonymous one, and so does
    `anonymous`, under a name that was chosen before."""
    while True:
        if name:
            try:
                return store.volumes.load(name)
            except NotFound:
                pass
        wanted = record(ctx, name, settings, anonymous=anonymous)
        try:
            with store.volumes.making(wanted):
                pass
            return store.volumes.volume(wanted)
        except Conflict:
            continue  # another command has made it meanwhile
