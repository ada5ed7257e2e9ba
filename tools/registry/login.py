"""Are these credentials right? Asked of the registry itself, before anything is kept."""

from __future__ import annotations

from oci_spec import distribution, reference

from ..errors import Denied, Unavailable, UsageError
from .settings import Access, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..context import Context
    from .credentials import Credential


def verify(ctx: Context, registry: str, credential: Credential, access: Access) -> Credential:
    """The credential, when the registry takes it. Raises Denied, Unavailable, UsageError for what is no registry."""
    from .client import Client

    if not reference.is_host(registry):
        raise UsageError(registry or "''", "is no registry", "name host[:port] only")
    client = Client.of(ctx, Settings(ctx.env, access).registry(registry), credential)
    try:
        answer = client.ask("GET", distribution.PING, subject=registry)
    except Denied as error:
        if error.subject != registry:
            raise
        raise Denied(registry, f"cannot log in: {error.problem}", "check user name and password") from None
    answer.close()
    if answer.status in (401, 403):
        raise Denied(registry, "user name or password is wrong", "try again")
    if answer.status != 200:
        raise Unavailable(registry, f"answered with status {answer.status}", "is it a registry?")
    return credential
