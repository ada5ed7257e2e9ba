"""One repository of a registry as a Source and Destination (see store/contract.py).

Reading tries the configured mirrors first, then the registry itself; whatever answers, content is verified against the
digest that was asked for. Writing goes to the registry itself (upload.py). Importing this loads no HTTP: that waits for
`connect`'s first request.
"""

from __future__ import annotations

from ..errors import NotFound, OcipipeError, Unavailable
from .settings import Access

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    from oci_spec.descriptor import Descriptor

    from ..context import Context
    from ..store.contract import Reader, Tap
    from .endpoint import Endpoint

    T = TypeVar("T")

__all__ = ["Access", "Remote", "connect"]


def connect(ctx: Context, name: str, access: Access, *, push: bool = False) -> Remote:
    """The repository `name` (registry/repository), reached as configuration and `access` say; nothing is sent yet.

    Raises FormatError for a configuration or credentials file that can't be read, NotFound for one that is named and
    not there, Unavailable for a credential helper that fails.
    """
    import time

    from .client import Client
    from .credentials import Keychain
    from .endpoint import Endpoint
    from .settings import Settings

    settings = Settings(ctx.env, access)
    keychain = Keychain(ctx.env, access.authfile, ctx.user)

    def endpoint(host: str, repository: str) -> Endpoint:
        credential = keychain.find(host, repository)
        client = Client(
            settings.registry(host),
            credential,
            env=ctx.env,
            random=ctx.random,
            sleep=time.sleep,
            clock=time.monotonic,
        )
        return Endpoint(client, repository, name, push=push)

    registry, _, repository = name.partition("/")
    mirrors = []
    for mirror in () if push else settings.registry(registry).mirrors:
        host, _, prefix = mirror.partition("/")
        mirrors.append(endpoint(host, f"{prefix}/{repository}" if prefix else repository))
    return Remote(name, endpoint(registry, repository), mirrors, ctx.progress.warn)


class Remote:
    """A repository: the registry that has it (`origin`), and the mirrors that are asked before that when reading."""

    def __init__(self, name: str, origin: Endpoint, mirrors: list[Endpoint], warn: Callable[[str], None]) -> None:
        self.name = name
        self.origin = origin
        self._mirrors = mirrors
        self._warn = warn

    def resolve(self, reference: str) -> Descriptor:
        """See contract.Source; `reference` is a tag or a digest."""
        return self._first(lambda endpoint: endpoint.resolve(reference))

    def read(self, descriptor: Descriptor) -> bytes:
        """See contract.Content."""
        return self._first(lambda endpoint: endpoint.read(descriptor))

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See contract.Content; what a mirror could not finish, the next one goes on with."""
        for endpoint in self._mirrors:
            try:
                for chunk in endpoint.open(descriptor, offset):
                    offset += len(chunk)
                    yield chunk
                return
            except OcipipeError as error:
                self._pass_over(endpoint, error)
        yield from self.origin.open(descriptor, offset)

    def tags(self) -> Iterator[str]:
        """Every tag that the registry itself lists; the mirrors, which may hold fewer, are asked when it is away."""
        if not self._mirrors:
            return self.origin.tags()
        try:
            return iter(list(self.origin.tags()))
        except Unavailable as error:
            for mirror in self._mirrors:
                try:
                    found = list(mirror.tags())
                except OcipipeError as failure:
                    self._pass_over(mirror, failure)
                else:
                    self._warn(f"{error}; these are the tags of its mirror {mirror.client.host}")
                    return iter(found)
            raise

    def exists(self, descriptor: Descriptor) -> bool:
        """See contract.Sink."""
        from .upload import Upload

        return Upload(self.origin).exists(descriptor)

    def push(self, descriptor: Descriptor, read: Reader, *, origin: str = "", tap: Tap | None = None) -> str:
        """See contract.Sink; `mounted` where the blob came from another repository of the same registry."""
        from .upload import Upload

        return Upload(self.origin).push(descriptor, read, origin, tap)

    def tag(self, descriptor: Descriptor, reference: str) -> None:
        """See contract.Destination: puts a manifest that was pushed before under a tag."""
        from .upload import Upload

        Upload(self.origin).tag(descriptor, reference)

    def _first(self, ask: Callable[[Endpoint], T]) -> T:
        for mirror in self._mirrors:
            try:
                return ask(mirror)
            except OcipipeError as error:
                self._pass_over(mirror, error)
        return ask(self.origin)

    def _pass_over(self, mirror: Endpoint, error: OcipipeError) -> None:
        """A mirror that failed is told about, unless it just lacks the image."""
        if not isinstance(error, NotFound):
            self._warn(f"mirror {mirror.client.registry.name}: {error}")
