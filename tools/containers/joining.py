"""A container's network: put together before its process begins, taken apart at its end.

Its record says what it wants: `networkMode` is `none`, `host`, `container:ID`, or `networks`, with the map `networks`.
Then the runtime joins a namespace of ours, by the path RUN_ROOT/netns/ID of its config.json.
"""

from __future__ import annotations

import _thread
import os

from ..errors import OcipipeError, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..network.asking import Wanted
    from ..network.attach import Attached
    from ..network.bindings import Holds
    from ..network.conflist import Network
    from ..network.namespaces import Namespace
    from ..store.container import Container
    from ..store.store import Store
    from .users import Entered


def networks(container: Container) -> dict[str, dict[str, Any]]:
    """The networks that its record wants, by name: what was said of each (`written`)."""
    found: Any = container.record.get("networks") or {}
    return dict(found)


def written(wanted: Wanted) -> Document:
    """A wanted network as the record has it: what was said."""
    found: Document = {}
    for name in ("aliases", "ip", "ip6", "mac", "interface"):
        if value := getattr(wanted, name):
            found[name] = list(value) if name == "aliases" else value
    return {**found, **({"linkLocal": list(wanted.link_local)} if wanted.link_local else {})}


def path(ctx: Context, container_id: str) -> str:
    """Where a container's runtime finds the network namespace that it is to join: for config.json."""
    return os.path.join(ctx.run_root, "netns", container_id)


def mode(container: Container) -> str:
    """none, host, networks or container:ID."""
    return str(container.record.get("networkMode") or "none")


def check_aliases(network: Network, wanted: Wanted) -> None:
    """Raises Unsupported for names beside its own on a network where nobody is asked for names."""
    if wanted.aliases and not network.names:
        raise Unsupported(wanted.aliases[0], f"network {network.name} has no names", "net-create makes one that has")


def check_own(container: Container) -> None:
    """Raises Unsupported for a container that has no network namespace that networks could be added to."""
    if mode(container) != "networks":
        raise Unsupported(
            container.name, f"runs with --network {mode(container)}", "only one made with a network can be on more"
        )


class Joined:
    """The container's network, and its users, for the `with` block in which its process begins; nothing where it needs
    none.

    It is put together at once, or, unless it is wanted `first`, by `plug` while the runtime creates the container: that
    has to join the namespace, and does not look for what is in it. `published` is for the record: its ports, with those
    of the host that they have; `held` are descriptors that hold those ports, to be kept by whoever outlives the block
    and runs the container. Raises what attaching raises; NotFound and Conflict where another's network is to be shared
    that does not run.
    """

    __slots__ = ("_container", "_ctx", "_entered", "_first", "_holds", "_namespace", "_store", "published")

    def __init__(self, ctx: Context, store: Store, container: Container, *, first: bool = True) -> None:
        self._first = first
        self._ctx = ctx
        self._store = store
        self._container = container
        self._entered: Entered | None = None
        self._namespace: Namespace | None = None
        self._holds: Holds | None = None
        self.published: dict[str, list[str]] = {}

    @property
    def held(self) -> list[int]:
        return self._holds.descriptors if self._holds else []

    def __enter__(self) -> Joined:
        how = mode(self._container)
        if self._container.record.get("users"):
            from . import users

            self._entered = users.Entered(self._ctx, self._store, self._container, network=how == "networks")
            self._entered.__enter__()
        try:
            self._join(how)
        except BaseException:
            if self._entered is not None:
                self._entered.__exit__(None, None, None)
            raise
        return self

    def _join(self, how: str) -> None:
        if how == "networks":
            from ..network import attach, namespaces

            attach.detach(self._ctx.run_root, self._ctx.env, self._container.id)  # left by one that was killed
            made = self._entered.network if self._entered else -1
            self._namespace = namespaces.Namespace(self._ctx.run_root, self._container.id, made)
            self._namespace.__enter__()
            if self._first:
                try:
                    self.plug()
                except BaseException:
                    self._namespace.__exit__(None, None, None)
                    raise
        elif how.startswith("container:"):
            self._share(how.partition(":")[2])

    def plug(self) -> None:
        """Puts the network together, unless that is done."""
        if self._namespace is None or self._holds is not None:
            return
        wanted = [_wanted(name, one) for name, one in networks(self._container).items()]
        found = plug(self._ctx, self._store, self._container, 0, wanted)
        self._holds = found.holds
        if found.ports:
            self.published = {"published": [str(port) for port in found.ports]}

    def _share(self, other_id: str) -> None:
        from ..runtime import root
        from . import preparing

        other = self._store.containers.load(other_id)
        texts = {name: root.read(other.path, f"/{name}") for name in ("hosts", "resolv.conf")}
        preparing.write(self._container, texts)

    def begun(self, pid: int) -> None:
        """The container's first process is there: whoever looks for its network finds it by that."""
        if self._namespace is not None and pid:
            from ..network import namespaces

            namespaces.point_to(self._ctx.run_root, self._container.id, pid)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holds is not None:
            self._holds.close()
        if self._namespace is not None:
            if kind is not None:
                leave(self._ctx, self._container)
            self._namespace.__exit__(kind, error, trace)
        if self._entered is not None:
            self._entered.__exit__(kind, error, trace)


def plug(ctx: Context, store: Store, container: Container, pid: int, wanted: Sequence[Wanted]) -> Attached:
    """Attaches a container whose namespace is there: by the path of its config, which is to lead to its process `pid`
    from now on, unless that is 0. Writes what it is to know of that: /etc/hosts and /etc/resolv.conf."""
    from ..network import attach, namespaces, ports
    from . import preparing

    if pid:
        namespaces.point_to(ctx.run_root, container.id, pid)
    record: Mapping[str, Any] = container.record
    publish = [one for text in record.get("published" if pid else "ports") or () for one in ports.parse(text)]
    known_as = [container.name, *([record["hostname"]] if record.get("hostname") else [])]
    asked: dict[str, Any] = record.get("names") or {}
    if asked.get("links"):
        from . import linking

        on = dict.fromkeys((*networks(container), *(one.network for one in wanted)))
        asked = {**asked, "hosts": [*asked["hosts"], *linking.hosts(ctx, store, asked["links"], on)]}
    place, dns = path(ctx, container.id), asked.get("servers") or ()
    found = attach.attach(
        store, ctx.run_root, ctx.env, container.id, known_as, place, wanted, publish, dns, more=bool(pid)
    )
    for warning in found.warnings:
        ctx.progress.warn(warning)
    everything = attach.attached(ctx.run_root, container.id) or found
    preparing.write(container, _files(container, everything.results, asked))
    return found


def leave(ctx: Context, container: Container) -> None:
    """Takes away all that a container without a process has of networks, and of users' namespaces."""
    if container.record.get("users"):
        from . import users

        users.leave(ctx, container)
    if mode(container) == "networks":
        from ..network import attach, namespaces

        try:
            problems = attach.detach(ctx.run_root, ctx.env, container.id)
        except OcipipeError as error:  # its interfaces are gone with its process: nothing that keeps its end
            problems = [str(error)]
        for problem in problems:
            ctx.progress.warn(problem)
        namespaces.forget(ctx.run_root, container.id)


class Leaving:
    """`leave` while the `with` block is carried out: the kernel takes tens of milliseconds over interfaces."""

    __slots__ = ("_container", "_ctx", "_failed", "_left")

    def __init__(self, ctx: Context, container: Container) -> None:
        self._ctx = ctx
        self._container = container
        self._left: _thread.LockType | None = None
        self._failed: BaseException | None = None

    def __enter__(self) -> None:
        if mode(self._container) == "networks" or self._container.record.get("users"):
            self._left = _thread.allocate_lock()
            self._left.acquire()
            _thread.start_new_thread(self._leave, ())

    def _leave(self) -> None:
        assert self._left is not None
        try:
            leave(self._ctx, self._container)
        except BaseException as error:
            self._failed = error
        finally:
            self._left.release()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._left is None:
            return
        self._left.acquire()
        if self._failed is not None and error is None:
            raise self._failed


def _wanted(name: str, document: Mapping[str, Any]) -> Wanted:
    from ..network.asking import Wanted

    return Wanted(
        name, document.get("aliases") or (), document.get("ip") or "", document.get("ip6") or "",
        document.get("mac") or "", document.get("interface") or "", document.get("linkLocal") or (),
    )  # fmt: skip


def _files(container: Container, results: Sequence[Document], asked: Document) -> dict[str, str]:
    """hosts and resolv.conf of a container with these attachments."""
    from ..runtime import names

    ips: list[Mapping[str, str]] = [ip for one in results for ip in one.get("ips") or ()]  # type: ignore[attr-defined]
    resolvers: list[Mapping[str, list[str]]] = [one["dns"] for one in results]  # type: ignore[misc]
    found = next((one for one in resolvers if one["nameservers"]), {})
    lines = [f"nameserver {one}" for one in found.get("nameservers") or ()]
    lines += [f"{key} {' '.join(found[key])}" for key in ("search", "options") if found.get(key)]
    texts = names.texts(
        str(container.record.get("hostname") or container.id[:12]),
        {**asked, "servers": []},  # whoever answers, asks them
        resolver="\n".join(lines),
        own=[ip["address"].partition("/")[0] for ip in ips],
        gateway=next((ip["gateway"] for ip in ips if "gateway" in ip), "127.0.0.1"),
    )
    return {name: texts[name] for name in ("hosts", "resolv.conf")}
