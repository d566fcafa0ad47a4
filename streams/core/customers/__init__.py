"""Customers as wholes: facts of their entities, and what follows: segments, spells, value at risk, comparison."""
