"""ctr-port: which ports of the host lead to containers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boxes
import nethosts
import pytest
from commands import Commands
from images import Image
from nethosts import Host

from oci_spec import validate


@pytest.fixture
def host(run: Commands, store_root: Path, busybox_image: Image) -> Iterator[Host]:
    busybox_image.into_store(store_root, boxes.NAME)
    with nethosts.host(run) as found:
        yield found


def test_what_is_published(host: Host) -> None:
    host.run("net-create", "lab", "--ipv6")
    web = host.box("web", "--network", "lab", "-p", "8080:80", "-p", "127.0.0.1::80", "-p", "[::1]:53:53/udp")
    found = host.json("ctr-port", "web")
    for one in found:
        validate.check("port", one, "a port")
        assert one["container"] == host.json("ctr-inspect", "web")[0]["record"]["id"]
    free = found[1]["hostPort"]
    assert [(one["containerPort"], one["protocol"], one["address"], one.get("hostIP")) for one in found] == [
        (80, "tcp", "0.0.0.0:8080", None),
        (80, "tcp", f"127.0.0.1:{free}", "127.0.0.1"),
        (53, "udp", "[::1]:53", "::1"),
    ]
    assert web.ports == f"8080:80/tcp 127.0.0.1:{free}:80/tcp [::1]:53:53/udp"
    assert host.json("ctr-port", "web", "80") == host.json("ctr-port", "web", "80/TCP") == found[:2]
    assert host.run("ctr-port", "-q", "web", "53/udp").out == b"[::1]:53\n"
    web.serve("tcp", 80)
    assert host.ask("tcp", "127.0.0.1", free).startswith("web ")


def test_all_that_is_exposed(host: Host, tmp_path: Path) -> None:
    """By the image or by --expose, on free ports; what -p names as well stays where that has it."""
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text("FROM busybox\nEXPOSE 80 53/udp\n")
    host.run("img-build", "-t", "exposes", tmp_path / "context")
    more = ["--expose", "7000-7001", "--expose", "80", "-p", "8053:53/udp"]
    (made,) = host.json("ctr-run", "-d", "--name", "web", "-P", *more, "exposes", "sleep", "1000")
    found = {(one["containerPort"], one["protocol"]): one["hostPort"] for one in host.json("ctr-port", "web")}
    assert set(found) == {(80, "tcp"), (53, "udp"), (7000, "tcp"), (7001, "tcp")}
    assert found.pop((53, "udp")) == 8053
    assert min(found.values()) >= 49152
    nethosts.Box(host, made).serve("tcp", 80)
    assert host.ask("tcp", "127.0.0.1", found[80, "tcp"]).startswith("web ")
    for wrong, why in (("8080:80", "is a port of the host"), ("x", "x is no port"), ("80/icmp", "icmp is no protocol")):
        assert host.refused("ctr-run", "--expose", wrong, "busybox").startswith(f"--expose {wrong}: {why}")


def test_from_a_pipe_and_several(host: Host) -> None:
    host.box("one", "-p", "8081:80")
    host.box("two", "-p", "8082:80")
    host.box("none")
    ports = host.run.shell("ctr-ps | ctr-port -q").out.split()
    assert sorted(ports) == [b"0.0.0.0:8081", b"0.0.0.0:8082"]
    done = host.run.shell("ctr-ps | ctr-port -q - 80", status=1)
    assert sorted(done.out.split()) == sorted(ports)
    (error,) = done.errors
    assert error["message"] == "none: port 80/tcp is not published (ctr-port lists what is)"


def test_what_does_not_run_publishes_nothing(host: Host) -> None:
    host.box("web", "-p", "8080:80")
    assert len(host.json("ctr-port", "web")) == 1
    host.run("ctr-stop", "-t", "0", "web")
    assert host.json("ctr-port", "web") == []
    assert host.refused("ctr-port", "web", "80") == "web: port 80/tcp is not published (ctr-port lists what is)"


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["none"], 1, "none: no such container"),
        (["none", "0"], 2, "0: is no port (like 80 or 53/udp)"),
        (["none", "http"], 2, "http: is no port (like 80 or 53/udp)"),
        (["none", "80/icmp"], 2, "80/icmp: icmp is no protocol (tcp, udp or sctp)"),
    ],
)
def test_refusals(host: Host, argv: list[str], status: int, words: str) -> None:
    done = host.run("ctr-port", *argv, status=status)
    (error,) = done.errors
    assert (done.out, str(error["message"]).startswith(words)) == (b"", True), error
