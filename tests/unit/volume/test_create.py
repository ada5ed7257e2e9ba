"""volume/create: settings, and what is there already."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import context

from ocipipe.errors import Conflict, UsageError
from ocipipe.store.store import Store
from ocipipe.volume.create import Settings, create, ensure, pairs
from ocipipe.volume.describe import describe

TMPFS = {"type": "tmpfs", "o": "size=1m"}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store"))


def test_the_same_again_and_another(store: Store) -> None:
    ctx = context(store.root)
    settings = Settings("local", {}, {"a": "b"})
    first = create(ctx, store, "data", settings)
    assert create(ctx, store, "data", Settings("", {}, {"a": "b"})).record == first.record
    for other in (Settings("", {}, {}), Settings("", {}, {"a": "c"}), Settings("", TMPFS, {"a": "b"})):
        with pytest.raises(Conflict, match="another driver, options or labels"):
            create(ctx, store, "data", other)
        assert ensure(ctx, store, "data", other).record == first.record
    assert store.volumes.names() == ["data"]


def test_anonymous_ones(store: Store) -> None:
    ctx = context(store.root)
    made = create(ctx, store, "", Settings("", {}, {}))
    assert (made.name, made.anonymous) == (bytes(range(32)).hex(), True)


def test_documents(store: Store) -> None:
    ctx = context(store.root)
    place = f"{store.root}/volumes"
    same = {"driver": "local", "labels": {}, "created": "2023-11-14T22:13:20Z", "anonymous": False}
    assert describe(create(ctx, store, "plain", Settings("", {}, {}))) == {
        "name": "plain", "type": "bind", "source": f"{place}/plain/data", "options": ["rbind"],
        "mountpoint": f"{place}/plain/data", **same,
    }  # fmt: skip
    memory = create(ctx, store, "memory", Settings("", {"type": "tmpfs", "o": ""}, {}))
    assert memory.driver_options == {"type": "tmpfs", "device": "tmpfs"}
    nfs = create(ctx, store, "nfs", Settings("", {"type": "nfs", "device": ":/x", "o": "addr=h,rw"}, {}))
    assert describe(nfs) == {
        "name": "nfs", "type": "nfs", "source": ":/x", "options": ["addr=h", "rw"], "mountpoint": f"{place}/nfs/data",
        **same,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("driver", "options", "message"),
    [
        ("nfs", {}, "no such volume driver"), ("", {"size": "1g"}, "does not have it"),
        ("", {"type": "nfs"}, "needs the option device"), ("", {"device": "/x"}, "needs the option type"),
        ("", {"o": "bind"}, "needs the option type"),
    ],
)  # fmt: skip
def test_settings_that_are_none(driver: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Settings(driver, options, {})


def test_pairs() -> None:
    assert pairs(["a=b", "c", "d=e=f", "a=g"], "--opt") == {"a": "g", "c": "", "d": "e=f"}
    with pytest.raises(UsageError, match="--opt =x"):
        pairs(["=x"], "--opt")
