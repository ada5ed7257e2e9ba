"""vol-import: a tar archive as a volume's files."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..errors import Conflict, Corrupt, Denied, NotFound, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "vol-import",
    "fill a volume from a tar archive",
    description="Reads a tar archive, plain or under gzip or zstd, from stdin or a file, into a volume, which is made "
    "if it is missing and must be empty if it is there; and prints its document. Nothing in the archive can reach out "
    "of the volume. Of an archive that is broken, cut off or hostile nothing stays.",
    operands=(
        Operand("NAME", "volume"),
        Operand("FILE", "archive to read, - for stdin (the default)", required=False),
    ),
    options=(Option("--label", "label of the volume, if it is made", metavar="KEY[=VALUE]", many=True),),
    writes="volume",
    examples=(
        ("tar -C /usr/share/doc -c . | vol-import docs", "a directory of the host"),
        ("vol-create data; vol-export -o data.tar data; vol-import again data.tar", "from a backup"),
    ),
    see=("vol-export", "vol-clone", "vol-create"),
)


def run(ctx: Context, args: Args) -> dict[str, object]:
    """Imports the archive."""
    import os

    from ..host.files import read_stream
    from ..store.store import Store
    from ..volume.create import Settings, pairs, record
    from ..volume.describe import describe
    from ..volume.fill import fill
    from ..volume.mount import drop, take

    settings = Settings("", {}, pairs(args.label, "--label"))
    is_file = args.file not in (None, "-")
    if not is_file and ctx.stdin.isatty():
        raise UsageError("standard input", "is a terminal", "name an archive, or pipe one in")
    if ctx.user:
        raise Denied(args.name, "cannot be filled by this user", "run as root: the files get their owners")
    store = Store(ctx.root)
    fd = os.open(args.file, os.O_RDONLY | os.O_CLOEXEC) if is_file else ctx.stdin.fileno()
    try:
        chunks = read_stream(fd, args.file if is_file else "stdin")
        try:
            with store.volumes.locked(args.name) as volume:
                if not settings.labels.items() <= volume.labels.items():
                    raise Conflict(args.name, "the volume is there, with other labels", "leave --label out")
                take(volume, ctx.env)
                try:
                    if not fill(store, volume, lambda place, _: _unpack(chunks, place, args.name)):
                        raise Conflict(args.name, "the volume is in use or not empty", "name a new one")
                finally:
                    drop(store, volume)
        except NotFound:
            with store.volumes.making(record(ctx, args.name, settings)) as volume:
                _unpack(chunks, volume.data, args.name)
    finally:
        if is_file:
            os.close(fd)
    return describe(store.volumes.load(args.name))


def _unpack(chunks: Iterator[bytes], place: str, subject: str) -> None:
    from ..layers.apply import apply_layer
    from ..layers.compression import decompress

    try:
        apply_layer(decompress(chunks, subject), place, form="exact", whole=True, subject=subject)
    except Corrupt as error:
        raise Corrupt(error.subject, error.problem, "the archive is broken or hostile: have it made again") from None
