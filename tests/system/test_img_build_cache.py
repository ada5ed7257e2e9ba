"""img-build's cache: content decides, one step is carried out once, and what is kept is kept."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

from builds import Builds
from commands import Commands
from damage import blob, flip
from images import Image

ONCE = "cat /proc/sys/kernel/random/uuid"
"""Says something else each time."""
DOCKERFILE = f"FROM busybox\nARG V=1\nCOPY a d /x/\nRUN echo $V; {ONCE} > /when\nRUN cat /when > /again\n"


def test_the_same_again(builds: Builds) -> None:
    first = builds(DOCKERFILE, {"a": "a", "d/b": "b"})
    assert builds.cached() == [False, False, False]
    assert builds(DOCKERFILE) == first
    assert builds.cached() == [True, True, True]


def test_times_and_places_do_not_count(builds: Builds, tmp_path: Path) -> None:
    first = builds(DOCKERFILE, {"a": "a", "d/b": "b"})
    os.utime(builds.context / "a", (1, 1))
    subprocess.run(["cp", "-r", builds.context, tmp_path / "moved"], check=True)
    builds.context = tmp_path / "moved"
    assert builds(DOCKERFILE) == first
    assert builds.cached() == [True, True, True]


def test_what_counts(builds: Builds) -> None:
    """Each change of what is copied is a miss from there on; putting it back is a hit, of all that follows too."""
    first = builds(DOCKERFILE, {"a": "aaaa", "d/b": "b"})
    path = builds.context / "a"
    before = path.stat()
    path.write_text("bbbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # the same size and time
    other = builds(DOCKERFILE)
    assert builds.cached() == [False, False, False]
    assert other["digest"] != first["digest"]
    path.write_text("aaaa")
    assert builds(DOCKERFILE) == first
    for change in (
        lambda: path.chmod(0o600), (builds.context / "d" / "new").touch,
        lambda: (builds.context / "d" / "link").symlink_to("b"), lambda: os.setxattr(path, "user.x", b"y"),
        lambda: (builds.context / "d" / "b").rename(builds.context / "d" / "c"),
    ):  # fmt: skip
        change()
        builds(DOCKERFILE)
        assert builds.cached() == [False, False, False]


def test_an_argument_counts_where_it_is_used(builds: Builds) -> None:
    files = {"a": "a", "d/b": "b"}
    builds(DOCKERFILE, files)
    builds(DOCKERFILE, None, "--build-arg", "V=2")
    assert builds.cached() == [True, False, False]
    builds(DOCKERFILE, None, "--build-arg", "HTTP_PROXY=http://127.0.0.1:9")
    assert builds.cached() == [True, True, True]
    builds(DOCKERFILE.replace("ARG V=1", "ARG V=1\nENV E=1"))
    assert builds.cached() == [True, False, False]
    builds(DOCKERFILE.replace("ARG V=1", "ARG V=1\nLABEL L=1"))
    assert builds.cached() == [True, True, True]


def test_a_change_that_makes_no_difference_ends_there(builds: Builds) -> None:
    """What a later step stands on is what its files are, not how they came about."""
    builds(f"FROM busybox\nRUN echo a > /a\nRUN {ONCE} > /b\n")
    builds(f"FROM busybox\nRUN echo 'a' > /a\nRUN {ONCE} > /b\n")
    assert builds.cached() == [False, True]


def test_linked_copies_stand_on_anything(builds: Builds) -> None:
    dockerfile = "FROM busybox\nRUN echo {} > /a\nCOPY --link f /b/\n"
    builds(dockerfile.format(1), {"f": "f"})
    image = builds(dockerfile.format(2))
    assert builds.cached() == [False, True]
    assert builds.content(image, "b/f") == b"f"


def test_without_the_cache(builds: Builds) -> None:
    dockerfile = f"FROM busybox AS one\nRUN {ONCE} > /one\nFROM busybox\nRUN {ONCE} > /two\nCOPY --from=one /one /\n"
    builds(dockerfile)
    builds(dockerfile)
    assert all(builds.cached())
    builds(dockerfile, None, "--no-cache")
    assert not any(builds.cached())
    builds(dockerfile, None, "--no-cache-filter", "one")
    assert sorted(builds.cached()) == [False, False, True]
    builds.run("store-prune", "--older-than", "0s")  # takes the layers that records named before


def explained(builds: Builds, word: str) -> str:
    """What is said of the step whose instruction has this word."""
    (line,) = [one for one in builds.said.splitlines() if word in one and (": hit" in one or ": miss" in one)]
    return line.partition(": hit" if ": hit" in line else ": miss: ")[2] or "hit"


def test_a_miss_is_explained(builds: Builds) -> None:
    files: dict[str, str | bytes] = {"a": "a", "d/b": "b"}
    builds(DOCKERFILE, files, "--explain-cache")
    assert explained(builds, "COPY") == "it is carried out for the first time"
    builds(DOCKERFILE, None, "--explain-cache")
    assert explained(builds, "COPY") == "hit"
    builds(DOCKERFILE, None, "--explain-cache", "--build-arg", "V=2")
    assert explained(builds, "echo $V") == "variables V: 1 -> 2"
    assert explained(builds, "/again").startswith("base: sha256:")
    (builds.context / "d" / "b").chmod(0o600)
    builds(DOCKERFILE, None, "--explain-cache")
    assert explained(builds, "COPY") == "mode of x/b: 0644 -> 0600"
    (builds.context / "a").write_text("changed")
    builds(DOCKERFILE, None, "--explain-cache")
    assert explained(builds, "COPY").startswith("content of x/a: ")
    (builds.context / "a").unlink()
    builds(DOCKERFILE.replace("COPY a", "COPY"), None, "--explain-cache")
    assert explained(builds, "COPY") == "file x/a: there -> missing"
    builds(DOCKERFILE.replace("COPY a", "COPY").replace("/again", "/more"), None, "--explain-cache")
    assert explained(builds, "/more").startswith("command: ")


def test_two_builds_of_one_step_run_it_once(builds: Builds, run: Commands) -> None:
    """The second waits for the first, and takes what that has made."""
    context = builds.write(
        f"FROM busybox\nRUN --mount=type=cache,target=/c echo run >> /c/runs; sleep 2; {ONCE} > /when\n"
        "RUN --mount=type=cache,target=/c cp /c/runs /runs\n"
    )  # fmt: skip
    argv = [run.bin / "img-build", "--network", "none", "-q", context]
    running = [subprocess.Popen(argv, env=run.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for _ in range(3)]
    digests = {process.communicate(timeout=120)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0, 0]
    assert len(digests) == 1
    assert builds.content({"digest": digests.pop().decode().strip()}, "runs") == b"run\n"


def test_what_a_record_names_is_kept_while_it_is(builds: Builds, run: Commands) -> None:
    dockerfile = f"FROM busybox\nRUN {ONCE} > /when\nRUN true > /b\n"
    image = builds(dockerfile)
    run("img-rm", image["digest"])
    run("store-prune", "--older-than", "0s")
    assert builds(dockerfile) == image
    assert builds.cached() == [True, True]
    run("img-rm", image["digest"])
    before = {path.name for path in builds.root.glob("images/blobs/sha256/*")}
    planned = run("store-prune", "--plan", "--build-cache", "--older-than", "0s").documents
    assert sorted({one["kind"] for one in planned}) == ["blob", "build record", "layer"]
    assert run("store-prune", "--build-cache", "--older-than", "1h").documents == []
    run("store-prune", "--build-cache", "--older-than", "0s")
    assert before > {path.name for path in builds.root.glob("images/blobs/sha256/*")}
    builds(dockerfile)
    assert builds.cached() == [False, False]


def test_a_layer_that_was_unpacked_is_unpacked_again(builds: Builds, run: Commands) -> None:
    dockerfile = "FROM busybox\nRUN echo a > /a\nRUN cat /a\nRUN cat /a > /b\n"
    image = builds(dockerfile)
    for path in builds.root.glob("layers/sha256/*"):
        subprocess.run(["rm", "-r", path], check=True)
    assert builds(dockerfile) == image
    assert builds.cached() == [True, True, True]
    assert builds.content(image, "b") == b"a\n"


def test_a_damaged_record_is_no_record(builds: Builds) -> None:
    image = builds("FROM busybox\nRUN echo a > /a\n")
    (record,) = builds.root.glob("build/records/*.json")
    flip(record)
    assert builds("FROM busybox\nRUN echo a > /a\n") == image
    assert builds.cached() == [False]


def test_a_damaged_layer_of_a_record_is_told(builds: Builds, run: Commands) -> None:
    image = builds("FROM busybox\nRUN echo a > /a\n")
    layer = builds.manifest(image)["layers"][-1]["digest"]
    run("img-rm", image["digest"])
    flip(blob(builds.root, layer))
    (found,) = run("store-check", status=1).documents
    assert (found["code"], found["object"]["kind"]) == ("BUILD_DAMAGED", "build record")
    run("store-prune", "--build-cache", "--older-than", "0s")


def test_what_it_takes(builds: Builds, run: Commands) -> None:
    builds("FROM busybox\nRUN --mount=type=cache,target=/c dd if=/dev/zero of=/c/f bs=1M count=1\nRUN echo a > /a\n")
    (found,) = [one for one in run("store-df").documents if one["kind"] == "build cache"]
    assert found["count"] == 3
    assert found["bytes"] > 1 << 20
    planned = run("store-prune", "--plan", "--build-cache", "--older-than", "0s").documents
    (mount,) = [one for one in planned if one["kind"] == "cache mount"]
    assert mount["bytes"] > 1 << 20
    run("store-prune", "--build-cache", "--older-than", "0s")
    assert list(builds.root.glob("build/mounts/*")) == []


def test_the_same_image_anywhere(run: Commands, builds: Builds, busybox_image: Image, tmp_path: Path) -> None:
    """In another store, of another directory whose files were made in another order, with another umask and time."""
    dockerfile = (
        "FROM busybox\nWORKDIR /w\nCOPY . /all/\nCOPY --chown=app --chmod=640 one /mine/\n"
        "RUN for n in c a b; do mkdir /$n; echo $n > /$n/$n; done\n"
        "RUN hostname > /host; umask > /umask; id > /id; env | sort > /env\n"
        "ADD archive.tar /unpacked/\n"
    )  # fmt: skip
    names = [f"f{number}" for number in range(30)]
    argv = ["tar", "c", "--owner=77", "--group=77", "--mtime=@5", "-C", "/etc", "hostname"]
    archive = subprocess.run(argv, check=True, capture_output=True).stdout
    first = builds(dockerfile, {"one": "1", "archive.tar": archive, **{f"d/{name}": name for name in names}})
    time.sleep(1.1)
    other = tmp_path / "another" / "place"
    other.mkdir(parents=True)
    for name in reversed(names):
        (other / "d").mkdir(exist_ok=True)
        (other / "d" / name).write_text(name)
    for name in ("archive.tar", "one", "Dockerfile"):
        (other / name).write_bytes((builds.context / name).read_bytes())
    os.chown(other / "one", 55, 55)
    store = tmp_path / "second"
    busybox_image.into_store(store, "docker.io/library/busybox:latest")
    script = f"umask 077; cd {other}; img-build --root {store} --network none ."
    (second,) = run.shell(script, env={"HOME": str(tmp_path), "TZ": "Asia/Tokyo"}).documents
    assert second == first
    assert json.loads(blob(store, second["digest"]).read_bytes()) == builds.manifest(first)
    assert run("store-check", "--deep", "--root", store).documents == []
