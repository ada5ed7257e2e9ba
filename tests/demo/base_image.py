"""Makes a base image of this machine's busybox and puts it into the store: base_image.py NAME.

A stand-in for a build: one layer, written here byte by byte, so that the demonstration needs no network.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from rootfs import busybox_image

from oci_spec import reference

busybox_image().into_store(os.environ["OCIPIPE_ROOT"], str(reference.parse(sys.argv[1])))
