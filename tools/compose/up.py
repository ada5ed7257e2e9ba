"""compose-up, but for what it shows: what is to be done, and doing it."""

from __future__ import annotations

import threading

from ..errors import Conflict, NotFound, UsageError
from . import conditions, images, labels, order, plan, present, selecting, translate, wanting
from .apply import Up
from .doing import Doing
from .project_lock import ProjectLock
from .walk import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .ground import Ground
    from .images import How, Need
    from .plan import Choices

    Begun = Callable[[str, Container], None]


class Bringing:
    """Services on their way up: `services`, each after those that it depends on. What cannot be done on this host, or
    belongs to another project of the name, is refused when this is made: before anything is done."""

    def __init__(
        self, ground: Ground, services: Sequence[str], *, dependencies: bool = True, scale: Mapping[str, int],
        choices: Choices, how: How, given: list[Document] | None = None,
    ) -> None:  # fmt: skip
        self.ground = ground
        self.graph = ground.project.graph(services, dependencies=dependencies)
        self.services = ground.project.enabled(services, dependencies=dependencies)
        self.scale = {name: number for name, number in scale.items() if name in self.graph}
        self.choices = choices
        self.how = how
        self._given = given
        self._cancelled = threading.Event()
        self.begun = False
        """Whether anything has been done by now but for getting images."""
        self._grants = wanting.check(ground, self.services)
        ground.sweep()
        self._orphans([one for one in present.containers(ground.ctx, ground.store, ground.project) if not one.one_off])

    def _orphans(self, there: Iterable[present.There]) -> None:
        known = self.ground.project.model["services"]
        found = [one.name for one in there if one.service not in known]
        if found and not self.choices.orphans:
            self.ground.ctx.progress.warn(
                f"{', '.join(found)}: of no service that there still is: --remove-orphans removes them"
            )

    def planned(self) -> list[Document]:
        """What would be done, images first. Raises what making a plan raises."""
        return self._plan(images.needed(self.ground, self.services, self.how))[0]

    def _plan(self, needs: Sequence[Need]) -> tuple[list[Document], present.Present]:
        there = present.present(self.ground.ctx, self.ground.store, self.ground.project)
        wanted = wanting.wanted(self.ground, self.services, self.scale, needs)
        return plan.plan(wanted, there, self.choices), there

    def run(self, doing: Doing, begun: Begun | None = None) -> None:
        """Does what is to be done: what the plan says where there is one. `begun` is told each container that has been
        started. Raises what fails first, Conflict for a plan that is not true any more, Cancelled."""
        if self._given is None:
            self._get(images.needed(self.ground, self.services, self.how))
            with ProjectLock(self.ground, self._check):
                self._carry(*self._plan([]), doing, begun)
            return
        with ProjectLock(self.ground, self._check):
            there = present.present(self.ground.ctx, self.ground.store, self.ground.project)
            plan.check(self._given, wanting.wanted(self.ground, self.services, {}, []), there)
            self._get([
                (str(_object(one)["service"]), str(_object(one)["name"]), str(one["action"]))
                for one in self._given
                if _object(one)["kind"] == "image"
            ])  # fmt: skip
            self._carry(self._given, there, doing, begun)

    def _get(self, needs: Sequence[Need]) -> None:
        images.get(self.ground, needs, self.how, self._cancelled)

    def _carry(self, actions: Sequence[Document], there: present.Present, doing: Doing, begun: Begun | None) -> None:
        self._marked(there)
        self._check()
        self.begun = True
        Up(self.ground, self.graph, actions, there.containers, self._grants, doing, begun, self._cancelled).run()

    def _check(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

    def cancel(self) -> None:
        """Ends what is being done at the next point where it can be left."""
        self._cancelled.set()

    def _marked(self, there: present.Present) -> None:
        """Tells of volumes that are there and are not the project's own."""
        for key, one in self.ground.project.model["volumes"].items():
            given = there.volumes.get(one["name"])
            if given is not None and not one.get("external") and not labels.is_of(given, self.ground.project):
                whose = given.get(labels.PROJECT)
                self.ground.ctx.progress.warn(
                    f"volume {one['name']}: was not made by this project{f' but by {whose}' if whose else ''}: write "
                    f"external: true at volumes.{key} if that is meant"
                )

    def wait(self, seconds: float | None) -> None:
        """Waits until all containers are what is wanted (conditions.up), for so long at most. Raises NotCome."""
        if self.ground.dry:
            return
        ctx = self.ground.ctx
        deadline = None if seconds is None else ctx.now() + seconds
        jobs = self.jobs
        for one in self.containers():

            def check(one: present.There = one) -> None:
                if deadline is not None and ctx.now() >= deadline:
                    raise conditions.NotCome(one.id, one.name, "is not well in time", "wait longer with --wait-timeout")

            try:
                conditions.up(self.ground, one.id, check, job=one.service in jobs)
            except NotFound:
                raise conditions.NotCome("", one.name, "was removed while it was waited for") from None

    @property
    def jobs(self) -> set[str]:
        """The services that are to end."""
        return order.jobs(self.ground.project.model)

    def documents(self) -> list[Document]:
        """The services' containers, for who is to see them."""
        return list(selecting.documents(self.ground, self.containers()))

    def containers(self) -> list[present.There]:
        """The services' containers as they are now."""
        return [one for one in self._there() if not one.one_off]

    def steps(self) -> list[present.There]:
        """Those in which their pre_start is being done."""
        return [one for one in self._there() if labels.STEP in one.labels]

    def _there(self) -> list[present.There]:
        there = present.containers(self.ground.ctx, self.ground.store, self.ground.project)
        return [one for one in there if one.service in self.graph]


def read_plan(items: Iterable[Document | str]) -> list[Document]:
    """The plan that compose-plan printed. Raises FormatError for what is none."""
    from oci_spec import validate

    return [validate.check("compose-plan", item, "the plan") for item in items]


def asked(
    ground: Ground, args: Any, given: list[Document] | None, *, start: bool, scale: Mapping[str, int] | None = None
) -> tuple[Bringing, Doing]:
    """What a command's arguments (cli.compose_options.BRINGING and more) ask for; `scale`: for these services, in place
    of what the arguments say. Raises as making a Bringing."""
    services = list(args.service if scale is None else scale)
    if given is not None:
        services = list(dict.fromkeys(str(_object(one)["service"]) for one in given if "service" in _object(one)))
        for name in services:
            if name not in ground.project.model["services"] and not all(
                one["action"] == "remove" for one in given if _object(one).get("service") == name
            ):
                raise Conflict(name, "the plan is about it, and it is no service any more", "make a new plan")
        services = [name for name in services if name in ground.project.model["services"]]
    for first, second in (("force_recreate", "no_recreate"), ("build", "no_build")):
        if getattr(args, first) and getattr(args, second):
            flags = [f"--{name.replace('_', '-')}" for name in (first, second)]
            raise UsageError(flags[0], f"does not go with {flags[1]}", "leave one of them out")
    bringing = Bringing(
        ground, services, dependencies=not getattr(args, "no_deps", False),
        scale=wanting.scales(args.scale, ground.project) if scale is None else scale, given=given,
        choices=plan.Choices(
            force=args.force_recreate, keep=args.no_recreate, orphans=args.remove_orphans, start=start
        ),
        how=images.How(build=args.build, pull=args.pull or "", make=not args.no_build),
    )  # fmt: skip
    doing = Doing(ground, translate.Around(), seconds=getattr(args, "timeout", None), start=start)
    doing.renew = getattr(args, "renew_anon_volumes", False)
    return bringing, doing


def plain(ground: Ground, services: Sequence[str]) -> None:
    """Brings services up as compose-up without options does."""
    bringing = Bringing(ground, services, scale={}, choices=plan.Choices(), how=images.How())
    bringing.run(Doing(ground, translate.Around()))


def hidden(bringing: Bringing, only: Sequence[str], without: Sequence[str]) -> set[str]:
    """The services whose output is not shown: by --attach, --no-attach, and what the services say. Raises NotFound."""
    project = bringing.ground.project
    for name in (*only, *without):
        project.service(name)
    if only:
        return {name for name in bringing.graph if name not in only} | set(without)
    return {name for name in bringing.graph if project.service(name).get("attach") is False} | set(without)


def _object(action: Document) -> Any:
    return action["object"]
