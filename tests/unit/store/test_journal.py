"""store/journal: appended by many, read by many; what was cut off, removed or written in another boot."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ocipipe.errors import Conflict, NotFound, UsageError
from ocipipe.host.watch import Watch
from ocipipe.store import journal
from ocipipe.store.journal import Journal
from ocipipe.store.store import Store

NOW = 1_767_225_600.5


@pytest.fixture
def log(tmp_path: Path) -> Journal:
    return Store(str(tmp_path / "store")).journal


def add(log: Journal, number: int, action: str = "die", **detail: str) -> None:
    log.add(NOW + number, "container", action, {"id": f"{number:064x}"}, **detail)


def numbers(events: Any) -> list[int]:
    return [int(event["object"]["id"], 16) for event in events]


def segments(log: Journal) -> list[Path]:
    return [Path(log.path, name) for name in log.segments()]


def fill(log: Journal) -> None:
    """One more event, so large that the next one begins a segment."""
    log.add(NOW, "filler", "fill", {"id": "filler", "pad": "x" * journal.SEGMENT_BYTES})


def of_an_older_boot(log: Journal) -> Path:
    """The newest segment, as if it had been written in another boot."""
    last = segments(log)[-1]
    return last.rename(last.with_name(f"{last.name[:8]}-01d01d00"))


def test_an_event_is_read_as_it_was_added(log: Journal) -> None:
    log.add(NOW, "container", "die", {"id": "a" * 64, "status": "stopped"}, exitCode="137", signal="9")
    log.add(NOW, "container", "destroy", {"id": "a" * 64}, durable=True)
    died, gone = log.read()
    cursor = died.pop("cursor")
    assert died == {
        "time": "2026-01-01T00:00:00.500000000Z", "type": "container", "action": "die",
        "object": {"id": "a" * 64, "status": "stopped"}, "detail": {"exitCode": "137", "signal": "9"},
    }  # fmt: skip
    assert "detail" not in gone
    assert list(log.read(str(cursor))) == [gone]
    assert list(log.read(str(gone["cursor"]))) == []


def test_nothing_is_there_and_nothing_is_made(log: Journal) -> None:
    assert list(log.read()) == []
    assert log.end() == ""
    assert log.last("container", "die", "a") is None
    assert not os.path.exists(log.store.root)


def test_every_cursor_goes_on_behind_its_event(log: Journal) -> None:
    for number in range(20):
        add(log, number)
        if number in (5, 11):
            fill(log)
        if number == 8:
            of_an_older_boot(log)
    everything = list(log.read())
    assert len(segments(log)) == 4
    for place, event in enumerate(everything):
        assert list(log.read(str(event["cursor"]))) == everything[place + 1 :]


def test_the_end_is_behind_all_that_is_there(log: Journal) -> None:
    add(log, 1)
    with segments(log)[0].open("ab") as file:
        file.write(b'{"torn')
    end = log.end()
    add(log, 2)
    assert numbers(log.read(end)) == [2]


def test_only_the_newest_segments_are_kept(log: Journal) -> None:
    add(log, 0)
    (first,) = log.read()
    for _ in range(journal.KEPT):
        fill(log)
    assert len(segments(log)) == journal.KEPT
    assert list(log.read(str(first["cursor"])))
    oldest = log.segments()[0]
    add(log, 1)
    assert len(segments(log)) == journal.KEPT
    assert oldest not in log.segments()
    assert [event["type"] for event in log.read()][-1] == "container"
    with pytest.raises(NotFound, match="events behind this place are gone"):
        list(log.read(str(first["cursor"])))


def test_a_reader_that_falls_behind_is_told(log: Journal) -> None:
    add(log, 0)
    reader = log.read()
    next(reader)
    for _ in range(journal.KEPT + 3):
        fill(log)
    with pytest.raises(NotFound, match="events behind this place are gone"):
        list(reader)  # the segment that it is in is still there for it


def test_a_reader_goes_through_what_is_removed_behind_it(log: Journal) -> None:
    add(log, 0)
    add(log, 1)
    fill(log)
    reader = log.read()
    next(reader)
    add(log, 2)
    segments(log)[0].unlink()
    assert [event["time"][17:19] for event in reader] == ["01", "00", "02"]


def test_a_new_boot_begins_a_segment(log: Journal) -> None:
    add(log, 1)
    of_an_older_boot(log)
    add(log, 2)
    assert [path.name[:8] for path in segments(log)] == ["00000001", "00000002"]
    assert numbers(log.read()) == [1, 2]


def test_what_a_power_cut_took_is_no_trap_for_a_cursor(log: Journal) -> None:
    """The end of the old boot's segment is lost, with events that a reader has had."""
    for number in range(3):
        add(log, number)
    had = list(log.read())
    old = of_an_older_boot(log)
    old.write_bytes(old.read_bytes()[:-30])
    add(log, 3)
    cursor = f"{old.name}:{str(had[-1]['cursor']).partition(':')[2]}"
    assert numbers(log.read(cursor)) == [3]
    assert numbers(log.read()) == [0, 1, 3]


def test_a_cursor_beyond_the_end_in_this_boot(log: Journal) -> None:
    """Only an older copy of the store, put back, makes that: what is written now is not what the cursor meant."""
    add(log, 1)
    name, _, offset = log.end().partition(":")
    with pytest.raises(NotFound):
        list(log.read(f"{name}:{int(offset) + 1}"))


@pytest.mark.parametrize("cut", [1, 2, 40, 100])
def test_a_torn_last_line_is_closed(log: Journal, cut: int) -> None:
    for number in (1, 2):
        add(log, number)
    (path,) = segments(log)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert numbers(log.read()) == [1]
    assert log.last("container", "die", f"{2:064x}") is None
    add(log, 3)
    assert numbers(log.read()) == ([1, 2, 3] if cut == 1 else [1, 3])
    assert path.read_bytes().startswith(whole[:-cut] + b"\n{")


@pytest.mark.parametrize(
    "line",
    [
        b"", b"x", b"[]", b"{}", b"\0" * 5000, b"\xff", b'{"time":"t","type":"a","action":"b","object":3}',
        b'{"time":"t","type":"a","action":3,"object":{}}', b'{"a":1,"a":1}',
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_passed_over(log: Journal, line: bytes) -> None:
    add(log, 1)
    with segments(log)[0].open("ab") as file:
        file.write(line + b"\n")
    add(log, 2)
    assert numbers(log.read()) == [1, 2]
    assert log.last("container", "die", f"{1:064x}") is not None


@pytest.mark.parametrize("cursor", ["x", "00000001-0123abcd", "00000001-0123abcd:", "00000001-0123abcd:-1", "../x:1"])
def test_what_is_no_cursor(log: Journal, cursor: str) -> None:
    with pytest.raises(UsageError, match="is no cursor"):
        list(log.read(cursor))


def test_an_event_that_the_disk_has_no_room_for(log: Journal) -> None:
    """A limit on the size of files stands for the full disk: the first bytes fit, the rest does not."""
    add(log, 1)
    (path,) = segments(log)
    whole = path.read_bytes()
    child = os.fork()
    if not child:
        import resource

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 50, len(whole) + 50))
        try:
            add(log, 2)
        except OSError:
            os._exit(0)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert path.read_bytes() == whole


def test_many_writers_lose_nothing(log: Journal) -> None:
    writers, each = 8, 500
    children = []
    for writer in range(writers):
        child = os.fork()
        if not child:
            for number in range(each):
                add(log, writer * each + number, pad="x" * (number % 7) * 500)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * writers
    found = numbers(log.read())
    assert sorted(found) == list(range(writers * each))
    for writer in range(writers):
        assert [one for one in found if one // each == writer] == list(range(writer * each, (writer + 1) * each))
    lines = b"".join(path.read_bytes() for path in segments(log)).splitlines()
    assert len([json.loads(line) for line in lines]) == writers * each
    assert len(segments(log)) > 1


def test_readers_see_all_while_it_is_written(log: Journal) -> None:
    """Each reader on its own cursor, at another pace, over several segments."""
    total = 2000
    child = os.fork()
    if not child:
        for number in range(total):
            add(log, number, pad="x" * 8000)
        os._exit(0)
    found: list[Any] = []
    for pace in (1, 7, 100) * 1000:
        found += islice(log.follow(str(found[-1]["cursor"]) if found else ""), pace)
        if len(found) >= total - 100:
            break
    assert os.waitpid(child, 0)[1] == 0
    found += log.read(str(found[-1]["cursor"]))
    assert numbers(found) == list(range(total))


def followed(log: Journal, cursor: str, count: int) -> tuple[threading.Thread, list[int]]:
    """A thread that follows the journal for `count` events, and what it has had."""
    found: list[int] = []
    events: Iterator[Any] = islice(log.follow(cursor), count)
    thread = threading.Thread(target=lambda: found.extend(numbers(events)), daemon=True)
    thread.start()
    return thread, found


def test_following_goes_on_over_segments_and_boots(log: Journal) -> None:
    thread, found = followed(log, "", 4)
    for number in range(4):
        add(log, number)
        if number == 1:
            of_an_older_boot(log)
    thread.join(60)
    assert found == [0, 1, 2, 3]


def test_following_ends_at_its_time(log: Journal) -> None:
    add(log, 1)
    begun = time.monotonic()
    assert numbers(log.follow("", begun + 0.2)) == [1]
    assert time.monotonic() >= begun + 0.2
    assert numbers(log.follow("", begun)) == [1]


def test_following_waits_without_working(log: Journal) -> None:
    """It sleeps in the kernel: half a second of it costs next to no time of the processor."""
    add(log, 1)
    before = time.process_time()
    list(log.follow("", time.monotonic() + 0.5))
    assert time.process_time() - before < 0.1


def test_following_ends_with_the_journal(log: Journal) -> None:
    add(log, 1)
    events = log.follow()
    next(events)
    for path in segments(log):
        path.unlink()
    os.rmdir(log.path)
    with pytest.raises(NotFound, match="are gone"):
        next(events)


def test_a_watch_ends_with_its_directory(log: Journal) -> None:
    events = log.follow("", time.monotonic() + 0.1)
    assert list(events) == []
    with Watch(log.path) as watch:
        os.rmdir(log.path)
        with pytest.raises(NotFound, match="was removed or renamed"):
            watch.wait(30)


def test_what_is_older_is_passed_over(log: Journal) -> None:
    for number in range(5):
        add(log, number)
    assert numbers(log.read(since="2026-01-01T00:00:03.500000000Z")) == [3, 4]


def test_the_last_event_of_an_object(log: Journal) -> None:
    add(log, 0xA1, exitCode="1")
    add(log, 0xA1, "start")
    fill(log)
    add(log, 0xB2, exitCode="2")
    add(log, 0xA1, exitCode="3")
    fill(log)
    add(log, 0xA1, "destroy")
    add(log, 0xB2, "nested")
    log.add(NOW, "other", "die", {"id": f"{0xA1:064x}"})
    log.add(NOW, "container", "die", {"id": "c" * 64, "of": {"id": f"{0xA1:064x}"}})
    (expected,) = [event for event in log.read() if event.get("detail") == {"exitCode": "3"}]
    assert log.last("container", "die", f"{0xA1:064x}") == expected
    assert log.last("container", "die", "cc") is not None
    assert log.last("container", "die", "d") is None
    assert log.last("container", "stop", f"{0xA1:064x}") is None
    with pytest.raises(Conflict, match="more than one"):
        log.last("container", "die", "0" * 60)


def test_a_whole_id_wins_over_longer_ones(log: Journal) -> None:
    log.add(NOW, "container", "die", {"id": "ab"})
    log.add(NOW, "container", "die", {"id": "abc"})
    found = log.last("container", "die", "ab")
    assert found is not None
    assert found["object"] == {"id": "ab"}


def test_a_strange_id_is_only_looked_for(log: Journal) -> None:
    add(log, 1)
    assert log.last("container", "die", '"},"x') is None
