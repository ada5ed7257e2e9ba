"""What is to be done so that what is there becomes what is wanted: actions, each with its reasons by field. Pure."""

from __future__ import annotations

from ..errors import Conflict, NotFound
from .differences import differences, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .present import Present, There


class Service:
    """A service as it is wanted.

    count     how many containers
    called    the name of its container of a number
    hash      of what a container is made from, and that itself: `material`
    image     its name; digest: of what it stands for here, '' for nothing yet
    networks  names of the networks that it is on; volumes likewise
    shares    key to the service whose container it needs as it is (network_mode: service:…, volumes_from)
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 1
        self.called: dict[int, str] = {}
        self.template = ""
        self.hash = ""
        self.material: Document = {}
        self.image = ""
        self.digest = ""
        self.networks: list[str] = []
        self.shares: dict[str, str] = {}

    def container(self, number: int) -> str:
        return self.called.get(number) or f"{self.template}-{number}"


class Resource:
    """A network or volume as it is wanted: `kind`, what the model calls it and what it is called, its hash, its part of
    the model."""

    def __init__(self, kind: str, key: str, name: str, hash: str, definition: Document, *, external: bool) -> None:
        self.kind = kind
        self.key = key
        self.name = name
        self.hash = hash
        self.definition = definition
        self.external = external


class Wanted:
    """All that is wanted of a project; `services` each after those that it depends on, `known` all that the model
    has. `missing` are the actions for images, each with the service that needs it."""

    def __init__(self, project: str) -> None:
        self.project = project
        self.services: list[Service] = []
        self.known: set[str] = set()
        self.resources: list[Resource] = []
        self.missing: list[tuple[str, Service]] = []


class Choices:
    """What a command line chooses: force or no recreation, whether orphans go, whether what is made is started."""

    def __init__(
        self, *, force: bool = False, keep: bool = False, orphans: bool = False, start: bool = True
    ) -> None:  # fmt: skip
        self.force = force
        self.keep = keep
        self.orphans = orphans
        self.start = start


def plan(wanted: Wanted, there: Present, choices: Choices) -> list[Document]:
    """The actions (schema compose-plan), in an order in which they can be done. Raises NotFound for an external network
    or volume that is not there, Conflict for a volume that is another one than is wanted, and for a network that cannot
    be made anew."""
    return list(_Plan(wanted, there, choices).actions())


class _Plan:
    def __init__(self, wanted: Wanted, there: Present, choices: Choices) -> None:
        self.wanted = wanted
        self.there = there
        self.choices = choices
        self.renewed: dict[str, list[Document]] = {}
        self.remade: set[str] = set()

    def actions(self) -> Iterator[Document]:
        for action, service in self.wanted.missing:
            why = [reason("image", service.digest or None, None)]
            yield self.action(action, "image", service.image, why, service.digest, service=service.name)
        for one in self.wanted.resources:
            yield from self.resource(one)
        yield from self.orphans()
        for service in self.wanted.services:
            yield from self.service(service)

    def action(
        self, action: str, kind: str, name: str, reasons: Sequence[Document], state: str, wanted: str = "",
        **more: object,
    ) -> Document:  # fmt: skip
        return _action(self.wanted.project, action, {"kind": kind, "name": name, **more}, reasons, state, wanted)

    # Networks and volumes.

    def resource(self, one: Resource) -> Iterator[Document]:
        found = (self.there.networks if one.kind == "network" else self.there.volumes).get(one.name)
        if one.external:
            if found is None:
                raise NotFound(
                    one.name,
                    f"no such {one.kind}, and it is external to the project",
                    f"{one.kind[:3]}-create makes it",
                )
            return
        if found is None:
            yield self.action("create", one.kind, one.name, [], "", one.hash, key=one.key)
            return
        before = resource_state(found)
        if not before or before == one.hash:
            return
        changes = _redefined(found, one)
        if all(str(change["field"]).startswith(f"{one.kind}s.{one.key}.labels") for change in changes):
            return
        if one.kind == "volume":
            raise Conflict(
                one.name, f"the volume was made otherwise: {told(changes[0])}",
                "vol-rm it to have it made anew, with its files lost, or give it another name",
            )  # fmt: skip
        services = {service.name for service in self.wanted.services}
        others = [
            user.name for user in self.there.containers if one.name in user.named and user.service not in services
        ]
        if others:
            raise Conflict(one.name, f"is to be made anew, and {others[0]} is on it", "take all services up together")
        self.renewed[one.name] = changes
        yield self.action("recreate", one.kind, one.name, changes, before, one.hash, key=one.key)

    # Containers.

    def orphans(self) -> Iterator[Document]:
        for one in self.there.containers:
            if self.choices.orphans and one.service not in self.wanted.known and not one.one_off:
                yield self.remove(one, reason("services", one.service, None))

    def remove(self, one: There, why: Document) -> Document:
        return self.container("remove", one, [why])

    def container(self, action: str, one: There, reasons: Sequence[Document], wanted: str = "") -> Document:
        return _of_container(self.wanted.project, action, one, reasons, wanted)

    def service(self, service: Service) -> Iterator[Document]:
        found = self.there.of(service.name)
        ids = {one.id for one in found}
        for one in found:
            if one.replaces in ids:  # whoever made it was killed before it could take the other one's place
                yield self.remove(one, reason("replace", one.replaces, None))
        found = [one for one in found if one.replaces not in ids]
        for one in found[service.count :]:
            yield self.remove(one, reason("scale", len(found), service.count))
        kept = found[: service.count]
        for one in kept:
            yield from self.kept(service, one)
        numbers = {one.number for one in kept}
        free = (number for number in range(1, len(numbers) + service.count + 1) if number not in numbers)
        for _ in range(service.count - len(kept)):
            number = next(free)
            self.remade.add(service.name)
            name = service.container(number)
            yield self.action("create", "container", name, [], "", service.hash, service=service.name, number=number)

    def kept(self, service: Service, one: There) -> Iterator[Document]:
        why = [] if self.choices.keep else self.reasons(service, one)
        if why:
            self.remade.add(service.name)
            yield self.container("recreate", one, why, service.hash)
            return
        name = service.container(one.number)
        if one.replaces and one.name != name:  # whoever made it was killed before it could give it its name
            yield self.container("rename", one, [reason("name", one.name, name)])
        if self.choices.start and not one.is_started:
            yield started(self.wanted.project, one)

    def reasons(self, service: Service, one: There) -> list[Document]:
        """Why a container is to be made anew; none where it is what is wanted."""
        if self.choices.force:
            return [reason("--force-recreate", None, True)]
        from . import labels

        found: list[Document] = []
        if one.material is not None:
            found += material_differences(one.material, service.material)
        elif one.labels.get(labels.HASH) != service.hash:
            found.append(reason("hash", one.labels.get(labels.HASH), service.hash))
        if service.digest and one.image != service.digest:
            found.append(reason("image", one.image, service.digest))
        for name in service.networks:
            found += self.renewed.get(name, [])
        found += [reason(key, other, f"a new {other}") for key, other in service.shares.items() if other in self.remade]
        return found


def _action(
    project: str, action: str, target: Document, reasons: Sequence[Document], state: str, wanted: str
) -> Document:
    document: Document = {
        "action": action, "object": target, "reasons": list(reasons), "project": project, "state": state,
    }  # fmt: skip
    return {**document, "wanted": wanted} if wanted else document


def _of_container(project: str, action: str, one: There, reasons: Sequence[Document], wanted: str = "") -> Document:
    target: Document = {
        "kind": "container", "name": one.name, "service": one.service, "number": one.number, "id": one.id,
    }  # fmt: skip
    return _action(project, action, target, reasons, container_state(one), wanted)


def started(project: str, one: There) -> Document:
    """The action that starts a container that is there, or does what is left of that."""
    why = reason("post_start", "due", None) if one.runs else reason("status", one.status, "running")
    return _of_container(project, "start", one, [why])


def container_state(one: There) -> str:
    """What a container is like: another one, or one that does something else, has another state."""
    return f"{one.id}:{one.status}{one.hooks_due and ':'}{one.hooks_due}"


def resource_state(labels: Mapping[str, str]) -> str:
    """What a network or volume was made from; '' for one that no project has made."""
    from .labels import HASH

    return labels.get(HASH, "")


def _redefined(labels: Mapping[str, str], one: Resource) -> list[Document]:
    from oci_spec import jsondoc

    from .labels import DEFINITION, HASH

    path = f"{one.kind}s.{one.key}"
    try:
        before: Any = jsondoc.loads(labels.get(DEFINITION, ""))
    except jsondoc.FormatError:  # made by another tool
        return [reason(path, labels.get(HASH), one.hash)]
    return list(differences(before, one.definition, path))


def material_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Document]:
    """The fields in which two materials (hashing.material) differ; those of the service without a prefix."""
    found = list(differences(before.get("service") or {}, after.get("service") or {}, ""))
    for section in ("networks", "volumes", "secrets", "configs", "links", "deploy"):
        found += differences(before.get(section) or {}, after.get(section) or {}, section)
    return found


def told(one: Document) -> str:
    """A reason for people: `environment.DEBUG "0" to "1"`."""
    from oci_spec import jsondoc

    sides = [jsondoc.dumps(one[side]).decode() for side in ("from", "to") if side in one]
    return " ".join([str(one["field"]), " to ".join(sides)]).strip()


def line(action: Document) -> str:
    """An action for people: `recreate demo-web-1: environment.DEBUG "0" to "1"`."""
    target: Any = action["object"]
    reasons: Any = action["reasons"]
    why = ", ".join(map(told, reasons))
    kind = "" if target["kind"] == "container" else f"{target['kind']} "
    return f"{action['action']} {kind}{target['name']}{': ' if why else ''}{why}"


def check(documents: Sequence[Document], wanted: Wanted, there: Present) -> None:
    """Raises Conflict where a plan that was made before is not true any more: what it is about, or what it is to
    become, has changed since."""
    by_id = {one.id: container_state(one) for one in there.containers}
    names = {one.name for one in there.containers}
    hashes = {one.name: one.hash for one in wanted.services}
    resources = {(one.kind, one.name): one for one in wanted.resources}
    digests = {service.image: service.digest for service in wanted.services}
    for document in documents:
        target: Any = document["object"]
        name, kind = str(target["name"]), str(target["kind"])
        if document["project"] != wanted.project:
            raise Conflict(name, f"the plan is for the project {document['project']}", f"this is {wanted.project}")
        if kind == "image":
            state, hash = digests.get(name), ""
        elif kind == "container":
            state = by_id.get(str(target.get("id", "")), "other" if name in names else "")
            hash = hashes.get(str(target["service"]), "")
        else:
            known = (there.networks if kind == "network" else there.volumes).get(name)
            state = "" if known is None else resource_state(known)
            hash = resources[kind, name].hash if (kind, name) in resources else ""
        if state != document["state"] or document.get("wanted", hash) != hash:
            raise Conflict(name, "has changed since the plan was made", "make a new one with compose-plan")
