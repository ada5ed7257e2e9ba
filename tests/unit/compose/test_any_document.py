"""Whatever stands in a file, it is understood or refused in words; nothing else happens."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from composing import context
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schema_documents import EDGES, changed

from oci_spec import validate
from oci_spec.jsondoc import FormatError
from ocipipe.compose import dotenv, interpolate, load, project
from ocipipe.errors import OcipipeError

FULL = json.loads((Path(__file__).resolve().parents[2] / "golden" / "compose.json").read_text())
for unwanted in ("include", "volumes_from"):
    FULL.pop(unwanted, None)
for unwanted in ("extends", "env_file", "label_file", "network_mode", "profiles"):
    del FULL["services"]["web"][unwanted]
FULL["services"]["web"]["build"].pop("dockerfile_inline")
WORDS = st.sampled_from(
    ["9" * 1000, "1e999", "-1", "$X", "${X:-1}", "a:b", "/a:/b:ro", "80:80", "NONE", "service:web", "~", "<<"]
)
ENOUGH = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def read(data: bytes) -> Any:
    """The model, None for a refusal; anything but a refusal in words fails the test."""
    try:
        return project.load(context({"HOME": "/home/me"}, data), ["-"], name="p", directory="/srv").model
    except (OcipipeError, FormatError):
        return None


def test_it_is_a_good_one() -> None:
    assert read(json.dumps(FULL).encode()) is not None


@ENOUGH
@given(data=st.data())
def test_changed_documents(data: st.DataObject) -> None:
    document = data.draw(changed(st.just(FULL)))
    service = document.get("services", {}).get("web") if isinstance(document.get("services"), dict) else None
    if isinstance(service, dict) and service:
        service[data.draw(st.sampled_from(sorted(service)))] = data.draw(
            EDGES | WORDS | st.lists(EDGES | WORDS, max_size=2)
        )
    found = read(json.dumps(document).encode())
    if found is not None:
        assert validate.violations("compose", found) == []
        assert read(json.dumps(interpolate.escaped(found)).encode()) == found


def told(make: Any, *args: Any) -> str:
    """What is said where something is refused."""
    try:
        make(*args)
    except OcipipeError as error:
        return str(error)
    except interpolate.Refused as error:
        return error.problem
    return "x:"


@ENOUGH
@given(text=st.text(alphabet="ab:- \n\t{}[]&*!|>'\"#$<%@,?0~", max_size=40))
def test_any_yaml(text: str) -> None:
    assert told(load.documents, text.encode(), "x").startswith("x:")


@ENOUGH
@given(text=st.text(alphabet="aB$${}:-+?_1 ", max_size=20))
def test_any_variables(text: str) -> None:
    assert told(interpolate.substitute, text, {"a": "1", "B": ""}, lambda name: None)


@ENOUGH
@given(text=st.text(alphabet="aB=:'\"\\ \n#${}x", max_size=30))
def test_any_dotenv(text: str) -> None:
    assert told(dotenv.parse, text.encode(), "x", {}, lambda name, place: None).startswith("x:")


@pytest.mark.parametrize(
    "path", [["services", "web", "ports", 0], ["networks", "front"], ["volumes", "data", "driver_opts"]]
)
@pytest.mark.parametrize(
    "value", [None, True, 0, 1.5, "", "x", [], {}, [[]], [{}], {"": {}}, [None], {"a": None}], ids=repr
)
def test_edges(path: list[Any], value: Any) -> None:
    document = copy.deepcopy(FULL)
    holder = document
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    read(json.dumps(document).encode())
