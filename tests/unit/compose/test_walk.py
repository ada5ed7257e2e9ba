"""A graph gone through: the order, what fails, and being ended from outside."""

from __future__ import annotations

import threading

import pytest

from ocipipe.compose.walk import Cancelled, Walk, aside, reversed_graph

GRAPH = {"web": ["db", "redis"], "db": ["disk"], "redis": [], "disk": []}


def test_each_after_those_that_it_depends_on() -> None:
    done: list[str] = []
    Walk(GRAPH, done.append).run()
    assert sorted(done) == sorted(GRAPH)
    assert done.index("disk") < done.index("db") < done.index("web") > done.index("redis")
    Walk({}, done.append).run()
    assert reversed_graph(GRAPH) == {"web": [], "db": ["web"], "redis": ["web"], "disk": ["db"]}


@pytest.mark.parametrize("graph", [GRAPH, {"disk": []}])
def test_the_first_failure_ends_all(graph: dict[str, list[str]]) -> None:
    done: list[str] = []

    def work(name: str) -> None:
        if name == "disk":
            raise ValueError(name)
        done.append(name)

    with pytest.raises(ValueError, match="disk"):
        Walk(graph, work).run()
    assert not {"db", "web"} & set(done)


def test_it_is_ended_from_outside() -> None:
    """What has begun is asked, what has not never begins."""
    cancelled, begun, seen = threading.Event(), threading.Barrier(3), []

    def work(name: str) -> None:
        begun.wait()
        while True:
            try:
                walk.check()
            except Cancelled:
                seen.append(name)
                raise

    walk = Walk(GRAPH, work, cancelled)
    threading.Thread(target=lambda: (begun.wait(), cancelled.set())).start()
    with pytest.raises(Cancelled):
        walk.run()
    assert sorted(seen) == ["disk", "redis"]


def test_what_is_done_aside() -> None:
    done: list[str] = []
    aside(lambda: done.append("it"), lambda: None)
    assert done == ["it"]
    with pytest.raises(KeyError):
        aside(lambda: {}["nothing"], lambda: None)


def test_what_is_done_aside_is_left() -> None:
    """It is asked to end, and waited for; or it is not."""
    end, ended = threading.Event(), threading.Event()

    def work() -> None:
        end.wait()
        ended.set()

    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        aside(work, check)
    assert not ended.is_set()
    with pytest.raises(Cancelled):
        aside(work, check, end.set)
    assert ended.is_set()
