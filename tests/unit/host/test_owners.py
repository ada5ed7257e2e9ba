"""host/owners: user namespaces for maps, made by several threads at once."""

from __future__ import annotations

import os
import threading

from ocipipe.host import owners

MAP = "0 100000 1000"


def test_many_at_once() -> None:
    """Each is made by a child of ours that waits for its maps, and for nobody else's."""
    found: list[tuple[int, int]] = []
    threads = [
        threading.Thread(
            target=lambda: found.extend(owners.namespaces(MAP, MAP, network=True) for _ in range(10)), daemon=True
        )
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert len(found) == 80
    assert len({os.fstat(user).st_ino for user, _ in found}) == 80
    for pair in found:
        for fd in pair:
            os.close(fd)
