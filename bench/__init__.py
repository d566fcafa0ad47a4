"""The cost of the parts, and of what else reads the same events. ``python -m bench --help``."""

from bench.checkout import select_checkout

select_checkout()  # before anything imports ``streams``
