"""A build: the stages that are needed as a graph, independent ones side by side, for one platform.

Each stage has a thread; those that stand on others wait for them. The first failure ends all the rest: what their
processes were doing is ended through the runtime, and nothing of it stays but the steps that were done.
"""

from __future__ import annotations

import threading
import time

from ..context import SilentTask
from ..errors import NotFound, OcipipeError, UsageError
from ..images.local import choose_manifest
from ..images.resolve import image_for_run
from . import context, wishes
from .cached import Cache
from .carrying import Carrier
from .meaning import Scope
from .plan import SCRATCH
from .state import State
from .stopping import Cancelled, Stop
from .trees import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from oci_spec.digest import Digest
    from oci_spec.jsondoc import Document
    from oci_spec.platform import Platform

    from ..context import Context, Task
    from ..store.builds import Record
    from ..store.incoming import Incoming
    from .cache_transfer import Imported
    from .context import Sources
    from .instruction import Instruction
    from .plan import Plan, Stage
    from .remote import Fetched
    from .running import Runner
    from .steps import Copy
    from .wishes import Wishes
    from .workshop import Workshop

_IMAGE = "docker-image://"
_PATIENCE_SECONDS = 20.0
_POLL_SECONDS = 0.5
_OF_ANOTHER = ("container", "container_config", "docker_version", "id", "parent")
"""Fields of a config that tell of the container which Docker made that image of."""


class Result:
    """What a stage has come to, or what has failed; `done` once it is there."""

    __slots__ = ("done", "error", "scope", "state")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None
        self.state: State | None = None
        self.scope: Scope | None = None


class Build:
    """One build of `plan` for `platform`. `say` is told each step, None where nobody wants to know; `tell` what
    --explain-cache has to say; `imported`: what other machines' caches have; `stop` ends it from outside."""

    def __init__(
        self, ctx: Context, incoming: Incoming, work: Workshop, sources: Sources, plan: Plan, wishes: Wishes,
        platform: Platform, say: Callable[[str], None] | None, tell: Callable[[str], None],
        imported: Imported | None = None, stop: Stop | None = None,
    ) -> None:  # fmt: skip
        self.ctx = ctx
        self.incoming = incoming
        self.work = work
        self.wishes = wishes
        self.dockerfile = sources.name
        self._stop = stop or Stop()
        self._stop.also(self._end)
        self._runner: Runner | None = None
        self.cache = Cache(incoming, self.check, explain=wishes.explain, imported=imported)
        self.tell = tell
        self.images: dict[tuple[str, Platform], str] = {}
        """The digest of the manifest that was taken for each image's name."""
        self.urls: dict[str, str] = {}
        """The digest of what came from each URL, '' for a repository."""
        self._sources = sources
        self._plan = plan
        self._platform = platform
        self._say = say
        self._lock = threading.Lock()
        self._results: dict[int, Result] = {}
        self._trees: dict[str, Tree] = {}
        self._threads: list[threading.Thread] = []
        self._failure: BaseException | None = None

    def run(self) -> State:
        """Builds the target; what it has come to. Raises what its steps raise, Cancelled when it was ended."""
        try:
            for stage in self._plan.stages:
                self._begin(stage)
            target = self._begin(self._plan.target)
            target.done.wait()
        except BaseException:
            self.cancel()
            self._wait()
            raise
        self._wait()
        if self._failure is not None:
            raise self._failure
        if target.state is None:
            raise Cancelled
        return target.state

    def stages(self) -> list[tuple[Stage, State]]:
        """Every stage that was built, in order, and what it has come to."""
        found = [(self._plan.every[index], one.state) for index, one in sorted(self._results.items())]
        return [(stage, state) for stage, state in found if state is not None]

    def records(self) -> list[Record]:
        """Of every step of every stage that was built."""
        return [record for _, state in self.stages() for record in state.records]

    def _wait(self) -> None:
        """Waits for the stages' threads. Where the build has failed or is to end, a pull is not waited for: what it
        brings after that is nobody's."""
        deadline = 0.0
        for thread in list(self._threads):
            while thread.is_alive() and (not deadline or time.monotonic() < deadline):
                thread.join(_POLL_SECONDS)
                if self._stop.called and not deadline:
                    deadline = time.monotonic() + _PATIENCE_SECONDS

    @property
    def runner(self) -> Runner:
        """What carries out the RUNs: where all are cached, nothing of containers is loaded."""
        from .running import Runner

        with self._lock:
            if self._runner is None:
                self._runner = Runner(self.ctx, self.incoming, self.wishes.settings, self._say, self._stop)
            return self._runner

    def cancel(self) -> None:
        """Ends what is being done."""
        self._stop.call()

    def _end(self) -> None:
        if self._runner is not None:
            self._runner.end()

    def check(self) -> None:
        """Raises Cancelled where the build is not to go on."""
        self._stop.check()

    def say(self, line: str) -> None:
        """A line about a step that is done."""
        if self._say is not None:
            self._say(line)

    def doing(self, label: str) -> Task:
        """A step that is being carried out."""
        return SilentTask() if self._say is None else self.ctx.progress.step(label)

    def created(self, state: State) -> str:
        """The time that documents have for what is made from `state` now."""
        if state.clock is None:
            return self.ctx.timestamp()
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(state.clock))

    def tree(self, name: str, stage: Stage, instruction: Instruction | None) -> Tree:
        """What --from=`name` copies from; '' is the build's context. Raises NotFound, and what getting it raises."""
        if not name:
            if self._sources.tree is None:
                raise NotFound("the context", "there is none: the Dockerfile came alone", "name a directory")
            return self._sources.tree
        given = self.wishes.contexts.get(name.lower(), "")
        if given and not given.startswith(_IMAGE):
            with self._lock:
                if name not in self._trees:
                    self._trees[name] = context.named(self.ctx, self.work, f"the context {name}", given)
                return self._trees[name]
        chain_ids = self.layers(name, stage, instruction)
        assert chain_ids is not None
        shown = f"stage {name}" if self._stage(name, stage, instruction) is not None else f"image {name}"
        return Tree(self.incoming.store.layers.lowers(chain_ids), shown, live=False, own_owner=True)

    def layers(self, name: str, stage: Stage, instruction: Instruction | None) -> list[Digest] | None:
        """The chain IDs of the stage or image that `name` means; None for files of the host."""
        given = self.wishes.contexts.get(name.lower(), "") if name else ""
        if not name or (given and not given.startswith(_IMAGE)):
            return None
        index = None if given else self._stage(name, stage, instruction)
        if index is not None:
            return self._finished(index)[0].chain_ids
        return self._image(given.removeprefix(_IMAGE) or name, self._platform)[0].chain_ids

    def fetch(self, url: str, step: Copy) -> Fetched:
        """What a URL of an ADD names."""
        from . import remote
        from .files import remote as kind

        if kind(url) == "git":
            directory = remote.repository(
                url, self.work, self.ctx.env, commit=step.checksum, keep_git_dir=step.keep_git_dir
            )
            self.urls[url] = ""
            return remote.Fetched(directory=directory)
        found = remote.file(url, step.checksum, self.work, self.ctx.env)
        self.urls[url] = found.digest
        return found

    def _stage(self, name: str, stage: Stage, instruction: Instruction | None) -> int | None:
        assert instruction is not None
        return self._plan.source(stage, instruction, name)

    def _begin(self, stage: Stage) -> Result:
        """Begins a stage that has not begun yet."""
        with self._lock:
            known = self._results.get(stage.index)
            if known is not None:
                return known
            result = self._results[stage.index] = Result()
            thread = threading.Thread(target=self._work, args=(stage, result), name=f"stage {stage.label}", daemon=True)
            self._threads.append(thread)
        thread.start()
        return result

    def _finished(self, index: int) -> tuple[State, Scope]:
        """What another stage has come to, once it has."""
        result = self._begin(self._plan.every[index])
        result.done.wait()
        if result.state is None or result.scope is None:
            raise Cancelled
        return result.state, result.scope

    def _work(self, stage: Stage, result: Result) -> None:
        try:
            try:
                state, scope = self._base(stage)
            except OcipipeError as error:
                raise stage.begin.put_to(error) from None
            Carrier(self, stage, state, scope).carry()
            result.scope, result.state = scope, state
        except BaseException as error:
            if self._failure is None and not isinstance(error, Cancelled):
                self._failure = error
            self.cancel()
        finally:
            result.done.set()

    def _base(self, stage: Stage) -> tuple[State, Scope]:
        """What a stage begins with."""
        given = self.wishes.contexts.get(stage.name, "") if stage.name else ""
        if given:
            raise UsageError(
                f"--build-context {stage.name}", "has the name of a stage that is built", "give it another name"
            )
        if isinstance(stage.base, int):
            before, base = self._finished(stage.base)
            state = before.copy()
            return state, Scope(stage, self._plan, base)
        if stage.base == SCRATCH:
            state = State(self._clock(0))
            return state, Scope(stage, self._plan, {})
        given = self.wishes.contexts.get(stage.base.lower(), "")
        if given and not given.startswith(_IMAGE):
            state = State(self._clock(0))
            scope = Scope(stage, self._plan, {})
            Carrier(self, stage, state, scope).begin(stage.base)
            state.inherited = len(state.layers)
            return state, scope
        begun = time.monotonic()
        state, config = self._image(given.removeprefix(_IMAGE) or stage.base, stage.platform)
        self.say(f"[{stage.label}] FROM {stage.base}: {time.monotonic() - begun:.1f}s")
        return state, Scope(stage, self._plan, config)

    def _image(self, name: str, platform: Platform) -> tuple[State, Document]:
        """An image of a registry or the store, unpacked and leased; and its config object."""
        store, lease = self.incoming.store, self.incoming.lease
        with self._lock:  # two stages that begin with one image pull it once
            image = image_for_run(
                self.ctx, store, name, lease, policy=self.wishes.policy, platform=platform, access=self.wishes.access
            )
        from ..store.reach import hold

        hold(store, lease, image.descriptor)
        manifest = choose_manifest(store, image.descriptor, platform)
        self.images[name, platform] = str(manifest.digest)
        state = State(self._clock(wishes.created(image.config.created)))
        state.layers = list(manifest.layers)
        state.diff_ids = list(image.config.diff_ids)
        state.chain_ids = list(image.chain_ids)
        state.history = [dict(one) for one in image.config.history]
        state.inherited = len(state.layers)
        state.document = {key: value for key, value in image.config.document.items() if key not in _OF_ANOTHER}
        config: Document = dict(state.document.get("config") or {})  # type: ignore[call-overload]
        state.parameters = config
        state.author = str(state.document.get("author") or "")
        return state, config

    def _clock(self, base: int) -> int | None:
        said = self.wishes.clock
        return None if said == "now" else base if said is None else int(said)
