"""Containers find one another by name: aardvark-dns, one process for all networks of a run-time directory.

It reads RUN_ROOT/networks/names/NETWORK (aardvark-dns, config format): the addresses that it listens on, then a line a
container: id, IPv4 addresses, IPv6 addresses, names, and name servers of its own. SIGHUP lets it read them again. It is
started with the first container that has names and ended with the last; the lock of the file names.lock, which it
inherits, says whether it lives. It listens on a port of its own at the gateways, where the firewall leads port 53 to:
so a container may be published on 53, and a server of the host may have it.
"""

from __future__ import annotations

import os
from _socket import (
    AF_INET,
    AF_INET6,
    IPPROTO_IP,
    IPPROTO_IPV6,
    SO_RCVTIMEO,
    SOCK_CLOEXEC,
    SOCK_DGRAM,
    SOL_SOCKET,
    inet_pton,
    socket,
)

from ..errors import Unavailable
from ..host import files, locks, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Mapping
    from typing import Any

    from .state import State
else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_PLACES = "/usr/libexec/podman:/usr/lib/podman:/usr/local/libexec/podman:/usr/local/lib/podman"
_PORTS = range(5533, 5633)
_IP_FREEBIND, _IPV6_FREEBIND = 15, 78
_POLL_SECONDS = 0.002
_START_POLLS, _READ_POLLS = 2500, 250
PORT = 53


def is_there(env: Mapping[str, str]) -> bool:
    """Whether aardvark-dns is installed."""
    return _find(env) is not None


def _find(env: Mapping[str, str]) -> str | None:
    return process.find("aardvark-dns", f"{env.get('PATH', '')}:{_PLACES}")


def program(env: Mapping[str, str]) -> str:
    """Where aardvark-dns is. Raises Unavailable."""
    found = _find(env)
    if found is None:
        raise Unavailable(
            "aardvark-dns", "is not installed, and gives containers their names",
            "install the package aardvark-dns, or net-create --disable-dns",
        )  # fmt: skip
    return found


def listening(bridge: Mapping[str, Any]) -> list[str]:
    """The addresses of a bridge at which names are asked for."""
    return [one.partition("/")[0] for one in bridge["addresses"]] if bridge["names"] else []


def configuration(state: State) -> dict[str, str]:
    """File name -> content, for all bridges with names that a container is on. Pure."""
    found: dict[str, str] = {}
    for bridge in state.bridges.values():
        lines = [
            _line(container_id, one) for container_id, one in state.attachments(bridge["network"]) if listening(bridge)
        ]
        if lines:
            name = bridge["network"] + ("%int" if bridge["internal"] else "")
            found[name] = "\n".join([",".join(listening(bridge)), *lines, ""])
    return found


def _line(container_id: str, attachment: Mapping[str, Any]) -> str:
    ips = [ip["address"].partition("/")[0] for ip in attachment["result"]["ips"]]
    four, six = (",".join(ip for ip in ips if (":" in ip) is wanted) for wanted in (False, True))
    names = ",".join(dict.fromkeys(name.lower() for name in attachment["names"]))
    servers = ",".join(attachment["nameservers"])
    return f"{container_id} {four} {six} {names}{f' {servers}' if servers else ''}"


class Service:
    """The service of one run-time directory. Its caller holds the state's lock."""

    __slots__ = ("_directory", "_env", "_lock")

    def __init__(self, directory: str, env: Mapping[str, str]) -> None:
        self._directory = os.path.join(directory, "names")
        self._lock = os.path.join(directory, "names.lock")
        self._env = env

    @property
    def runs(self) -> bool:
        return locks.is_held(self._lock)

    def port(self, state: State) -> int:
        """The port that it listens on, or will: a free one at the gateways of all that is up. Raises Unavailable."""
        if self.runs and "port" in state.service:
            return int(state.service["port"])
        wanted = [one for bridge in state.bridges.values() for one in listening(bridge)]
        for number in _PORTS:
            if all(_is_free(address, number) for address in wanted):
                return number
        raise Unavailable("aardvark-dns", f"none of the ports {_PORTS[0]} to {_PORTS[-1]} is free", "free one of them")

    def update(self, before: State, after: State) -> None:
        """Lets it know what the state says, and waits until it does. Raises Unavailable."""
        wanted = configuration(after)
        if wanted == configuration(before) and self.runs == bool(wanted):
            return
        if not wanted:
            self.stop()
            return
        there = self._write(wanted)
        if self.runs:
            self._tell()
        else:
            self._start(int(after.service["port"]))
        new = [name for name in wanted if there.get(name) != wanted[name]]
        self._await(after, {name.removesuffix("%int") for name in new})

    def _write(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Makes the files those that are wanted; what they were."""
        files.make_directories(self._directory, 0o700)
        there = {}
        for name in os.listdir(self._directory):
            if name == "aardvark.pid":
                continue
            with open(os.path.join(self._directory, name), encoding="utf-8", errors="replace") as file:
                there[name] = file.read()
            if name not in wanted:
                files.remove_file(os.path.join(self._directory, name))
        for name, content in wanted.items():
            if there.get(name) != content:
                # Made aside: it takes whatever it finds in its directory for a network.
                aside = os.path.join(os.path.dirname(self._directory), files.temporary_name("names"))
                files.write_atomic(aside, content.encode(), 0o600, durable=False)
                os.rename(aside, os.path.join(self._directory, name))
        return there

    def _pid(self) -> int:
        """Its process id, which nobody else can have while the lock is held; 0 while it has not told it."""
        try:
            with open(os.path.join(self._directory, "aardvark.pid"), "rb") as file:
                pid = int(file.read() or 0)
        except (FileNotFoundError, ValueError):
            return 0
        return pid if pid > 1 and self.runs else 0

    def _tell(self) -> None:
        pid = self._pid()
        if not pid:
            raise Unavailable("aardvark-dns", "runs, but nobody knows as which process", "net-check starts it anew")
        os.kill(pid, signal.SIGHUP)

    def _start(self, port: int) -> None:
        argv = [program(self._env), "--config", self._directory, "-p", str(port), "run"]
        systemd = (
            process.find("systemd-run", self._env.get("PATH", "")) if os.path.isdir("/run/systemd/system") else None
        )
        if systemd:  # it is to outlive the session or the service that the first container was started from
            argv = [systemd, "--quiet", "--scope", "--collect", *argv]
        files.remove_file(os.path.join(self._directory, "aardvark.pid"))
        lock = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
        try:
            locks.take(lock)
            child = process.spawn(
                process.within("/", argv), env=self._env, stdin=nothing, stdout=nothing, stderr=nothing, keep=(lock,),
                new_session=True,
            )  # fmt: skip
        finally:
            os.close(nothing)
            os.close(lock)
        ended = False
        for _ in _patience(_START_POLLS):
            if not ended:  # newer versions go on in a child of theirs, and end when that is ready
                pid, status = os.waitpid(child, os.WNOHANG)
                ended = bool(pid)
                if ended and status:
                    code = os.waitstatus_to_exitcode(status)
                    raise Unavailable("aardvark-dns", f"ended at its start, with status {code}", "see the system's log")
            pid = self._pid()
            if pid and _handles_hangup(pid):
                return
            if ended and not self.runs:
                break
        raise Unavailable("aardvark-dns", "did not start", "see the system's log")

    def stop(self) -> None:
        """Ends it; nothing to do when it does not run. Raises Unavailable when it does not end."""
        pid = self._pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
            for _ in _patience(_START_POLLS):
                if not self.runs:
                    break
            else:
                raise Unavailable("aardvark-dns", f"process {pid} does not end", "end it")
        if os.path.isdir(self._directory):
            for name in os.listdir(self._directory):
                files.remove_file(os.path.join(self._directory, name))
            os.rmdir(self._directory)
        if not self.runs:
            files.remove_file(self._lock)

    def _await(self, state: State, networks: set[str]) -> None:
        """Waits until it listens at each changed network and knows the last container there.

        It gives no sign of having read its files; what it answers is one. A version that does not answer the host is
        waited for a moment only.
        """
        port = int(state.service["port"])
        for bridge in state.bridges.values():
            if bridge["network"] not in networks:
                continue
            container_id, _ = state.attachments(bridge["network"])[-1]
            for address in listening(bridge)[:1]:
                for _ in _patience(_READ_POLLS):
                    if _answers(address, port, container_id[:12]):
                        break
                else:
                    if _is_free(address, port):
                        raise Unavailable("aardvark-dns", f"does not listen at {address}, port {port}", "net-check")


def _patience(polls: int) -> Any:
    import time

    for number in range(polls):
        if number:
            time.sleep(_POLL_SECONDS)
        yield number


def _handles_hangup(pid: int) -> bool:
    """Whether it catches SIGHUP yet: one that comes before would end it."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            caught = next((int(line.split()[1], 16) for line in file if line.startswith(b"SigCgt:")), 0)
    except OSError:
        return False
    return bool(caught >> (signal.SIGHUP - 1) & 1)


def _is_free(address: str, port: int) -> bool:
    """Whether nobody has the port at an address that may be ours only in a moment."""
    with _Socket(address) as one:
        try:
            one.setsockopt(*((IPPROTO_IPV6, _IPV6_FREEBIND) if ":" in address else (IPPROTO_IP, _IP_FREEBIND)), 1)
            one.bind((address, port))
        except OSError:
            return False
    return True


def _answers(address: str, port: int, name: str) -> bool:
    """Whether a question for a name gets an answer (RFC 1035, 4.1)."""
    question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + bytes([len(name)]) + name.encode() + b"\x00"
    kind = 28 if ":" in address else 1
    with _Socket(address) as one:
        try:
            one.setsockopt(SOL_SOCKET, SO_RCVTIMEO, (0).to_bytes(8, "little") + (20_000).to_bytes(8, "little"))
            one.connect((address, port))
            one.send(question + kind.to_bytes(2, "big") + b"\x00\x01")
            answer = one.recv(512)
        except OSError:
            return False
    return len(answer) > 12 and answer[:2] == b"\x12\x34" and answer[6:8] != b"\x00\x00"


class _Socket:
    """A datagram socket for the length of a `with` block."""

    def __init__(self, address: str) -> None:
        family = AF_INET6 if ":" in address else AF_INET
        inet_pton(family, address)
        self._socket = socket(family, SOCK_DGRAM | SOCK_CLOEXEC)

    def __enter__(self) -> Any:
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close()
