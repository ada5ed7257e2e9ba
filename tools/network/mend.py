"""What a crash, or somebody else, has left wrong: found, and put right.

The kernel is asked what is there. An attachment whose interface is gone is over, and its address free; a bridge that
nobody is on goes; one that somebody deleted comes back, with its containers; the firewall's table is made anew, and the
service of names told.
"""

from __future__ import annotations

import os

from ..errors import OcipipeError
from . import change, firewall, foreign, host, names, programs
from .links import Links
from .state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from oci_spec.jsondoc import Document

    from .state import Held


def living(state: State, interfaces: set[str]) -> State:
    """The state without what has ended: attachments whose interface is gone, and bridges that nobody is on. Pure."""
    found = state.copy()
    for container_id, container in list(found.containers.items()):
        container["attachments"] = [one for one in container["attachments"] if _lives(one, interfaces)]
        if not container["attachments"]:
            del found.containers[container_id]
    used = {one["bridge"] for container in found.containers.values() for one in container["attachments"]}
    found.bridges = {name: one for name, one in found.bridges.items() if name in used}
    return found


def is_left(state: State, interfaces: set[str]) -> bool:
    """Whether there is a bridge that nobody is on any more: its last container was killed with all that would have
    taken it away. Pure."""
    return any(name in interfaces for name in state.bridges.keys() - living(state, interfaces).bridges.keys())


def _lives(attachment: Mapping[str, object], interfaces: set[str]) -> bool:
    if attachment["host"]:
        return attachment["host"] in interfaces
    result: dict[str, list[dict[str, str]]] = attachment["result"]  # type: ignore[assignment]
    return any(os.path.exists(one["sandbox"]) for one in result["interfaces"] if one.get("sandbox"))


def mend(held: Held, env: Mapping[str, str]) -> None:
    """Puts everything right. Raises Unavailable."""
    there = host.interfaces()
    after = living(held.state, there)
    change.prepare(held, after, env)
    lost = [name for name in after.bridges if name not in there]
    before = held.state
    before.bridges = {name: one for name, one in before.bridges.items() if name not in lost}
    change.to(held, after, env, clean=False)
    again = [
        one
        for container in after.containers.values()
        for one in container["attachments"]
        if one["bridge"] in lost
    ]
    if again:
        with Links() as links:
            for one in again:
                links.plug(one["host"], one["bridge"], apart=bool(after.bridges[one["bridge"]].get("apart")))


def findings(held: Held, env: Mapping[str, str]) -> Iterator[Document]:
    """What is wrong, a document each (schema finding); nothing is changed."""
    state, there = held.state, host.interfaces()
    run_root = os.path.dirname(held.directory)
    if state.changing:
        yield _finding("UNFINISHED", "state", "networks/state.json", "", "a change of networks was cut short", [])
    for container_id, container in state.containers.items():
        for one in container["attachments"]:
            if not _lives(one, there):
                yield _finding(
                    "GONE", "attachment", one["network"], container_id,
                    "the container is gone, and its address and ports are kept", [container_id], garbage=True,
                )  # fmt: skip
    used = {one["bridge"] for container in living(state, there).containers.values() for one in container["attachments"]}
    for name in state.bridges:
        if name not in used:
            yield _finding("UNUSED", "bridge", name, "", "no container is on this bridge", [], garbage=True)
        elif name not in there:
            yield _finding("MISSING", "bridge", name, "", "somebody has deleted it", _on(state, name))
    yield from _firewall_findings(state, run_root, env)
    for version in (4, 6):
        if version in change.forwarded(state) and not host.forwards(version):
            yield _finding(
                "SETTING", "setting", f"IPv{version} forwarding", "", "somebody has turned it off", [*state.containers]
            )
    service = names.Service(held.directory, env)
    if names.configuration(state) and not service.runs:
        yield _finding("MISSING", "process", "aardvark-dns", "", "it has ended: no name is found", [*state.containers])


def gone(container_id: str) -> Document:
    """A container that has no process any more, and has its networks still."""
    return _finding(
        "GONE", "container", f"networks/{container_id[:12]}", container_id,
        "the container is gone, and its interfaces, addresses and ports are kept", [container_id], garbage=True,
    )  # fmt: skip


def _firewall_findings(state: State, run_root: str, env: Mapping[str, str]) -> Iterator[Document]:
    table = firewall.table_of(run_root)
    listed = programs.start("list", "table", "inet", table, env=env).result()
    there = listed.stdout.decode("utf-8", "replace")
    if state.bridges and listed.status:
        yield _finding("MISSING", "table", f"inet {table}", "", "somebody has deleted it", [*state.containers])
    elif not state.bridges and not listed.status:
        yield _finding("UNUSED", "table", f"inet {table}", "", "no network is up", [], garbage=True)
    elif state.bridges:
        scratch = f"{table}-check"
        wanted = [line.replace(table, scratch) for line in firewall.whole(run_root, state)]
        programs.nft(wanted, env).done()
        try:
            expected = programs.start("list", "table", "inet", scratch, env=env).done().decode()
        finally:
            programs.nft([f"delete table inet {scratch}"], env).done()
        if _sorted(expected.replace(scratch, table)) != _sorted(there):
            yield _finding("CHANGED", "table", f"inet {table}", "", "its rules are not ours", [*state.containers])
    overview = foreign.Overview(programs.start("list", "chains", env=env).done().decode("utf-8", "replace"))
    if overview.lacks(state, change.number_of(run_root)):
        yield _finding(
            "CLOSED", "chain", "filter FORWARD", "", "it drops what is forwarded, and lacks our chain",
            [*state.containers],
        )  # fmt: skip


def _sorted(text: str) -> list[str]:
    return sorted(text.replace(",", " ").split())


def _on(state: State, name: str) -> list[str]:
    return [
        container_id
        for container_id, container in state.containers.items()
        if any(one["bridge"] == name for one in container["attachments"])
    ]


def _finding(
    code: str, kind: str, path: str, identity: str, problem: str, containers: list[str], *, garbage: bool = False
) -> Document:
    return {
        "code": f"NETWORK_{code}",
        "severity": "garbage" if garbage else "error",
        "object": {"kind": kind, "path": path, **({"id": identity} if identity else {})},
        "problem": problem,
        "affects": {"images": [], "containers": containers},
        "remedy": "net-check mends it",
    }


def take_back(held: Held, env: Mapping[str, str], container_id: str, attachments: Sequence[Mapping[str, Any]]) -> None:
    """After a failure: the container is without these attachments, and everything else as it should be."""
    hosts = {one["host"] for one in attachments}
    container = held.state.containers.get(container_id)
    if container is not None:
        container["attachments"] = [one for one in container["attachments"] if one["host"] not in hosts]
        if not container["attachments"]:
            del held.state.containers[container_id]
    try:
        with Links() as links:
            links.delete(sorted(filter(None, hosts)))
        mend(held, env)
    except OcipipeError:
        pass  # the mark of an unfinished change stays: the next command goes on from there
