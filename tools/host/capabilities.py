"""Which capabilities this process could hand on."""

from __future__ import annotations


def bounding(names: tuple[str, ...]) -> frozenset[str]:
    """Those of `names` (in the kernel's numbering) that are in our bounding set (capabilities(7), proc(5))."""
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("CapBnd:"):
                bits = int(line.split()[1], 16)
                return frozenset(name for number, name in enumerate(names) if bits >> number & 1)
    return frozenset()
