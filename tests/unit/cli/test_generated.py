"""Pages, tables, completion and executables that are written from a declaration."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocipipe.cli import completion, man, scripts
from ocipipe.cli.declare import Command, Operand, Option

COMMAND = Command(
    "img-test", "copy images & 'more'",
    description="First.\n\n.Second \\ one -- with `ticks`.",
    operands=(Operand("REF", "image", many=True),),
    options=(
        Option("-e, --env", "it's [set]: so", many=True, metavar="NAME=VALUE"),
        Option("--tls-verify", "check", kind="flag", default=True),
        Option("--policy", "when", choices=("always", "never"), default="always"),
        Option("--cert-dir", "where", metavar="DIR"),
        Option("--authfile", "which", metavar="FILE"),
    ),
    objects="ref", reads="descriptor", writes="descriptor", exits={3: "something else"},
    examples=(("img-test 'a\\b' | jq -r .id", "test it"),), see=("img-ls", "img-rm"),
)  # fmt: skip


def rendered(text: str) -> str:
    done = subprocess.run(
        ["man", "--warnings", "-l", "-"], input=text, capture_output=True, text=True, check=True,
        env={"PATH": os.environ["PATH"], "MANWIDTH": "120", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout


def test_manual_page_says_what_is_declared() -> None:
    text = " ".join(rendered(man.page(COMMAND)).split())
    for part in (
        "img-test - copy images & 'more'", "img-test [OPTION …] [REF …]", ".Second \\ one -- with `ticks`.",
        "-e, --env NAME=VALUE", "May be repeated.", "Default: true; --tls-verify=false turns it off.",
        "--policy always|never", "Default: always.", "3      Something else.", "img-test 'a\\b' | jq -r .id",
        "img-ls(1), img-rm(1)", "Reads descriptor documents",
    ):  # fmt: skip
        assert " ".join(part.split()) in text
    assert "Default: None" not in text


def test_readme_table() -> None:
    assert man.table([COMMAND]).splitlines()[2] == (
        "| [`img-test`](man/img-test.1) | copy images & 'more' | descriptor | descriptor |"
    )


def test_pages_are_written_checked_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pages, readme = tmp_path / "man", tmp_path / "README.md"
    readme.write_text(f"before\n{man.BEGIN}\nold\n{man.END}\nafter\n")
    argv = ["--readme", str(readme), str(pages)]
    assert man.main(["--check", *argv]) == 1
    assert man.main(argv) == 0
    assert man.main(["--check", *argv]) == 0
    assert readme.read_text().startswith(f"before\n{man.BEGIN}\n| command |")
    assert readme.read_text().endswith(f"{man.END}\nafter\n")
    (pages / "img-ls.1").write_text("changed")
    (pages / "img-gone.1").write_text("gone")
    capsys.readouterr()
    assert man.main(["--check", *argv]) == 1
    told = capsys.readouterr().err
    assert "img-ls.1" in told
    assert "img-gone.1" in told
    assert man.main(argv) == 0
    assert not (pages / "img-gone.1").exists()
    assert man.main(["--check", *argv]) == 0
    readme.write_text("no place")
    assert man.main(argv) == 1


@pytest.fixture
def store(tmp_path: Path) -> dict[str, str]:
    """A store with two images, and the environment that names it."""
    images = tmp_path / "root" / "images"
    images.mkdir(parents=True)
    names = ["docker.io/library/debian:bookworm", "127.0.0.1:5000/a:v1", f"$(touch {tmp_path}/pwned):1"]
    entries = [{"annotations": {"org.opencontainers.image.ref.name": name, "x": "a:b{}"}} for name in names]
    (images / "index.json").write_text(json.dumps({"manifests": entries}))
    (tmp_path / "docker-directory").mkdir()
    return {"PATH": os.environ["PATH"], "OCIPIPE_ROOT": str(tmp_path / "root"), "HOME": str(tmp_path)}


LINES = [
    ("img-test --po", ["--policy"]),
    ("img-test --policy ", ["always", "never"]),
    ("img-test --policy=n", ["never"]),
    ("img-test d", ["docker.io/library/debian:bookworm"]),
    ("img-test -eA=1 docker.io/library/debian:", ["docker.io/library/debian:bookworm"]),
    ("img-test 127.0.0.1:50", ["127.0.0.1:5000/a:v1"]),
    ("img-test --cert-dir dock", ["docker-directory"]),
    ("img-test zzz", []),
]


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_bash_completion(line: str, expected: list[str], store: dict[str, str], tmp_path: Path) -> None:
    script = (
        f"{completion.bash(COMMAND)}\nCOMP_LINE=$1 COMP_POINT=${{#1}}; _img_test; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", line], capture_output=True, text=True, cwd=tmp_path, env=store, check=True
    )
    # bash breaks words at colons and =, so what it is given starts after the last one typed.
    word = line.rpartition(" ")[2]
    typed = word[: max(word.rfind(":"), word.rfind("=")) + 1] if ":" in word or "=" in word else ""
    prefix = "" if word.startswith("--") else typed
    assert [prefix + found for found in done.stdout.split()] == expected
    assert done.stderr == ""
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(("line", "expected"), LINES)
def test_fish_completion(line: str, expected: list[str], store: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "img-test.fish"
    path.write_text(completion.fish(COMMAND))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source {path}; complete -C '{line}'"],
        capture_output=True, text=True, cwd=tmp_path, env=store, check=True,
    )  # fmt: skip
    found = sorted(entry.split("\t")[0].rstrip("/") for entry in done.stdout.splitlines())
    assert [entry.rpartition("=")[2] if "=" in line and "--" in entry else entry for entry in found] == expected
    assert not (tmp_path / "pwned").exists()


def test_zsh_completion_is_read_without_complaint(tmp_path: Path) -> None:
    path = tmp_path / "_img-test"
    path.write_text(completion.zsh(COMMAND))
    done = subprocess.run(["zsh", "-f", "-n", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    script = f"fpath=({tmp_path} $fpath); autoload -Uz compinit; compinit -D -u; print -r -- $_comps[img-test]"
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("_img-test\n", "")


def test_zsh_names_images(store: dict[str, str], tmp_path: Path) -> None:
    function = completion.zsh(COMMAND).partition("_arguments")[0].replace("compadd -a names", "print -rl -- $names")
    done = subprocess.run(
        ["zsh", "-f", "-c", f"{function}\n_ocipipe_images"], capture_output=True, text=True, env=store, check=True
    )
    assert done.stdout.split() == ["docker.io/library/debian:bookworm", "127.0.0.1:5000/a:v1"]
    assert not (tmp_path / "pwned").exists()


def test_completion_files_are_where_each_shell_looks(tmp_path: Path) -> None:
    assert completion.main([str(tmp_path)]) == 0
    assert (tmp_path / "bash-completion" / "completions" / "img-ls").exists()
    assert (tmp_path / "zsh" / "site-functions" / "_img-ls").exists()
    assert (tmp_path / "fish" / "vendor_completions.d" / "img-ls.fish").exists()


def test_script_refuses_an_interpreter_that_no_first_line_can_name() -> None:
    with pytest.raises(ValueError, match="cannot stand in a first line"):
        scripts.script("img-ls", "/opt/my python/bin/python3", "/site")
    with pytest.raises(ValueError, match="cannot stand in a first line"):
        scripts.script("img-ls", "/" + "x" * 130, "/site")


def test_script_runs_from_the_given_packages_only(tmp_path: Path) -> None:
    import sysconfig

    interpreter = os.path.realpath(sys.executable)
    scripts.main(["--python", sys.executable, "--site", sysconfig.get_path("purelib"), str(tmp_path)])
    text = (tmp_path / "img-ls").read_text()
    assert text.splitlines()[0] == f"#!{interpreter} -IS"
    done = subprocess.run([tmp_path / "img-ls", "--version"], capture_output=True, text=True, check=True, env={})
    assert done.stdout.startswith("img-ls (ocipipe) ")


def test_entry_points_are_kept_true() -> None:
    before = '[project]\nname = "x"\n\n[project.scripts]\nold = "gone:main"\n\n[tool.x]\ny = 1\n'
    after = scripts.entry_points(before)
    assert after == scripts.entry_points(after)
    assert after.startswith('[project]\nname = "x"\n\n[project.scripts]\n')
    assert 'img-ls = "ocipipe.cmd.img_ls:COMMAND"\n' in after
    assert "old" not in after
    assert after.endswith("\n\n[tool.x]\ny = 1\n")
    with pytest.raises(ValueError, match="has no"):
        scripts.entry_points("[project]\n")
