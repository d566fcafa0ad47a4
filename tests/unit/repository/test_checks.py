"""The checks: the commands that documents and files name exist, and what they need is said once."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
NAMING = ("README.md", "CONTRIBUTING.md", ".pre-commit-config.yaml", ".ci/run", "noxfile.py")


def nox(*arguments: str, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nox", "--noxfile", str(ROOT / "noxfile.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **(environ or {})})


def packages() -> dict[str, str]:
    """The Debian package of each command that the tests need."""
    lines = (ROOT / ".ci/packages").read_text("utf-8").splitlines()
    return dict(line.split() for line in lines if not line.startswith("#"))


def test_every_session_that_is_named_exists_and_the_tests_come_last() -> None:
    listed = re.findall(r"^([*-]) (\w+) ->", nox("--list").stdout, re.M)
    texts = {name: (ROOT / name).read_text("utf-8") for name in NAMING}
    named = {(file, name) for file, text in texts.items() for name in re.findall(r"nox -s((?: [a-z]+)+)", text)}
    assert {file for file, _ in named} >= {"README.md", "CONTRIBUTING.md", ".pre-commit-config.yaml"}
    for file, names in named:
        assert set(names.split()) <= {name for _, name in listed}, file
    assert [name for mark, name in listed if mark == "*"] == ["lint", "types", "layers", "tests"]
    assert texts[".ci/run"].endswith("\nnox\n"), "all of them, and pytest's summary is the last that is said"


def test_what_is_missing_is_said_in_one_line_before_any_test(tmp_path: Path) -> None:
    done = nox("-s", "tests", environ={"PATH": str(tmp_path)})
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "missing" in line]
    for command, package in packages().items():
        assert command in line
        assert package in line
    assert "Traceback" not in done.stderr
    assert "pytest" not in done.stderr + done.stdout


def test_red_tests_are_red_though_pytest_has_the_last_word(tmp_path: Path) -> None:
    for command in packages():
        (tmp_path / command).touch(0o755)
    done = nox("-s", "tests", "--", "tests/no_such_file.py", environ={"PATH": str(tmp_path)})
    assert done.returncode == 1
    assert "no tests ran" in done.stdout
    assert "Session tests" not in done.stderr


def test_the_container_has_what_the_tests_need() -> None:
    made = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text("utf-8"))
    text = (ROOT / ".devcontainer" / made["build"]["dockerfile"]).read_text("utf-8")
    (installed,) = re.findall(r"--no-install-recommends \\\n([^&]*)\\\n", text)
    assert set(installed.split()) == set(packages().values())
