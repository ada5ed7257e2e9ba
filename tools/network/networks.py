"""The networks of a store: NAME.conflist each in its directory networks/, which is a CNI configuration directory as it
stands. The default network is there without a file until it is used."""

from __future__ import annotations

import os

from oci_spec import digest, jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Conflict, Corrupt, NotFound, OcipipeError, UsageError
from ..host import files, locks
from . import addresses, conflist, host
from .conflist import DEFAULT, Network, Range

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oci_spec.jsondoc import Document

    from ..store.store import Store
    from .addresses import Subnet

_LIMIT = 1 << 20
_SUFFIX = ".conflist"
_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
RESERVED = frozenset(("none", "host", "bridge", "container", "default", "private", "ns", "slirp4netns", "pasta"))
"""Names that --network gives, here or elsewhere, a meaning of their own."""


class Networks:
    """The networks of a store."""

    __slots__ = ("path", "store")

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = os.path.join(store.root, "networks")

    def names(self) -> list[str]:
        """The names of all networks, the default one first."""
        try:
            found = {name.removesuffix(_SUFFIX) for name in os.listdir(self.path) if name.endswith(_SUFFIX)}
        except FileNotFoundError:
            found = set()
        return [DEFAULT, *sorted(found - {DEFAULT})]

    def all(self) -> Iterator[Network | OcipipeError]:
        """Every network; a damaged one as the error that reading it raises."""
        for name in self.names():
            try:
                yield self.find(name)
            except NotFound:
                continue  # removed meanwhile
            except OcipipeError as error:
                yield error

    def find(self, name: str) -> Network:
        """Raises NotFound, Corrupt."""
        path = os.path.join(self.path, name + _SUFFIX)
        if not _is_name(name):
            raise NotFound(name or "''", "no such network", "net-ls lists what is there")
        try:
            data = files.read_limited(path, _LIMIT, name, sealed=True)
        except NotFound:
            if name == DEFAULT:
                return self._default()
            raise NotFound(name, "no such network", "net-ls lists what is there, net-create makes one") from None
        except Corrupt as error:
            raise Corrupt(name, error.problem, _remedy(name)) from None
        try:
            found = Network(jsondoc.load_object(data, name))
            if found.name != name:
                raise FormatError(name, f"its document is network {found.name}'s")
            return found
        except (FormatError, UsageError, KeyError, TypeError, AttributeError, ValueError, IndexError):
            raise Corrupt(name, "the network's document is damaged", _remedy(name)) from None

    def settle(self, network: Network) -> None:
        """Keeps what the default network is like from now on; of any other network that is known already."""
        if network.name == DEFAULT and not self._exists(DEFAULT):
            self.store.directory("networks", 0o755)
            with locks.locked(self.path):
                self._write(network.document)

    def create(self, make: Callable[[], Document]) -> Network:
        """Keeps a new network, whose document is made while nobody else makes one.

        Raises Conflict for a name, subnet or bridge in use, UsageError.
        """
        self.store.directory("networks", 0o755)
        with locks.locked(self.path):
            document = make()
            network = conflist.load(document, "network")
            check_name(network.name)
            if network.name in self.names() and (network.name != DEFAULT or self._exists(DEFAULT)):
                raise Conflict(network.name, "there is a network of this name", "choose another, or net-rm that one")
            for other in self.all():
                if not isinstance(other, Network) or other.name == network.name:
                    continue
                if network.bridge and network.bridge == other.bridge:
                    raise Conflict(network.bridge, f"is network {other.name}'s bridge", "name another --interface")
                for subnet in network.subnets:
                    if network.driver == "bridge" and any(subnet.overlaps(one) for one in other.subnets):
                        raise Conflict(str(subnet), f"overlaps network {other.name}", "choose another --subnet")
            for subnet in network.subnets if network.driver == "bridge" else ():
                check_unused(subnet, network.bridge)
            self._write(document)
        return network

    def remove(self, name: str) -> None:
        """Removes a network that nobody is on."""
        files.remove_file(os.path.join(self.path, name + _SUFFIX))
        files.sync_directory(self.path)

    def remove_unfinished(self) -> None:
        """Removes what killed commands left of networks that never appeared."""
        if os.path.isdir(self.path):
            with locks.locked(self.path):  # who writes one has this
                for name in os.listdir(self.path):
                    if name.startswith(files.TEMPORARY):
                        files.remove_file(os.path.join(self.path, name))

    def taken(self) -> list[Subnet]:
        """Every subnet that a new network must keep clear of: other networks' and those that the host has routes to."""
        known = [subnet for one in self._stored() for subnet in one.subnets]
        return [*known, *(subnet for subnet, _ in host.routes())]

    def bridge_name(self, name: str) -> str:
        """The interface's name: of this store's network of this name, and of no other."""
        return f"oci-{digest.of_bytes(os.fsencode(self.path) + b'/' + name.encode())[7:17]}"

    def _stored(self) -> Iterator[Network]:
        for name in self.names():
            if self._exists(name):
                try:
                    yield self.find(name)
                except OcipipeError:
                    continue

    def _exists(self, name: str) -> bool:
        return os.path.exists(os.path.join(self.path, name + _SUFFIX))

    def _default(self) -> Network:
        subnet = addresses.free_subnet(self.taken(), default=True)
        if subnet is None:
            raise Conflict(DEFAULT, "no subnet is free for the default network", f"net-create --subnet … {DEFAULT}")
        found = Range(subnet, subnet.usable.start, subnet.usable)
        own: Document = {"labels": {}, "internal": False, "isolate": False, "names": False}
        return Network(conflist.bridge(DEFAULT, self.bridge_name(DEFAULT), [found], 0, own))

    def _write(self, document: Document) -> None:
        """The lock of the directory is ours."""
        path = os.path.join(self.path, f"{document['name']}{_SUFFIX}")
        files.write_atomic(path, jsondoc.dumps(document) + b"\n", 0o644, sealed=True)


def _remedy(name: str) -> str:
    return f"net-rm {name} removes it, net-create makes it again"


def _is_name(name: str) -> bool:
    return bool(name) and len(name) <= 128 and name[0].isalnum() and _CHARACTERS.issuperset(name)


def check_name(name: str) -> None:
    """Raises UsageError for a name that no network can have."""
    if not _is_name(name):
        raise UsageError(
            name or "''", "is no network name", "use letters, digits, _ . and -, beginning with a letter or digit"
        )
    if name in RESERVED:
        raise UsageError(name, "has a meaning of its own as --network", "choose another name")


def check_unused(subnet: Subnet, bridge: str) -> None:
    """Raises Conflict where the host has a route into the subnet, other than by this bridge."""
    user = host.in_use(subnet, bridge)
    if user:
        raise Conflict(str(subnet), f"is in use on this host, by {user}", "choose another --subnet")
