"""One container of a project: made, started, given the place of another, stopped, removed.

What was killed between two steps is told by what is there: a container that was to take the place of another has a name
of its own until that one is gone, and a label that says whose place it takes.
"""

from __future__ import annotations

from ..containers import ending, making, starting, stopping
from ..errors import NotFound, OcipipeError
from ..runtime import state
from . import due, hooks, labels, nameless, translate, wanting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .ground import Ground
    from .translate import Around


class ServiceFailed(OcipipeError):
    """Something of a service has failed; the message names the service."""

    def __init__(self, service: str, error: OcipipeError) -> None:
        super().__init__(service, str(error), detail=error.detail)
        self.code = error.code


class Doing:
    """What is done with single containers; from any thread. `around` as translate.words has it, without what is one
    container's own; `seconds` as stopping.stop has it."""

    def __init__(self, ground: Ground, around: Around, *, seconds: float | None = None, start: bool = True) -> None:
        self.ground = ground
        self.around = around
        self.seconds = seconds
        self.begins = start
        self.renew = False
        self._stepped: set[str] = set()
        """Services whose pre_start was done by now."""

    def create(self, service: str, number: int) -> Container:
        """Makes a service's container of this number, and starts it unless nothing is to be started."""
        container, config = self._made(service, number, "", {})
        try:
            self._begin(service, container, config)
        finally:
            container.release()
        return container

    def recreate(self, service: str, number: int, old_id: str) -> Container:
        """Makes a new container in the place of another one, with its anonymous volumes."""
        store = self.ground.store
        old = store.containers.load(old_id)
        kept = {} if self.renew else nameless.anonymous(self.ground, old)
        container, config = self._made(service, number, old_id, kept)
        try:
            self.remove(old.id)
            with_name = translate.name(self.ground.project, service, number)
            store.containers.rename(container, with_name)
            self._begin(service, container, config, anew=True)
        finally:
            container.release()
        return container

    def _made(self, service: str, number: int, old_id: str, kept: Mapping[str, str]) -> tuple[Container, Document]:
        """A new container, made whole and kept, its root mounted and its lock ours."""
        ground = self.ground
        around = translate.Around()
        around.names, around.files, around.nameless = self.around.names, self.around.files, self.around.nameless
        image = image_of(ground, service)
        places = nameless.places(ground, service, image.volumes)
        around.kept = {place: name for place, name in kept.items() if place in places}
        around.entrypoint = image.entrypoint
        words = translate.words(ground.project, service, number, around)
        if old_id:
            name = translate.name(ground.project, service, number)
            words[0] = f"--name={old_id[:12]}_{name}"
            words.insert(1, f"--label={labels.REPLACES}={old_id}")
        args = ground.parse(words)
        beside: Document = {"compose": wanting.material(ground.project, service)}
        if ground.project.service(service).get(due.PRE_START):
            beside[due.FIELD] = due.PRE_START
        container, config = making.make(ground.ctx, ground.store, args, args.image, None, monitored=True, beside=beside)
        ground.store.containers.keep(container)
        return container, config

    def _begin(self, service: str, container: Container, config: Document, *, anew: bool = False) -> None:
        ground = self.ground
        steps = due.of(container) == due.PRE_START
        if steps or not self.begins:
            ending.unmount(ground.store, container)
            if self.begins:
                container.release()  # the steps may take their time, too
                self.start(service, container.id, anew=anew)
            return
        try:
            starting.begin(ground.ctx, ground.store, container, config, hooks.before_start(ground, service))
        except BaseException:
            ending.unmount(ground.store, container)
            raise
        container.release()  # a hook may take its time, and whoever stops the container does not wait for it
        hooks.after_start(ground, service, container)

    def start(self, service: str, container_id: str, *, anew: bool = False) -> Container:
        """Starts a container that is there; of one that runs, only what is left of its start is done (hooks). `anew`:
        it has just taken the place of another one."""
        ground = self.ground
        container = ground.store.containers.load(container_id)
        if ground.store.containers.is_given_up(container) and not container.record["removedAtEnd"]:
            ground.store.containers.keep(container)
        if due.of(container) == due.PRE_START:
            self._steps(service, container, anew=anew)
        started = starting.start(ground.ctx, ground.store, container, hooks.before_start(ground, service))
        if started or due.of(container) == due.POST_START:
            hooks.after_start(ground, service, container)
        return container

    def _steps(self, service: str, container: Container, *, anew: bool) -> None:
        """Does what comes before a container's start, unless somebody has started it all the same."""
        from . import steps

        ground = self.ground
        if state.observe(container, ground.ctx.run_root, ground.ctx.env).runs:
            return
        every = service not in self._stepped and (anew or not steps.are_shared(ground, container))
        steps.run(ground, service, container, self.around, every=every)
        self._stepped.add(service)

    def rename(self, container_id: str, name: str) -> None:
        ground = self.ground
        with ground.store.containers.locked(ground.store.containers.load(container_id)) as container:
            ground.store.containers.rename(container, name)

    def stop(self, container_id: str) -> Container | None:
        """Stops a container, its hooks before; None for one that is gone."""
        ground = self.ground
        try:
            container = ground.store.containers.load(container_id)
            hooks.before_stop(ground, container)
            return stopping.stop(ground.ctx, ground.store, container, self.seconds)
        except NotFound:
            return None

    def remove(self, container_id: str, *, volumes: bool = False) -> Container | None:
        """Stops a container and removes it; None for one that is gone."""
        ground = self.ground
        container = self.stop(container_id)
        try:
            if container is not None:
                return stopping.remove(ground.ctx, ground.store, container, force=True, volumes=volumes)
        except NotFound:
            pass
        return None


class Image:
    """What of an image's config matters here."""

    __slots__ = ("entrypoint", "volumes")

    def __init__(self, entrypoint: list[str], volumes: list[str]) -> None:
        self.entrypoint = entrypoint
        self.volumes = volumes


def image_of(ground: Ground, service: str) -> Image:
    """The image of a service, which is here. Raises NotFound, Unsupported."""
    from oci_spec.platform import Platform

    from ..images.entry import read_config
    from ..images.local import choose_manifest, find

    keys = ground.project.service(service)
    platform = Platform.parse(str(keys["platform"]), "platform") if keys.get("platform") else None
    entry = find(ground.store, ground.project.image(service))
    config = read_config(ground.store, choose_manifest(ground.store, entry, platform))
    return Image(list(config.entrypoint or ()), ["/" + place.strip("/") for place in config.volumes])
