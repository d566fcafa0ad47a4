"""All of the simulated desk that changes: clock, customers, processes to come, and the events just made."""

from __future__ import annotations

import random
import zlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from heapq import heappush
from math import ceil, exp
from typing import Any, NamedTuple, TypeAlias

from streams.core.temporal.instants import SECOND, format_instant
from streams.demo.company import SEGMENTS, Roster

#: A process: adds events to ``World.out`` and yields the instant it wants to go on at.
Process: TypeAlias = Generator[int, None, None]


class SimulatedEvent(NamedTuple):
    """One record to be: where it goes, under which key, when it happens (ms), and its body."""

    topic: str
    key: str
    at: int
    event: dict[str, Any]


@dataclass(slots=True)
class Customer:
    id: str
    segment: str
    tier: str = "bronze"
    mood: float = 0.2  # -1 to 1, what the service so far has left behind
    place: int = -1  # in World.active, -1 once gone
    paid: int = 0
    open_ticket: str | None = None

    @property
    def active(self) -> bool:
        return self.place >= 0


@dataclass(kw_only=True)
class World:
    """All that changes: the clock, the processes to come, the customers, and the events just made."""

    seed: int
    start: int
    customers: int
    tickets_per_day: float
    currency: str = "EUR"
    now: int = 0
    out: list[SimulatedEvent] = field(default_factory=list)
    heap: list[tuple[int, int, Process]] = field(default_factory=list)
    active: list[Customer] = field(default_factory=list)
    _counter: int = 0
    _people: int = 0
    _numbers: int = 0
    _turns: int = 0
    _second: int = -1
    _text: str = ""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        #: Part of every id, so that two runs into one Kafka do not mix.
        self.tag = f"{zlib.crc32(f'{self.seed} {self.start}'.encode()):08x}"[:5]
        #: Full-time agents on the payroll; a small desk has twenty as well, part of the time.
        self.payroll = self.tickets_per_day * 20 / 250
        self.roster = Roster(self.rng, max(20, ceil(self.payroll)))

    def emit(self, topic: str, key: str, kind: str, /, **fields: Any) -> None:
        """Adds an event of a customer, now."""
        self._counter += 1
        event = {
            "event_id": f"{self.tag}-{self._counter:08}",
            "type": kind,
            "occurred_at": self.text(self.now),
            "customer_id": key,
            **fields,
        }
        self.out.append(SimulatedEvent(topic, key, self.now, event))

    def emit_keyless(self, topic: str, key: str | None, kind: str, /, **fields: Any) -> None:
        """Adds an event of no customer; without a key, its id is the key."""
        self._counter += 1
        name = f"{self.tag}-{self._counter:08}"
        event = {"event_id": name, "type": kind, "occurred_at": self.text(self.now), **fields}
        self.out.append(SimulatedEvent(topic, key or name, self.now, event))

    def text(self, at: int) -> str:
        """RFC 3339; the second is kept, as events come in bunches."""
        second, ms = divmod(at, SECOND)
        if second != self._second:
            self._second, self._text = second, format_instant(at)[:-4]
        return f"{self._text}{ms:03}Z"

    def spawn(self, process: Process, at: int | None = None) -> None:
        """Starts a process at an instant (default: now)."""
        heappush(self.heap, (self.now if at is None else at, self.turn(), process))

    def turn(self) -> int:
        """A place in the heap among processes of the same instant: first come, first served."""
        self._turns += 1
        return self._turns

    def number(self) -> int:
        """A number used once: of a ticket, survey, order or cart."""
        self._numbers += 1
        return self._numbers

    def after(self, median_ms: float, spread: float = 0.6) -> int:
        """The instant after a log-normal delay."""
        return self.now + 1 + int(median_ms * exp(self.rng.gauss(0.0, spread)))

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def new_customer(self) -> Customer:
        self._people += 1
        customer = Customer(f"C{self.tag}-{self._people:05}", SEGMENTS.pick(self.rng), place=len(self.active))
        customer.mood = self.rng.gauss(0.2, 0.25)
        self.active.append(customer)
        return customer

    def remove(self, customer: Customer) -> None:
        """Takes a customer out of the active ones."""
        last = self.active.pop()
        if last is not customer:
            self.active[customer.place] = last
            last.place = customer.place
        customer.place = -1

    def somebody(self, weights: Mapping[str, float], skew: float = 1.0) -> Customer:
        """An active customer, by the weights of the segments; with a skew, some far more often than others."""
        heaviest = max(weights.values())
        while True:
            customer = self.active[int(len(self.active) * self.rng.random() ** skew)]
            if self.rng.random() * heaviest < weights[customer.segment]:
                return customer
