"""What everything for a project is done with, and what every change goes through."""

from __future__ import annotations

from ..containers import ending
from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import Any, BinaryIO, TypeVar

    from ..context import Context
    from ..store.store import Store
    from .project import Project

    T = TypeVar("T")

_LIMIT = "COMPOSE_PARALLEL_LIMIT"


class Ground:
    """ctx, store, project; `parse`: from words to the arguments of ctr-create; `write` puts bytes onto stdout.

    What changes anything is done by `act`, or in the plan of compose-up within `slot`: so much at a time (`limit`, None
    for as much as there is), and nothing where all is `dry`.
    """

    __slots__ = ("_said", "ctx", "dry", "parse", "project", "slot", "store", "write")

    def __init__(
        self, ctx: Context, store: Store, project: Project, parse: Callable[[Sequence[str]], Any],
        write: Callable[[bytes], object], *, limit: int | None = None, dry: bool = False,
    ) -> None:  # fmt: skip
        self.dry = dry
        self._said: set[str] = set()
        self.slot = _slot(limit)
        self.ctx = ctx
        self.store = store
        self.project = project
        self.parse = parse
        self.write = write

    def say(self, line: str) -> None:
        """A line about something that is done."""
        self.ctx.progress.say(line)

    def act(self, what: str, do: Callable[[], T]) -> T | None:
        """Does what `what` says (`stop shop-web-1`), in its turn, and gives what comes of it; where all is dry, people
        are told that it would be done, and nothing comes of it."""
        if self.dry:
            if what not in self._said:  # else it would be done by now
                self._said.add(what)
                self.say(f"would {what}")
            return None
        with self.slot:
            return do()

    def sweep(self) -> None:
        """A container that a killed command had half made is none."""
        if not self.dry:
            ending.sweep(self.ctx, self.store)


def _slot(limit: int | None) -> AbstractContextManager[object]:
    if limit is None:
        from contextlib import nullcontext

        return nullcontext()
    from threading import BoundedSemaphore

    return BoundedSemaphore(limit)


def asked(
    ctx: Context, args: Any, parse: Callable[[Sequence[str]], Any] | None = None,
    write: Callable[[BinaryIO, bytes], object] | None = None,
) -> Ground:  # fmt: skip
    """The ground of the project that a command's arguments ask for; its store is there. `parse` and `write` are for who
    makes containers or builds. Where there is no file, but the project has a name and containers, the files are those
    that these were made from. Raises what loading the project raises, UsageError for a limit that is none."""
    from ..store.store import Store

    def nothing(_: object) -> Any:
        raise AssertionError("this command makes no containers")

    dry = bool(getattr(args, "dry_run", False))
    store = Store(ctx.root) if dry else Store(ctx.root).prepare()
    found = _project(ctx, store, args)
    out = nothing if write is None else lambda data: write(ctx.stdout, data)
    limit = _limit(getattr(args, "parallel", None), found.environment.get(_LIMIT, ""))
    return Ground(ctx, store, found, parse or nothing, out, limit=limit, dry=dry)


def _limit(asked: int | None, usual: str) -> int | None:
    """How much is done at a time; None for no limit, which every number below 1 stands for. Raises UsageError."""
    if asked is None and usual:
        try:
            asked = int(usual)
        except ValueError:
            raise UsageError(f"{_LIMIT}={usual}", "is no number", "like 4, or -1 for no limit") from None
    return asked if asked is not None and asked > 0 else None


def _project(ctx: Context, store: Store, args: Any) -> Project:
    from ..errors import NotFound
    from . import labels, project

    try:
        return project.asked(ctx, args)
    except NotFound:
        name = args.project_name or ctx.env.get("COMPOSE_PROJECT_NAME")
        if args.file or not name:
            raise
        for container in store.containers.all():
            given: Any = container.record["labels"]
            if given.get(labels.PROJECT) == name and given.get(labels.FILES):
                break
        else:
            raise
    from types import SimpleNamespace

    files, directory = given[labels.FILES].split(","), given[labels.DIRECTORY]
    return project.asked(ctx, SimpleNamespace(**{**vars(args), "file": files, "project_directory": directory}))
