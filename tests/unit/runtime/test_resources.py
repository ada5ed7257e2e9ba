"""runtime/resources: every limit on every kind of host, as the runtime's config has it, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from oci_spec import validate
from ocipipe.errors import Unsupported, UsageError
from ocipipe.runtime import inputs, resources

MIB = 1 << 20
KNOBS = frozenset({"swappiness", "oom-kill", "realtime", "io-weight", "io-weight-device"})
V1 = frozenset({"cpu", "cpuset", "memory", "pids", "blkio"})
V2 = frozenset({"cpu", "cpuset", "memory", "pids", "io"})


def made(*, version: int = 1, knobs: frozenset[str] = KNOBS, **fields: Any) -> Any:
    host = inputs.Host(
        machine="x86_64", kernel=(6, 1), cgroup_version=version, controllers={0: frozenset(), 1: V1, 2: V2}[version],
        limits_swap=True, systemd=False, bounding=frozenset(),
        knobs=knobs if version == 1 else frozenset({"io-weight"}),
    )  # fmt: skip
    options = inputs.Options()
    for name, value in fields.items():
        assert hasattr(options, name)
        setattr(options, name, value)
    found = resources.resources(options, host)
    assert validate.violations("runtime-config", {"ociVersion": "1.0.2", "linux": {"resources": found}}) == []
    return {key: value for key, value in found.items() if key != "devices"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"memory_reservation": 32 * MIB}, {"memory": {"reservation": 32 * MIB}}),
        (
            {"memory": 64 * MIB, "memory_reservation": 32 * MIB, "memory_swap": -1},
            {"memory": {"limit": 64 * MIB, "reservation": 32 * MIB, "swap": -1}},
        ),
        ({"memory_swappiness": 0}, {"memory": {"swappiness": 0}}),
        (
            {"memory": 64 * MIB, "oom_kill_disable": True},
            {"memory": {"limit": 64 * MIB, "swap": 128 * MIB, "disableOOMKiller": True}},
        ),
        ({"cpus": 0.5}, {"cpu": {"period": 100_000, "quota": 50_000}}),
        ({"cpu_period": 50_000, "cpu_quota": 10_000}, {"cpu": {"period": 50_000, "quota": 10_000}}),
        ({"cpu_quota": -1}, {"cpu": {"quota": -1}}),
        ({"cpu_rt_period": 9, "cpu_rt_runtime": 5}, {"cpu": {"realtimePeriod": 9, "realtimeRuntime": 5}}),
        ({"cpuset_mems": "0", "cpuset_cpus": "0-1"}, {"cpu": {"cpus": "0-1", "mems": "0"}}),
        ({"blkio_weight": 300}, {"blockIO": {"weight": 300}}),
        (
            {"weights": [{"major": 7, "minor": 1, "weight": 300}]},
            {"blockIO": {"weightDevice": [{"major": 7, "minor": 1, "weight": 300}]}},
        ),
        (
            {"throttles": {"read-bps": [{"major": 8, "minor": 0, "rate": 5}], "write-iops": []}},
            {"blockIO": {
                "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 5}], "throttleWriteIOPSDevice": [],
            }},
        ),
    ],
)  # fmt: skip
def test_limits(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert made(**fields) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"memory_reservation": 32 * MIB}, {"cpu_period": 5000}, {"cpuset_mems": "0"}, {"blkio_weight": 10},
        {"throttles": {"write-bps": [{"major": 8, "minor": 0, "rate": 5}]}},
    ],
)  # fmt: skip
def test_the_same_on_version_2_and_refused_without_cgroups(fields: dict[str, Any]) -> None:
    assert made(version=2, **fields) == made(version=1, **fields)
    with pytest.raises(Unsupported, match=r"^--[a-z-]+: this host has no [a-z]+ cgroup controller"):
        made(version=0, **fields)


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"memory_swappiness": 5}, "--memory-swappiness"),
        ({"memory": 64 * MIB, "oom_kill_disable": True}, "--oom-kill-disable"),
        ({"cpu_rt_runtime": 5}, "--cpu-rt-runtime"), ({"cpu_rt_period": 5}, "--cpu-rt-period"),
    ],
)  # fmt: skip
def test_what_only_version_1_has(fields: dict[str, Any], option: str) -> None:
    with pytest.raises(Unsupported, match=f"^{option}: this host has cgroup version 2 without"):
        made(version=2, **fields)
    with pytest.raises(Unsupported, match=f"^{option}: this host has cgroup version 1 without"):
        made(knobs=frozenset(), **fields)


def test_a_weight_that_no_scheduler_heeds() -> None:
    with pytest.raises(Unsupported, match="--blkio-weight: this host has cgroup version 1 without"):
        made(blkio_weight=10, knobs=frozenset())
    with pytest.raises(Unsupported, match="--blkio-weight-device: this host has cgroup version 2 without bfq"):
        made(version=2, weights=[{"major": 7, "minor": 1, "weight": 300}])


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"memory_reservation": MIB}, "--memory-reservation"),
        ({"memory": 64 * MIB, "memory_reservation": 65 * MIB}, "--memory-reservation"),
        ({"memory_swappiness": 101}, "--memory-swappiness"), ({"memory_swappiness": -1}, "--memory-swappiness"),
        ({"oom_kill_disable": True}, "--oom-kill-disable: needs --memory"),
        ({"cpus": 1.0, "cpu_quota": 5000}, "--cpu-quota: does not go with --cpus"),
        ({"cpus": 1.0, "cpu_period": 5000}, "--cpu-period: does not go with --cpus"),
        ({"cpu_period": 999}, "--cpu-period"), ({"cpu_period": 1_000_001}, "--cpu-period"),
        ({"cpu_quota": 999}, "--cpu-quota"), ({"cpu_quota": -2}, "--cpu-quota"),
        ({"cpu_rt_period": 0}, "--cpu-rt-runtime"), ({"cpu_rt_runtime": -1}, "--cpu-rt-runtime"),
        ({"cpu_rt_period": 10, "cpu_rt_runtime": 11}, "--cpu-rt-runtime"),
        ({"blkio_weight": 9}, "--blkio-weight"), ({"blkio_weight": 1001}, "--blkio-weight"),
    ],
)  # fmt: skip
def test_refused(fields: dict[str, Any], option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option}"):
        made(**fields)
