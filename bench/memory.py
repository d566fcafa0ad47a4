"""Memory of a partition's state, each measure in a process of its own: freed memory would be used by the next one.

``python -m bench.memory active|cold CUSTOMERS`` or ``restore ENTITIES`` writes one line of JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.process import run
from bench.report import Row

PAGE = os.sysconf("SC_PAGE_SIZE")


def measure(customers: int, entities: int) -> Iterator[Row]:
    for kind, note in (("active", "decoded"), ("cold", "kept as bytes")):
        result = _run(kind, customers)
        note = f"RSS; {note}; one ticket of 4 events each, {customers:,} customers"
        yield Row("memory", f"a customer, {kind}", result["bytes"] / customers, "bytes", note=note)
    result = _run("restore", entities)
    note = f"{entities:,} tickets of {result['value']:,.0f} bytes"
    yield Row("memory", "restoring small entities", result["seconds"], "s", note=note)
    yield Row("memory", "restored small entities", result["bytes"] / 1e6, "MB", note="RSS")


def _run(kind: str, count: int) -> dict[str, float]:
    result = json.loads(run([sys.executable, "-m", "bench.memory", kind, str(count)]))
    return {name: float(value) for name, value in result.items()}


def _rss() -> int:
    """Resident bytes of this process."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def _customers(count: int, warm: int) -> dict[str, float]:
    """Bytes of ``count`` customers, of which ``warm`` entities stay decoded."""
    from bench.cpu import fold, partition
    from bench.data import END, customer_events

    state = partition(warm=warm)

    def fill(first: int, last: int) -> None:
        for number in range(first, last, 500):
            events = [
                event
                for customer in range(number, min(number + 500, last))
                for event in customer_events(f"c{customer:07}", 1, END - customer * 1000, 1)
            ]
            fold(state, events)

    fill(0, 500)  # loads code, fills caches and makes the panes
    before = _rss()
    fill(500, count + 500)
    return {"bytes": _rss() - before}


def _restore(count: int) -> dict[str, float]:
    """Seconds and bytes of restoring ``count`` entities, and the bytes of one in the changelog."""
    from bench.cpu import partition
    from bench.data import END, customer_events
    from streams.core.derivation import state_format
    from streams.core.events.decoding import to_state
    from streams.kafka.topics import STATE

    state = partition()
    value = to_state(customer_events("c0000000", 1, END, 1))
    before, seconds = _rss(), 0.0
    for first in range(0, count, 10_000):
        names = [f"{number:07}" for number in range(first, min(first + 10_000, count))]
        pairs = [(state_format.entity_key(f"cc{n}", ("t", f"t{n}")), bytes(bytearray(value))) for n in names]
        began = time.perf_counter()
        for key, data in pairs:
            state.restore(STATE, key, data)
        seconds += time.perf_counter() - began
    began = time.perf_counter()
    state.restored()
    seconds += time.perf_counter() - began
    del pairs
    return {"seconds": seconds, "bytes": _rss() - before, "value": len(value)}


if __name__ == "__main__":
    kind, count = sys.argv[1], int(sys.argv[2])
    result = _restore(count) if kind == "restore" else _customers(count, 10**9 if kind == "active" else 1)
    print(json.dumps(result))
