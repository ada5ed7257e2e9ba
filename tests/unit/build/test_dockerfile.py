"""build/dockerfile and instruction: what a Dockerfile says."""

from __future__ import annotations

from typing import Any

import pytest
from dockerfiles import read

from ocipipe.build.instruction import DockerfileError, Instruction


def one(text: str) -> Instruction:
    """The last instruction of a text."""
    return read(text if text.lstrip("# \n\ufeff").upper().startswith("FROM") else f"FROM x\n{text}").instructions[-1]


@pytest.mark.parametrize(
    ("text", "keyword", "words"),
    [
        ("FROM debian", "FROM", ["debian"]),
        ("from debian as Base", "FROM", ["debian", "as", "Base"]),
        ("FROM  \t debian   AS x  ", "FROM", ["debian", "AS", "x"]),
        ("FROM debian@sha256:" + "a" * 64, "FROM", ["debian@sha256:" + "a" * 64]),
        ("  FROM debian", "FROM", ["debian"]),
        ("\ufeffFROM debian", "FROM", ["debian"]),
        ("# a comment\n\n\nFROM debian", "FROM", ["debian"]),
        ("#!/usr/bin/env build\nFROM debian", "FROM", ["debian"]),
        ("RUN make", "RUN", ["make"]),
        ("rUn make all", "RUN", ["make", "all"]),
        ("RUN\tmake", "RUN", ["make"]),
        ("RUN make\r\n", "RUN", ["make"]),
        ("RUN make \\\n  all", "RUN", ["make", "all"]),
        ("RUN make \\  \t\n  all", "RUN", ["make", "all"]),
        ("RUN make\\\nall", "RUN", ["makeall"]),
        ("RUN make \\\r\n  all\r\n", "RUN", ["make", "all"]),
        ("RUN make \\\n# a comment\n  # another\n  all", "RUN", ["make", "all"]),
        ("RUN make \\\n\n  all", "RUN", ["make", "all"]),
        ("RUN make \\\n", "RUN", ["make"]),
        ("RUN \\\n  make", "RUN", ["make"]),
        ("\\\nRUN make", "RUN", ["make"]),
        ("RUN echo a\\\\", "RUN", ["echo", "a\\\\"]),
        ("RUN echo # no comment", "RUN", ["echo", "#", "no", "comment"]),
        ("RUN echo 'a  b'", "RUN", ["echo", "'a", "b'"]),
        ('RUN ["make", "all targets"]', "RUN", ["make", "all targets"]),
        ('RUN   [ "make" ,\\\n "x" ]  ', "RUN", ["make", "x"]),
        ('RUN ["a\\u00e9"]', "RUN", ["aé"]),
        ("RUN ['make', 'all']", "RUN", ["['make',", "'all']"]),
        ('RUN ["make", "all"] && x', "RUN", ['["make",', '"all"]', "&&", "x"]),
        ('RUN ["make", "all"', "RUN", ['["make",', '"all"']),
        ("RUN [ -e /x ] && y", "RUN", ["[", "-e", "/x", "]", "&&", "y"]),
        ("RUN [[ -e /x ]]", "RUN", ["[[", "-e", "/x", "]]"]),
        ("RUN --mount=type=tmpfs,target=/x -- --all", "RUN", ["--all"]),
        ("RUN -x --y", "RUN", ["-x", "--y"]),
        ("CMD []", "CMD", []),
        ('CMD ["sh", "-c", "x y"]', "CMD", ["sh", "-c", "x y"]),
        ("CMD sh -c x", "CMD", ["sh", "-c", "x"]),
        ('ENTRYPOINT ["/init"]', "ENTRYPOINT", ["/init"]),
        ("ENTRYPOINT /init --x", "ENTRYPOINT", ["/init", "--x"]),
        ("COPY a b /c/", "COPY", ["a", "b", "/c/"]),
        ('COPY ["a b", "/c"]', "COPY", ["a b", "/c"]),
        ("COPY --from=x --link a /b", "COPY", ["a", "/b"]),
        ("ADD https://example.org/x.tar /x", "ADD", ["https://example.org/x.tar", "/x"]),
        ("ENV A=1 B=2", "ENV", ["A=1", "B=2"]),
        ("ENV A b c", "ENV", ["A", "b", "c"]),
        ("LABEL a.b=c", "LABEL", ["a.b=c"]),
        ("ARG A", "ARG", ["A"]),
        ("ARG A=1 B C=3", "ARG", ["A=1", "B", "C=3"]),
        ("EXPOSE 80 443/tcp", "EXPOSE", ["80", "443/tcp"]),
        ('VOLUME ["/a b"]', "VOLUME", ["/a b"]),
        ("VOLUME /a /b", "VOLUME", ["/a", "/b"]),
        ("USER me:staff", "USER", ["me:staff"]),
        ("WORKDIR /a b", "WORKDIR", ["/a", "b"]),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL", ["SIGTERM"]),
        ("HEALTHCHECK NONE", "HEALTHCHECK", ["NONE"]),
        ("HEALTHCHECK --interval=5s CMD true", "HEALTHCHECK", ["CMD", "true"]),
        ('SHELL ["/bin/bash", "-c"]', "SHELL", ["/bin/bash", "-c"]),
        ("ONBUILD RUN make", "ONBUILD", ["RUN", "make"]),
        ("MAINTAINER Me <me@example.org>", "MAINTAINER", ["Me", "<me@example.org>"]),
    ],
)
def test_words(text: str, keyword: str, words: list[str]) -> None:
    found = one(text)
    assert (found.keyword, found.words) == (keyword, words)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("FROM --platform=$BUILDPLATFORM x", {"platform": ["$BUILDPLATFORM"]}),
        ("RUN --mount=type=cache,target=/x make", {"mount": ["type=cache,target=/x"]}),
        ("RUN --mount=a=1 --mount=b=2 make", {"mount": ["a=1", "b=2"]}),
        ("RUN --network=none make", {"network": ["none"]}),
        ("RUN --security=insecure make", {"security": ["insecure"]}),
        ('RUN --mount="type=cache,target=/a b" make', {"mount": ["type=cache,target=/a b"]}),
        ("RUN --mount=type=cache,target=/a\\ b make", {"mount": ["type=cache,target=/a b"]}),
        ("RUN --network=none \\\n  --security=sandbox \\\n  make", {"network": ["none"], "security": ["sandbox"]}),
        ("COPY --link a /b", {"link": ["true"]}),
        ("COPY --link=FALSE a /b", {"link": ["false"]}),
        ("COPY --parents --chown=1:2 --chmod=755 a /b", {"parents": ["true"], "chown": ["1:2"], "chmod": ["755"]}),
        ("COPY --exclude=*.md --exclude=x --from=0 a /b", {"exclude": ["*.md", "x"], "from": ["0"]}),
        ("ADD --checksum=sha256:1 --keep-git-dir --unpack=true a /b",
         {"checksum": ["sha256:1"], "keep-git-dir": ["true"], "unpack": ["true"]}),
        ("HEALTHCHECK --interval=1s --timeout=2s --start-period=3s --start-interval=4s --retries=5 CMD x",
         {"interval": ["1s"], "timeout": ["2s"], "start-period": ["3s"], "start-interval": ["4s"], "retries": ["5"]}),
    ],
)  # fmt: skip
def test_flags(text: str, options: dict[str, list[str]]) -> None:
    assert one(text).options == options


@pytest.mark.parametrize(
    ("text", "heredocs", "last_line"),
    [
        ("RUN <<EOF\na\nb\nEOF", [("EOF", "a\nb\n", True)], 5),
        ("RUN <<EOF\nEOF", [("EOF", "", True)], 3),
        ("RUN << EOF\na\nEOF", [("EOF", "a\n", True)], 4),
        ("RUN <<'EOF' sh\n$a\nEOF", [("EOF", "$a\n", False)], 4),
        ('RUN <<"EOF"\n$a\nEOF', [("EOF", "$a\n", False)], 4),
        ("RUN <<-EOF\n\ta\n\t\tb\n\tEOF", [("EOF", "\ta\n\t\tb\n", True)], 5),
        ("RUN 3<<EOF x\na\nEOF", [("EOF", "a\n", True)], 4),
        ("RUN <<A cat <<B\n1\nA\n2\nB\n", [("A", "1\n", True), ("B", "2\n", True)], 6),
        ("RUN <<EOF\n# kept\n\n  kept\\\nEOF", [("EOF", "# kept\n\n  kept\\\n", True)], 6),
        ("RUN --network=none \\\n  <<EOF\na\nEOF", [("EOF", "a\n", True)], 5),
        ("RUN <<EOF\r\na\r\nEOF\r\n", [("EOF", "a\r\n", True)], 4),
        ("COPY <<a.txt <<'b' /x/\n1\na.txt\n2\nb", [("a.txt", "1\n", True), ("b", "2\n", False)], 6),
        ("COPY x <<EOF /y/\na\nEOF", [("EOF", "a\n", True)], 4),
        ("ADD <<EOF /x\na\nEOF", [("EOF", "a\n", True)], 4),
        ("ONBUILD RUN <<EOF\na\nEOF", [("EOF", "a\n", True)], 4),
        ('RUN ["cat", "<<EOF"]', [], 2),
        ("RUN cat <<<EOF", [], 2),
        ('RUN echo "<<EOF"', [], 2),
        ("RUN echo '<<EOF", [], 2),
        ("RUN echo $((1<<2))", [], 2),
        ("CMD <<EOF", [], 2),
        ("ENV A=<<EOF", [], 2),
    ],
)
def test_heredocs(text: str, heredocs: list[tuple[str, str, bool]], last_line: int) -> None:
    found = one(text)
    assert [(each.name, each.content, each.expand) for each in found.heredocs] == heredocs
    assert found.place.last == last_line


def test_a_heredoc_without_its_tabs() -> None:
    assert one("RUN <<-EOF\n\ta\n\t b\nEOF").heredocs[0].text == "a\n b\n"


@pytest.mark.parametrize(
    ("text", "directives"),
    [
        ("FROM x", {}),
        ("# syntax=docker/dockerfile:1\nFROM x", {"syntax": "docker/dockerfile:1"}),
        ("#syntax=a\n# Escape = `\n#check=skip=all\nFROM x", {"syntax": "a", "escape": "`", "check": "skip=all"}),
        ("\ufeff# escape=`\nFROM x", {"escape": "`"}),
        ("# escape=\\\nFROM x", {"escape": "\\"}),
        ("#!/bin/x\n# escape=`\nFROM x", {"escape": "`"}),
        ("# a comment\n# escape=`\nFROM x", {}),
        ("\n# escape=`\nFROM x", {}),
        ("# unknown=1\n# escape=`\nFROM x", {}),
        ("FROM x\n# escape=`", {}),
        ("# escape=\nFROM x", {}),
        ("# syntax=a\r\n# escape=`\r\nFROM x", {"syntax": "a", "escape": "`"}),
    ],
)
def test_directives(text: str, directives: dict[str, str]) -> None:
    assert read(text).directives == directives


def test_the_escape_directive_is_honoured() -> None:
    found = read("# escape=`\nFROM x\nRUN a `\n  b\nCOPY c:\\d e:\\\nENV A=`$B C=\\$D")
    assert [each.text for each in found.instructions] == ["x", "a   b", "c:\\d e:\\", "A=`$B C=\\$D"]


def test_places_and_what_stands_around() -> None:
    found = read("FROM x\n\n# about\n# this\nRUN a \\\n\n  b\n# other\n\nCMD c\n").instructions
    assert [(each.place.first, each.place.last) for each in found] == [(1, 1), (5, 7), (10, 10)]
    assert found[1].comments == ["about", "this"]
    assert found[1].gaps == [6]
    assert found[2].comments == []
    assert str(found[1].place) == "Dockerfile:5"


def test_latin_letters_in_comments_and_heredocs_are_kept() -> None:
    found = read(b"# caf\xe9\nFROM x\nCOPY <<EOF /a\n\xe9\nEOF\n").instructions[-1]
    assert found.heredocs[0].content.encode("utf-8", "surrogateescape") == b"\xe9\n"


REFUSED: list[tuple[str | bytes, str]] = [
    ("", "Dockerfile:1: holds no instructions"),
    ("# only a comment\n", "holds no instructions"),
    ("\\\n\\\n", "holds no instructions"),
    ("FORM x", "Dockerfile:1: unknown instruction FORM (did you mean FROM?)"),
    ("FROM x\nNOTHING", "Dockerfile:2: unknown instruction NOTHING"),
    ("FROM x\nRUN --mnt=type=cache make", "Dockerfile:2: RUN --mnt=: unknown flag --mnt (did you mean --mount?)"),
    ("FROM x\nRUN --mount make", "--mount needs a value"),
    ("FROM x\nRUN --network=a --network=b make", "--network stands twice"),
    ("FROM x\nCOPY --link=yes a b", "--link needs true or false"),
    ("FROM x\nCOPY --link= a b", "--link needs true or false"),
    ("FROM x\nCOPY --checksum=x a b", "unknown flag --checksum"),
    ("FROM x\nCOPY --keep-git-dir a b", "unknown flag --keep-git-dir"),
    ("FROM x\nADD --from=x a b", "unknown flag --from"),
    ("FROM x\nADD --parents a b", "unknown flag --parents"),
    ("FROM x\nRUN --device=x a", "unknown flag --device"),
    ("FROM --platfrom=x y", "did you mean --platform?"),
    ("FROM x\nCMD --init", "unknown flag --init (it has none)"),
    ("FROM x\nENV --a b=c", "unknown flag --a"),
    ("FROM x\nUSER --a b", "unknown flag --a"),
    ("FROM x\nWORKDIR --a /b", "unknown flag --a"),
    ("FROM x\nEXPOSE --a 1", "unknown flag --a"),
    ("FROM x\nVOLUME --a /b", "unknown flag --a"),
    ("FROM x\nLABEL --a b=c", "unknown flag --a"),
    ("FROM x\nSHELL --a []", "unknown flag --a"),
    ("FROM x\nSTOPSIGNAL --a 9", "unknown flag --a"),
    ("FROM x\nARG --a b", "unknown flag --a"),
    ("FROM x\nMAINTAINER --a b", "unknown flag --a"),
    ("FROM x\nONBUILD --a RUN b", "unknown flag --a"),
    ("FROM x\nHEALTHCHECK --intervall=1s CMD x", "did you mean --interval?"),
    *((f"FROM x\n{keyword}", f"Dockerfile:2: {keyword}: says nothing (write ") for keyword in (
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
        "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    )),
    ("FROM", "FROM: says nothing"),
    ("FROM x y", "needs an image, or an image, AS and a name"),
    ("FROM x AS", "needs an image"),
    ("FROM x AS y z", "needs an image"),
    ("FROM x IS y", "needs an image"),
    ("FROM x AS 1a", "1a is no name for a stage"),
    ("FROM x AS a/b", "a/b is no name for a stage"),
    ("FROM x AS -", "is no name for a stage"),
    ("FROM x\nRUN []", "names no program"),
    ('FROM x\nRUN ["a", 1]', "an array here has strings only"),
    ('FROM x\nCMD [["a"]]', "strings only"),
    ('FROM x\nCOPY ["a", null]', "strings only"),
    ("FROM x\nCOPY a", "needs a source and a destination"),
    ('FROM x\nCOPY ["a"]', "needs a source and a destination"),
    ("FROM x\nADD a", "needs a source and a destination"),
    ("FROM x\nCOPY a <<EOF\nb\nEOF", "a heredoc cannot be the destination"),
    ("FROM x\nRUN <<EOF\na\n", "the heredoc EOF has no end (write a line EOF)"),
    ("FROM x\nCOPY <<A <<B /x/\n1\nA\n2", "the heredoc B has no end"),
    ("FROM x\nRUN <<EOF\na\n EOF", "has no end"),
    ("FROM x\nENV A", "A has no value"),
    ("FROM x\nENV A=1 B", "'B' is no pair"),
    ("FROM x\nENV =1", "is no pair"),
    ("FROM x\nENV A='1", "a quote ' is not closed"),
    ("FROM x\nLABEL a", "a has no value"),
    ("FROM x\nARG =1", "=1 has no name"),
    ('FROM x\nARG A="1', "not closed"),
    ("FROM x\nSHELL /bin/sh -c", "needs a JSON array"),
    ("FROM x\nSHELL []", "needs a JSON array"),
    ('FROM x\nVOLUME [""]', "a volume's path is empty"),
    ("FROM x\nVOLUME []", "a volume's path is empty"),
    ("FROM x\nHEALTHCHECK true", "neither CMD and a command nor NONE alone"),
    ("FROM x\nHEALTHCHECK CMD", "neither CMD"),
    ("FROM x\nHEALTHCHECK CMD []", "has no command after CMD"),
    ("FROM x\nHEALTHCHECK NONE x", "nor NONE alone"),
    ("FROM x\nHEALTHCHECK --interval=1s NONE", "nor NONE alone"),
    ("FROM x\nHEALTHCHECK --interval=soon CMD x", "is no option like"),
    ("FROM x\nHEALTHCHECK --interval=1us CMD x", "is no option like"),
    ("FROM x\nHEALTHCHECK --retries=-1 CMD x", "is no option like"),
    ("FROM x\nONBUILD ONBUILD RUN x", "ONBUILD cannot wait for a later build"),
    ("FROM x\nONBUILD from y", "FROM cannot wait"),
    ("FROM x\nONBUILD MAINTAINER y", "MAINTAINER cannot wait"),
    (f"FROM x\n{'ONBUILD ' * 3000}RUN x", "ONBUILD cannot wait"),
    ("FROM x\nONBUILD NOTHING", "unknown instruction NOTHING"),
    ("FROM x\nONBUILD COPY a", "needs a source and a destination"),
    ("# syntax=a\n# syntax=b\nFROM x", "Dockerfile:2: the directive syntax stands twice"),
    ("# escape=x\nFROM x", "Dockerfile:1: x cannot be the escape character"),
    (b"FROM x\nRUN \xff", "Dockerfile:2: holds bytes that are no text"),
    (b"FROM x\nRUN a\0b", "holds bytes that are no text"),
    (b"FROM x\nRUN <<EOF\n\xff\nEOF", "the heredoc EOF holds bytes that are no text"),
    (b"FROM x\nONBUILD COPY <<EOF /x\n\0\nEOF", "the heredoc EOF holds bytes that are no text"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), REFUSED)
def test_refused(text: str | bytes, problem: str) -> None:
    with pytest.raises(DockerfileError) as caught:
        read(text)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_error_shows_the_place() -> None:
    with pytest.raises(DockerfileError) as caught:
        read("FROM x\n\nRUN make \\\n\t&& x\nCOPY \\\n\t--form=y a /b\n")
    detail: Any = caught.value.detail
    assert str(caught.value) == "Dockerfile:5: COPY --form=: unknown flag --form (did you mean --from?)"
    assert detail == {"file": "Dockerfile", "line": 6, "column": 2, "text": "\t--form=y a /b"}
    assert caught.value.excerpt == "  6 | \t--form=y a /b\n    | \t^^^^^^^"
    assert caught.value.code == "DOCKERFILE"


def test_an_excerpt_is_no_wider_than_a_terminal() -> None:
    with pytest.raises(DockerfileError) as caught:
        read(f"FROM x\nRUN --mount={'a' * 200} --mnt=b {'c' * 200}\n")
    line, marks = caught.value.excerpt.split("\n")
    assert len(line) < 120
    assert line[marks.index("^") :].startswith("--mnt=b")
    assert marks.endswith("| " + " " * 51 + "^^^^^^")
