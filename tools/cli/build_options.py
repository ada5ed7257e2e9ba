"""The options of img-build."""

from __future__ import annotations

from .container_options import CONTAINER
from .declare import Option
from .options import REGISTRY

BUILD = (
    Option("-t, --tag", "name for the image; without one, it has its digest only", metavar="NAME", many=True),
    Option("-f, --file", "the Dockerfile (default: Dockerfile or Containerfile in the context); - for stdin"),
    Option("--target", "stage to build (default: the last)", metavar="STAGE"),
    Option("--build-arg", "value of an ARG; a bare NAME takes it from here", metavar="NAME=VALUE", many=True),
    Option(
        "--build-context", "what FROM and --from mean by NAME: a directory, a URL, docker-image://NAME",
        metavar="NAME=VALUE", many=True,
    ),
    Option("--secret", "secret for RUN --mount=type=secret", metavar="id=NAME[,src=FILE|,env=VAR]", many=True),
    Option("--ssh", "agent for RUN --mount=type=ssh (default socket: $SSH_AUTH_SOCK)", metavar="ID[=SOCKET]",
           many=True),
    Option("--label", "label of the image", metavar="KEY=VALUE", many=True),
    Option("--annotation", "annotation of the manifest", metavar="KEY=VALUE", many=True),
    Option("--platform", "platform to build for; several, divided by commas, make an index", metavar="OS/ARCH"),
    Option(
        "--pull", "when to ask the registry for a base image: always, missing, newer or never",
        choices=("always", "missing", "newer", "never"), default="missing",
    ),
    Option("--no-cache", "carry out every step", kind="flag"),
    Option("--no-cache-filter", "carry out every step of this stage", metavar="STAGE", many=True),
    Option("--cache-to", "also keep what steps came to in: type=registry,ref=NAME, type=local,dest=DIR (both with "
           "mode=max: of all stages), or type=inline, the image itself", metavar="SPEC", many=True),
    Option("--cache-from", "take steps from such a cache: type=registry,ref=NAME or type=local,src=DIR",
           metavar="SPEC", many=True),
    Option("--explain-cache", "tell of each step whether it was in the cache, and why not", kind="flag"),
    Option("--network", "network of RUN: none, host, or a network's name (default: as ctr-run)", metavar="NETWORK"),
    Option("--allow", "let RUN ask for more: --security=insecure, or --network=host", many=True,
           choices=("security.insecure", "network.host")),
    *(one for one in CONTAINER if one.long in ("--add-host", "--memory", "--cpus", "--ulimit", "--shm-size")),
    Option("--check", "print what is better written otherwise in the Dockerfile, and build nothing", kind="flag"),
    Option("--timestamp", "time of what is made: now, or seconds since the epoch", metavar="SECONDS|now"),
    Option("--squash", "make one layer of all that the build adds", kind="flag"),
    Option(
        "-o, --output", "where it goes: type=image, type=oci|docker|tar,dest=FILE or type=local,dest=DIRECTORY",
        metavar="SPEC", many=True,
    ),
    Option("--save-stages", "make an image of each stage too, named NAME-stage-STAGE, and print it after the image",
           kind="flag"),
    Option("--sbom", "tell which packages are in the image (SPDX), beside it in an index", kind="flag"),
    Option("--provenance", "tell how the image was made (SLSA), beside it in an index; max: in every detail",
           metavar="mode=min|max"),
    Option("--iidfile", "write the image's digest to this file", metavar="FILE"),
    Option("--metadata-file", "write what was built to this file, as JSON", metavar="FILE"),
    *(one for one in CONTAINER if one.long == "--runtime"),
    *REGISTRY,
)
