"""ctr-events: which events, from when and until when; who goes away, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cli_world import Outcome, on_terminal
from commands import Commands

from oci_spec import validate
from ocipipe.store.journal import KEPT, SEGMENT_BYTES, Journal
from ocipipe.store.store import Store

NEW_YEAR = 1_767_225_600


@pytest.fixture
def log(store_root: Path) -> Journal:
    """A journal with the life of two containers, an hour and more ago."""
    journal = Store(str(store_root)).journal
    for number, (action, name) in enumerate(
        [("create", "web"), ("start", "web"), ("create", "db"), ("health_status: healthy", "web"), ("die", "web")]
    ):
        add(journal, action, name, NEW_YEAR + number)
    return journal


def add(log: Journal, action: str, name: str, at: float | None = None) -> None:
    state = {
        "ociVersion": "1.2.0", "id": name.encode().hex().ljust(64, "0"), "status": "stopped", "bundle": "/x",
        "annotations": {
            "org.ocipipe.name": name, "org.ocipipe.image": f"docker.io/library/{name}:1", "tier": f"{name}s",
        },
    }  # fmt: skip
    detail = {"exitCode": "3"} if action == "die" else {}
    log.add(time.time() if at is None else at, "container", action, state, **detail)


def told(done: Outcome) -> list[str]:
    return [f"{event['action']} {event['object']['annotations']['org.ocipipe.name']}" for event in done.documents]


ALL = ["create web", "start web", "create db", "health_status: healthy web", "die web"]


def test_documents(run: Commands, log: Journal) -> None:
    done = run("ctr-events", "--no-follow")
    assert told(done) == ALL
    for event in done.documents:
        validate.check("event", event, "event")
    assert done.documents[-1]["detail"] == {"exitCode": "3"}
    assert all(report["type"] == "event" for report in run("oci-validate", input=done.out).documents)
    assert run("ctr-events", "--no-follow", "-q", "-f", "event=die").out == b"776562".ljust(64, b"0") + b"\n"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--since", "0"], slice(0, 5)),
        (["--since", f"{NEW_YEAR + 1}"], slice(1, 5)),
        (["--since", f"{NEW_YEAR + 1}.000000001"], slice(2, 5)),
        (["--since", "2026-01-01T00:00:03Z"], slice(3, 5)),
        (["--since", "2026-01-01T01:00:04+01:00"], slice(4, 5)),
        (["--since", "1h"], slice(5, 5)),
        (["--until", "2026-01-01T00:00:01Z"], slice(0, 2)),
        (["--since", "2026-01-01T00:00:01Z", "--until", f"{NEW_YEAR + 2}"], slice(1, 3)),
        (["--until", "0s"], slice(0, 5)),
    ],
)
def test_moments(run: Commands, log: Journal, options: list[str], expected: slice) -> None:
    follow = [] if "--until" in options else ["--no-follow"]
    assert told(run("ctr-events", *follow, *options)) == ALL[expected]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["event=die"], ["die web"]),
        (["event=health_status"], ["health_status: healthy web"]),
        (["event=start", "event=die"], ["start web", "die web"]),
        (["event=create", "container=db"], ["create db"]),
        (["container=6462"], ["create db"]),
        (["type=container", "event=start"], ["start web"]),
        (["type=image"], []),
        (["image=db"], ["create db"]),
        (["image=db:1"], ["create db"]),
        (["image=docker.io/library/db"], ["create db"]),
        (["image=db:2"], []),
        (["image=d"], []),
        (["label=tier=dbs"], ["create db"]),
        (["label=tier", "event=die"], ["die web"]),
        (["label=tier=dbs", "label=other"], []),
        (["label=tier="], []),
    ],
)
def test_filters(run: Commands, log: Journal, filters: list[str], expected: list[str]) -> None:
    options = [word for text in filters for word in ("--filter", text)]
    assert told(run("ctr-events", "--no-follow", *options)) == expected


def test_a_cursor_goes_on(run: Commands, log: Journal) -> None:
    events = run("ctr-events", "--no-follow", "--cursor", "").documents
    for place, event in enumerate(events):
        assert run("ctr-events", "--no-follow", "--cursor", event["cursor"]).documents == events[place + 1 :]


class Following:
    """A ctr-events that runs, and that has begun to look."""

    def __init__(self, run: Commands, log: Journal, *options: str, **settings: Any) -> None:
        self.process = subprocess.Popen(
            [str(run.bin / "ctr-events"), *options], env=run.env,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **settings},
        )  # fmt: skip
        while not any("inotify" in target for target in self._open()):
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.005)
        time.sleep(0.05)

    def _open(self) -> list[str]:
        base = f"/proc/{self.process.pid}/fd"
        found = []
        for number in os.listdir(base):
            try:
                found.append(os.readlink(f"{base}/{number}"))
            except FileNotFoundError:
                continue
        return found

    def line(self) -> dict[str, Any]:
        assert self.process.stdout
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


def test_it_follows_from_now_on_until_it_is_interrupted(run: Commands, log: Journal) -> None:
    following = Following(run, log)
    for action in ("start", "die"):
        add(log, action, "db")
        event = following.line()
        assert (event["action"], event["object"]["annotations"]["org.ocipipe.name"]) == (action, "db")
    following.process.send_signal(signal.SIGINT)
    assert following.process.communicate(timeout=60) == (b"", b"")
    assert following.process.returncode == -signal.SIGINT
    assert run.shell("(sleep 0.3; kill -INT $$) & exec ctr-events", status=None).status == -signal.SIGINT


def test_it_begins_in_a_store_that_is_not_there_yet(run: Commands, store_root: Path) -> None:
    journal = Store(str(store_root)).journal
    following = Following(run, journal)
    add(journal, "create", "web")
    assert following.line()["action"] == "create"
    following.process.terminate()
    following.process.communicate(timeout=60)
    assert following.process.returncode == -signal.SIGTERM


def test_it_ends_by_itself(run: Commands, log: Journal) -> None:
    until = time.time() + 1
    following = Following(run, log, "--until", f"{until:.3f}", "--since", f"{time.time():.3f}")
    add(log, "start", "db")
    out, err = following.process.communicate(timeout=60)
    assert (following.process.returncode, err) == (0, b"")
    assert [json.loads(line)["action"] for line in out.splitlines()] == ["start"]
    assert time.time() >= until


def test_a_reader_that_goes_away_is_no_crash(run: Commands, log: Journal) -> None:
    for _ in range(500):
        add(log, "start", "db")
    done = run.shell("ctr-events --no-follow | head -n 1; echo ${PIPESTATUS[0]}", status=None)
    assert (len(done.out.splitlines()), done.out.splitlines()[-1], done.err) == (2, b"141", b"")


def test_on_a_terminal_each_row_is_shown_at_once(run: Commands, log: Journal) -> None:
    status, shown = on_terminal([str(run.bin / "ctr-events"), "--no-follow"], {**run.env, "COLUMNS": "160"}, "stdout")
    assert status == 0
    lines = [line.split() for line in shown.splitlines()]
    assert lines[0] == ["TIME", "TYPE", "ACTION", "ID", "NAME", "DETAIL"]
    assert lines[5] == ["2026-01-01", "00:00:04.000", "container", "die", "776562000000", "web", "exitCode=3"]
    assert len(lines) == 6
    following = Following(run, log, "--format", "table", "--since", "0")
    assert following.process.stdout
    assert [following.process.stdout.readline().split()[0] for _ in range(6)] == [b"TIME", *[b"2026-01-01"] * 5]
    following.process.terminate()
    following.process.communicate(timeout=60)


def test_a_cursor_of_what_is_gone(run: Commands, log: Journal) -> None:
    cursor = run("ctr-events", "--no-follow").documents[0]["cursor"]
    for _ in range(KEPT + 1):
        log.add(NEW_YEAR, "filler", "fill", {"id": "f", "pad": "x" * SEGMENT_BYTES})
    for options in (["--no-follow"], []):
        done = run("ctr-events", "--cursor", cursor, *options, status=1)
        assert (done.out, [error["code"] for error in done.errors]) == (b"", ["NOT_FOUND"])
        assert "events behind this place are gone" in done.errors[0]["message"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--since", "yesterday"], "--since: 'yesterday' is no moment"),
        (["--until", ""], "--until: '' is no moment"),
        (["--cursor", "x"], "x: is no cursor"),
        (["--filter", "event"], "--filter event: is no filter"),
        (["--filter", "event="], "--filter event=: is no filter"),
        (["--filter", "volume=x"], "--filter volume=x: is no filter"),
        (["--filter", "image=A B"], "--filter image=A B: "),
    ],
)
def test_what_is_refused(run: Commands, store_root: Path, options: list[str], named: str) -> None:
    done = run("ctr-events", *options, status=2)
    assert done.out == b""
    assert done.errors[0]["message"].startswith(named)
    assert not store_root.exists()


def test_the_store_is_sound_and_says_what_events_take(run: Commands, store_root: Path, log: Journal) -> None:
    (path,) = [Path(log.path, name) for name in log.segments()]
    with path.open("ab") as file:
        file.write(b'{"time":"torn')
    assert run("store-check", "--deep").documents == []
    run("store-prune", "--older-than=0s", "--containers", "--images")
    assert told(run("ctr-events", "--no-follow")) == ALL
    (row,) = [one for one in run("store-df").documents if one["kind"] == "event segments"]
    assert row == {**row, "count": 1, "active": 1, "bytes": path.stat().st_blocks * 512, "reclaimable": 0}
    path.with_name("else").touch()
    (found,) = run("store-check").documents
    assert (found["code"], found["object"]["path"]) == ("STRAY", "events/else")
