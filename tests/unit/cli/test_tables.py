"""Results as people see them."""

from __future__ import annotations

import json
import re

import pytest

from ocipipe.cli.tables import render

IMAGE = {
    "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "digest": "sha256:0123456789abcdef" + "0" * 48,
    "size": 1234,
    "platform": {"os": "linux", "architecture": "arm", "variant": "v7"},
    "annotations": {
        "org.opencontainers.image.ref.name": "docker.io/library/debian:bookworm",
        "org.opencontainers.image.created": "2026-05-01T12:30:59Z",
        "org.ocipipe.image.size": "31357624",
    },
}
OTHER = {**IMAGE, "annotations": {"org.opencontainers.image.ref.name": "registry.local:5000/" + "long/" * 30 + "x:1"}}
BARE = {"mediaType": IMAGE["mediaType"], "digest": IMAGE["digest"], "size": 2}


def test_images_in_a_pipe_are_plain_columns_with_whole_names() -> None:
    lines = render("descriptor", [IMAGE, OTHER, BARE], False, {}).decode().splitlines()
    assert [line.split() for line in lines] == [
        ["NAME", "DIGEST", "CREATED", "SIZE", "PLATFORM"],
        ["debian:bookworm", "0123456789ab", "2026-05-01", "12:30", "31.4", "MB", "linux/arm/v7"],
        ["registry.local:5000/" + "long/" * 30 + "x:1", "0123456789ab", "linux/arm/v7"],
        ["<none>", "0123456789ab"],
    ]
    assert all(line == line.rstrip() for line in lines)


def test_images_on_a_terminal() -> None:
    shown = render("descriptor", [IMAGE], True, {"TERM": "xterm"}).decode()
    assert "\x1b[1mNAME" in shown
    assert "debian:bookworm" in shown


def test_a_name_from_elsewhere_cannot_steer_the_terminal() -> None:
    evil = {**IMAGE, "annotations": {"org.opencontainers.image.ref.name": "a\x1b]0;x\x07[red]b"}}
    shown = re.sub(r"\x1b\[[0-9;]*m", "", render("descriptor", [evil], True, {}).decode())
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "a\\x1b]0;x\\x07[red]b" in shown
    whole = re.sub(r"\x1b\[[0-9;]*m", "", render("other", [{"x": "\x9b31m[red]"}], True, {}).decode())
    assert "\x9b" not in whole
    assert json.loads(whole) == {"x": "\x9b31m[red]"}


def test_containers() -> None:
    found = {
        "ociVersion": "1.2.0", "id": "f" * 64, "status": "stopped", "bundle": "/x",
        "annotations": {"org.ocipipe.name": "web", "org.ocipipe.exit-code": "137",
                        "org.ocipipe.image": "docker.io/library/debian:12",
                        "org.ocipipe.command": "sh -c " + "x" * 100},
    }  # fmt: skip
    head, row = render("container", [found], False, {}).decode().splitlines()
    assert head.split() == ["ID", "NAME", "IMAGE", "COMMAND", "STATUS", "CREATED", "PORTS"]
    assert row.split() == ["f" * 12, "web", "debian:12", "sh", "-c", "x" * 23 + "…", "stopped", "(137)"]


def test_events_stand_in_line_though_each_is_shown_alone() -> None:
    event = {
        "time": "2026-01-01T00:00:00.123456789Z", "type": "container", "action": "die", "detail": {"exitCode": "137"},
        "object": {"id": "f" * 64, "annotations": {"org.ocipipe.name": "web"}},
    }  # fmt: skip
    first = render("event", [event], False, {}).decode().splitlines()
    (next,) = render("event", [{**event, "action": "start"}], False, {}, head=False).decode().splitlines()
    assert first[0].split() == ["TIME", "TYPE", "ACTION", "ID", "NAME", "DETAIL"]
    assert first[1].split() == ["2026-01-01", "00:00:00.123", "container", "die", "f" * 12, "web", "exitCode=137"]
    assert next.replace("start", "die  ") == first[1]


def test_reasons_stand_on_one_line_as_the_document_says_them() -> None:
    reasons = [
        {"field": "init", "to": True},
        {"field": "command", "from": ["a", "b"], "to": ["c"]},
        {"field": "configs.x.content", "from": "one\ntwo\n", "to": "three"},
        {"field": "scale", "from": 2, "to": 1},
    ]
    action = {"action": "recreate", "object": {"kind": "container", "name": "shop-web-1"}, "reasons": reasons}
    (_, row) = render("action", [action], False, {}).decode().splitlines()
    assert row.split(maxsplit=2)[2] == (
        'init: true, command: ["a", "b"] -> ["c"], configs.x.content: one\\ntwo\\n -> three, scale: 2 -> 1'
    )


@pytest.mark.parametrize("terminal", [True, False])
def test_anything_else_is_indented_json(terminal: bool) -> None:
    documents = [{"a": [1, {"b": "[bold]" + "x" * 300}]}, b'{"stored":true}']
    text = re.sub(r"\x1b\[[0-9;]*m", "", render("other", documents, terminal, {}).decode())
    decoder, found, position = json.JSONDecoder(), [], 0
    while position < len(text.rstrip()):
        value, position = decoder.raw_decode(text, position + (text[position] == "\n"))
        found.append(value)
    assert found == [documents[0], {"stored": True}]
    assert text.count("\n") > 4


def test_a_type_with_columns_but_bytes_instead() -> None:
    assert b'"stored": true' in render("descriptor", [b'{"stored":true}'], False, {})
