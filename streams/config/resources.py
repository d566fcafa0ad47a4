"""Files of the package other than code."""

from __future__ import annotations

from pathlib import Path

__all__ = ["grafana_folder"]


def grafana_folder() -> Path:
    """``grafana/``: inside an installed package, next to it in a source checkout. Raises ``FileNotFoundError``."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "grafana", package.parent / "grafana"):
        if (folder / "provisioning").is_dir():
            return folder
    raise FileNotFoundError("grafana/provisioning is missing: the package is incomplete, install it again")
