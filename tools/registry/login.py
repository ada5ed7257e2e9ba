"""Are these credentials right? Asked of the registry itself, before anything is kept."""

from __future__ import annotations

from oci_spec import distribution

from ..errors import Denied, Unavailable, UsageError
from .settings import Access, Settings
from .transport import Transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from .credentials import Credential


def verify(ctx: Context, registry: str, credential: Credential, access: Access) -> Credential:
    """The credential, when the registry takes it. Raises Denied, Unavailable, UsageError for what is no registry."""
    if "/" in registry or not registry:
        raise UsageError(registry, "is no registry", "name host[:port] only")
    transport = Transport(Settings(ctx.env, access).registry(registry), credential, random=ctx.random)
    response = transport.request("GET", distribution.PING, subject=registry)
    response.close()
    if response.status_code in (401, 403):
        raise Denied(registry, "user name or password is wrong", "try again")
    if response.status_code != 200:
        raise Unavailable(registry, f"answered with status {response.status_code}", "is it a registry?")
    return credential
