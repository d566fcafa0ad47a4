"""The state of one partition: the processor to which the partition log gives records, and what a unit writes."""

from __future__ import annotations

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
from streams.core.events.decoding import Rejected, decode, from_state
from streams.core.events.types import CustomerMerged, Event
from streams.core.ledger.grids import LiveGrid
from streams.core.ledger.ledger import Ledger
from streams.core.policy import Policy
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow
from streams.core.temporal.windows import all_windows
from streams.core.tickets.breaches import Breaches
from streams.kafka.topics import PANES, SLA_BREACHES, STATE, TICKETS
from streams.worker.dead_letters import dead_letter
from streams.worker.log.processor import Output, Record
from streams.worker.panes_changelog import PanesChangelog
from streams.worker.relocation import PLACEMENT_KIND, Relocation, is_merge_notice, is_moved

__all__ = ["PartitionState", "wall_clock"]

#: Outputs that a unit hands over at once; between two chunks the heartbeat gets its turn.
_CHUNK: Final = 500


def wall_clock() -> int:
    """Now, in ms."""
    return time.time_ns() // 1_000_000


class PartitionState:
    """One partition's event store and ledger, and the records that keep them in Kafka: a ``Processor``.

    ``partition`` is its number, of ``partitions`` that the input topics have. ``clock`` is now in ms and decides which
    panes are of use: the wall clock, unless the worker runs as of another instant. At most ``warm`` entities are held
    decoded between units, at most ``members`` distinguished in a dimension.
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
        self.stats = Stats()
        self._clock = clock
        self._breaches: Final = Breaches(policy)
        self._new_stores: Final = partial(_new_stores, policy, windows, aligned, clock, warm, members, self._breaches)
        self.ledger, self.event_store = self._new_stores()
        window_names = [*(window.name for window in windows), *(window.name for window in aligned)]
        self._panes: Final = PanesChangelog(state_format.origin(policy, window_names))
        self._relocation: Final = Relocation(partition, partitions)
        #: Forwarded records and dead letters of the open unit.
        self._outputs: list[Output] = []
        self._has_records = False
        #: The newest event on a ticket in the open unit, ms; 0: none.
        self._newest_ticket_ms = 0

    @property
    def grid(self) -> LiveGrid:
        """The ledger's grid."""
        grid = self.ledger.grid
        assert isinstance(grid, LiveGrid)
        return grid

    # -- opening ----------------------------------------------------------------------------------------------

    def restore(self, topic: str, key: bytes, value: bytes | None) -> None:
        """Takes one changelog record; a value of None removes the key."""
        if topic == STATE:
            self._restore_state(key, value)
        else:
            self._panes.restore(key, value)

    def _restore_state(self, key: bytes, value: bytes | None) -> None:
        owner_name, entity = state_format.read_entity_key(key)
        if entity[0] == state_format.PENDING:
            pending = None if value is None else state_format.read_pending(value)
            self._breaches.restore(owner_name, entity[1], pending)
        elif entity[0] != PLACEMENT_KIND:
            self.event_store.restore(owner_name, entity, value)
        elif value is not None:
            self._relocation.restore(owner_name[1:], value.decode())

    def restored(self) -> None:
        """Ends restoring; under changed definitions, everything is booked again.

        Raises ``StateError`` for state that this version does not know.
        """
        self.event_store.restored()
        self._breaches.restored()
        self.stats = self._panes.load(self.ledger, self.event_store.derivation)
        flaws = self.event_store.derivation.flaws
        flaws.orphans = self.stats.counters.get("orphans", 0)
        flaws.unconverted = self.stats.counters.get("unconverted", 0)
        gc.freeze()  # restored state stays: the collector need not look at it again
        if self._panes.has_other_origin:
            self._rebook()

    def _rebook(self) -> None:
        """Books everything again, by the events in the store; the next unit removes the old panes."""
        self._panes.retire(self.ledger, self.event_store.derivation)
        entities = self.event_store.stored()
        self._breaches.rebook()
        self.ledger, self.event_store = self._new_stores()
        for data in entities:
            arrived, events = from_state(data)
            for event in events:
                self.event_store.add(event, Arrival(arrived, 0))

    # -- records ----------------------------------------------------------------------------------------------

    @property
    def commit_needed(self) -> bool:
        """True if a unit has something to write even without new records: old panes, or a deadline that passed."""
        return self._panes.has_outdated_keys or self._breaches.due(self._clock())

    def apply(self, records: Sequence[Record]) -> None:
        """Takes records of the input topics into the open unit."""
        arrived_ms = wall_clock()
        for record in records:
            try:
                self._apply(record, arrived_ms)
            except Rejected as rejected:
                self.stats.dead_letters[rejected.reason] = self.stats.dead_letters.get(rejected.reason, 0) + 1
                self._outputs.append(dead_letter(record, rejected, arrived_ms))
        self._has_records = self._has_records or bool(records)

    def _apply(self, record: Record, arrived_ms: int) -> None:
        """Takes one record; raises ``Rejected`` for one that becomes a dead letter."""
        event = decode(record.value or b"", arrived_ms)
        if type(event) is CustomerMerged and is_merge_notice(record):
            self._merge(event)
            return
        forwarded = self._relocation.forwarded(event, record, self.event_store)
        if forwarded is not None:
            self._outputs.append(forwarded)
            self.stats.count("rekeyed")
            return
        outcome = self.event_store.add(event, Arrival(arrived_ms, self._clock()))
        if outcome != "new":
            self.stats.count(outcome)
            return
        if type(event) is CustomerMerged:
            self._merge(event)
        if not is_moved(record):
            self._count(event, record.topic)

    def _merge(self, event: CustomerMerged) -> None:
        notice = self._relocation.merge(event)
        if notice is not None:
            self._outputs.append(notice)

    def _count(self, event: Event, topic: str) -> None:
        """Counts a new event."""
        occurred_ms = int(event.occurred_at)
        self.stats.count("events")
        if topic == TICKETS:
            self._newest_ticket_ms = max(self._newest_ticket_ms, occurred_ms)
        if occurred_ms > self.stats.newest.get(topic, 0):
            self.stats.newest[topic] = occurred_ms

    # -- a unit -----------------------------------------------------------------------------------------------

    def close(self) -> Iterator[Sequence[Output]]:
        """Closes the unit: its outputs in chunks, derived lazily; to be run to its end."""
        self.grid.clock = self._clock()
        outputs = self._unit_outputs()
        while chunk := list(islice(outputs, _CHUNK)):
            yield chunk

    def _unit_outputs(self) -> Iterator[Output]:
        outputs, self._outputs = self._outputs, []
        yield from outputs
        yield from self._relocation.departures(self.event_store, self._breaches)
        for owner_name, entity, data in self.event_store.close():
            yield Output(STATE, state_format.entity_key(owner_name, entity), data, self.partition)
        yield from self._breach_outputs()
        derivation, stats = self.event_store.derivation, self._changed_stats()
        for key, value in self._panes.changes(self.ledger, derivation, self.grid, stats):
            yield Output(PANES, key, value, self.partition)

    def _breach_outputs(self) -> Iterator[Output]:
        """The breaches that have become certain or are retracted, and the pending ones as they are now.

        A unit with events on tickets publishes the breaches before the newest of these: a worker that catches up would
        else publish a breach of a deadline that an event of a later unit meets.
        """
        clock = min(self._newest_ticket_ms or self.grid.clock, self.grid.clock)
        self._newest_ticket_ms = 0
        for breach in self._breaches.take_due(clock, self.event_store.ticket):
            yield Output(SLA_BREACHES, breach.id.encode(), msgspec.json.encode(breach))
        for (owner_name, ticket_id), pending in self._breaches.take_changes():
            key = state_format.entity_key(owner_name, (state_format.PENDING, ticket_id))
            yield Output(STATE, key, state_format.write(pending) if pending else None, self.partition)

    def _changed_stats(self) -> Stats | None:
        """The partition's counters; None if the unit had no records."""
        if not self._has_records:
            return None
        self._has_records = False
        flaws = self.event_store.derivation.flaws
        self.stats.counters |= {"orphans": flaws.orphans, "unconverted": flaws.unconverted}
        return self.stats

    def committed(self) -> None:
        """Nothing to do: what a unit writes is already held."""


def _new_stores(
    policy: Policy,
    windows: Sequence[RollingWindow],
    aligned: Sequence[AlignedWindow],
    clock: Callable[[], int],
    warm: int,
    members: int,
    breaches: Breaches,
) -> tuple[Ledger, EventStore]:
    """An empty ledger, and the event store that books into it."""
    grid = LiveGrid(windows, policy.days, clock(), [window.comparison_pane for window in aligned])
    ledger = Ledger(grid, members, dimensions=policy.dimensions, measures=policy.measures)
    return ledger, EventStore(policy, ledger, all_windows(windows, aligned), warm, breached=breaches.exchange)
