"""compose-watch: what is changed in a service's directories comes into its containers (develop.watch)."""

from __future__ import annotations

import os
import threading
import time

from ..build import ignore
from ..errors import NotFound, OcipipeError
from ..host.watch import Watch
from . import acting, hooks, images, plan, selecting, translate, up
from .doing import Doing
from .positions import ComposeError, place_at
from .syncing import sync
from .walk import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from typing import Any

    from oci_spec.jsondoc import Document

    from .ground import Ground

    Lock = AbstractContextManager[object]
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


class Watching:
    """Rules that are watched. `begun` is told each container that has been started, also anew; `lock` is held while
    something is done, and nothing begins once `over` is set."""

    def __init__(
        self, ground: Ground, found: Sequence[Rule], begun: up.Begun | None = None, lock: Lock | None = None
    ) -> None:  # fmt: skip
        self.ground = ground
        self.over = False
        self._rules = found
        self._begun = begun or (lambda _service, _container: None)
        self._lock = lock or threading.Lock()
        self._bringing: up.Bringing | None = None

    def run(self) -> Iterator[Document | Exception]:
        """Does what the rules say, without end; an action for each thing done. What fails is told. Where nothing is
        done, people are told what would be, at each change."""
        for rule in self._rules:
            if rule.begins and "sync" in rule.action:
                yield from self._act(rule, list(rule.tree), [])
        while not self.over:
            directories = list(dict.fromkeys(one for rule in self._rules for one in rule.directories))
            try:
                with Watch(*directories) as watch:
                    acted = False
                    for rule in self._rules:  # what has changed while nobody watched
                        changed, gone = rule.changes()
                        if changed or gone:
                            acted = True
                            yield from self._act(rule, changed, gone)
                    if acted:
                        continue
                    watch.wait()
                    while watch.wait(_QUIET_SECONDS):
                        pass
            except NotFound:  # a directory has gone meanwhile
                time.sleep(_QUIET_SECONDS)

    def end(self) -> None:
        """Lets nothing more begin, and waits for what is being done, which ends where it can be left."""
        self.over = True
        if self._bringing is not None:
            self._bringing.cancel()
        with self._lock:
            pass

    def _act(self, rule: Rule, changed: list[str], gone: list[str]) -> Iterator[Document | Exception]:
        with self._lock:
            if self.over:
                return
            reasons = [{"field": os.path.join(rule.path, one) if one else rule.path} for one in (*changed, *gone)]
            target: Document = {"kind": "service", "name": rule.service}
            action: Document = {"action": rule.action, "object": target, "reasons": reasons}
            if self.ground.dry:  # not by its act, which says the same thing once: each change is one more
                self.ground.say(f"would {plan.line(action)}")
                return
            found: Document | Exception = action
            try:
                self._do(rule, changed, gone)
            except Cancelled:
                return
            except OcipipeError as error:
                found = error
        yield found

    def _do(self, rule: Rule, changed: list[str], gone: list[str]) -> None:
        ground, service = self.ground, rule.service
        if rule.action == "rebuild":
            self._bringing = up.Bringing(
                ground, [service], dependencies=False, scale=_scale(ground, service), choices=plan.Choices(),
                how=images.How(build=True),
            )  # fmt: skip
            self._bringing.run(Doing(ground, translate.Around()), self._begun)
            return
        if "sync" in rule.action:
            for one in selecting.running(ground, [service]):
                sync(ground, ground.store.containers.load(one.id), rule.path, rule.target, changed, gone)
        if "restart" in rule.action:
            for result in acting.restart(ground, [service], None, dependents=False):
                if isinstance(result, Exception):
                    raise result
                self._begun(service, ground.store.containers.load(str(result["id"])))
        if "exec" in rule.action:
            for one in selecting.running(ground, [service]):
                hooks.run(ground, ground.store.containers.load(one.id), rule.hook)


def _scale(ground: Ground, service: str) -> dict[str, int]:
    """As many containers as there are, however that came."""
    return {service: len(selecting.selected(ground, [service])) or 1}
