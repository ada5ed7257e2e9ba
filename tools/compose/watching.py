"""compose-watch: what is changed in a service's directories comes into its containers (develop.watch)."""

from __future__ import annotations

import os
import time

from ..build import ignore
from ..errors import NotFound, OcipipeError
from ..host.watch import Watch
from . import acting, hooks, images, plan, selecting, translate, up
from .doing import Doing
from .positions import ComposeError, place_at
from .syncing import sync

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .ground import Ground

    Tree = dict[str, tuple[int, ...]]

_QUIET_SECONDS = 0.1
"""What is written together is taken together: when nothing more has come for so long."""
_ALWAYS = (".git",)


class Rule:
    """One item of develop.watch. `tree` is what was there when it was last looked at: a status by path below `path`."""

    def __init__(self, ground: Ground, service: str, number: int) -> None:
        keys = ground.project.service(service)
        one: Any = keys["develop"]["watch"][number]
        where = ("services", service, "develop", "watch", number)
        self.service = service
        self.path = str(one["path"])
        self.action = str(one["action"])
        self.target = str(one.get("target") or "")
        self.hook: Any = one.get("exec")
        self.begins = bool(one.get("initial_sync"))
        if "sync" in self.action and not self.target.startswith("/"):
            raise ComposeError(place_at(ground.project.model, where), where, "needs a target, an absolute path")
        if self.action == "sync+exec" and not self.hook:
            raise ComposeError(place_at(ground.project.model, where), where, "needs exec, the command to run")
        if not os.path.exists(self.path):
            raise ComposeError(place_at(ground.project.model, (*where, "path")), (*where, "path"), "is not there")
        self._ignore = ignore.Ignore.of([*_ALWAYS, *map(str, one.get("ignore") or ())])
        self._include = [ignore.Pattern(str(text)) for text in one.get("include") or ()]
        self._context, self._context_ignore = _context(keys)
        self.tree: Tree = self.look()

    @property
    def directories(self) -> list[str]:
        """Where changes show."""
        if not os.path.isdir(self.path):
            return [os.path.dirname(self.path)]
        return [self.path, *(os.path.join(self.path, one) for one, status in self.tree.items() if len(status) == 1)]

    def look(self) -> Tree:
        """What there is, but for what is ignored; a directory has one number."""
        found: Tree = {}
        if not os.path.isdir(self.path):
            self._add(found, "", self.path)
            return found
        waiting = [""]
        while waiting:
            directory = waiting.pop()
            try:
                names = os.listdir(os.path.join(self.path, directory))
            except (FileNotFoundError, NotADirectoryError):
                continue
            for name in sorted(names):
                below = f"{directory}/{name}" if directory else name
                if not self._is_ignored(below) and self._add(found, below, os.path.join(self.path, below)):
                    waiting.append(below)
        return found

    def _is_ignored(self, below: str) -> bool:
        if self._ignore.ignores(below):
            return True
        path = os.path.join(self.path, below)
        if self._context_ignore is None or not path.startswith(f"{self._context}/"):
            return False
        return self._context_ignore.ignores(path[len(self._context) + 1 :])

    def _add(self, found: Tree, below: str, path: str) -> bool:
        """Notes an entry; whether it is a directory."""
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            return False
        if os.path.isdir(path) and not os.path.islink(path):
            found[below] = (status.st_mode,)
            return True
        if not self._include or any(pattern.matches(below) for pattern in self._include):
            found[below] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ino)
        return False

    def changes(self) -> tuple[list[str], list[str]]:
        """What is new or other since it was last looked at, and what is gone."""
        before, self.tree = self.tree, self.look()
        changed = [name for name, status in self.tree.items() if before.get(name) != status]
        return changed, [name for name in before if name not in self.tree]


def _context(keys: Any) -> tuple[str, ignore.Ignore | None]:
    """The directory that a service is built from, and what its .dockerignore leaves out."""
    context = str((keys.get("build") or {}).get("context") or "")
    try:
        with open(os.path.join(context, ".dockerignore"), "rb") as file:
            return context, ignore.parse(file.read()) if context else None
    except (FileNotFoundError, NotADirectoryError):
        return context, None


def rules(ground: Ground, services: Sequence[str]) -> list[Rule]:
    """What is to be watched. Raises NotFound where there is nothing, ComposeError."""
    found = []
    for name in ground.project.enabled(services, dependencies=False):
        items = (ground.project.service(name).get("develop") or {}).get("watch") or ()
        found += [Rule(ground, name, number) for number in range(len(items))]
    if not found:
        raise NotFound(", ".join(services) or ground.project.name, "has nothing to watch", "write develop.watch")
    return found


def watch(ground: Ground, found: Sequence[Rule]) -> Iterator[Document | Exception]:
    """Watches, and does what the rules say, without end; an action for each thing done. What fails is told."""
    for rule in found:
        if rule.begins and "sync" in rule.action:
            yield _done(ground, rule, list(rule.tree), [])
    while True:
        directories = list(dict.fromkeys(one for rule in found for one in rule.directories))
        try:
            with Watch(*directories) as watch:
                acted = False
                for rule in found:  # what has changed while nobody watched
                    changed, gone = rule.changes()
                    if changed or gone:
                        acted = True
                        try:
                            yield _done(ground, rule, changed, gone)
                        except OcipipeError as error:
                            yield error
                if acted:
                    continue
                watch.wait()
                while watch.wait(_QUIET_SECONDS):
                    pass
        except NotFound:  # a directory has gone meanwhile
            time.sleep(_QUIET_SECONDS)


def _done(ground: Ground, rule: Rule, changed: list[str], gone: list[str]) -> Document:
    service = rule.service
    if rule.action == "rebuild":
        how = images.How(build=True)
        choices = plan.Choices()
        bringing = up.Bringing(ground, [service], dependencies=False, scale=_scale(ground, service), choices=choices,
                               how=how)  # fmt: skip
        bringing.run(Doing(ground, translate.Around()))
    else:
        if "sync" in rule.action:
            for one in selecting.running(ground, [service]):
                sync(ground, ground.store.containers.load(one.id), rule.path, rule.target, changed, gone)
        if "restart" in rule.action:
            for result in acting.restart(ground, [service], None, dependents=False):
                if isinstance(result, Exception):
                    raise result
        if "exec" in rule.action:
            for one in selecting.running(ground, [service]):
                hooks.run(ground, ground.store.containers.load(one.id), rule.hook)
    reasons = [{"field": os.path.join(rule.path, one) if one else rule.path} for one in (*changed, *gone)]
    return {"action": rule.action, "object": {"kind": "service", "name": service}, "reasons": reasons}


def _scale(ground: Ground, service: str) -> dict[str, int]:
    """As many containers as there are, however that came."""
    return {service: len(selecting.selected(ground, [service])) or 1}
