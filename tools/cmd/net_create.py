"""net-create: a network."""

from __future__ import annotations

from ..cli.declare import Command, Operand, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..cli.declare import Args
    from ..context import Context

COMMAND = Command(
    "net-create",
    "make a network",
    description="Makes a network that containers can be put on, and prints it: a CNI network configuration list. A "
    "bridge is made by ocipipe itself; containers on it find one another by name, reach the outside through the host, "
    "and can publish ports. Containers on different networks cannot reach each other. With - as NAME the list is read "
    "from stdin: a bridge as net-inspect prints it, or a list for any CNI plugins that this host has.",
    operands=(Operand("NAME", "name of the network, or - for a configuration list on stdin", required=False),),
    options=(
        Option(
            "-d, --driver",
            "bridge: a network of this host's own; macvlan or ipvlan: addresses on a network that the host is on; cni: "
            "a CNI plugin, named with --opt type=PLUGIN",
            choices=("bridge", "macvlan", "ipvlan", "cni"),
            default="bridge",
        ),
        Option(
            "--subnet",
            "subnet of the network, at most one of IPv4 and one of IPv6 (default for a bridge: a free one)",
            metavar="SUBNET",
            many=True,
        ),
        Option(
            "--gateway",
            "gateway of the subnet, of a bridge the host itself (default: the first address)",
            metavar="ADDRESS",
            many=True,
        ),
        Option(
            "--ip-range",
            "part of the subnet that containers get addresses from (default: all)",
            metavar="SUBNET",
            many=True,
        ),
        Option(
            "--aux-address",
            "address that no container gets; NAME has no effect, it tells a reader whose address it is",
            metavar="[NAME=]ADDRESS",
            many=True,
        ),
        Option(
            "--ipv4",
            "give containers IPv4 addresses (default: true, unless every --subnet is of IPv6)",
            kind="flag",
            default=True,
        ),
        Option(
            "--ipv6",
            "give containers IPv6 addresses, too, of a free subnet where --subnet names none",
            kind="flag",
        ),
        Option("--internal", "give containers no way out of the network, and no published ports", kind="flag"),
        Option("--isolate", "do not let it and other networks reach even one another's published ports", kind="flag"),
        Option("--mtu", "largest packet, in bytes", kind="integer"),
        Option("--label", "label of the network", metavar="KEY[=VALUE]", many=True),
        Option(
            "-o, --opt",
            "driver option: mode=… of macvlan and ipvlan; of bridges com.docker.network.bridge.enable_icc=false "
            "(containers reach one another only by published ports, and where bridges call iptables not even "
            "by these), com.docker.network.bridge.host_binding_ipv4=ADDRESS (for -p without one) and "
            "com.docker.network.container_iface_prefix=NAME (instead of eth); with cni, the plugin's settings",
            metavar="KEY=VALUE",
            many=True,
        ),
        Option(
            "--dns",
            "name server for names that are no container's (default: the host's)",
            metavar="ADDRESS",
            many=True,
        ),
        Option("--disable-dns", "do not let containers find one another by name", kind="flag"),
        Option(
            "--interface",
            "name for the bridge; with macvlan and ipvlan, the interface of the host to use",
            metavar="NAME",
        ),
    ),
    objects="name",
    reads="network",
    writes="network",
    examples=(
        ("net-create mynetwork", "a bridge with names"),
        ("net-create --subnet 10.91.40.0/24 --gateway 10.91.40.254 --ipv6 lab", "with addresses of one's choice"),
        ("net-create a && net-inspect a | jq '.name=\"b\" | del(.plugins[0].bridge, .plugins[0].ipam)' | net-create -",
         "one more, like another, with addresses of its own"),
    ),
    see=("net-ls", "net-rm", "net-connect", "ctr-run"),
)  # fmt: skip


def each(ctx: Context, args: Args, item: str | dict[str, object]) -> dict[str, object]:
    """Makes one network."""
    from ..cli.options import given
    from ..errors import UsageError
    from ..network import create
    from ..network.networks import Networks
    from ..runtime.options import pairs
    from ..store.store import Store

    networks = Networks(Store(ctx.root).prepare())
    if isinstance(item, dict):
        if others := given(COMMAND, args):
            raise UsageError(others[0], "what the network is like is in the document", "edit that")
        return create.again(networks, item, ctx.timestamp()).document
    asked = create.Asked(
        item, ctx.timestamp(), ctx.random(5), driver=args.driver, subnets=args.subnet, gateways=args.gateway,
        ranges=args.ip_range, ipv4=args.ipv4, ipv6=args.ipv6, internal=args.internal, isolate=args.isolate,
        mtu=args.mtu or 0, labels=pairs(args.label, "--label"), options=pairs(args.opt, "--opt"), dns=args.dns,
        disable_dns=args.disable_dns, interface=args.interface or "",
        reserved=[text.rpartition("=")[2] for text in args.aux_address],
    )  # fmt: skip
    return create.create(networks, asked).document
