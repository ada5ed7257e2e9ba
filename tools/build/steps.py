"""What a Dockerfile's instructions ask for, once every word is expanded: values that the plan makes and the build does.

Paths are as they stand in the Dockerfile; what they are relative to is decided by who carries a step out.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Place:
    """Where an instruction stands: the Dockerfile's name as it was given, its first and its last line (from 1)."""

    __slots__ = ("file", "first", "last")

    def __init__(self, file: str, first: int, last: int) -> None:
        self.file = file
        self.first = first
        self.last = last

    def __str__(self) -> str:
        return f"{self.file}:{self.first}"


class Step:
    """`place`: where it stands; `text`: the instruction as the history tells it, its variables as they were written."""

    __slots__ = ("place", "text")

    def __init__(self, place: Place, text: str) -> None:
        self.place = place
        self.text = text


class InlineFile:
    """A file whose content stands in the Dockerfile (a heredoc): its name, its bytes."""

    __slots__ = ("content", "name")

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.content = content


class Mount:
    """--mount of a RUN. `kind`: bind, cache, secret, ssh or tmpfs; `target`: where; '' where the kind says it.

    source, from_: of bind and cache (from_: a stage, image or named context; '' for the context, and for a cache an
    empty directory). id: of cache, secret, ssh. sharing: shared, private or locked. mode: permissions, None where the
    kind says them. size: of tmpfs, bytes, 0 for none. env: the variable that a secret is given in, too or instead.
    """

    __slots__ = (
        "env", "from_", "gid", "id", "kind", "mode", "readonly", "required", "sharing", "size", "source", "target",
        "uid",
    )  # fmt: skip

    def __init__(
        self, kind: str, target: str = "", *, source: str = "", from_: str = "", id: str = "", readonly: bool = False,
        sharing: str = "shared", mode: int | None = None, uid: int = 0, gid: int = 0, size: int = 0,
        required: bool = False, env: str = "",
    ) -> None:  # fmt: skip
        self.kind = kind
        self.target = target
        self.source = source
        self.from_ = from_
        self.id = id
        self.readonly = readonly
        self.sharing = sharing
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = size
        self.required = required
        self.env = env


class Run(Step):
    """RUN. `args`: the program and its arguments, the shell included where it was the shell form. `stdin`: a heredoc's
    text for it; `files`: heredocs that `args` name under /dev/pipes/. `network`: default, none or host; `security`:
    sandbox or insecure."""

    __slots__ = ("args", "files", "mounts", "network", "security", "stdin")

    def __init__(
        self, place: Place, text: str, args: Sequence[str], *, mounts: Sequence[Mount] = (), network: str = "default",
        security: str = "sandbox", stdin: bytes = b"", files: Sequence[InlineFile] = (),
    ) -> None:  # fmt: skip
        super().__init__(place, text)
        self.args = list(args)
        self.mounts = list(mounts)
        self.network = network
        self.security = security
        self.stdin = stdin
        self.files = list(files)


class Copy(Step):
    """COPY, and ADD (`add`). `from_`: a stage, image or named context, '' for the build's context. `destination` keeps
    its trailing slash. `chmod`: octal, or symbolic as chmod(1) has it; '' leaves the modes. `unpack`: None where it
    was not said. `checksum`: a digest, or ''."""

    __slots__ = (
        "add", "checksum", "chmod", "chown", "destination", "exclude", "files", "from_", "keep_git_dir", "link",
        "parents", "sources", "unpack",
    )  # fmt: skip

    def __init__(
        self, place: Place, text: str, sources: Sequence[str], destination: str, *, from_: str = "", chown: str = "",
        chmod: str = "", link: bool = False, parents: bool = False, exclude: Sequence[str] = (),
        files: Sequence[InlineFile] = (), add: bool = False, checksum: str = "", unpack: bool | None = None,
        keep_git_dir: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(place, text)
        self.sources = list(sources)
        self.destination = destination
        self.from_ = from_
        self.chown = chown
        self.chmod = chmod
        self.link = link
        self.parents = parents
        self.exclude = list(exclude)
        self.files = list(files)
        self.add = add
        self.checksum = checksum
        self.unpack = unpack
        self.keep_git_dir = keep_git_dir


class WorkDir(Step):
    """WORKDIR: `path`, absolute; it is made where it is missing, which is a layer then."""

    __slots__ = ("path",)

    def __init__(self, place: Place, text: str, path: str) -> None:
        super().__init__(place, text)
        self.path = path


class Configure(Step):
    """Any instruction that only changes the image's config: the `config` object as it is after it (image-spec 1.1.1,
    config.md), and `author` of MAINTAINER."""

    __slots__ = ("author", "config")

    def __init__(self, place: Place, text: str, config: Mapping[str, object], author: str = "") -> None:
        super().__init__(place, text)
        self.config = dict(config)
        self.author = author
