"""An HTTP proxy whose every way out ends at one place: with it, docker.io and any other registry is one on loopback.

The client still does all of TLS with the name that it asked for, so certificates are checked as in the world.
"""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType


class Gateway:
    """Answers CONNECT to anywhere by a connection to `target` (host:port); `address` is where it listens."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        """Every host:port that somebody wanted to reach, in order."""
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Gateway:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def _connect(self, client: socket.socket) -> None:
        with client:
            request = b""
            while b"\r\n\r\n" not in request:
                part = client.recv(4096)
                if not part:
                    return
                request += part
            method, wanted, *_ = request.decode("latin-1").split()
            if method != "CONNECT":
                client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")
                return
            self.asked.append(wanted)
            with socket.create_connection(self._target) as server:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
                _relay(client, server)


def _relay(first: socket.socket, second: socket.socket) -> None:
    """Carries bytes both ways until one side ends."""
    while True:
        for ready in select.select([first, second], [], [])[0]:
            try:
                data = ready.recv(1 << 16)
                if not data:
                    return
                (second if ready is first else first).sendall(data)
            except OSError:
                return
