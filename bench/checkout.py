"""The checkout under test: this one, or the one whose path is in the environment's BENCH_CHECKOUT.

The only place that knows former layouts of the code: the bench imports by today's names, and a module that moves gets
a line at the end of ``_FORMER``, an attribute of a partition's state one in ``_FORMER_ATTRIBUTES``.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, Final

__all__ = ["CHECKOUT", "select_checkout"]

CHECKOUT: Final = "BENCH_CHECKOUT"

#: Today's name of each moved module that the group cpu imports, and its former name; a later move comes last.
_FORMER: Final = {
    # Before the rooms (until f0238dd).
    "streams.core.events.decoding": "streams.core.events",
    "streams.core.events.types": "streams.core.events",
    "streams.core.temporal.instants": "streams.core.events",
    "streams.kafka.topics": "streams.topics",
    "streams.worker.log.processor": "streams.worker.fold",
    "streams.worker.partition_state": "streams.worker.state",
}
#: Today's name of each renamed attribute of ``PartitionState``, and its former name.
_FORMER_ATTRIBUTES: Final = {"event_store": "book"}


def select_checkout() -> None:
    """Makes ``streams`` that of the named checkout, under today's names. Raises ``RuntimeError`` if it has none."""
    path = os.environ.get(CHECKOUT)
    if path is None:
        return
    sys.path.insert(0, path)
    file = import_module("streams").__file__
    if file is None or not Path(file).is_relative_to(path):
        raise RuntimeError(f"{path} has no streams")
    for name, former in _FORMER.items():
        try:
            import_module(name)
        except ModuleNotFoundError:
            sys.modules[name] = import_module(former)
    import_module("streams.worker.partition_state").PartitionState.__getattr__ = _former_attribute


def _former_attribute(state: object, name: str) -> Any:
    """An attribute that is missing under today's name."""
    if name not in _FORMER_ATTRIBUTES:
        raise AttributeError(name)
    return getattr(state, _FORMER_ATTRIBUTES[name])
