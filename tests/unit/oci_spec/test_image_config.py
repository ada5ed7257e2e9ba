"""Image configs (PITFALLS 8, 9)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oci_spec import digest
from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
A, B = ("sha256:" + one * 64 for one in "ab")
PLAIN: dict[str, Any] = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [A, B]}}


def encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document).encode()


def test_everything_there_is() -> None:
    data = (GOLDEN / "image-config.json").read_bytes()
    found = ImageConfig.parse(data)
    document = json.loads(data)
    assert found.raw is data
    assert found.document == document, "unknown fields included"
    assert found.platform == Platform("linux", "arm64", "v8")
    assert found.created == "2024-05-01T12:00:00.123456789Z"
    assert found.diff_ids == document["rootfs"]["diff_ids"]
    assert found.chain_ids == digest.chain_ids(found.diff_ids)
    assert found.history == document["history"]
    assert found.env == ["PATH=/usr/bin:/bin", "EMPTY="]
    assert (found.entrypoint, found.cmd) == (["/bin/app"], ["--help"])
    assert (found.user, found.working_dir, found.stop_signal) == ("1000:users", "/srv", "SIGQUIT")
    assert (found.labels, found.volumes, found.exposed_ports) == ({"a": "b"}, ["/data"], ["8080/tcp", "53/udp"])
    assert found.healthcheck == document["config"]["Healthcheck"]


@pytest.mark.parametrize(
    "changes", [{}, {"config": None, "history": None, "created": None, "variant": None}, {"config": {}, "history": []}]
)
def test_nothing_there_is(changes: dict[str, Any]) -> None:
    """Absent, null and empty are the same."""
    found = ImageConfig.parse(encoded({**PLAIN, **changes}))
    assert (found.created, found.history, found.env, found.entrypoint, found.cmd) == ("", [], [], None, None)
    assert (found.user, found.working_dir, found.stop_signal, found.labels) == ("", "", None, {})
    assert (found.volumes, found.exposed_ports, found.healthcheck) == ([], [], None)
    assert found.diff_ids == [A, B]


def test_every_field_of_the_process_may_be_null() -> None:
    names = json.loads((GOLDEN / "image-config.json").read_text())["config"]
    found = ImageConfig.parse(encoded({**PLAIN, "config": dict.fromkeys(names)}))
    assert (found.env, found.cmd, found.user, found.labels, found.volumes) == ([], None, "", {}, [])


def test_an_image_without_layers() -> None:
    found = ImageConfig.parse(encoded({**PLAIN, "rootfs": {"type": "layers", "diff_ids": []}}))
    assert (found.diff_ids, found.chain_ids) == ([], [])


def test_a_history_that_does_not_match_is_no_obstacle() -> None:
    """Such images are about, and everybody runs them; oci-validate tells."""
    assert len(ImageConfig.parse(encoded({**PLAIN, "history": [{}]})).diff_ids) == 2
    assert len(ImageConfig.parse(encoded({**PLAIN, "history": [{}, {}, {}]})).diff_ids) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rootfs": {"type": "layers", "diff_ids": [A, "md5:0"]}}, "x: /rootfs/diff_ids/1: unsupported digest"),
        ({"rootfs": {"type": "layers", "diff_ids": ["a"]}}, 'x: /rootfs/diff_ids/0: is "a", not a digest'),
        ({"rootfs": {"type": "tar", "diff_ids": []}}, 'x: /rootfs/type: is "tar", not "layers"'),
        ({"rootfs": {"type": "layers"}}, "x: /rootfs: lacks diff_ids"),
        ({"rootfs": None}, "x: /rootfs: is null, not an object"),
        ({"os": 3}, "x: /os: is 3, not a string"),
        ({"config": {"Volumes": ["/data"]}}, "x: /config/Volumes: is an array, not an object or null"),
        ({"config": {"Labels": {"a": None}}}, "x: /config/Labels/a: is null, not a string"),
        ({"config": {"Cmd": "sh"}}, 'x: /config/Cmd: is "sh", not an array or null'),
        ({"history": [{"empty_layer": "true"}]}, 'x: /history/0/empty_layer: is "true", not true or false or null'),
    ],
)
def test_bad(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError) as caught:
        ImageConfig.parse(encoded({**PLAIN, **changes}), "x")
    assert str(caught.value).startswith(message)
