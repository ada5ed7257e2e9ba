"""What machine this is."""

from __future__ import annotations

import os

from oci_spec.platform import Platform


def platform() -> Platform:
    """The platform whose images run here natively."""
    return Platform("linux", os.uname().machine)
