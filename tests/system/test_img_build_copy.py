"""COPY and ADD: which files, where to, with what attributes; nothing leaves the context, nothing leaves the image."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from builds import Builds
from images import sha256
from rootfs import CAPABILITY

FILES: dict[str, str | bytes] = {"a": "a", "b": "b", "d/one": "1", "d/e/two": "2", "d/e/skip.log": "l", "top.log": "t"}


def names(builds: Builds, *lines: str, files: dict[str, str | bytes] | None = None) -> list[str]:
    """The files of an image that begins with nothing."""
    image = builds("\n".join(["FROM scratch", *lines, ""]), FILES if files is None else files)
    return sorted(builds.tree(image))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("COPY a /", ["a"]),
        ("COPY a /x", ["x"]),
        ("COPY a /x/", ["x", "x/a"]),
        ("COPY a x/y/z", ["x", "x/y", "x/y/z"]),
        ("COPY a b /x/", ["x", "x/a", "x/b"]),
        ('COPY ["a", "b", "/x y/"]', ["x y", "x y/a", "x y/b"]),
        ("COPY d /x", ["x", "x/e", "x/e/skip.log", "x/e/two", "x/one"]),
        ("COPY d/ /", ["e", "e/skip.log", "e/two", "one"]),
        ("COPY d/e d/one /x/", ["x", "x/one", "x/skip.log", "x/two"]),
        ("COPY d/* /x/", ["x", "x/one", "x/skip.log", "x/two"]),
        ("COPY *.log [ab] /x/", ["x", "x/a", "x/b", "x/top.log"]),
        ("COPY ? none* /x/", ["x", "x/a", "x/b", "x/e", "x/e/skip.log", "x/e/two", "x/one"]),
        ("COPY ./d/../a /../../x", ["x"]),
        ("COPY --parents d/e/two d/one /x/", ["x", "x/d", "x/d/e", "x/d/e/two", "x/d/one"]),
        ("COPY --parents ./d/./e/two /x/", ["x", "x/e", "x/e/two"]),
        ("COPY --parents d/*/two /x", ["x", "x/d", "x/d/e", "x/d/e/two"]),
        ("COPY --exclude=*.log --exclude=one d /x", ["x", "x/e", "x/e/skip.log", "x/e/two"]),
        ("COPY --exclude=**/*.log d /x", ["x", "x/e", "x/e/two", "x/one"]),
        ("COPY --exclude=e --exclude=!e/two d /x", ["x", "x/e", "x/e/two", "x/one"]),
        ("COPY --exclude=*.log --exclude=D* * /x/", ["x", "x/a", "x/b", "x/e", "x/e/skip.log", "x/e/two", "x/one"]),
        ("COPY --link a /x/", ["x", "x/a"]),
        ("COPY <<in /x\ntext\nin", ["x"]),
        ("COPY a <<in <<more /x/\ntext\nin\nmore text\nmore", ["x", "x/a", "x/in", "x/more"]),
        ("WORKDIR /w\nCOPY a b ./", ["w", "w/a", "w/b"]),
        ("WORKDIR /w\nCOPY d .", ["w", "w/e", "w/e/skip.log", "w/e/two", "w/one"]),
        ("WORKDIR /w\nCOPY a ../x", ["w", "x"]),
    ],
)
def test_what_goes_where(builds: Builds, line: str, found: list[str]) -> None:
    assert names(builds, line) == found


def test_into_what_is_there(builds: Builds) -> None:
    """A directory's content is merged, a link to a directory is followed, and a file goes into a directory."""
    image = builds(
        "FROM busybox\nRUN mkdir -p /there/e /real && chmod 700 /there && echo old > /there/old && ln -s real /link\n"
        "COPY d /there\nCOPY a /there\nCOPY b /link\nCOPY a /link/deep/x\n"
        "COPY d/one /there/old\nCOPY d /link/\n", FILES,
    )  # fmt: skip
    tree = builds.tree(image)
    assert {"there/a", "there/e/two", "real/b", "real/deep/x", "real/e/two"} <= tree.keys()
    assert tree["there"].mode == 0o700
    assert builds.content(image, "there/old") == b"1"
    assert tree["link"].linkname == "real"


def test_a_directory_onto_a_link_of_the_image(builds: Builds) -> None:
    """As with usr-merged systems: what is copied to lib/ ends up where the image's link leads."""
    dockerfile = "FROM busybox\nRUN mkdir -p /usr/lib && ln -s usr/lib /lib2\nCOPY t /\n"
    image = builds(dockerfile, {"t/lib2/x": "x", "t/lib2/y/z": "z"})
    tree = builds.tree(image)
    assert {"usr/lib/x", "usr/lib/y/z"} <= tree.keys()
    assert tree["lib2"].issym()


def test_links_of_the_image_stay_in_it(builds: Builds, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    links = f"ln -s {outside} /abs; ln -s ../../../../../..{outside} /rel"
    image = builds(f"FROM busybox\nRUN {links}\nCOPY a /abs/\nCOPY b /rel/\n", FILES)
    assert list(outside.iterdir()) == []
    assert builds.content(image, f"{outside}/a".lstrip("/")) == b"a"
    assert builds.content(image, f"{outside}/b".lstrip("/")) == b"b"


def test_links_of_the_context_stay_in_it(builds: Builds, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    context = builds.write("FROM scratch\n", FILES)
    (context / "abs").symlink_to(secret)
    (context / "rel").symlink_to("../secret")
    (context / "up").symlink_to("..")
    (context / "in").symlink_to("d/one")
    (context / "d" / "inner").symlink_to("/d/e")
    for source in ("abs", "rel", "up/secret", "../secret"):
        message = builds.refused(f"FROM scratch\nCOPY {source} /x\n")
        assert "is not in" in message
    image = builds("FROM scratch\nCOPY ../in /x\nCOPY d /d\nCOPY d/../../d/inner/two /two\n")
    assert builds.content(image, "x") == b"1"
    assert builds.tree(image)["d/inner"].linkname == "/d/e"
    assert builds.content(image, "two") == b"2"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("COPY none /", "none: is not in the context"),
        ("COPY a b /x", "/x: several sources need a directory"),
        ("COPY ignored.txt /", "ignored.txt is not in the context"),
        ("COPY a /f\nCOPY d /f", "/f: is no directory, and one cannot take its place"),
        ("COPY a /f\nCOPY b /f/", "is no directory"),
        ("COPY d/one /n/one/two\nCOPY d /n", "/n/one: is a directory: a file cannot take its place"),
        ("COPY --chown=nobody a /", "--chown=nobody: nobody: no such user"),
        ("COPY --chmod=u+q a /", "u+q is no mode"),
        ("COPY --from=none/such:1 a /", "none/such"),
    ],
)
def test_what_cannot_be_copied(builds: Builds, lines: str, message: str) -> None:
    files: dict[str, str | bytes] = {**FILES, "ignored.txt": "", ".dockerignore": "ignored.txt\n"}
    told = builds.outcome(f"FROM scratch\n{lines}\n", files, status=1).err.splitlines()[-1]
    (error,) = json.loads(told)["errors"]
    line = 2 + lines.count("\n")
    assert message in error["message"]
    assert error["message"].startswith(f"Dockerfile:{line}: ")
    assert error["detail"]["line"] == line


def test_owners_and_modes(builds: Builds) -> None:
    context = builds.write("FROM scratch\n", FILES)
    os.chown(context / "a", 1234, 1234)
    (context / "a").chmod(0o4751)
    (context / "d").chmod(0o700)
    image = builds(
        "FROM busybox\nCOPY a d /plain/\nCOPY --chown=app a /by/name\nCOPY --chown=app:extra d /by/both\n"
        "COPY --chown=55 a /by/number\nCOPY --chown=1000:66 a /by/numbers\nCOPY --chmod=0640 a /mode/octal\n"
        "COPY --chmod=u=rw,go=rX d /mode/symbolic\nCOPY --chown=app a /new/deep/er/\n"
    )  # fmt: skip
    tree = {name: (one.mode & 0o7777, one.uid, one.gid) for name, one in builds.tree(image).items()}
    assert tree["plain/a"] == (0o4751, 0, 0)
    assert tree["plain"] == (0o755, 0, 0)
    assert tree["by/name"] == (0o4751, 1000, 1000)
    assert tree["by/both/e/two"] == (0o644, 1000, 2000)
    assert tree["by/both"] == (0o700, 1000, 2000)
    assert tree["by/number"] == (0o4751, 55, 55)
    assert tree["by/numbers"] == (0o4751, 1000, 66)
    assert tree["mode/octal"] == (0o640, 0, 0)
    assert tree["mode/symbolic"] == (0o655, 0, 0)
    assert tree["mode/symbolic/one"] == (0o644, 0, 0)
    assert tree["new/deep"] == tree["new/deep/er"] == (0o755, 1000, 1000)


def test_between_stages_all_is_kept(builds: Builds) -> None:
    image = builds(
        "FROM busybox AS made\nRUN mkdir /d && echo a > /d/a && ln /d/a /d/b && chown 7:8 /d/a && mkfifo /d/f\n"
        "FROM scratch\nCOPY --from=made /d /d\nCOPY --from=made --chown=9 /d/a /c\nCOPY --from=0 /bin/sh /sh\n"
    )  # fmt: skip
    tree = builds.tree(image)
    assert (tree["d/a"].uid, tree["d/a"].gid, tree["c"].uid) == (7, 8, 9)
    assert tree["d/b"].islnk()
    assert tree["d/f"].isfifo()
    assert tree["sh"].isreg()  # a link that is named is followed


def test_capabilities_come_along(builds: Builds) -> None:
    context = builds.write("FROM scratch\n", {"program": b"x"})
    os.setxattr(context / "program", "security.capability", CAPABILITY)
    image = builds("FROM scratch AS one\nCOPY program /\nFROM scratch\nCOPY --from=one program /\n")
    (layer,) = builds.layers(image)
    header = layer.getmember("program").pax_headers["SCHILY.xattr.security.capability"]
    assert header.encode("utf-8", "surrogateescape") == CAPABILITY


def test_special_names_and_holes(builds: Builds) -> None:
    context = builds.write("FROM scratch\n", {"n \t\n'é": "odd", "d/.wh.x": ""})
    raw = os.fsencode(context) + b"/n\xf6t"
    Path(os.fsdecode(raw)).write_text("raw")
    with open(context / "sparse", "wb") as file:
        file.truncate(1 << 20)
        file.seek(1 << 19)
        file.write(b"middle")
    image = builds("FROM scratch\nCOPY n* sparse /x/\n")
    assert len(builds.tree(image)) == 4
    assert builds.content(image, "x/sparse")[1 << 19 :][:6] == b"middle"
    assert "would delete a file in a layer" in builds.refused("FROM scratch\nCOPY d /\n")


def test_dockerignore(builds: Builds) -> None:
    ignore = "*.log\n**/skip*\nd/e\n!d/e/two\n# no pattern\nDockerfile\n.dockerignore\n"
    found = names(builds, "COPY . /", files={**FILES, ".dockerignore": ignore})
    assert found == ["a", "b", "d", "d/e", "d/e/two", "d/one"]
    beside = builds.context / "Dockerfile.dockerignore"
    beside.write_text("*\n!a\n")
    assert names(builds, "COPY . /") == ["a"]


def _archive(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.uid, member.gid, member.mtime = len(data), 0o640, 5, 6, 77
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("program", ["", "gzip", "bzip2", "xz", "zstd"])
def test_add_unpacks_archives_by_content(builds: Builds, program: str) -> None:
    data = _archive(one=b"1", two=b"2")
    if program:
        assert shutil.which(program), program
        data = subprocess.run([program, "-c"], input=data, check=True, capture_output=True).stdout
    dockerfile = "FROM scratch\nADD odd.name /x/\nCOPY odd.name /copied\nADD --unpack=false odd.name /added\n"
    image = builds(dockerfile, {"odd.name": data})
    tree = builds.tree(image)
    assert sorted(tree) == ["added", "copied", "x", "x/one", "x/two"]
    assert (tree["x/one"].mode, tree["x/one"].uid, tree["x/one"].gid) == (0o640, 5, 6)
    assert builds.content(image, "added") == builds.content(image, "copied") == data


def test_add_of_what_is_no_archive(builds: Builds) -> None:
    gzipped = subprocess.run(["gzip", "-c"], input=b"text", check=True, capture_output=True).stdout
    image = builds("FROM scratch\nADD a.tar b.gz e /x/\n", {"a.tar": "no archive", "b.gz": gzipped, "e": ""})
    assert sorted(builds.tree(image)) == ["x", "x/a.tar", "x/b.gz", "x/e"]
    cut = subprocess.run(["gzip", "-c"], input=_archive(a=os.urandom(1 << 20)), check=True, capture_output=True).stdout
    assert "truncated" in builds.refused("FROM scratch\nADD a /x/\n", {"a": cut[: len(cut) // 2]})


def test_a_hostile_archive_stays_in_the_image(builds: Builds, tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("link/written"))
    assert "/link: is no directory" in builds.refused("FROM scratch\nADD a /\n", {"a": out.getvalue()})
    assert not (tmp_path / "written").exists()
    message = builds.refused("FROM scratch\nADD a /x\n", {"a": _archive(**{"../../../out": b""})})
    assert "out" in message


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Files over HTTP on loopback."""
    served = tmp_path / "served"
    served.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/file.txt")
                self.end_headers()
            else:
                super().do_GET()

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served))) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_address[1]}", served
        httpd.shutdown()
        thread.join()


def test_add_of_urls(builds: Builds, server: tuple[str, Path]) -> None:
    url, served = server
    (served / "file.txt").write_text("fetched")
    (served / "a.tar").write_bytes(_archive(one=b"1"))
    os.utime(served / "file.txt", (1000, 1000))
    image = builds(
        f"FROM scratch\nADD {url}/file.txt /x/\nADD {url}/moved /y\nADD --chmod=755 {url}/a.tar /z/\n"
        f"ADD --unpack=true {url}/a.tar /u/\nADD --checksum={sha256(b'fetched')} {url}/file.txt /checked\n"
    )  # fmt: skip
    tree = builds.tree(image)
    assert {name: one.mode for name, one in tree.items() if one.isreg()} == {
        "x/file.txt": 0o600, "y": 0o600, "z/a.tar": 0o755, "u/one": 0o640, "checked": 0o600,
    }  # fmt: skip
    assert builds.content(image, "y") == b"fetched"
    (served / "file.txt").write_text("changed")
    dockerfile = f"FROM scratch\nADD {url}/file.txt /x/\n"
    builds(dockerfile)
    assert builds.cached() == [False]
    assert "has the digest" in builds.refused(f"FROM scratch\nADD --checksum={sha256(b'fetched')} {url}/file.txt /x\n")
    assert "the server answers 404" in builds.refused(f"FROM scratch\nADD {url}/none /x\n")
    assert "names no file" in builds.refused(f"FROM scratch\nADD {url}/ /x/\n")
