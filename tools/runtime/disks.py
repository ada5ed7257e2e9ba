"""Disks in options: how much of one a container may use, and how it is weighed against others there."""

from __future__ import annotations

import os

from oci_spec import quantity

from ..errors import NotFound, Unsupported, UsageError
from ..host import devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document


def throttle(text: str, name: str) -> tuple[str, int]:
    """--device-read-bps DEVICE:SIZE and --device-read-iops DEVICE:NUMBER, a second each: path and rate.

    Raises UsageError.
    """
    path, _, number = text.rpartition(":")
    digits = number.isascii() and number.isdigit() and len(number) < 19
    rate = quantity.size(number) if name.endswith("bps") else int(number) if digits else None
    if not path.startswith("/") or rate is None or rate <= 0:
        raise UsageError(f"--device-{name} {text}", "is not DEVICE:RATE", "like /dev/sda:10m, or /dev/sda:100 for iops")
    return path, rate


def weight(text: str) -> tuple[str, int]:
    """--blkio-weight-device DEVICE:WEIGHT: path and weight. Raises UsageError."""
    path, _, number = text.rpartition(":")
    digits = number.isascii() and number.isdigit() and len(number) < 5
    if not path.startswith("/") or not digits or not 10 <= int(number) <= 1000:
        raise UsageError(f"--blkio-weight-device {text}", "is not DEVICE:WEIGHT", "like /dev/sda:300, from 10 to 1000")
    return path, int(number)


def throttled(text: str, name: str) -> Document:
    """--device-read-bps DEVICE:RATE and its kin, as runtime-spec's blockIO has it."""
    path, rate = throttle(text, name)
    return {**_disk(path, f"--device-{name} {text}"), "rate": rate}


def weighed(text: str) -> Document:
    """--blkio-weight-device DEVICE:WEIGHT, as runtime-spec's blockIO has it. Raises UsageError, NotFound,
    Unsupported."""
    path, number = weight(text)
    subject = f"--blkio-weight-device {text}"
    disk = _disk(path, subject)
    with open(f"/sys/dev/block/{disk['major']}:{disk['minor']}/queue/scheduler", encoding="ascii") as file:
        schedulers = file.read().split()
    if "[cfq]" not in schedulers and "[bfq]" not in schedulers:
        raise Unsupported(
            subject, f"bfq, which weighs, is not the scheduler of {path}: {' '.join(schedulers)}",
            "write bfq to its queue/scheduler in /sys/block",
        )  # fmt: skip
    return {**disk, "weight": number}


def _disk(path: str, subject: str) -> Document:
    """The numbers of a whole block device. Raises NotFound, UsageError."""
    try:
        node = devices.describe(path, path)
    except OSError:
        raise NotFound(path, "no such device", "see /sys/block") from None
    if node is None or node["type"] != "b":
        raise UsageError(subject, f"{path} is no block device", "see /sys/block")
    if not os.path.exists(f"/sys/dev/block/{node['major']}:{node['minor']}/queue"):
        raise UsageError(subject, f"{path} is a part of a disk, and disks are throttled whole", "name the disk")
    return {"major": node["major"], "minor": node["minor"]}
