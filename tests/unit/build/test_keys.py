"""What a step's key is made of, and what is told of a miss."""

from __future__ import annotations

from typing import Any

import pytest

from ocipipe.build import keys
from ocipipe.build.steps import Copy, InlineFile, Mount, Place, Run

PLACE = Place("Dockerfile", 3, 3)


def run(**changes: Any) -> dict[str, object]:
    """The parts of a RUN, with some of what it depends on changed."""
    fields: dict[str, Any] = {
        "args": ["/bin/sh", "-c", "make"], "mounts": [], "network": "default", "security": "sandbox", "stdin": b"",
        "files": [], "base": "sha256:1", "config": {"User": "app", "WorkingDir": "/w"}, "variables": {"A": "1"},
        "mounted": [], "clock": 7, "more": {}, "place": PLACE, "text": "RUN make", **changes,
    }  # fmt: skip
    step = Run(
        fields["place"], fields["text"], fields["args"], mounts=fields["mounts"], network=fields["network"],
        security=fields["security"], stdin=fields["stdin"], files=fields["files"],
    )  # fmt: skip
    found: dict[str, object] = keys.run(
        step, fields["base"], fields["config"], fields["variables"], fields["mounted"], fields["clock"], fields["more"]
    )
    return found


BIND = Mount("bind", "/m", readonly=True)


@pytest.mark.parametrize(
    "changes",
    [
        {"args": ["make"]}, {"base": "sha256:2"}, {"base": ""}, {"variables": {"A": "2"}}, {"variables": {"B": "1"}},
        {"config": {"User": "app", "WorkingDir": "/v"}}, {"config": {"WorkingDir": "/w"}}, {"clock": 8},
        {"clock": None}, {"stdin": b"text"}, {"files": [InlineFile("EOF", b"x")]}, {"network": "none"},
        {"security": "insecure"}, {"more": {"hosts": ["a:1"]}}, {"mounts": [BIND], "mounted": ["sha256:3"]},
        {"mounts": [Mount("cache", "/c", id="c")], "mounted": [""]},
        {"mounts": [Mount("secret", id="s")], "mounted": [""]}, {"mounts": [Mount("tmpfs", "/t")], "mounted": [""]},
    ],
    ids="-".join,
)  # fmt: skip
def test_a_run_depends_on_it(changes: dict[str, Any]) -> None:
    assert keys.of(run(**changes)) != keys.of(run())


@pytest.mark.parametrize(
    "changes",
    [
        {"place": Place("other", 9, 9)}, {"text": "RUN  make"},
        {"config": {"User": "app", "WorkingDir": "/w", "Labels": {"a": "b"}, "Cmd": ["x"], "Env": ["B=2"]}},
    ],
    ids="-".join,
)  # fmt: skip
def test_a_run_does_not_depend_on_it(changes: dict[str, Any]) -> None:
    assert keys.of(run(**changes)) == keys.of(run())


def test_the_order_of_variables_does_not_count() -> None:
    assert keys.of(run(variables={"A": "1", "B": "2"})) == keys.of(run(variables={"B": "2", "A": "1"}))


def test_what_is_mounted_counts_by_its_content() -> None:
    one = keys.of(run(mounts=[BIND], mounted=["sha256:3"]))
    assert one == keys.of(run(mounts=[Mount("bind", "/m", readonly=True, source="x")], mounted=["sha256:3"]))
    assert one != keys.of(run(mounts=[BIND], mounted=["sha256:4"]))
    assert one != keys.of(run(mounts=[Mount("bind", "/m")], mounted=["sha256:3"]))


def copy(listing: bytes = b"a\t0\n", destination: str = "/x", base: str = "sha256:1", **fields: Any) -> str:
    """The key of a COPY."""
    return keys.of(keys.copy(Copy(PLACE, "COPY", ["a"], destination, **fields), base, destination, listing, 7))


def test_what_a_copy_depends_on() -> None:
    others = [
        copy(b"b\t0\n"), copy(destination="/y"), copy(base=""), copy(chown="1"), copy(chmod="600"),
        copy(add=True, unpack=True),
    ]  # fmt: skip
    assert len({copy(), *others}) == 7
    assert copy() == copy(from_="stage") == copy(exclude=["none"])  # what is copied tells


def test_keys_of_kinds_differ() -> None:
    assert len({copy(), keys.of(run()), keys.of(keys.directory("/x", "sha256:1", (0, 0), 7))}) == 3


def test_the_first_difference() -> None:
    assert keys.difference(run(), run()) is None
    assert keys.difference(run(), run(base="sha256:2", clock=1)) == {
        "field": "base", "from": "sha256:1", "to": "sha256:2",
    }  # fmt: skip
    assert keys.difference(run(), run(variables={"A": "1", "B": "2"})) == {
        "field": "variables B", "from": None, "to": "2",
    }  # fmt: skip
    assert keys.difference(run(more={"hosts": ["a"]}), run()) == {"field": "hosts", "from": ["a"], "to": None}


def line(name: str, **changes: str) -> bytes:
    """A line of a listing."""
    fields = {
        "type": "0", "mode": "0644", "owner": "0:0", "target": "", "device": "", "attributes": "", "content": "1",
        **changes,
    }  # fmt: skip
    return "\t".join([name, *(fields[field] for field in keys.FIELDS)]).encode()


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([line("a")], [line("a"), line("b")], ("file b", "missing", "there")),
        ([line("a"), line("b")], [line("b")], ("file a", "there", "missing")),
        ([line("a")], [line("a", mode="0755", content="2")], ("mode of a", "0644", "0755")),
        ([line("a")], [line("a", owner="1:2")], ("owner of a", "0:0", "1:2")),
        ([line("b"), line("a")], [line("b", content="3"), line("a", content="2")], ("content of a", "1", "2")),
        ([line("a", type="2", target="x")], [line("a", type="2", target="y")], ("target of a", "x", "y")),
    ],
)
def test_the_first_file_that_differs(before: list[bytes], after: list[bytes], found: tuple[str, str, str]) -> None:
    difference = keys.files_difference(before, after)
    assert difference is not None
    assert (difference["field"], difference["from"], difference["to"]) == found
    assert keys.files_difference(after, after) is None


def test_a_slot_is_a_place_in_a_dockerfile() -> None:
    assert keys.slot("Dockerfile", "0", 1) == keys.slot("Dockerfile", "0", 1)
    assert len({keys.slot("Dockerfile", "0", 1), keys.slot("Other", "0", 1), keys.slot("Dockerfile", "a", 1)}) == 3
