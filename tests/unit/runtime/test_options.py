"""runtime/options: what each value means, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ocipipe.errors import UsageError
from ocipipe.runtime import disks, options

BIND = ["rbind", "rprivate"]


@pytest.mark.parametrize(
    ("text", "document", "make"),
    [
        ("/a:/b", {"destination": "/b", "type": "bind", "source": "/a", "options": BIND}, True),
        ("/a:/b/:ro", {"destination": "/b/", "type": "bind", "source": "/a", "options": [*BIND, "ro"]}, True),
        (
            "/a:/b:rslave,rw",
            {"destination": "/b", "type": "bind", "source": "/a", "options": ["rbind", "rslave", "rw"]}, True,
        ),
        ("/a:/b:Z", {"destination": "/b", "type": "bind", "source": "/a", "options": [*BIND, "Z"]}, True),
        (
            "/a:/b:bind,noexec",
            {"destination": "/b", "type": "bind", "source": "/a", "options": ["bind", "rprivate", "noexec"]}, True,
        ),
        (".:/b", {"destination": "/b", "type": "bind", "source": ".", "options": BIND}, True),
        ("../a:/b", {"destination": "/b", "type": "bind", "source": "../a", "options": BIND}, True),
    ],
)  # fmt: skip
def test_volume(text: str, document: dict[str, Any], make: bool) -> None:
    found = options.volume(text)
    assert (found.document(), found.make) == (document, make)


def asked(found: options.Mount) -> tuple[Any, ...]:
    """What a mount says of its volume."""
    assert found.kind == "volume"
    assert not found.make
    assert found.volume is not None
    wanted = found.volume
    return wanted.name, wanted.copy, wanted.subpath, wanted.driver, wanted.driver_options, wanted.labels


@pytest.mark.parametrize(
    ("text", "destination", "words", "name", "copy"),
    [
        ("/b", "/b", [], "", True),
        ("data:/b", "/b", [], "data", True),
        ("da_t.a-1:/b/:ro,nocopy", "/b/", ["ro"], "da_t.a-1", False),
        ("data:/b:copy,noexec,z", "/b", ["noexec", "z"], "data", True),
    ],
)
def test_named_and_anonymous_volumes(text: str, destination: str, words: list[str], name: str, copy: bool) -> None:
    found = options.volume(text)
    assert asked(found) == (name, copy, "", "", {}, {})
    found.source = "/store/data"
    assert found.document() == {
        "destination": destination, "type": "bind", "source": "/store/data", "options": [*BIND, *words],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words", "wanted"),
    [
        ("type=volume,source=data,destination=/b", [], ("data", True, "", "", {}, {})),
        ("src=data,dst=/b,ro", ["ro"], ("data", True, "", "", {}, {})),
        ("type=volume,target=/b,volume-nocopy", [], ("", False, "", "", {}, {})),
        ("type=volume,src=data,dst=/b,volume-subpath=a/b", [], ("data", True, "a/b", "", {}, {})),
        (
            'type=volume,dst=/b,volume-driver=local,volume-opt=type=tmpfs,"volume-opt=o=size=1m,mode=700",'
            "volume-label=a=b,volume-label=c,readonly=false",
            [],
            ("", True, "", "local", {"type": "tmpfs", "o": "size=1m,mode=700"}, {"a": "b", "c": ""}),
        ),
    ],
)
def test_mounted_volumes(text: str, words: list[str], wanted: tuple[Any, ...]) -> None:
    found = options.mount(text)
    assert asked(found) == wanted
    assert (found.destination, found.options) == ("/b", [*BIND, *words])


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("type=bind,source=/a,destination=/b", {"type": "bind", "source": "/a", "options": BIND}),
        ("type=bind,src=/a,dst=/b,ro", {"type": "bind", "source": "/a", "options": [*BIND, "ro"]}),
        ("type=bind,src=/a,target=/b,readonly=true", {"type": "bind", "source": "/a", "options": [*BIND, "ro"]}),
        ("type=bind,src=/a,target=/b,readonly=0", {"type": "bind", "source": "/a", "options": BIND}),
        (
            "type=bind,src=/a,dst=/b,bind-propagation=shared,bind-nonrecursive",
            {"type": "bind", "source": "/a", "options": ["bind", "shared"]},
        ),
        (
            "type=image,src=busybox:1,dst=/b,ro",
            {"type": "bind", "source": "busybox:1", "options": ["rbind", "rprivate", "ro", "nosuid", "nodev"]},
        ),
        ("type=tmpfs,dst=/b", {"type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "noexec"]}),
        (
            "type=tmpfs,dst=/b,tmpfs-size=64m,tmpfs-mode=1770,ro",
            {
                "type": "tmpfs", "source": "tmpfs",
                "options": ["ro", "nosuid", "nodev", "noexec", "size=64m", "mode=1770"],
            },
        ),
    ],
)  # fmt: skip
def test_mount(text: str, document: dict[str, Any]) -> None:
    found = options.mount(text)
    assert found.document() == {"destination": "/b", **document}
    assert not found.make, "--mount never makes a source (pitfall 31)"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/t", ["nosuid", "nodev", "noexec"]),
        ("/t:size=1m", ["nosuid", "nodev", "noexec", "size=1m"]),
        ("/t:exec,suid", ["nodev", "exec", "suid"]),
        ("/t:noexec", ["nosuid", "nodev", "noexec"]),
        ("/t:size=50%,mode=1777,uid=0", ["nosuid", "nodev", "noexec", "size=50%", "mode=1777", "uid=0"]),
    ],
)
def test_tmpfs(text: str, words: list[str]) -> None:
    assert options.tmpfs(text).document() == {"destination": "/t", "type": "tmpfs", "source": "tmpfs", "options": words}


@pytest.mark.parametrize(
    ("text", "kind", "soft", "hard"),
    [
        ("nofile=5", "RLIMIT_NOFILE", 5, 5),
        ("nofile=5:9", "RLIMIT_NOFILE", 5, 9),
        ("core=0", "RLIMIT_CORE", 0, 0),
        ("core=unlimited", "RLIMIT_CORE", (1 << 64) - 1, (1 << 64) - 1),
        ("stack=7:-1", "RLIMIT_STACK", 7, (1 << 64) - 1),
    ],
)
def test_ulimit(text: str, kind: str, soft: int, hard: int) -> None:
    assert options.ulimit(text) == {"type": kind, "soft": soft, "hard": hard}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/dev/fuse", ("/dev/fuse", "/dev/fuse", "rwm")),
        ("/dev/fuse:/dev/x", ("/dev/fuse", "/dev/x", "rwm")),
        ("/dev/fuse:r", ("/dev/fuse", "/dev/fuse", "r")),
        ("/dev/fuse:/dev/x:wm", ("/dev/fuse", "/dev/x", "wm")),
    ],
)
def test_device(text: str, found: tuple[str, str, str]) -> None:
    assert options.device(text) == found


@pytest.mark.parametrize(
    ("text", "found"), [("0", {0}), ("0-2,4", {0, 1, 2, 4}), ("3-3", {3}), ("1,1", {1}), ("07", {7})]
)
def test_cpu_list(text: str, found: set[int]) -> None:
    assert options.cpu_list(text, "x") == found


@pytest.mark.parametrize(("how", "word"), [("shared", "z"), ("private", "Z")])
def test_a_label_by_mount_is_that_of_volume(how: str, word: str) -> None:
    found = options.mount(f"type=bind,source=/a,destination=/b,readonly,relabel={how}")
    assert sorted(found.options) == sorted(options.volume(f"/a:/b:ro,{word}").options)


@pytest.mark.parametrize("text", ["a", "a-b.c_d", "A9", "x" * 64])
def test_host_name(text: str) -> None:
    assert options.host_name(text, "--hostname") == text


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        *((options.volume, text) for text in (
            "", ":/b", "/a:", "rel/x:/b", ".rel:/b", "n:/b", "name:", "name:rel", "name:/b:copyup", "a\n:/b", "rel",
            "/a:rel", "/a:/b:zz", "/a:/b:", "/a:/b:ro:x", "/a:/", "/a:/b:ro,rw", "data:/b:rw,rro",
            "/a:/b/../c",
        )),
        *((options.mount, text) for text in (
            "", "source=/a,destination=/b", "type=volume,source=data",
            "type=volume,source=data,destination=/b,volume-opt", "type=volume,destination=/b,volume-opt==x",
            "type=volume,source=data,destination=/b,volume-nocopy=x", "type=volume,source=data,destination=/b,x=1",
            "type=volume,source=data,destination=/b,volume-subpath=../c", "type=volume,destination=/b,subpath=c",
            "type=volume,source=data,destination=/b,volume-subpath=/c", 'type=volume,"source=data,destination=/b',
            'type=volume,"source=data"x,destination=/b', "type=volume,source=data,destination=/b,tmpfs-size=1",
            "type=bind,destination=/b",
            "type=image,dst=/b", "type=image,source=x,dst=/b,image-subpath=/c",
            "type=image,source=x,dst=/b,image-subpath=../c", "type=bind,source=/a,destination=/b,bind-recursive=deep",
            "type=bind,source=/a,destination=/b,relabel=z", "type=image,source=x,dst=/b,relabel=shared",
            "type=bind,source=/a,destination=/b,bind-recursive=readonly",
            "type=bind,source=a,destination=/b", "type=bind,source=/a", "type=bind,source=/a,destination=b",
            "type=bind,source=/a,destination=/b,x=1", "type=bind,source=/a,destination=/b,ro=maybe",
            "type=bind,source=/a,destination=/b,bind-propagation=no", "type=tmpfs,destination=/b,source=/a",
            "type=bind,source=/a,destination=/b,tmpfs-size=1", "type=tmpfs,destination=/b,tmpfs-mode=zz",
            "type=tmpfs,destination=/b,tmpfs-size=many",
        )),
        *((options.tmpfs, text) for text in (
            "", "t", "/", "/a/..", "/t:bogus", "/t:size", "/t:size=", "/t:size=abc", "/t:size=-1", "/t:mode=8",
            "/t:mode=17777", "/t:uid=app", "/t:ro=1", "/t:mpol=bind", "/t:size=1m\n",
        )),
        *((options.ulimit, text) for text in (
            "", "nofile", "nofile=", "nofile=x", "nofile=5:", "nofile=9:5", "files=5", "nofile=-2", "nofile=²",
            "nofile=1.5", f"nofile={1 << 64}", "nofile=unlimited:5", "nofile=" + "9" * 5000,
        )),
        *((options.device, text) for text in ("", "dev", "/dev/a:", "/dev/a:x", "/dev/a:/b:/c", "/dev/a:/b:rwx")),
    ],
)  # fmt: skip
def test_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@pytest.mark.parametrize("text", ["", "a b", "a\nb", "-a", ".a", "x" * 65, "ä", "a/b"])
def test_refused_host_names(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--domainname "):
        options.host_name(text, "--domainname")


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "2-1", "1,,2", "²", "1-2-3", "9" * 5000])
def test_refused_cpu_lists(text: str) -> None:
    with pytest.raises(UsageError, match="the subject"):
        options.cpu_list(text, "the subject")


def test_pairs() -> None:
    assert options.pairs(["a=b=c", "d", "a=e"], "--label") == {"a": "e", "d": ""}
    with pytest.raises(UsageError, match="--label =x"):
        options.pairs(["=x"], "--label")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("c 10:200 rwm", {"type": "c", "major": 10, "minor": 200, "access": "rwm"}),
        ("b 8:* r", {"type": "b", "major": 8, "access": "r"}),
        ("a *:* rw", {"type": "a", "access": "rw"}),
    ],
)
def test_device_rules(text: str, rule: dict[str, object]) -> None:
    assert options.device_rule(text) == {"allow": True, **rule}


@pytest.mark.parametrize("text", ["", "c", "c 1:2", "x 1:2 r", "c 1 r", "c 1:2 z", "c 1:2 ", "c 1:2 r w", "c ²:1 r"])
def test_refused_device_rules(text: str) -> None:
    with pytest.raises(UsageError, match="--device-cgroup-rule"):
        options.device_rule(text)


def test_throttles() -> None:
    assert disks.throttle("/dev/sda:1m", "read-bps") == ("/dev/sda", 1 << 20)
    assert disks.throttle("/dev/a:b:100", "write-iops") == ("/dev/a:b", 100)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "read-bps"), ("/dev/sda", "read-bps"), ("/dev/sda:", "read-bps"), ("sda:1m", "read-bps"),
        ("/dev/sda:fast", "read-bps"), ("/dev/sda:0", "read-bps"), ("/dev/sda:-1", "read-bps"),
        ("/dev/sda:1m", "read-iops"), ("/dev/sda:0", "write-iops"), ("/dev/sda:²", "write-iops"),
    ],
)  # fmt: skip
def test_refused_throttles(text: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"--device-{name}"):
        disks.throttle(text, name)
