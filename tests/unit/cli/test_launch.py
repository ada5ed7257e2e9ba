"""The loop, the streams and the exit status; in memory where that shows it, with real processes where only they do."""

from __future__ import annotations

import errno
import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from cli_world import Stream, command, execute, program, run

from oci_spec.jsondoc import FormatError
from ocipipe.cli.declare import Command, Operand, Option
from ocipipe.cli.output import Ended
from ocipipe.errors import Conflict, NotFound, UsageError

LOOP = Command(
    "test-loop", "a test", operands=(Operand("REF", "what", many=True),), objects="ref", reads="thing", writes="thing",
)  # fmt: skip


def each(_ctx: Any, _args: Any, item: Any) -> Iterator[Any]:
    if item == "missing":
        raise NotFound(item, "is not here", "look elsewhere")
    if item == "half":
        yield {"half": 1}
        raise Conflict(item, "is in two states", detail={"states": 2})
    if item == "told":
        yield NotFound("one of them", "is gone")
    yield item if isinstance(item, dict) else {"name": item, "id": f"id-{item}"}


loop = command(LOOP, each=each)


def lister(ctx: Any, _args: Any) -> Any:
    world = {"user": ctx.user, "now": ctx.now(), "random": ctx.random(2).hex()}
    return [{"root": ctx.root, "run_root": ctx.run_root, **world}]


listing = command(Command("test-list", "a test"), run=lister)


def test_operands_in_order() -> None:
    done = run(loop, "a", "b")
    assert done.status == 0
    assert done.out == b'{"name":"a","id":"id-a"}\n{"name":"b","id":"id-b"}\n'
    assert done.err == b""


def test_goes_on_past_a_failed_object_and_then_exits_1() -> None:
    done = run(loop, "missing", "half", "told", "b")
    assert done.status == 1
    assert [document.get("name", document) for document in done.documents] == [{"half": 1}, "told", "b"]
    assert done.errors == [
        {"code": "NOT_FOUND", "message": "missing: is not here (look elsewhere)"},
        {"code": "CONFLICT", "message": "half: is in two states", "detail": {"states": 2}},
        {"code": "NOT_FOUND", "message": "one of them: is gone"},
    ]


def test_documents_and_names_from_stdin() -> None:
    done = run(loop, stdin=b'{"a":1}\nweb\n{"b":2}')
    assert done.documents == [{"a": 1}, {"name": "web", "id": "id-web"}, {"b": 2}]


def test_dash_stands_for_stdin_among_operands() -> None:
    done = run(loop, "first", "-", "last", stdin=b'{"a":1}{"b":2}')
    assert [document.get("name", document) for document in done.documents] == ["first", {"a": 1}, {"b": 2}, "last"]


def test_empty_stdin_is_nothing_to_do() -> None:
    assert (run(loop).status, run(loop).out) == (0, b"")


def test_no_operand_on_a_terminal_is_a_usage_error() -> None:
    done = run(loop, stdin=Stream(terminal=True))
    assert done.status == 2
    message = "REF: missing operand (name one or pipe thing documents in, see test-loop --help)"
    assert done.errors[0]["message"] == message


def test_broken_stdin_is_told_and_what_came_before_is_done() -> None:
    done = run(loop, stdin=b'{"a":1}{"b":}{"c":1}')
    assert done.status == 1
    assert done.documents == [{"a": 1}]
    assert done.errors[0]["code"] == "INVALID"


def test_a_document_of_the_wrong_type_fails_alone() -> None:
    declared = Command("test-images", "a test", operands=LOOP.operands, objects="ref", reads="descriptor")
    good = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": "sha256:" + "0" * 64, "size": 2}
    pipe = json.dumps({**good, "size": -1}) + json.dumps(good)
    done = run(command(declared, each=each), stdin=pipe.encode())
    assert done.status == 1
    assert done.documents == [good]
    assert done.errors[0]["code"] == "INVALID"
    assert done.errors[0]["detail"] == {"pointer": "/size"}


def test_quiet_prints_id_digest_or_name() -> None:
    documents = b'{"name":"n","digest":"sha256:d"}{"name":"n","id":"i","digest":"sha256:d"}{"name":"n"}'
    assert run(loop, "-q", stdin=documents).out == b"sha256:d\ni\nn\n"


def test_stored_bytes_leave_unchanged() -> None:
    stored = command(LOOP, each=lambda _ctx, _args, item: item.encode())
    assert run(stored, "{ }").out == b"{ }"
    assert run(stored, "{ }", "{}\n", "[]").out == b"{ }\n{}\n[]"
    digest = b"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n"
    assert run(stored, "-q", "{}").out == digest


def test_status_of_a_process_is_the_commands() -> None:
    declared = Command("test-run", "a test", exits={125: "our failure"})
    assert run(command(declared, run=lambda _ctx, _args: 42)).status == 42

    def fails(_ctx: Any, _args: Any) -> int:
        raise NotFound("image", "is not here")

    assert run(command(declared, run=fails)).status == 125
    assert run(command(declared, run=fails), "--bogus").status == 2
    assert run(command(Command("test-run", "a test"), run=fails)).status == 1


@pytest.mark.parametrize(
    ("error", "code", "message", "status"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/v/x"), "DENIED",
         "/v/x: permission denied (run it as root, or use a store of your own with --root)", 1),
        (OSError(errno.ENOSPC, "No space", "/v/x"), "UNAVAILABLE",
         "/v/x: no space left on device (free space on that file system, or choose another with --root)", 1),
        (OSError(errno.EROFS, "ro", "/a", None, "/b"), "UNAVAILABLE",
         "/a -> /b: read-only file system (choose a writable place with --root)", 1),
        (OSError(errno.EIO, "io"), "UNAVAILABLE", "system call: input/output error (check the disk)", 1),
        (FormatError("index.json", "is short", "/manifests/0"), "INVALID", "index.json: /manifests/0: is short", 1),
        (UsageError("--a", "does not go with --b"), "USAGE", "--a: does not go with --b", 2),
        (MemoryError(), "UNAVAILABLE", "memory: is exhausted (free memory, or raise the limit of this session)", 1),
        (ModuleNotFoundError("No module named 'isal'", name="isal.igzip"), "UNAVAILABLE",
         "isal.igzip: this Python package is not installed (install ocipipe again)", 1),
        (KeyError("x"), "INTERNAL",
         "internal error: KeyError: 'x' (please report it with what OCIPIPE_DEBUG=1 shows)", 1),
    ],
)  # fmt: skip
def test_errors_become_one_line(error: Exception, code: str, message: str, status: int) -> None:
    def fails(_ctx: Any, _args: Any, _item: Any) -> Any:
        raise error

    done = run(command(LOOP, each=fails), "a")
    assert (done.status, done.out) == (status, b"")
    assert done.errors[0]["code"] == code
    assert done.errors[0]["message"] == message
    shown = run(command(LOOP, each=fails), "a", stderr=Stream(terminal=True)).err.decode()
    if code != "USAGE":
        assert shown == f"test-loop: {message}\n"


def test_debug_shows_where_a_mistake_is() -> None:
    def fails(_ctx: Any, _args: Any, _item: Any) -> Any:
        return {}["x"]  # type: ignore[var-annotated]

    quiet, debug = run(command(LOOP, each=fails), "a"), run(command(LOOP, each=fails), "a", env={"OCIPIPE_DEBUG": "1"})
    assert b"Traceback" not in quiet.err
    assert b"Traceback" in debug.err
    assert b"in fails" in debug.err


@pytest.mark.parametrize(
    ("argv", "env", "user", "root", "run_root"),
    [
        ([], {}, 0, "/var/lib/ocipipe", "/run/ocipipe"),
        ([], {"OCIPIPE_ROOT": "", "OCIPIPE_RUN_ROOT": ""}, 0, "/var/lib/ocipipe", "/run/ocipipe"),
        ([], {"OCIPIPE_ROOT": "/e", "OCIPIPE_RUN_ROOT": "/er"}, 0, "/e", "/er"),
        (["--root", "/o/../p", "--run-root=/or"], {"OCIPIPE_ROOT": "/e"}, 0, "/p", "/or"),
        ([], {"HOME": "/h"}, 7, "/h/.local/share/ocipipe", "/h/.local/share/ocipipe/run"),
        ([], {"HOME": "/h", "XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": "/r"}, 7, "/d/ocipipe", "/r/ocipipe"),
        ([], {"XDG_DATA_HOME": "/d", "XDG_RUNTIME_DIR": "/r"}, 0, "/var/lib/ocipipe", "/run/ocipipe"),
    ],
)
def test_where_the_store_is(argv: list[str], env: dict[str, str], user: int, root: str, run_root: str) -> None:
    (found,) = run(listing, *argv, env=env, user=user).documents
    assert (found["root"], found["run_root"]) == (root, run_root)


def test_no_home_and_no_store_is_a_usage_error() -> None:
    done = run(listing, user=7)
    assert (done.status, done.errors[0]["message"][:28]) == (2, "--root: no store is known: H")


def test_the_context_is_the_given_world() -> None:
    (found,) = run(listing).documents
    assert (found["now"], found["random"], found["user"]) == (1_700_000_000.0, "0001", 0)


def test_table_on_a_terminal_and_where_asked_for() -> None:
    assert b"{" in run(loop, "a").out
    assert run(loop, "a", stdout=Stream(terminal=True)).out.count(b"\n") > 1  # indented: no table for this type
    assert run(loop, "a", "--format=json", stdout=Stream(terminal=True)).out == b'{"name":"a","id":"id-a"}\n'
    assert run(loop, "a", "--format=table").out == b'{\n  "name": "a",\n  "id": "id-a"\n}\n'


def test_what_was_done_before_an_error_is_in_the_table() -> None:
    done = run(loop, "a", "missing", "b", "--format=table")
    assert done.status == 1
    assert b'"a"' in done.out
    assert b'"b"' in done.out


def test_version() -> None:
    done = run(loop, "--version")
    assert (done.status, done.out.split()[:2]) == (0, [b"test-loop", b"(ocipipe)"])


def test_generator_is_closed_when_the_reader_has_gone() -> None:
    class Gone(Stream):
        def write(self, data: Any, /) -> int:
            raise BrokenPipeError(errno.EPIPE, "gone")

    closed = []

    def endless(_ctx: Any, _args: Any, item: Any) -> Iterator[Any]:
        try:
            while True:
                yield {}
        finally:
            closed.append(item)

    with pytest.raises(Ended) as caught:
        run(command(LOOP, each=endless), "a", "b", stdout=Gone())
    assert caught.value.signal == signal.SIGPIPE
    assert closed == ["a"]


def test_short_writes_are_continued() -> None:
    class Slow(Stream):
        def write(self, data: Any, /) -> int:
            return super().write(bytes(data[:5]))

    assert run(loop, "a", stdout=Slow()).out == b'{"name":"a","id":"id-a"}\n'


SOURCE = """
from ocipipe.cli.declare import Command, Operand
COMMAND = Command("fake-command", "a test", operands=(Operand("REF", "what", many=True),), objects="ref", reads="thing")
def each(ctx, args, item):
    import os, time
    if item == "drop":  # the signal comes where Python drops what is raised
        class Dropped:
            def __del__(self):
                os.kill(os.getpid(), int(os.environ["NUMBER"]))
                time.sleep(0)
        Dropped()
        time.sleep(60)
    if item == "leave":
        open(os.environ["MARK"], "w").close()
        try:
            print("ready", file=__import__("sys").stderr, flush=True)
            time.sleep(60)
        finally:
            os.unlink(os.environ["MARK"])
    return {"item": item, "n": "x" * 1000}
"""


def test_results_flow_while_the_producer_is_slow(tmp_path: Any) -> None:
    process = subprocess.Popen(program(tmp_path, SOURCE), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    for number in range(3):
        process.stdin.write(b'{"number":%d}' % number)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["item"] == {"number": number}
    process.stdin.close()
    assert process.wait() == 0
    process.stdout.close()


def test_reader_that_closes_early_ends_it_by_sigpipe(tmp_path: Any) -> None:
    process = subprocess.Popen(
        program(tmp_path, SOURCE), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.write(b"{}")
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    process.stdin.write(b"{}{}")
    process.stdin.close()
    assert process.wait() == -signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stderr.close()


def test_full_disk_on_stdout_is_an_error_told_once(tmp_path: Any) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([*program(tmp_path, SOURCE), "a", "b"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert [json.loads(line)["errors"][0]["message"] for line in done.stderr.splitlines()] == [
        "standard output: no space left on device (send the results to somewhere that takes them)"
    ]


@pytest.mark.parametrize(("redirection", "message"), [(">&-", "standard output"), ("<&-", "stdin: cannot be read")])
def test_closed_descriptors(tmp_path: Any, redirection: str, message: str) -> None:
    (path,) = program(tmp_path, SOURCE)
    done = execute(["sh", "-c", f'exec "$0" {"a" if ">" in redirection else "-"} {redirection}', path])
    assert done.status == 1
    assert done.errors[0]["message"].startswith(message)


def test_closed_stderr_keeps_messages_out_of_the_results(tmp_path: Any) -> None:
    (path,) = program(tmp_path, SOURCE)
    done = execute(["sh", "-c", 'exec "$0" --bogus 2>&-', path])
    assert (done.status, done.out, done.err) == (2, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_cleans_up_and_then_ends_it_by_that_signal(tmp_path: Any, number: signal.Signals) -> None:
    mark = tmp_path / "mark"
    process = subprocess.Popen(
        [*program(tmp_path, SOURCE), "leave"], stderr=subprocess.PIPE, env={**os.environ, "MARK": str(mark)}
    )
    assert process.stderr
    assert process.stderr.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait() == -number
    assert process.stderr.read() == b""
    process.stderr.close()
    assert not mark.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_where_errors_are_dropped_is_not_lost(tmp_path: Any, number: signal.Signals) -> None:
    done = execute([*program(tmp_path, SOURCE), "drop"], env={**os.environ, "NUMBER": str(int(number))})
    assert (done.status, done.err) == (-number, b"")


def test_usage_error_on_a_terminal_is_typers() -> None:
    declared = Command("test-loop", "a test", operands=LOOP.operands, options=(Option("--name", "[bold]"),))
    done = run(command(declared, each=each), "--nmae", stderr=Stream(terminal=True))
    text = done.err.decode()
    assert (done.status, done.out) == (2, b"")
    assert "Usage:" in text
    assert "did you mean" in text
    assert "╭" in text


def test_a_real_terminal_gets_a_table(tmp_path: Any) -> None:
    master, slave = pty.openpty()
    done = subprocess.run([*program(tmp_path, SOURCE), "a"], stdout=slave, stderr=subprocess.PIPE, check=False)
    os.close(slave)
    assert done.returncode == 0
    shown = os.read(master, 65536)
    os.close(master)
    assert b'"item"' in shown
    assert shown.count(b"\r\n") > 2


def test_a_broken_installation_is_one_line(tmp_path: Any) -> None:
    (path,) = program(tmp_path, SOURCE)
    text = (tmp_path / "fake-command").read_text().replace("main('fake-command')", "main('no-such-command')")
    (tmp_path / "fake-command").write_text(text)
    done = execute([path])
    assert (done.status, done.out) == (1, b"")
    assert done.errors[0]["code"] == "INTERNAL"
    assert "ocipipe.cmd.no_such_command" in done.errors[0]["message"]
