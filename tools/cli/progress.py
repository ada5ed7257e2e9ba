"""Progress on stderr: bars for people (rich), a line for each finished task, or JSON lines for programs.

JSON, one line a change and task, at most ten a second for one task:

    {"progress":{"task":1,"label":"sha256:1f2e…","done":1048576,"total":31357624,"state":"running"}}

`total` is null while it is not known; `state` is `running` until the last line of a task, which says how it ended.
"""

from __future__ import annotations

import json
import threading
import time

from ..context import SilentTask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from rich.console import RenderableType
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from ..context import Progress, Task

_INTERVAL = 0.1
"""Seconds between two lines about one task."""


def make(mode: str, command: str, stream: BinaryIO, write: Callable[[str], None]) -> Progress:
    """The Progress for `--progress MODE`: `plain`, `json`, or `auto` on a terminal, which is bars."""
    if mode == "plain":

        def tell(task: LineTask, state: str) -> None:
            if state:
                write(f"{command}: {task.label}: {state}, {size(task.count)}")

        return Lines(tell, write)
    if mode == "json":
        return Lines(lambda task, state: write(_json_line(task, state)), write)
    return Bars(stream)


def size(count: int) -> str:
    """`count` bytes for people: decimal units, three digits or so."""
    if count < 1000:
        return f"{count} B"
    amount, units = count / 1000, ["TB", "GB", "MB", "kB"]
    while amount >= 999.95 and len(units) > 1:
        amount /= 1000
        units.pop()
    return f"{amount:.1f} {units[-1]}"


def _json_line(task: LineTask, state: str) -> str:
    entry = {
        "task": task.number, "label": task.label, "done": task.count, "total": task.total, "state": state or "running",
    }  # fmt: skip
    return json.dumps({"progress": entry}, separators=(",", ":"))


class Lines:
    """Progress told in lines; `tell(task, state)` writes one, state '' meaning that the task goes on."""

    def __init__(self, tell: Callable[[LineTask, str], None], write: Callable[[str], None]) -> None:
        self._tell = tell
        self._write = write
        self._lock = threading.Lock()
        self._tasks = 0

    def task(self, label: str, total: int | None) -> Task:
        with self._lock:
            self._tasks += 1
            task = LineTask(self._tasks, label, total, self._tell)
        task.advance(0)
        return task

    def step(self, label: str) -> Task:
        return SilentTask()

    def warn(self, message: str) -> None:
        self._write(message)

    def say(self, line: str) -> None:
        self._write(line)

    def close(self) -> None:
        pass


class LineTask:
    """A task told in lines."""

    def __init__(self, number: int, label: str, total: int | None, tell: Callable[[LineTask, str], None]) -> None:
        self.number = number
        self.label = label
        self.total = total
        self.count = 0
        self._tell = tell
        self._lock = threading.Lock()
        self._next = 0.0

    def advance(self, amount: int) -> None:
        with self._lock:
            self.count += amount
            now = time.monotonic()
            if now >= self._next:
                self._next = now + _INTERVAL
                self._tell(self, "")

    def done(self, state: str = "done") -> None:
        with self._lock:
            self._tell(self, state)


def _view() -> type[RichProgress]:
    """rich's progress with a list of steps below the bars: a spinner, what is done, for how long."""
    from rich.progress import Progress as RichProgress
    from rich.spinner import Spinner
    from rich.table import Table
    from rich.text import Text

    class View(RichProgress):
        def get_renderables(self) -> Iterable[RenderableType]:
            bars = [task for task in self.tasks if not task.fields["spinner"]]
            steps = [task for task in self.tasks if task.fields["spinner"]]
            if bars:
                yield self.make_tasks_table(bars)
            table = Table.grid(padding=(0, 1))
            table.add_column()
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
            for task in steps:
                spinner: Spinner = task.fields["spinner"]
                table.add_row(spinner, Text(task.description), f"{task.elapsed or 0:.1f}s")
            if steps:
                yield table

    return View


class Bars:
    """One bar a task: bytes, speed and time left, and a line a step, drawn by rich's own thread."""

    def __init__(self, stream: BinaryIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

        console = Console(file=_Text(stream), highlight=False)  # type: ignore[arg-type]
        self._progress = _view()(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[state]}", markup=False),
            console=console,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._progress.start()

    def task(self, label: str, total: int | None) -> Task:
        return BarTask(self._progress.add_task(label, total=total, state="", spinner=None), self)

    def step(self, label: str) -> Task:
        from rich.spinner import Spinner

        return StepTask(self._progress.add_task(label, total=None, spinner=Spinner("dots")), self._progress)

    def advance(self, task: TaskID, amount: int) -> None:
        self._progress.advance(task, amount)

    def done(self, task: TaskID, state: str) -> None:
        for shown in self._progress.tasks:
            if shown.id == task and state != "failed":
                total = shown.completed if shown.total is None or state == "done" else shown.total
                self._progress.update(task, total=total, completed=total)
        self._progress.update(task, state=state)
        self._progress.stop_task(task)

    def warn(self, message: str) -> None:
        self._progress.console.print(message, markup=False, soft_wrap=True)

    def say(self, line: str) -> None:
        self.warn(line)

    def close(self) -> None:
        self._progress.stop()


class BarTask:
    """A task shown as a bar."""

    __slots__ = ("_bars", "_task")

    def __init__(self, task: TaskID, bars: Bars) -> None:
        self._task = task
        self._bars = bars

    def advance(self, amount: int) -> None:
        self._bars.advance(self._task, amount)

    def done(self, state: str = "done") -> None:
        self._bars.done(self._task, state)


class StepTask:
    """A step's line; gone when it is done."""

    __slots__ = ("_progress", "_task")

    def __init__(self, task: TaskID, progress: RichProgress) -> None:
        self._task = task
        self._progress = progress

    def advance(self, amount: int) -> None:
        pass

    def done(self, state: str = "done") -> None:
        self._progress.remove_task(self._task)


class _Text:
    """An unbuffered binary terminal as the text file that rich draws on."""

    encoding = "utf-8"

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            self._stream.write(text.encode("utf-8", "backslashreplace"))
        except OSError:
            pass  # the terminal is gone: nobody watches any more
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()
