"""The state of the simulated desk: clock, customers, pending processes, and the latest events."""

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

#: A process adds events to ``World.out`` and yields the instant of its next step.
Process: TypeAlias = Generator[int, None, None]


class SimulatedEvent(NamedTuple):
    """An event before it is sent: its topic and key, its instant (ms), and its body."""

    topic: str
    key: str
    at: int
    event: dict[str, Any]


@dataclass(slots=True)
class Customer:
    """A simulated customer."""

    id: str
    segment: str
    tier: str = "bronze"
    mood: float = 0.2  # -1 to 1, from the service so far
    index: int = -1  # in World.active; -1 = no longer active
    paid_minor: int = 0
    open_ticket: str | None = None

    @property
    def active(self) -> bool:
        """Neither left nor merged into another."""
        return self.index >= 0


@dataclass(kw_only=True)
class World:
    """The clock, the pending processes, the customers, and the events since the last step; instants are in ms."""

    seed: int
    start: int
    customers: int
    tickets_per_day: float
    currency: str = "EUR"
    now: int = 0
    out: list[SimulatedEvent] = field(default_factory=list)
    heap: list[tuple[int, int, Process]] = field(default_factory=list)
    active: list[Customer] = field(default_factory=list)
    _event_count: int = 0
    _customer_count: int = 0
    _number: int = 0
    _turn: int = 0
    _second: int = -1
    _text: str = ""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        #: Part of every id, so that two runs into one Kafka do not mix.
        self.tag = f"{zlib.crc32(f'{self.seed} {self.start}'.encode()):08x}"[:5]
        #: Full-time equivalents on the payroll; a small desk has twenty agents too, in part time.
        self.payroll = self.tickets_per_day * 20 / 250
        self.roster = Roster(self.rng, max(20, ceil(self.payroll)))

    def emit(self, topic: str, key: str, kind: str, /, **fields: Any) -> None:
        """Adds an event of the customer ``key`` at the present instant."""
        self._event_count += 1
        event = {
            "event_id": f"{self.tag}-{self._event_count:08}",
            "type": kind,
            "occurred_at": self.text(self.now),
            "customer_id": key,
            **fields,
        }
        self.out.append(SimulatedEvent(topic, key, self.now, event))

    def emit_keyless(self, topic: str, key: str | None, kind: str, /, **fields: Any) -> None:
        """Adds an event without a customer; its key defaults to its id."""
        self._event_count += 1
        event_id = f"{self.tag}-{self._event_count:08}"
        event = {"event_id": event_id, "type": kind, "occurred_at": self.text(self.now), **fields}
        self.out.append(SimulatedEvent(topic, key or event_id, self.now, event))

    def text(self, at: int) -> str:
        """An instant as RFC 3339. The text of the last second is cached, because many events share one."""
        second, ms = divmod(at, SECOND)
        if second != self._second:
            self._second, self._text = second, format_instant(at)[:-4]
        return f"{self._text}{ms:03}Z"

    def spawn(self, process: Process, at: int | None = None) -> None:
        """Starts a process at an instant (default: now)."""
        heappush(self.heap, (self.now if at is None else at, self.turn(), process))

    def turn(self) -> int:
        """The rank in the heap among processes of one instant: in the order of scheduling."""
        self._turn += 1
        return self._turn

    def number(self) -> int:
        """A unique number for a ticket, survey, order or cart."""
        self._number += 1
        return self._number

    def after(self, median_ms: float, spread: float = 0.6) -> int:
        """The present instant plus a log-normal delay."""
        return self.now + 1 + int(median_ms * exp(self.rng.gauss(0.0, spread)))

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() < probability

    def new_customer(self) -> Customer:
        """A new active customer."""
        self._customer_count += 1
        customer = Customer(f"C{self.tag}-{self._customer_count:05}", SEGMENTS.pick(self.rng), index=len(self.active))
        customer.mood = self.rng.gauss(0.2, 0.25)
        self.active.append(customer)
        return customer

    def remove(self, customer: Customer) -> None:
        """Removes a customer from the active ones in constant time."""
        last = self.active.pop()
        if last is not customer:
            self.active[customer.index] = last
            last.index = customer.index
        customer.index = -1

    def somebody(self, weights: Mapping[str, float], skew: float = 1.0) -> Customer:
        """An active customer at random, by segment weight; a ``skew`` above 1 prefers early customers."""
        largest_weight = max(weights.values())
        while True:
            customer = self.active[int(len(self.active) * self.rng.random() ** skew)]
            if self.rng.random() * largest_weight < weights[customer.segment]:
                return customer
