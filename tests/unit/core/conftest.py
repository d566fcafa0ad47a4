"""Measures are declared by the files that book them; a test file of the ledger has them also when it runs alone."""

from __future__ import annotations

from streams.core.derivation import measures as _declares_all_measures  # noqa: F401
