"""Networks and the containers on them: listed, removed, connected, looked after."""

from __future__ import annotations

from ..errors import Conflict, OcipipeError, UsageError
from ..network import attach, conflist, mend
from ..network import state as states
from ..network.conflist import Network
from ..network.networks import Networks
from ..runtime import state
from . import joining, selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..network.asking import Wanted
    from ..store.store import Store


def listed(store: Store, names: Sequence[str], filters: Sequence[str]) -> Iterator[Document | Exception]:
    """The documents of these networks, or of all, that fit; a damaged one, or one that is not there, as an error."""
    for filter in filters:
        _fits(filter, None)
    networks = Networks(store)
    found = [_or_error(networks, name) for name in names] if names else networks.all()
    for one in found:
        if isinstance(one, OcipipeError):
            yield one
        elif all(_fits(filter, one) for filter in filters):
            yield one.document


def _or_error(networks: Networks, name: str) -> Network | OcipipeError:
    try:
        return networks.find(name)
    except OcipipeError as error:
        return error


def _fits(text: str, network: Network | None) -> bool:
    """Whether a network fits a filter; without one, only whether it is a filter. Raises UsageError."""
    key, equals, value = text.partition("=")
    if key not in ("name", "driver", "label") or not equals or not value:
        raise UsageError(f"--filter {text}", "is no filter", "use name=…, driver=… or label=KEY[=VALUE]")
    if network is None:
        if key == "name":
            selecting.check_pattern(value, f"--filter {text}")
        return True
    if key == "name":
        return selecting.is_named(network.name, value)
    if key == "driver":
        plugins: list[Document] = network.document["plugins"]  # type: ignore[assignment]
        return value in (network.driver, plugins[0]["type"])
    label, equals, wanted = value.partition("=")
    return label in network.labels and (not equals or network.labels[label] == wanted)


def users(ctx: Context, store: Store, name: str) -> list[str]:
    """The names of containers that are on a network, or will be when they are started."""
    on = {container_id for container_id, _ in states.read(ctx.run_root).attachments(name)}
    found = [one.name for one in store.containers.all() if one.id in on or name in joining.networks(one)]
    known = {one.id for one in store.containers.all()}
    return found + [container_id[:12] for container_id in on - known]


def remove(ctx: Context, store: Store, name: str, *, force: bool) -> Document:
    """Removes a network; the action. Raises NotFound, Conflict for one in use."""
    networks = Networks(store)
    if name not in networks.names():  # a damaged one can be removed
        networks.find(name)
    using = users(ctx, store, name)
    if using and not force:
        raise Conflict(name, f"container {using[0]} uses it", "net-disconnect that, or use --force")
    for container_id, _ in states.read(ctx.run_root).attachments(name):
        for problem in attach.detach(ctx.run_root, ctx.env, container_id, [name]):
            ctx.progress.warn(problem)
    networks.remove(name)
    return _deleted(name)


def _deleted(name: str) -> Document:
    return {"action": "delete", "object": {"kind": "network", "name": name}, "reasons": []}


def prune(ctx: Context, store: Store, filters: Sequence[str], *, planning: bool) -> Iterator[Document | Exception]:
    """Removes the networks that fit and that no container uses."""
    for filter in filters:
        _fits(filter, None)
    for network in Networks(store).all():
        if isinstance(network, OcipipeError):
            yield network
        elif network.name != conflist.DEFAULT and all(_fits(filter, network) for filter in filters):
            if users(ctx, store, network.name):
                continue
            try:
                if planning:
                    yield _deleted(network.name)
                else:
                    yield remove(ctx, store, network.name, force=False)
            except OcipipeError as error:
                yield error


def connect(ctx: Context, store: Store, item: str | Document, wanted: Wanted) -> Document:
    """Puts a container on a network; the attachment, or the container where it gets that later.

    Raises NotFound, Conflict, UsageError, Unsupported for one that has no network of its own.
    """
    with store.containers.locked(selecting.find(store, item)) as container:
        joining.check_aliases(Networks(store).find(wanted.network), wanted)
        joining.check_own(container)
        before = joining.networks(container)
        if wanted.network in before:
            raise Conflict(wanted.network, f"{container.name} is on this network", "net-disconnect takes it off")
        after = {**before, wanted.network: joining.written(wanted)}
        seen = state.observe(container, ctx.run_root, ctx.env)
        if not seen.runs:
            container.update(networks=after)
            return state.document(container, state.observe(container, ctx.run_root, ctx.env))
        found = joining.plug(ctx, store, container, seen.pid, [wanted])
        container.update(networks=after)
        return found.results[0]


def disconnect(ctx: Context, store: Store, item: str | Document, network: str) -> Document:
    """Takes a container off a network; the container. Raises NotFound, Conflict when it is not on it."""
    with store.containers.locked(selecting.find(store, item)) as container:
        after = joining.networks(container)
        if after.pop(network, None) is None:
            Networks(store).find(network)
            raise Conflict(network, f"{container.name} is not on this network", "ctr-inspect shows its networks")
        for problem in attach.detach(ctx.run_root, ctx.env, container.id, [network]):
            ctx.progress.warn(problem)
        container.update(networks=after)
        return state.document(container, state.observe(container, ctx.run_root, ctx.env))


def check(ctx: Context, store: Store, *, planning: bool) -> Iterator[Document | Exception]:
    """What is wrong with networks on this host; it is put right, unless only `planning`, and what is wrong still comes
    as an error."""
    for container_id in list(states.read(ctx.run_root).containers):
        if _is_gone(ctx, store, container_id):
            yield mend.gone(container_id)
            if not planning:
                attach.detach(ctx.run_root, ctx.env, container_id)
    with states.Held(ctx.run_root) as held:
        found = list(mend.findings(held, ctx.env))
        yield from found
        if found and not planning:
            mend.mend(held, ctx.env)
            for one in mend.findings(held, ctx.env):
                subject: Document = one["object"]  # type: ignore[assignment]
                yield Conflict(str(subject["path"]), f"{one['problem']}, still", "see what changes it")


def _is_gone(ctx: Context, store: Store, container_id: str) -> bool:
    """Whether a container that has attachments has no process that could use them."""
    try:
        container = store.containers.load(container_id)
    except OcipipeError:
        return True
    return not container.is_held("run.lock") and not state.observe(container, ctx.run_root, ctx.env).runs
