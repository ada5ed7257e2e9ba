"""Plans: from what is wanted and what is there to actions with their reasons, by tables."""

from __future__ import annotations

from typing import Any

import pytest

from oci_spec import validate
from ocipipe.compose import labels, plan
from ocipipe.compose.differences import differences
from ocipipe.compose.plan import Choices, Resource, Service, Wanted
from ocipipe.compose.present import Present, There
from ocipipe.errors import Conflict, NotFound


def there(
    service: str, number: int = 1, *, status: str = "running", code: int | None = None, material: Any = None,
    image: str = "sha256:1", replaces: str = "", name: str = "", one_off: bool = False, hash: str = "",
    due: str = "",
) -> There:  # fmt: skip
    given = {
        labels.SERVICE: service, labels.NUMBER: str(number), labels.ONE_OFF: str(one_off), labels.HASH: hash,
        **({labels.REPLACES: replaces} if replaces else {}),
    }  # fmt: skip
    id = f"{service}{number}{'new' if replaces else ''}"
    material = {"service": {"image": service}} if material is None and not hash else material
    name = name or f"p-{service}-{number}"
    return There(id, name, given, status, code, image, material, ["p_default"], hooks_due=due)


def service(name: str, count: int = 1, *, material: Any = None, digest: str = "sha256:1", **more: Any) -> Service:
    one = Service(name)
    one.template, one.count, one.digest, one.hash, one.image = f"p-{name}", count, digest, "h", name
    one.material = material or {"service": {"image": name}}
    one.networks = ["p_default"]
    for key, value in more.items():
        setattr(one, key, value)
    return one


def short(found: list[Any]) -> list[str]:
    for document in found:
        validate.check("compose-plan", document, "it")
    return [
        " ".join([one["action"], one["object"]["name"], *(reason["field"] for reason in one["reasons"])])
        for one in found
    ]


def made(services: list[Service], containers: list[There], *, known: str = "", **choices: bool) -> list[str]:
    wanted = Wanted("p")
    wanted.services, wanted.known = services, {*(one.name for one in services), *known.split()}
    return short(plan.plan(wanted, Present(containers, {}, {}), Choices(**choices)))


@pytest.mark.parametrize(
    ("services", "containers", "choices", "actions"),
    [
        ([service("a")], [], {}, ["create p-a-1"]),
        ([service("a")], [there("a")], {}, []),
        ([service("a")], [there("a", due="post_start")], {}, ["start p-a-1 post_start"]),
        ([service("a")], [there("a", due="pre_start")], {}, []),
        ([service("a")], [there("a", due="pre_start", status="created")], {}, ["start p-a-1 status"]),
        ([service("a")], [there("a", due="post_start")], {"start": False}, []),
        ([service("a")], [there("a", due="post_start", status="paused")], {}, []),
        ([service("a")], [there("a", due="post_start", status="stopped")], {}, ["start p-a-1 status"]),
        ([service("a", 3)], [there("a")], {}, ["create p-a-2", "create p-a-3"]),
        ([service("a", 2)], [there("a", 2)], {}, ["create p-a-1"]),
        ([service("a")], [there("a"), there("a", 2)], {}, ["remove p-a-2 scale"]),
        ([service("a", 0)], [there("a")], {}, ["remove p-a-1 scale"]),
        ([service("a")], [there("a", status="stopped", code=0)], {}, ["start p-a-1 status"]),
        ([service("a")], [there("a", status="created")], {}, ["start p-a-1 status"]),
        ([service("a")], [there("a", status="created")], {"start": False}, []),
        ([service("a")], [there("a", status="paused")], {}, []),
        ([service("a")], [there("a", status="restarting")], {}, []),
        ([service("a")], [there("a", material={"service": {"image": "b"}})], {}, ["recreate p-a-1 image"]),
        ([service("a")], [there("a", material={"service": {"image": "b"}})], {"keep": True}, []),
        ([service("a")], [there("a")], {"force": True}, ["recreate p-a-1 --force-recreate"]),
        ([service("a")], [there("a", image="sha256:0")], {}, ["recreate p-a-1 image"]),
        ([service("a", digest="")], [there("a", image="sha256:0")], {}, []),
        ([service("a")], [there("a", hash="h")], {}, []),
        ([service("a")], [there("a", hash="g")], {}, ["recreate p-a-1 hash"]),
        ([service("a"), service("b", shares={"pid": "a"})], [there("b")], {}, ["create p-a-1", "recreate p-b-1 pid"]),
        ([service("a"), service("b", shares={"pid": "a"})], [there("a"), there("b")], {}, []),
        ([service("a")], [there("a"), there("z")], {}, []),
        ([service("a")], [there("a"), there("z")], {"orphans": True}, ["remove p-z-1 services"]),
        ([service("a")], [there("a"), there("a", one_off=True, number=9)], {"orphans": True}, []),
        # Killed before the old one went, and after.
        ([service("a")], [there("a"), there("a", replaces="a1", status="created", name="x")], {}, ["remove x replace"]),
        ([service("a")], [there("a", replaces="gone", status="created", name="x")], {},
         ["rename x name", "start x status"]),
        ([service("a")], [there("a", replaces="gone")], {}, []),
    ],
)  # fmt: skip
def test_containers(
    services: list[Service], containers: list[There], choices: dict[str, bool], actions: list[str]
) -> None:
    assert made(services, containers, **choices) == actions


def resource(kind: str = "network", *, hash: str = "h", external: bool = False, **definition: Any) -> Resource:
    return Resource(kind, "x", "p_x", hash, {"name": "p_x", **definition}, external=external)


BEFORE = {labels.HASH: "g", labels.DEFINITION: '{"name":"p_x","internal":true}'}


@pytest.mark.parametrize(
    ("one", "known", "actions"),
    [
        (resource(), None, ["create p_x"]),
        (resource(), {labels.HASH: "h"}, []),
        (resource(), {}, []),
        (resource(internal=False), BEFORE, ["recreate p_x networks.x.internal"]),
        (resource(internal=True, labels={"a": "b"}), BEFORE, []),
        (resource(external=True), {}, []),
        (resource("volume"), None, ["create p_x"]),
        (resource("volume"), {labels.HASH: "h"}, []),
        (resource("volume", internal=True, labels={"a": "b"}), BEFORE, []),
    ],
)
def test_resources(one: Resource, known: Any, actions: list[str]) -> None:
    wanted = Wanted("p")
    wanted.resources = [one]
    found = {} if known is None else {"p_x": known}
    present = Present([], found if one.kind == "network" else {}, found if one.kind == "volume" else {})
    assert short(plan.plan(wanted, present, Choices())) == actions


def test_what_no_plan_can_do() -> None:
    wanted = Wanted("p")
    wanted.resources = [resource(external=True)]
    with pytest.raises(NotFound, match=r"p_x: no such network, and it is external"):
        plan.plan(wanted, Present([], {}, {}), Choices())
    wanted.resources = [resource("volume", internal=False)]
    with pytest.raises(Conflict, match=r"volumes\.x\.internal true to false"):
        plan.plan(wanted, Present([], {}, {"p_x": BEFORE}), Choices())
    wanted.resources = [Resource("network", "x", "p_default", "h", {}, external=False)]
    with pytest.raises(Conflict, match=r"p-z-1 is on it"):
        plan.plan(wanted, Present([there("z")], {"p_default": {labels.HASH: "g"}}, {}), Choices())


def test_whoever_is_on_a_new_network_is_new() -> None:
    wanted = Wanted("p")
    wanted.services, wanted.known = [service("a")], {"a"}
    wanted.resources = [Resource("network", "x", "p_default", "h", {"mtu": 9}, external=False)]
    present = Present([there("a")], {"p_default": {labels.HASH: "g", labels.DEFINITION: "{}"}}, {})
    assert short(plan.plan(wanted, present, Choices())) == [
        "recreate p_default networks.x.mtu", "recreate p-a-1 networks.x.mtu",
    ]  # fmt: skip


def test_a_plan_is_judged_by_what_it_is_about() -> None:
    wanted = Wanted("p")
    wanted.services, wanted.known = [service("a"), service("b")], {"a", "b"}
    wanted.resources = [resource()]
    before = Present([there("b", status="stopped")], {}, {})
    documents = plan.plan(wanted, before, Choices())
    assert short(documents) == ["create p_x", "create p-a-1", "start p-b-1 status"]
    plan.check(documents, wanted, before)
    for changed in (
        Present([there("b")], {}, {}), Present([], {}, {}), Present([there("a"), there("b", status="stopped")], {}, {}),
        Present([there("b", status="stopped")], {"p_x": {labels.HASH: "h"}}, {}),
    ):  # fmt: skip
        with pytest.raises(Conflict, match="has changed since the plan was made"):
            plan.check(documents, wanted, changed)
    wanted.services[0].hash = "i"
    with pytest.raises(Conflict, match=r"p-a-1: has changed since"):
        plan.check(documents, wanted, before)
    with pytest.raises(Conflict, match="the plan is for the project p"):
        plan.check(documents, Wanted("q"), before)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"environment": {"DEBUG": "0"}}, {"environment": {"DEBUG": "1"}}, ['environment.DEBUG "0" to "1"']),
        ({"a": 1}, {}, ["a 1"]),
        ({}, {"a": None}, ["a null"]),
        ({"a": [{"b": 1}, 2]}, {"a": [{"b": 3}, 2]}, ["a[0].b 1 to 3"]),
        ({"a": [1]}, {"a": [1, 2]}, ["a [1] to [1,2]"]),
        ({"a": "x"}, {"a": ["x"]}, ['a "x" to ["x"]']),
        ({"a": {"b": 1}}, {"a": {"b": 1}}, []),
        ({"z": 1, "a": 1}, {"a": 2, "z": 2}, ["z 1 to 2", "a 1 to 2"]),
    ],
)
def test_differences_by_field(before: Any, after: Any, told: list[str]) -> None:
    assert [plan.told(one) for one in differences(before, after, "")] == told


def test_lines_for_people() -> None:
    (document,) = plan.plan(_wanted(service("a")), Present([there("a", image="sha256:0")], {}, {}), Choices())
    assert plan.line(document) == 'recreate p-a-1: image "sha256:0" to "sha256:1"'


def _wanted(*services: Service) -> Wanted:
    found = Wanted("p")
    found.services, found.known = list(services), {one.name for one in services}
    return found


def test_whose_something_is(tmp_path: Any) -> None:
    from types import SimpleNamespace

    project: Any = SimpleNamespace(name="p", directory=str(tmp_path / "here"), files=[str(tmp_path / "here/c.yaml")])
    (tmp_path / "other.yaml").write_text("")
    mine = {labels.PROJECT: "p", labels.DIRECTORY: str(tmp_path / "here"), labels.FILES: "/x"}
    theirs = {labels.PROJECT: "p", labels.DIRECTORY: "/o", labels.FILES: str(tmp_path / "other.yaml")}
    moved = {labels.PROJECT: "p", labels.DIRECTORY: "/o", labels.FILES: "/nowhere/c.yaml"}
    shared = {labels.PROJECT: "p", labels.DIRECTORY: "/o", labels.FILES: str(tmp_path / "here/c.yaml")}
    assert [labels.is_of(one, project) for one in (mine, theirs, moved, shared, {})] == [True, False, True, True, False]
    with pytest.raises(Conflict, match="belongs to another project p, of /o"):
        labels.check(theirs, project, "web")
