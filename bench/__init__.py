"""What the parts cost, beside what else reads the same events. ``python -m bench --help``."""
