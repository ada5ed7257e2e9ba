"""What a service has done before its container begins: pre_start (compose-spec, 05-services.md of July 2026).

Each step is a process of its own, in a container of its own, when what the service depends on is there and its own
container is made and has not begun: with that one's volumes, anonymous ones among them, its networks, limits and
rights, the service's image unless it names another, and that image's entrypoint. It is neither checked nor found by the
service's name, publishes nothing, and is gone when it has ended. The steps come one after the other; one that fails
keeps the container from being started, and is a failure.

A step with per_replica is done for each container of the service, one without for the first. A container's steps are
done once: they are due from when it is made until the last has ended well, which its record says. A service whose steps
have changed is made anew, as with any other change.
"""

from __future__ import annotations

from ..containers import ending, making, reading, starting, stopping
from ..errors import NotFound, OcipipeError
from . import due, hooks, labels, nameless, translate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..store.container import Container
    from .ground import Ground
    from .project import Project

_SAME = (labels.PROJECT, labels.SERVICE, labels.HASH, labels.ONE_OFF)


def words(project: Project, service: str, number: int, around: translate.Around, step: Mapping[str, Any]) -> list[str]:
    """The words for ctr-create (translate.words) of a step for a container of this number. Raises ComposeError."""
    wish = translate.Wish()
    wish.name = f"{translate.name(project, service, number)}-{due.PRE_START}"
    wish.step = step
    wish.command = list(step["command"])
    wish.words = [
        "--no-healthcheck", "--restart=no", "--interactive=false", "--tty=false", f"--label={labels.STEP}=pre_start"
    ]  # fmt: skip
    for name, value in (step.get("environment") or {}).items():
        wish.words.append(f"--env={name}" if value is None else f"--env={name}={value}")
    for key, option in (("user", "--user"), ("working_dir", "--workdir")):
        wish.words += [f"{option}={step[key]}"] if key in step else []
    wish.words += ["--privileged"] if step.get("privileged") else []
    return translate.words(project, service, number, around, wish)


def run(ground: Ground, service: str, container: Container, around: translate.Around, *, every: bool) -> None:
    """Does the steps that are due for a container that does not run: all, or only those that every container of the
    service has done for itself. Raises HookFailed, NotFound for a container that was removed meanwhile."""
    keys = ground.project.service(service)
    given: Any = container.record["labels"]
    own = translate.Around()
    own.names, own.files, own.nameless = around.names, around.files, around.nameless
    own.kept = nameless.anonymous(ground, container)
    for step in keys.get(due.PRE_START) or ():
        if every or step.get("per_replica"):
            _run(ground, words(ground.project, service, int(given[labels.NUMBER]), own, step), step)
    with ground.store.containers.locked(container) as mine:
        due.note(mine, due.POST_START if keys.get(due.POST_START) else "")


def are_shared(ground: Ground, container: Container) -> bool:
    """Whether another container of the service, made from the same, has had its steps done: with that, those that are
    no container's own are done."""
    mine: Any = container.record["labels"]
    for other in ground.store.containers.all():
        theirs: Any = other.record["labels"]
        same = all(theirs.get(key) == mine[key] for key in _SAME)
        if same and other.id != container.id and due.of(other) != due.PRE_START:
            return True
    return False


def _run(ground: Ground, said: list[str], step: Mapping[str, Any]) -> None:
    ctx, store = ground.ctx, ground.store
    args = ground.parse(said)
    try:
        before = store.containers.find(args.name)
        if labels.STEP in before.record["labels"]:  # type: ignore[operator]
            stopping.remove(ctx, store, before, force=True, volumes=True)  # whoever began it was killed
    except NotFound:
        pass
    command = " ".join(step["command"])
    try:
        container, config = making.make(ctx, store, args, args.image, None, monitored=True)
    except OcipipeError as error:
        raise hooks.HookFailed(args.name, f"{command}: could not be run: {error}") from error
    try:
        try:
            starting.begin(ctx, store, container, config)
        finally:
            container.release()
        wanted = reading.Wanted(follow=True, since="", until="", tail=None, streams=(1, 2))
        for found in reading.documents(ctx, store, [container.id], wanted):
            if not isinstance(found, Exception):
                ground.say(f"{container.name}: {found['line']}")
        ended = ending.await_end(ctx, store, container)
        code = None if ended is None else ended.record["exitCode"]
    except OcipipeError as error:
        raise hooks.HookFailed(container.name, f"{command}: could not be run: {error}") from error
    finally:
        try:
            stopping.remove(ctx, store, container, force=True, volumes=True)
        except NotFound:
            pass
    if code != 0:
        raise hooks.HookFailed(container.name, f"{command}: ended with status {'unknown' if code is None else code}")
