"""One stage of a build: its base, and one step after another."""

from __future__ import annotations

import os
import time

from ..errors import Conflict, NotFound, OcipipeError, Unsupported, UsageError
from ..host import machine
from . import copying, keys
from .mounting import Mounted
from .steps import Configure, Copy, Run, WorkDir
from .trees import Tree
from .wishes import HOST_NETWORK, INSECURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from .cached import Make, Outcome
    from .execute import Build
    from .instruction import Instruction
    from .meaning import Scope
    from .plan import Stage
    from .remote import Fetched
    from .state import Layer, State
    from .steps import Mount, Step

_SHOWN = 120
_BINFMT = "/proc/sys/fs/binfmt_misc"
_ALSO = (("amd64", "386"), ("arm64", "arm"))
"""What a kernel runs besides its own."""


class Carrier:
    """Carries out the steps of `stage`, which begins as `state` and with `scope`."""

    def __init__(self, build: Build, stage: Stage, state: State, scope: Scope) -> None:
        self._build = build
        self._store = build.incoming.store
        self._stage = stage
        self._state = state
        self._scope = scope
        self._fresh = build.wishes.all_fresh or stage.name in build.wishes.fresh
        self._instruction: Instruction | None = None
        self._number = 0
        self._total = 0
        self._begun = 0.0

    def begin(self, name: str) -> None:
        """The stage begins with the files of a context that was given. Raises what copying them raises."""
        state = self._state
        self._begun = time.monotonic()
        step = Copy(self._stage.place, f"FROM {name}", ["."], "/", from_=name)
        outcome = self._copy(step)
        state.add(outcome.layer, step.text, self._build.created(state))
        self._tell(None, outcome, time.monotonic() - self._begun)

    def carry(self) -> None:
        """All steps. Raises what they raise."""
        instructions = [*self._scope.triggers(), *self._stage.instructions]
        self._total = sum(one.keyword != "ARG" for one in instructions)
        for instruction in instructions:
            self._build.check()
            self._instruction = instruction
            step = self._scope.step(instruction)
            if step is None:
                continue
            self._number += 1
            self._begun = time.monotonic()
            try:
                outcome = self._step(step)
            except OcipipeError as error:
                raise instruction.put_to(error) from None
            if outcome is not None:
                self._tell(instruction, outcome, time.monotonic() - self._begun)

    def _label(self, instruction: Instruction | None) -> str:
        """A step, as it is told of; without an instruction what the stage begins with."""
        if instruction is None:
            return f"[{self._stage.label}] FROM {self._stage.base}"
        text = instruction.original
        text = text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
        return f"[{self._stage.label} {self._number}/{self._total}] {text}"

    def _tell(self, instruction: Instruction | None, outcome: Outcome, seconds: float) -> None:
        label = self._label(instruction)
        self._build.say(f"{label}: {'CACHED' if outcome.hit else f'{seconds:.1f}s'}")
        if self._build.wishes.explain:
            self._build.tell(f"{label}: {'hit' if outcome.hit else f'miss: {outcome.reason}'}")

    def _step(self, step: Step) -> Outcome | None:
        state = self._state
        outcome = None
        if isinstance(step, Configure):
            state.author = step.author or state.author
        elif isinstance(step, WorkDir):
            outcome = self._directory(step)
        elif isinstance(step, Copy):
            outcome = self._copy(step)
        elif isinstance(step, Run):
            state.parameters = dict(self._scope.config)
            outcome = self._run(step)
        state.parameters = dict(self._scope.config)
        if step.text:
            state.add(outcome.layer if outcome else None, step.text, self._build.created(state))
        return outcome

    def _slot(self) -> str:
        return keys.slot(self._build.dockerfile, self._stage.label, self._number)

    def _base(self) -> str:
        return str(self._state.top or "")

    def _lowers(self) -> list[str]:
        return self._store.layers.lowers(self._state.chain_ids)

    def _image(self) -> Tree:
        return Tree(self._lowers(), "the image", live=False, own_owner=True)

    def _directory(self, step: WorkDir) -> Outcome | None:
        image, path = self._image(), os.fsencode(step.path)
        found = image.look(image.resolve(path))
        if found is not None and found.is_directory:
            return None
        user = str(self._scope.config.get("User") or "")
        owner = copying.user(user, image, str(step.place)) if user else (0, 0)
        parts = keys.directory(step.path, self._base(), owner, self._state.clock)

        def make() -> tuple[Layer | None, Document, bytes]:
            from . import placing

            place = self._build.work.place("directory")
            placing.make_directory(path, place, self._lowers(), owner, str(step.place))
            return self._commit(place, str(step.place)), parts, b""

        return self._cached(step, parts, b"", make)

    def _cached(self, step: Step, parts: Document, listing: bytes, make: Make) -> Outcome:
        """The step's outcome; it is shown while it is carried out."""

        def shown() -> tuple[Layer | None, Document, bytes]:
            task = self._build.doing(self._label(self._instruction))
            try:
                return make()
            finally:
                task.done()

        return self._build.cache.step(self._state, step.text, self._slot(), parts, listing, shown, fresh=self._fresh)

    def _commit(self, place: str, subject: str, *, links_below: bool = False) -> Layer | None:
        """The layer of what we have put into a directory; `links_below`: files from beneath may be among it."""
        from . import layer

        state, lowers = self._state, self._lowers()
        if links_below:
            return layer.commit(self._build.incoming, place, lowers, state.top, (), state.latest, subject)
        return layer.commit_filled(self._build.incoming, place, lowers, state.top, state.latest, subject)

    def _copy(self, step: Copy) -> Outcome:
        state, fetched = self._state, list[int]()
        subject = str(step.place)

        def fetch(url: str) -> Fetched:
            found = self._build.fetch(url, step)
            if found.fd >= 0:
                fetched.append(found.fd)
            return found

        try:
            source = self._build.tree(step.from_, self._stage, self._instruction)
            self._begun = time.monotonic()  # for another stage it may have waited long
            ready = copying.copying(
                step, source, self._image(), self._scope.directory, state.latest, fetch, copying.excluding(step)
            )
            listing = ready.stream(unpack=False).read()
            base = "" if step.link else self._base()
            parts = keys.copy(step, base, ready.destination, listing, state.clock)

            def make() -> tuple[Layer | None, Document, bytes]:
                from . import placing

                place = self._build.work.place("copy")
                lowers = [] if step.link else self._lowers()
                stream = ready.stream(unpack=True)
                placing.place(stream, place, lowers, ready.owner, subject)
                found, now = parts, listing
                if not ready.unpacks and stream.listing != listing:  # the files were changed meanwhile
                    now = stream.listing
                    found = keys.copy(step, base, ready.destination, now, state.clock)
                return self._commit(place, subject, links_below=ready.unpacks), found, now

            return self._cached(step, parts, listing, make)
        finally:
            for fd in fetched:
                os.close(fd)

    def _run(self, step: Run) -> Outcome:
        wishes, state = self._build.wishes, self._state
        if step.security == "insecure" and INSECURE not in wishes.allowed:
            raise UsageError(
                str(step.place), "--security=insecure needs the command line's leave", f"add --allow {INSECURE}"
            )
        if step.network == "host" and wishes.network != "host" and HOST_NETWORK not in wishes.allowed:
            raise UsageError(
                str(step.place), "--network=host needs the command line's leave", f"add --allow {HOST_NETWORK}"
            )
        self._check_platform(step)
        mounted = [self._mount(one, step) for one in step.mounts]
        variables = self._scope.variables_of_run()
        more: Document = {"platform": str(self._stage.platform)}
        if wishes.network:
            more["given network"] = wishes.network
        if wishes.settings.get("add_host"):
            more["hosts"] = wishes.settings["add_host"]
        content = [one.digest for one in mounted]
        parts = keys.run(step, self._base(), self._scope.config, variables, content, state.clock, more)
        environment = {**self._scope.proxies(), **variables}

        def make() -> tuple[Layer | None, Document, bytes]:
            made = self._build.runner.run(step, state, environment, mounted, state.latest)
            return made, parts, b""

        return self._cached(step, parts, b"", make)

    def _check_platform(self, step: Run) -> None:
        """Raises Unsupported where nothing here runs programs of the stage's platform."""
        wanted, here = self._stage.platform, machine.platform()
        if here.runs(wanted) or (here.architecture, wanted.architecture) in _ALSO:
            return
        try:
            known = set(os.listdir(_BINFMT)) - {"register", "status"}
        except FileNotFoundError:
            known = set()
        if not known:
            raise Unsupported(
                str(step.place), f"the stage is for {wanted}, which this host, {here}, cannot run",
                "install qemu-user-static and binfmt-support, or build it there",
            )  # fmt: skip

    def _mount(self, mount: Mount, step: Run) -> Mounted:
        wishes = self._build.wishes
        if mount.kind == "secret":
            data = wishes.secrets.get(mount.id)
            if data is None and mount.required:
                raise NotFound(f"{step.place}: secret {mount.id}", "was not given", f"add --secret id={mount.id},src=…")
            return Mounted(self._store, mount, data=data)
        if mount.kind == "ssh":
            socket = wishes.agents.get(mount.id, "")
            if not socket and mount.required:
                raise NotFound(f"{step.place}: agent {mount.id}", "was not given", f"add --ssh {mount.id}")
            return Mounted(self._store, mount, socket=socket)
        if mount.kind == "tmpfs" or (mount.kind == "cache" and not mount.from_):
            return Mounted(self._store, mount)
        chain_ids = self._build.layers(mount.from_, self._stage, self._instruction)
        if chain_ids is not None and mount.kind == "bind":
            shown = f"{chain_ids[-1] if chain_ids else ''}:{mount.source}"
            return Mounted(self._store, mount, layers=chain_ids, digest=shown)
        return self._copied(mount, step)

    def _copied(self, mount: Mount, step: Run) -> Mounted:
        """Of files of the host, and to begin a cache with: a copy."""
        source = self._build.tree(mount.from_, self._stage, self._instruction)
        is_cache = mount.kind == "cache"
        wanted = Copy(step.place, "", [mount.source or "."], "/" if is_cache else "/content", from_=mount.from_)
        image = Tree([], "nothing", live=False, own_owner=True)
        ready = copying.copying(wanted, source, image, "/", self._state.latest, _no_fetch, None)
        listing = ready.stream(unpack=False).read()

        def fill(place: str) -> None:
            from . import placing

            stream = ready.stream(unpack=True)
            placing.place(stream, place, (), (0, 0), str(step.place))
            if stream.listing != listing:
                raise Conflict(str(step.place), f"{mount.source or 'the context'} was changed meanwhile", "build again")

        from oci_spec import digest

        return Mounted(self._store, mount, digest=str(digest.of_bytes(listing)), fill=fill)


def _no_fetch(url: str) -> Fetched:
    raise OcipipeError(url, "is no path")
