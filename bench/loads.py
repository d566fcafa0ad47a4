"""The loads of partition state and core: the same events, by four clocks and sizes of unit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from bench.data import END, Record, records
from streams.core.temporal.instants import DAY, format_instant, parse_instant
from streams.demo.world import SimulatedEvent

__all__ = ["DENSE", "FUTURE", "HISTORY", "UNIT", "Load", "compressed", "loads"]

#: Events a unit: the most that a busy worker folds at once.
UNIT: Final = 2000
#: A clock (ms) for which every event is history.
FUTURE: Final = END + 400 * DAY
DENSE: Final = "dense live"
HISTORY: Final = "history, day panes"

_EVENTS_PER_SECOND: Final = 700


class Load(NamedTuple):
    """Records in order, and how a partition folds them.

    The clock of a live load is at the newest event of each unit, that of history at ``FUTURE``.
    """

    name: str
    records: Sequence[Record]
    unit: int = UNIT
    live: bool = True

    def units(self) -> Iterator[tuple[slice, int]]:
        """The units in order, each with its clock in ms."""
        for start in range(0, len(self.records), self.unit):
            unit = slice(start, min(start + self.unit, len(self.records)))
            yield unit, self.records[unit.stop - 1].timestamp if self.live else FUTURE


def loads(events: Sequence[SimulatedEvent]) -> dict[str, Load]:
    """The loads by name. The README says what each one means."""
    sparse, dense = records(events), records(compressed(events))
    all_loads = [
        Load(DENSE, dense),
        Load("dense live, units of 50", dense, 50),
        Load("sparse live, hours a unit", sparse),
        Load(HISTORY, sparse, live=False),
    ]
    return {load.name: load for load in all_loads}


def compressed(events: Sequence[SimulatedEvent]) -> list[SimulatedEvent]:
    """The same events, 700 a second from the first one on. They stay valid:

    * Instants keep their order and equal ones stay equal, so that no two events change places.
    * No event is after the clock of its unit, which is at the newest event as before.
    * A cost's period keeps its place among the events, and its end is at least 1 ms after its start. An end after the
      newest event (of a month that is not over) stays after it, as far as the mean compression gives.

    Waits of hours become milliseconds: every promise is kept, so that no breach is in this load.
    """
    instants = [event.at for event in events]
    first, newest = instants[0], instants[-1]
    ms_per_event = 1000 / _EVENTS_PER_SECOND
    shrinkage = len(events) * ms_per_event / max(newest - first, 1)

    def instant(at: int) -> int:
        ahead = max(at - newest, 0)
        return first + int(bisect_left(instants, at) * ms_per_event + ahead * shrinkage)

    return [_at_instants(event, instant) for event in events]


def _at_instants(event: SimulatedEvent, instant: Callable[[int], int]) -> SimulatedEvent:
    """The event with each of its instants replaced."""
    body, at = event.event, instant(event.at)
    changed = {"occurred_at": format_instant(at)}
    if "period_start" in body:
        start, end = instant(parse_instant(body["period_start"])), instant(parse_instant(body["period_end"]))
        changed |= {"period_start": format_instant(start), "period_end": format_instant(max(end, start + 1))}
    return event._replace(at=at, event={**body, **changed})
