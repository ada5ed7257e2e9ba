"""compose-up in the foreground: what containers say, as they come up and until they end; and being interrupted."""

from __future__ import annotations

import os
import queue
import threading

from ..containers import reading, stopping
from ..errors import Conflict, NotFound, OcipipeError
from ..host import times
from . import apply, conditions, labels, plan
from .follow import Ended, Followers
from .walk import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Collection, Sequence
    from types import FrameType
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..store.container import Container
    from .doing import Doing
    from .ground import Ground
    from .up import Bringing
    from .watching import Rule, Watching

else:
    import _signal as signal  # what it is made of, without the enumerations that it builds at every start

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.5
_LOG_LINES = 20


class _Interrupted:
    """We were asked to end."""

    __slots__ = ()


class _Brought:
    """Bringing the services up is over, with what has failed."""

    __slots__ = ("failure",)

    def __init__(self, failure: BaseException | None) -> None:
        self.failure = failure


class Attached:
    """One compose-up in the foreground. `show` is given each line that a container says (schema log-entry).

    hidden   services whose output is not shown
    abort    '' to go on when a container ends, `exit` to stop all then (but for a job that has done what others waited
             for), `failure` if it ended with a status over 0
    decides  the service whose exit status is ours, '' for that of the container that made all stop
    rules    what is watched, once all is up
    """

    def __init__(
        self, bringing: Bringing, doing: Doing, show: Callable[[Document], None], *, hidden: Collection[str] = (),
        abort: str = "", decides: str = "", rules: Sequence[Rule] = (),
    ) -> None:  # fmt: skip
        self.ground = ground = bringing.ground
        self.bringing = bringing
        self.doing = doing
        self._show = show
        self._hidden = hidden
        self._abort = abort
        self._decides = decides
        self._rules = rules
        self._watching: Watching | None = None
        self._replaced: set[str] = set()
        self._status = 0
        since = times.stamp(times.of_seconds(ground.ctx.now()))
        self._followers = Followers(
            ground, reading.Wanted(follow=True, since=since, until="", tail=None, streams=(1, 2))
        )
        self._ended = 0
        self._up = False
        self._leaving = False
        self._ending: threading.Thread | None = None
        self._signals: list[int] = []

    def run(self) -> int:
        """Brings the services up and stays until they have ended; the exit status. Interrupted once, they are stopped,
        and killed at the second time; the interruption goes on when they have ended. While images are got, there is
        nothing to stop: that ends, at the second time without being waited for. Raises what bringing them up raises."""
        self._worker = threading.Thread(target=self._bring, daemon=True)
        before = {number: signal.signal(number, self._told) for number in _ENDING}
        try:
            self._worker.start()
            self._loop()
            if self._watching is not None:
                self._watching.end()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        if self._signals:
            os.kill(os.getpid(), self._signals[0])
        return self._status

    def _told(self, number: int, frame: FrameType | None) -> None:
        """A signal that asks us to end has come; what there is to do is done in its turn."""
        self._signals.append(number)
        self._followers.items.put(_Interrupted())

    def _interrupted(self) -> None:
        if self._ending is None:
            self.ground.say("stopping; once more to kill")
            self._end()
        elif self.bringing.begun:
            self._kill()
        else:
            self._leaving = True

    def _bring(self) -> None:
        failure: BaseException | None = None
        try:
            self.bringing.run(self.doing, self._begun)
            for one in self.bringing.containers():
                if one.runs:
                    self._add(one.service, one.id)
        except Cancelled:
            pass
        except BaseException as error:
            failure = error
        self._followers.items.put(_Brought(failure))

    def _watch(self) -> None:
        """Begins to do what the rules say, in the background."""
        from .watching import Watching

        watching = self._watching = Watching(self.ground, self._rules, self._begun_anew, self._followers.lock)

        def work() -> None:
            try:
                for found in watching.run():
                    if isinstance(found, Exception):
                        self.ground.ctx.progress.warn(str(found))
                    else:
                        self.ground.say(plan.line(found))
            except BaseException as error:
                self._followers.items.put(error)

        threading.Thread(target=work, daemon=True).start()

    def _begun_anew(self, service: str, container: Container) -> None:
        """One that is watched was started again, or another in its place."""
        given: Any = container.record["labels"]
        self._replaced.add(given.get(labels.REPLACES, ""))
        self._followers.again(service, container.id, shown=service not in self._hidden)

    def _begun(self, service: str, container: Container) -> None:
        self._add(service, container.id)

    def _add(self, service: str, container_id: str) -> None:
        self._followers.add(service, container_id, shown=service not in self._hidden)

    def _loop(self) -> None:
        """Takes what comes, until all has ended."""
        while not (self._leaving or (self._up and self._ended >= self._followers.left and self._is_ended())):
            try:
                item = self._followers.items.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                continue
            if isinstance(item, _Brought):
                self._up = True
                self._brought(item.failure)
                if self._rules and self._ending is None:
                    self._watch()
            elif isinstance(item, Ended):
                self._ended += 1
                self._has_ended(item)
            elif isinstance(item, _Interrupted):
                self._interrupted()
            elif isinstance(item, tuple):
                self._show(item[1])
            elif isinstance(item, OcipipeError):  # of one container: it has no log, or a damaged one
                self.ground.ctx.progress.warn(str(item))
            else:
                raise item

    def _brought(self, failure: BaseException | None) -> None:
        if failure is None:
            return
        if self._ending is None:
            self._rest()
            raise failure
        self.ground.ctx.progress.warn(str(failure))  # while all is being stopped

    def _is_ended(self) -> bool:
        return self._ending is None or not self._ending.is_alive()

    def _rest(self) -> None:
        """Shows what has come by now."""
        while True:
            try:
                item = self._followers.items.get(timeout=0.1)
            except queue.Empty:
                return
            if isinstance(item, tuple):
                self._show(item[1])

    def _has_ended(self, one: Ended) -> None:
        if one.id in self._replaced:
            return
        if self._ending is None:
            code = "" if one.code is None else f" with status {one.code}"
            self.ground.say(f"{self._name(one)} has ended{code}")
        failed = one.code != 0
        done = not failed and one.service in self.bringing.jobs  # as those want it that wait for it
        aborts = (self._abort == "exit" and not done) or (self._abort == "failure" and failed)
        if aborts and self._ending is None:
            self._status = one.code if one.code is not None else 1
            self._end()
        if self._decides and one.service == self._decides:
            self._status = one.code if one.code is not None else 1

    def _name(self, one: Ended) -> str:
        try:
            return self.ground.store.containers.load(one.id).name
        except NotFound:
            return one.id[:12]

    def _end(self) -> None:
        """Begins to stop all, in the background: once nothing more is brought up."""
        self.bringing.cancel()

        def work() -> None:
            self._worker.join()
            if self._watching is not None:
                self._watching.end()
            if not self.bringing.begun:
                return
            try:
                apply.stop(self.ground, self.bringing.containers(), lambda one: self.doing.stop(one.id))
            except OcipipeError as error:
                self.ground.ctx.progress.warn(str(error))

        self._ending = threading.Thread(target=work, daemon=True)
        self._ending.start()

    def _kill(self) -> None:
        for one in (*self.bringing.containers(), *self.bringing.steps()):
            if one.runs:
                try:
                    found = self.ground.store.containers.load(one.id)
                    stopping.kill(self.ground.ctx, self.ground.store, found, "SIGKILL")
                except (Conflict, NotFound):
                    continue  # it has ended by now


def tell_log(ground: Ground, error: conditions.NotCome) -> None:
    """Tells people the last that a container said."""
    wanted = reading.Wanted(follow=False, since="", until="", tail=_LOG_LINES, streams=(1, 2))
    for found in reading.documents(ground.ctx, ground.store, [error.container] if error.container else [], wanted):
        if not isinstance(found, Exception):
            ground.say(f"{found['container']} | {found['line']}")
