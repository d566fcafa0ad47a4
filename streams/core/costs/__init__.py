"""Costs: their accrual over time, and their shares by member."""
