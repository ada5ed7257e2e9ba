"""What is attached on this host, in one document: RUN_ROOT/networks/state.json.

    {"containers": {ID: {"names": […], "attachments": […], "ports": […]}},     in the order of their coming
     "bridges": {INTERFACE: {…}},        what is up on the host
     "given": {"NETWORK/4": "10.91.0.7"},                                      the address given out last
     "forwarding": {"4": [INTERFACE, …]},                                      see host.py
     "service": {…},                     names.py
     "generation": 7,                    of nftables' rules, when nobody else's closed anything; 0: not known
     "leaving": [INTERFACE, …],          what the change that has begun takes away
     "changing": true}                   a change has begun and has not been finished

It is read, changed and replaced under one kernel lock. It is marked as changing before anything else is touched, and
the mark goes when all is done; whoever finds the mark, its writer having died, puts everything right first (mend.py).
"""

from __future__ import annotations

import os

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Denied, Unavailable
from ..host import files, locks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from oci_spec.jsondoc import Document


class State:
    """The document's parts. `containers` and `bridges` are the documents' own dictionaries."""

    __slots__ = ("bridges", "changing", "containers", "forwarding", "generation", "given", "leaving", "service")

    def __init__(self, document: dict[str, Any] | None = None) -> None:
        found = document or {}
        self.containers: dict[str, Any] = found.get("containers", {})
        self.bridges: dict[str, Any] = found.get("bridges", {})
        self.given: dict[str, str] = found.get("given", {})
        self.forwarding: dict[str, list[str]] = found.get("forwarding", {})
        self.service: dict[str, Any] = found.get("service", {})
        self.generation: int = found.get("generation", 0)
        self.leaving: list[str] = found.get("leaving", [])
        self.changing = bool(found.get("changing"))

    @property
    def document(self) -> Document:
        return {name: getattr(self, name) for name in self.__slots__}

    def copy(self) -> State:
        return State(jsondoc.load_object(jsondoc.dumps(self.document)))

    def attachments(self, network: str) -> list[tuple[str, dict[str, Any]]]:
        """Who is on a network, by container id."""
        return [
            (container_id, one)
            for container_id, container in self.containers.items()
            for one in container["attachments"]
            if one["network"] == network
        ]


class Held:
    """The state, ours alone inside the `with` block. Raises Denied, Unavailable."""

    __slots__ = ("_lock", "directory", "state")

    def __init__(self, run_root: str) -> None:
        self.directory = os.path.join(run_root, "networks")

    def __enter__(self) -> Held:
        try:
            files.make_directories(self.directory, 0o711)
            self._lock = locks.locked(self.directory)
            self._lock.__enter__()
        except PermissionError:
            raise Denied(self.directory, "permission denied", "run as root, or name another --run-root") from None
        except OSError as error:
            raise Unavailable(
                self.directory, os.strerror(error.errno or 0).lower(), "name another --run-root"
            ) from None
        self.state = read(os.path.dirname(self.directory))
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)

    def write(self, *, changing: bool = False) -> None:
        """Replaces the document."""
        self.state.changing = changing
        path = os.path.join(self.directory, "state.json")
        files.write_atomic(path, jsondoc.dumps(self.state.document), 0o600, durable=False)


def read(run_root: str) -> State:
    """The state at this moment. One that is damaged counts as one that says nothing and was being changed. Raises
    Denied for one that is not ours to read."""
    path = os.path.join(run_root, "networks", "state.json")
    try:
        with open(path, "rb") as file:
            return State(jsondoc.load_object(file.read(), path))
    except FileNotFoundError:
        return State()
    except PermissionError:
        raise Denied(path, "permission denied", "run as root") from None
    except FormatError:
        return State({"changing": True})
