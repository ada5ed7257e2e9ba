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
    "from stdin: a bridge as net-inspect prints it, or anything that CNI plugins of this host make.",
    operands=(Operand("NAME", "name of the network, or - for a configuration list on stdin", required=False),),
    options=(
        Option(
            "-d, --driver",
            "bridge; a network of the host's own by macvlan or ipvlan; or a CNI plugin, by --opt type=PLUGIN",
            choices=("bridge", "macvlan", "ipvlan", "cni"),
            default="bridge",
        ),
        Option("--subnet", "its addresses, one subnet of IPv4 and one of IPv6", metavar="SUBNET", many=True),
        Option("--gateway", "the host's address in it (default: the first)", metavar="ADDRESS", many=True),
        Option("--ip-range", "the part that containers get theirs from (default: all)", metavar="SUBNET", many=True),
        Option(
            "--aux-address",
            "an address that no container gets; its name is for who reads the command",
            metavar="[NAME=]ADDRESS",
            many=True,
        ),
        Option("--ipv4", "IPv4 (default: true, but with nothing but a --subnet of IPv6)", kind="flag", default=True),
        Option("--ipv6", "IPv6 too, with a subnet of its own where none is named", kind="flag"),
        Option("--internal", "no way out, and no published ports", kind="flag"),
        Option("--isolate", "other networks reach not even its published ports, nor it theirs", kind="flag"),
        Option("--mtu", "largest packet", kind="integer"),
        Option("--label", "label of the network", metavar="KEY=VALUE", many=True),
        Option(
            "-o, --opt",
            "driver option: mode=… of macvlan and ipvlan; of bridges com.docker.network.bridge.enable_icc=false "
            "(containers do not reach one another, but by published ports, and where bridges call iptables not by "
            "these), com.docker.network.bridge.host_binding_ipv4=ADDRESS (for -p without one) and "
            "com.docker.network.container_iface_prefix=NAME (instead of eth); with cni, the plugin's settings",
            metavar="KEY=VALUE",
            many=True,
        ),
        Option("--dns", "name server to ask for the rest (default: the host's)", metavar="ADDRESS", many=True),
        Option("--disable-dns", "containers do not find one another by name", kind="flag"),
        Option("--interface", "name of the bridge; with macvlan and ipvlan, the host's interface", metavar="NAME"),
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
