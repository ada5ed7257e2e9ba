"""A graph gone through: each node in a thread of its own, once those that it depends on are done."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 30.0


class Cancelled(Exception):
    """Something else has failed, or all is to end: this is not gone on with."""


class Walk:
    """One way through a graph, node to those that it depends on; `work` is called with each node. The first failure
    ends all: nodes that have not begun never do, and those that have are to look at `cancelled`, or call `check`. Who
    has an event of his own for `cancelled` ends it from outside."""

    def __init__(
        self, graph: Mapping[str, Iterable[str]], work: Callable[[str], None], cancelled: threading.Event | None = None
    ) -> None:
        self._graph = graph
        self._work = work
        self._done = {name: threading.Event() for name in graph}
        self._failure: BaseException | None = None
        self.cancelled = cancelled or threading.Event()

    def check(self) -> None:
        """Raises Cancelled where this is not to go on."""
        if self.cancelled.is_set():
            raise Cancelled

    def run(self) -> None:
        """Goes through it all. Raises the first failure, when nothing of this goes on any more, and Cancelled where it
        was ended from outside."""
        threads = [threading.Thread(target=self._node, args=(name,), name=name, daemon=True) for name in self._graph]
        try:
            if len(threads) == 1:
                self._node(next(iter(self._graph)))
            else:
                for thread in threads:
                    thread.start()
            self._join(threads)
        except BaseException:  # a signal: what has begun comes to a point where it can be left
            self.cancelled.set()
            self._join(threads)
            raise
        if self._failure is not None:
            raise self._failure
        self.check()

    def _join(self, threads: Iterable[threading.Thread]) -> None:
        for thread in threads:
            while thread.is_alive():
                thread.join(_POLL_SECONDS)

    def _node(self, name: str) -> None:
        try:
            for other in self._graph[name]:
                while not self._done[other].wait(_POLL_SECONDS):
                    self.check()
            self.check()
            self._work(name)
            self._done[name].set()
        except Cancelled:
            pass
        except BaseException as error:
            if self._failure is None:
                self._failure = error
            self.cancelled.set()


def aside(work: Callable[[], object], check: Callable[[], None], end: Callable[[], None] | None = None) -> None:
    """Does something long in a thread of its own, so that it can be left: when `check`, which is called again and
    again, raises, or a signal comes. With `end` it is asked to end then, and waited for a while; without, what it does
    after that is nobody's. Raises what `work` raises."""
    failure: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            check()
    except BaseException:
        if end is not None:
            end()
            thread.join(_PATIENCE_SECONDS)
        raise
    if failure:
        raise failure[0]


def reversed_graph(graph: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """The graph in which everything depends on what depended on it."""
    found: dict[str, list[str]] = {name: [] for name in graph}
    for name, others in graph.items():
        for other in others:
            found[other].append(name)
    return found
