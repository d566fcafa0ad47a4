"""Costs: how they accrue and on whom they fall."""
