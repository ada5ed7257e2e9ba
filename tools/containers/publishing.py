"""The ports of containers that are published on the host."""

from __future__ import annotations

from ..errors import NotFound, OcipipeError, UsageError
from ..network import ports
from ..runtime import state
from . import selecting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..network.ports import Port
    from ..store.container import Container
    from ..store.store import Store


def ports_of_each(
    ctx: Context, store: Store, items: Iterable[str | Document], wanted: str | None
) -> Iterator[Document | OcipipeError]:
    """A document (schema port) for each published port of each container, or, with `wanted` (`80`, `53/udp`), for that
    port alone. Yields what kept it from telling of one: NotFound, Conflict, also where the port is not published.

    Raises UsageError for what is no port.
    """
    asked = _asked(wanted) if wanted else None
    for item in items:
        try:
            yield from _ports(ctx, selecting.find(store, item), asked)
        except OcipipeError as error:
            yield error


def _ports(ctx: Context, container: Container, asked: tuple[int, str] | None) -> Iterator[Document]:
    found = False
    if state.observe(container, ctx.run_root, ctx.env).runs:
        for text in container.record.get("published") or ():  # type: ignore[attr-defined]
            (port,) = ports.parse(text)
            if asked in (None, (port.container, port.protocol)):
                found = True
                yield _document(container, port)
    if asked and not found:
        raise NotFound(container.name, f"port {asked[0]}/{asked[1]} is not published", "ctr-port lists what is")


def _document(container: Container, port: Port) -> Document:
    ip = f"[{port.host_ip}]" if ":" in port.host_ip else port.host_ip or "0.0.0.0"
    return {"container": container.id, **port.document, "address": f"{ip}:{port.low}"}


def _asked(text: str) -> tuple[int, str]:
    number, slash, protocol = text.partition("/")
    protocol = protocol.lower() if slash else "tcp"
    if not (number.isascii() and number.isdigit() and len(number) <= 5 and 0 < int(number) < 65536):
        raise UsageError(text, "is no port", "like 80 or 53/udp")
    if protocol not in ports.PROTOCOLS:
        raise UsageError(text, f"{protocol or 'an empty word'} is no protocol", "tcp, udp or sctp")
    return int(number), protocol
