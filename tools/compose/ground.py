"""What everything for a project is done with."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, BinaryIO

    from ..context import Context
    from ..store.store import Store
    from .project import Project


class Ground:
    """ctx, store, project; `parse`: from words to the arguments of ctr-create; `write` puts bytes onto stdout."""

    __slots__ = ("ctx", "parse", "project", "store", "write")

    def __init__(
        self, ctx: Context, store: Store, project: Project, parse: Callable[[Sequence[str]], Any],
        write: Callable[[bytes], object],
    ) -> None:  # fmt: skip
        self.ctx = ctx
        self.store = store
        self.project = project
        self.parse = parse
        self.write = write

    def say(self, line: str) -> None:
        """A line about something that is done."""
        self.ctx.progress.say(line)


def asked(
    ctx: Context, args: Any, parse: Callable[[Sequence[str]], Any] | None = None,
    write: Callable[[BinaryIO, bytes], object] | None = None,
) -> Ground:  # fmt: skip
    """The ground of the project that a command's arguments ask for; its store is there. `parse` and `write` are for who
    makes containers or builds. Where there is no file, but the project has a name and containers, the files are those
    that these were made from. Raises what loading the project raises."""
    from ..store.store import Store

    def nothing(_: object) -> Any:
        raise AssertionError("this command makes no containers")

    store = Store(ctx.root).prepare()
    found = _project(ctx, store, args)
    out = nothing if write is None else lambda data: write(ctx.stdout, data)
    return Ground(ctx, store, found, parse or nothing, out)


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
