"""What stderr says, to people and to programs, and progress in its four forms."""

from __future__ import annotations

import json
import os
import pty
import re
import threading
from typing import Any

from cli_world import Stream, command, run

from ocipipe.cli.declare import Command
from ocipipe.cli.progress import size
from ocipipe.cli.report import Reporter, lower_first
from ocipipe.errors import NotFound


def working(ctx: Any, _args: Any) -> list[Any]:
    """Two tasks and a warning; the second one fails."""
    task = ctx.progress.task("layer one", 3000)
    for _ in range(3):
        task.advance(1000)
    ctx.progress.warn("layer one: is foreign [bold]")
    task.done()
    ctx.progress.task("layer two", None).done("failed")
    return [{"n": 1}]


COMMAND = command(Command("test-work", "a test"), run=working)


def test_nobody_watches() -> None:
    for argv in ((), ("--progress=none",)):
        done = run(COMMAND, *argv)
        assert done.err == b'{"warnings":[{"message":"layer one: is foreign [bold]"}]}\n'
    shown = run(COMMAND, "--progress=none", stderr=Stream(terminal=True)).err
    assert shown == b"test-work: warning: layer one: is foreign [bold]\n"


def test_plain_is_one_line_a_finished_task() -> None:
    assert run(COMMAND, "--progress=plain", stderr=Stream(terminal=True)).err.decode() == (
        "test-work: warning: layer one: is foreign [bold]\n"
        "test-work: layer one: done, 3.0 kB\n"
        "test-work: layer two: failed, 0 B\n"
    )


def test_json_is_one_line_a_change() -> None:
    lines = [json.loads(line) for line in run(COMMAND, "--progress=json").err.splitlines()]
    told = [line["progress"] for line in lines if "progress" in line]
    assert told[0] == {"task": 1, "label": "layer one", "done": 0, "total": 3000, "state": "running"}
    assert {"task": 1, "label": "layer one", "done": 3000, "total": 3000, "state": "done"} in told
    assert told[-1] == {"task": 2, "label": "layer two", "done": 0, "total": None, "state": "failed"}
    assert {"warnings": [{"message": "layer one: is foreign [bold]"}]} in lines


def test_json_is_not_a_line_a_chunk() -> None:
    def busy(ctx: Any, _args: Any) -> None:
        task = ctx.progress.task("layer", 100_000)
        for _ in range(100_000):
            task.advance(1)
        task.done()

    lines = run(command(Command("test-busy", "a test"), run=busy), "--progress=json").err.splitlines()
    assert len(lines) < 1000
    assert json.loads(lines[-1])["progress"]["done"] == 100_000


def test_threads_report_side_by_side() -> None:
    def busy(ctx: Any, _args: Any) -> None:
        def work(number: int) -> None:
            task = ctx.progress.task(f"layer {number}", 500)
            for _ in range(500):
                task.advance(1)
            ctx.progress.warn(f"layer {number}: seen")
            task.done()

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    done = run(command(Command("test-busy", "a test"), run=busy), "--progress=json")
    lines = [json.loads(line) for line in done.err.splitlines()]
    ended = [line["progress"] for line in lines if line.get("progress", {}).get("state") == "done"]
    assert sorted(entry["label"] for entry in ended) == [f"layer {number}" for number in range(8)]
    assert {entry["done"] for entry in ended} == {500}
    assert sum("warnings" in line for line in lines) == 8


def everything(master: int) -> bytes:
    """All that was written to a terminal whose other side is closed: it comes in parts, and ends with EIO."""
    parts = []
    while True:
        try:
            parts.append(os.read(master, 1 << 16))
        except OSError:
            os.close(master)
            return b"".join(parts)


def test_bars_on_a_terminal() -> None:
    master, slave = pty.openpty()
    with open(slave, "wb", buffering=0) as stderr:
        reporter = Reporter("test-work", stderr)
        task = reporter.task("layer [one]", 3000)
        task.advance(3000)
        reporter.warn("layer one: is foreign [bold]")
        task.done("exists")
        reporter.error(NotFound("image", "is not here"))
        reporter.close()
        reporter.warn("afterwards")
    shown = everything(master).decode()
    words = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert "layer [one]" in words
    assert "3.0/3.0 kB" in words
    assert "exists" in words
    assert "test-work: warning: layer one: is foreign [bold]" in words
    assert "test-work: image: is not here" in words
    assert words.rstrip().endswith("test-work: warning: afterwards")
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l"), "the cursor is shown again"


def test_errors_are_lines_of_ascii_json_whatever_they_hold() -> None:
    stderr = Stream()
    Reporter("x", stderr).error(NotFound("a\udcffb\nü", "is\x1b[31m not here"))
    (line,) = stderr.getvalue().splitlines()
    assert line.isascii()
    assert json.loads(line)["errors"][0]["message"] == "a\udcffb\nü: is\x1b[31m not here"


def test_an_excerpt_is_for_people() -> None:
    error = NotFound("Dockerfile:3", "no such thing", detail={"line": 3})
    error.excerpt = "  3 | RUN x\x1b\n    | ^^^"
    for terminal, shown in (
        (True, "t: Dockerfile:3: no such thing\n  3 | RUN x\\x1b\n    | ^^^\n"),
        (False, '{"errors":[{"code":"NOT_FOUND","message":"Dockerfile:3: no such thing","detail":{"line":3}}]}\n'),
    ):
        stream = Stream(terminal=terminal)
        Reporter("t", stream).error(error)
        assert stream.getvalue().decode() == shown


def test_what_a_terminal_is_told_cannot_steer_it() -> None:
    stderr = Stream(terminal=True)
    Reporter("x", stderr).error(NotFound("a\udcff\x1b]0;title\x07b", "is\rnot here\nanymore"))
    assert stderr.getvalue() == b"x: a\\udcff\\x1b]0;title\\x07b: is\\rnot here\nanymore\n"


def test_stderr_that_takes_nothing_is_no_failure() -> None:
    class Full(Stream):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "full")

    assert run(COMMAND, stderr=Full()).status == 0


def test_words() -> None:
    assert lower_first("No such file") == "no such file"
    assert lower_first("RPC failed") == "RPC failed"
    assert [size(count) for count in (0, 999, 1000, 999_949, 999_950, 31_357_624, 10**12, 10**16)] == [
        "0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "31.4 MB", "1.0 TB", "10000.0 TB",
    ]  # fmt: skip
