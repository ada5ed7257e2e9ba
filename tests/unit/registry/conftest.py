"""A registry in memory that can be made to misbehave, and our side of the wire with time that passes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from faulty_registry import FaultyRegistry

from ocipipe.context import SilentProgress
from ocipipe.registry.client import Client
from ocipipe.registry.endpoint import Endpoint
from ocipipe.registry.remote import Remote
from ocipipe.registry.settings import Registry

Connect = Callable[..., Endpoint]


class World:
    """What clients wait for is kept in `pauses`; `now` is their clock."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self.now = 1000.0
        self.progress = SilentProgress()

    def client(
        self,
        address: str,
        *,
        name: str = "",
        insecure: bool = False,
        cert_dirs: tuple[str, ...] = (),
        credential: Any = None,
        env: dict[str, str] | None = None,
    ) -> Client:
        registry = Registry(name or address, [], insecure, list(cert_dirs))
        registry.host = address
        return Client(
            registry,
            credential,
            env=env or {},
            random=lambda count: b"\xff" * count,
            sleep=self.pauses.append,
            clock=lambda: self.now,
        )

    def endpoint(
        self, address: str, repository: str = "faulty/image", *, push: bool = False, **options: Any
    ) -> Endpoint:
        return Endpoint(self.client(address, **options), repository, f"{address}/{repository}", push=push)

    def remote(self, address: str, *mirrors: str, **options: Any) -> Remote:
        others = [self.endpoint(mirror) for mirror in mirrors]
        origin = self.endpoint(address, push=True, **options)
        return Remote(f"{address}/faulty/image", origin, others, self.progress.warn)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def faulty() -> Iterator[FaultyRegistry]:
    with FaultyRegistry() as running:
        yield running


@pytest.fixture
def other() -> Iterator[FaultyRegistry]:
    """A second one."""
    with FaultyRegistry() as running:
        yield running


@pytest.fixture
def remote(world: Any, faulty: FaultyRegistry) -> Remote:
    made: Remote = world.remote(faulty.address)
    return made
