"""Other people's firewalls: where they drop by default what is forwarded, or what comes in, our traffic is let through.

A packet passes only what every table accepts, so rules of ours cannot lift another's drop. The filter tables of
iptables are common ground, where docker and others insert what they need, and set FORWARD to drop. There, and only
there, we add a chain of our own and a jump to it as the last thing before what happens to everything else (the chain's
policy, or a last rule that drops or rejects all): whatever the administrator says more exactly, before that or in
DOCKER-USER, still holds. It is written with the programs of iptables, since they refuse a table with rules of another
hand. A table that somebody wrote with nft himself is his: that it drops by default is told.
"""

from __future__ import annotations

from _socket import AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, socket
from sys import byteorder

from ..errors import Unavailable
from ..host import process
from . import programs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .state import State

    Chains = Mapping[str, tuple[str, list[str]]]

_HOOKS = {"FORWARD": "FWD", "INPUT": "IN"}
_PREFIX = {4: "iptables", 6: "ip6tables"}
_FAMILY = {4: "ip", 6: "ip6"}
_NETFILTER, _NEW_GENERATION = 12, 0xA0F
_GET_GENERATION = b"".join(
    number.to_bytes(size, byteorder) for number, size in ((20, 4), (0xA10, 2), (1, 2), (1, 4), (0, 4), (0, 4))
)
_ID = (1).to_bytes(2, byteorder)


class Overview:
    """The chains of all nftables tables, by what `nft list chains` printed.

    common   (version of IP, chain) of iptables' own; whether it drops by policy
    closed   chains that drop by policy what is forwarded, and that somebody wrote himself
    own      names of the chains in iptables' tables that are ours
    firewalld  whether firewalld runs, with rules in nftables
    """

    __slots__ = ("closed", "common", "firewalld", "own")

    def __init__(self, text: str) -> None:
        self.common: dict[tuple[int, str], bool] = {}
        self.closed: list[str] = []
        self.own: set[tuple[int, str]] = set()
        self.firewalld = False
        table: tuple[str, str] = ("", "")
        chain = ""
        for line in text.splitlines():
            words = line.split()
            if words[:1] == ["table"]:
                table = words[1], words[2]
                self.firewalld = self.firewalld or table == ("inet", "firewalld")
            elif words[:1] == ["chain"]:
                chain = words[1]
                if chain.startswith("OCIPIPE-") and table[1] == "filter":
                    self.own.add((6 if table[0] == "ip6" else 4, chain))
            elif words[:2] == ["type", "filter"]:
                self._base(table, chain, words)

    def _base(self, table: tuple[str, str], chain: str, words: list[str]) -> None:
        drops = words[-2:] in (["policy", "drop;"], ["policy", "drop"])
        version = next((one for one, family in _FAMILY.items() if table == (family, "filter")), 0)
        if version and chain in _HOOKS:
            self.common[version, chain] = drops
        elif drops and words[3] == "forward":
            self.closed.append(" ".join([*table, chain]))

    @property
    def is_open(self) -> bool:
        """Whether there is nothing here that we would have to look after."""
        return not (self.common or self.closed or self.own or self.firewalld)

    def lacks(self, state: State, number: str) -> bool:
        """Whether a common chain drops by policy and has no chain of ours, though we have bridges."""
        return bool(state.bridges) and any(
            drops and chain == "FORWARD" and (version, own_chain(chain, number)) not in self.own
            for (version, chain), drops in self.common.items()
            if any(_has(bridge["subnets"], version) for bridge in state.bridges.values())
        )

    @property
    def warnings(self) -> list[str]:
        return [
            f"{place}: its policy drops what is forwarded: containers reach, and are reached from, the outside only as "
            'far as its owner accepts that there (iifname "oci-*"; oifname "oci-*" ct status dnat)'
            for place in self.closed
        ]


def unknown_to_firewalld(state: State, env: Mapping[str, str]) -> list[str]:
    """Warnings for the bridges that are in no zone of firewalld's: it rejects what comes from these. Its rules change
    whenever it is told to reload, so that only it can be told."""
    rules = programs.start("list", "table", "inet", "firewalld", env=env).result().stdout.decode("utf-8", "replace")
    return [
        f"inet firewalld: knows no interface {name}, and rejects what containers there send "
        f"(firewall-cmd --permanent --zone=trusted --add-interface={name} && firewall-cmd --reload)"
        for name in state.bridges
        if f'"{name}"' not in rules and '"oci-*"' not in rules
    ]


def _has(subnets: list[str], version: int) -> bool:
    return any((":" in subnet) is (version == 6) for subnet in subnets)


def own_chain(chain: str, number: str) -> str:
    """The name of our chain beside one of iptables', which knows 28 characters."""
    return f"OCIPIPE-{_HOOKS[chain]}-{number}"


def parsed(text: str) -> Chains:
    """Policy ('-' for a user's chain) and rules of every chain that `iptables-save` printed. Pure."""
    found: dict[str, tuple[str, list[str]]] = {}
    for line in text.splitlines():
        if line.startswith(":"):
            name, policy = line[1:].split()[:2]
            found[name] = policy, []
        elif line.startswith("-A "):
            _, name, rule = [*line.split(" ", 2), ""][:3]
            found[name][1].append(rule)
    return found


def _accepted(state: State, version: int, chain: str) -> Iterator[str]:
    """What our chain lets through."""
    for name, bridge in state.bridges.items():
        if not _has(bridge["subnets"], version):
            continue
        if chain == "FORWARD":
            yield f"-i {name} -j ACCEPT"
            yield f"-o {name} -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT"
        elif bridge["names"]:
            for protocol in ("udp", "tcp"):
                yield f"-i {name} -p {protocol} -m {protocol} --dport {state.service['port']} -j ACCEPT"


def _is_last_word(rule: str) -> bool:
    """Whether a rule lets nothing through."""
    return rule.startswith(("-j DROP", "-j REJECT"))


def changes(chains: Chains, state: State, version: int, number: str) -> str:
    """What `iptables-restore --noflush` is to be given; '' when all is as it should be. Pure."""
    lines = []
    for chain in _HOOKS:
        if chain not in chains:
            continue
        policy, rules = chains[chain]
        own = own_chain(chain, number)
        jump = f"-j {own}"
        closes = policy == "DROP" or (bool(rules) and _is_last_word(rules[-1]))
        wanted = list(_accepted(state, version, chain)) if closes else []
        if not wanted:
            lines += [f"-D {chain} {jump}"] * rules.count(jump)
            lines += [f"-F {own}", f"-X {own}"] if own in chains else []
            continue
        if chains.get(own, ("", []))[1] != wanted:
            lines += [f":{own} - [0:0]", *(f"-A {own} {rule}" for rule in wanted)]
        if jump not in rules:
            before_last = f"-I {chain} {len(rules)}" if rules and _is_last_word(rules[-1]) else f"-A {chain}"
            lines.append(f"{before_last} {jump}")
    declared = [line for line in lines if line.startswith(":")]
    others = [line for line in lines if not line.startswith(":")]
    return "\n".join(["*filter", *declared, *others, "COMMIT", ""]) if lines else ""


def settle(overview: Overview, state: State, number: str, env: Mapping[str, str]) -> None:
    """Makes the common tables let through what the state has, and no more. Raises Unavailable."""
    for version, prefix in _PREFIX.items():
        if any(known == version for known, _ in overview.common):
            _settle(f"{prefix}-nft", prefix, version, state, number, env)
        if _uses_legacy(version):
            _settle(f"{prefix}-legacy", "", version, state, number, env)


def _settle(name: str, otherwise: str, version: int, state: State, number: str, env: Mapping[str, str]) -> None:
    path = env.get("PATH", "")
    for candidate in filter(None, (name, otherwise)):
        save, restore = (process.find(f"{candidate}-{what}", path) for what in ("save", "restore"))
        if save and restore:
            chains = parsed(programs.Job([save, "-t", "filter"], env).done().decode())
            lines = changes(chains, state, version, number)
            if lines:
                programs.Job([restore, "--noflush", "--wait"], env, lines.encode()).done()
            return
    if state.bridges:
        raise Unavailable(
            name, "is not installed, and rules of iptables drop what is forwarded", "install the package iptables"
        )


def _uses_legacy(version: int) -> bool:
    """Whether somebody has rules in the old tables of iptables."""
    try:
        with open(f"/proc/thread-self/net/{'ip' if version == 4 else 'ip6'}_tables_names", "rb") as file:
            return b"filter" in file.read().split()
    except FileNotFoundError:
        return False


def look(env: Mapping[str, str]) -> programs.Job:
    """Starts to read which chains there are, for an Overview."""
    return programs.start("list", "chains", env=env)


def generation() -> int:
    """The number of changes that this host's nftables rules have seen, whoever made them; 0 where the kernel tells
    none. By one message (linux/netfilter/nf_tables.h, NFT_MSG_GETGEN), where asking for the chains is a process."""
    try:
        asked = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, _NETFILTER)
        try:
            asked.send(_GET_GENERATION)
            answer = asked.recv(4096)
        finally:
            asked.close()
    except OSError:
        return 0
    told = int.from_bytes(answer[4:6], byteorder) == _NEW_GENERATION and answer[22:24] == _ID
    return int.from_bytes(answer[24:28], "big") if told else 0
