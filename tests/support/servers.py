"""An image with Debian's nginx, PostgreSQL, Redis and pip, built by our own img-build from the Debian of the tests."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

import rootfs
from commands import Commands
from images import Image, read_layout

from ocipipe.host import trees

_DOCKERFILE = """\
FROM debian:bookworm
ARG MIRROR=http://deb.debian.org/debian
ENV DEBIAN_FRONTEND=noninteractive
RUN <<END
set -e
echo "deb $MIRROR bookworm main" > /etc/apt/sources.list
mkdir -p /etc/postgresql-common
echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
echo force-unsafe-io > /etc/dpkg/dpkg.cfg.d/quick
for place in doc man locale; do echo "path-exclude=/usr/share/$place/*" >> /etc/dpkg/dpkg.cfg.d/quick; done
apt-get update
apt-get install -y --no-install-recommends nginx-light postgresql-15 redis-server python3-pip
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
rm /usr/lib/*/libLLVM-*  # a third of it all: what PostgreSQL would compile long queries with
END
COPY --chmod=755 serve /usr/bin/
EXPOSE 80 5432
CMD ["serve"]
"""
_SERVE = """\
#!/bin/sh
set -e
data=/var/lib/postgresql/data; as="setpriv --reuid postgres --regid postgres --init-groups"
[ -s $data/PG_VERSION ] || $as /usr/lib/postgresql/15/bin/initdb -A trust -D $data >&2
grep -q "^host all all samenet" $data/pg_hba.conf || echo "host all all samenet trust" >> $data/pg_hba.conf
exec $as /usr/lib/postgresql/15/bin/postgres -D $data -c "listen_addresses=*" -c jit=off
"""


def image(cache: Path, programs: Path) -> Image:
    """The image, built on first use and kept in `cache`. What it runs by itself is PostgreSQL."""
    layout = cache / f"servers-{hashlib.sha256(f'{_DOCKERFILE}{_SERVE}'.encode()).hexdigest()[:12]}"
    if not layout.exists():
        place = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
        try:
            env = {
                "PATH": os.environ["PATH"], "HOME": str(place), "TMPDIR": str(place),
                "OCIPIPE_ROOT": str(place / "store"), "OCIPIPE_RUN_ROOT": str(place / "run"),
            }  # fmt: skip
            run = Commands(programs, env)
            rootfs.debian_image(cache).into_store(place / "store", "docker.io/library/debian:bookworm")
            context = place / "context"
            context.mkdir()
            (context / "Dockerfile").write_text(_DOCKERFILE)
            (context / "serve").write_text(_SERVE)
            mirror = rootfs.mirror()
            arguments = ["--build-arg", f"MIRROR={mirror}"] if mirror else []
            run("img-build", "--network", "host", *arguments, "-t", "servers", context, timeout=900)
            run("img-copy", "store:servers", f"oci:{place}/layout")
            (place / "layout").rename(layout)
        finally:
            trees.remove_tree(str(place))
    return read_layout(layout)
