"""The kernel's security modules, where this host has them on: AppArmor's profiles, SELinux's labels of files."""

from __future__ import annotations

import os

_APPARMOR = "/sys/module/apparmor/parameters/enabled"
_PROFILES = "/sys/kernel/security/apparmor/profiles"
_SELINUX = "/sys/fs/selinux/enforce"
_LABEL = "security.selinux"


def has_apparmor() -> bool:
    """Whether AppArmor is on."""
    try:
        with open(_APPARMOR, encoding="ascii") as file:
            return file.read(1) == "Y"
    except FileNotFoundError:
        return False


def has_profile(name: str) -> bool:
    """Whether AppArmor knows this profile."""
    try:
        with open(_PROFILES, encoding="utf-8", errors="replace") as file:
            return any(line.rpartition(" (")[0] == name for line in file)
    except OSError:
        return False


def has_selinux() -> bool:
    """Whether SELinux is on, enforcing or not."""
    return os.path.exists(_SELINUX)


def label(path: str, context: str) -> None:
    """Gives a file, or a directory and all in it, an SELinux label; links are not followed. Raises OSError."""
    data = context.encode() + b"\0"
    os.setxattr(path, _LABEL, data, follow_symlinks=False)
    if os.path.isdir(path) and not os.path.islink(path):
        for directory, names, files in os.walk(path):
            for name in (*names, *files):
                os.setxattr(os.path.join(directory, name), _LABEL, data, follow_symlinks=False)
