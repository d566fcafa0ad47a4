"""Measures without Kafka: decoding, the core, partition state and the board, in CPU time of this process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec
import orjson

from bench.data import END, SETTINGS, customer_events, event, ticket_events
from bench.loads import FUTURE, HISTORY, Load, loads
from bench.report import Row
from streams.board.reader import Reader
from streams.core.events.decoding import decode
from streams.core.events.types import Event
from streams.core.policy import Policy
from streams.core.replay import Replay
from streams.demo.world import SimulatedEvent
from streams.kafka.topics import PANES
from streams.worker.log.processor import Output
from streams.worker.partition_state import PartitionState

POLICY = SETTINGS.policy()
WINDOWS = SETTINGS.rolling(POLICY)
ALIGNED = SETTINGS.aligned(POLICY)


def partition(
    clock: Callable[[], int] = lambda: FUTURE, warm: int = SETTINGS.worker.warm_entities, policy: Policy = POLICY
) -> PartitionState:
    """A partition's state with the worker's settings, the only partition of its topics."""
    return PartitionState(0, 1, policy, WINDOWS, clock, warm, SETTINGS.worker.members, ALIGNED)


def best(run: Callable[[], float], times: int) -> float:
    """The shortest of several runs, in seconds. The collector leaves out the objects of the bench."""
    durations = []
    for _ in range(times):
        gc.collect()
        gc.freeze()
        durations.append(run())
    gc.unfreeze()
    return min(durations)


def timed(work: Callable[[], object]) -> Callable[[], float]:
    """A function that does the work and returns its CPU seconds."""

    def run() -> float:
        began = time.process_time()
        work()
        return time.process_time() - began

    return run


def measure(events: Sequence[SimulatedEvent], times: int) -> Iterator[Row]:
    """The shortest of ``times`` runs of each; the board is run once."""
    measured = loads(events)
    history = measured[HISTORY]
    bodies = [record.value for record in history.records]
    baseline = best(timed(lambda: [*map(orjson.loads, bodies)]), times)

    def row(group: str, name: str, work: Callable[[], object], note: Callable[[], str] = str) -> Row:
        seconds = best(timed(work), times)
        return Row(
            group, name, len(bodies) / seconds, "events/s", seconds / baseline, "the cost of orjson.loads", note()
        )

    yield Row("decode", "orjson.loads", len(bodies) / baseline, "events/s")
    yield row("decode", "msgspec, untyped", lambda: [*map(msgspec.json.decode, bodies)])
    yield row("decode", "streams.core.events.decode", lambda: [*map(decode, bodies)], lambda: "validated")
    for load in measured.values():
        yield row("core", load.name, partial(_core, [decode(record.value) for record in load.records], load))
    decoded = [*map(decode, bodies)]
    windows = f"{len(WINDOWS) + len(ALIGNED)} windows"
    yield row("core", "Replay, with its records", lambda: _replay(decoded), lambda: windows)
    written: list[Output] = []
    for load in measured.values():
        yield row("partition state", load.name, partial(_fill, written, load), partial(_size, written, len(bodies)))
    yield from _board(written, history.records[-1].timestamp)


def _fill(written: list[Output], load: Load) -> None:
    written.clear()
    written.extend(state(load))


def _size(written: Sequence[Output], events: int) -> str:
    size = sum(len(output.key or b"") + len(output.value or b"") for output in written)
    return f"{len(written) / events:.1f} records and {size / events:,.0f} bytes written an event"


def _core(events: Sequence[Event], load: Load) -> None:
    state = partition()
    for unit, at in load.units():
        state.grid.clock = at
        fold(state, events[unit])


def fold(state: PartitionState, events: Sequence[Event]) -> None:
    """A unit in the core alone: nothing is encoded."""
    store = state.event_store
    for one in events:
        store.add(one)
    for _ in store.close():
        pass
    state.ledger.flush()


def _replay(events: Sequence[Event]) -> None:
    end = max(one.occurred_at for one in events) + 1
    run = Replay(POLICY, WINDOWS, [end], aligned=ALIGNED)
    for one in events:
        run.add(one)
    for _ in run.close():
        pass
    list(run.records(end))


def state(load: Load, policy: Policy = POLICY) -> Iterator[Output]:
    """The records that a partition writes under a load, unit by unit."""
    clock = FUTURE
    opened = partition(lambda: clock, policy=policy)
    for unit, at in load.units():
        clock = at
        opened.apply(load.records[unit])
        for outputs in opened.close():
            yield from outputs


def _board(written: Sequence[Output], newest: int) -> Iterator[Row]:
    """The board over the records of the load of history. ``newest`` is the instant of its last event, in ms."""
    panes = [output for output in written if output.topic == PANES]
    reader = Reader(POLICY, WINDOWS, aligned=ALIGNED)
    gc.collect()
    gc.freeze()
    began = time.process_time()
    for output in panes:
        reader.take(0, output.key or b"", output.value)
    seconds = time.process_time() - began
    yield Row("board", "Reader.take", len(panes) / seconds, "records/s", note=f"{len(panes):,} records")
    evaluations: list[tuple[float, int]] = []
    for step in range(3):
        began = time.process_time()
        snapshot = reader.snapshot(newest + (1 + step) * 1000, ready=True)
        evaluations.append((time.process_time() - began, len(snapshot.records)))
    first, *later = evaluations
    yield Row("board", "first snapshot", first[0], "s", note=f"{first[1]:,} values")
    yield Row("board", "a second later", min(later)[0], "s")
    gc.unfreeze()


def big_customer(tickets: int) -> Iterator[Row]:
    """The cost of an event at a customer with very many tickets, relative to customers with ten."""
    small = _steady(tickets // 10, 10, 10**9)
    yield Row("customers", f"{tickets // 10:,} of 10 tickets", small * 1e6, "us/event")
    reference = "customers of 10 tickets"
    alone = _steady(1, tickets, 10**9)
    yield Row("customers", f"1 of {tickets:,} tickets", alone * 1e6, "us/event", alone / small, reference)
    # The customer has more entities than may be held decoded: a unit must not decode all of them again.
    bounded = _steady(1, tickets, tickets)
    note = "with other customers' traffic, and as few entities kept decoded"
    yield Row("customers", f"1 of {tickets:,}, bounded", bounded * 1e6, "us/event", bounded / small, reference, note)


def _steady(customers: int, tickets: int, warm: int, step: int = 360_000, units: int = 10) -> float:
    """CPU seconds an event at ``customers`` that have ``tickets`` each: the median of some units."""
    state = partition(warm=warm)
    start = END - tickets * step
    for number in range(customers):
        fold(state, customer_events(f"c{number}", tickets, start + number, step))
    gc.collect()
    gc.freeze()
    seconds = []
    for unit in range(units):
        events: list[Event] = []
        for index in range(50):
            turn = unit * 50 + index
            at = END + turn * step
            events += _next_ticket(f"c{turn % customers}", tickets + turn, at)
            events += _next_ticket(f"other{turn}", 0, at)
        began = time.process_time()
        fold(state, events)
        seconds.append((time.process_time() - began) / len(events))
    gc.unfreeze()
    return sorted(seconds)[len(seconds) // 2]


def _next_ticket(customer: str, number: int, at: int) -> list[Event]:
    return [event(body) for body in ticket_events(customer, number, at)]
