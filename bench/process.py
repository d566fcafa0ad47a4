"""Commands run as processes of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["PATIENCE", "ROOT", "run"]

ROOT: Final = Path(__file__).parent.parent
PATIENCE: Final = 300.0  # seconds for any of them


def run(command: Sequence[str]) -> bytes:
    """Runs a command to its end and returns what it wrote; what it complained of is shown if it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=PATIENCE)
    if done.returncode:
        complaint = done.stderr.decode(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}:\n{complaint}")
    return done.stdout
