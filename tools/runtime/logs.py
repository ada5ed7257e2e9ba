"""Where a container's output goes: conmon's options for it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..store.container import Container


def monitor_options(container: Container) -> list[str]:
    """conmon's options for this container's log driver."""
    return ["--log-path", f"k8s-file:{os.path.join(container.path, 'log')}"]
