"""Authentication as registries ask for it (distribution-spec 1.1; the token protocol of the distribution project).

A registry answers 401 with challenges; Basic is answered with the credential itself, Bearer with a token that the
challenge's realm issues for a scope. Tokens are kept by scope until shortly before they expire. What a token grants is
not looked at: the registry decides, and a narrower grant may well be enough.
"""

from __future__ import annotations

import binascii
import re

from oci_spec import distribution, jsondoc
from oci_spec.jsondoc import FormatError

from ..errors import Denied, Unavailable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from oci_spec.distribution import Challenge

    from .credentials import Credential

    Fetch = Callable[[str, str, Mapping[str, str], bytes | None], tuple[int, bytes]]
    """(method, url, headers, form) -> status and body of a token request."""

    Scopes = tuple[str, ...]
    """What a request needs: `repository:<name>:<action>[,<action>]` each."""

CLIENT_ID = "ocipipe"
_DEFAULT_EXPIRY = 60.0
"""Seconds a token lives when the answer doesn't say (distribution's token specification)."""
_LONGEST = 86400.0
"""Seconds after which a token is asked for anew, however long it says it lives."""
_MARGIN = 5.0
_NO_OAUTH = frozenset((404, 405))
_TOKEN = re.compile(r"[!-~]+")


class Authenticator:
    """Answers one registry's challenges with one user's credential. Thread-safe: at worst a token is fetched twice.

    `allows(url)` says whether a token service may be asked there; `clock` is seconds.
    """

    def __init__(
        self,
        subject: str,
        credential: Credential | None,
        fetch: Fetch,
        allows: Callable[[str], bool],
        clock: Callable[[], float],
    ) -> None:
        self._subject = subject
        self._credential = credential
        self._fetch = fetch
        self._allows = allows
        self._clock = clock
        self._challenge: Challenge | None = None
        self._asked: dict[Scopes, Scopes] = {}
        self._tokens: dict[Scopes, tuple[str, float]] = {}

    def headers(self, scopes: Scopes) -> dict[str, str]:
        """What to send with a request that needs `scopes`, as far as the registry's wishes are known yet.

        Raises Denied, Unavailable when the token service gives no token.
        """
        if self._challenge is None:
            return {}
        if self._challenge.scheme == "basic":
            return {"Authorization": f"Basic {self._basic()}"} if self._credential else {}
        kept = self._tokens.get(scopes)
        if kept is None or kept[1] <= self._clock():
            kept = self._tokens[scopes] = self._token(self._challenge.params, self._asked.get(scopes, scopes))
        return {"Authorization": f"Bearer {kept[0]}"} if kept[0] else {}

    def challenged(self, header: str, scopes: Scopes) -> bool:
        """Takes a 401's WWW-Authenticate; False when nothing that it asks for can be answered."""
        try:
            offered = {challenge.scheme: challenge for challenge in distribution.parse_challenges(header)}
        except FormatError:
            return False
        known = self._credential is not None and self._credential.username
        chosen = offered.get("bearer") or (offered.get("basic") if known else None)
        if chosen is None:
            return False
        self._challenge = chosen
        self._tokens.pop(scopes, None)
        self._asked[scopes] = _together(scopes, chosen.params.get("scope", ""))
        return True

    def _basic(self) -> str:
        credential = self._credential
        text = f"{credential.username}:{credential.password}" if credential else ":"
        return binascii.b2a_base64(text.encode("utf-8", "surrogateescape"), newline=False).decode()

    def _token(self, params: Mapping[str, str], scopes: Scopes) -> tuple[str, float]:
        realm = params.get("realm", "")
        if not self._allows(realm):
            raise Denied(self._subject, "its token service is not reached by https", "ask who runs the registry")
        begun = self._clock()
        status, body = self._ask(realm, params.get("service", ""), scopes)
        if status in (400, 401, 403):
            raise Denied(self._subject, f"its token service refused us (status {status})", "log in with reg-login")
        if status != 200:
            raise Unavailable(self._subject, f"its token service answered with status {status}", "try again later")
        try:
            answer = jsondoc.load_object(body, "token answer")
        except FormatError as error:
            raise Unavailable(
                self._subject, f"its token service sent no token: {error.problem}", "ask who runs the registry"
            ) from None
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise Unavailable(self._subject, "its token service sent no token", "ask who runs the registry")
        return token, begun + max(_lifetime(answer.get("expires_in")) - _MARGIN, 1.0)

    def _ask(self, realm: str, service: str, scopes: Scopes) -> tuple[int, bytes]:
        """By GET with user name and password or nothing at all; by POST (OAuth2) with an identity token.

        A service that has no POST gets the password, where we have that too.
        """
        from urllib.parse import urlencode, urlsplit

        credential = self._credential
        if credential is not None and credential.identity_token:
            form = {
                "grant_type": "refresh_token",
                "service": service,
                "scope": " ".join(scopes),
                "client_id": CLIENT_ID,
                "refresh_token": credential.identity_token,
            }
            answer = self._fetch("POST", realm, {}, urlencode(form).encode())
            if answer[0] not in _NO_OAUTH or not credential.password:
                return answer
        query = [("service", service)] * bool(service) + [("scope", scope) for scope in scopes]
        headers = {}
        if credential is not None:
            query.append(("account", credential.username))
            headers["Authorization"] = f"Basic {self._basic()}"
        separator = "&" if urlsplit(realm).query else "?"
        return self._fetch("GET", realm + separator * bool(query) + urlencode(query), headers, None)


def _lifetime(told: object) -> float:
    """Seconds that a token lives by its `expires_in`."""
    if not isinstance(told, (int, float)) or isinstance(told, bool) or told <= 0:
        return _DEFAULT_EXPIRY
    return float(min(told, _LONGEST))


def _together(scopes: Scopes, demanded: str) -> Scopes:
    """What we know to need, and what the challenge demands beyond that."""
    missing = [one for one in demanded.split() if not any(_covers(ours, one) for ours in scopes)]
    return (*scopes, *missing)


def _covers(ours: str, theirs: str) -> bool:
    name, _, actions = ours.rpartition(":")
    their_name, _, their_actions = theirs.rpartition(":")
    return name == their_name and set(their_actions.split(",")) <= set(actions.split(","))
