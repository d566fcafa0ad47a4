"""The cost of the parts, compared with other programs over the same events. ``python -m bench --help``."""

from bench.checkout import select_checkout

select_checkout()  # before anything imports ``streams``
