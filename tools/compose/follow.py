"""What the containers of a project say, all at once and as it comes: each container's log in a thread of its own."""

from __future__ import annotations

import queue
import threading

from oci_spec import jsondoc

from ..containers import reading
from ..errors import NotFound, OcipipeError, UsageError
from . import conditions, translate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from oci_spec.jsondoc import Document

    from .ground import Ground

    Item = tuple[str, Document] | Any


class Ended:
    """A container has ended for good, with this exit status (None: nobody knows it)."""

    __slots__ = ("code", "id", "service")

    def __init__(self, id: str, service: str, code: int | None) -> None:
        self.id = id
        self.service = service
        self.code = code


class Followers:
    """The logs of containers that are added one by one. `items` brings documents (schema log-entry) with the service
    beside them, and an Ended for each container at its end, after all that it said."""

    def __init__(self, ground: Ground, wanted: reading.Wanted) -> None:
        self.items: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self.left = 0
        self._ground = ground
        self._wanted = wanted
        self.lock = threading.Lock()
        """Held by who stops containers to start them again, or others for them: no end is told meanwhile."""
        self._lock = threading.Lock()
        self._followed: set[str] = set()
        self._again: set[str] = set()
        self._last: dict[str, str] = {}

    def add(self, service: str, container_id: str, *, shown: bool = True) -> None:
        """Follows one more container, once; unless `shown`, only to its end."""
        with self._lock:
            if container_id in self._followed:
                return
            self._followed.add(container_id)
            self.left += 1
        threading.Thread(target=self._follow, args=(service, container_id, shown), daemon=True).start()

    def again(self, service: str, container_id: str, *, shown: bool = True) -> None:
        """Follows a container that was started anew, from there on."""
        with self._lock:
            if container_id in self._followed:
                self._again.add(container_id)  # its thread may have seen the end, and may not
                return
        self.add(service, container_id, shown=shown)

    def _follow(self, service: str, container_id: str, shown: bool) -> None:
        try:
            while True:
                code = self._to_its_end(service, container_id, shown)
                if self._is_over(container_id):
                    break
            self.items.put(Ended(container_id, service, code))
        except BaseException as error:
            self.items.put(error)

    def _to_its_end(self, service: str, container_id: str, shown: bool) -> int | None:
        """Brings what a container says that it has not said before; its exit status, None where nobody knows it."""
        ground = self._ground
        last = self._last.get(container_id, "")
        try:
            for found in reading.documents(ground.ctx, ground.store, [container_id], self._wanted) if shown else ():
                if not isinstance(found, Exception):
                    time = str(found["time"])
                    if time > last:
                        self._last[container_id] = time
                        self.items.put((service, found))
                elif not isinstance(found, NotFound):
                    self.items.put(found)
            return conditions.ended(ground, container_id, lambda: None)
        except NotFound:
            return None
        except OcipipeError as error:
            self.items.put(error)
            return None

    def _is_over(self, container_id: str) -> bool:
        with self.lock, self._lock:
            if container_id in self._again:
                self._again.remove(container_id)
                return False
            self._followed.remove(container_id)
            return True


_COLOURS = ("36", "33", "32", "35", "34", "36;1", "33;1", "32;1", "35;1", "34;1")


class Lines:
    """Documents of logs as text: each line behind its container's name, in a colour of its own where `colour`."""

    def __init__(self, project: str, *, colour: bool, prefix: bool, timestamps: bool) -> None:
        self._project = project
        self._colour = colour
        self._prefix = prefix
        self._timestamps = timestamps
        self._known: dict[str, str] = {}
        self._width = 0

    def expect(self, name: str) -> None:
        """A container of this name may speak: the names stand in line."""
        self._width = max(self._width, len(self._short(name)))

    def _short(self, name: str) -> str:
        return name.removeprefix(f"{self._project}-")

    def line(self, document: Document) -> bytes:
        """One line, with its end."""
        name = str(document["container"])
        before = ""
        if self._prefix:
            self.expect(name)
            before = f"{self._short(name):<{self._width}} | "
            if self._colour:
                code = self._known.setdefault(name, _COLOURS[len(self._known) % len(_COLOURS)])
                before = f"\x1b[{code}m{before}\x1b[0m"
        time = f"{document['time']} " if self._timestamps else ""
        return f"{before}{time}{document['line']}\n".encode("utf-8", "surrogateescape")


def shower(ground: Ground, args: Any) -> Callable[[Document], None]:
    """What shows documents on stdout as a command's arguments (cli.compose_options.LINES) ask for it: as text on a
    terminal and with --format table, else as JSON. Raises UsageError for what text alone can have."""
    ctx = ground.ctx
    text = args.format == "table" or (args.format is None and ctx.stdout.isatty())
    if not text:
        for flag in ("--no-color", "--no-log-prefix", "--timestamps"):
            if getattr(args, flag.lstrip("-").replace("-", "_")):
                raise UsageError(flag, "is for text, and in a pipe there are documents", "add --format table")

        def document(document: Document) -> None:
            ground.write(jsondoc.dumps(document) + b"\n")

        return document
    lines = Lines(
        ground.project.name, colour=ctx.stdout.isatty() and not args.no_color and "NO_COLOR" not in ctx.env,
        prefix=not args.no_log_prefix, timestamps=args.timestamps,
    )  # fmt: skip
    for name in ground.project.model["services"]:
        lines.expect(translate.name(ground.project, name, 1))

    def line(document: Document) -> None:
        ground.write(lines.line(document))

    return line
