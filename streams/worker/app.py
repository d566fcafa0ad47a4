"""The wiring of a worker: partition log, processors and the Faust agent, on one screen."""

from __future__ import annotations

from collections.abc import Callable

from streams.config import Settings
from streams.kafka.connection import Connection
from streams.kafka.topics import INPUTS, PANES, STATE
from streams.worker.hosting.agents import define_agent
from streams.worker.hosting.host import Host
from streams.worker.log.options import LogOptions
from streams.worker.log.partition_log import PartitionLog
from streams.worker.partition_state import PartitionState, wall_clock

__all__ = ["build"]


def build(
    settings: Settings,
    kafka: Connection,
    partitions: int,
    clock: Callable[[], int] = wall_clock,
    transactional: bool = True,
    on_unit: Callable[[int, int, float], None] | None = None,
) -> Host:
    """The Faust application of a worker, not yet started.

    ``partitions`` is the number of partitions of the input topics, ``clock`` now in ms. Not ``transactional`` means at
    least once, for a broker without transactions. ``on_unit`` is called after every commit with partition, records and
    the seconds that the commit took.
    """
    log = PartitionLog(_options(settings, kafka, transactional), _factory(settings, partitions, clock), on_unit)
    host = Host(settings.kafka.application, log)
    define_agent(host)
    return host


def _options(settings: Settings, kafka: Connection, transactional: bool) -> LogOptions:
    return LogOptions(
        application=settings.kafka.application,
        kafka=kafka,
        sources=INPUTS,
        changelogs=(STATE, PANES),
        transactional=transactional,
        unit_seconds=settings.worker.unit_ms / 1000,
        unit_records=settings.worker.unit_records,
        session_timeout_ms=settings.kafka.session_timeout_ms,
    )


def _factory(settings: Settings, partitions: int, clock: Callable[[], int]) -> Callable[[int], PartitionState]:
    """The maker of a partition's empty state, by its number."""
    policy = settings.policy()
    windows, aligned = settings.rolling(policy), settings.aligned(policy)
    warm, members = settings.worker.warm_entities, settings.worker.members

    def open_partition(partition: int) -> PartitionState:
        return PartitionState(partition, partitions, policy, windows, clock, warm, members, aligned)

    return open_partition
