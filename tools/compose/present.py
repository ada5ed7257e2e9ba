"""What is there of a project: its containers, networks and volumes, known by their labels."""

from __future__ import annotations

from ..errors import NotFound, OcipipeError
from ..images import local
from ..network.networks import Networks
from ..runtime import state
from . import due, labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.store import Store
    from .project import Project


class There:
    """A container of the project. `material`: what of the model it was made from; `image`: its image's digest;
    `replaces`: the id of the one whose place it takes, '' for none; `named`: its networks; `hooks_due`: which of
    its service's hooks are still to be run (due), '' for none."""

    __slots__ = ("exit_code", "hooks_due", "id", "image", "labels", "material", "name", "named", "status")

    def __init__(
        self, id: str, name: str, labels: Mapping[str, str], status: str, exit_code: int | None, image: str,
        material: Document | None, named: list[str], *, hooks_due: str = "",
    ) -> None:  # fmt: skip
        self.id = id
        self.name = name
        self.labels = labels
        self.status = status
        self.exit_code = exit_code
        self.image = image
        self.material = material
        self.named = named
        self.hooks_due = hooks_due

    @classmethod
    def of(cls, ctx: Context, container: Container) -> There:
        seen = state.observe(container, ctx.run_root, ctx.env)
        record: Any = container.record
        return cls(
            container.id, container.name, record["labels"], seen.status, seen.exit_code,
            record["image"]["digest"] if "image" in record else "", record.get("compose"),
            list(record.get("networks") or ()), hooks_due=due.of(container),
        )  # fmt: skip

    @property
    def service(self) -> str:
        return self.labels.get(labels.SERVICE, "")

    @property
    def number(self) -> int:
        text = self.labels.get(labels.NUMBER, "")
        return int(text) if text.isdigit() else 0

    @property
    def one_off(self) -> bool:
        return self.labels.get(labels.ONE_OFF, "").lower() == "true"

    @property
    def replaces(self) -> str:
        return self.labels.get(labels.REPLACES, "")

    @property
    def runs(self) -> bool:
        return self.status in ("running", "paused", "restarting")

    @property
    def is_started(self) -> bool:
        """Whether nothing is left of starting it: it runs, and its hooks have been run, or cannot be at this moment."""
        return self.runs and not (self.hooks_due == due.POST_START and self.status == "running")


class Present:
    """All of it. `networks` and `volumes`: labels of whatever has a name that the project uses, by that name."""

    def __init__(
        self, containers: list[There], networks: dict[str, Mapping[str, str]], volumes: dict[str, Mapping[str, str]]
    ) -> None:
        self.containers = containers
        self.networks = networks
        self.volumes = volumes

    def of(self, service: str) -> list[There]:
        """A service's containers, in the order of their numbers, without one-off ones."""
        found = [one for one in self.containers if one.service == service and not one.one_off]
        return sorted(found, key=lambda one: (one.number, one.name))


def containers(ctx: Context, store: Store, project: Project) -> list[There]:
    """The project's containers. Raises Conflict for those of another project of this name."""
    found = []
    for container in store.containers.all():
        given: Any = container.record["labels"]
        if given.get(labels.PROJECT) == project.name:
            labels.check(given, project, container.name)
            found.append(There.of(ctx, container))
    return sorted(found, key=lambda one: (one.service, one.number, one.name))


def present(ctx: Context, store: Store, project: Project) -> Present:
    """What there is. Raises Conflict as `containers`."""
    model = project.model
    networks: dict[str, Mapping[str, str]] = {}
    there = Networks(store)
    known = set(there.names())
    for one in model["networks"].values():
        if one["name"] in known:
            networks[one["name"]] = there.find(one["name"]).labels
    volumes: dict[str, Mapping[str, str]] = {}
    for one in model["volumes"].values():
        try:
            volumes[one["name"]] = store.volumes.load(one["name"]).labels
        except NotFound:
            continue
    return Present(containers(ctx, store, project), networks, volumes)


def image(store: Store, name: str) -> str:
    """The digest of the image that a name stands for here; '' where it stands for none."""
    try:
        return str(local.find(store, name).digest)
    except OcipipeError as error:
        if error.code != "NOT_FOUND":
            raise
        return ""


def projects(ctx: Context, store: Store, *, everything: bool) -> Iterator[Document]:
    """Each project of which a container is there and runs (schema compose-project); with `everything`, or does not."""
    found: dict[tuple[str, str], list[There]] = {}
    for container in store.containers.all():
        given: Any = container.record["labels"]
        if labels.PROJECT in given:
            key = given[labels.PROJECT], given.get(labels.DIRECTORY, "")
            found.setdefault(key, []).append(There.of(ctx, container))
    for (name, directory), members in sorted(found.items()):
        if everything or any(one.runs for one in members):
            counts: dict[str, int] = {}
            for one in members:
                counts[one.status] = counts.get(one.status, 0) + 1
            files = [file for file in members[0].labels.get(labels.FILES, "").split(",") if file]
            yield {"name": name, "status": dict(sorted(counts.items())), "directory": directory, "files": files}
