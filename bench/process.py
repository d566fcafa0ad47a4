"""Commands run as processes of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

__all__ = ["PATIENCE", "ROOT", "run"]

ROOT: Final = Path(__file__).parent.parent
PATIENCE: Final = 300.0  # seconds for any of them


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bytes:
    """The output of a command, run to its end. Without an environment it has that of this process.

    Raises ``RuntimeError`` with the end of its error output if it fails.
    """
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=PATIENCE)
    if done.returncode:
        complaint = done.stderr.decode(errors="replace")[-3000:]
        raise RuntimeError(f"{' '.join(command)}: exit code {done.returncode}:\n{complaint}")
    return done.stdout
