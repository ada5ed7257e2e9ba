"""A plan carried out: networks and volumes, then the services as a graph, each once what it depends on has come to what
it waits for; and all of it stopped again, the other way round."""

from __future__ import annotations

from ..containers import networking
from ..errors import Conflict, NotFound, OcipipeError
from ..network import create
from ..network.networks import Networks
from ..volume.create import ensure
from . import conditions, plan, resources, translate
from .doing import Doing, ServiceFailed
from .walk import Walk, reversed_graph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from threading import Event
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .granted import Grants
    from .ground import Ground
    from .order import Graph
    from .present import There


class Up:
    """A plan on its way. `graph` has the services with what they wait for; `actions` the plan but for its images;
    `there` the containers that are there by now. `begun` is told each container that has been started, before anybody
    waits for it; once `cancelled` is set, it ends at the next point where it can be left."""

    def __init__(
        self, ground: Ground, graph: Graph, actions: Sequence[Document], there: Sequence[There], grants: Grants,
        doing: Doing, begun: Callable[[str, Container], None] | None = None, cancelled: Event | None = None,
    ) -> None:  # fmt: skip
        self.ground = ground
        self.graph = graph
        self.doing = doing
        self._begun = begun
        self._actions = [action for action in actions if _object(action)["kind"] != "image"]
        self._first, self._of = _divided(self._actions)
        self._grants = grants
        self._ids: dict[str, list[str]] = {name: [] for name in graph}
        for one in there:
            if one.service in self._ids and not one.one_off:
                self._ids[one.service].append(one.id)
        self._renewed: set[str] = set()
        self._walk = Walk(graph, self._service, cancelled)
        around = doing.around
        around.files = grants.paths
        around.names = _names(ground, graph, actions, there)

    def run(self) -> None:
        """Carries it out. Raises what fails first, Cancelled; what was done by then stays."""
        if self.ground.dry:  # nobody will come to what others wait for
            for action in self._actions:
                self.ground.act(plan.line(action), lambda: None)
            return
        self._grants.write()
        for action in self._first:
            self._resource(action)
        self.doing.around.nameless = self._nameless()
        self._walk.run()

    def _nameless(self) -> frozenset[str]:
        networks = Networks(self.ground.store)
        used = {
            str(self.ground.project.model["networks"][key]["name"])
            for name in self.graph
            for key in self.ground.project.service(name).get("networks") or ()
        }
        return frozenset(name for name in used if not networks.find(name).names)

    # What stands before the services.

    def _resource(self, action: Document) -> None:
        ground = self.ground
        target: Any = action["object"]
        if target["kind"] == "container":
            self.doing.remove(str(target["id"]))
        elif target["kind"] == "network":
            if action["action"] == "recreate":
                for one in networking.users(ground.ctx, ground.store, str(target["name"])):
                    self.doing.stop(ground.store.containers.find(one).id)
                networking.remove(ground.ctx, ground.store, str(target["name"]), force=True)
            create.create(Networks(ground.store), resources.network(ground.ctx, ground.project, str(target["key"])))
        else:
            settings = resources.volume(ground.project, str(target["key"]))
            ensure(ground.ctx, ground.store, str(target["name"]), settings)
        ground.say(plan.line(action))

    # Services.

    def _service(self, name: str) -> None:
        actions = self._of.get(name, [])
        starts = self.doing.begins and any(action["action"] != "remove" for action in actions)
        again = self.doing.begins and [
            other for other, how in self.graph[name].items() if how.get("restart") and other in self._renewed
        ]
        if starts or again:
            for other, how in self.graph[name].items():
                conditions.wait(self.ground, name, other, how, self._ids[other], self._walk.check)
        try:
            touched = [self._carried(name, action) for action in actions]
            if again:
                for one in [one for one in self._ids[name] if one not in touched]:
                    self._restart(name, one, again[0])
        except OcipipeError as error:
            raise ServiceFailed(name, error) from error
        if any(action["action"] == "recreate" for action in actions):
            self._renewed.add(name)

    def _carried(self, service: str, action: Document) -> str:
        target: Any = action["object"]
        try:
            return self._carry(service, action)
        except NotFound as error:
            if error.subject != target.get("id"):
                raise
            raise Conflict(str(target["name"]), "was removed while this went on", "compose-up makes it again") from None

    def _carry(self, service: str, action: Document) -> str:
        """Does one action in its slot; the id of the container that is there then."""
        with self.ground.slot:
            self._walk.check()
            return self._do(service, action)

    def _do(self, service: str, action: Document) -> str:
        target: Any = action["object"]
        reasons: Any = action["reasons"]
        what, ids = action["action"], self._ids[service]
        before = str(target.get("id") or "")
        container: Container | None = None
        if what == "create":
            container = self.doing.create(service, int(target["number"]))
        elif what == "recreate":
            self._stop_dependents(service)
            container = self.doing.recreate(service, int(target["number"]), before)
            ids.remove(before)
        elif what == "rename":
            self.doing.rename(before, str(reasons[0]["to"]))
        elif what == "start":
            self.doing.start(service, before)
            self._tell(service, self.ground.store.containers.load(before))
        else:
            # With what was to take another one's place, and never did, go the volumes that it alone has.
            self.doing.remove(before, volumes=reasons[0]["field"] == "replace")
            ids.remove(before)
        if container is not None:
            ids.append(container.id)
            if self.doing.begins:
                self._tell(service, container)
        self.ground.say(plan.line(action))
        return before if container is None else container.id

    def _tell(self, service: str, container: Container) -> None:
        if self._begun is not None:
            self._begun(service, container)

    def _stop_dependents(self, service: str) -> None:
        """Stops those that are to be started anew with a service that is about to go; their turn comes."""
        for other, needs in self.graph.items():
            if (needs.get(service) or {}).get("restart"):
                for one in self._ids[other]:
                    self.doing.stop(one)

    def _restart(self, service: str, container_id: str, other: str) -> None:
        with self.ground.slot:
            stopped = self.doing.stop(container_id)
            if stopped is not None:
                self.doing.start(service, container_id)
                self._tell(service, self.ground.store.containers.load(container_id))
                self.ground.say(f"restart {stopped.name}: depends_on.{other} is another one now")


def _divided(actions: Iterable[Document]) -> tuple[list[Document], dict[str, list[Document]]]:
    """What comes before all services, orphans among it, and what each service's own is."""
    first: list[Document] = []
    of: dict[str, list[Document]] = {}
    for action in actions:
        target: Any = action["object"]
        reasons: Any = action["reasons"]
        orphan = action["action"] == "remove" and reasons and reasons[0]["field"] == "services"
        if target["kind"] == "container" and not orphan:
            of.setdefault(str(target["service"]), []).append(action)
        else:
            first.append(action)
    return first, of


def _names(ground: Ground, graph: Iterable[str], actions: Iterable[Document], there: Iterable[There]) -> dict[str, str]:
    """The name of the container that `service:NAME` means: the one with the lowest number, once all is done."""
    going = {str(_object(one).get("id")) for one in actions if one["action"] == "remove"}
    numbers: dict[str, list[int]] = {}
    for one in there:
        if not one.one_off and one.id not in going:
            numbers.setdefault(one.service, []).append(one.number)
    for action in actions:
        if action["action"] == "create" and _object(action)["kind"] == "container":
            numbers.setdefault(str(_object(action)["service"]), []).append(int(_object(action)["number"]))
    services = {*graph, *numbers} & set(ground.project.model["services"])
    return {name: translate.name(ground.project, name, min(numbers.get(name, [1]))) for name in services}


def _object(action: Document) -> Any:
    return action["object"]


def stop(ground: Ground, there: Sequence[There], work: Callable[[There], object]) -> None:
    """Does something to containers, those first that nobody depends on, and what is in no service of the model before
    all; independent ones side by side. All is tried; raises what fails first."""
    _each(there, reversed_graph(_graph(ground, there)), work)


def again(ground: Ground, there: Sequence[There], work: Callable[[There], object]) -> None:
    """The same the other way round: those first that others depend on."""
    _each(there, _graph(ground, there), work)


def _graph(ground: Ground, there: Sequence[There]) -> dict[str, list[str]]:
    """Containers to those that they depend on, all by id."""
    model = ground.project.model["services"]
    of: dict[str, list[str]] = {}
    for one in there:
        of.setdefault(one.service, []).append(one.id)
    needs = {name: (model[name].get("depends_on") or {}) if name in model else {} for name in of}
    return {one.id: [other for name in needs[one.service] for other in of.get(name, ())] for one in there}


def _each(there: Sequence[There], graph: dict[str, list[str]], work: Callable[[There], object]) -> None:
    by_id = {one.id: one for one in there}
    failures: list[OcipipeError] = []

    def each(container_id: str) -> None:
        try:
            work(by_id[container_id])
        except OcipipeError as error:
            failures.append(error)

    Walk(graph, each).run()
    if failures:
        raise failures[0]
