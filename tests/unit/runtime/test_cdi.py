"""runtime/cdi: specs as vendors write them, laid over what was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from oci_spec import validate
from ocipipe.errors import Conflict, NotFound, OcipipeError, Unsupported, UsageError
from ocipipe.runtime import cdi, inputs, spec
from ocipipe.runtime.users import User

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "cdi.json").read_text())


def spec_of(*devices: tuple[str, dict[str, Any]], kind: str = "v.com/gpu", **edits: Any) -> dict[str, Any]:
    named = [{"name": name, "containerEdits": own} for name, own in devices]
    return {"cdiVersion": "0.6.0", "kind": kind, "devices": named, "containerEdits": edits}


def applied(directories: list[Path], *names: str, **fields: Any) -> inputs.Options:
    options = inputs.Options()
    for name, value in fields.items():
        setattr(options, name, value)
    cdi.apply(options, names, [str(one) for one in directories])
    return options


def config(options: inputs.Options) -> Any:
    host = inputs.Host(
        machine="x86_64", kernel=(6, 1), cgroup_version=1, controllers=frozenset(), limits_swap=True, systemd=False,
        bounding=frozenset(),
    )  # fmt: skip
    made = spec.runtime_config("i", ["true"], options.env, "/", User(0, 5, [6], "/"), options, host, "/files")
    assert validate.violations("runtime-config", made) == []
    return made


def write(directory: Path, name: str, document: dict[str, Any]) -> Path:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(json.dumps(document))
    return directory


def test_everything_that_a_spec_can_say(tmp_path: Path) -> None:
    made = config(applied([write(tmp_path, "a.json", GOLDEN)], "vendor.com/gpu=0", env=["GPU=no", "A=b"]))
    assert made["process"]["env"] == ["GPU=yes", "A=b"]
    assert made["process"]["user"]["additionalGids"] == [5, 6, 44]
    node = {"type": "c", "major": 195, "minor": 0}
    (device,) = made["linux"]["devices"]
    assert device == {"path": "/dev/gpu0", **node, "fileMode": 438, "uid": 0, "gid": 44}
    assert {"allow": True, "access": "rw", **node} in made["linux"]["resources"]["devices"]
    assert made["mounts"][-1] == {
        "destination": "/usr/lib/vendor.so", "type": "bind", "source": "/usr/lib/vendor.so", "options": ["rbind", "ro"],
    }  # fmt: skip
    assert made["hooks"] == {
        "createContainer": [{"path": "/usr/bin/hook", "args": ["hook", "x"], "env": ["A=b"], "timeout": 5}]
    }


def test_the_specs_own_part_once(tmp_path: Path) -> None:
    write(tmp_path, "a.json", spec_of(("0", {"env": ["D=0"]}), ("1", {"env": ["D=1"]}), hooks=[
        {"hookName": "poststop", "path": "/h"}
    ]))  # fmt: skip
    options = applied([tmp_path], "v.com/gpu=0", "v.com/gpu=1", "v.com/gpu=0")
    assert options.hooks == {"poststop": [{"path": "/h"}]}
    assert options.env == ["D=1"]


def test_a_node_of_which_only_the_path_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a.json", spec_of(("0", {"deviceNodes": [{"path": "/dev/mine", "hostPath": "/dev/null"}]})))
    (device,) = applied([tmp_path], "v.com/gpu=0").devices
    assert (device["path"], device["type"], device["major"], device["minor"]) == ("/dev/mine", "c", 1, 3)


def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, "a.json", spec_of(("0", {"deviceNodes": [{"path": "/dev/no-such"}]})))
    with pytest.raises(NotFound, match=r"^/dev/no-such: no such device, and v\.com/gpu=0 needs it"):
        applied([tmp_path], "v.com/gpu=0")


def test_yaml(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        'cdiVersion: "0.6.0"\nkind: v.com/gpu\ndevices:\n- name: all\n  containerEdits:\n    deviceNodes:\n'
        "    - path: /dev/null\n"
    )
    assert len(applied([tmp_path], "v.com/gpu=all").devices) == 1


def test_a_later_directory_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "a", "z.json", spec_of(("0", {"env": ["FROM=first"]})))
    second = write(tmp_path / "b", "a.json", spec_of(("0", {"env": ["FROM=second"]})))
    missing = tmp_path / "none"
    assert applied([first, missing, second], "v.com/gpu=0").env == ["FROM=second"]


def test_two_that_say_what_it_is(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write(tmp_path, name, spec_of(("0", {})))
    with pytest.raises(Conflict, match=r"a\.json and .*b\.json both say"):
        applied([tmp_path], "v.com/gpu=0")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", "{"), ("a.json", "[]"), ("a.json", '{"cdiVersion": "0.6.0"}'), ("a.yaml", "a: ["), ("a.yml", "1: 2"),
        ("a.yaml", "a: 2020-01-01"), ("a.yaml", "\x00"), ("a.json", '{"cdiVersion":"1","kind":"x","devices":[]}'),
    ],
)  # fmt: skip
def test_a_broken_spec_is_named_when_it_may_matter(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    write(tmp_path, "good.json", spec_of(("0", {"env": ["A=b"]})))
    assert applied([tmp_path], "v.com/gpu=0").env == ["A=b"]
    with pytest.raises(NotFound) as caught:
        applied([tmp_path], "v.com/gpu=1")
    assert "v.com/gpu=1: no CDI spec has it, and " in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_what_we_cannot_give(tmp_path: Path) -> None:
    write(tmp_path, "a.json", spec_of(("0", {"intelRdt": {"closID": "x"}})))
    with pytest.raises(Unsupported, match="intelRdt"):
        applied([tmp_path], "v.com/gpu=0")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("all", ["all"]), ("2", ["0", "1"]), ("device=1", ["1"]), ('"device=0,GPU-3a"', ["0", "GPU-3a"]),
    ],
)  # fmt: skip
def test_gpus(text: str, names: list[str]) -> None:
    assert cdi.gpus(text) == [f"nvidia.com/gpu={name}" for name in names]


@pytest.mark.parametrize("text", ["", "0", "none", "-1", "device=", "device=a,,b", "capabilities=utility", "9999"])
def test_refused_gpus(text: str) -> None:
    with pytest.raises(UsageError):
        cdi.gpus(text)


@pytest.mark.parametrize("text", ["", "x=y", "v.com/gpu", "v.com/gpu=", "/dev/x=y", "v/a b=c", "v.com/gpu=a/b"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(OcipipeError, match="is no device"):
        cdi.checked(text)
