"""Options that several compose commands share, beside those that say which project (options.COMPOSE)."""

from __future__ import annotations

from .declare import Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

LINES = (
    Option("--no-color", "print the containers' names without colour", kind="flag"),
    Option("--no-log-prefix", "print no container's name before each line", kind="flag"),
    Option("--timestamps", "print the time before each line", kind="flag"),
)
"""How lines of logs are shown as text; compose.follow takes them."""

TIME = Option(
    "-t, --timeout", "seconds until SIGKILL when stopping; -1 to wait without end (default: as each service says)",
    kind="integer",
)  # fmt: skip
INDEX = Option("--index", "which of the service's containers, by its number (default: the first)", kind="integer")
SERVICES = Operand("SERVICE", "only these services (default: all)", required=False, many=True)
SCALE = Option("--scale", "how many containers the service is to have", metavar="SERVICE=NUMBER", many=True)
BRINGING = (
    Option("--build", "build the images of all services that have a build section", kind="flag"),
    Option("--no-build", "build no image, not even a missing one", kind="flag"),
    Option(
        "--pull", "when to pull: always, missing, never or build (default: as each service says)",
        choices=("always", "missing", "never", "build"),
    ),
    Option("--force-recreate", "make all containers anew, even where nothing has changed", kind="flag"),
    Option("--no-recreate", "keep all containers, whatever has changed", kind="flag"),
    Option("--remove-orphans", "remove containers of services that the files no longer have", kind="flag"),
    SCALE,
)  # fmt: skip
"""How services are brought up; compose.up.asked takes them."""
PARALLEL = Option(
    "--parallel", "how many images or containers to work on at the same time; -1 for "
    "no limit (default: $COMPOSE_PARALLEL_LIMIT, or no limit)", kind="integer",
)  # fmt: skip
DRY_RUN = Option(
    "--dry-run", "do nothing: say on stderr what would be done, a line each; print nothing", kind="flag"
)  # fmt: skip
CHANGING = (PARALLEL, DRY_RUN)
"""How a command changes anything; compose.ground.asked takes them."""
NO_DEPS = Option("--no-deps", "leave alone what the services depend on", kind="flag")


def late_arguments(words: Sequence[str]) -> Any:
    """container_options.arguments, for a command that seldom makes a container: imported only when it does."""
    from .container_options import arguments

    return arguments(words)
