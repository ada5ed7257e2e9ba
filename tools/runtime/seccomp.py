"""The default seccomp profile: an allow list, written as runtime-spec's linux.seccomp.

What is not listed fails with EPERM, as if the caller lacked a right; system calls that are newer than the list fail
with ENOSYS where a C library knows to fall back (clone3). A group that needs a capability is allowed only to containers
that have it. What the list leaves out, and why: calls that change the kernel or the host (modules, kexec, swap, clocks,
reboot, quotas, accounting), reach into the kernel's keys, make user namespaces, or have been a way out before
(userfaultfd, bpf, perf_event_open, io_uring, vmsplice, old or obsolete calls).
"""

from __future__ import annotations

from oci_spec import jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any, TypeVar

    from oci_spec.jsondoc import Document

    _Kind = TypeVar("_Kind", str, dict[str, Any])

_X32 = "SCMP_ARCH_X32"
_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", _X32],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    "armv7l": ["SCMP_ARCH_ARM"],
    "ppc64le": ["SCMP_ARCH_PPC64LE"],
    "riscv64": ["SCMP_ARCH_RISCV64"],
    "s390x": ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
    "i686": ["SCMP_ARCH_X86"],
}
_EPERM, _ENOSYS = 1, 38

_FILES = """
_llseek access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64
fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate
ftruncate64 futimesat getcwd getdents getdents64 getxattr inotify_add_watch inotify_init inotify_init1
inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat listxattr llistxattr lremovexattr lseek lsetxattr lstat
lstat64 memfd_create mkdir mkdirat mknod mknodat mmap mmap2 name_to_handle_at newfstatat open openat openat2 pipe
pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink readlinkat readv removexattr
rename renameat renameat2 rmdir sendfile sendfile64 setxattr splice stat stat64 statfs statfs64 statx symlink
symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64
utimes write writev
"""
_MEMORY = """
brk madvise map_shadow_stack membarrier memfd_secret mincore mlock mlock2 mlockall mprotect mremap msync
munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_vm_readv process_vm_writev remap_file_pages
"""
_PROCESSES = """
capget capset execve execveat exit exit_group fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
get_robust_list get_thread_area getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32
getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage
getsid gettid getuid getuid32 ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
landlock_restrict_self pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease ptrace rseq rt_sigaction
rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam
sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid
setfsuid32 setgid setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid setresgid32
setresuid setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 sigaction sigaltstack signal signalfd
signalfd4 sigpending sigprocmask sigreturn sigsuspend tgkill tkill ugetrlimit vfork wait4 waitid waitpid
"""
_TIME = """
adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep pause restart_syscall setitimer time
timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
"""
_TALKING = """
_newselect accept accept4 bind connect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
epoll_wait epoll_wait_old eventfd eventfd2 getpeername getsockname getsockopt io_cancel io_destroy io_getevents
io_setup io_submit ipc listen mq_getsetattr mq_notify mq_open mq_timedreceive
mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd poll ppoll ppoll_time64
pselect6 pselect6_time64 recv recvfrom recvmmsg recvmmsg_time64 recvmsg select semctl semget semop semtimedop
semtimedop_time64 send sendmmsg sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown socketcall socketpair
sysinfo uname
"""
_BY_ARCHITECTURE = {
    "x86_64": "arch_prctl modify_ldt",
    "i686": "modify_ldt",
    "aarch64": "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
    "armv7l": "arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls sync_file_range2",
    "ppc64le": "sync_file_range2 swapcontext",
    "riscv64": "riscv_flush_icache",
    "s390x": "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
}
_BY_CAPABILITY = {
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_SYS_ADMIN": "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr "
    "move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 "
    "unshare",
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module init_module finit_module",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "CAP_SYS_RAWIO": "iopl ioperm",
    "CAP_SYS_TIME": "settimeofday stime clock_settime clock_settime64",
    "CAP_SYS_TTY_CONFIG": "vhangup",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYSLOG": "syslog",
    "CAP_BPF": "bpf",
    "CAP_PERFMON": "perf_event_open",
}
_EVERYONE = tuple((_FILES + _MEMORY + _PROCESSES + _TIME + _TALKING).split())

_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""PER_LINUX, PER_LINUX32, with UNAME26, and the query."""
_AF_VSOCK = 40


def default(machine: str, capabilities: Collection[str], *, x32: bool = False) -> Document:
    """linux.seccomp for a container with these capabilities on this machine (`uname -m`). `x32`: its kernel has that
    way of calling it as well; where it has not, a third of the filter would be made for nothing, at every start."""
    names = [*_EVERYONE, *_BY_ARCHITECTURE.get(machine, "").split()]
    for capability, more in _BY_CAPABILITY.items():
        if capability in capabilities:
            names += more.split()
    rules: list[Document] = [{"names": list(dict.fromkeys(names)), "action": "SCMP_ACT_ALLOW"}]
    rules += [_when("personality", value, "SCMP_CMP_EQ") for value in _PERSONALITIES]
    rules.append(_when("socket", _AF_VSOCK, "SCMP_CMP_NE"))
    if "CAP_SYS_ADMIN" not in capabilities:
        index = 1 if machine == "s390x" else 0
        rules.append(
            {
                "names": ["clone"],
                "action": "SCMP_ACT_ALLOW",
                "args": [{"index": index, "value": _NEW_NAMESPACES, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
            }
        )
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS})
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": _EPERM,
        "architectures": [one for one in _ARCHITECTURES.get(machine, []) if x32 or one != _X32],
        "syscalls": rules,
    }


def _when(name: str, value: int, comparison: str) -> Document:
    """The call is allowed where its first argument compares so."""
    return {"names": [name], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "value": value, "op": comparison}]}


def load(data: bytes, subject: str, machine: str, kernel: tuple[int, int], capabilities: Collection[str]) -> Document:
    """A profile of the user's: runtime-spec's form, or docker's with archMap, includes and excludes.

    `kernel` is the version that `minKernel` is compared with. Raises UsageError for what is neither form.
    """
    from oci_spec import validate

    try:
        document = jsondoc.load_object(data, subject)
        if _is_dockers(document):
            document = _from_docker(document, subject, machine, kernel, capabilities)
        validate.check("runtime-config", {"ociVersion": "1.0.2", "linux": {"seccomp": document}}, subject)
    except FormatError as error:
        where = error.pointer.removeprefix("/linux/seccomp") or "/"
        raise UsageError(subject, f"is no seccomp profile: {where} {error.problem}", "see seccomp(2)") from None
    return document


def _is_dockers(document: Document) -> bool:
    rules = document.get("syscalls")
    listed = rules if isinstance(rules, list) else []
    return "archMap" in document or any(isinstance(rule, dict) and _DOCKERS & rule.keys() for rule in listed)


def _from_docker(
    document: Document, subject: str, machine: str, kernel: tuple[int, int], capabilities: Collection[str]
) -> Document:
    """What of docker's form holds for this machine, kernel and capabilities, in runtime-spec's. Raises FormatError."""
    arch = _DOCKER_ARCHITECTURES.get(machine, machine)
    rules = []
    for number, rule in enumerate(_list(document, "syscalls", dict, subject, "")):
        where = f"/syscalls/{number}"
        included, excluded = (_condition(rule, name, subject, where) for name in ("includes", "excludes"))
        caps, arches, least = included
        if not all(one in capabilities for one in caps) or (arches and arch not in arches) or kernel < least:
            continue
        caps, arches, least = excluded
        if any(one in capabilities for one in caps) or arch in arches or (0, 0) < least <= kernel:
            continue
        kept = {key: rule[key] for key in ("names", "action", "errnoRet", "args") if rule.get(key) is not None}
        if rule.get("name"):
            kept["names"] = [rule["name"]]
        rules.append(kept)
    found: Document = {key: document[key] for key in ("defaultAction", "defaultErrnoRet", "flags") if key in document}
    architectures: object = document.get("architectures") or []
    for number, entry in enumerate(_list(document, "archMap", dict, subject, "")):
        if entry.get("architecture") == _ARCHITECTURES.get(machine, [""])[0]:
            more = _list(entry, "subArchitectures", str, subject, f"/archMap/{number}")
            architectures = [entry["architecture"], *more]
    return {**found, "architectures": architectures, "syscalls": rules}


_DOCKERS = frozenset(("name", "includes", "excludes", "comment"))
"""Members of a rule that only docker's form has."""
_DOCKER_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "x86"}


def _condition(rule: Document, name: str, subject: str, where: str) -> tuple[list[str], list[str], tuple[int, int]]:
    """Capabilities, architectures and the least kernel version of docker's `includes` (all that it names must hold for
    the rule to stand) or `excludes` (anything that it names takes the rule away)."""
    where = f"{where}/{name}"
    found = rule.get(name) or {}
    if not isinstance(found, dict):
        raise FormatError(subject, "is no object", where)
    text = found.get("minKernel") or ""
    least = version(text) if isinstance(text, str) else (0, 0)
    if text and least == (0, 0):
        raise FormatError(subject, "is no kernel version", f"{where}/minKernel")
    return _list(found, "caps", str, subject, where), _list(found, "arches", str, subject, where), least


def _list(holder: Document, name: str, kind: type[_Kind], subject: str, where: str) -> list[_Kind]:
    """A member that is a list of `kind`; empty when it is absent or null. Raises FormatError."""
    found = holder.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(one, kind) for one in found):
        raise FormatError(subject, f"is no list of {'strings' if kind is str else 'objects'}", f"{where}/{name}")
    return found


def version(release: str) -> tuple[int, int]:
    """`6.1.0-13-amd64` as (6, 1); (0, 0) for what is none."""
    major, _, rest = release.partition(".")
    minor = rest.partition(".")[0].partition("-")[0]
    return (int(major), int(minor or 0)) if major.isdigit() and (not minor or minor.isdigit()) else (0, 0)
