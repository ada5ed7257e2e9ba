"""What COPY and ADD mean."""

from __future__ import annotations

from oci_spec import digest
from oci_spec.jsondoc import FormatError

from ..images.lexer import Lexer
from . import history
from .instruction import heredoc
from .modes import Mode
from .mounts import sources_of
from .steps import Copy, InlineFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .instruction import Heredoc, Instruction

_HEX = frozenset("0123456789abcdef")


def copy(one: Instruction, lexer: Lexer) -> Copy:
    """Raises DockerfileError, and FormatError for what cannot be expanded."""
    add = one.keyword == "ADD"
    sources: list[str] = []
    files: list[InlineFile] = []
    bodies = {each.name: each for each in one.heredocs}
    for word in one.words[:-1]:
        named = None if one.json else heredoc(word)
        if named is not None and named.name in bodies:
            files.append(InlineFile(named.name, _content(bodies[named.name], lexer)))
        else:
            sources.append(lexer.word(word))
    destination = lexer.word(one.words[-1])
    said = {name: lexer.word(one.option(name)) for name in ("chown", "chmod", "checksum") if one.option(name)}
    exclude = [lexer.word(pattern) for pattern in one.options.get("exclude", ())]
    from_ = (sources_of(one) or [""])[0]
    made = Copy(
        one.place, "", sources, destination, from_=from_, link=one.switch("link") or False,
        parents=one.switch("parents") or False, exclude=exclude, files=files, add=add, unpack=one.switch("unpack"),
        keep_git_dir=one.switch("keep-git-dir") or False, **said,
    )  # fmt: skip
    _judge(one, made)
    flags = ["--parents"] if made.parents else []
    flags += [f"--{name}={said[name]}" for name in ("chown", "chmod") if name in said]
    made.text = history.copy(one.keyword, flags, sources, [file.name for file in files], destination)
    return made


def remote(source: str) -> str:
    """`git` for a repository, `http` for any other URL, '' for a path."""
    address = source.partition("#")[0].partition("?")[0]
    scheme, separator, _ = address.partition("://")
    if separator and scheme in ("http", "https"):
        return "git" if address.endswith(".git") else "http"
    host, colon, _ = address.partition(":")
    if (separator and scheme in ("git", "ssh")) or (colon and "@" in host and "/" not in host):
        return "git"
    return ""


def _content(one: Heredoc, lexer: Lexer) -> bytes:
    text = one.text
    if one.expand:
        plain = Lexer(lexer.variables, quotes="plain")
        text = plain.word(text)
        lexer.missing |= plain.missing
    return text.encode("utf-8", "surrogateescape")


def _judge(one: Instruction, made: Copy) -> None:
    kinds = [remote(source) for source in made.sources]
    if made.chmod:
        try:
            Mode(made.chmod)
        except FormatError:
            raise one.refuse(
                f"{made.chmod} is no mode", "write --chmod=0755 or --chmod=u=rwX,go=rX", at=made.chmod
            ) from None
    if not made.add and any(kinds):
        source = next(source for source, kind in zip(made.sources, kinds, strict=True) if kind)
        raise one.refuse("COPY does not fetch", f"write ADD {source} …", at=source)
    if made.checksum:
        if len(kinds) != 1 or not kinds[0]:
            raise one.refuse("--checksum is for one URL", at="--checksum")
        if kinds[0] == "git":
            if not _HEX.issuperset(made.checksum) or not 7 <= len(made.checksum) <= 64:
                raise one.refuse(f"{made.checksum} is no commit", "write all of its hex digits", at=made.checksum)
            return
        try:
            digest.parse(made.checksum)
        except FormatError as error:
            raise one.refuse(f"--checksum: {error.problem}", "write --checksum=sha256:…", at=made.checksum) from None
