"""The same events through every engine there is: the replay, and partitions with their changelogs and a board.

No Kafka in here: `Desk` is what Kafka does around a `PartitionState`, in two dozen lines of plain lists and dicts.
A unit is a transaction: either all of its outputs and its offset become durable, or (`crash`) nothing does.
"""

from __future__ import annotations

import itertools
import json
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from aiokafka.partitioner import murmur2

from streams.board.reader import Reader
from streams.board.snapshot import Snapshot
from streams.config import Settings
from streams.core.events.decoding import decode
from streams.core.events.keys import record_key
from streams.core.ledger.ledger import Ledger
from streams.core.metrics.records import MetricRecord
from streams.core.policy import Policy
from streams.core.replay import Replay
from streams.kafka.topics import (
    COSTS,
    CUSTOMERS,
    DEAD_LETTERS,
    INPUTS,
    ORDERS,
    PANES,
    SLA_BREACHES,
    STATE,
    SURVEYS,
    TICKETS,
)
from streams.worker.partition_state import PartitionState

Event = dict[str, Any]
#: (metric, window, period_start, dimension, member)
Key = tuple[str, str, str | None, str, str]
Values = dict[Key, MetricRecord]

TOPIC = {
    "ticket": TICKETS, "contact": TICKETS, "survey": SURVEYS, "order": ORDERS, "cart": ORDERS,
    "customer": CUSTOMERS, "cost": COSTS,
}  # fmt: skip
#: The finest pane: what a board asks for is always one of its edges.
EDGE = 5000


def settings_of(given: dict[str, Any] | None = None) -> Settings:
    return msgspec.convert(given or {}, Settings, strict=True)


def body(event: Event) -> bytes:
    return json.dumps(event).encode()


def edge(at: int) -> int:
    """The first edge of the finest pane that is not before an instant."""
    return -(-at // EDGE) * EDGE


def table(records: Iterable[MetricRecord]) -> Values:
    """The records by key; a key that comes twice is a bug of its own."""
    found: Values = {}
    for record in records:
        key = (record.metric, record.window, record.period_start, record.dimension, record.member)
        assert key not in found, f"told twice: {key}"
        found[key] = record
    return found


def without_period(values: Values) -> Values:
    return {key: record for key, record in values.items() if key[1] != "period"}


# -- the replay ---------------------------------------------------------------------------------------------


def replays(
    events: Iterable[Event], instants: Sequence[int], settings: Settings, start: int | None = None,
    warm: int = 2_000_000, closes: Iterable[int] = (),
) -> list[Values]:  # fmt: skip
    """The values at each instant (ascending). `closes`: after how many events of a bucket it is derived as well."""
    policy = settings.policy()
    run = Replay(policy, settings.rolling(policy), instants, start, warm, settings.aligned(policy), settings.targets())
    buckets: list[list[Any]] = [[] for _ in instants]
    for event in events:
        decoded = decode(body(event))
        index = bisect_right(instants, decoded.occurred_at)
        if index < len(buckets):
            buckets[index].append(decoded)
    early = set(closes)
    found = []
    for at, bucket in zip(instants, buckets, strict=True):
        for number, decoded in enumerate(bucket):
            run.add(decoded)
            if number in early:
                for _ in run.close():
                    pass
        for _ in run.close():
            pass
        found.append(
            table(run.records(at, settings.metrics.chosen(), settings.dimensions.limit, settings.label_dimensions()))
        )
    return found


def replayed(events: Iterable[Event], as_of: int, settings: Settings, **more: Any) -> Values:
    return replays(events, [as_of], settings, **more)[0]


# -- partitions, changelogs, a board ------------------------------------------------------------------------


def reader_of(settings: Settings, policy: Policy | None = None) -> Reader:
    """A board. (`test_state_origin.py` tests that one with a policy of its own shows the same.)"""
    policy = policy or settings.policy()
    return Reader(
        policy,
        settings.rolling(policy),
        settings.metrics.chosen(),
        limit=settings.dimensions.limit,
        dimensions=settings.label_dimensions(),
        aligned=settings.aligned(policy),
        targets=settings.targets(),
    )


class Rec(NamedTuple):
    """A record as the log gives it to a processor."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class Desk:
    """`partitions` states, their input, their changelogs and one board.

    `compacted`: a restart reads only the last record of each key (what a compacted topic comes to in the end), else
    every record ever written (what it holds until the broker gets to cleaning).
    """

    def __init__(
        self, settings: Settings, clock: int, partitions: int = 1, warm: int = 50_000, members: int = 1000,
        compacted: bool = True,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.policy = settings.policy()
        self.windows = settings.rolling(self.policy)
        self.partitions = partitions
        self.clock = clock
        self.warm, self.members, self.compacted = warm, members, compacted
        self.offsets = itertools.count()
        self.queues: list[list[Rec]] = [[] for _ in range(partitions)]
        self.done = [0] * partitions
        self.logs: list[list[tuple[str, bytes, bytes | None]]] = [[] for _ in range(partitions)]
        self.letters: list[dict[str, Any]] = []
        self.breaches: list[dict[str, Any]] = []
        self.states = [self._state(number) for number in range(partitions)]
        self.reader = self.board()

    def _state(self, partition: int) -> PartitionState:
        return PartitionState(
            partition, self.partitions, self.policy, self.windows, lambda: self.clock, self.warm, self.members,
            self.settings.aligned(self.policy),
        )  # fmt: skip

    def board(self) -> Reader:
        """A new board; it has read what the old one had."""
        board = reader_of(self.settings, self.policy)
        for partition, log in enumerate(self.logs):
            for topic, key, value in log:
                if topic == PANES:
                    board.take(partition, key, value)
        return board

    # -- producing

    def owner(self, key: bytes) -> int:
        return int(murmur2(key) & 0x7FFFFFFF) % self.partitions

    def send(self, event: Event | bytes, partition: int | None = None, topic: str | None = None) -> None:
        """Into the partition of its key, or (a producer's mistake) into another one."""
        value = event if isinstance(event, bytes) else body(event)
        key = b"?" if isinstance(event, bytes) else record_key(decode(value)).encode()
        where = self.owner(key) if partition is None else partition
        named = topic or (TICKETS if isinstance(event, bytes) else TOPIC[event["type"].split(".")[0]])
        self.queues[where].append(Rec(named, where, next(self.offsets), key, value))

    def waiting(self, partition: int) -> int:
        return len(self.queues[partition]) - self.done[partition]

    # -- working

    def apply(self, partition: int, count: int) -> int:
        done = self.done[partition]
        records = self.queues[partition][done : done + count]
        self.states[partition].apply(records)
        return len(records)

    def unit(self, partition: int, slices: Sequence[int]) -> None:
        """One unit of several batches, committed."""
        for count in slices:
            self.done[partition] += self.apply(partition, count)
        for outputs in self.states[partition].close():
            for topic, key, value, target, headers in list(outputs):
                assert key is not None or topic == DEAD_LETTERS
                if topic in (STATE, PANES):
                    assert target == partition, "a changelog record left its partition"
                    assert key is not None
                    self.logs[partition].append((topic, key, value))
                    if topic == PANES:
                        self.reader.take(partition, key, value)
                elif topic == DEAD_LETTERS:
                    assert value is not None
                    self.letters.append(json.loads(value))
                elif topic == SLA_BREACHES:
                    assert value is not None
                    self.breaches.append(json.loads(value))
                    assert key == self.breaches[-1]["id"].encode()
                else:
                    assert topic in INPUTS
                    assert key is not None
                    where = self.owner(key) if target is None else target
                    self.queues[where].append(Rec(topic, where, next(self.offsets), key, value, headers=headers))
        self.states[partition].committed()

    def crash(self, partition: int, count: int, chunks: int) -> None:
        """kill -9 after `count` records were applied and `chunks` of the unit sent: nothing is durable."""
        self.apply(partition, count)
        for _ in itertools.islice(self.states[partition].close(), chunks):
            pass
        self.restart(partition)

    def restart(self, partition: int) -> None:
        """Another process takes the partition over, from its changelogs."""
        state = self._state(partition)
        records = self.logs[partition]
        if self.compacted:
            last = {(topic, key): index for index, (topic, key, _) in enumerate(records)}
            records = [records[index] for index in sorted(last.values())]
            records = [record for record in records if record[2] is not None]
        for record in records:
            state.restore(*record)
        state.restored()
        self.states[partition] = state

    def drain(self) -> None:
        """Everything that waits, in one unit a partition; what is sent on to others too."""
        while any(self.waiting(number) for number in range(self.partitions)):
            for number in range(self.partitions):
                self.unit(number, [self.waiting(number)])

    def run(self, rng: random.Random, restarts: float = 0.0) -> None:
        """Everything that waits, in random units of random batches, partitions interleaved, restarts in between."""
        while busy := [number for number in range(self.partitions) if self.waiting(number)]:
            number = rng.choice(busy)
            if rng.random() < restarts:
                if rng.random() < 0.5:
                    self.restart(number)
                else:
                    self.crash(number, rng.randrange(1, 40), rng.choice((0, 1, 100)))
            self.unit(number, [rng.randrange(1, 25) for _ in range(rng.randrange(1, 4))])

    # -- looking

    def snapshot(self, as_of: int | None = None) -> Snapshot:
        return self.reader.snapshot(self.clock if as_of is None else as_of, ready=True)

    def values(self, as_of: int | None = None) -> Values:
        return table(self.snapshot(as_of).records)


def live(
    events: Iterable[Event], as_of: int, settings: Settings, seed: int | None = None, partitions: int = 1,
    restarts: float = 0.0, warm: int = 50_000, compacted: bool = True,
) -> Values:  # fmt: skip
    """The board's values at `as_of` (an edge), the clock standing there. With a seed: in random units."""
    desk = Desk(settings, as_of, partitions, warm, compacted=compacted)
    for event in events:
        desk.send(event)
    if seed is None:
        desk.drain()
    else:
        desk.run(random.Random(seed), restarts)
    return desk.values()


def before(events: Iterable[Event], as_of: int) -> list[Event]:
    return [event for event in events if decode(body(event)).occurred_at < as_of]


def ledger_of(desk: Desk, partition: int = 0) -> Ledger:
    return desk.states[partition].ledger


def differences(found: Values, expected: Values, limit: int = 8) -> list[str]:
    """What to print when two engines disagree."""
    rows = []
    for key in sorted(found.keys() | expected.keys(), key=str):
        one, two = found.get(key), expected.get(key)
        if one != two:
            shown = [
                (row.value, row.count, row.low, row.high, row.previous, row.year_before, row.as_of, row.final)
                if row
                else "absent"
                for row in (one, two)
            ]
            rows.append(f"{key}: {shown[0]} instead of {shown[1]}")
    return rows[:limit]


def undated(values: Values) -> Values:
    """Aligned windows without `as_of`, which there says when they were computed, and a board computes what changed.

    And without their maturity, which moves with the clock alone: a test of its own.
    """
    return {
        key: record if key[2] is None else msgspec.structs.replace(record, as_of="")
        for key, record in values.items()
        if key[2] is None or key[0] != "maturity_ratio"
    }


def same(found: Values, expected: Values) -> None:
    """To the last digit, the same members, the same everything."""
    assert not differences(found, expected), "\n".join(differences(found, expected))
