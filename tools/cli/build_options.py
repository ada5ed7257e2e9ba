"""The options of img-build."""

from __future__ import annotations

from .container_options import CONTAINER
from .declare import Option
from .options import PULL_POLICIES, REGISTRY

BUILD = (
    Option("-t, --tag", "name for the image; without one, it has its digest only", metavar="NAME", many=True),
    Option("-f, --file", "the Dockerfile (default: Dockerfile or Containerfile in the context); - for stdin",
           metavar="FILE"),
    Option("--target", "stage to build (default: the last)", metavar="STAGE"),
    Option("--build-arg", "value of an ARG; NAME alone takes the value of the variable NAME here",
           metavar="NAME=VALUE", many=True),
    Option(
        "--build-context", "what NAME stands for in FROM and --from: a directory, a URL, or docker-image://IMAGE",
        metavar="NAME=VALUE", many=True,
    ),
    Option("--secret", "secret for RUN --mount=type=secret", metavar="id=NAME[,src=FILE|,env=VAR]", many=True),
    Option("--ssh", "agent for RUN --mount=type=ssh (default socket: $SSH_AUTH_SOCK)", metavar="ID[=SOCKET]",
           many=True),
    Option("--label", "label of the image", metavar="KEY[=VALUE]", many=True),
    Option("--annotation", "annotation of the manifest", metavar="KEY=VALUE", many=True),
    Option("--platform", "platform to build for; several, with commas between them, make an index", metavar="OS/ARCH"),
    Option(
        "--pull", "when to ask the registry for a base image: always, missing, newer or never",
        choices=PULL_POLICIES, default="missing",
    ),
    Option("--no-cache", "run every step, whatever the cache has", kind="flag"),
    Option("--no-cache-filter", "the same for the steps of this stage", metavar="STAGE", many=True),
    Option("--cache-to", "export the cache, too: type=registry,ref=NAME or type=local,dest=DIR, both with mode=max "
           "for the steps of all stages; or type=inline, into the image itself", metavar="SPEC", many=True),
    Option("--cache-from", "use an exported cache: type=registry,ref=NAME or type=local,src=DIR",
           metavar="SPEC", many=True),
    Option("--explain-cache", "say for each step whether it came from the cache, and why not", kind="flag"),
    Option("--network", "network of RUN: none, host, or a network's name (default: as ctr-run)", metavar="NETWORK"),
    Option("--allow", "allow RUN --security=insecure, or RUN --network=host", many=True,
           choices=("security.insecure", "network.host")),
    *(one for one in CONTAINER if one.long in ("--add-host", "--memory", "--cpus", "--ulimit", "--shm-size")),
    Option("--check", "print what could be better in the Dockerfile, and build nothing", kind="flag"),
    Option("--timestamp", "time of creation to write into the image: now, or seconds since the epoch",
           metavar="SECONDS|now"),
    Option("--squash", "make one layer of all that the build adds to the base image", kind="flag"),
    Option(
        "-o, --output", "where the result goes: type=image, type=oci|docker|tar,dest=FILE or type=local,dest=DIRECTORY",
        metavar="SPEC", many=True,
    ),
    Option("--save-stages", "make an image of each stage, too, named NAME-stage-STAGE; each is printed after the image",
           kind="flag"),
    Option("--sbom", "add a list of the packages in the image (SPDX), beside it in an index", kind="flag"),
    Option("--provenance", "add how the image was made (SLSA), beside it in an index; max: in every detail",
           metavar="mode=min|max"),
    Option("--iidfile", "write the image's digest to this file", metavar="FILE"),
    Option("--metadata-file", "write what was built to this file, as JSON", metavar="FILE"),
    *(one for one in CONTAINER if one.long == "--runtime"),
    *REGISTRY,
)
