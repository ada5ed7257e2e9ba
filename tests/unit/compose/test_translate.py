"""A service's keys as the words that ctr-create is given; what those cannot say is refused at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_world import context

from ocipipe.cli.container_options import arguments
from ocipipe.compose import steps, translate
from ocipipe.compose.positions import ComposeError
from ocipipe.compose.project import Project, load

TOP = """
networks: {default: {name: net}, back: , lan: {driver_opts: {com.docker.network.container_iface_prefix: lan}}}
volumes: {data: }
secrets: {token: {file: ./token}}
configs: {settings: {content: x}}
"""


def project(tmp_path: Path, keys: str, more: str = "") -> Project:
    (tmp_path / "shop").mkdir(exist_ok=True)
    (tmp_path / "shop" / "token").write_text("t")
    file = tmp_path / "shop" / "compose.yaml"
    lines = "\n".join(f"    {line}" for line in keys.splitlines())
    file.write_text(f"services:\n  web:\n    image: app\n{lines}\n  db: {{image: sql}}\n{more}\n{TOP}")
    return load(context(tmp_path / "root"), [str(file)])


def words(tmp_path: Path, keys: str, around: translate.Around | None = None) -> list[str]:
    """What is said beside what every container is told."""
    found = translate.words(project(tmp_path, keys), "web", 1, around or translate.Around())
    arguments(found)  # they are ctr-create's own
    ours = ("--label=com.docker.compose.", "--name=shop-web-1", "--pull=never", "--network=net:alias=web")
    return [one for one in found if not one.startswith(ours) and one not in ("--", "app")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", []),
        ("command: sh -c 'a b'", ["sh", "-c", "a b"]),
        ("entrypoint: [run, it]\ncommand: now", ["--entrypoint=run", "it", "now"]),
        ("entrypoint: []", ["--entrypoint="]),
        ("environment: {A: b c, N: 1}", ["--env=A=b c", "--env=N=1"]),
        ("environment: [GONE]", ["--env=GONE"]),
        ("user: 7\nworking_dir: /x", ["--workdir=/x", "--user=7"]),
        ("labels: {tier: web}", ["--label=tier=web"]),
        ("annotations: {a: b}", ["--annotation=a=b"]),
        ("hostname: h\ndomainname: d", ["--hostname=h", "--domainname=d"]),
        ("init: true\ntty: true\nstdin_open: true", ["--interactive", "--tty", "--init"]),
        ("init: false", []),
        ("group_add: [3]", ["--group-add=3"]),
        ("ports: ['80', '127.0.0.1:8080:80/udp']", ["--publish=80/tcp", "--publish=127.0.0.1:8080:80/udp"]),
        ("ports: ['3000-3001:3000-3001']", ["--publish=3000:3000/tcp", "--publish=3001:3001/tcp"]),
        ("ports: [{target: 80, published: '8000-8010'}]", ["--publish=8000-8010:80/tcp"]),
        ("ports: ['[::1]:81:80']", ["--publish=[::1]:81:80/tcp"]),
        ("expose: ['80']", ["--expose=80"]),
        ("volumes: ['data:/data:ro']", ["--mount=type=volume,source=shop_data,destination=/data,readonly"]),
        ("volumes: [/cache]", ["--mount=type=volume,destination=/cache"]),
        ("volumes: ['/src:/x:ro,rslave']", ["--volume=/src:/x:ro,rslave"]),
        ("volumes: ['/a,b:/x']", ["--volume=/a,b:/x"]),
        ("volumes: [{type: bind, source: /a, target: /x, bind: {create_host_path: false}}]",
         ["--mount=type=bind,source=/a,destination=/x"]),
        ("volumes: [{type: bind, source: /a, target: /x, bind: {create_host_path: false, selinux: Z}}]",
         ["--mount=type=bind,source=/a,destination=/x,relabel=private"]),
        ("volumes: ['/a:/x:z']", ["--volume=/a:/x:z"]),
        ("isolation: default", []),
        ("volumes: [{type: bind, source: '/a:b', target: /x}]", ["--mount=type=bind,source=/a:b,destination=/x"]),
        ("volumes: [{type: bind, source: /a, target: /x, bind: {recursive: disabled}}]", ["--volume=/a:/x:bind"]),
        ("volumes: [{type: bind, source: /a, target: /x, read_only: true, bind: {recursive: writable}}]",
         ["--volume=/a:/x:ro"]),
        ("volumes: [{type: bind, source: /a, target: /x, read_only: true, bind: {recursive: readonly}}]",
         ["--volume=/a:/x:rro"]),
        ("volumes: [{type: bind, source: /a, target: /x, read_only: true,"
         " bind: {recursive: readonly, create_host_path: false}}]",
         ["--mount=type=bind,source=/a,destination=/x,readonly,bind-recursive=readonly"]),
        ("volumes: [{type: volume, source: data, target: /x, volume: {nocopy: true, subpath: a/b}}]",
         ["--mount=type=volume,source=shop_data,destination=/x,volume-nocopy=true,volume-subpath=a/b"]),
        ("volumes: [{type: tmpfs, target: /x, tmpfs: {size: 1m, mode: 0700}}]",
         ["--mount=type=tmpfs,destination=/x,tmpfs-size=1048576,tmpfs-mode=0700"]),
        ("volumes: [{type: image, source: tools, target: /x}]", ["--mount=type=image,source=tools,destination=/x"]),
        ("volumes: [{type: image, source: tools, target: /x, image: {subpath: usr/bin}}]",
         ["--mount=type=image,source=tools,destination=/x,image-subpath=usr/bin"]),
        ("tmpfs: /run", ["--tmpfs=/run"]),
        ("volumes_from: ['db:ro', 'container:other']", ["--volumes-from=db:ro", "--volumes-from=other"]),
        ("mem_limit: 64m\ncpus: 1.5\npids_limit: 9", ["--memory=67108864", "--cpus=1.5", "--pids-limit=9"]),
        ("mem_limit: 0", []),
        ("deploy: {resources: {limits: {cpus: '0.5', memory: 1g, pids: 3}}}",
         ["--memory=1073741824", "--cpus=0.5", "--pids-limit=3"]),
        ("ulimits: {nofile: {soft: 1, hard: 2}, core: -1}", ["--ulimit=nofile=1:2", "--ulimit=core=-1:-1"]),
        ("blkio_config: {weight: 20, device_read_bps: [{path: /dev/sda, rate: 1m}]}",
         ["--blkio-weight=20", "--device-read-bps=/dev/sda:1048576"]),
        ("blkio_config: {weight_device: [{path: /dev/sda, weight: 10}]}", ["--blkio-weight-device=/dev/sda:10"]),
        ("cap_add: [NET_ADMIN]\ncap_drop: [ALL]\nprivileged: true\nread_only: true",
         ["--cap-add=NET_ADMIN", "--cap-drop=ALL", "--privileged", "--read-only"]),
        ("sysctls: {net.core.somaxconn: 9}", ["--sysctl=net.core.somaxconn=9"]),
        ("devices: ['/dev/fuse', 'vendor.com/class=one']", ["--device=/dev/fuse:/dev/fuse:rwm",
                                                             "--device=vendor.com/class=one"]),
        ("gpus: all", ["--gpus=all"]),
        ("deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 2, capabilities: [gpu]}]}}}",
         ["--gpus=2"]),
        ("restart: on-failure:3", ["--restart=on-failure:3"]),
        ("deploy: {restart_policy: {condition: on-failure, max_attempts: 3, delay: 5s, window: 120s}}",
         ["--restart=on-failure:3", "--restart-delay=5s", "--restart-window=2m0s"]),
        ("restart: always\ndeploy: {restart_policy: {delay: 0s}}", ["--restart=always", "--restart-delay=0s"]),
        ("deploy: {restart_policy: {condition: none, delay: 5s, window: 1m}}", ["--restart=no"]),
        ("stop_signal: INT\nstop_grace_period: 1m1.2s", ["--stop-signal=INT", "--stop-timeout=62"]),
        ("logging: {driver: json-file, options: {max-size: 1m}}", ["--log-driver=json", "--log-opt=max-size=1m"]),
        ("logging: {driver: none}", ["--log-driver=none"]),
        ("healthcheck: {test: 'a || b', interval: 1s, retries: 2}",
         ['--health-cmd=["CMD-SHELL","a || b"]', "--health-interval=1s", "--health-retries=2"]),
        ("healthcheck: {test: [CMD, a, b]}", ['--health-cmd=["CMD","a","b"]']),
        ("healthcheck: {disable: true}", ["--no-healthcheck"]),
        ("healthcheck: {test: [NONE]}", ["--no-healthcheck"]),
        ("platform: linux/arm64\nruntime: crun", ["--platform=linux/arm64", "--runtime=crun"]),
        ("network_mode: host", ["--network=host"]),
        ("network_mode: service:db\npid: service:db", ["--network=container:db", "--pid=container:db"]),
        ("network_mode: container:x\nipc: host\nuts: host", ["--network=container:x", "--ipc=host", "--uts=host"]),
        ("networks: {back: {aliases: [w], ipv4_address: 10.1.0.9, priority: 5}, default: {}}",
         ["--network=shop_back:alias=web,alias=w,ip=10.1.0.9"]),
        ("networks: {back: {link_local_ips: [169.254.8.8, 'fe80::8']}}",
         ["--network=shop_back:alias=web,link-local=169.254.8.8,link-local=fe80::8"]),
        ("networks: {back: {}, default: {gw_priority: 1}}", ["--network=shop_back:alias=web"]),
        ("networks: {back: {driver_opts: {com.docker.network.endpoint.ifname: lan0}}}",
         ["--network=shop_back:alias=web,interface=lan0"]),
        ("networks: {default: {priority: 1}, back: {driver_opts: {com.docker.network.endpoint.sysctls: "
         "'net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.forwarding=0'}}}",
         ["--sysctl=net.ipv4.conf.eth1.log_martians=1", "--sysctl=net.ipv6.conf.eth1.forwarding=0",
          "--network=shop_back:alias=web,interface=eth1"]),
        ("networks: {lan: {driver_opts: {com.docker.network.endpoint.sysctls: net.ipv6.conf.IFNAME.forwarding=0}}}",
         ["--sysctl=net.ipv6.conf.lan0.forwarding=0", "--network=shop_lan:alias=web,interface=lan0"]),
        ("mac_address: 02:00:00:00:00:09", []),
        ("dns: 9.9.9.9\ndns_search: [a, b]\ndns_opt: ['ndots:2']",
         ["--dns=9.9.9.9", "--dns-search=a", "--dns-search=b", "--dns-option=ndots:2"]),
        ("external_links: [other, 'old:sql']", ["--link=other", "--link=old:sql"]),
        ("extra_hosts: {db: 10.0.0.1}", ["--add-host=db:10.0.0.1"]),
        ("cgroup: host\nuserns_mode: host\ncgroup_parent: /x",
         ["--cgroup-parent=/x", "--cgroupns=host", "--userns=host"]),
        ("userns_mode: auto:size=2001", ["--userns=auto:size=2001"]),
        ("shm_size: 1m\noom_score_adj: -5", ["--shm-size=1048576", "--oom-score-adj=-5"]),
    ],
)  # fmt: skip
def test_words(tmp_path: Path, keys: str, said: list[str]) -> None:
    assert words(tmp_path, keys) == said


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ("userns_mode: container:x", "userns_mode", "'container:x' is not supported"),
        ("userns_mode: auto:size=x", "userns_mode", "x is no count of ids"),
        ("uts: service:db", "uts", "is not supported"),
        ("logging: {driver: gelf}", "logging.driver", "there is no log driver gelf"),
        ("logging: {options: {tag: x}}", "logging.options.tag", "has no option tag"),
        ("external_links: [db]\nnetwork_mode: host", "external_links", "is for a service on networks"),
        ("external_links: ['db:a b']", "external_links[0]", "is not CONTAINER[:NAME]"),
        ("blkio_config: {weight_device: [{path: /dev/sda, weight: 9}]}", "blkio_config.weight_device[0]",
         "is not DEVICE:WEIGHT"),
        ("ulimits: {nofoo: 1}", "ulimits.nofoo", "is not NAME=SOFT"),
        ("stop_signal: SIGFOO", "stop_signal", "is no signal"),
        ("labels: {com.docker.compose.project: x}", "labels.com.docker.compose.project", "is a label of our own"),
        ("networks: {default: {link_local_ips: [10.0.0.1]}}", "networks.default", "is no link-local address"),
        ("networks: {default: {driver_opts: {a: b}}}", "networks.default.driver_opts.a", "is not supported"),
        ("networks: {default: {driver_opts: {com.docker.network.endpoint.sysctls: a=b}}}",
         "networks.default.driver_opts.com.docker.network.endpoint.sysctls", "'a=b' is no setting"),
        ("networks: {default: {interface_name: a, driver_opts: {com.docker.network.endpoint.ifname: b}}}",
         "networks.default.driver_opts.com.docker.network.endpoint.ifname", "interface_name says a"),
        ("networks: {default: {ipv4_address: nowhere}}", "networks.default", "is no address"),
        ("networks: {default: {aliases: ['a b']}}", "networks.default", "is no alias"),
        ("gpus: [{driver: amd}]", "gpus[0]", "is not NVIDIA's"),
        ("tmpfs: ['/x:foo=1']", "tmpfs[0]", "option foo=1 is not supported"),
        ("device_cgroup_rules: [x]", "device_cgroup_rules[0]", "is not TYPE MAJOR:MINOR ACCESS"),
        ("volumes: [{type: bind, source: /a, target: /x, bind: {recursive: readonly}}]", "volumes[0].bind.recursive",
         "is of what is read-only"),
        ("volumes: [{type: bind, source: '/a:b,c', target: /x}]", "volumes[0]", "has a comma"),
        ("hostname: -x", "hostname", "is no host name"),
    ],
)  # fmt: skip
def test_what_cannot_be_said(tmp_path: Path, keys: str, key: str, problem: str) -> None:
    with pytest.raises(ComposeError) as caught:
        words(tmp_path, keys)
    error: Any = caught.value
    assert error.detail["key"] == f"services.web.{key}"
    assert error.detail["line"] >= 1
    assert problem in str(error)


def test_what_is_around(tmp_path: Path) -> None:
    around = translate.Around()
    around.names = {"db": "shop-db-2"}
    around.kept = {"/cache": "f" * 64, "/image": "e" * 64}
    around.files = {("secrets", "token", "", "", ""): "/run/token", ("configs", "settings", "", "", "256"): "/c:d"}
    around.entrypoint = ["/entry", "-x"]
    keys = "pid: service:db\nvolumes: [/cache]\nsecrets: [token]\ncommand: []"
    assert words(tmp_path, keys, around) == [
        "--pid=container:shop-db-2", f"--mount=type=volume,source={'f' * 64},destination=/cache",
        f"--volume={'e' * 64}:/image", "--volume=/run/token:/run/secrets/token:ro", "--entrypoint=/entry", "-x",
    ]  # fmt: skip
    around.nameless = frozenset({"net"})
    said = translate.words(project(tmp_path, ""), "web", 3, around)
    assert "--network=net" in said
    assert said[0] == "--name=shop-web-3"


def test_links_are_names_of_the_other(tmp_path: Path) -> None:
    found = translate.words(project(tmp_path, "links: ['db:sql', db]"), "db", 1, translate.Around())
    assert "--network=net:alias=db,alias=sql" in found


def test_one_off(tmp_path: Path) -> None:
    wish = translate.Wish()
    wish.name, wish.command, wish.words = "shop-web-run-1", ["ls"], ["--env=A=2", "--restart=no"]
    keys = "command: serve\nports: ['80']\nrestart: always\nenvironment: {A: 1}\nentrypoint: [e, f]\n"
    keys += "networks: {default: {aliases: [other]}}"
    found = translate.words(project(tmp_path, keys), "web", 1, translate.Around(), wish)
    assert found[0] == "--name=shop-web-run-1"
    assert found[-5:] == ["--entrypoint=e", "--", "app", "f", "ls"]
    assert not [one for one in found if one.startswith("--publish")]
    assert "--label=com.docker.compose.oneoff=True" in found
    assert "--network=net" in found
    made = arguments(found)
    assert (made.restart, made.env) == ("no", ["A=1", "A=2"])
    wish.aliases = True
    found = translate.words(project(tmp_path, keys), "web", 1, translate.Around(), wish)
    assert "--network=net:alias=web,alias=other" in found


@pytest.mark.parametrize(("command", "said"), [(None, []), (["-a"], ["-a"])])
def test_another_entrypoint_has_not_the_command_of_the_service(
    tmp_path: Path, command: list[str] | None, said: list[str]
) -> None:
    wish = translate.Wish()
    wish.command, wish.words = command, ["--entrypoint=env"]
    found = translate.words(
        project(tmp_path, "command: serve\nentrypoint: [e, f]"), "web", 1, translate.Around(), wish
    )
    assert found[found.index("--entrypoint=env") :] == ["--entrypoint=env", "--", "app", *said]


def test_a_step_before_the_start(tmp_path: Path) -> None:
    keys = """
command: serve
entrypoint: [e, f]
user: "7"
environment: {A: 1}
ports: ["80"]
healthcheck: {test: "true"}
logging: {driver: none}
volumes: ["data:/data", /own]
pre_start:
  - {command: a b, image: tools, user: root, working_dir: /x, privileged: true, environment: {A: 2}}
"""
    own = project(tmp_path, keys)
    around = translate.Around()
    around.kept = {"/own": "f" * 64}
    found = steps.words(own, "web", 3, around, own.service("web")["pre_start"][0])
    assert found[0] == "--name=shop-web-3-pre_start"
    assert found[-4:] == ["--", "tools", "a", "b"]
    assert not [one for one in found if one.startswith(("--publish", "--health", "--log", "--entrypoint"))]
    assert {"--network=net", f"--mount=type=volume,source={'f' * 64},destination=/own", "--privileged"} <= set(found)
    made = arguments(found)
    assert (made.user, made.workdir, made.env, made.restart) == ("root", "/x", ["A=1", "A=2"], "no")
