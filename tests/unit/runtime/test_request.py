"""runtime/request: this host's facts, and what --config and --platform may ask for."""

from __future__ import annotations

import json
import os
import resource
from typing import Any

import pytest

from oci_spec.image_config import ImageConfig
from oci_spec.jsondoc import FormatError
from oci_spec.platform import Platform
from ocipipe.errors import Unsupported, UsageError
from ocipipe.runtime import inputs, request, spec
from ocipipe.runtime.users import User


def config() -> Any:
    """A config.json as we make it on this host."""
    user = User(1000, 1001, [], "/")
    made = spec.runtime_config("i", ["true"], ["A=b"], "/", user, inputs.Options(), request.host(), "/files")
    return json.loads(json.dumps(made))


def test_this_host() -> None:
    host = request.host()
    soft, hard = (limit % (1 << 64) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    assert host.open_files == {"type": "RLIMIT_NOFILE", "soft": soft, "hard": hard}
    assert (host.machine, host.kernel > (4, 0)) == (os.uname().machine, True)
    assert host.bounding <= set(spec.ALL_CAPABILITIES)


def test_a_patch_is_merged_and_replaces_lists() -> None:
    merged: Any = request.patched(
        config(), {"hostname": "h", "process": {"args": ["x"], "user": {"gid": 5}}}, "p", terminal=False
    )
    assert (merged["hostname"], merged["process"]["args"]) == ("h", ["x"])
    assert merged["process"]["user"]["uid"] == 1000
    assert merged["process"]["user"]["gid"] == 5
    assert merged["process"]["env"] == ["A=b"]


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({"process": None}, "/process"),
        ({"process": {"args": None}}, "/process/args"),
        ({"process": {"cwd": "rel"}}, "/process/cwd"),
        ({"process": {"user": {"gid": None}}}, "/process/user"),
        ({"process": {"user": {"uid": None}}}, "/process/user"),
        ({"mounts": [{"destination": "/b", "type": "bind"}]}, "/mounts/0/source"),
        ({"mounts": [{"destination": "/p", "type": "proc"}, {"destination": "/b", "options": ["rbind"]}]},
         "/mounts/1/source"),
        ({"mounts": [{"destination": "/b", "type": "bind", "source": "rel"}]}, "/mounts/0/source"),
        ({"mounts": 5}, "/mounts"),
        ({"root": {"path": None}}, "/root"),
    ],
)  # fmt: skip
def test_a_patch_that_leaves_no_container(patch: Any, pointer: str) -> None:
    with pytest.raises(FormatError) as caught:
        request.patched(config(), patch, "patch.json", terminal=False)
    assert (caught.value.subject, caught.value.pointer) == ("patch.json", pointer)


def test_a_terminal_only_where_there_is_one() -> None:
    wanted: Any = {"process": {"terminal": True}}
    assert request.patched(config(), wanted, "p", terminal=True)["process"]["terminal"]  # type: ignore[index]
    with pytest.raises(UsageError, match="asks for a terminal"):
        request.patched(config(), wanted, "p", terminal=False)


@pytest.mark.parametrize(
    ("wanted", "runs"),
    [
        (None, True), ("linux/arm64", True), ("linux/arm64/v8", True), ("linux/arm64/v9", True),
        ("linux/amd64", False), ("windows/arm64", False), ("linux/arm/v7", False),
    ],
)  # fmt: skip
def test_an_image_of_another_platform(wanted: str | None, runs: bool) -> None:
    document = {"architecture": "arm64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    image = ImageConfig.parse(json.dumps(document).encode())
    platform = Platform.parse(wanted) if wanted else None
    if runs:
        request.check_platform(image, platform, "name:1")
        return
    with pytest.raises(Unsupported, match=r"^name:1: is for linux/arm64, not for "):
        request.check_platform(image, platform, "name:1")
