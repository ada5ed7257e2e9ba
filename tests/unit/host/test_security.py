"""host/security: SELinux labels, which any file system with extended attributes keeps, and what modules are on."""

from __future__ import annotations

import os
from pathlib import Path

from ocipipe.host import security

CONTEXT = "system_u:object_r:container_file_t:s0"


def test_labels_go_to_all_below_and_follow_no_link(tmp_path: Path) -> None:
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_text("x")
    outside.write_text("x")
    (tree / "link").symlink_to(outside)
    security.label(str(tree), CONTEXT)
    for path in (tree, tree / "sub", tree / "sub" / "file", tree / "link"):
        assert os.getxattr(path, "security.selinux", follow_symlinks=False).rstrip(b"\0") == CONTEXT.encode()
    assert "security.selinux" not in os.listxattr(outside) or CONTEXT.encode() not in os.getxattr(
        outside, "security.selinux"
    )


def test_this_host() -> None:
    assert security.has_selinux() == Path("/sys/fs/selinux/enforce").exists()
    if not security.has_apparmor():
        assert not security.has_profile("unconfined")
