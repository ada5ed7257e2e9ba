"""Documents from stdin, one or many, each as soon as it is whole.

The input is a concatenation of JSON objects, in any layout (one a line, or pretty-printed by jq). Because names flow
through pipes as well (`ctr-ps -q | ctr-stop`, `jq -r .id`), a line that begins with anything but `{`, `[` or `"` is a
name, and a JSON string is the name it holds. The end of an object is found by counting braces outside strings, in one
pass over the bytes, so a slow producer's first document is acted on while the second does not exist yet.
"""

from __future__ import annotations

import os

from oci_spec import jsondoc

from ..errors import Corrupt, NotFound, Unavailable, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from oci_spec.jsondoc import Document

LIMIT = 64 << 20
"""Bytes of one document at most: more is a mistake or an attack, not a description of a container."""
SUBJECT = "stdin"
_CHUNK = 1 << 16
_SPACE = b" \t\r\n"


class _Braces:
    """Finds the end of the object at the start of a growing buffer; looks at every byte once."""

    __slots__ = ("_depth", "_inside", "_position")

    def __init__(self) -> None:
        self._depth = 0
        self._position = 0
        self._inside = False

    def end(self, buffer: bytearray) -> int:
        """The offset after the closing brace, 0 when it has not come yet."""
        position, depth, inside = self._position, self._depth, self._inside
        size, quote = len(buffer), -1
        while position < size:
            if inside:
                if quote < position:
                    quote = buffer.find(b'"', position)
                    quote = size if quote < 0 else quote
                escape = buffer.find(b"\\", position, quote)
                if escape >= 0:
                    if escape + 1 == size:
                        position = escape  # what it escapes has not come yet
                        break
                    position = escape + 2
                elif quote < size:
                    position, inside = quote + 1, False
                else:
                    position = size
                continue
            character = buffer[position]
            position += 1
            if character == 0x22:
                inside = True
            elif character == 0x7B:
                depth += 1
            elif character == 0x7D:
                depth -= 1
                if not depth:
                    return position
        self._position, self._depth, self._inside = position, depth, inside
        return 0


def items(stream: BinaryIO) -> Iterator[Document | str]:
    """Every document and name that `stream` yields, without waiting for more than each needs.

    `stream` is unbuffered: its read returns what is there. Raises FormatError where the input is neither; what came
    before has been yielded by then. Raises Corrupt for a document over LIMIT.
    """
    buffer = bytearray()
    braces = _Braces()
    more = True
    number = 0
    while True:
        begin = len(buffer) - len(buffer.lstrip(_SPACE))
        if begin:
            del buffer[:begin]
        end = 0
        if buffer:
            end = braces.end(buffer) if buffer[0] == 0x7B else buffer.find(b"\n") + 1
            if not end and not more:
                end = len(buffer)
        if end:
            number += 1
            text = bytes(buffer[:end])
            del buffer[:end]
            braces = _Braces()
            yield _item(text, f"{SUBJECT} (document {number})")
        elif not more:
            return
        else:
            if len(buffer) > LIMIT:
                raise Corrupt(SUBJECT, f"holds a document of more than {LIMIT >> 20} MiB", "is this a JSON document?")
            chunk = _read(stream, _CHUNK)
            more = bool(chunk)
            buffer += chunk


def _item(text: bytes, subject: str) -> Document | str:
    if text[:1] == b"{":
        return jsondoc.load_object(text, subject)
    if text[:1] == b"[":
        raise jsondoc.FormatError(subject, "is an array, not objects one by one (jq '.[]' takes it apart)")
    if text[:1] == b'"':
        return str(jsondoc.loads(text.strip(), subject))
    try:
        return text.decode().strip()
    except UnicodeDecodeError as error:
        raise jsondoc.FormatError(subject, f"not UTF-8 at byte {error.start}") from None


def named(path: str, stdin: BinaryIO, what: str = "document") -> Iterator[Document | str]:
    """Every document and name in the file at `path`, or on stdin for `-`; as `items`. Raises UsageError when stdin is a
    terminal, OSError for a file that cannot be read."""
    if path == "-":
        _refuse_terminal(stdin, what)
        yield from items(stdin)
        return
    with open(path, "rb", buffering=0) as file:
        yield from items(file)


def first(stream: BinaryIO, what: str = "document") -> Document | str:
    """The first document or name of an unbuffered `stream`, with its line end; not one byte more is consumed.

    For a command whose process goes on reading the same stdin (`ctr-run -i -`). `what` names what is wanted. Raises
    UsageError when stdin is a terminal, NotFound when nothing comes, FormatError for what is no document, also when
    something else follows it on its line.
    """
    _refuse_terminal(stream, what)
    buffer = bytearray()
    braces = _Braces()
    while byte := _read(stream, 1):
        if not buffer and byte in b" \t\r\n":
            continue
        buffer += byte
        if len(buffer) > LIMIT:
            raise Corrupt(SUBJECT, f"holds a document of more than {LIMIT >> 20} MiB", "is this a JSON document?")
        if buffer[0] != 0x7B:
            if byte == b"\n":
                break
        elif byte == b"}" and braces.end(buffer):
            while (byte := _read(stream, 1)) in (b" ", b"\t", b"\r"):
                pass
            if byte not in (b"", b"\n"):
                raise jsondoc.FormatError(SUBJECT, "something follows the document on its line")
            break
    if not buffer:
        raise _nothing(what)
    return _item(bytes(buffer), SUBJECT)


def one(stream: BinaryIO, what: str = "document") -> Document | str:
    """The only document or name on an unbuffered `stream`, read to its end; `what` names it in messages.

    Raises UsageError when stdin is a terminal or holds several, NotFound when nothing comes, FormatError.
    """
    _refuse_terminal(stream, what)
    found: Document | str | None = None
    for item in items(stream):
        if found is not None:
            raise UsageError(SUBJECT, f"holds more than one {what}", "pipe them one at a time")
        found = item
    if found is None:
        raise _nothing(what)
    return found


def objects(words: list[str], stream: BinaryIO, what: str) -> Iterator[Document | str]:
    """For a command that acts on all its objects at once: its operands, with the documents and names on an unbuffered
    `stream` in the place of `-` or of none. Raises UsageError when that is a terminal, NotFound when nothing comes."""
    for word in words or ["-"]:
        if word != "-":
            yield word
            continue
        _refuse_terminal(stream, what)
        found = None
        for found in items(stream):
            yield found
        if found is None:
            raise _nothing(what)


def _refuse_terminal(stream: BinaryIO, what: str) -> None:
    if stream.isatty():
        raise UsageError(SUBJECT, f"is a terminal, and no {what} is named", f"name the {what}, or pipe its document in")


def _nothing(what: str) -> NotFound:
    return NotFound(SUBJECT, f"ended without the {what}", "see why the command before in the pipe printed none")


def _read(stream: BinaryIO, size: int) -> bytes:
    try:
        while (chunk := stream.read(size)) is None:  # another process made the pipe non-blocking: wait as if it hadn't
            import select

            poll = select.poll()
            poll.register(stream, select.POLLIN)
            poll.poll()
    except OSError as error:
        raise Unavailable(SUBJECT, f"cannot be read: {os.strerror(error.errno or 0).lower()}") from None
    return chunk
