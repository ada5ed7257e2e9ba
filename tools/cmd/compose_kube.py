"""compose-kube: a project for a Kubernetes cluster."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option
from ..cli.options import COMPOSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from oci_spec.jsondoc import Document

    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "compose-kube",
    "turn a project into manifests for a Kubernetes cluster",
    description="Prints the manifests that run a project in a cluster, one document a line, as kubectl apply -f - "
    "takes them: configs and secrets, with what they hold, as ConfigMap and Secret; volumes as "
    "PersistentVolumeClaim; a Service for every name that a service is found by; what runs as Deployment, "
    "as StatefulSet with claims of its own where its one container alone writes a volume, and as Job "
    "where others wait until it has ended well. A health check becomes the readiness and the liveness "
    "probe, with a start_period the startup probe too. A service is reached at its name and the ports of "
    "its containers, as before; one that says none, at all of them. Volumes begin empty, whatever the "
    "image has at their place. Images are to be in a registry: see compose-push. --ingress makes an "
    "Ingress, to the first TCP port of a service that is published, not on a loopback address only, and "
    "whose app_protocol is http or, where nothing is said, that is 80, 3000, 5000, 8000, 8080 or 8888 in "
    "the container; the first such service in the files has HOST itself, any other its name below it. "
    "What has no counterpart, such as a directory of this host, is told as a warning that names file, "
    "line and key.",
    operands=(Operand("SERVICE", "only these services and what they depend on", required=False, many=True),),
    options=(
        *COMPOSE,
        Option("--ingress", "also make an Ingress, at this name", metavar="HOST"),
        Option("--volume-size", "what each volume asks for (default: 1g)", metavar="BYTES", kind="bytes"),
    ),
    writes="kube",
    examples=(
        ("compose-kube", "the manifests of the project in this directory"),
        ("compose-kube --volume-size 10g db | jq -r '[.kind, .metadata.name] | @tsv'", "what one service needs"),
        ('compose-kube 2>/dev/null | jq -s \'{apiVersion: "v1", kind: "List", items: .}\'', "as one document"),
    ),
    see=("compose-config", "compose-push"),
)


def run(ctx: Context, args: Args) -> list[Document]:
    """Makes the manifests."""
    from ..compose import kube, project

    size = kube.SIZE if args.volume_size is None else args.volume_size
    return kube.manifests(
        project.asked(ctx, args), args.service, tell=ctx.progress.warn, size=size, host=args.ingress or ""
    )
