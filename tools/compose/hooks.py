"""What a service has done in a container after its start and before its stop: post_start and pre_stop.

Each is one more process in the container, whose end is waited for; what it says goes to people. One that fails after
the start is a failure; one before the stop is told, and stops nothing.

That post_start is due is noted in the container's record before its process begins, and no more when the last hook has
ended well. So whoever brings the service up next makes up for what was cut off, and tries again what has failed,
also with hooks that were mended meanwhile, as they are no reason to make a container anew: from the first one on, as
nobody knows what one that was cut off has done.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..containers import ending, executing
from ..errors import OcipipeError
from ..host import files, trees
from ..runtime import joining, probe, root, state
from . import due, labels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..store.container import Container
    from .ground import Ground

_PATIENCE_SECONDS = 3600.0


class HookFailed(OcipipeError):
    """A command in a container has failed, or could not be run there."""

    code = "HOOK"


def before_start(ground: Ground, service: str) -> Callable[[Container], None] | None:
    """What notes, of a container that is locked and about to begin, that the service's post_start is due; None for a
    service that has none."""
    if not ground.project.service(service).get(due.POST_START):
        return None
    return lambda container: due.note(container, due.POST_START)


def after_start(ground: Ground, service: str, container: Container) -> None:
    """Runs the service's post_start in a container that has begun. Raises HookFailed, NotFound for a container that was
    removed meanwhile."""
    for hook in ground.project.service(service).get(due.POST_START) or ():
        run(ground, container, hook)
    if due.of(container) == due.POST_START:
        with ground.store.containers.locked(container) as mine:
            due.note(mine, "")


def run(ground: Ground, container: Container, hook: Mapping[str, Any]) -> None:
    """Runs one command in a container. Raises HookFailed, also when the container does not run."""
    try:
        code, said = _run(ground, container, hook)
    except HookFailed:
        raise
    except OcipipeError as error:
        raise HookFailed(container.name, f"{' '.join(hook['command'])}: could not be run: {error}") from error
    for line in said.decode("utf-8", "replace").splitlines():
        ground.say(f"{container.name}: {line}")
    if code:
        raise HookFailed(container.name, f"{' '.join(hook['command'])}: ended with status {code}")


def before_stop(ground: Ground, container: Container) -> None:
    """Runs pre_stop in a container that is about to be stopped, if it runs, and is no step before another one's
    start."""
    given: Any = container.record["labels"]
    if labels.STEP in given:
        return
    service = ground.project.model["services"].get(given.get(labels.SERVICE)) or {}
    for hook in service.get("pre_stop") or ():
        if state.observe(container, ground.ctx.run_root, ground.ctx.env).status != "running":
            return
        try:
            run(ground, container, hook)
        except HookFailed as error:
            ground.ctx.progress.warn(f"pre_stop: {error}")


def _run(ground: Ground, container: Container, hook: Mapping[str, Any]) -> tuple[int, bytes]:
    """Runs one command: its exit status and the beginning of what it said."""
    ctx = ground.ctx
    seen = state.observe(container, ctx.run_root, ctx.env)
    if not seen.pid:
        raise HookFailed(container.name, f"{' '.join(hook['command'])}: has ended before that could run")
    config: Any = container.config()
    own = config["process"]
    env = [*(own.get("env") or ())]
    for name, value in (hook.get("environment") or {}).items():
        env = [one for one in env if one.partition("=")[0] != name]
        env += [] if value is None else [f"{name}={value}"]
    user, home = None, ""
    if hook.get("user"):
        groups: Any = container.record.get("groups") or ()
        user = root.look_up(f"/proc/{seen.pid}/root", str(hook["user"]), groups)
        home = root.look_up(f"/proc/{seen.pid}/root", str((own.get("user") or {}).get("uid", 0))).home
    privileged = None
    if hook.get("privileged"):
        privileged = executing.every_capability()
    process = joining.process(
        own, list(hook["command"]), env, hook.get("working_dir"), user=user, home=home, privileged=privileged
    )
    directory = os.path.join(container.run_directory(ctx.run_root), "exec", ctx.random(16).hex())
    files.make_directories(directory, 0o700)
    try:
        spec = os.path.join(directory, "process.json")
        files.write_atomic(spec, jsondoc.dumps(process), 0o600, durable=False)
        place = os.path.join(directory, "hook")
        return probe.run(ending.runtime_of(container, ctx.env), container.id, spec, place, _PATIENCE_SECONDS)
    finally:
        trees.remove_tree(directory)
