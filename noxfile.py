"""All checks, by one command: ``.venv/bin/nox``. A quick answer while you work: ``.venv/bin/nox -s fast``.

Sessions run in the environment that nox is installed in, which need not be activated: ``pip install -e '.[test]'``.
What stands behind ``--`` is pytest's: ``nox -s fast -- -k windows``, ``nox -s tests -- tests/golden``.
"""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2024.4.15"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "layers", "tests"]
nox.options.stop_on_first_error = True

#: A command and the Debian package it comes in, one a line; ``.ci/run`` installs from the same list.
PACKAGES = Path(__file__).parent / ".ci" / "packages"
#: Where the fast loop looks; what is marked ``thorough`` in there needs more than Python, or long.
FAST = ["tests/unit", "tests/golden", "tests/contract", "tests/worker"]


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff: rules, and format."""
    session.run(sys.executable, "-m", "ruff", "check", ".")
    session.run(sys.executable, "-m", "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict."""
    session.run(sys.executable, "-m", "mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Import-linter: who may import whom."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"  # it has no ``-m``
    session.run(sys.executable, "-c", command, "--no-cache")


@nox.session
def fast(session: nox.Session) -> None:
    """The tests that need Python alone and little time."""
    named = any(word.startswith("tests/") for word in session.posargs)
    session.run(sys.executable, "-m", "pytest", "-m", "not thorough", *([] if named else FAST), *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests: real Kafka, Prometheus and Chromium included."""
    pairs = [line.split() for line in PACKAGES.read_text("utf-8").splitlines() if not line.startswith("#")]
    missing = [(command, package) for command, package in pairs if shutil.which(command) is None]
    if missing:
        commands = ", ".join(command for command, _ in missing)
        packages = " ".join(dict.fromkeys(package for _, package in missing))
        session.error(f"missing: {commands}; apt-get install {packages}, or run the tests that need none: nox -s fast")
    logging.getLogger("nox").setLevel(logging.CRITICAL)  # pytest's summary is the last word
    session.run(sys.executable, "-m", "pytest", *session.posargs)
