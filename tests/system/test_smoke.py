"""The main job on this machine as it is: what must also hold with systemd as PID 1, pure cgroup v2 and crun."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import Commands
from images import Image

pytestmark = pytest.mark.smoke


@pytest.fixture(scope="module")
def base(registry, busybox_image: Image) -> str:  # type: ignore[no-untyped-def]
    """busybox, in the registry."""
    busybox_image.push(registry.address, "smoke/busybox", "latest")
    return f"{registry.address}/smoke/busybox:latest"


def test_pull_and_run_in_one_pipe(run: Commands, base: str) -> None:
    done = run.shell(f"img-pull {base} | ctr-run --rm - cat /etc/os-release")
    assert b'PRETTY_NAME="BusyBox from this machine"\n' in done.out
    assert done.err == b""


def test_pull_and_push_in_one_pipe(run: Commands, base: str, busybox_image: Image) -> None:
    mirror = base.replace("smoke/", "smoke/mirror/")
    (pushed,) = run.shell(f"img-pull {base} | img-push {mirror}").documents
    assert pushed["digest"] == busybox_image.digest
    assert pushed["annotations"]["org.opencontainers.image.ref.name"] == mirror
    (pulled,) = run.on(OCIPIPE_ROOT=run.env["HOME"] + "/other")("img-pull", mirror).documents
    assert (pulled["digest"], pulled["size"]) == (pushed["digest"], pushed["size"])


def test_what_is_pulled_is_what_was_published(run: Commands, base: str, busybox_image: Image) -> None:
    run("img-pull", base)
    assert run("img-inspect", "--manifest", base).out == busybox_image.raw
    assert json.loads(run("img-inspect", "--config", base).out) == busybox_image.config
    (listed,) = run("img-ls").documents
    assert listed["digest"] == busybox_image.digest


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["no-such-program"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_exit_status(run: Commands, base: str, argv: list[str], status: int) -> None:
    run("img-pull", base)
    assert run("ctr-run", "--rm", base, *argv, status=None).status == status


def test_an_unknown_image_is_125(run: Commands, base: str) -> None:
    done = run("ctr-run", "--rm", base.replace("busybox", "nothing"), "true", status=125)
    (error,) = done.errors
    assert "smoke/nothing" in error["message"]


def test_it_pulls_what_is_missing(run: Commands, base: str) -> None:
    assert run("ctr-run", "--rm", base, "echo", "here").out == b"here\n"
    assert run("img-ls", "-q").out


def test_stdin_and_stdout_are_the_process_s(run: Commands, base: str) -> None:
    data = os.urandom(300_000)
    done = run("ctr-run", "--rm", "-i", base, "cat", input=data)
    assert done.out == data


def test_the_user_with_its_groups(run: Commands, base: str) -> None:
    done = run("ctr-run", "--rm", "--user", "app", base, "id")
    assert done.out == b"uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)\n"


def test_environment_and_directory(run: Commands, base: str) -> None:
    done = run("ctr-run", "--rm", "-e", "A=b c", "-w", "/home/app", base, "sh", "-c", 'echo "$A"; pwd')
    assert done.out == b"b c\n/home/app\n"


def test_it_has_its_own_processes_host_name_and_network(run: Commands, base: str) -> None:
    done = run("ctr-run", "--rm", "--hostname", "inside", base, "sh", "-c", "echo $$; hostname; ls /sys/class/net")
    assert done.out == b"1\ninside\nlo\n"


def test_memory_is_limited(run: Commands, base: str) -> None:
    """The kernel's own number, of the cgroup that the process is in; read by the process itself."""
    script = "cat /sys/fs/cgroup/memory.max 2>/dev/null || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
    done = run("ctr-run", "--rm", "--memory", "64m", base, "sh", "-c", script)
    assert done.out == b"%d\n" % (64 << 20)


def test_the_image_does_not_change(run: Commands, base: str) -> None:
    run("ctr-run", "--rm", base, "sh", "-c", "echo changed >/etc/os-release; rm /bin/vi; mkdir /new")
    done = run("ctr-run", "--rm", base, "sh", "-c", "cat /etc/os-release; ls -d /bin/vi /new", status=1)
    assert b"BusyBox from this machine" in done.out
    assert b"/bin/vi\n" in done.out
    assert b"\n/new\n" not in done.out


def test_a_read_only_root(run: Commands, base: str) -> None:
    done = run("ctr-run", "--rm", "--read-only", base, "sh", "-c", "touch /here || echo refused")
    assert done.out == b"refused\n"


def test_a_bind_mount_and_a_tmpfs(run: Commands, base: str, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "in").write_text("from outside\n")
    run(
        "ctr-run", "--rm", "-v", f"{tmp_path}/shared:/mnt", "--tmpfs", "/scratch", base,
        "sh", "-c", "cat /mnt/in >/mnt/out && echo x >/scratch/file && grep -q ' /scratch tmpfs' /proc/mounts",
    )  # fmt: skip
    assert (tmp_path / "shared" / "out").read_text() == "from outside\n"


def test_nothing_stays_behind(run: Commands, base: str, store_root: Path) -> None:
    run("ctr-run", "--rm", base, "true")
    before = set(store_root.rglob("*"))
    run("ctr-run", "--rm", base, "true")
    run("ctr-run", "--rm", base, "no-such-program", status=127)
    assert set(store_root.rglob("*")) == before
    assert not [path for path in (store_root / "containers").rglob("*") if not path.is_dir()]
    assert [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(store_root) in line] == []


def test_a_signal_reaches_the_process(run: Commands, base: str, tmp_path: Path) -> None:
    run("img-pull", base)
    (tmp_path / "shared").mkdir()
    script = "trap 'echo stopped; exit 3' TERM; touch /mnt/ready; while :; do sleep 0.1; done"
    process = subprocess.Popen(
        [run.bin / "ctr-run", "--rm", "-v", f"{tmp_path}/shared:/mnt", base, "sh", "-c", script],
        env=run.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
    )  # fmt: skip
    while not (tmp_path / "shared" / "ready").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=120)
    assert (process.returncode, out) == (3, b"stopped\n")


def test_a_bundle_runs_without_us(run: Commands, base: str, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    run("img-pull", base)
    run("ctr-unpack", base, bundle)
    runtime = "crun" if Path("/sys/fs/cgroup/cgroup.controllers").exists() else "runc"
    config = json.loads((bundle / "config.json").read_text())
    assert config["process"]["args"] == ["sh"]
    config["process"] |= {"args": ["cat", "/etc/os-release"], "terminal": False}
    (bundle / "config.json").write_text(json.dumps(config))
    done = subprocess.run(
        [runtime, "--root", str(tmp_path / "runtime"), "run", "-b", str(bundle), f"smoke-{os.getpid()}"],
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"BusyBox from this machine" in done.stdout


def test_remove_leaves_an_empty_layout(run: Commands, base: str, store_root: Path) -> None:
    run("img-pull", base)
    run("img-tag", base, "box:1", "box:2")
    run.shell("img-ls | img-rm")
    assert run("img-ls").out == b""
    assert list((store_root / "images" / "blobs" / "sha256").iterdir()) == []
    assert json.loads((store_root / "images" / "index.json").read_text())["manifests"] == []
