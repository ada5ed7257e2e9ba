"""Options that several commands share, declared once."""

from __future__ import annotations

from .declare import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .declare import Args, Command

PLATFORM = Option("--platform", "platform to use instead of this host's: os/architecture[/variant]", metavar="OS/ARCH")
JOBS = Option("--jobs", "how many blobs are transferred side by side", kind="integer", default=3, metavar="N")
PULL_POLICIES = ("always", "missing", "newer", "never")
"""When a registry is asked for an image; images.pull says what each means."""
PULL = Option(
    "--pull",
    "when to ask the registry: always; only when the image is missing; newer, as always, but what is here will do when "
    "the registry can't be reached; or never",
    choices=PULL_POLICIES,
    default="missing",
)

REGISTRY = (
    Option(
        "--tls-verify",
        "check the registry's certificate; --tls-verify=false also allows plain HTTP",
        kind="flag",
        default=True,
    ),
    Option("--cert-dir", "directory with the registry's *.crt, *.cert and *.key", metavar="DIR"),
    Option("--authfile", "credentials file to use instead of docker's and podman's", metavar="FILE"),
)
"""How a registry is reached; registry.remote.Access takes them."""

PRUNE = (
    Option("--plan", "print what would go, and remove nothing", kind="flag"),
    Option("--apply", "remove just what this plan lists, unless it has come into use; - for stdin", metavar="FILE"),
    Option("--older-than", "leave what is younger alone, like 12h or 7d", metavar="DURATION"),
    Option("--keep-bytes", "let the newest of the images that could go stay, up to so much, like 10g", kind="bytes"),
    Option(
        "--filter",
        "only images, containers and volumes that fit: label=KEY[=VALUE], label!=KEY[=VALUE], name=PATTERN",
        metavar="KEY=VALUE",
        many=True,
    ),
)
"""What goes in a prune, and how; upkeep.prune takes them."""

COMPOSE = (
    Option(
        "-f, --file",
        "compose file, - for stdin; later ones are laid over earlier ones (default: $COMPOSE_FILE, or compose.yaml and "
        "compose.override.yaml in this directory or the nearest above)",
        metavar="FILE",
        many=True,
    ),
    Option(
        "-p, --project-name",
        "the project (default: $COMPOSE_PROJECT_NAME, else name: in the files, else the directory's name)",
        metavar="NAME",
    ),
    Option("--profile", "take the services of this profile too, * for all (default: $COMPOSE_PROFILES)", many=True),
    Option(
        "--env-file",
        "file of variables that the compose files use (default: $COMPOSE_ENV_FILES, or .env)",
        metavar="FILE",
        many=True,
    ),
    Option("--project-directory", "where relative paths start (default: the first file's directory)", metavar="DIR"),
)
"""Which project a compose command is about; compose.project.asked takes them."""


def given(command: Command, args: Args) -> list[str]:
    """The command's own options that say something else than they do when they are left out."""
    return [option.long for option in command.options if getattr(args, option.dest) != option.default]
