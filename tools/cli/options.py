"""Options that several commands share, declared once."""

from __future__ import annotations

from .declare import Option

PLATFORM = Option("--platform", "os/architecture[/variant] to use instead of this host's", metavar="OS/ARCH")
JOBS = Option("--jobs", "how many blobs are transferred side by side", kind="integer", default=3, metavar="N")

REGISTRY = (
    Option(
        "--tls-verify",
        "check the registry's certificate; --tls-verify=false also allows plain HTTP",
        kind="flag",
        default=True,
    ),
    Option("--cert-dir", "directory with the registry's *.crt, *.cert and *.key", metavar="DIR"),
    Option("--authfile", "credentials file to use instead of docker's and podman's", metavar="FILE"),
)
"""How a registry is reached; registry.remote.Access takes them."""
