"""runtime/attach: a connection to a monitor is there when the monitor has taken it."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from ocipipe.errors import Conflict
from ocipipe.runtime.attach import Attachment


def test_it_waits_until_it_is_taken(tmp_path: Path) -> None:
    """What a short process says before that would reach nobody."""
    directory = os.open(tmp_path, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as monitor:
        monitor.bind(f"/proc/self/fd/{directory}/attach")  # as conmon does it
        monitor.listen()
        attached: list[Attachment] = []
        one = threading.Thread(target=lambda: attached.append(Attachment(str(tmp_path), "box")))
        one.start()
        one.join(0.1)
        assert not attached
        taken, _ = monitor.accept()
        one.join()
        with attached[0], taken:
            pass
    os.close(directory)


def test_nobody_to_connect_to(tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="no monitor"):
        Attachment(str(tmp_path), "box")
