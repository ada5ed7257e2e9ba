"""The store's volumes: names, records, locks, and what killed commands leave."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from boxes import container_record

from oci_spec import validate
from ocipipe.errors import Conflict, Corrupt, NotFound, UsageError
from ocipipe.host import locks
from ocipipe.store.store import Store
from ocipipe.store.volumes import Volume, Volumes, check_name


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Store(str(tmp_path / "store")).prepare().volumes


def record(name: str, **changes: object) -> Any:
    found = {
        "name": name, "driver": "local", "driverOptions": {}, "labels": {}, "created": "2024-05-01T12:00:00Z",
        "anonymous": False, **changes,
    }  # fmt: skip
    return validate.check("volume-record", found, "the test")


def make(volumes: Volumes, name: str, **changes: object) -> Volume:
    with volumes.making(record(name, **changes)):
        pass
    return volumes.load(name)


def test_one_is_made_found_and_removed(volumes: Volumes) -> None:
    assert volumes.names() == []
    make(volumes, "bb")
    made = make(volumes, "aa", labels={"a": "b"})
    assert volumes.names() == ["aa", "bb"]
    assert [one.labels for one in volumes.all()] == [{"a": "b"}, {}]
    assert (made.driver_options, made.anonymous, os.listdir(made.data)) == ({}, False, [])
    assert os.stat(made.data).st_mode & 0o7777 == 0o755
    assert os.stat(made.path).st_mode & 0o7777 == 0o700, "setuid files in it are for no user of this host"
    with volumes.locked("aa") as volume:
        volumes.remove(volume)
    assert sorted(os.listdir(volumes.path)) == ["bb"]
    with pytest.raises(NotFound):
        volumes.load("aa")


@pytest.mark.parametrize("name", ["", "a", ".a", "-a", "_a", "a/b", "a b", "ä", "..", "a\n", "a" * 201, "x" * 5000])
def test_names_that_are_none(volumes: Volumes, name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)
    with pytest.raises(UsageError):
        volumes.making({**record("aa"), "name": name})
    for find in (volumes.load, lambda name: volumes.locked(name).__enter__()):
        with pytest.raises(NotFound):
            find(name)


def test_it_appears_whole_or_not_at_all(volumes: Volumes) -> None:
    def fail() -> None:
        with volumes.making(record("aa")) as new:
            Path(new.data, "file").write_text("x")
            assert volumes.names() == []
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert os.listdir(volumes.path) == []
    with volumes.making(record("aa")) as new:
        Path(new.data, "file").write_text("x")
    assert os.listdir(volumes.load("aa").data) == ["file"]


def test_the_first_of_two_has_the_name(volumes: Volumes) -> None:
    make(volumes, "aa", labels={"first": ""})
    with pytest.raises(Conflict), volumes.making(record("aa")):
        pass
    assert volumes.load("aa").labels == {"first": ""}
    assert os.listdir(volumes.path) == ["aa"]


@pytest.mark.parametrize("data", [b"", b"{}", b'{"name":"bb"}', b"\xff"])
def test_damaged_records(volumes: Volumes, data: bytes) -> None:
    place = Path(make(volumes, "aa").path, "record.json")
    place.write_bytes(data)
    with pytest.raises(Corrupt, match="record"):
        volumes.load("aa")
    with pytest.raises(Corrupt), volumes.locked("aa"):
        pass
    with volumes.locked("aa", damaged=True) as volume:
        assert volume.driver_options == {}
    assert not locks.is_held(volume.path)
    place.unlink()
    with pytest.raises(Corrupt, match="missing"):
        volumes.load("aa")


def test_another_s_record(volumes: Volumes) -> None:
    make(volumes, "aa")
    Path(make(volumes, "bb").path, "record.json").write_bytes(Path(volumes.path, "aa", "record.json").read_bytes())
    with pytest.raises(Corrupt, match="volume aa's"):
        volumes.load("bb")


def test_who_waits_for_one_that_goes_does_not_get_the_next(volumes: Volumes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a removed volume's directory is nobody's: the name may be another's by then."""
    make(volumes, "aa")
    enter = locks.locked.__enter__
    gone = str(Path(volumes.path, "gone"))

    def late(lock: locks.locked) -> int:
        found = enter(lock)
        if not os.path.exists(gone):
            os.rename(Path(volumes.path, "aa"), gone)
            make(volumes, "aa", labels={"second": ""})
        return found

    monkeypatch.setattr(locks.locked, "__enter__", late)
    with volumes.locked("aa") as volume:
        assert volume.labels == {"second": ""}
        assert locks.is_held(volume.path)
        assert not locks.is_held(gone)


def test_leftovers_go_and_living_work_stays(volumes: Volumes) -> None:
    volumes.remove_unfinished()
    make(volumes, "aa")
    dead = Path(volumes.path, ".tmp-dead")
    (dead / "data").mkdir(parents=True)
    with volumes.making(record("bb")):
        volumes.remove_unfinished()
    assert sorted(os.listdir(volumes.path)) == ["aa", "bb"]


def test_who_uses_them(volumes: Volumes) -> None:
    containers = volumes.store.containers
    for digit, names in (("1", ["aa", "bb"]), ("2", ["bb"]), ("3", None)):
        os.close(containers.create(container_record(digit, names)).lock)
    assert {name: len(users) for name, users in volumes.usage().items()} == {"aa": 1, "bb": 2}
    assert sorted(one.name for one in volumes.users("bb")) == ["c1", "c2"]
    assert volumes.users("cc") == []
