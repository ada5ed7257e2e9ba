"""runtime/namespaces: whose namespaces a container has, in the arguments, the config, and the links of a start."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ocipipe.cli.container_options import CONTAINER
from ocipipe.cli.declare import Args, Command
from ocipipe.cli.parse import parse
from ocipipe.errors import Conflict, NotFound, OcipipeError, Unsupported, UsageError
from ocipipe.runtime import inputs, namespaces, placement, spec
from ocipipe.runtime.users import User

OTHER = "ab" * 32
SIX = ["pid", "ipc", "uts", "mount", "network", "cgroup"]


def find(name: str) -> dict[str, object]:
    if name == "gone":
        raise NotFound(name, "no such container")
    return {"id": OTHER, "shm": name}


def asked(line: str) -> inputs.Options:
    options = inputs.Options()
    namespaces.take(options, Args(parse(Command("ctr-x", "", options=CONTAINER), line.split())), find)
    return options


def made(options: inputs.Options, version: int = 2) -> Any:
    host = inputs.Host(
        machine="x86_64", kernel=(6, 1), cgroup_version=version, controllers=frozenset(), limits_swap=True,
        systemd=False, bounding=frozenset(),
    )  # fmt: skip
    options.hostname = "box"
    return spec.runtime_config("i", ["true"], [], "/", User(0, 0, [], "/"), options, host, "/containers/i")


@pytest.mark.parametrize(
    ("line", "version", "kinds"),
    [
        ("", 2, SIX), ("", 1, SIX[:-1]),
        ("--pid private --ipc private --uts private --userns host", 2, SIX),
        ("--pid host", 2, [kind for kind in SIX if kind != "pid"]),
        ("--ipc host", 2, [kind for kind in SIX if kind != "ipc"]),
        ("--uts host", 2, [kind for kind in SIX if kind != "uts"]),
        ("--cgroupns host", 2, SIX[:-1]), ("--cgroupns private", 1, SIX),
        ("--pid host --ipc host --uts host --cgroupns host", 2, ["mount", "network"]),
    ],
)  # fmt: skip
def test_whose_they_are(line: str, version: int, kinds: list[str]) -> None:
    config = made(asked(line), version)
    assert config["linux"]["namespaces"] == [{"type": kind} for kind in kinds]
    assert ("hostname" in config) == ("uts" in kinds)


def test_another_container_s() -> None:
    options = asked("--pid container:any --ipc container:shareable")
    assert options.joins == {"pid": OTHER, "ipc": OTHER}
    found = {entry["type"]: entry.get("path") for entry in made(options)["linux"]["namespaces"]}
    assert (found["pid"], found["ipc"], found["uts"]) == ("/containers/i/ns/pid", "/containers/i/ns/ipc", None)


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("", "shm"), ("--ipc host", "/dev/shm"), ("--ipc shareable", "/containers/i/shm"),
        ("--ipc container:shareable", f"/containers/{OTHER}/shm"), ("--ipc none", None),
    ],
)  # fmt: skip
def test_shared_memory_goes_with_ipc(line: str, source: str | None) -> None:
    found = {mount["destination"]: mount for mount in made(asked(line))["mounts"]}
    assert found.get("/dev/shm", {}).get("source") == source
    assert "/dev/mqueue" in found
    if source is not None:
        assert {"nosuid", "nodev", "noexec"} <= set(found["/dev/shm"]["options"])
    assert placement.SHM == namespaces.SHM


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("--pid other", "--pid other"), ("--pid container:", "--pid container:"), ("--pid none", "--pid none"),
        ("--pid container:gone", "gone: no such container"), ("--uts container:shareable", "--uts container:shareable"),
        ("--uts shareable", "--uts shareable"), ("--ipc bogus", "--ipc bogus"),
        ("--ipc host --shm-size 1m", "--shm-size: does not go with --ipc host"),
        ("--ipc none --shm-size 1m", "--shm-size: does not go with --ipc none"),
        ("--ipc container:shareable --shm-size 1m", "--shm-size: does not go with"),
        ("--pid host --init", "--init: does not go with --pid host"),
        ("--pid container:x --init", "--init: does not go with --pid container:x"),
    ],
)  # fmt: skip
def test_refused(line: str, named: str) -> None:
    with pytest.raises(OcipipeError) as caught:
        asked(line)
    assert named in str(caught.value)


def test_an_ipc_that_is_not_for_others() -> None:
    with pytest.raises(Conflict, match="make it with --ipc shareable"):
        asked("--ipc container:private")


def test_users_of_its_own() -> None:
    with pytest.raises(Unsupported, match="--pid host: is of the host"):
        asked("--userns private --pid host")


@pytest.mark.parametrize(
    ("line", "sysctl", "whose"),
    [
        ("--ipc host", "kernel.shmmax", "the host"), ("--uts host", "kernel.domainname", "the host"),
        ("--ipc container:shareable", "kernel.msgmax", "another container"),
    ],
)  # fmt: skip
def test_a_sysctl_of_a_namespace_that_is_not_its_own(line: str, sysctl: str, whose: str) -> None:
    options = asked(line)
    options.sysctls = {sysctl: "1"}
    with pytest.raises(UsageError, match=f"would change {whose}"):
        made(options)


def test_a_domain_name() -> None:
    options = asked("")
    options.domain_name = "lab.org"
    assert made(options)["linux"]["sysctl"]["kernel.domainname"] == "lab.org"


def test_links_follow_the_process(tmp_path: Path) -> None:
    for pid in (7, 8):
        namespaces.link(str(tmp_path), {"pid": OTHER}, {OTHER: pid}.__getitem__)
        assert os.readlink(tmp_path / "ns" / "pid") == f"/proc/{pid}/ns/pid"
    assert os.listdir(tmp_path / "ns") == ["pid"]


def test_no_link_to_what_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match=r"^abababababab: its pid namespace is to be joined, and it doesn't run"):
        namespaces.link(str(tmp_path), {"pid": OTHER}, lambda _: 0)
    namespaces.link(str(tmp_path), {}, lambda _: 0)
    assert os.listdir(tmp_path) == []
