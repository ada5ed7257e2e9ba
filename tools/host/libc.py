"""Functions of the C library that Python has no name for: mount(2), setns(2), renameat2(2), …

They are called through _ctypes, the C module under ctypes: it is there in 1 ms where the whole package takes 3.5, which
every command that mounts or unmounts would pay. Where it is not as we know it, the package is used.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def call(subject: str, name: str, *arguments: bytes | int | None) -> int:
    """What `name` returns for these arguments; an int is a C int. Raises OSError, naming `subject`, where it is -1."""
    function, errno = _function(name)
    found = function(*arguments)
    if found == -1:
        number = errno()
        raise OSError(number, os.strerror(number), subject)
    return found


def _function(name: str) -> tuple[Callable[..., int], Callable[[], int]]:
    """The function, and what tells its errno."""
    try:
        import _ctypes as c

        kind: Any = type("Int", (c._SimpleCData,), {"_type_": "i"})
        flags = c.FUNCFLAG_CDECL | c.FUNCFLAG_USE_ERRNO
        made: Any = type("Function", (c.CFuncPtr,), {"_flags_": flags, "_restype_": kind})
        return made(c.dlsym(c.dlopen(None, 0), name)), c.get_errno  # type: ignore[arg-type]
    except (ImportError, AttributeError, TypeError):
        import ctypes

        return getattr(ctypes.CDLL(None, use_errno=True), name), ctypes.get_errno
