"""The store's containers: names, records, and what killed commands leave."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from oci_spec import validate
from oci_spec.digest import Digest
from ocipipe.errors import Conflict, Corrupt, NotFound, UsageError
from ocipipe.store.container import Container
from ocipipe.store.containers import Containers, check_name
from ocipipe.store.store import Store

IMAGE = f"sha256:{'5' * 64}"
LAYERS = [f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"]


@pytest.fixture
def containers(tmp_path: Path) -> Containers:
    return Store(str(tmp_path / "store")).prepare().containers


def record(digit: str, name: str = "", **changes: Any) -> Any:
    found = {
        "id": digit * 64, "name": name or digit * 12, "chainIds": LAYERS, "created": "2024-05-01T12:00:00Z",
        "image": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": IMAGE, "size": 2},
        "labels": {}, "runtime": "/usr/sbin/runc", "runtimeRoot": "/run/x", "stopSignal": "SIGTERM",
        "removedAtEnd": False, "status": "created", "exitCode": None, **changes,
    }  # fmt: skip
    return validate.check("container-record", found, "the test")


def close(container: Container) -> None:
    """As when the command that made it ends."""
    os.close(container.lock)


def left(containers: Containers) -> list[str]:
    base = Path(containers.path)
    return sorted(str(path.relative_to(base)) for path in base.rglob("*") if path.name not in ("names", "rm"))


def test_made_found_changed_removed(containers: Containers) -> None:
    made = containers.create(record("c", "web"))
    assert sorted(os.listdir(made.path)) == ["record.json", "rootfs", "upper", "work"]
    for text in ("web", "c" * 64, "c", "ccc"):
        assert containers.find(text).id == made.id
    made.update(status="stopped", exitCode=3)
    assert containers.find("web").record == record("c", "web", status="stopped", exitCode=3)
    containers.remove(made)
    assert left(containers) == []
    with pytest.raises(NotFound, match="no such container"):
        containers.find("we\0b")
    with pytest.raises(NotFound, match="web: no such container"):
        containers.find("web")
    containers.remove(made)  # nothing to do
    close(made)


def test_a_name_is_taken_once(containers: Containers) -> None:
    close(containers.create(record("1", "web")))
    with pytest.raises(Conflict, match=r"in use by container 111111111111"):
        containers.create(record("2", "web"), removed_at_end=True)
    assert containers.ids() == ["1" * 64]
    assert not [path for path in left(containers) if path.startswith(("rm", ".tmp-"))]
    containers.remove(containers.find("web"))
    close(containers.create(record("2", "web")))
    assert containers.find("web").id == "2" * 64


def test_a_name_that_a_killed_command_took(containers: Containers) -> None:
    close(containers.create(record("1", "other")))
    os.symlink(f"../{'9' * 64}", os.path.join(containers.path, "names", "web"))
    with pytest.raises(NotFound):
        containers.find("web")
    close(containers.create(record("2", "web")))
    assert containers.find("web").id == "2" * 64


@pytest.mark.parametrize("name", ["", "-a", ".a", "_a", "a/b", "a b", "a\n", "ä", "x" * 129])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(UsageError):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "0", "A_b.c-d", "x" * 128])
def test_names(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("text", ["", ".", "..", "../..", "names", "a/b", "rm", "x" * 300])
def test_what_finds_nothing(containers: Containers, text: str) -> None:
    with pytest.raises(NotFound):
        containers.find(text)
    close(containers.create(record("1", "web")))
    with pytest.raises(NotFound):
        containers.find(text)


def test_a_beginning_of_several(containers: Containers) -> None:
    for end in "12":
        close(containers.create(record("0", f"n{end}", id="0" * 63 + end)))
    with pytest.raises(Conflict, match="2 containers"):
        containers.find("000")
    assert containers.find("0" * 63 + "2").name == "n2"
    assert containers.find("n1").id.endswith("1")


def test_what_images_must_stay(containers: Containers) -> None:
    assert containers.needed() == set()
    close(containers.create(record("1")))
    close(containers.create(record("2", chainIds=LAYERS[:1])))
    assert containers.needed() == set(LAYERS)
    assert sorted(containers.using(Digest(IMAGE))) == ["1" * 64, "2" * 64]
    assert containers.using(Digest(f"sha256:{'6' * 64}")) == []


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"{}", b'{"id": "x"}'])
def test_a_damaged_record(containers: Containers, data: bytes) -> None:
    """Told, never guessed around: whoever asks what layers are needed must not be given too few."""
    made = containers.create(record("1", "web"), removed_at_end=True)
    close(made)
    Path(made.path, "record.json").write_bytes(data)
    for ask in (lambda: containers.find("web"), containers.needed, lambda: containers.using(Digest(IMAGE))):
        with pytest.raises(Corrupt, match="damaged"):
            ask()
    assert list(containers.abandoned()) == []


def test_only_what_no_command_holds_is_abandoned(containers: Containers) -> None:
    kept = containers.create(record("1"))
    running = containers.create(record("2"), removed_at_end=True)
    gone = containers.create(record("3"), removed_at_end=True)
    close(kept)
    close(gone)
    assert [one.id for one in containers.abandoned()] == ["3" * 64]
    close(running)
    assert sorted(one.id for one in containers.abandoned()) == ["2" * 64, "3" * 64]
    for one in containers.abandoned():
        containers.remove(one)
    assert containers.ids() == ["1" * 64]
    assert list(containers.abandoned()) == []
    assert not os.listdir(os.path.join(containers.path, "rm"))


def test_an_abandoned_one_has_one_remover(containers: Containers) -> None:
    close(containers.create(record("1"), removed_at_end=True))
    for one in containers.abandoned():
        assert list(containers.abandoned()) == []
        containers.remove(one)
    assert containers.ids() == []


def test_a_mark_without_its_container(containers: Containers) -> None:
    close(containers.create(record("1"), removed_at_end=True))
    mark = Path(containers.path, "rm", "2" * 64)
    mark.symlink_to(f"../{'2' * 64}")
    assert [one.id for one in containers.abandoned()] == ["1" * 64]
    assert not mark.is_symlink()


def test_what_never_appeared(containers: Containers) -> None:
    """Killed between making the directory and its name, or while removing it."""
    close(containers.create(record("1")))
    unfinished = Path(containers.path, ".tmp-222222222222-1-1-abcd")
    (unfinished / "upper" / "deep").mkdir(parents=True)
    holder = os.open(unfinished, os.O_RDONLY)
    import fcntl

    fcntl.flock(holder, fcntl.LOCK_EX)
    containers.remove_unfinished()
    assert unfinished.exists(), "its command lives"
    os.close(holder)
    containers.remove_unfinished()
    assert not unfinished.exists()
    assert containers.ids() == ["1" * 64]


def test_a_store_without_containers(containers: Containers) -> None:
    containers.remove_unfinished()
    assert list(containers.abandoned()) == list(containers.all()) == containers.ids() == []
