"""img-build: images from Dockerfiles, and what is in them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest
from builds import BUSYBOX, Builds
from cli_world import on_terminal
from commands import Commands
from damage import blob
from images import EPOCH

from ocipipe.host.process import is_alive as process_is_alive


def test_an_image_that_runs(builds: Builds) -> None:
    """The descriptor that is printed is an image's, as every command takes it."""
    image = builds(
        "FROM busybox\nENV NAME=world\nWORKDIR /app\nCOPY greet ./\nRUN chmod +x greet && ./greet > told\n"
        'CMD ["./greet"]\n',
        {"greet": "#!/bin/sh\necho hello $NAME\n"}, "-t", "app",
    )  # fmt: skip
    assert image["annotations"]["org.opencontainers.image.ref.name"] == "docker.io/library/app:latest"
    done = builds.run("ctr-run", "--rm", "-", input=json.dumps(image).encode())
    assert done.out == b"hello world\n"
    assert builds.content(image, "app/told") == b"hello world\n"
    config = builds.config(image)
    assert config["config"]["Cmd"] == ["./greet"]
    assert config["config"]["WorkingDir"] == "/app"
    assert config["config"]["Labels"] == {"org.example.base": "busybox"}
    history = config["history"][-5:]
    assert [entry.get("empty_layer", False) for entry in history] == [True, False, False, False, True]
    assert [entry["created_by"].split()[0] for entry in history] == ["ENV", "WORKDIR", "COPY", "RUN", "CMD"]
    assert len(config["rootfs"]["diff_ids"]) == 4
    assert builds.said.startswith("[0] FROM busybox: ")


def test_in_a_pipe(run: Commands, builds: Builds) -> None:
    builds.write('FROM busybox\nCMD ["echo", "piped"]\n')
    done = run.shell(f"img-build --network none {builds.context} | ctr-run --rm -")
    assert done.out == b"piped\n"


def test_from_scratch(builds: Builds) -> None:
    program = shutil.which("busybox")
    assert program
    files = {"busybox": Path(program).read_bytes()}
    image = builds('FROM scratch\nCOPY --chmod=755 busybox /bin/sh\nENTRYPOINT ["/bin/sh"]\n', files)
    assert sorted(builds.tree(image)) == ["bin", "bin/sh"]
    assert builds.config(image)["created"] == "1970-01-01T00:00:00Z"
    assert {member.mtime for member in builds.tree(image).values()} == {0}


def test_stages_that_nothing_needs_are_not_built(builds: Builds) -> None:
    image = builds(
        "FROM busybox AS unused\nRUN exit 1\nFROM busybox AS made\nRUN echo made > /out\n"
        "FROM scratch\nCOPY --from=made /out /\nCOPY --from=docker.io/library/busybox:latest /etc/os-release /from/\n"
    )  # fmt: skip
    assert sorted(builds.tree(image)) == ["from", "from/os-release", "out"]
    assert "unused" not in builds.said
    image = builds("FROM busybox AS made\nRUN echo one > /one\nFROM scratch AS other\n", None, "--target", "made")
    assert builds.content(image, "one") == b"one\n"


def test_independent_stages_run_side_by_side(builds: Builds) -> None:
    """Each waits for the other, so neither could end if they were carried out one after another."""
    script = "touch /shared/{mine}; for n in $(seq 300); do test -e /shared/{other} && break; sleep 0.1; done"
    mount = "--mount=type=cache,id=meeting,target=/shared"
    builds(
        f"FROM busybox AS a\nRUN {mount} {script.format(mine='a', other='b')}; cp /shared/b /a\n"
        f"FROM busybox AS b\nRUN {mount} {script.format(mine='b', other='a')}; cp /shared/a /b\n"
        "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n"
    )  # fmt: skip


def test_only_what_a_step_changes_is_in_its_layer(builds: Builds) -> None:
    """Neither mount points nor what is mounted, no host names; what goes is a whiteout."""
    image = builds("FROM busybox\nRUN rm /etc/group && echo new > /etc/new && ls /proc > /dev/null\n")
    (layer,) = builds.layers(image)
    assert layer.getnames() == ["etc", "etc/.wh.group", "etc/new"]
    assert "etc/group" not in builds.tree(image)


def test_a_step_that_changes_nothing_makes_no_layer(builds: Builds) -> None:
    image = builds("FROM busybox\nRUN true\nWORKDIR /etc\n")
    assert builds.layers(image) == []
    assert [entry.get("empty_layer") for entry in builds.config(image)["history"][-2:]] == [True, True]


def test_special_files_of_a_run(builds: Builds) -> None:
    """Links, setuid, owners and fifos are in the layer as they were made."""
    image = builds(
        "FROM busybox\nRUN mkdir /d && cd /d && echo x > a && ln a b && ln -s a c && mkfifo f && cp a s && "
        "chown 12:34 s && chmod 4755 s && rm -r /home/app && mkdir /home/app && echo y > /home/app/y\n"
    )  # fmt: skip
    tree = builds.tree(image)
    assert tree["d/b"].type == tarfile.LNKTYPE
    assert tree["d/c"].linkname == "a"
    assert tree["d/f"].type == tarfile.FIFOTYPE
    assert (tree["d/s"].uid, tree["d/s"].gid, tree["d/s"].mode) == (12, 34, 0o4755)
    assert tree["home/app"].uid == 0


def test_a_failing_step(builds: Builds) -> None:
    """What was done before is kept; the message says where and how."""
    message = builds.refused("FROM busybox\nRUN echo kept > /kept\nRUN echo why; exit 7\n")
    assert message == "Dockerfile:3: RUN /bin/sh -c echo why; exit 7: its process ended with status 7"
    assert "why\n" in builds.said
    builds("FROM busybox\nRUN echo kept > /kept\n")
    assert builds.cached() == [True]
    message = builds.refused('FROM busybox\nRUN ["nothing"]\n')
    assert message.startswith("Dockerfile:2: RUN nothing: nothing: command not found")
    quiet = builds.outcome("FROM busybox\nRUN echo why; exit 7\n", None, "-q", status=1)
    assert [json.loads(line)["errors"][0]["message"] for line in quiet.err.splitlines()] == [
        "Dockerfile:2: RUN /bin/sh -c echo why; exit 7: its process ended with status 7: why"
    ]


def test_a_failing_stage_ends_the_others(builds: Builds) -> None:
    builds.refused(
        "FROM busybox AS a\nRUN sleep 1000\nFROM busybox AS b\nRUN sleep 1; exit 1\n"
        "FROM scratch\nCOPY --from=a / /\nCOPY --from=b / /\n"
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_process_and_leaves_nothing(builds: Builds, run: Commands, number: signal.Signals) -> None:
    context = builds.write("FROM busybox\nRUN echo begun; exec sleep 1000\n")
    argv = [run.bin / "img-build", "--progress", "plain", "--network", "none", context]
    with subprocess.Popen(argv, env=run.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == b"begun\n":
                break
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode == -number
    builds.whole()


def test_what_a_killed_build_leaves_is_ended_by_the_next(builds: Builds, run: Commands) -> None:
    context = builds.write("FROM busybox\nRUN echo begun; exec sleep 1000\n")
    argv = [run.bin / "img-build", "--progress", "plain", "--network", "none", context]
    with subprocess.Popen(argv, env=run.env, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == b"begun\n":
                break
        process.kill()
    (left,) = [path for path in builds.root.glob("containers/*") if path.name not in ("names", "rm")]
    pid_file = Path(run.env["OCIPIPE_RUN_ROOT"]) / "containers" / left.name / "pid"
    while not pid_file.exists() or not pid_file.read_text():  # runc writes it a moment after the process has begun
        time.sleep(0.01)
    pid = int(pid_file.read_text())
    assert process_is_alive(pid)
    builds("FROM busybox\nRUN true\n")
    assert not process_is_alive(pid)
    run("store-prune", "--older-than", "0s")  # takes the dead lease
    builds.whole()


def test_the_dockerfile_elsewhere(builds: Builds, run: Commands, tmp_path: Path) -> None:
    other = tmp_path / "other.dockerfile"
    other.write_text("FROM busybox\nCOPY a /\n")
    builds.write("FROM nothing\n", {"a": "a", "sub/My.dockerfile": "FROM busybox\nCOPY a /b\n"})
    for named in (other, "sub/My.dockerfile"):
        (image,) = run("img-build", "-f", named, builds.context).documents
        assert {"a", "b"} & builds.tree(image).keys()
    (image,) = run("img-build", "-f", "-", builds.context, input=b"FROM busybox\nCOPY a /c\n").documents
    assert "c" in builds.tree(image)
    (image,) = run("img-build", "-", input=b"FROM busybox\nLABEL alone=yes\n").documents
    assert builds.config(image)["config"]["Labels"]["alone"] == "yes"
    refused = run("img-build", "-", input=b"FROM busybox\nCOPY a /\n", status=1)
    assert b"the context: there is none" in refused.err


def test_an_archive_as_context(builds: Builds, run: Commands) -> None:
    builds.write("FROM busybox\nCOPY . /all/\n", {"a": "a", "d/b": "b", "x.log": "", ".dockerignore": "*.log\n"})
    (directory,) = run("img-build", builds.context).documents
    for form in ("", "z"):
        data = subprocess.run(["tar", f"c{form}C", builds.context, "."], check=True, capture_output=True).stdout
        (image,) = run("img-build", "-", input=data).documents
        assert image["digest"] == directory["digest"]
    assert "all/x.log" not in builds.tree(directory)


def test_a_repository_as_context_and_source(builds: Builds, run: Commands, tmp_path: Path) -> None:
    """Through git's own server on loopback."""
    work = tmp_path / "served" / "work.git"
    work.mkdir(parents=True)
    env = {**run.env, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}  # fmt: skip

    def git(*args: str) -> str:
        return subprocess.run(["git", "-C", work, *args], env=env, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet", "--initial-branch=main")
    (work / "sub").mkdir()
    (work / "sub" / "Dockerfile").write_text("FROM busybox\nCOPY . /repo/\n")
    (work / "sub" / "file").write_text("one")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    first = git("rev-parse", "HEAD").strip()
    (work / "sub" / "file").write_text("two")
    git("commit", "--quiet", "-am", "two")
    daemon = subprocess.Popen(
        ["git", "daemon", "--reuseaddr", "--listen=127.0.0.1", "--port=9419", f"--base-path={work.parent}",
         "--export-all", "--informative-errors"], env=env, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    url = "git://127.0.0.1:9419/work.git"
    try:
        for _ in range(200):
            if subprocess.run(["git", "ls-remote", url], env=env, capture_output=True, check=False).returncode == 0:
                break
            time.sleep(0.05)
        (image,) = run("img-build", f"{url}#main:sub").documents
        assert builds.content(image, "repo/file") == b"two"
        (image,) = run("img-build", f"{url}#{first}:sub").documents
        assert builds.content(image, "repo/file") == b"one"
        image = builds(f"FROM busybox\nADD {url}#main /src/\nADD --keep-git-dir=true {url} /kept\n")
        tree = builds.tree(image)
        assert {"src/sub/file", "kept/.git/HEAD"} <= tree.keys()
        assert "src/.git" not in tree
        message = builds.refused(f"FROM busybox\nADD --checksum={first} {url}#main /src/\n")
        assert message.startswith(f"Dockerfile:2: {url}#main: is at")
        assert f"{url}#none: git".encode() in run("img-build", f"{url}#none", status=1).err
    finally:
        os.killpg(daemon.pid, signal.SIGTERM)
        daemon.communicate()


def test_where_the_image_goes(builds: Builds, run: Commands, tmp_path: Path) -> None:
    dockerfile, files = "FROM busybox AS base\nFROM scratch\nCOPY a /x/a\n", {"a": "content"}
    out = tmp_path / "out"
    builds(dockerfile, files, "-o", f"type=local,dest={out}")
    assert (out / "x" / "a").read_text() == "content"
    builds(dockerfile, files, "-o", f"type=tar,dest={tmp_path / 'files.tar'}")
    with tarfile.open(tmp_path / "files.tar") as archive:
        assert archive.getnames()[1:] == ["x", "x/a"]
    before = run("img-ls").documents
    for kind in ("oci", "docker"):
        archive = tmp_path / f"{kind}.tar"
        builds(dockerfile, files, "-t", "loaded:1", "-o", f"type={kind},dest={archive}")
        assert run("img-ls").documents == before
        run("img-load", "--root", tmp_path / kind, "-i", archive)
        (loaded,) = run("img-ls", "--root", tmp_path / kind).documents
        assert loaded["annotations"]["org.opencontainers.image.ref.name"] == "docker.io/library/loaded:1"
    done = builds.outcome(dockerfile, files, "-o", "-")
    assert done.out[257:262] == b"ustar"
    assert builds.refused(dockerfile, files, "-o", "type=nothing").startswith("--output type=nothing")


def test_what_scripts_are_told(builds: Builds, tmp_path: Path) -> None:
    image = builds(
        "FROM busybox\nRUN true\n", None, "-t", "one", "-t", "localhost/two:2", "--label", "a=b", "--label", "bare",
        "--annotation", "c=d", "--iidfile", tmp_path / "id", "--metadata-file", tmp_path / "metadata",
    )  # fmt: skip
    assert (tmp_path / "id").read_text() == image["digest"]
    told = json.loads((tmp_path / "metadata").read_text())
    assert told["containerimage.digest"] == image["digest"]
    assert told["image.name"] == "docker.io/library/one:latest,localhost/two:2"
    assert told["containerimage.config.digest"] == builds.manifest(image)["config"]["digest"]
    labels = builds.config(image)["config"]["Labels"]
    assert (labels["a"], labels["bare"]) == ("b", "")
    assert builds.manifest(image)["annotations"] == {"c": "d"}
    names = {one["annotations"].get("org.opencontainers.image.ref.name") for one in builds.run("img-ls").documents}
    assert {"docker.io/library/one:latest", "localhost/two:2"} <= names


def test_one_layer_of_all(builds: Builds) -> None:
    dockerfile = "FROM busybox\nRUN echo a > /a && echo b > /b && rm /etc/group\nRUN rm /a && mkdir /d\nCOPY f /b\n"
    plain = builds(dockerfile, {"f": "f"})
    image = builds(dockerfile, {"f": "f"}, "--squash")
    (layer,) = builds.layers(image)
    assert layer.getnames() == ["b", "d", "etc", "etc/.wh.group"]
    shown = [{name: (one.mode, one.size) for name, one in builds.tree(each).items()} for each in (plain, image)]
    assert shown[0] == shown[1]
    config = builds.config(image)
    made = [entry for entry in config["history"] if not entry.get("empty_layer")]
    assert len(made) == len(config["rootfs"]["diff_ids"]) == 2


def test_an_index_of_platforms(builds: Builds) -> None:
    dockerfile = "FROM scratch\nARG TARGETARCH\nLABEL arch=$TARGETARCH\nCOPY f /\n"
    image = builds(dockerfile, {"f": "f"}, "--platform", "linux/amd64,linux/arm64")
    index = builds.manifest(image)
    assert [one["platform"]["architecture"] for one in index["manifests"]] == ["amd64", "arm64"]
    for one in index["manifests"]:
        config = builds.config(one)
        assert config["architecture"] == config["config"]["Labels"]["arch"] == one["platform"]["architecture"]


def test_a_run_for_another_machine(builds: Builds) -> None:
    """Where no interpreter is registered, it is refused before anything runs, and says what is missing."""
    message = builds.refused('FROM scratch\nRUN ["/x"]\n', None, "--platform", "linux/s390x")
    assert message.startswith("Dockerfile:2: ")
    if not Path("/proc/sys/fs/binfmt_misc/register").exists():
        assert "the stage is for linux/s390x" in message
        assert "qemu-user-static" in message


def test_what_is_better_written_otherwise(builds: Builds, run: Commands) -> None:
    context = builds.write("FROM busybox as made\nENV A 1\n")
    done = run("img-build", "--check", context, status=1)
    assert {one["rule"] for one in done.documents} == {"FromAsCasing", "LegacyKeyValueFormat"}
    run("oci-validate", input=done.out)
    assert "2 things are better written otherwise" in done.errors[0]["message"]
    builds("FROM busybox as made\n")
    message = builds.refused("# check=error=true\nFROM busybox as made\n")
    assert message.startswith("Dockerfile:2: FromAsCasing")
    assert run("img-build", "--check", builds.write("FROM busybox\n")).out == b""


def test_a_dockerfile_that_is_none(builds: Builds) -> None:
    assert builds.refused("FROM busybox\nRUM true\n").startswith("Dockerfile:2")
    assert "no such file" in builds.refused("FROM busybox\n", None, "-f", "nothing")


def test_a_slow_pipe(builds: Builds, run: Commands) -> None:
    """What stdin gives in small pieces is known for what it is."""
    builds.write("FROM busybox\nCOPY a /\n", {"a": "a"})
    (image,) = run.shell(f"tar -cC {builds.context} . | (head -c 100; sleep 0.2; cat) | img-build -").documents
    assert builds.content(image, "a") == b"a"
    (image,) = run.shell("(echo FROM busybox; sleep 0.2; echo LABEL a=b) | img-build -").documents
    assert builds.config(image)["config"]["Labels"]["a"] == "b"


def test_a_base_that_is_dockers_becomes_ocis(run: Commands, store_root: Path, tmp_path: Path) -> None:
    import rootfs

    builds = Builds(run, store_root, tmp_path / "context", rootfs.busybox_image(docker=True))
    manifest = builds.manifest(builds("FROM busybox\nRUN echo a > /a\n"))
    assert manifest["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert {one["mediaType"] for one in manifest["layers"]} == {"application/vnd.oci.image.layer.v1.tar+gzip"}


def test_onbuild(builds: Builds) -> None:
    builds('FROM busybox\nONBUILD COPY a /triggered\nONBUILD RUN echo b > /b\n', {"a": "a"}, "-t", "localhost/base")
    image = builds("FROM localhost/base\nRUN cat /triggered /b\n")
    assert {"triggered", "b"} <= builds.tree(image).keys()
    assert "OnBuild" not in builds.config(image)["config"]


def test_arguments_and_named_contexts(builds: Builds, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("other's")
    image = builds(
        "ARG BASE=nothing\nFROM $BASE\nARG V\nRUN echo $V > /v\nCOPY --from=more file /\n", None,
        "--build-arg", "BASE=busybox", "--build-arg", "V", "--build-arg", "UNUSED=1",
        "--build-context", f"more={other}", env={"V": "from the environment"},
    )  # fmt: skip
    assert builds.content(image, "v") == b"from the environment\n"
    assert builds.content(image, "file") == b"other's"
    assert "UNUSED: nothing in Dockerfile declares it" in builds.said
    image = builds("FROM given\nLABEL a=b\n", None, "--build-context", f"given=docker-image://{BUSYBOX}")
    assert "bin/busybox" in builds.tree(image)


def test_a_directory_as_a_base(builds: Builds, tmp_path: Path) -> None:
    """As buildx has it: its files, root's, are the image that the stage begins with."""
    other = tmp_path / "other"
    (other / "d").mkdir(parents=True)
    (other / "d" / "file").write_text("other's")
    os.chown(other / "d" / "file", 5, 5)
    context = ["--build-context", f"given={other}"]
    image = builds("FROM given\nCOPY a /a\n", {"a": "a"}, *context)
    tree = builds.tree(image)
    assert sorted(tree) == ["a", "d", "d/file"]
    assert tree["d/file"].uid == 0
    assert builds.config(image)["history"][0]["created_by"] == "FROM given"
    assert builds("FROM given\nCOPY a /a\n", None, *context) == image
    assert builds.cached() == [True]
    assert len(builds.layers(builds("FROM given\nCOPY a /a\nCOPY a /b\n", None, "--squash", *context))) == 2


def test_more_than_a_container_may(builds: Builds) -> None:
    dockerfile = "FROM busybox\nRUN --security=insecure mount -t tmpfs none /tmp; grep CapEff /proc/self/status > /c\n"
    message = "Dockerfile:2: --security=insecure needs the command line's leave (add --allow security.insecure)"
    assert builds.refused(dockerfile) == message
    image = builds(dockerfile, None, "--allow", "security.insecure")
    capabilities = int(builds.content(image, "c").split()[1], 16)
    assert capabilities & (1 << 21)  # CAP_SYS_ADMIN
    assert builds.refused(dockerfile) == message  # though it is in the cache


def test_on_a_terminal(builds: Builds) -> None:
    """What is being done is shown while it lasts; what was done, and what it said, stays."""
    context = builds.write("FROM busybox\nRUN echo begun; sleep 1\n")
    argv = [str(builds.run.bin / "img-build"), "--network", "none", str(context)]
    status, shown = on_terminal(argv, builds.run.env, "stderr")
    assert status == 0
    assert re.search(r"[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏] \[0 1/1\] RUN echo begun; sleep 1 +\d\.\ds", shown)
    assert "begun\r\n" in shown
    assert re.search(r"\[0 1/1\] RUN echo begun; sleep 1: \d\.\ds", shown)


def test_limits_and_names_of_a_run(builds: Builds) -> None:
    image = builds(
        "FROM busybox\nRUN (ulimit -n; grep db /etc/hosts; df -k /dev/shm | tail -n 1; hostname) > /told\n", None,
        "--ulimit", "nofile=77:88", "--add-host", "db:10.1.2.3", "--shm-size", "1m", "--memory", "64m",
    )  # fmt: skip
    lines = builds.content(image, "told").decode().splitlines()
    assert lines[0] == "77"
    assert lines[1].split() == ["10.1.2.3", "db"]
    assert lines[2].split()[1] == "1024"
    assert lines[3] == "build"


def standing(names: list[str]) -> list[str]:
    """Interfaces but those of networks, which come and go with other tests' containers."""
    return sorted(name for name in names if not name.startswith("oc"))


def test_networks_of_a_run(builds: Builds) -> None:
    image = builds(
        "FROM busybox\nRUN ls /sys/class/net > /default\nRUN --network=none ls /sys/class/net > /none\n", None,
        "--network", "ocipipe",
    )  # fmt: skip
    assert builds.content(image, "default").split() == [b"eth0", b"lo"]
    assert builds.content(image, "none").split() == [b"lo"]
    host = builds("FROM busybox\nRUN ls /sys/class/net > /host; hostname > /name\n", None, "--network", "host")
    assert standing(builds.content(host, "host").decode().split()) == standing(os.listdir("/sys/class/net"))
    assert builds.content(host, "name").decode().strip() == os.uname().nodename
    assert "needs the command line's leave" in builds.refused("FROM busybox\nRUN --network=host true\n")
    host = builds("FROM busybox\nRUN --network=host ls /sys/class/net > /host\n", None, "--allow", "network.host")
    assert standing(builds.content(host, "host").decode().split()) == standing(os.listdir("/sys/class/net"))
    builds("FROM busybox\nRUN ls /sys/class/net > /host\n", None, "--network", "host")


def test_the_clock(builds: Builds) -> None:
    """Nothing is younger than the base, or what was said; `now` opts out."""
    dockerfile = "FROM busybox\nCOPY a /a\nRUN touch /b; touch -d @1000 /c\n"
    image = builds(dockerfile, {"a": "a"})
    assert builds.config(image)["created"] == EPOCH
    tree = builds.tree(image)
    assert tree["a"].mtime == tree["b"].mtime == 1_700_000_000
    assert tree["c"].mtime == 1000
    name = "SOURCE_DATE_EPOCH"
    for options, env in (("--timestamp", "1234"), {}), (("--build-arg", f"{name}=1234"), {}), ((), {name: "1234"}):
        image = builds(dockerfile, None, *options, env=env)
        assert builds.config(image)["created"] == "1970-01-01T00:20:34Z"
        assert builds.tree(image)["b"].mtime == 1234
    image = builds(dockerfile, None, "--timestamp", "now")
    assert builds.tree(image)["b"].mtime > 1_700_000_000
    assert blob(builds.root, image["digest"]).exists()
