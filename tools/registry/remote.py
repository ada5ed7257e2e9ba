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
    from .client import Client
    from .credentials import Keychain
    from .endpoint import Endpoint
    from .settings import Settings, canonical

    settings = Settings(ctx.env, access)
    keychain = Keychain(ctx.env, access.authfile, ctx.user)

    def endpoint(host: str, repository: str) -> Endpoint:
        host = canonical(host)
        client = Client.of(ctx, settings.registry(host), keychain.find(host, repository))
        return Endpoint(client, repository, name, push=push)

    registry, _, repository = name.partition("/")
    mirrors = []
    for mirror in () if push else settings.registry(canonical(registry)).mirrors:
        host, _, prefix = mirror.partition("/")
        mirrors.append(endpoint(host, f"{prefix}/{repository}" if prefix else repository))
    return Remote(name, endpoint(registry, repository), mirrors, ctx.progress.warn)


class Remote:
    """A repository: the registry that has it (`origin`), and the mirrors that are asked before that when reading."""

    def __init__(self, name: str, origin: Endpoint, mirrors: list[Endpoint], warn: Callable[[str], None]) -> None:
        import threading

        self.name = name
        self.origin = origin
        self._mirrors = mirrors
        self._warn = warn
        self._opened = threading.local()
        """`gave`: the mirrors that had part in what this thread opened last."""
        self._failed: set[tuple[Endpoint, str]] = set()
        """Which mirror is not asked again for which digest."""

    def resolve(self, reference: str) -> Descriptor:
        """See contract.Source; `reference` is a tag or a digest. A mirror must have what it says the name stands for:
        the registry itself need not, where the name stands for something newer by now."""

        def ask(endpoint: Endpoint) -> Descriptor:
            found = endpoint.resolve(reference)
            if endpoint is not self.origin:
                try:
                    endpoint.keep(found, endpoint.read(found))
                except OcipipeError:
                    self._failed.add((endpoint, found.digest))
                    raise
            return found

        return self._first(reference, ask)

    def read(self, descriptor: Descriptor) -> bytes:
        """See contract.Content."""
        return self._first(descriptor.digest, lambda endpoint: endpoint.read(descriptor))

    def open(self, descriptor: Descriptor, offset: int = 0) -> Iterator[bytes]:
        """See contract.Content; what a mirror could not finish, the next one goes on with."""
        gave: list[Endpoint] = []
        self._opened.gave = gave
        for mirror in self._mirrors_for(descriptor.digest):
            try:
                for chunk in mirror.open(descriptor, offset):
                    if mirror not in gave:
                        gave.append(mirror)
                    offset += len(chunk)
                    yield chunk
                return
            except OcipipeError as error:
                self._pass_over(mirror, error, descriptor.digest)
        yield from self.origin.open(descriptor, offset)

    def distrust(self, descriptor: Descriptor, error: OcipipeError) -> bool:
        """Takes the verdict that the blob which this thread opened last came wrong.

        The mirrors that had part in it are warned of and not asked for it again; False when there was none, so that
        opening it again would give the same.
        """
        for mirror in self._opened.gave:
            self._pass_over(mirror, error, descriptor.digest)
        return bool(self._opened.gave)

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
                    self._pass_over(mirror, failure, "")
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

    def _first(self, target: str, ask: Callable[[Endpoint], T]) -> T:
        """The first answer about a tag or digest."""
        for mirror in self._mirrors_for(target):
            try:
                return ask(mirror)
            except OcipipeError as error:
                self._pass_over(mirror, error, target)
        return ask(self.origin)

    def _mirrors_for(self, target: str) -> list[Endpoint]:
        return [mirror for mirror in self._mirrors if (mirror, target) not in self._failed]

    def _pass_over(self, mirror: Endpoint, error: OcipipeError, target: str) -> None:
        """A mirror that failed is told about, unless it just lacks the image, and not asked for the same again."""
        self._failed.add((mirror, target))
        if not isinstance(error, NotFound):
            self._warn(f"mirror {mirror.client.registry.name}: {error}")
