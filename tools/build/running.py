"""RUN: a process in a container of what the stage has so far, and what it changes of that as a layer.

The container is one like ctr-run's, made to be removed at its end. A build that was killed leaves it to the next one,
which ends it: whoever builds holds the lock of its container for as long as it lives.
"""

from __future__ import annotations

import os
import signal
import threading

from oci_spec import jsondoc, media_types
from oci_spec.descriptor import Descriptor
from oci_spec.image_config import ImageConfig

from ..containers import creation, difference, direct
from ..errors import OcipipeError
from ..images.resolve import RunnableImage
from . import layer, mounting
from .orphans import LABEL
from .step_output import Lines
from .stopping import Cancelled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from oci_spec.jsondoc import Document

    from ..context import Context
    from ..store.container import Container
    from ..store.incoming import Incoming
    from .mounting import Mounted
    from .state import Layer, State
    from .steps import Run
    from .stopping import Stop

HOSTNAME = "build"
"""The same for every RUN, so that what writes it down stays the same; on the host's network it is the host's."""


class BuildFailed(OcipipeError):
    """A step's own command has failed."""

    code = "BUILD_FAILED"


class Runner:
    """Carries out the RUNs of one build. `settings` are the values of ctr-run's options that hold for all of them;
    `say` is told each line that their processes write; without it, the last ones are in the message of a failure.
    Once `stop` was called nothing new is begun."""

    def __init__(
        self, ctx: Context, incoming: Incoming, settings: Mapping[str, Any], say: Callable[[str], None] | None,
        stop: Stop,
    ) -> None:  # fmt: skip
        self._ctx = ctx
        self._store = incoming.store
        self._incoming = incoming
        self._settings = settings
        self._say = say
        self._lock = threading.Lock()
        self._ends = threading.Lock()
        self._running: dict[str, int] = {}  # by container, a descriptor of its first process
        self._stop = stop

    def run(
        self, step: Run, state: State, variables: Mapping[str, str], mounts: list[Mounted], latest: int | None
    ) -> Layer | None:
        """The layer of what the process has changed, None for nothing. Raises BuildFailed, and what making and starting
        a container raises."""
        with mounting.held(mounts, self._stop.check):
            with self._lock:  # long lists of layers are mounted from a working directory, which all threads share
                self._stop.check()
                container, config = self._create(step, state, variables, mounts)
            return self._carry_out(step, state, container, config, latest)

    def end(self) -> None:
        """Ends every process that runs; `stop` was called before, so that what is about to begin does not."""
        with self._ends:
            for process in self._running.values():
                _kill(process)

    def _create(
        self, step: Run, state: State, variables: Mapping[str, str], mounts: list[Mounted]
    ) -> tuple[Container, Document]:
        config: dict[str, Any] = {
            key: state.parameters[key] for key in ("User", "WorkingDir") if key in state.parameters
        }
        config["Env"] = [f"{name}={value}" for name, value in variables.items()]
        document: Document = {"config": config, "rootfs": {"type": "layers", "diff_ids": state.diff_ids}}
        data = jsondoc.dumps(document)
        image = RunnableImage(
            Descriptor.make(media_types.OCI_CONFIG, data), ImageConfig(data, document, state.diff_ids),
            self._store.layers.lowers(state.chain_ids), state.chain_ids,
        )  # fmt: skip
        images = {str(number): one for number, one in enumerate(mounts)}
        network = self._settings["network"] if step.network == "default" else [step.network]
        args = _Arguments(
            {
                **self._settings,
                "command": step.args,
                "entrypoint": "",
                "hostname": None if network == ["host"] else HOSTNAME,
                "network": network,
                "label": [LABEL],
                "rm": True,
                "mount": [
                    f"type=image,source={name},destination=/{name}" for name, one in images.items() if one.layers
                ],
                **({"privileged": True} if step.security == "insecure" else {}),
            }
        )
        return creation.create(
            self._ctx, self._store, args, image, None, lambda name: images[name].layers, monitored=False,
            adjust=lambda container, config: mounting.adjust(container, config, step, mounts),
        )  # fmt: skip

    def _carry_out(
        self, step: Run, state: State, container: Container, config: Document, latest: int | None
    ) -> Layer | None:
        made: list[Layer | None] = []

        def ended(status: int) -> None:
            self._stop.check()
            lines.finish()
            if status:
                how = f"signal {status - 128}" if status > 128 else f"status {status}"
                raise BuildFailed(str(step.place), f"{told(step)}: its process ended with {how}{lines.tail()}")
            lowers = self._store.layers.lowers(state.chain_ids)
            machinery = difference.machinery(lowers, config)
            upper = os.path.join(container.path, "upper")
            parent = state.top
            made.append(layer.commit(self._incoming, upper, lowers, parent, machinery, latest, str(step.place)))

        stdin = _stdin(step.stdin)
        with Lines(self._say) as lines:
            aside = direct.Aside(stdin, lines.fd, lambda pid: self._made(container, pid, lines), ended)
            try:
                direct.run(self._ctx, self._store, container, config, interactive=False, aside=aside)
            except Cancelled:
                raise
            except OcipipeError as error:
                self._stop.check()  # the process was ended by us: that is what has failed
                if error.status > 2:  # it could not be started, which is the build's failure
                    raise BuildFailed(str(step.place), f"{told(step)}: {error}") from None
                raise
            finally:
                with self._ends:
                    process = self._running.pop(container.id, -1)
                if process >= 0:
                    os.close(process)
                os.close(stdin)
        return made[0]

    def _made(self, container: Container, pid: int, lines: Lines) -> None:
        with self._ends:
            self._running[container.id] = os.pidfd_open(pid)
            if self._stop.called:  # while it was being made
                _kill(self._running[container.id])
        lines.release()


def _kill(process: int) -> None:
    """All its container's processes end with it."""
    try:
        signal.pidfd_send_signal(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


class _Arguments:
    """Values of options, by their names."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


def told(step: Run) -> str:
    """The instruction for messages."""
    return step.text.removesuffix(" # buildkit")


def _stdin(text: bytes) -> int:
    """A descriptor that gives this text."""
    if not text:
        return os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    fd = os.memfd_create("stdin")
    os.write(fd, text)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
