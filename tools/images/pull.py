"""Pulling an image: registry to store, unpacked on the way.

What a name stands for is asked first; whatever the answer, a blob that is here is not fetched again. The name is set
last, so an image that has a name is whole.
"""

from __future__ import annotations

from oci_spec import descriptor as fields
from oci_spec import manifest as manifests
from oci_spec import media_types, reference

from ..errors import Corrupt, NotFound, Unavailable, Unsupported
from ..host import machine
from ..registry.remote import connect
from ..store.reach import hold
from .entry import describe, is_runnable, parse
from .local import choose_manifest, ensure_unpacked
from .receive import Receiver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from oci_spec.descriptor import Descriptor
    from oci_spec.platform import Platform
    from oci_spec.reference import Reference

    from ..context import Context
    from ..registry.remote import Access, Remote
    from ..store.leases import Lease
    from ..store.store import Store

POLICIES = ("always", "missing", "newer", "never")


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
    that name is here; `missing` asks only when none is here for the platform; `never` doesn't. Raises NotFound,
    Denied, Unavailable, Unsupported, Corrupt, and FormatError for what is no reference.
    """
    wanted = reference.parse(name)
    here = find_local(store, wanted, options)
    if here is not None and options.policy in ("missing", "never"):
        return _unpacked(store, here, options)
    if options.policy == "never":
        raise NotFound(str(wanted), "is not in the store, and the policy is never to pull", "leave out --policy never")
    try:
        return _pull(ctx, store.prepare(), wanted, here, options)
    except Unavailable as error:
        if options.policy == "newer" and here is not None:
            ctx.progress.warn(f"{error}; using the image that is here")
            return _unpacked(store, here, options)
        raise


def all_tags(ctx: Context, store: Store, name: str, options: PullOptions) -> Iterator[Descriptor]:
    """Pulls every tag of a repository, one after another, as they are listed."""
    wanted = reference.parse(name, default_tag=False)
    if wanted.tag or wanted.digest:
        raise Unsupported(name, "names one image, but all tags were asked for", "leave out the tag, or --all-tags")
    for tag in connect(ctx, wanted.name, options.access).tags():
        yield pull(ctx, store, f"{wanted.name}:{tag}", options)


def find_local(store: Store, wanted: Reference, options: PullOptions) -> Descriptor | None:
    """The store's entry for a reference, when it is what the platform options ask for."""
    try:
        entry = store.refs.resolve(str(wanted))
    except NotFound:
        return None
    if options.all_platforms:
        return entry if isinstance(parse(store, entry), manifests.Index) else None
    if options.platform is not None:
        is_index = media_types.is_index(entry.media_type)
        return None if is_index or entry.platform not in (None, options.platform) else entry
    return entry


def _pull(ctx: Context, store: Store, wanted: Reference, here: Descriptor | None, options: PullOptions) -> Descriptor:
    remote = connect(ctx, wanted.name, options.access)
    root = remote.resolve(wanted.target)
    with store.leases.hold() as lease:
        if here is not None and _is_current(here, root, options) and _is_whole(store, lease, here):
            return _named(store, _unpacked(store, here, options), wanted)
        pulling = _Pulling(ctx, store, remote, wanted, lease, options)
        return pulling.run(root)


def _is_current(here: Descriptor, root: Descriptor, options: PullOptions) -> bool:
    """Whether what is here is what the registry's `root` stands for: itself, or our platform's choice of an index."""
    if root.digest == here.digest:
        return True
    platform = options.platform or machine.platform()
    chosen = here.platform is not None and platform.runs(here.platform) > 0
    return chosen and root.digest == here.annotations.get(fields.INDEX_DIGEST)


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


def _unpacked(store: Store, entry: Descriptor, options: PullOptions) -> Descriptor:
    if options.unpack:
        with store.leases.hold() as lease:
            manifest = choose_manifest(store, entry, options.platform)
            if is_runnable(manifest):
                ensure_unpacked(store, manifest, lease, options.jobs)
    return entry


class _Pulling:
    """One image on its way in."""

    def __init__(
        self, ctx: Context, store: Store, remote: Remote, wanted: Reference, lease: Lease, options: PullOptions
    ) -> None:
        self.store = store
        self.wanted = wanted
        self.platform = options.platform or machine.platform()
        self.is_asked_for = options.platform is not None
        self.receiver = Receiver(
            store,
            remote,
            store.blobs,
            ctx.progress,
            lease,
            platform=self.platform,
            choosing="" if options.all_platforms else str(wanted),
            unpack=options.unpack,
            distrust=remote.distrust,
            jobs=options.jobs,
        )
        self._warn = ctx.progress.warn

    def run(self, root: Descriptor) -> Descriptor:
        copied = self.receiver.receive(root)
        entry = describe(
            self.store,
            copied,
            **{
                fields.ORIGIN: self.wanted.name,
                fields.INDEX_DIGEST: root.digest if root.digest != copied.digest else None,
            },
        )
        if entry.platform is not None and not self.platform.runs(entry.platform):
            if self.is_asked_for:
                raise Unsupported(
                    str(self.wanted), f"is an image for {entry.platform}, not {self.platform}", "leave out --platform"
                )
            self._warn(f"{self.wanted}: is an image for {entry.platform}, this host is {self.platform}")
        return self.store.refs.tag(entry, _entry_name(self.wanted))
