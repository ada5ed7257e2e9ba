"""Pulling an image: registry to store, unpacked on the way.

What a name stands for is asked first; whatever the answer, a blob that is here is not fetched again. The name is set
last, so an image that has a name is whole.
"""

from __future__ import annotations

from oci_spec import descriptor as fields
from oci_spec import reference

from ..errors import Corrupt, NotFound, Unavailable, Unsupported
from ..host import machine
from ..registry.remote import connect
from ..store.reach import hold
from .entry import describe, is_runnable, read_config, refuse_other
from .here import Here
from .local import choose_manifest, ensure_unpacked
from .receive import Receiver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.image_config import ImageConfig
    from oci_spec.manifest import Manifest
    from oci_spec.platform import Platform
    from oci_spec.reference import Reference

    from ..context import Context
    from ..registry.remote import Access, Remote
    from ..store.leases import Lease
    from ..store.store import Store


class PullOptions:
    """How to pull: `platform` None means this host's (with all_platforms: which one is unpacked)."""

    __slots__ = ("access", "all_platforms", "jobs", "platform", "policy", "unpack")

    def __init__(
        self,
        access: Access,
        *,
        platform: Platform | None = None,
        all_platforms: bool = False,
        policy: str = "always",
        unpack: bool = True,
        jobs: int = 3,
    ) -> None:
        self.access = access
        self.platform = platform
        self.all_platforms = all_platforms
        self.policy = policy
        self.unpack = unpack
        self.jobs = jobs


def pull(ctx: Context, store: Store, name: str, options: PullOptions) -> Descriptor:
    """The entry of the image that `name` stands for, pulled as the policy says.

    `always` asks the registry; `newer` does too, but a registry that can't be reached is no failure while an image of
    that name is here; `missing` asks only when none is here, for the very platform where one is named; `never` doesn't.
    Where the name stands for a whole index here, an image that is in it counts as here, and the name stays with the
    index. Raises NotFound, Denied, Unavailable, Unsupported, Corrupt, and FormatError for what is no reference.
    """
    wanted = reference.parse(name)
    here = Here.find(store, wanted, options.platform, all_platforms=options.all_platforms)
    if here is not None and (options.policy == "never" or (options.policy == "missing" and here.is_exact)):
        return _unpacked(ctx, store, here.image, options)
    if options.policy == "never":
        which = (
            " for all platforms" if options.all_platforms else f" for {options.platform}" if options.platform else ""
        )
        raise NotFound(
            str(wanted), f"is not in the store{which}, and the policy is never to pull", "leave out --policy never"
        )
    try:
        return _pull(ctx, store.prepare(), wanted, here, options)
    except Unavailable as error:
        if options.policy == "newer" and here is not None:
            ctx.progress.warn(f"{error}; using the image that is here")
            return _unpacked(ctx, store, here.image, options)
        raise


def all_tags(ctx: Context, store: Store, name: str, options: PullOptions) -> Iterator[Descriptor]:
    """Pulls every tag of a repository, one after another, as they are listed. Raises Unsupported for a name with a tag
    or a digest, and as `pull`."""
    wanted = reference.parse(name, default_tag=False)
    if wanted.tag or wanted.digest:
        raise Unsupported(name, "names one image, but all tags were asked for", "leave out the tag, or --all-tags")
    for tag in connect(ctx, wanted.name, options.access).tags():
        yield pull(ctx, store, f"{wanted.name}:{tag}", options)


def _pull(ctx: Context, store: Store, wanted: Reference, here: Here | None, options: PullOptions) -> Descriptor:
    remote = connect(ctx, wanted.name, options.access)
    root = remote.resolve(wanted.target)
    with store.leases.hold() as lease:
        if here is not None and here.is_current(root) and _is_whole(store, lease, here.entry):
            image = _unpacked(ctx, store, here.image, options)
            named = _named(store, here.entry, wanted)
            return named if here.image is here.entry else image
        pulling = _Pulling(ctx, store, remote, wanted, lease, options)
        return pulling.run(root)


def _is_whole(store: Store, lease: Lease, entry: Descriptor) -> bool:
    """Whether all that an image names is here; the lease holds it from then on."""
    try:
        return all(map(store.blobs.exists, hold(store, lease, entry).blobs.values()))
    except (NotFound, Corrupt):
        return False


def _named(store: Store, entry: Descriptor, wanted: Reference) -> Descriptor:
    """The entry under the name that was asked for: by digest it may have been found under another."""
    return store.refs.tag(entry, entry.name if entry.name and wanted.digest else _entry_name(wanted))


def _entry_name(wanted: Reference) -> str:
    """Where both are given the digest decides, so the tag is not moved."""
    return f"{wanted.name}@{wanted.digest}" if wanted.digest else str(wanted)


def _unpacked(ctx: Context, store: Store, entry: Descriptor, options: PullOptions) -> Descriptor:
    """The entry of an image that is here, unpacked as it would be had it been pulled now."""
    _warn_of_platform(ctx, entry, options)
    platform = options.platform or machine.platform()
    if options.unpack:
        with store.leases.hold() as lease:
            try:
                manifest = choose_manifest(store, entry, options.platform)
            except Unsupported:
                if not options.all_platforms:
                    raise
            else:
                if is_runnable(manifest) and platform.runs(read_config(store, manifest).platform):
                    ensure_unpacked(store, manifest, lease, options.jobs)
    return entry


def _warn_of_platform(ctx: Context, entry: Descriptor, options: PullOptions) -> None:
    host = machine.platform()
    if options.platform is None and entry.platform is not None and not host.runs(entry.platform):
        ctx.progress.warn(f"{entry.name or entry.digest}: is an image for {entry.platform}, this host is {host}")


class _Pulling:
    """One image on its way in."""

    def __init__(
        self, ctx: Context, store: Store, remote: Remote, wanted: Reference, lease: Lease, options: PullOptions
    ) -> None:
        self.ctx = ctx
        self.store = store
        self.wanted = wanted
        self.options = options
        self.platform = options.platform or machine.platform()
        self.receiver = Receiver(
            store,
            remote,
            store.blobs,
            ctx.progress,
            lease,
            platform=self.platform,
            choosing="" if options.all_platforms else str(wanted),
            admit=self._admit,
            unpack=options.unpack,
            distrust=remote.distrust,
            jobs=options.jobs,
        )
        self.root = ""

    def run(self, root: Descriptor) -> Descriptor:
        self.root = root.digest
        copied = self.receiver.receive(root)
        entry = describe(
            self.store,
            copied,
            **{
                fields.ORIGIN: self.wanted.name,
                fields.INDEX_DIGEST: root.digest if root.digest != copied.digest else None,
            },
        )
        entry = self.store.refs.tag(entry, _entry_name(self.wanted))
        _warn_of_platform(self.ctx, entry, self.options)
        return entry

    def _admit(self, manifest: Manifest, config: ImageConfig) -> None:
        """A name that stands for one image must stand for one of the platform that was named; an index says itself for
        which each of its images is."""
        asked = self.options.platform is not None and not self.options.all_platforms
        if asked and manifest.digest == self.root:
            refuse_other(config.platform, self.platform, str(self.wanted))
