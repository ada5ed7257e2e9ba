"""The journal when its writers and readers are killed at any moment, and when the power is cut."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import journals
import pytest
from commands import Commands
from journals import journal, numbers, told, writer
from killing import Kills
from outages import Recorder

from ocipipe.store.journal import SEGMENT_BYTES

PAD = SEGMENT_BYTES // 2
"""Of events so large that two fill a segment."""


@pytest.mark.parametrize("pad", [0, PAD], ids=["one segment", "several"])
def test_a_killed_writer(kills: Kills, store_root: Path, tmp_path: Path, pad: int) -> None:
    """What it has told is there, at most one event more, and all of them whole; the next writer goes on."""
    log = journal(store_root)
    log.store.prepare()

    def command(number: int) -> list[str | Path]:
        shutil.rmtree(log.path, ignore_errors=True)
        return writer(store_root, tmp_path / str(number), 0, 4, pad=pad)

    def after(number: int) -> None:
        done = told(tmp_path / str(number))
        found = numbers(log.read())
        assert found in (done, [*done, len(done)])
        assert number or done == [0, 1, 2, 3]
        log.add(journals.NOW, "container", "die", {"id": f"{7:064x}"}, number="7")
        assert numbers(log.read()) == [*found, 7]
        last = log.last("container", "die", f"{7:064x}")
        assert last == list(log.read())[-1]

    assert kills(command, after) > 2


def test_killed_readers_miss_nothing_and_see_nothing_twice(run: Commands, store_root: Path, tmp_path: Path) -> None:
    """Readers are killed one after another, each after so many events, and the next begins with the last cursor."""
    count = 6000
    chance = random.Random(4)
    command = writer(store_root, tmp_path / "told", 0, count, pad=2000)
    found: list[int] = []
    cursor, readers = "", 0
    with subprocess.Popen(command, env=run.env) as writing:
        while len(found) < count:
            argv = [str(run.bin / "ctr-events"), "--cursor", cursor]
            readers += 1
            with subprocess.Popen(argv, env=run.env, stdout=subprocess.PIPE) as reader:
                assert reader.stdout
                seen = b""
                limit = chance.randrange(600_000)
                while len(seen) < limit and len(found) + seen.count(b"\n") < count:
                    seen += os.read(reader.stdout.fileno(), chance.randrange(1, 65536))
                reader.kill()
                seen += reader.stdout.read()
            lines = seen.split(b"\n")[:-1]  # the last may be half a line
            found += [int(json.loads(line)["detail"]["number"]) for line in lines]
            cursor = str(json.loads(lines[-1])["cursor"]) if lines else cursor
        assert writing.wait(60) == 0
    assert found == list(range(count))
    assert readers > 10
    assert len(journal(store_root).segments()) > 2


def test_a_power_cut(run: Commands, tmp_path: Path) -> None:
    """Durable events are there after it, no other is half there, and the journal goes on."""
    root = tmp_path / "disk" / "store"
    journal(root).store.prepare()
    recorder = Recorder(root.parent)
    argv = writer(root, tmp_path / "told", 0, 3, durable=True)
    assert recorder.run(argv, run.env).status == 0
    ends = 0
    for outage in recorder.found:
        left = outage.make(tmp_path / "made") / "store"
        there = numbers(journal(left).read())
        assert there == [0, 1, 2][: len(there)], outage
        assert len(there) == 3 or not outage.at_the_end, outage
        ends += outage.at_the_end
        assert run("store-check", "--root", left).documents == [], outage
        journal(left).add(journals.NOW, "container", "die", {"id": f"{9:064x}"}, number="9")
        assert numbers(journal(left).read()) == [*there, 9], outage
        shutil.rmtree(tmp_path / "made")
    assert len(recorder.found) > 5
    assert ends


def test_a_power_cut_after_a_killed_writer(run: Commands, tmp_path: Path) -> None:
    """The next one doesn't count on what the killed one had made and not synced."""
    before = tmp_path / "before"
    journal(before / "store").store.prepare()
    killed, point = True, 0
    while killed:
        point += 1
        shutil.copytree(before, tmp_path / "disk", symlinks=True)
        root = tmp_path / "disk" / "store"
        recorder = Recorder(root.parent)
        done = recorder.run(writer(root, tmp_path / "told", 0, 1, durable=True), run.env, killed_at=point)
        killed = done.status == -signal.SIGKILL
        recorder.found.clear()
        assert recorder.run(writer(root, tmp_path / "told", 5, 1, durable=True), run.env).status == 0
        for outage in recorder.found:
            if outage.at_the_end:
                left = outage.make(tmp_path / "made") / "store"
                assert numbers(journal(left).read())[-1:] == [5], (point, str(outage))
                shutil.rmtree(tmp_path / "made")
        shutil.rmtree(tmp_path / "disk")
    assert point > 5
