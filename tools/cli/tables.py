"""Results for people: a rich table a document type; anything else is shown as indented JSON."""

from __future__ import annotations

import io
import json
from typing import Any

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.table import Table
from rich.text import Text

from oci_spec import validate

from .progress import size
from .report import visible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rich.console import JustifyMethod

    Document = Mapping[str, Any]
    Columns = Sequence[tuple[str, Callable[[Document], str]]]

_COMMAND_WIDTH = 30
_UNLIMITED = 100_000
"""Columns of a table that no terminal limits: a pipe gets every word whole."""


def render(writes: str, results: Sequence[Any], terminal: bool, env: Mapping[str, str], *, head: bool = True) -> bytes:
    """`results` of type `writes` as text: a table where the type has one, else one JSON document after another.

    Without `head` it goes on with a table that was begun before.
    """
    text = io.StringIO()
    console = Console(
        file=text, force_terminal=terminal, width=None if terminal else _UNLIMITED, highlight=False,
        no_color="NO_COLOR" in env,
    )  # fmt: skip
    if " or " in writes:
        writes = validate.detect(results[0]) or ""
    columns = COLUMNS.get("action" if writes == "compose-plan" else writes)
    if columns is not None and all(isinstance(result, dict) for result in results):
        table = Table(box=None, pad_edge=False, header_style="bold", show_header=head)
        for heading, _ in columns:
            side: JustifyMethod = "right" if heading in _NUMBERS else "left"
            least = _LEAST.get(heading) if writes in _PIECEWISE else None
            table.add_column(heading, no_wrap=heading in _WHOLE, overflow="fold", justify=side, min_width=least)
        for result in results:
            table.add_row(*(Text(visible(cell(result)).replace("\n", "\\n")) for _, cell in columns))
        console.print(table)
        # Rich fills every line to the table's width; blanks at the end only disturb who reads it in a pipe.
        lines = text.getvalue().split("\n")
        return "\n".join(lines if terminal else [line.rstrip() for line in lines]).encode("utf-8", "surrogateescape")
    for result in results:
        _document(console, result, terminal)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _document(console: Console, result: Any, terminal: bool) -> None:
    if isinstance(result, bytes):
        result = json.loads(result)
    if isinstance(result, str):
        console.print(visible(result), markup=False, soft_wrap=True)
    else:
        whole = json.dumps(result, ensure_ascii=False, indent=2)
        # Like visible(), in JSON's own escapes: what is shown stays the document.
        shown = "".join(one if one.isprintable() or one == "\n" else json.dumps(one)[1:-1] for one in whole)
        console.print(JSONHighlighter()(Text(shown)) if terminal else Text(shown), soft_wrap=True)


def _annotation(name: str) -> Callable[[Document], str]:
    return lambda document: str((document.get("annotations") or {}).get(name, ""))


def _field(name: str) -> Callable[[Document], str]:
    return lambda document: str(document.get(name, ""))


def _short_digest(document: Document) -> str:
    return str(document.get("digest", "")).partition(":")[2][:12]


def _created(name: str) -> Callable[[Document], str]:
    return lambda document: _annotation(name)(document)[:16].replace("T", " ")


def _image_size(document: Document) -> str:
    whole = _annotation("org.ocipipe.image.size")(document)
    return size(int(whole)) if whole.isdigit() else ""


def _image_name(document: Document) -> str:
    return _plain_name(_annotation("org.opencontainers.image.ref.name")(document)) or "<none>"


def _plain_name(name: str) -> str:
    """A reference as people type it."""
    return name.removeprefix("docker.io/library/").removeprefix("docker.io/")


def _platform(document: Document) -> str:
    platform = document.get("platform") or {}
    return "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))


def _status(document: Document) -> str:
    told = [_annotation(f"org.ocipipe.{key}")(document) for key in ("exit-code", "health")]
    return f"{document.get('status', '')}{''.join(f' ({one})' for one in told if one)}"


def _container_image(document: Document) -> str:
    return _plain_name(_annotation("org.ocipipe.image")(document) or _annotation("org.ocipipe.rootfs")(document))


def _command(document: Document) -> str:
    text = _annotation("org.ocipipe.command")(document)
    return text if len(text) <= _COMMAND_WIDTH else f"{text[: _COMMAND_WIDTH - 1]}…"


def _created_by(document: Document) -> str:
    """A step of a build in one line; buildkit and the old builder write the shell that ran it as well."""
    text = " ".join(str(document.get("created_by", "")).split())
    return text.removeprefix("/bin/sh -c #(nop) ").removeprefix("/bin/sh -c ").removesuffix(" # buildkit")


def _object(document: Document) -> str:
    """What a finding or an action is about: a descriptor by name or digest, else its kind and place."""
    target = document.get("object") or {}
    if "digest" in target:
        name = _annotation("org.opencontainers.image.ref.name")(target)
        return name or f"blob {target['digest'].partition(':')[2][:12]}"
    return str(target.get("name") or target.get("path") or f"{target.get('kind', '')} {target.get('id', '')}".strip())


def _bytes(name: str) -> Callable[[Document], str]:
    return lambda document: size(int(document.get(name) or 0))


def _reasons(document: Document) -> str:
    told = []
    for reason in document.get("reasons") or ():
        before, after = (it if isinstance(it := reason.get(key, ""), str) else json.dumps(it) for key in ("from", "to"))
        told.append(f"{reason['field']}: {before}{' -> ' if before and after else ''}{after}".rstrip(": "))
    return ", ".join(told)


def _affected(document: Document) -> str:
    affects = document.get("affects") or {}
    return ", ".join([*affects.get("images", ()), *affects.get("containers", ())])


def _of_object(cell: Callable[[Document], str]) -> Callable[[Document], str]:
    return lambda document: cell(document.get("object") or {})


def _short_id(document: Document) -> str:
    return str(document.get("id", ""))[:12]


def _detail(document: Document) -> str:
    return " ".join(f"{key}={value}" for key, value in (document.get("detail") or {}).items())


def _share(percent: float | None) -> str:
    return "--" if percent is None else f"{percent:.2f} %"


def _of_limit(used: int | None, limit: int | None, shown: Callable[[int], str]) -> str:
    text = "--" if used is None else shown(used)
    return text if limit is None else f"{text} / {shown(limit)}"


def _both(one: int | None, other: int | None) -> str:
    return " / ".join("--" if number is None else size(number) for number in (one, other))


def _plugin(network: Document, key: str) -> str:
    """A setting of a network's first plugin."""
    return str(network["plugins"][0].get(key) or "")


def _subnets(network: Document) -> str:
    ipam = network["plugins"][0].get("ipam") or {}
    ranges = [part[0] for part in ipam.get("ranges") or ()] or [ipam]
    return ", ".join(one["subnet"] for one in ranges if "subnet" in one)


def _network_options(network: Document) -> str:
    own = (network["plugins"][0].get("args") or {}).get("org.ocipipe") or {}
    return ", ".join(key for key in ("internal", "isolate", "names") if own.get(key))


def _sandbox(attachment: Document, key: str) -> str:
    """A field of the interface in the container."""
    return next((str(one.get(key) or "") for one in attachment["interfaces"] if one.get("sandbox")), "")


COLUMNS: dict[str, Columns] = {
    "network": (
        ("NAME", _field("name")),
        ("DRIVER", lambda document: str(document["plugins"][0]["type"])),
        ("SUBNETS", _subnets),
        ("INTERFACE", lambda document: _plugin(document, "bridge") or _plugin(document, "master")),
        ("OPTIONS", _network_options),
    ),
    "attachment": (
        ("NETWORK", _field("name")),
        ("CONTAINER", lambda document: _sandbox(document, "sandbox").rpartition("/")[2][:12]),
        ("INTERFACE", lambda document: _sandbox(document, "name")),
        ("ADDRESSES", lambda document: ", ".join(ip["address"] for ip in document.get("ips") or ())),
        ("MAC", lambda document: _sandbox(document, "mac")),
    ),
    "history": (
        ("LAYER", _short_digest),
        ("CREATED", lambda document: str(document.get("created", ""))[:16].replace("T", " ")),
        ("CREATED BY", _created_by),
        ("SIZE", lambda document: size(int(document["size"]))),
        ("COMMENT", _field("comment")),
    ),
    "descriptor": (
        ("NAME", _image_name),
        ("DIGEST", _short_digest),
        ("CREATED", _created("org.opencontainers.image.created")),
        ("SIZE", _image_size),
        ("PLATFORM", _platform),
    ),
    "compose-item": (
        ("KIND", _field("kind")),
        ("NAME", _field("name")),
        ("DETAIL", lambda one: ", ".join(one.get("services", ())) or str(one.get("object") or one.get("value") or "")),
        ("HASH", lambda one: str(one.get("hash", ""))[:12]),
    ),
    "action": (
        ("ACTION", _field("action")),
        ("OBJECT", _object),
        ("REASON", _reasons),
    ),
    "compose-project": (
        ("NAME", _field("name")),
        ("STATUS", lambda document: ", ".join(f"{count} {status}" for status, count in document["status"].items())),
        ("FILES", lambda document: ", ".join(document["files"])),
    ),
    "change": (("CHANGE", _field("kind")), ("PATH", _field("path"))),
    "usage": (
        ("KIND", _field("kind")),
        ("OBJECT", _object),
        ("COUNT", _field("count")),
        ("ACTIVE", _field("active")),
        ("SIZE", _bytes("bytes")),
        ("SHARED", _bytes("shared")),
        ("RECLAIMABLE", _bytes("reclaimable")),
    ),
    "event": (
        ("TIME", lambda document: str(document.get("time", ""))[:23].replace("T", " ")),
        ("TYPE", _field("type")),
        ("ACTION", _field("action")),
        ("ID", _of_object(_short_id)),
        ("NAME", _of_object(_annotation("org.ocipipe.name"))),
        ("DETAIL", _detail),
    ),
    "volume": (
        ("NAME", _field("name")),
        ("TYPE", _field("type")),
        ("SOURCE", lambda document: str(document["source"]) if document["source"] != document["mountpoint"] else ""),
        ("CREATED", lambda document: str(document.get("created", ""))[:16].replace("T", " ")),
        ("SIZE", lambda document: size(int(document["bytes"])) if "bytes" in document else ""),
        ("CONTAINERS", lambda document: ", ".join(document.get("containers", ()))),
    ),
    "finding": (
        ("SEVERITY", _field("severity")),
        ("OBJECT", _object),
        ("PROBLEM", _field("problem")),
        ("AFFECTS", _affected),
        ("REMEDY", _field("remedy")),
    ),
    "stats": (
        ("ID", _short_id),
        ("NAME", _field("name")),
        ("CPU", lambda document: _share(document["cpu"]["percent"])),
        ("MEMORY", lambda document: _of_limit(document["memory"]["usage"], document["memory"]["limit"], size)),
        ("NETWORK", lambda document: _both(document["network"]["received"], document["network"]["sent"])),
        ("BLOCK", lambda document: _both(document["block"]["read"], document["block"]["written"])),
        ("PIDS", lambda document: _of_limit(document["pids"]["current"], document["pids"]["limit"], str)),
    ),
    "process": (
        ("PID", _field("pid")),
        ("IN IT", _field("containerPid")),
        ("UID", _field("uid")),
        ("STATE", _field("state")),
        ("CPU", lambda document: f"{document['cpuSeconds']:.2f} s"),
        ("MEMORY", _bytes("memory")),
        ("COMMAND", lambda document: " ".join(document["command"])),
    ),
    "port": (
        ("CONTAINER", lambda document: str(document["container"])[:12]),
        ("PORT", lambda document: f"{document['containerPort']}/{document['protocol']}"),
        ("ON THE HOST", _field("address")),
    ),
    "container": (
        ("ID", _short_id),
        ("NAME", _annotation("org.ocipipe.name")),
        ("IMAGE", _container_image),
        ("COMMAND", _command),
        ("STATUS", _status),
        ("CREATED", _created("org.ocipipe.created")),
        ("PORTS", _annotation("org.ocipipe.ports")),
    ),
}
"""What a table shows of each document type, in this order."""

_NUMBERS = frozenset({"SIZE", "SHARED", "RECLAIMABLE", "COUNT", "ACTIVE"})
_WHOLE = frozenset({"SEVERITY", "DIGEST", "LAYER", "CREATED", "SIZE", "PLATFORM", "ID", "PID", "TIME"})
"""Columns that are never broken into two lines."""
_PIECEWISE = frozenset({"event"})
_LEAST = {"TIME": 23, "TYPE": 9, "ACTION": 13, "ID": 12, "NAME": 20}
"""Types whose rows are shown one by one, and how wide their columns are at least, so that they stand in line."""
