"""Which containers: one by what stands for it, many by filters."""

from __future__ import annotations

from ..errors import UsageError
from ..runtime import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..runtime.state import Observed
    from ..store.container import Container
    from ..store.store import Store

    Test = Callable[["Seen"], bool]


def find(store: Store, item: str | Document) -> Container:
    """The container that an operand (name, id, unique beginning of an id) or a document from a pipe stands for.

    A document is a container's, or ctr-inspect's whole one. Raises NotFound, Conflict, UsageError, Corrupt.
    """
    if isinstance(item, str):
        return store.containers.find(item)
    whole = item.get("state")
    named = (whole if isinstance(whole, dict) else item).get("id")
    if not isinstance(named, str) or not named:
        raise UsageError("stdin", "holds a document that is no container's", "pipe what ctr-ps or ctr-run prints")
    return store.containers.find(named)


HEALTH = ("starting", "healthy", "unhealthy", "none")
STATUSES = ("created", "running", "paused", "restarting", "stopped")
_STATUS_WORDS = {"exited": "stopped", "dead": "stopped"}


def filters(texts: list[str], made: Callable[[str], str]) -> Test:
    """--filter KEY=VALUE, several: those of one key are alternatives, but labels must all hold; keys must all hold.

    id, name (a regular expression), label, status, exited (exit status), ancestor (image), health, network, volume,
    before and since (a container, of which `made` gives the time) are known. Raises UsageError, and what `made` raises.
    """
    wanted: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if key not in _TESTS or not equals:
            raise UsageError(f"--filter {text}", "is no filter", f"use {', '.join(f'{one}=…' for one in _TESTS)}")
        if key == "status":
            value = _STATUS_WORDS.get(value, value)
            if value not in STATUSES:
                raise UsageError(f"--filter {text}", "is no status", f"choose from {', '.join(STATUSES)}")
        if key == "health" and value not in HEALTH:
            raise UsageError(f"--filter {text}", "is no state of health", f"choose from {', '.join(HEALTH)}")
        if key == "name":
            check_pattern(value, f"--filter {text}")
        if key == "exited" and not value.isdecimal():
            raise UsageError(f"--filter {text}", "is no exit status", "give a number")
        if key in ("before", "since"):
            value = made(value)
        wanted.setdefault(key, []).append(value)

    def test(seen: Seen) -> bool:
        for key, values in wanted.items():
            every = all if key == "label" else any
            if not every(_TESTS[key](seen, value) for value in values):
                return False
        return True

    return test


def check_pattern(pattern: str, subject: str) -> None:
    """Raises UsageError for a pattern that is no regular expression."""
    import re

    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(subject, f"is no regular expression: {error}", "give a part of it, or like ^web$") from None


def is_named(name: str, pattern: str) -> bool:
    """Whether a pattern finds a name, also one that has a slash before it, as docker writes those of containers."""
    import re

    return any(re.search(pattern, one) for one in (name, f"/{name}"))


class Seen:
    """A container and what it is doing, as filters look at it."""

    __slots__ = ("container", "observed")

    def __init__(self, container: Container, observed: Observed) -> None:
        self.container = container
        self.observed = observed

    def lists(self, key: str, value: str) -> bool:
        """Whether a list in its record holds the value."""
        found = self.container.record.get(key)
        return value in found if isinstance(found, (list, dict)) else False


def _label(seen: Seen, value: str) -> bool:
    key, equals, wanted = value.partition("=")
    labels: Document = seen.container.record["labels"]  # type: ignore[assignment]
    return key in labels and (not equals or labels[key] == wanted)


def _ancestor(seen: Seen, value: str) -> bool:
    image: Document | None = seen.container.record.get("image")  # type: ignore[assignment]
    if image is None:
        return False
    names: Document = image.get("annotations") or {}  # type: ignore[assignment]
    name = str(names.get("org.opencontainers.image.ref.name") or "")
    digest = str(image["digest"])
    short = name.removeprefix("docker.io/").removeprefix("library/")
    return value in (name, short, short.rpartition(":")[0], digest) or (
        len(value) >= 6 and digest.partition(":")[2].startswith(value.removeprefix("sha256:"))
    )


_TESTS: dict[str, Callable[[Seen, str], bool]] = {
    "id": lambda seen, value: seen.container.id.startswith(value),
    "name": lambda seen, value: is_named(seen.container.name, value),
    "label": _label,
    "status": lambda seen, value: seen.observed.status == value,
    "exited": lambda seen, value: seen.observed.status == "stopped" and seen.observed.exit_code == int(value),
    "ancestor": _ancestor,
    "health": lambda seen, value: (seen.observed.health or "none") == value,
    "volume": lambda seen, value: seen.lists("volumes", value),
    "network": lambda seen, value: seen.lists("networks", value),
    "before": lambda seen, value: str(seen.container.record["created"]) < value,
    "since": lambda seen, value: str(seen.container.record["created"]) > value,
}


def documents(
    ctx: Context, store: Store, texts: list[str], *, everything: bool, most: int | None
) -> Iterator[Document]:
    """The containers that fit, newest first: those with a process unless `everything`, so many of the newest, or a
    status was asked for."""
    test = filters(texts, lambda name: str(store.containers.find(name).record["created"]))
    asked = everything or most is not None or any(text.startswith(("status=", "exited=")) for text in texts)
    found = sorted(store.containers.all(), key=lambda one: (str(one.record["created"]), one.id), reverse=True)
    left = len(found) if most is None else most
    for container in found:
        if left <= 0:
            return
        observed = state.observe(container, ctx.run_root, ctx.env)
        if (asked or observed.runs or observed.status == "restarting") and test(Seen(container, observed)):
            left -= 1
            yield state.document(container, observed)


def whole(ctx: Context, store: Store, item: str | Document, *, size: bool) -> Document:
    """Everything about one container (schema container-inspect)."""
    container = find(store, item)
    document: Document = {
        "state": state.document(container, state.observe(container, ctx.run_root, ctx.env)),
        "config": container.config(),
        "record": container.record,
    }
    if "image" in container.record:
        document["image"] = container.record["image"]
    if size:
        import os

        from ..host import trees

        document["layerSize"] = trees.size(os.path.join(container.path, "upper"))
    return document
