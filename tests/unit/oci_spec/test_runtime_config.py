"""The runtime's documents, among them what the runtimes of this machine really print."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oci_spec.jsondoc import FormatError
from oci_spec.runtime_config import VERSION, Config, Features, State, merge

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def test_config() -> None:
    found = Config.parse(golden("runtime-config"))
    assert (found.version, found.root, found.args, found.cwd, found.terminal) == (VERSION, "rootfs", ["sh"], "/", True)
    assert found.env == ["PATH=/bin", "TERM=xterm"]
    assert [mount["destination"] for mount in found.mounts] == ["/proc", "/data"]
    assert found.annotations == {"com.example.key1": "value1"}
    assert (found.namespace("pid"), found.namespace("time")) == ("", "/proc/1/ns/time")
    assert found.document == json.loads(golden("runtime-config")), "unknown fields included"


def test_config_with_nothing_in_it() -> None:
    found = Config.parse(golden("runtime-config.minimal"))
    assert (found.args, found.env, found.cwd, found.terminal, found.mounts) == ([], [], None, False, [])
    assert (found.namespace("pid"), found.annotations) == (None, {})
    assert Config.parse(golden("runtime-config.windows")).root is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{}", "x: lacks ociVersion"),
        (b'{"ociVersion":"1.2.0"}', "x: lacks root, which only Windows may do without"),
        (b'{"ociVersion":"1.2.0","root":{}}', "x: /root: lacks path"),
        (b'{"ociVersion":"1.2.0","root":{"path":"r"},"linux":{"namespaces":[{"type":"pid"},{"type":"pid"}]}}',
         "x: /linux/namespaces/1/type: names pid a second time"),
        (b"[]", "x: not a JSON object"),
    ],
)  # fmt: skip
def test_bad_config(data: bytes, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        Config.parse(data, "x")
    assert str(caught.value) == message


def test_state() -> None:
    found = State.parse(golden("runtime-state"))
    assert (found.id, found.status, found.pid, found.bundle) == ("web", "running", 4422, "/containers/web")
    assert found.annotations == {"key": "value"}
    stopped = State.parse(golden("runtime-state.stopped"))
    assert (stopped.status, stopped.pid, stopped.annotations) == ("stopped", 0, {})
    assert State.parse(b'{"ociVersion":"1.0.0","id":"x","status":"paused","bundle":"/b"}').pid == 0
    with pytest.raises(FormatError, match="state: /status: is a live one, but the state has no pid"):
        State.parse(b'{"ociVersion":"1.0.0","id":"x","status":"created","bundle":"/b"}')
    with pytest.raises(FormatError, match="state: /pid: is 0, less than 1"):
        State.parse(b'{"ociVersion":"1.0.0","id":"x","status":"running","bundle":"/b","pid":0}')


def test_features() -> None:
    found = Features.parse(golden("runtime-features"))
    assert found.versions == ("1.0.0", "1.2.0+dev")
    assert found.mount_options == {"ro", "idmap"}
    assert (found.namespaces, found.capabilities) == ({"cgroup", "time"}, {"CAP_CHOWN"})
    assert (found.cgroup("v1"), found.cgroup("systemdUser"), found.cgroup("rdma")) == (True, False, None)
    assert (found.seccomp, found.apparmor, found.selinux) == (True, True, False)
    bare = Features.parse(golden("runtime-features.bare"))
    assert (bare.mount_options, bare.namespaces, bare.cgroup("v2"), bare.seccomp) == (None, None, None, None)
    with pytest.raises(FormatError, match="features: lacks ociVersionMax"):
        Features.parse(b'{"ociVersionMin":"1.0.0"}')


@pytest.mark.parametrize("runtime", ["runc", "crun"])
def test_what_a_runtime_writes_itself(runtime: str, tmp_path: Path) -> None:
    subprocess.run([runtime, "spec"], cwd=tmp_path, check=True)
    found = Config.parse((tmp_path / "config.json").read_bytes())
    assert found.args == ["sh"]
    assert found.namespace("mount") == ""


def test_what_runc_says_of_itself() -> None:
    done = subprocess.run(["runc", "features"], capture_output=True, check=True, env={"PATH": os.environ["PATH"]})
    found = Features.parse(done.stdout)
    assert found.namespaces is not None
    assert {"mount", "pid", "user"} <= found.namespaces
    assert found.cgroup("v2") is True


@pytest.mark.parametrize(
    ("base", "patch", "result"),
    [  # RFC 7386, appendix A, and more
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": 1}, {}, {"a": 1}),
    ],
)
def test_merge(base: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((base, patch))
    assert merge(base, patch) == result
    assert (base, patch) == before


OBJECTS = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2), lambda inner: st.dictionaries(st.sampled_from("abc"), inner)
)


@given(OBJECTS, OBJECTS)
def test_merging_again_changes_nothing(base: Any, patch: Any) -> None:
    once = merge(base, patch)
    assert merge(once, patch) == once
    assert merge(base, {}) == (base if isinstance(base, dict) else {})
