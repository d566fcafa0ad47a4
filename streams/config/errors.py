"""The error for wrong settings: it names the key and the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["ConfigError", "nearest"]


class ConfigError(Exception):
    """A wrong key or value; the message names it and the remedy."""


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message: the right name most similar to ``name``, ignoring case; without one, the first 30."""
    by_folded = {right.casefold(): right for right in names}
    matches = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.5)
    if matches:
        return f"; did you mean `{by_folded[matches[0]]}`?"
    return f"; there are: {', '.join(sorted(by_folded.values())[:30])}"
