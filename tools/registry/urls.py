"""URLs as registries name them: what may be printed of one, and whose it is."""

from __future__ import annotations

from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


def shown(url: str) -> str:
    """A URL as it may be printed: without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: who gets what is meant for that URL. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme)


def same_host(url: str, base: str) -> bool:
    """Whether an http URL names the host of an https base, by the same port or each by its scheme's own."""
    ours, theirs = urlsplit(base), urlsplit(url)
    ports = (theirs.port or 80, ours.port or 443)
    return ours.hostname == theirs.hostname and (ports[0] == ports[1] or ports == (80, 443))
