"""Documents from a pipe: whole ones, in order, as soon as they are there, however the bytes are cut."""

from __future__ import annotations

import errno
import json
import os
import pty
import threading

import pytest
from cli_world import Stream
from hypothesis import given, settings
from hypothesis import strategies as st

from oci_spec.jsondoc import FormatError
from ocipipe.cli.jsonio import LIMIT, first, items, one
from ocipipe.errors import Corrupt, NotFound, Unavailable, UsageError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
OBJECTS = st.dictionaries(st.text(), VALUES)
NAMES = st.from_regex(r"[a-z0-9][a-z0-9.:/@-]{0,20}", fullmatch=True)


class Pieces(Stream):
    """A pipe that gives its bytes in the given pieces, whatever is asked for."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        super().__init__(data)
        self._sizes = sizes

    def read(self, size: int | None = -1, /) -> bytes:
        piece = self._sizes.pop(0) if self._sizes else 1 << 16
        return super().read(min(piece, size) if size and size > 0 else piece)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(OBJECTS, st.sampled_from([None, 2]), st.sampled_from(["", "\n", "\n\n \t"])) | NAMES),
    st.lists(st.integers(1, 9)),
)
def test_any_cut_gives_the_same_items(parts: list[object], sizes: list[int]) -> None:
    text, expected = "", []
    for part in parts:
        if isinstance(part, tuple):
            document, indent, space = part
            text += json.dumps(document, indent=indent, ensure_ascii=len(sizes) % 2 == 0) + space
            expected.append(document)
        else:
            text += f"{'' if text.endswith(chr(10)) or not text else chr(10)}{part}\n"
            expected.append(part)
    data = text.encode("utf-8", "surrogatepass")
    assert list(items(Pieces(data, sizes))) == expected


def test_name_without_line_end_and_json_string() -> None:
    assert list(items(Stream(b'web\n"db"\n  {"a":1} last'))) == ["web", "db", {"a": 1}, "last"]


def test_each_is_there_before_the_next_exists() -> None:
    read, write = os.pipe()
    with open(read, "rb", buffering=0) as stream:
        found = items(stream)
        for text, expected in ((b'{"n":1}', {"n": 1}), (b"\n{\n}", {}), (b"web\n", "web")):
            os.write(write, text)
            assert next(found) == expected
        os.close(write)
        assert list(found) == []


@pytest.mark.parametrize(
    ("text", "good", "message"),
    [
        (b'{"a":1}{"b":}{"c":1}', 1, "stdin (document 2): not JSON: expecting value at line 1, column 6"),
        (b'{"a":', 0, "stdin (document 1): not JSON: expecting value at line 1, column 6"),
        (b'{"a":"\\', 0, "stdin (document 1): not JSON: unterminated string starting at at line 1, column 6"),
        (b'{"a":1,"a":2}', 0, 'stdin (document 1): not JSON: key "a" stands twice in one object'),
        (b"[{}]", 0, "stdin (document 1): is an array, not objects one by one (jq '.[]' takes it apart)"),
        (b"web\n\xff\n", 1, "stdin (document 2): not UTF-8 at byte 0"),
        (b'{"a":"\xff"}', 0, "stdin (document 1): not UTF-8 at byte 6"),
    ],
)
def test_refused_where_it_breaks(text: bytes, good: int, message: str) -> None:
    found = items(Stream(text))
    for _ in range(good):
        next(found)
    with pytest.raises(FormatError) as caught:
        next(found)
    assert str(caught.value) == message


def test_endless_document_is_refused() -> None:
    class Endless(Stream):
        given = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.given += 1 << 20
            return b'{"' if self.given == 1 << 20 else b"x" * (1 << 20)

    stream = Endless()
    with pytest.raises(Corrupt):
        next(items(stream))
    assert stream.given <= LIMIT + (3 << 20)


def test_first_leaves_the_rest_of_the_pipe_alone() -> None:
    read, write = os.pipe()
    os.write(write, b'\n {"a": "}\\"{",\n "b": {}}  \nrest of stdin\n')
    os.close(write)
    with open(read, "rb", buffering=0) as stream:
        assert first(stream) == {"a": '}"{', "b": {}}
        assert stream.read() == b"rest of stdin\n"


def test_first_takes_a_name_or_a_document_at_the_end() -> None:
    stream = Stream(b"debian:bookworm\nrest")
    assert first(stream) == "debian:bookworm"
    assert stream.read() == b"rest"
    assert first(Stream(b'{"a":1}')) == {"a": 1}


def test_first_refuses_what_follows_on_the_line() -> None:
    with pytest.raises(FormatError, match="something follows the document on its line"):
        first(Stream(b'{"a":1}{"b":2}\n'))


def test_one_takes_exactly_one() -> None:
    assert one(Stream(b'\n{"a":1}\n'), "image") == {"a": 1}
    with pytest.raises(UsageError, match="holds more than one image"):
        one(Stream(b"{}{}"), "image")


@pytest.mark.parametrize("reader", [one, first])
def test_no_document_and_no_pipe(reader: object) -> None:
    assert callable(reader)
    with pytest.raises(NotFound, match="stdin: ended without the image"):
        reader(Stream(b" \n"), "image")
    with pytest.raises(UsageError, match="stdin: is a terminal, and no image is named"):
        reader(Stream(b"{}", terminal=True), "image")


def test_stdin_that_cannot_be_read_is_an_error_of_stdin() -> None:
    class Broken(Stream):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))

    with pytest.raises(Unavailable, match="stdin: cannot be read: is a directory"):
        list(items(Broken()))


def test_a_pipe_that_another_process_made_non_blocking_is_waited_for() -> None:
    read, write = os.pipe()
    os.set_blocking(read, False)
    with open(read, "rb", buffering=0) as stream:
        later = threading.Timer(0.05, lambda: (os.write(write, b'{"a":1}'), os.close(write)))
        later.start()
        assert list(items(stream)) == [{"a": 1}]
        later.join()


def test_a_terminal_is_read_line_by_line() -> None:
    master, slave = pty.openpty()
    with open(slave, "rb", buffering=0) as stream:
        os.write(master, b"web\n")
        assert next(items(stream)) == "web"
    os.close(master)
