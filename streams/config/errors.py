"""How a wrong setting is told: by its name, with the nearest right one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ConfigError", "nearest"]


class ConfigError(Exception):
    """A wrong key or value; the message names it and the remedy."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message: the right name most like the wrong one, whatever its case, or all there are."""
    known = {right.casefold(): right for right in names}
    near = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.5)
    return f"; did you mean `{known[near[0]]}`?" if near else f"; there are: {', '.join(sorted(known.values())[:30])}"
