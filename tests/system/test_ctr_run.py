"""ctr-run's options, each seen from inside the container, on the real kernel."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from boxes import Box, stored
from commands import Commands
from images import Image, Layer, image
from rootfs import busybox_tar

from ocipipe.host import mounts


@pytest.fixture
def box(run: Commands, store_root: Path, busybox_image: Image) -> Box:
    return stored(run, store_root, busybox_image)


# --- the process


def test_command_line_and_image_make_the_process(run: Commands, store_root: Path) -> None:
    config = {
        "Entrypoint": ["echo", "entry"], "Cmd": ["cmd"], "Env": ["PATH=/bin", "A=image", "B=image"],
        "WorkingDir": "/made/here", "User": "app",
    }  # fmt: skip
    box = stored(run, store_root, image([Layer(busybox_tar())], config))
    assert run("ctr-run", "--rm", "busybox").out == b"entry cmd\n"
    assert box.text("--", "mine") == "entry mine\n"
    assert box.text("--entrypoint", "pwd") == "/made/here\n"
    assert run("ctr-run", "--rm", "--entrypoint", "env", "--hostname", "h", "busybox").out.decode().splitlines() == [
        "HOME=/home/app", "HOSTNAME=h", "PATH=/bin", "A=image", "B=image",
    ]  # fmt: skip
    assert box.text("--entrypoint", "id", "--", "-un") == "app\n"


def test_environment(box: Box, tmp_path: Path) -> None:
    (tmp_path / "vars").write_text('# comment\nFROM_FILE=file\nBOTH=file\n\nHOST_VAR\nSPACED=a b "c"\n')
    out = box.text(
        "--env-file", tmp_path / "vars", "-e", "BOTH=option", "-e", "EMPTY=", "-e", "NOT_SET", "--", "env",
        env={"HOST_VAR": "from host"},
    ).splitlines()  # fmt: skip
    assert {"FROM_FILE=file", "BOTH=option", "EMPTY=", "HOST_VAR=from host", 'SPACED=a b "c"', "HOME=/root"} <= set(out)
    assert not [line for line in out if line.startswith(("NOT_SET", "OCIPIPE", "TERM", "TMPDIR"))]


def test_environment_that_is_none(box: Box, tmp_path: Path) -> None:
    (tmp_path / "vars").write_text("FINE=1\nnot fine=1\n")
    assert f"{tmp_path}/vars:2" in box.refused("--env-file", tmp_path / "vars")
    assert "missing" in box.refused("--env-file", tmp_path / "missing")
    assert "--env =x" in box.refused("-e", "=x")


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ("app", "uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)"),
        ("1000", "uid=1000(app) gid=1000(app) groups=1000(app),2000(extra)"),
        ("app:extra", "uid=1000(app) gid=2000(extra) groups=2000(extra)"),
        ("app:7", "uid=1000(app) gid=7 groups=7"),
        ("4321", "uid=4321 gid=0(root) groups=0(root)"),
        ("4321:1234", "uid=4321 gid=1234 groups=1234"),
        ("", "uid=0(root) gid=0(root) groups=0(root)"),
    ],
)
def test_user(box: Box, user: str, shown: str) -> None:
    assert box.text("--user", user, "--", "id").strip() == shown


def test_unknown_user(box: Box) -> None:
    assert box.refused("--user", "nobody-here").startswith("nobody-here: no such user")
    assert box.refused("--user", "app:nogroup").startswith("nogroup: no such group")
    assert box.left() == []


def test_working_directory(box: Box) -> None:
    assert box.text("-w", "/new/dir", "--", "sh", "-c", "pwd; stat -c %a:%u . ..") == "/new/dir\n755:0\n755:0\n"
    assert box.refused("-w", "relative").startswith("--workdir relative")
    assert "/etc/passwd/x" in box.refused("-w", "/etc/passwd/x")


def test_entrypoint_drops_the_image_command(run: Commands, store_root: Path) -> None:
    box = stored(run, store_root, image([Layer(busybox_tar())], {"Cmd": ["image-cmd"], "Env": ["PATH=/bin"]}))
    assert run("ctr-run", "--rm", "--entrypoint", "echo", "busybox").out == b"\n"
    assert box.text("--entrypoint", "", "--", "echo", "x") == "x\n"
    assert "neither the image nor the command line" in run(
        "ctr-run", "--rm", "--entrypoint", "", "busybox", status=2
    ).errors[0]["message"]  # fmt: skip


def test_options_after_the_image_are_the_command_s(box: Box) -> None:
    assert box.text("--", "echo", "--rm", "-e", "x", "--help") == "--rm -e x --help\n"


# --- host name, network, mounts


def test_host_name_and_files(box: Box) -> None:
    out = box.sh("hostname; cat /etc/hostname; cat /etc/hosts; echo $HOSTNAME", "--hostname", "inner").splitlines()
    assert out[:2] == ["inner", "inner"]
    assert "127.0.0.1\tlocalhost" in out
    assert "127.0.0.1\tinner" in out
    assert out[-1] == "inner"


def test_files_are_readable_whatever_our_umask(box: Box) -> None:
    run = box.run
    done = run.shell("umask 077; ctr-run --rm -u app -w /fresh busybox sh -c 'cat /etc/hostname && ls -d /bin && pwd'")
    assert done.out.decode().splitlines()[1:] == ["/bin", "/fresh"]


def test_network(box: Box) -> None:
    assert box.text("--", "ls", "/sys/class/net") == "lo\n"
    assert box.text("--network", "none", "--", "ls", "/sys/class/net") == "lo\n"
    outside = os.readlink("/proc/self/ns/net")
    assert box.text("--network", "host", "--", "readlink", "/proc/self/ns/net").strip() == outside
    assert box.text("--", "readlink", "/proc/self/ns/net").strip() != outside
    assert box.text("--network", "host", "--", "hostname").strip() == os.uname().nodename
    assert "nothing: no such network" in box.refused("--network", "nothing")
    assert "--hostname" in box.refused("--network", "host", "--hostname", "x")


def test_the_host_s_network_brings_its_resolver(box: Box) -> None:
    assert box.text("--network", "host", "--", "cat", "/etc/resolv.conf") == Path("/etc/resolv.conf").read_text()
    assert box.text("--", "cat", "/etc/resolv.conf") == ""


def test_bind_mounts(box: Box, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "file").write_text("content\n")
    assert box.text("-v", f"{shared}:/deep/er", "--", "cat", "/deep/er/file") == "content\n"
    assert box.text("--mount", f"type=bind,src={shared}/file,dst=/one", "--", "cat", "/one") == "content\n"
    script = "touch /mnt/new 2>/dev/null && echo writable || echo read-only"
    assert box.sh(script, "-v", f"{shared}:/mnt:ro") == "read-only\n"
    assert box.sh(script, "--mount", f"type=bind,source={shared},target=/mnt,readonly") == "read-only\n"
    assert box.sh(script, "-v", f"{shared}:/mnt") == "writable\n"
    assert (shared / "new").exists()


def test_what_is_mounted_below_a_bind_mount(box: Box, tmp_path: Path) -> None:
    (tmp_path / "shared" / "below").mkdir(parents=True)
    mounts.mount("tmpfs", str(tmp_path / "shared" / "below"), "tmpfs")
    try:
        for how, seen in (
            (",readonly", "rw"), (",readonly,bind-recursive=writable", "rw"), (",bind-recursive=disabled", ""),
            (",readonly,bind-recursive=readonly", "ro"), (",bind-recursive=enabled", "rw"),
        ):  # fmt: skip
            option = f"type=bind,source={tmp_path}/shared,destination=/mnt{how}"
            found = box.sh("awk '$2 == \"/mnt/below\" {print substr($4, 1, 2)}' /proc/mounts", "--mount", option)
            assert found.strip() == seen, how
    finally:
        mounts.unmount(str(tmp_path / "shared" / "below"))
    for how in ("readonly", "deep"):
        assert "bind-recursive" in box.refused(
            "--mount", f"type=bind,source={tmp_path},destination=/mnt,bind-recursive={how}", "--", "true"
        )


def test_a_missing_source(box: Box, tmp_path: Path) -> None:
    """-v makes it, --mount refuses it (pitfall 31)."""
    message = box.refused("--mount", f"type=bind,source={tmp_path}/missing,destination=/mnt")
    assert message.startswith(f"{tmp_path}/missing: ")
    assert not (tmp_path / "missing").exists()
    box("-v", f"{tmp_path}/missing/deep:/mnt", "--", "touch", "/mnt/x")
    assert (tmp_path / "missing" / "deep" / "x").exists()


def test_mounts_over_ours(box: Box, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("mine\n")
    assert box.text("-v", f"{tmp_path}/hosts:/etc/hosts", "--", "cat", "/etc/hosts") == "mine\n"
    out = box.sh("grep ' /dev/shm ' /proc/mounts", "--tmpfs", "/dev/shm:size=1m")
    assert len(out.splitlines()) == 1
    assert "size=1024k" in out


def test_inner_and_outer_mounts_in_any_order(box: Box, tmp_path: Path) -> None:
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("")
    out = box.sh("ls /m/inner", "-v", f"{tmp_path}/other:/m/inner", "-v", f"{tmp_path}/outer:/m")
    assert out == "x\n"


def test_tmpfs(box: Box) -> None:
    out = box.sh("grep ' /scratch ' /proc/mounts", "--tmpfs", "/scratch:size=2m,mode=700")
    for word in ("tmpfs", "nosuid", "nodev", "noexec", "size=2048k", "mode=700"):
        assert word in out.replace(" ", ",").split(",")
    assert "noexec" not in box.sh("grep ' /scratch ' /proc/mounts", "--tmpfs", "/scratch:exec")
    out = box.sh("grep ' /scratch ' /proc/mounts", "--mount", "type=tmpfs,dst=/scratch,tmpfs-size=1048576")
    assert "size=1024k" in out


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("-v", "only-one", "only-one"),
        ("-v", "/tmp:/mnt:zz", "zz"),
        ("-v", "/tmp:/", "destination"),
        ("-v", "/tmp:/a/../b", ".."),
        ("--mount", "type=volume,source=/x,destination=/mnt", "/x"),
        ("--mount", "type=bind,destination=/mnt", "source"),
        ("--mount", "type=bind,source=/tmp,destination=/mnt,colour=red", "colour"),
        ("--mount", "type=tmpfs,destination=/mnt,source=/x", "source"),
        ("--tmpfs", "relative", "relative"),
    ],
)
def test_malformed_mounts(box: Box, option: str, value: str, named: str) -> None:
    assert named in box.refused(option, value)


def test_two_mounts_at_one_place(box: Box) -> None:
    assert box.refused("--tmpfs", "/a", "-v", "/tmp:/a/").startswith("/a")


def test_read_only_root(box: Box) -> None:
    out = box.sh("touch /x 2>&1; touch /tmp/x && echo tmp", "--read-only", "--tmpfs", "/tmp")
    assert out == "touch: /x: Read-only file system\ntmp\n"


def test_shm_size(box: Box) -> None:
    assert "size=65536k" in box.sh("grep ' /dev/shm ' /proc/mounts")
    assert "size=3072k" in box.sh("grep ' /dev/shm ' /proc/mounts", "--shm-size", "3m")


def test_device(box: Box) -> None:
    assert box.sh("ls /dev/full") == "/dev/full\n"  # a default one
    out = box.sh("stat -c '%F %t:%T' /dev/mine; head -c 3 /dev/mine | wc -c", "--device", "/dev/zero:/dev/mine:r")
    assert out == "character special file 1:5\n3\n"
    assert "/dev/nothing" in box.refused("--device", "/dev/nothing")
    assert "is no device" in box.refused("--device", "/etc/passwd")
    assert "--device" in box.refused("--device", "/dev/zero:/dev/x:rq")


def test_a_device_s_access_is_limited(box: Box) -> None:
    """/dev/kmsg is not among the defaults; given for reading only, the cgroup refuses to write."""
    script = "head -c 1 /dev/k >/dev/null 2>&1; (echo x >/dev/k) 2>/dev/null && echo wrote || echo refused"
    if not os.access("/dev/kmsg", os.R_OK):
        pytest.fail("this test needs /dev/kmsg")
    assert box.sh(script, "--device", "/dev/kmsg:/dev/k:r") == "refused\n"
    out = box.sh("mknod /dev/mine c 1 11 && head -c 1 /dev/mine 2>&1", status=None)
    assert "Operation not permitted" in out


# --- identity


def test_cidfile_name_label_and_annotation(box: Box, tmp_path: Path) -> None:
    box(
        "--cidfile", tmp_path / "cid", "--name", "mine", "--label", "a=b", "--label", "bare", "--annotation", "c=d",
        "--stop-signal", "quit", rm=False,
    )  # fmt: skip
    container_id = (tmp_path / "cid").read_text()
    (record,) = box.records()
    assert record["id"] == container_id
    assert (record["name"], record["status"], record["exitCode"]) == ("mine", "stopped", 0)
    assert record["labels"] == {"org.example.base": "busybox", "a": "b", "bare": ""}
    assert record["stopSignal"] == "SIGQUIT"
    annotations = box.config(container_id)["annotations"]
    assert annotations["c"] == "d"
    assert annotations["org.ocipipe.name"] == "mine"
    assert annotations["org.opencontainers.image.stopSignal"] == "SIGQUIT"
    assert "exists already" in box.refused("--cidfile", tmp_path / "cid")
    assert "the name is in use" in box.refused("--name", "mine")
    assert len(box.records()) == 1


def test_a_failed_start_takes_its_cidfile_along(box: Box, tmp_path: Path) -> None:
    cidfile = tmp_path / "cid"
    for _ in range(2):
        box("--cidfile", cidfile, "--", "nothing-here", status=127)
        assert not cidfile.exists()
    box("--cidfile", cidfile)
    assert len(cidfile.read_text()) == 64


@pytest.mark.parametrize("name", ["a b", "-x", "a/b", "ä", ".x", "x" * 129])
def test_malformed_names(box: Box, name: str) -> None:
    assert "is no container name" in box.refused(f"--name={name}")


def test_an_image_cannot_steer_the_runtime(run: Commands, store_root: Path) -> None:
    labels = {"run.oci.handler": "krun", "org.systemd.property.ExecStopPost": "x", "fine": "yes"}
    box = stored(run, store_root, image([Layer(busybox_tar())], {"Labels": labels, "Env": ["PATH=/bin"]}))
    box(rm=False)
    (record,) = box.records()
    annotations = box.config(record["id"])["annotations"]
    assert not labels.keys() - {"fine"} & annotations.keys()
    assert annotations["fine"] == "yes"
    assert record["labels"] == labels


def test_stop_signal(run: Commands, store_root: Path) -> None:
    box = stored(run, store_root, image([Layer(busybox_tar())], {"StopSignal": "SIGNOTHING", "Env": ["PATH=/bin"]}))
    assert "--stop-signal SIGNOTHING: is no signal" in box.refused("--stop-signal", "SIGNOTHING")
    assert "the image's stop signal SIGNOTHING: is no signal (name one with --stop-signal)" in box.refused()
    box("--stop-signal", "HUP", rm=False)
    assert box.records()[0]["stopSignal"] == "SIGHUP"


def test_config_is_merged_over_ours(box: Box, tmp_path: Path) -> None:
    patch = {"hostname": "patched", "process": {"env": ["PATH=/bin", "ONLY=this"]}, "linux": {"seccomp": None}}
    (tmp_path / "patch.json").write_text(json.dumps(patch))
    script = "hostname; env | grep -c .; grep Seccomp: /proc/self/status; echo $ONLY"
    out = box.sh(script, "--config", tmp_path / "patch.json")
    assert out.splitlines()[0] == "patched"
    assert out.splitlines()[-2:] == ["Seccomp:\t0", "this"]
    out = box.sh("hostname; cat", "--config", "-", "-i", input=json.dumps(patch).encode() + b"\nthe rest\n")
    assert out == "patched\nthe rest\n"


def test_config_that_is_none(box: Box, tmp_path: Path) -> None:
    (tmp_path / "patch.json").write_text('{"process": {"args": "text"}}')
    assert "/process/args" in box.refused("--config", tmp_path / "patch.json")
    (tmp_path / "patch.json").write_text("[]")
    box.refused("--config", tmp_path / "patch.json")
    assert "missing" in box.refused("--config", tmp_path / "missing")
    assert box.left() == []


# --- images and standard streams


def test_the_image_s_line_is_read_and_no_byte_more(box: Box) -> None:
    run = box.run
    (entry,) = run("img-ls").documents
    line = json.dumps(entry).encode() + b"\n"
    rest = os.urandom(100_000)
    assert run("ctr-run", "--rm", "-i", "-", "cat", input=line + rest).out == rest
    assert run("ctr-run", "--rm", "-", "cat", input=line + rest).out == b""
    assert run("ctr-run", "--rm", "-", "true", input=b"", status=None).errors[0]["code"] != "INTERNAL"


def test_without_interactive_stdin_is_empty(box: Box) -> None:
    assert box.text("--", "cat", input=b"not for it") == ""
    assert box.text("-i", "--", "cat", input=b"for it") == "for it"


def test_output_without_line_end_and_both_streams(box: Box) -> None:
    done = box("--", "sh", "-c", "printf out; printf err >&2")
    assert (done.out, done.err) == (b"out", b"err")


def test_some_of_the_streams(box: Box) -> None:
    script = ("--", "sh", "-c", "printf out; printf err >&2")
    done = box("-a", "stderr", "--name", "talker", *script, rm=False)
    assert (done.out, done.err) == (b"", b"err")
    assert box.run("ctr-logs", "talker").out == b"out"
    done = box("-a", "stdout", *script)
    assert (done.out, done.err) == (b"out", b"")
    done = box("-i", "-a", "stdin", "-a", "stderr", "--", "sh", "-c", "cat >&2; echo out", input=b"in")
    assert (done.out, done.err) == (b"", b"in")
    assert "does not go with --detach" in box.refused("-d", "-a", "stdout", "--", "true")
    assert "add --interactive" in box.refused("-a", "stdin", "--", "true")


def test_a_reader_that_goes_away(box: Box) -> None:
    done = box.run.shell("ctr-run --rm busybox yes | head -n 2", status=None)
    assert done.out == b"y\ny\n"
    assert b"Traceback" not in done.err
    assert box.left() == []


def test_pull_never_and_platform(box: Box) -> None:
    assert "other" in box.run("ctr-run", "--rm", "--pull", "never", "other", status=125).errors[0]["message"]
    assert "is an image for linux/" in box.refused("--pull", "never", "--platform", "linux/s390x")


def test_runtime(box: Box) -> None:
    assert "no-such-runtime: is not installed" in box.refused("--runtime", "no-such-runtime")
    box(f"--runtime={'/usr/bin/crun' if Path('/sys/fs/cgroup/cgroup.controllers').exists() else '/usr/sbin/runc'}")
