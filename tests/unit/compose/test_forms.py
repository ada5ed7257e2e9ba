"""Short forms and long ones, key by key: what each is brought to, and what makes no sense."""

from __future__ import annotations

from typing import Any

import pytest
from composing import canonicalized, refusal, service

from ocipipe.compose.scalars import go_duration, written


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0s", "0s"),
        ("1s", "1s"),
        ("90s", "1m30s"),
        ("1m30s", "1m30s"),
        ("60m", "1h0m0s"),
        ("1h", "1h0m0s"),
        ("1h1s", "1h0m1s"),
        ("500ms", "500ms"),
        ("1500ms", "1.5s"),
        ("0.5s", "500ms"),
        ("1us", "1µs"),
        ("1ns", "1ns"),
        ("1.5m", "1m30s"),
        ("1d", "24h0m0s"),
        ("1w", "168h0m0s"),
        ("0", "0s"),
    ],
)
def test_durations(text: str, value: str) -> None:
    assert service(f'stop_grace_period: "{text}"')["stop_grace_period"] == value


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (3661.25, "1h1m1.25s"), (0.0000015, "1.5µs"), (59.999, "59.999s")]
)
def test_go_duration(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (-1, "-1"),
        (1.5, "1.5"),
        (1.0, "1"),
        (1.10, "1.1"),
        (0.0001, "0.0001"),
        (1e6, "1e+06"),
        (1234567.5, "1.2345675e+06"),
        (-2.5e7, "-2.5e+07"),
        ("x", "x"),
        (10**20, "1" + "0" * 20),
    ],
)
def test_scalars_as_text(value: Any, text: str) -> None:
    """As Go prints what a YAML number was read as."""
    assert written(value) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50", 50),
        ("'50'", 50),
        ("50b", 50),
        ("1k", 1024),
        ("1kb", 1024),
        ("1m", 1 << 20),
        ("1mb", 1 << 20),
        ("1MiB", 1 << 20),
        ("1g", 1 << 30),
        ("1.5G", 3 << 29),
        ("-1", -1),
        ("0", 0),
        ("64M", 64 << 20),
        ("1e3", 1000),
    ],
)
def test_sizes(text: str, value: int) -> None:
    assert service(f"memswap_limit: {text}")["memswap_limit"] == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("yes", True), ("on", True), ("'true'", True), ("'YES'", True), ("'1'", True), ("y", True),
        ("false", False), ("no", False), ("off", False), ("'no'", False), ("n", False), ("'0'", False),
    ],
)  # fmt: skip
def test_flags(text: str, value: bool) -> None:
    assert service(f"privileged: {text}")["privileged"] is value


LISTS = [
    ("command: ls -l '/a b'", ["ls", "-l", "/a b"]),
    ('command: "sh -c \\"echo $$X; ls\\""', ["sh", "-c", "echo $X; ls"]),
    ("command: a | b > c && d", ["a", "|", "b", ">", "c", "&&", "d"]),
    ("command: []", []),
    ("command: ''", []),
    ("command: ", None),
    ("command: [a, 'b c']", ["a", "b c"]),
    ("command: a\\ b", ["a b"]),
    ("command: 'a # b'", ["a", "#", "b"]),
    ("command: >\n  one\n  two", ["one", "two"]),
    ("command: |\n  a \\\n  b", ["a", "b"]),
    ("entrypoint: /run.sh -v", ["/run.sh", "-v"]),
    ("entrypoint: []", []),
    ("entrypoint: ", None),
    ("dns: 1.1.1.1", ["1.1.1.1"]),
    ("dns: [1.1.1.1, 9.9.9.9]", ["1.1.1.1", "9.9.9.9"]),
    ("dns_search: a.example", ["a.example"]),
    ("tmpfs: /run", ["/run"]),
    ("tmpfs: ['/run:size=1m']", ["/run:size=1m"]),
    ("group_add: [1000, mail]", ["1000", "mail"]),
    ("expose: [80, '81/udp', 90-92]", ["80", "81/udp", "90-92"]),
    ("cap_add: [ALL]", ["ALL"]),
    (
        "extra_hosts: ['a:1.2.3.4', 'b=::1', 'c:[::1]', 'd:host-gateway']",
        ["a=1.2.3.4", "b=::1", "c=::1", "d=host-gateway"],
    ),
    ("extra_hosts: {a: 1.2.3.4, b: ['::1', 1.1.1.1]}", ["a=1.2.3.4", "b=::1", "b=1.1.1.1"]),
    ("label_file: a.labels", ["/srv/app/a.labels"]),
    ("label_file: [a, /b]", ["/srv/app/a", "/b"]),
    ("env_file: a.env", [{"path": "/srv/app/a.env", "required": True}]),
    (
        "env_file: [a.env, {path: ../b.env, required: no, format: raw}]",
        [{"path": "/srv/app/a.env", "required": True}, {"path": "/srv/b.env", "required": False, "format": "raw"}],
    ),
    ("gpus: all", [{"count": -1}]),
    ("gpus: [{driver: nvidia, count: 2}]", [{"driver": "nvidia", "count": 2}]),
    ("gpus: [{count: all, capabilities: [gpu]}]", [{"count": -1, "capabilities": ["gpu"]}]),
    ("devices: [/dev/fuse]", [{"source": "/dev/fuse", "target": "/dev/fuse", "permissions": "rwm"}]),
    ("devices: ['/dev/a:/dev/b']", [{"source": "/dev/a", "target": "/dev/b", "permissions": "rwm"}]),
    ("devices: ['/dev/a:/dev/b:r']", [{"source": "/dev/a", "target": "/dev/b", "permissions": "r"}]),
    ("devices: ['/dev/a:rw']", [{"source": "/dev/a", "target": "/dev/a", "permissions": "rw"}]),
    (
        "devices: [vendor.example/gpu=0]",
        [{"source": "vendor.example/gpu=0", "target": "vendor.example/gpu=0", "permissions": "rwm"}],
    ),
    ("devices: [{source: /dev/a}]", [{"source": "/dev/a", "target": "/dev/a", "permissions": "rwm"}]),
    ("secrets: [a]", [{"source": "a", "target": "/run/secrets/a"}]),
    ("secrets: [{source: a, target: b, mode: 0400}]", [{"source": "a", "target": "/run/secrets/b", "mode": "0400"}]),
    (
        "secrets: [{source: a, target: /etc/b, uid: 5, mode: '440'}]",
        [{"source": "a", "target": "/etc/b", "uid": "5", "mode": "0440"}],
    ),
    ("configs: [a]", [{"source": "a", "target": "/a"}]),
    ("configs: [{source: a, target: b}]", [{"source": "a", "target": "/b"}]),
    ("post_start: [{command: a b}]", [{"command": ["a", "b"]}]),
    (
        "pre_start: [{command: a b, image: c, user: 0, per_replica: 'true', environment: [D=e]}]",
        [{"command": ["a", "b"], "image": "c", "user": "0", "per_replica": True, "environment": {"D": "e"}}],
    ),
]


@pytest.mark.parametrize(("text", "value"), LISTS)
def test_lists(text: str, value: Any) -> None:
    found = service(text)
    assert found[text.partition(":")[0]] == value


MAPPINGS = [
    ("environment: {A: 1, B: , C: true, D: 1.10, E: x}", {"A": "1", "B": None, "C": "true", "D": "1.1", "E": "x"}),
    ("environment: [A=1, B, C=, 'D=a=b']", {"A": "1", "B": None, "C": "", "D": "a=b"}),
    ("environment: []", {}),
    ("labels: {a: , b: no, c: 0644}", {"a": "", "b": "no", "c": "420"}),
    ("labels: [a, b=1]", {"a": "", "b": "1"}),
    ("annotations: [a=b]", {"a": "b"}),
    ("sysctls: [net.core.somaxconn=1024]", {"net.core.somaxconn": "1024"}),
    ("sysctls: {net.core.somaxconn: 1024}", {"net.core.somaxconn": "1024"}),
    (
        "depends_on: [a, b]",
        {
            "a": {"condition": "service_started", "required": True},
            "b": {"condition": "service_started", "required": True},
        },
    ),
    (
        "depends_on: {a: {condition: service_healthy, restart: true}}",
        {"a": {"condition": "service_healthy", "required": True, "restart": True}},
    ),
    (
        "depends_on: {a: {condition: service_completed_successfully, required: false, restart: false}}",
        {"a": {"condition": "service_completed_successfully", "required": False}},
    ),
    ("depends_on: {a: }", {"a": {"condition": "service_started", "required": True}}),
    ("networks: [a, b]", {"a": {}, "b": {}}),
    ("networks: {a: , b: {aliases: [x], priority: 5}}", {"a": {}, "b": {"aliases": ["x"], "priority": 5}}),
    (
        "ulimits: {nofile: 5, nproc: {soft: 1, hard: '2'}}",
        {"nofile": {"soft": 5, "hard": 5}, "nproc": {"soft": 1, "hard": 2}},
    ),
    ("ulimits: {core: -1}", {"core": {"soft": -1, "hard": -1}}),
    ("build: ./web", {"context": "/srv/app/web"}),
    ("build: .", {"context": "/srv/app"}),
    ("build: ~/x", {"context": "/home/me/x"}),
    ("build: https://example.org/a.git#main:sub", {"context": "https://example.org/a.git#main:sub"}),
    ("build: git@example.org:a.git", {"context": "git@example.org:a.git"}),
    (
        "build: {context: .., args: [A=1, B], target: t}",
        {"context": "/srv", "args": {"A": "1", "B": None}, "target": "t"},
    ),
    (
        "build: {additional_contexts: {a: ./a, b: 'docker-image://c', d: 'service:e'}}",
        {"additional_contexts": {"a": "/srv/app/a", "b": "docker-image://c", "d": "service:e"}},
    ),
    ("build: {ssh: {default: , key: ./id}}", {"ssh": ["default", "key=./id"]}),
    ('build: {dockerfile_inline: "FROM a\\nRUN b\\n"}', {"dockerfile_inline": "FROM a\nRUN b\n"}),
    ("healthcheck: {test: curl x}", {"test": ["CMD-SHELL", "curl x"]}),
    ("healthcheck: {test: [CMD, a, b]}", {"test": ["CMD", "a", "b"]}),
    ("healthcheck: {test: [NONE]}", {"test": ["NONE"]}),
    ("healthcheck: {disable: yes}", {"disable": True}),
    (
        "healthcheck: {test: x, interval: 60s, retries: '5'}",
        {"test": ["CMD-SHELL", "x"], "interval": "1m0s", "retries": 5},
    ),
    (
        "logging: {driver: local, options: {max-size: 10m, max-file: 3}}",
        {"driver": "local", "options": {"max-size": "10m", "max-file": "3"}},
    ),
    (
        "deploy: {replicas: '2', resources: {limits: {cpus: 0.5, memory: 1g}}}",
        {"replicas": 2, "resources": {"limits": {"cpus": "0.5", "memory": "1073741824"}}},
    ),
    (
        "deploy: {resources: {reservations: {cpus: '1.0', devices: [{capabilities: [gpu], count: all}]}}}",
        {"resources": {"reservations": {"cpus": "1", "devices": [{"capabilities": ["gpu"], "count": -1}]}}},
    ),
    (
        "develop: {watch: [{path: src, action: sync, target: /src, ignore: [a/]}]}",
        {"watch": [{"path": "/srv/app/src", "action": "sync", "target": "/src", "ignore": ["a/"]}]},
    ),
    ("build: {sbom: yes, provenance: 'false'}", {"sbom": True, "provenance": False}),
    ("build: {provenance: mode=max}", {"provenance": "mode=max"}),
    ("build: {cache_from: [a, 'type=local,src=b']}", {"cache_from": ["type=registry,ref=a", "type=local,src=b"]}),
    ("extends: base", {"service": "base"}),
    ("extends: {file: a.yaml, service: b}", {"file": "a.yaml", "service": "b"}),
]


@pytest.mark.parametrize(("text", "value"), MAPPINGS)
def test_mappings(text: str, value: Any) -> None:
    assert service(text)[text.partition(":")[0]] == value


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("cpus: '0.50'", "cpus", 0.5),
        ("cpus: 2.0", "cpus", 2),
        ("cpu_rt_period: 1400us", "cpu_rt_period", 1400),
        ("cpu_rt_runtime: 95ms", "cpu_rt_runtime", 95000),
        ("cpu_rt_runtime: '400'", "cpu_rt_runtime", 400),
        ("cpu_shares: '512'", "cpu_shares", 512),
        ("pids_limit: -1", "pids_limit", -1),
        ("user: 1000", "user", "1000"),
        ("stop_signal: 9", "stop_signal", "9"),
        ("stop_signal: SIGRTMIN+3", "stop_signal", "SIGRTMIN+3"),
        ("restart: no", "restart", "no"),
        ("restart: on-failure:5", "restart", "on-failure:5"),
        ("pull_policy: if_not_present", "pull_policy", "missing"),
        ("pull_policy: every_2d12h", "pull_policy", "every_2d12h"),
        ("scale: '4'", "scale", 4),
        ("x-mine: {a: [1]}", "x-mine", {"a": [1]}),
        ("shm_size: 64m", "shm_size", 64 << 20),
        ("hostname: ", "hostname", None),
        ("ports: ", "ports", None),
    ],
)
def test_single_values(text: str, key: str, value: Any) -> None:
    assert service(text).get(key) == value


TOP = [
    ("networks: {a: }", {"a": {}}),
    ("networks: {a: {driver_opts: {mtu: 1400}}}", {"a": {"driver_opts": {"mtu": "1400"}}}),
    ("networks: {a: {external: true}}", {"a": {"external": True}}),
    ("networks: {a: {external: {name: b}}}", {"a": {"external": True, "name": "b"}}),
    ("networks: {a: {external: 'yes', name: b}}", {"a": {"external": True, "name": "b"}}),
    ("volumes: {a: }", {"a": {}}),
    (
        "volumes: {a: {driver_opts: {type: nfs, o: 'addr=x,rw', device: ':/a'}}}",
        {"a": {"driver_opts": {"type": "nfs", "o": "addr=x,rw", "device": ":/a"}}},
    ),
    (
        "volumes: {a: {driver_opts: {type: none, o: bind, device: ./a}}}",
        {"a": {"driver_opts": {"type": "none", "o": "bind", "device": "/srv/app/a"}}},
    ),
    ("secrets: {a: {file: ./a.txt}}", {"a": {"file": "/srv/app/a.txt"}}),
    ("configs: {a: {content: 'x: $$y'}}", {"a": {"content": "x: $y"}}),
]


@pytest.mark.parametrize(("text", "value"), TOP)
def test_what_is_declared(text: str, value: Any) -> None:
    assert canonicalized(text)[text.partition(":")[0]] == value


PREFIX = "compose.yaml:3: services.web."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stop_grace_period: 10", "stop_grace_period: is 10, not a string"),
        ("stop_grace_period: '10'", "stop_grace_period: '10' is no duration (like 500ms, 10s or 1m30s)"),
        ("stop_grace_period: soon", "stop_grace_period: 'soon' is no duration (like 500ms, 10s or 1m30s)"),
        ("mem_limit: lots", "mem_limit: 'lots' is no size in bytes (like 65536, 512k, 64m or 1.5g)"),
        ("mem_limit: -5", "mem_limit: is -5, less than -1"),
        ("mem_limit: 1.5", "mem_limit: is 1.5, not an integer"),
        ("privileged: maybe", "privileged: 'maybe' is no truth value (write true or false)"),
        ("privileged: 1", "privileged: is 1, not true or false"),
        ("scale: few", "scale: 'few' is no whole number"),
        ("scale: -1", "scale: is -1, less than 0"),
        ("cpus: two", "cpus: 'two' is no number (like 1.5)"),
        ("cpu_rt_period: x", "cpu_rt_period: 'x' is no duration (like 950ms, or microseconds)"),
        ("command: 'a \"b'", "command: 'a \"b' cannot be split: no closing quotation (quote it, or write a list)"),
        ("command: {a: b}", "command: is an object, not an array or null"),
        ("command: [1]", "command[0]: is 1, not a string"),
        ("environment: [1]", "environment[0]: '1' is no KEY=VALUE (quote it)"),
        ("environment: ['=a']", "environment[0]: '=a' has no key"),
        ("environment: {A: [1]}", "environment.A: is no text, number or truth value"),
        ("environment: text", 'environment: is "text", not an object'),
        ("expose: [http]", 'expose[0]: \'http\' is no port (like "3000", "3000-3005" or "53/udp")'),
        ("extra_hosts: [a]", "extra_hosts[0]: 'a' is no host with its address (like \"db=10.0.0.2\")"),
        ("devices: ['a::b']", 'devices[0]: \'a::b\' is no device (like "/dev/fuse" or "/dev/sda:/dev/xvda:rwm")'),
        ("devices: ['/dev/a:/dev/b:x']", "devices[0]: 'x' are no permissions of a device (some of r, w and m)"),
        ("secrets: [{source: a, mode: '9'}]", "secrets[0].mode: '9' is no file mode (like 0440 or \"0440\")"),
        ("secrets: [{source: a, mode: 99999}]", 'secrets[0].mode: 99999 is no file mode (like 0440 or "0440")'),
        ("secrets: [{target: a}]", "secrets[0]: lacks source"),
        ("secrets: a", 'secrets: is "a", not an array'),
        (
            "healthcheck: {test: [curl, x]}",
            "healthcheck.test: does not begin with CMD, CMD-SHELL or NONE (write a string to run it in the shell)",
        ),
        (
            "healthcheck: {test: []}",
            "healthcheck.test: does not begin with CMD, CMD-SHELL or NONE (write a string to run it in the shell)",
        ),
        ("healthcheck: {interval: 5}", "healthcheck.interval: is 5, not a string"),
        ("healthcheck: x", 'healthcheck: is "x", not an object'),
        (
            "depends_on: {a: {condition: started}}",
            'depends_on.a.condition: is "started", not "service_started" or'
            ' "service_healthy" or "service_completed_successfully"',
        ),
        ("depends_on: [1]", "depends_on: is an array, not an object"),
        ("depends_on: a", 'depends_on: is "a", not an object'),
        ("networks: {a: b}", 'networks.a: is "b", not an object'),
        ("ulimits: {nofile: x}", "ulimits.nofile: 'x' is no whole number"),
        ("ulimits: {nofile: {soft: 1}}", "ulimits.nofile: lacks hard"),
        ("ulimits: {NOFILE: 1}", 'ulimits: key "NOFILE" is "NOFILE", not a limit\'s name'),
        ("restart: never", 'restart: is "never", not no, always, unless-stopped, on-failure or on-failure:N'),
        ("restart: yes please", 'restart: is "yes please", not no, always, unless-stopped, on-failure or on-failure:N'),
        (
            "pull_policy: sometimes",
            'pull_policy: is "sometimes", not always, missing, never, build, daily, weekly or like every_12h',
        ),
        ("oom_score_adj: 2000", "oom_score_adj: is 2000, more than 1000"),
        ("image: 5", "image: is 5, not a string"),
        ("image: ''", "image: is empty"),
        ("container_name: a/b", 'container_name: is "a/b", not a container\'s name (letters, digits, _ . -)'),
        ("mac_address: x", 'mac_address: is "x", not a MAC address'),
        ("cgroup: mine", 'cgroup: is "mine", not "host" or "private"'),
        ("env_file: [{path: a, format: json}]", 'env_file[0].format: is "json", not "raw"'),
        ("env_file: [{required: no}]", "env_file[0]: lacks path"),
        ("gpus: some", 'gpus: is "some", not an array'),
        ("blkio_config: {weight: 5000}", "blkio_config.weight: is 5000, more than 1000"),
        ("deploy: {endpoint_mode: vip}", 'deploy.endpoint_mode: is "vip", not "dnsrr"'),
        (
            "deploy: {mode: swarm}",
            'deploy.mode: is "swarm", not "replicated" or "global" or "replicated-job" or "global-job"',
        ),
        ("stop_signal: term", 'stop_signal: is "term", not a signal\'s name or number'),
        ("develop: {watch: [{path: a}]}", "develop.watch[0]: lacks action"),
        ("post_start: [{user: a}]", "post_start[0]: lacks command"),
        ("post_start: [{command: []}]", "post_start[0].command: is empty"),
        ("post_start: [{command: a, image: b}]", "post_start[0].image: is no key of Compose here (see compose-spec)"),
        (
            "pre_start: [{command: a, per_replica: some}]",
            "pre_start[0].per_replica: 'some' is no truth value (write true or false)",
        ),
        ("build: {context: 1}", "build.context: is 1, not a string"),
        ("build: 1", "build: is 1, not an object"),
        ("build: {privileged: yes}", "build.privileged: is true, not false"),
        (
            "build: {entitlements: [device]}",
            'build.entitlements[0]: is "device", not "network.host" or "security.insecure"',
        ),
        ("build: {sbom: generator=x}", "build.sbom: 'generator=x' is no truth value (write true or false)"),
        ("build: {provenance: mode=all}", 'build.provenance: is "mode=all", not true or false'),
        ("profiles: ['a b']", 'profiles[0]: is "a b", not a profile\'s name (letters, digits, _ . -)'),
    ],
)
def test_refused(text: str, message: str) -> None:
    assert refusal(service, text) == PREFIX + message


def test_a_home_that_is_not_known() -> None:
    from ocipipe.compose.forms import path
    from ocipipe.compose.positions import Place, Source, Where

    where = Where(Source("/srv", ""), Place("c.yaml", 4), ["services", "web", "build"])
    assert refusal(path, "~/x", where) == (
        "c.yaml:4: services.web.build: '~/x' needs a home directory, and HOME is not set"
    )
