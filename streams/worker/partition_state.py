"""The state of one partition: what the log folds records into, and what a unit writes."""

from __future__ import annotations

import base64
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from streams.core.derivation import state_format
from streams.core.derivation.event_store import EventStore
from streams.core.derivation.retention import Arrival
from streams.core.derivation.state_format import Stats
from streams.core.events.decoding import Rejected, decode, from_state, to_json
from streams.core.events.keys import owner, record_key
from streams.core.events.types import CustomerMerged, Event
from streams.core.ledger.grids import LiveGrid
from streams.core.ledger.ledger import Ledger
from streams.core.policy import Policy
from streams.core.temporal.instants import format_instant
from streams.core.temporal.ladder import DAYS
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow
from streams.core.temporal.windows import all_windows
from streams.core.tickets.breaches import Breaches
from streams.kafka.partitioner import partition_of
from streams.kafka.topics import CUSTOMERS, DEAD_LETTERS, PANES, SLA_BREACHES, STATE, TICKETS, topic_of
from streams.worker.log.processor import Output, Record
from streams.worker.placement import Placement

__all__ = ["PartitionState"]

_CHUNK: Final = 500
#: Bytes of a body kept in a dead letter, in base64, within the topic's 4 MiB; a compressed record can unpack to more.
_BURIED: Final = 2 * 1024 * 1024
_READABLE: Final = 128 * 1024
#: Headers of records passed on: the customer in whose partition they belong; that they were counted before; and of what
#: is no event but news, that two customers are one.
HOME: Final = "support-roi-home"
MOVED: Final = "support-roi-moved"
LINK: Final = "support-roi-link"
#: The kind of a state record that says where a customer lives.
_HOME_KIND: Final = "h"
#: How often panes out of every window's reach are taken out, in ms of the clock.
_SWEEP: Final = 60_000


def wall_clock() -> int:
    """Now, in ms."""
    return time.time_ns() // 1_000_000


class PartitionState:
    """A partition's book and ledger, with what Kafka needs around them.

    ``clock`` says which panes are of use (ms; the wall clock unless the worker runs as of another instant).
    ``partitions`` is the number of partitions of the input topics: who owns a key follows from it.
    """

    def __init__(
        self,
        partition: int,
        partitions: int,
        policy: Policy,
        windows: Sequence[RollingWindow],
        clock: Callable[[], int] = wall_clock,
        warm: int = 50_000,
        members: int = 1000,
        aligned: Sequence[AlignedWindow] = (),
    ) -> None:
        self.partition: Final = partition
        self._partitions = partitions
        self._clock = clock
        self._breaches: Final = Breaches(policy)
        self._make: Final = partial(_begin, policy, windows, aligned, clock, warm, members, self._breaches)
        self.ledger, self.book = self._make()
        self.stats = Stats()
        self._origin = state_format.origin(
            policy, [*(window.name for window in windows), *(kind.name for kind in aligned)]
        )
        self._found: state_format.Origin | None = None
        self._kept: dict[bytes, bytes] = {}
        self._stale: list[bytes] = []
        self._outputs: list[Output] = []
        #: Where merged customers live.
        self._homes: Final = Placement()
        self._counted = False
        self._swept = 0
        self._admitted: dict[str, int] = {}
        #: The newest event on a ticket since the unit began, ms; 0: none came.
        self._reached = 0

    @property
    def grid(self) -> LiveGrid:
        grid = self.ledger.grid
        assert isinstance(grid, LiveGrid)
        return grid

    # -- opening ----------------------------------------------------------------------------------------------

    def restore(self, topic: str, key: bytes, value: bytes | None) -> None:
        if topic == STATE:
            scope_id, entity = state_format.read_entity_key(key)
            if entity[0] == state_format.PENDING:
                self._breaches.restore(scope_id, entity[1], None if value is None else state_format.read_pending(value))
            elif entity[0] != _HOME_KIND:
                self.book.restore(scope_id, entity, value)
            elif value is not None:
                self._homes.restore(scope_id[1:], value.decode())
        elif value is not None:  # a changelog may hold a key many times: the last one says it all
            self._kept[key] = value
        else:
            self._kept.pop(key, None)

    def _take_up(self, key: bytes, value: bytes) -> None:
        kind, name = state_format.read_pane_key(key)
        if kind == "p":
            pane, margin = name
            self.ledger.panes.add(pane, margin, state_format.read_cell(value))
        elif kind == "c":
            self.book.derivation.accruals[name] = state_format.read_count(value)
        elif kind == "m":
            self.ledger.admitted[name] = state_format.read_members(value)
        elif kind == "s":
            self.stats = state_format.read_stats(value)
        else:
            self._found = state_format.read_origin(value)

    def restored(self) -> None:
        self.book.restored()
        self._breaches.restored()
        kept, self._kept = self._kept, {}
        for key, value in kept.items():
            self._take_up(key, value)
        self.book.derivation.flaws.orphans = self.stats.counters.get("orphans", 0)
        self.book.derivation.flaws.unconverted = self.stats.counters.get("unconverted", 0)
        self._admitted = {name: len(members) for name, members in self.ledger.admitted.items()}
        gc.freeze()  # what was restored stays: the collector need not look at it again
        if self._found is not None and self._found != self._origin:
            self._book_anew()

    def _book_anew(self) -> None:
        """The definitions changed: everything is booked again, by the events kept, and the old panes go."""
        self._stale = [
            *(state_format.pane_key(pane, margin) for pane, margin, _ in self.ledger.panes.everything()),
            *map(state_format.accrual_key, self.book.derivation.accruals),
        ]
        kept = self.book.stored()
        self._breaches.book_anew()
        self.ledger, self.book = self._make()
        for data in kept:
            arrived, events = from_state(data)
            for event in events:
                self.book.add(event, Arrival(arrived, 0))
        self._found = None

    # -- folding ----------------------------------------------------------------------------------------------

    @property
    def dirty(self) -> bool:
        return bool(self._stale) or self._breaches.due(self._clock())

    def apply(self, records: Sequence[Record]) -> None:
        arrived = wall_clock()
        for record in records:
            self._take(record, arrived)
        self._counted = self._counted or bool(records)

    def _take(self, record: Record, arrived: int) -> None:
        try:
            event = decode(record.value or b"", arrived)
        except Rejected as rejected:
            self._bury(record, arrived, rejected)
            return
        if type(event) is CustomerMerged and any(header == LINK for header, _ in record.headers):
            self._join(event)
            return
        elsewhere = self._elsewhere(event, record)
        if elsewhere is not None:
            self._outputs.append(elsewhere)
            self.stats.count("rekeyed")
            return
        try:
            outcome = self.book.add(event, Arrival(arrived, self._clock()))
        except Rejected as rejected:
            self._bury(record, arrived, rejected)
            return
        if outcome != "new":
            self.stats.count(outcome)
            return
        if type(event) is CustomerMerged:
            self._join(event)
        if any(name == MOVED for name, _ in record.headers):
            return  # counted where it first came
        self.stats.count("events")
        if record.topic == TICKETS:
            self._reached = max(self._reached, int(event.occurred_at))
        if event.occurred_at > self.stats.newest.get(record.topic, 0):
            self.stats.newest[record.topic] = int(event.occurred_at)

    # -- customers who live elsewhere -------------------------------------------------------------------------

    def _elsewhere(self, event: Event, record: Record) -> Output | None:
        """The record on its way to where it belongs; None if that is here."""
        name, key = owner(event), record_key(event)
        told = next((value.decode() for header, value in reversed(record.headers) if header == HOME), None)
        if name[0] != "c" or (told is None and self._homes.root(key) == key):
            at_home = name in self.book or self._owner(key) == self.partition
            return None if at_home else Output(record.topic, key.encode(), record.value)
        root = self._homes.root(key)
        if told is not None:
            root = min(root, self._homes.root(told))
            self._homes.point(key, root)
        where = self._owner(root)
        if where == self.partition:
            return None
        headers = [*(pair for pair in record.headers if pair[0] != HOME), (HOME, root.encode())]
        return Output(record.topic, key.encode(), record.value, where, headers)

    def _join(self, event: CustomerMerged) -> None:
        """Two customers are one: the group of the greater root is to live where the lesser one does."""
        one, other = event.customer_id, event.into_customer_id
        low, high = sorted((self._homes.root(one), self._homes.root(other)))
        if low == high:
            return
        self._homes.point(high, low)
        if self._owner(high) == self.partition:
            return  # who lives here with it moves when the unit is closed
        news = msgspec.structs.replace(event, customer_id=high, into_customer_id=low)
        self._outputs.append(Output(CUSTOMERS, high.encode(), to_json(news), self._owner(high), [(LINK, b"")]))

    def _move(self) -> Iterator[Output]:
        """Sends those who live elsewhere now there, with all their events, and notes who lives where."""
        for customer, root in self._homes.moved():
            if self._owner(root) == self.partition or "c" + customer not in self.book:
                continue
            removed = self.book.remove("c" + customer)
            for event in removed.events:
                whose, headers = record_key(event).encode(), [(MOVED, b""), (HOME, root.encode())]
                yield Output(topic_of(event), whose, to_json(event), self._owner(root), headers)
            for one, key in removed.keys:
                yield Output(STATE, state_format.entity_key(one, key), None, self.partition)
            self._breaches.forget(removed.owners)
            for one in removed.owners:
                self._homes.point(one[1:], root)
        for customer, root in self._homes.changed():
            yield Output(
                STATE, state_format.entity_key("c" + customer, (_HOME_KIND, "")), root.encode(), self.partition
            )

    def _owner(self, key: str) -> int:
        """The partition of a key by Kafka's default partitioner, whatever partitioner its producer had."""
        return partition_of(key.encode(), self._partitions)

    def _bury(self, record: Record, arrived: int, rejected: Rejected) -> None:
        reason = rejected.reason
        self.stats.dead_letters[reason] = self.stats.dead_letters.get(reason, 0) + 1
        message, value = str(rejected), record.value
        if value is not None and len(value) > _BURIED:
            message += f"; the record has the first {_BURIED} bytes, the source topic all of them"
            value = value[:_BURIED]
        letter = {
            "reason": reason,
            "message": message,
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "arrived_at": format_instant(arrived),
            "key": _text(record.key),
            "key_base64": _base64(record.key),
            "value": _text(value),
            "value_base64": _base64(value),
        }
        self._outputs.append(Output(DEAD_LETTERS, record.key, msgspec.json.encode(letter)))

    # -- a unit -----------------------------------------------------------------------------------------------

    def close(self) -> Iterator[Sequence[Output]]:
        self.grid.clock = self._clock()
        outputs = self._written()
        while chunk := list(islice(outputs, _CHUNK)):
            yield chunk

    def _written(self) -> Iterator[Output]:
        outputs, self._outputs = self._outputs, []
        yield from outputs
        yield from self._move()
        for scope_id, key, data in self.book.close():
            yield Output(STATE, state_format.entity_key(scope_id, key), data, self.partition)
        yield from self._told()
        for pane, value in self._panes():
            yield Output(PANES, pane, value, self.partition)

    def _told(self) -> Iterator[Output]:
        """Breaches, and what is left to tell.

        A unit that holds tickets' events tells what was broken before the last of them: a worker that catches up would
        else take for broken whatever is answered in a unit to come.
        """
        clock = min(self._reached or self.grid.clock, self.grid.clock)
        self._reached = 0
        for breach in self._breaches.tell(clock, self.book.ticket):
            yield Output(SLA_BREACHES, breach.id.encode(), msgspec.json.encode(breach))
        for (scope_id, ticket_id), pending in self._breaches.changed():
            key = state_format.entity_key(scope_id, (state_format.PENDING, ticket_id))
            yield Output(STATE, key, state_format.write(pending) if pending else None, self.partition)

    def _panes(self) -> Iterator[tuple[bytes, bytes | None]]:
        """The changed records of the panes topic; what was empty is taken away first, what is booked comes last."""
        yield from ((key, None) for key in self._stale)
        self._stale = []
        for pane, cells in self.ledger.flush().items():
            held = self.ledger.panes.cells(pane)
            for margin, key in zip(cells, state_format.pane_keys(pane, cells), strict=True):
                cell = held.get(margin)
                yield key, state_format.write(cell) if cell else None
        for slope in self.book.derivation.changed_accruals:
            times = self.book.derivation.accruals.get(slope, 0)
            yield state_format.accrual_key(slope), state_format.write(times) if times else None
        self.book.derivation.changed_accruals.clear()
        for dimension, members in self.ledger.admitted.items():
            if len(members) != self._admitted.get(dimension):
                self._admitted[dimension] = len(members)
                yield state_format.members_key(dimension), state_format.write(sorted(members))
        yield from self._sweep()
        if self._found != self._origin:
            self._found = self._origin
            yield state_format.ORIGIN_KEY, state_format.write(self._origin)
        if self._counted:
            self._counted = False
            self.stats.counters["orphans"] = self.book.derivation.flaws.orphans
            self.stats.counters["unconverted"] = self.book.derivation.flaws.unconverted
            yield state_format.STATS_KEY, state_format.write(self.stats)

    def _sweep(self) -> Iterator[tuple[bytes, None]]:
        """Takes out the panes that no window reaches any more."""
        clock = self.grid.clock
        if clock - self._swept < _SWEEP:
            return
        self._swept = clock
        for resolution in range(DAYS):
            for pane, cells in self.ledger.panes.drop_before(resolution, self.grid.keeps_from(resolution)):
                for key in state_format.pane_keys(pane, cells):
                    yield key, None

    def sealed(self) -> None:
        """Nothing to do: what a unit wrote is already what is held."""


def _begin(
    policy: Policy,
    windows: Sequence[RollingWindow],
    aligned: Sequence[AlignedWindow],
    clock: Callable[[], int],
    warm: int,
    members: int,
    breaches: Breaches,
) -> tuple[Ledger, EventStore]:
    grid = LiveGrid(windows, policy.days, clock(), [kind.compared for kind in aligned])
    ledger = Ledger(grid, members, dimensions=policy.dimensions, measures=policy.measures)
    return ledger, EventStore(policy, ledger, all_windows(windows, aligned), warm, breached=breaches.turn)


def _text(data: bytes | None) -> str | None:
    """The text of a body for people; None for what is no text, or too long to be read (escapes take 6 bytes)."""
    try:
        return None if data is None or len(data) > _READABLE else data.decode()
    except UnicodeDecodeError:
        return None


def _base64(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()
