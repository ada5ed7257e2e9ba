"""The journal of a store from outside: a program that writes events, and what there is to read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ocipipe.store.journal import Journal
from ocipipe.store.store import Store

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z

_WRITER = """
import os, sys
from ocipipe.store.store import Store
root, told, first, count, pad, durable = sys.argv[1:]
journal = Store(root).journal
out = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
for number in range(int(first), int(first) + int(count)):
    about = {"id": f"{number:064x}", "status": "stopped", "pad": "x" * int(pad)}
    journal.add(1767225600.0 + number, "container", "die", about, durable=bool(durable), number=str(number))
    os.write(out, b"%d\\n" % number)
"""


def writer(root: Path, told: Path, first: int, count: int, *, pad: int = 0, durable: bool = False) -> list[str | Path]:
    """A command that adds events with the numbers from `first` on, and tells each that it has added in a file."""
    words = (root, told, first, count, pad, "durable" if durable else "")
    return [sys.executable, "-IB", "-c", _WRITER, *map(str, words)]


def told(path: Path) -> list[int]:
    """The numbers that the writer has told."""
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def journal(root: Path) -> Journal:
    return Store(str(root)).journal


def numbers(events: Any) -> list[int]:
    """The numbers of events, each of which is whole."""
    found = []
    for event in events:
        assert event["object"]["id"] == f"{int(event['detail']['number']):064x}"
        found.append(int(event["detail"]["number"]))
    return found
