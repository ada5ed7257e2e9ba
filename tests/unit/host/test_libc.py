"""host/libc: functions of the C library, with or without the package ctypes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ocipipe.host import libc


def test_a_function_and_its_error() -> None:
    assert libc.call("this process", "getppid") == os.getppid()
    with pytest.raises(NotADirectoryError) as refused:
        libc.call("something", "chdir", b"/dev/null")
    assert refused.value.filename == "something"


def test_without_the_package() -> None:
    words = "import sys; from ocipipe.host import libc; libc.call('', 'getppid'); assert 'ctypes' not in sys.modules"
    subprocess.run([sys.executable, "-c", words], check=True)


def test_where_the_c_module_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    import ctypes  # what is to be used then, made before its C module goes

    monkeypatch.setitem(sys.modules, "_ctypes", sys)
    assert ctypes
    test_a_function_and_its_error()
