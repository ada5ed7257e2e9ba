"""The fast parser against what getopt_long does, case by case."""

from __future__ import annotations

import pytest

from ocipipe.cli.declare import COMMON, Command, Operand, Option
from ocipipe.cli.parse import parse
from ocipipe.errors import UsageError

OPTIONS = (
    Option("-i, --interactive", "keep stdin open", kind="flag"),
    Option("-t, --tty", "a terminal", kind="flag"),
    Option("-e, --env", "variable", many=True, metavar="NAME=VALUE"),
    Option("-m, --memory", "limit", kind="bytes"),
    Option("--cpus", "limit", kind="number"),
    Option("-n, --count", "how many", kind="integer", default=3),
    Option("--pull", "policy", choices=("always", "missing", "never"), default="missing"),
    Option("--tls-verify", "check", kind="flag", default=True),
    Option("--name", "name"),
)
PLAIN = Command("test-plain", "a test", operands=(Operand("REF", "what", many=True),), options=OPTIONS)
PROCESS = Command(
    "test-run", "a test",
    operands=(Operand("IMAGE", "image"), Operand("COMMAND", "command", required=False, many=True)),
    options=OPTIONS, verbatim=True,
)  # fmt: skip


def values(command: Command, *argv: str) -> dict[str, object]:
    """What differs from the defaults."""
    found = parse(command, argv)
    defaults = {option.dest: option.default for option in (*COMMON, *command.options)}
    return {name: value for name, value in found.items() if name not in defaults or defaults[name] != value}


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["a", "b"], {"ref": ["a", "b"]}),
        (["-it", "a"], {"interactive": True, "tty": True, "ref": ["a"]}),
        (["-ite", "A=1", "a"], {"interactive": True, "tty": True, "env": ["A=1"], "ref": ["a"]}),
        (["-eA=1", "-e", "B", "--env=C=2", "--env", "D", "a"], {"env": ["A=1", "B", "C=2", "D"], "ref": ["a"]}),
        (["a", "--name", "x"], {"name": "x", "ref": ["a"]}),
        (["--name=", "a"], {"name": "", "ref": ["a"]}),
        (["--name", "--tty", "a"], {"name": "--tty", "ref": ["a"]}),
        (["--name", "--", "a"], {"name": "--", "ref": ["a"]}),
        (["--name=a=b", "a"], {"name": "a=b", "ref": ["a"]}),
        (["--", "--tty", "-x", "--"], {"ref": ["--tty", "-x", "--"]}),
        (["a", "--", "-"], {"ref": ["a", "-"]}),
        (["-", ""], {"ref": ["-", ""]}),
        (["--tls-verify=false", "a"], {"tls_verify": False, "ref": ["a"]}),
        (["--tls-verify=false", "--tls-verify", "a"], {"ref": ["a"]}),
        (["--tty", "--tty=false", "a"], {"ref": ["a"]}),
        (["--pull=never", "--pull", "always", "a"], {"pull": "always", "ref": ["a"]}),
        (["--pull=nonsense", "--pull", "always", "a"], {"pull": "always", "ref": ["a"]}),
        (["-m64m", "a"], {"memory": 64 << 20, "ref": ["a"]}),
        (["-m", "-1", "a"], {"memory": -1, "ref": ["a"]}),
        (["--cpus=1.5", "a"], {"cpus": 1.5, "ref": ["a"]}),
        (["-n-5", "a"], {"count": -5, "ref": ["a"]}),
        (["-q", "a", "--root", "/s", "--format=json"], {"quiet": True, "root": "/s", "format": "json", "ref": ["a"]}),
    ],
)
def test_command_line(argv: list[str], expected: dict[str, object]) -> None:
    assert values(PLAIN, *argv) == expected


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["-i", "img"], {"interactive": True, "image": "img", "command": []}),
        (["img", "ls", "-l", "--tty"], {"image": "img", "command": ["ls", "-l", "--tty"]}),
        (["img", "--", "-l"], {"image": "img", "command": ["--", "-l"]}),
        (["--", "-img", "--tty"], {"image": "-img", "command": ["--tty"]}),
        (["-", "cat"], {"image": "-", "command": ["cat"]}),
        (["--name", "x", "img", "--help"], {"name": "x", "image": "img", "command": ["--help"]}),
    ],
)
def test_process_keeps_its_words(argv: list[str], expected: dict[str, object]) -> None:
    assert values(PROCESS, *argv) == expected


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "REF: missing operand (see test-plain --help)"),
        (["--nmae", "x", "a"], "--nmae: no such option (did you mean --name?)"),
        (["--mem=1", "a"], "--mem: no such option (did you mean --memory?)"),
        (["--tty-nothing-like-it", "a"], "--tty-nothing-like-it: no such option (see test-plain --help)"),
        (["-x", "a"], "-x: no such option (see test-plain --help)"),
        (["-itx", "a"], "-itx: no such option -x (see test-plain --help)"),
        (["a", "--name"], "--name: needs a value (NAME) (see test-plain --help)"),
        (["a", "-ite"], "-e: needs a value (NAME=VALUE) (see test-plain --help)"),
        (["--tty=maybe", "a"], "--tty: 'maybe' is no truth value (write true or false, or leave it out)"),
        (["--pull=often", "a"], "--pull: 'often' is not among its values (choose from always, missing, never)"),
        (["-m", "lots", "a"], "-m: 'lots' is no size in bytes (like 65536, 512k, 64m or 1.5g)"),
        (["-n", "1_0", "a"], "-n: '1_0' is no whole number (like 2)"),
        (["-n", "٣", "a"], "-n: '٣' is no whole number (like 2)"),
        (["--cpus=nan", "a"], "--cpus: 'nan' is no number (like 1.5)"),
        (["--cpus", "1e3", "a"], "--cpus: '1e3' is no number (like 1.5)"),
        (["---", "a"], "---: no such option (see test-plain --help)"),
        (["--=x", "a"], "--: no such option (see test-plain --help)"),
    ],
)
def test_refused(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(PLAIN, argv)
    assert str(caught.value) == message


def test_help_and_version_end_the_parsing() -> None:
    assert parse(PLAIN, ["--help", "--nonsense"])["help"] is True
    assert parse(PLAIN, ["-i", "--version", "--nonsense"])["version"] is True
    assert parse(PLAIN, ["--help=false", "a"])["help"] is False


def test_lists_are_not_shared_between_parses() -> None:
    parse(PLAIN, ["-eA", "a"])["env"].append("B")
    assert parse(PLAIN, ["a"])["env"] == []


@pytest.mark.parametrize(
    ("operands", "words", "expected"),
    [
        ("[SOURCE] DEST", ["d"], {"source": None, "dest": "d"}),
        ("[SOURCE] DEST", ["s", "d"], {"source": "s", "dest": "d"}),
        ("SOURCE… DEST", ["d"], None),
        ("SOURCE… DEST", ["a", "b", "d"], {"source": ["a", "b"], "dest": "d"}),
        ("[SOURCE…] DEST", ["d"], {"source": [], "dest": "d"}),
        ("SOURCE [DEST]", ["s"], {"source": "s", "dest": None}),
        ("SOURCE [DEST]", ["s", "d", "x"], None),
        ("", ["x"], None),
        ("", [], {}),
    ],
)
def test_operands(operands: str, words: list[str], expected: dict[str, object] | None) -> None:
    declared = [
        Operand(word.strip("[]…"), "what", required=not word.startswith("["), many="…" in word)
        for word in operands.split()
    ]
    command = Command("test-copy", "a test", operands=declared)
    if expected is None:
        with pytest.raises(UsageError):
            parse(command, words)
    else:
        assert values(command, *words) == expected
