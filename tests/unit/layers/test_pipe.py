"""layers/pipe: neither side waits for one that is gone."""

from __future__ import annotations

import threading

import pytest

from ocipipe.layers.pipe import Pipe, ahead


def test_chunks_come_out_in_order() -> None:
    pipe = Pipe(10)

    def write() -> None:
        for number in range(100):
            assert pipe.put(b"%03d" % number)
        pipe.end()

    thread = threading.Thread(target=write)
    thread.start()
    assert list(pipe) == [b"%03d" % number for number in range(100)]
    thread.join()


def test_a_full_pipe_holds_its_writer_until_the_reader_goes() -> None:
    pipe = Pipe(10)
    answers: list[bool] = []

    def write() -> None:
        answers.append(pipe.put(b"x" * 10))
        answers.append(pipe.put(b"y"))
        answers.append(pipe.put(b"z"))

    thread = threading.Thread(target=write)
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    pipe.cancel()
    thread.join(10)
    assert answers == [True, False, False]


def test_an_error_reaches_the_reader() -> None:
    pipe = Pipe()
    pipe.put(b"dropped")
    pipe.end(KeyError("why"))
    with pytest.raises(KeyError, match="why"):
        list(pipe)


def test_ahead_gives_the_same_and_lets_go_when_nobody_reads_on() -> None:
    assert list(ahead(b"%d" % number for number in range(50))) == [b"%d" % number for number in range(50)]
    threads = threading.active_count()
    endless = ahead(bytes(1 << 20) for _ in iter(int, 1))
    next(endless)
    assert threading.active_count() == threads + 1
    maker = next(thread for thread in threading.enumerate() if thread.name == "filled")
    endless.close()
    maker.join(10)
    assert not maker.is_alive()


def test_ahead_passes_a_failure_on() -> None:
    def failing() -> object:
        yield b"one"
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        list(ahead(failing()))  # type: ignore[arg-type]
