"""Ports and volumes, in the short form and the long one."""

from __future__ import annotations

from typing import Any

import pytest
from composing import refusal, service


def port(target: int, published: str = "", host_ip: str = "", protocol: str = "tcp", mode: str = "ingress") -> Any:
    given = {"host_ip": host_ip, "mode": mode, "protocol": protocol, "published": published, "target": target}
    return {key: value for key, value in given.items() if value}


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("80", [port(80)]),
        ("'80'", [port(80)]),
        ("'8080:80'", [port(80, "8080")]),
        ("8080:80", [port(80, "8080")]),
        ("22:22", [port(22, "22")]),
        ("3306:3306", [port(3306, "3306")]),
        ("'53:53/udp'", [port(53, "53", protocol="udp")]),
        ("'53/UDP'", [port(53, protocol="udp")]),
        ("'5:5/sctp'", [port(5, "5", protocol="sctp")]),
        ("'127.0.0.1:8080:80'", [port(80, "8080", "127.0.0.1")]),
        ("'127.0.0.1::80'", [port(80, "", "127.0.0.1")]),
        ("'0.0.0.0:8080:80'", [port(80, "8080", "0.0.0.0")]),
        ("'[::1]:8080:80'", [port(80, "8080", "::1")]),
        ("'::1:8080:80'", [port(80, "8080", "::1")]),
        ("'[fe80::1]:8080:80/udp'", [port(80, "8080", "fe80::1", "udp")]),
        ("'80-82'", [port(80), port(81), port(82)]),
        ("'8080-8082:80-82'", [port(80, "8080"), port(81, "8081"), port(82, "8082")]),
        ("'8080-8090:80'", [port(80, "8080-8090")]),
        ("'8080-8080:80'", [port(80, "8080")]),
        ("'0:80'", [port(80, "0")]),
        ("'127.0.0.1:90-91:90-91/udp'", [port(90, "90", "127.0.0.1", "udp"), port(91, "91", "127.0.0.1", "udp")]),
        ("{target: 80}", [port(80)]),
        ("{target: '80', published: 8080}", [port(80, "8080")]),
        ("{target: 80, published: '8080-8090'}", [port(80, "8080-8090")]),
        ("{target: 80, protocol: UDP}", [port(80, protocol="udp")]),
        ("{target: 80, published: '', host_ip: ''}", [port(80)]),
        ("{target: 80, host_ip: '[::1]', mode: host}", [port(80, "", "::1", mode="host")]),
        ("{target: 80, name: web, app_protocol: http}", [{**port(80), "name": "web", "app_protocol": "http"}]),
    ],
)
def test_ports(text: str, ports: list[Any]) -> None:
    assert service(f"ports: [{text}]")["ports"] == ports


LIKE = '(like "8080:80", "127.0.0.1:8080:80" or "3000-3005:3000-3005/udp")'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("http", f"[0]: 'http' is no port {LIKE}"),
        ("''", f"[0]: '' is no port {LIKE}"),
        ("'80:'", f"[0]: '80:' is no port {LIKE}"),
        ("'70000'", f"[0]: '70000' is no port {LIKE}"),
        ("'0'", f"[0]: '0' is no port {LIKE}"),
        ("'82-80'", f"[0]: '82-80' is no port {LIKE}"),
        ("'80:82-84'", f"[0]: '80:82-84' has ranges of different lengths {LIKE}"),
        ("'127.0.0.1:80'", f"[0]: '127.0.0.1:80' is no port {LIKE}"),
        ("'80-82:90-95'", f"[0]: '80-82:90-95' has ranges of different lengths {LIKE}"),
        ("'localhost:80:80'", f"[0]: 'localhost:80:80': 'localhost' is no address {LIKE}"),
        ("'80/icmp'", "[0]: '80/icmp' has no protocol that is known (tcp, udp or sctp)"),
        ("'a:b:80:80'", f"[0]: 'a:b:80:80': 'a:b' is no address {LIKE}"),
        ("{published: 80}", "[0]: lacks target"),
        ("{target: 0}", "[0].target: is 0, less than 1"),
        ("{target: x}", "[0].target: 'x' is no whole number"),
        (
            "{target: 80, published: x}",
            '[0].published: \'x\' is no port or range of ports (like "8080" or "8080-8090")',
        ),
        ("{target: 80, host_ip: x}", "[0].host_ip: 'x' is no address (like 127.0.0.1 or ::1)"),
        ("{target: 80, mode: x}", '[0].mode: is "x", not "ingress" or "host"'),
        ("{target: 80, protocol: x}", '[0].protocol: is "x", not "tcp" or "udp" or "sctp"'),
        ("1.5", "[0]: is 1.5, not an object"),
        ("{target: 80, port: 1}", "[0].port: is no key of Compose here (see compose-spec)"),
    ],
)
def test_ports_refused(text: str, message: str) -> None:
    assert refusal(service, f"ports: [{text}]") == f"compose.yaml:3: services.web.ports{message}"


def bind(source: str, target: str, **details: Any) -> Any:
    return {"type": "bind", "source": source, "target": target, "bind": {"create_host_path": True, **details}}


VOLUMES = [
    ("/cache", {"type": "volume", "target": "/cache"}),
    ("data:/data", {"type": "volume", "source": "data", "target": "/data"}),
    ("data:/data:ro", {"type": "volume", "source": "data", "target": "/data", "read_only": True}),
    ("data:/data:rw", {"type": "volume", "source": "data", "target": "/data"}),
    ("data:/data:nocopy", {"type": "volume", "source": "data", "target": "/data", "volume": {"nocopy": True}}),
    (
        "'data:/data:ro,nocopy'",
        {"type": "volume", "source": "data", "target": "/data", "read_only": True, "volume": {"nocopy": True}},
    ),
    ("data:/data/", {"type": "volume", "source": "data", "target": "/data"}),
    ("./src:/src", bind("/srv/app/src", "/src")),
    (".:/src", bind("/srv/app", "/src")),
    ("../src:/src", bind("/srv/src", "/src")),
    ("/abs:/src", bind("/abs", "/src")),
    ("~/src:/src", bind("/home/me/src", "/src")),
    ("~:/src", bind("/home/me", "/src")),
    (".hidden:/src", bind("/srv/app/.hidden", "/src")),
    ("./src:/src:ro", {**bind("/srv/app/src", "/src"), "read_only": True}),
    ("./src:/src:z", bind("/srv/app/src", "/src", selinux="z")),
    ("'./src:/src:Z,ro'", {**bind("/srv/app/src", "/src", selinux="Z"), "read_only": True}),
    ("./src:/src:rshared", bind("/srv/app/src", "/src", propagation="rshared")),
    ("./src:/src:cached", bind("/srv/app/src", "/src")),
    ("/var/run/docker.sock:/var/run/docker.sock", bind("/var/run/docker.sock", "/var/run/docker.sock")),
    ("data:/data:z", {"type": "volume", "source": "data", "target": "/data"}),
    ("{type: volume, target: /a}", {"type": "volume", "target": "/a"}),
    ("{type: bind, source: ./a, target: /a}", bind("/srv/app/a", "/a")),
    (
        "{type: bind, source: ./a, target: /a, read_only: 'true', consistency: delegated}",
        {**bind("/srv/app/a", "/a"), "read_only": True},
    ),
    (
        "{type: bind, source: a, target: /a, bind: {create_host_path: no}}",
        bind("/srv/app/a", "/a", create_host_path=False),
    ),
    (
        "{type: volume, source: d, target: /a, volume: {nocopy: true, subpath: x/y}}",
        {"type": "volume", "source": "d", "target": "/a", "volume": {"nocopy": True, "subpath": "x/y"}},
    ),
    (
        "{type: tmpfs, target: /t, tmpfs: {size: 1m, mode: '1777'}}",
        {"type": "tmpfs", "target": "/t", "tmpfs": {"size": 1 << 20, "mode": "01777"}},
    ),
    (
        "{type: image, source: a:1, target: /i, image: {subpath: usr}}",
        {"type": "image", "source": "a:1", "target": "/i", "image": {"subpath": "usr"}},
    ),
]


@pytest.mark.parametrize(("text", "mount"), VOLUMES)
def test_volumes(text: str, mount: Any) -> None:
    assert service(f"volumes: [{text}]")["volumes"] == [mount]


VOLUME = '(like "data:/var/lib/data", "./src:/src:ro" or "/cache")'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("''", f": '' is no volume {VOLUME}"),
        ("a:b", f": the target 'b' is no absolute path {VOLUME}"),
        ("cache", f": the target 'cache' is no absolute path {VOLUME}"),
        ("'a:/b:ro:x'", f": 'a:/b:ro:x' is no volume {VOLUME}"),
        ("'a::/b'", f": 'a::/b' is no volume {VOLUME}"),
        ("a:/b:fast", ": 'a:/b:fast': 'fast' is no option of a volume (ro, rw, z, nocopy, rshared, …)"),
        ("./a:/b:nocopy", ": './a:/b:nocopy': 'nocopy' is no option of a bind (ro, rw, z, nocopy, rshared, …)"),
        ("a:/b:rslave", ": 'a:/b:rslave': 'rslave' is no option of a volume (ro, rw, z, nocopy, rshared, …)"),
        ("{type: bind, target: /a}", ": a bind mount needs a source"),
        ("{type: tmpfs, source: a, target: /a}", ": a tmpfs has no source (take it away)"),
        ("{type: image, target: /a}", ": an image mount needs a source, the image"),
        ("{type: volume}", ": has no target (say where in the container it is mounted)"),
        ("{source: a, target: /a}", ": lacks type"),
        ("{type: npipe, target: /a}", '.type: is "npipe", not "bind" or "volume" or "tmpfs" or "image"'),
        (
            "{type: volume, source: a, target: /a, bind: {propagation: shared}}",
            ".bind: stands at a mount of type volume (take it away)",
        ),
        (
            "{type: volume, source: a, target: /a, volume: {subpath: ../x}}",
            ".volume.subpath: '../x' leads out of what is mounted (write a path below its root)",
        ),
        (
            "{type: tmpfs, target: /a, tmpfs: {size: big}}",
            ".tmpfs.size: 'big' is no size in bytes (like 65536, 512k, 64m or 1.5g)",
        ),
        (
            "{type: bind, source: ., target: /a, bind: {propagation: up}}",
            '.bind.propagation: is "up", not "private" or "rprivate" or "shared" or "rshared" or "slave" or "rslave"',
        ),
        (
            "{type: volume, target: /a, readonly: true}",
            ".readonly: is no key of Compose here (did you mean read_only?)",
        ),
        ("{type: volume, target: /a, consistency: slow}", ".consistency: is no key of Compose here (see compose-spec)"),
        ("5", ": is 5, not an object"),
    ],
)
def test_volumes_refused(text: str, message: str) -> None:
    assert refusal(service, f"volumes: [{text}]") == f"compose.yaml:3: services.web.volumes[0]{message}"
