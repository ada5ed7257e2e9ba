"""Our default AppArmor profile, and its way into the kernel (apparmor.d(5), apparmor_parser(8))."""

from __future__ import annotations

from ..errors import Unavailable
from ..host import process, security

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT, UNCONFINED = "ocipipe-default", "unconfined"
PROFILE = f"""\
profile {DEFAULT} flags=(attach_disconnected, mediate_deleted) {{
  # What the capabilities, namespaces, seccomp and the cgroup leave a container is not taken from it here.
  capability,
  file,
  network,
  umount,
  dbus,
  unix,

  # It is signalled from outside, and signals and traces none but its own.
  signal (receive) peer=unconfined,
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send, receive) peer={DEFAULT},
  ptrace (trace, read, tracedby, readby) peer={DEFAULT},

  # No file system comes in but by us.
  deny mount,
  deny remount,
  deny pivot_root,

  # The kernel's own controls, also where a mount of ours that hides them has been got around.
  deny /proc/{{acpi,bus,fs,irq,scsi}}/** wklx,
  deny /proc/{{kcore,kmem,mem,keys,key-users,timer_list,sched_debug}} rwklx,
  deny /proc/sysrq-trigger rwklx,
  deny /proc/sys/[^knf]** wklx,
  deny /proc/sys/fs/[^m]** wklx,
  deny /proc/sys/kernel/[^smdh]** wklx,
  deny /proc/sys/kernel/{{sysrq,modprobe,modules_disabled,sched_*,seccomp/**,softlockup*,dmesg_restrict}} wklx,
  deny /proc/sys/kernel/{{hung_task*,hotplug,hardlockup*,stack*,soft_watchdog,split_lock*,spin_retry}} wklx,
  deny /sys/[^f]*/** wklx,
  deny /sys/f[^s]*/** wklx,
  deny /sys/fs/[^c]*/** wklx,
  deny /sys/firmware/** rwklx,
  deny /sys/kernel/security/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
}}
"""
"""For any version of the parser from 2.13 on: it includes nothing."""
_PARSER = "apparmor_parser"


def usable() -> bool:
    """Whether a container here can have our profile: AppArmor is on, and has it or can be given it."""
    return security.has_apparmor() and (security.has_profile(DEFAULT) or process.find(_PARSER) is not None)


def load(env: Mapping[str, str]) -> None:
    """Gives the kernel our profile, unless it has it. Raises Unavailable."""
    if security.has_profile(DEFAULT):
        return
    parser = process.find(_PARSER)
    if parser is None:
        raise Unavailable(DEFAULT, f"the AppArmor profile is not loaded, and there is no {_PARSER}", "install apparmor")
    done = process.run([parser, "--replace", "--skip-cache"], env=env, input=PROFILE.encode())
    if done.status:
        problem = " ".join(done.stderr.decode("utf-8", "replace").split())
        raise Unavailable(DEFAULT, f"the AppArmor profile cannot be loaded: {problem}", "see dmesg")
