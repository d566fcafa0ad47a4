"""A worker with a trivial processor, run as a process of its own and made to die where the test says.

Counts and sums per key into a changelog, one output per record. The faults sit in the connections that this
file puts under the log; the log itself knows nothing of them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from streams.kafka.connection import Connection
from streams.worker.hosting.host import Host, run
from streams.worker.log.clients import Clients
from streams.worker.log.options import LogOptions
from streams.worker.log.partition_log import PartitionLog
from streams.worker.log.processor import Output, Record

SETUP: dict[str, Any] = json.loads(os.environ.get("COUNTING_WORKER", "{}"))


class CountingProcessor:
    """count and sum by key; the record b"poison" breaks it."""

    commit_needed = False

    def __init__(self, partition: int, name: str, seconds: float = 0.0) -> None:
        self.partition, self.name, self.seconds = partition, name, seconds
        self.counts: dict[bytes, tuple[int, int]] = {}
        self.changed: set[bytes] = set()
        self.outputs: list[Output] = []

    def restore(self, topic: str, key: bytes, value: bytes | None) -> None:
        assert value is not None
        count, total = value.split(b",")
        self.counts[key] = (int(count), int(total))

    def restored(self) -> None:
        pass

    def apply(self, records: Sequence[Record]) -> None:
        for record in records:
            key, value = record.key, record.value
            if value == b"poison":
                raise ValueError("poison")
            assert key is not None
            assert value is not None
            count, total = self.counts.get(key, (0, 0))
            self.counts[key] = (count + 1, total + int(value))
            self.changed.add(key)
            self.outputs.append(
                Output(f"{self.name}-out", key, f"{record.topic}/{self.partition}/{record.offset}".encode())
            )
        time.sleep(self.seconds * len(records))

    def close(self) -> Iterator[Sequence[Output]]:
        yield self.outputs[::2]
        yield self.outputs[1::2]
        yield [
            Output(f"{self.name}-counts", key, b"%d,%d" % self.counts[key], self.partition)
            for key in sorted(self.changed)
        ]
        self.outputs = []
        self.changed = set()

    def committed(self) -> None:
        assert not self.changed


class Fault:
    """At one step of the n-th unit: sent, delivered, offsets, committing, committed."""

    def __init__(self, step: str, unit: int, number: int) -> None:
        self.step, self.unit, self.number, self.units = step, unit, number, 0

    def at(self, step: str) -> None:
        if step == "begun":
            self.units += 1
        if step == self.step and self.units >= self.unit:
            self.step = ""
            os.kill(os.getpid(), self.number)


class FaultyProducer(AIOKafkaProducer):  # type: ignore[misc]
    fault: Fault

    async def begin_transaction(self) -> None:
        await super().begin_transaction()
        self.fault.at("begun")

    async def send_batch(self, *args: Any, **kwargs: Any) -> Any:
        sent = await super().send_batch(*args, **kwargs)
        if self.fault.step == "sent" and self.fault.units >= self.fault.unit:
            await sent  # it must have reached the broker to do harm
            self.fault.at("sent")
        return sent

    async def send_offsets_to_transaction(self, *args: Any) -> None:
        self.fault.at("delivered")
        await super().send_offsets_to_transaction(*args)
        self.fault.at("offsets")

    async def commit_transaction(self) -> None:
        commit = asyncio.ensure_future(super().commit_transaction())
        if self.fault.step == "committing":
            await asyncio.sleep(0.002)
            self.fault.at("committing")
        await commit
        self.fault.at("committed")


class FaultyClients(Clients):
    def __init__(self, options: LogOptions, fault: Fault) -> None:
        super().__init__(options)
        self._fault = fault

    def make_producer(self, partition: int) -> AIOKafkaProducer:
        producer = super().make_producer(partition)
        producer.__class__ = FaultyProducer
        producer.fault = self._fault
        return producer

    async def start(self) -> None:
        await super().start()
        if not self.options.transactional:  # there the commit of the offsets is what ends a unit
            commit = self.consumer.commit

            async def faulty(offsets: Any) -> None:
                self._fault.at("begun")
                self._fault.at("delivered")
                await commit(offsets)

            self.consumer.commit = faulty


class FaultyLog(PartitionLog):
    fault: Fault

    def make_clients(self) -> Clients:
        return FaultyClients(self.options, self.fault)


def main() -> int:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    name = SETUP["name"]
    FaultyLog.fault = Fault(SETUP.get("step", ""), SETUP.get("unit", 1), SETUP.get("signal", int(signal.SIGKILL)))
    log = FaultyLog(
        LogOptions(
            application=name,
            kafka=Connection(SETUP["bootstrap"]),
            sources=[f"{name}-a", f"{name}-b"],
            changelogs=[f"{name}-counts"],
            transactional=SETUP.get("transactional", True),
            unit_seconds=SETUP.get("unit_seconds", 0.05),
            session_timeout_ms=SETUP.get("session_timeout_ms", 2000),
            group_instance_id=SETUP.get("instance"),
        ),
        lambda partition: CountingProcessor(partition, name, SETUP.get("seconds", 0.0)),
    )
    host = Host(name, log)

    @host.agent(host.batches)
    async def process(batches: Any) -> None:
        async for batch in batches:
            batch.processor.apply(batch.records)

    return run(host)


if __name__ == "__main__":
    sys.exit(main())
