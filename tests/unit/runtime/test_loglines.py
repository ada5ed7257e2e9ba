"""Logs read: across pieces, also those that come while somebody reads, and backwards."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from ocipipe.runtime import loglines, pieces

LIMIT, KEPT = 1000, 3


def line(number: int, stream: str = "stdout", flag: str = "F", pad: int = 0) -> bytes:
    return f"2026-01-02T03:04:05.{number:09d}+00:00 {stream} {flag} {number}{'x' * pad}\n".encode()


def add(path: Path, *lines: bytes) -> None:
    with path.open("ab") as file:
        file.write(b"".join(lines))


def rotate(path: Path) -> None:
    """As conmon does when a piece is full."""
    temporary = path.with_name("log.tmp")
    temporary.open("wb").close()
    temporary.rename(path)


def numbers(entries: object) -> list[int]:
    return [int(text.rstrip(b"x")) for _, _, _, text in entries]  # type: ignore[attr-defined]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    pieces.prepare(str(tmp_path / "log"), LIMIT, KEPT)
    (tmp_path / "log.1").touch()
    return tmp_path / "log"


@pytest.fixture
def reader(log: Path) -> loglines.Reader:
    return loglines.Reader(str(log))


def test_across_pieces(log: Path, reader: loglines.Reader) -> None:
    count = 0
    for tended in (True, True, False, True, False, False, True):
        for _ in range(3):
            add(log, line(count))
            count += 1
            assert numbers(reader.entries()) == [count - 1]
        rotate(log)
        if tended:
            pieces.tend(str(log), KEPT)
    add(log, line(count))
    assert numbers(reader.entries()) == [count]
    assert numbers(reader.entries()) == []


def test_pieces_that_come_while_it_reads(log: Path, reader: loglines.Reader) -> None:
    add(log, line(0), line(1))
    entries = reader.entries()
    assert next(entries)[3] == b"0"
    for number in (2, 3, 4):
        rotate(log)
        pieces.tend(str(log), 99)
        add(log, line(number))
    assert numbers(entries) == [1, 2, 3, 4]


def test_nothing_twice_and_nothing_backwards(log: Path) -> None:
    """Whatever comes between any two steps of a reader."""
    chance = random.Random(1)
    for _ in range(200):
        for old in log.parent.glob("log*"):
            old.unlink()
        pieces.prepare(str(log), LIMIT, KEPT)
        reader, count, found = loglines.Reader(str(log)), 0, []
        entries = reader.entries()
        for _ in range(60):
            step = chance.random()
            if step < 0.4:
                add(log, line(count))
                count += 1
            elif step < 0.55:
                rotate(log)
            elif step < 0.7:
                pieces.tend(str(log), KEPT)
            else:
                entry = next(entries, None)
                if entry is None:
                    entries = reader.entries()
                else:
                    found.append(int(entry[3]))
        found += numbers(entries)
        found += numbers(reader.entries())
        reader.close()
        assert found == sorted(set(found))


def test_an_unfinished_line_waits(log: Path, reader: loglines.Reader) -> None:
    whole = line(7, pad=100)
    add(log, whole[:50])
    assert list(reader.entries()) == []
    add(log, whole[50:])
    assert numbers(reader.entries()) == [7]


def test_what_is_no_entry(log: Path, reader: loglines.Reader) -> None:
    add(log, b"\0" * 5000, b"\n", b"2026 stdout F\n", b"2026 stdin F x\n", b"2026 stdout X x\n", b"\n", line(1))
    assert numbers(reader.entries()) == [1]


@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 11, 50, 100, 101])
def test_the_last_lines(log: Path, count: int) -> None:
    for number in range(100):
        if number in (40, 90):
            rotate(log)
            pieces.tend(str(log), KEPT)
        add(log, line(number, pad=7000 if number % 3 else 0))
    reader = loglines.Reader(str(log))
    reader.begin_last(count, (1, 2))
    assert numbers(reader.entries()) == list(range(100))[max(0, 100 - count) :]
    add(log, line(100))
    assert numbers(reader.entries()) == [100]


def test_the_last_lines_of_one_stream_and_in_parts(log: Path) -> None:
    add(log, line(1), line(2, flag="P"), line(3), line(4, "stderr"), line(5, flag="P"), line(6, flag="P"))
    for count, streams, expected in [
        (1, (1,), [5, 6]), (2, (1,), [2, 3, 5, 6]), (1, (2,), [4]), (2, (1, 2), [4, 5, 6]), (9, (1,), [1, 2, 3, 5, 6]),
    ]:  # fmt: skip
        reader = loglines.Reader(str(log))
        reader.begin_last(count, streams)
        assert numbers(entry for entry in reader.entries() if entry[1] in streams) == expected


@pytest.mark.parametrize("since", [0, 1, 39, 40, 41, 2999, 5000])
def test_since(log: Path, since: int) -> None:
    for number in range(3000):
        if number == 40:
            rotate(log)
            pieces.tend(str(log), KEPT)
        add(log, line(number, pad=100))
    reader = loglines.Reader(str(log))
    time = loglines.utc(line(since).split()[0])
    reader.begin_since(time)
    entries = list(reader.entries())
    assert numbers(entry for entry in entries if loglines.utc(entry[0]) >= time) == list(range(since, 3000))
    assert len(entries) - len(range(since, 3000)) < 1000  # no more than it has to


def test_times() -> None:
    assert loglines.utc(b"2026-01-02T03:04:05.000000006+00:00") == "2026-01-02T03:04:05.000000006Z"
    assert loglines.utc(b"2026-01-02T05:04:05.000000006+02:00") == "2026-01-02T03:04:05.000000006Z"
    assert loglines.utc(b"\xff") == "1970-01-01T00:00:00.000000000Z"


def test_joined() -> None:
    joiner = loglines.Joiner()
    assert joiner.feed((b"1", 1, True, b"a")) == (b"1", 1, True, b"a")
    assert joiner.feed((b"2", 1, False, b"b")) is None
    assert joiner.feed((b"3", 2, False, b"c")) is None
    assert joiner.feed((b"4", 1, True, b"d")) == (b"2", 1, True, b"bd")
    assert joiner.feed((b"5", 1, False, b"e" * (1 << 16))) == (b"5", 1, False, b"e" * (1 << 16))
    assert list(joiner.rest()) == [(b"3", 2, False, b"c")]
    assert list(joiner.rest()) == []


def test_never_more_than_is_kept_and_two(log: Path) -> None:
    for number in range(50):
        add(log, line(number))
        rotate(log)
        if number % 4 == 3:
            pieces.tend(str(log), KEPT)
        assert len({path.stat().st_ino for path in log.parent.glob("log*") if path.exists()}) <= KEPT + 2


def test_a_start_begins_a_piece_when_one_is_half_full(log: Path) -> None:
    path = str(log)
    log.write_bytes(b"x" * (LIMIT // 2))
    assert pieces.prepare(path, LIMIT, KEPT) == LIMIT // 2
    assert os.readlink(path) == "log.1"
    log.write_bytes(b"x" * (LIMIT // 2 + 1))
    assert pieces.prepare(path, LIMIT, KEPT) == LIMIT
    assert os.readlink(path) == "log.2"
    log.touch()
    rotate(log)
    rotate(log)  # now it is a plain file
    assert pieces.prepare(path, LIMIT, KEPT) == LIMIT
    assert [number for number, _ in pieces.listed(path)] == [2, 3, 4]
    assert pieces.prepare(path, LIMIT, 1) == LIMIT
