"""Scenarios with values worked out by hand, run through every engine there is; see `runner.py`."""
