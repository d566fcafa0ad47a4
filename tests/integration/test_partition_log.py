"""Exactly once, on a real Kafka, under everything that can happen to a worker."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from confluent_kafka import Producer
from counting_worker import CountingProcessor
from kafka.broker import KafkaServer

from streams.kafka.connection import Connection
from streams.worker.hosting.host import Host, serve
from streams.worker.log.options import LogOptions
from streams.worker.log.partition_log import PartitionLog
from streams.worker.log.processor import Batch, Output

HERE = Path(__file__).parent
PARTITIONS = 4
SLOW = 50e-6  # seconds a record: what makes a test last long enough to be disturbed

pytestmark = pytest.mark.timeout(120)


class Run:
    """The topics of one test, its workers, and the comparison of what went in with what came out."""

    def __init__(self, kafka: KafkaServer, name: str, folder: Path) -> None:
        self.kafka, self.name, self.folder = kafka, name, folder
        self.sources = [f"{name}-a", f"{name}-b"]
        self.workers: list[subprocess.Popen[bytes]] = []
        self.expected: dict[bytes, tuple[int, int]] = {}
        kafka.create_topics(dict.fromkeys((*self.sources, f"{name}-out"), PARTITIONS))
        kafka.create_topics({f"{name}-counts": PARTITIONS}, {"cleanup.policy": "compact"})

    # -- input

    def feed(self, records: int, keys: int = 500) -> None:
        asyncio.run(self._feed(records, keys))

    async def _feed(self, records: int, keys: int) -> None:
        counts: dict[bytes, list[int]] = defaultdict(lambda: [0, 0])
        async with AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap, linger_ms=5) as producer:
            for n in range(records):
                key = b"k%d" % (n % keys)
                counts[key][0] += 1
                counts[key][1] += n
                await producer.send(self.sources[n % 2], b"%d" % n, key)
            await producer.flush()
        self.expected = {key: (count, total) for key, (count, total) in counts.items()}

    def poison(self) -> None:
        asyncio.run(self._poison())

    async def _poison(self) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.kafka.bootstrap) as producer:
            for partition in range(PARTITIONS):
                await producer.send_and_wait(self.sources[0], b"poison", b"k", partition)

    # -- workers

    def start(self, **setup: Any) -> subprocess.Popen[bytes]:
        setup = {"name": self.name, "bootstrap": self.kafka.bootstrap, "seconds": SLOW, **setup}
        with (self.folder / f"worker-{len(self.workers)}.err").open("wb") as err:
            worker = subprocess.Popen(
                [sys.executable, str(HERE / "counting_worker.py")],
                env={**os.environ, "COUNTING_WORKER": json.dumps(setup), "PYTHONPATH": str(HERE.parents[1])},
                cwd=self.folder,
                stderr=err,
            )
        self.workers.append(worker)
        return worker

    def stderr(self, worker: subprocess.Popen[bytes]) -> str:
        return (self.folder / f"worker-{self.workers.index(worker)}.err").read_text()

    def terminate(self, worker: subprocess.Popen[bytes]) -> None:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0, self.stderr(worker)

    def died(self, worker: subprocess.Popen[bytes], seconds: float = 30) -> None:
        assert worker.wait(seconds) == -signal.SIGKILL, self.stderr(worker)

    def end(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                worker.kill()
                worker.wait()

    # -- output

    def committed(self) -> int:
        """Records done; -1 where nothing was ever committed counts as none."""
        return asyncio.run(self._committed())

    async def _committed(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(self.name)
        except GroupCoordinatorNotAvailableError:  # the first group of a fresh broker
            found = {}
        finally:
            await admin.close()
        return sum(max(0, offset.offset) for offset in found.values())

    def wait_until(self, records: int, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (done := self.committed()) < records:
            alive = [worker for worker in self.workers if worker.poll() is None]
            errors = "\n".join(self.stderr(worker)[-3000:] for worker in self.workers)
            assert alive, f"no worker is left after {done} records:\n{errors}"
            assert time.monotonic() < deadline, f"{done} of {records} records:\n{errors}"
            time.sleep(0.1)

    def differences(self) -> list[str]:
        return asyncio.run(self._differences())

    async def _differences(self) -> list[str]:
        outputs = Counter(value for _, value in await self._read(f"{self.name}-out"))
        fed = sum(count for count, _ in self.expected.values())
        found = []
        if doubled := [value for value, count in outputs.items() if count > 1]:
            found.append(f"{len(doubled)} records came out twice, such as {doubled[0]!r}")
        if len(outputs) != fed:
            found.append(f"{len(outputs)} of {fed} records came out")
        counts = {}
        for key, value in await self._read(f"{self.name}-counts"):
            count, total = value.split(b",")
            counts[key] = (int(count), int(total))
        if wrong := [key for key in self.expected if counts.get(key) != self.expected[key]]:
            key = wrong[0]
            found.append(f"{len(wrong)} keys: {key!r} is {counts.get(key)}, should be {self.expected[key]}")
        return found

    async def _read(self, topic: str) -> list[tuple[bytes, bytes]]:
        records = []
        sources = [TopicPartition(topic, n) for n in range(PARTITIONS)]
        async with AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap, isolation_level="read_committed"
        ) as consumer:
            end = await consumer.end_offsets(sources)
            consumer.assign(sources)
            for source in sources:
                consumer.seek(source, 0)
            while [s for s in sources if await consumer.position(s) < end[s]]:
                for polled in (await consumer.getmany(timeout_ms=1000)).values():
                    records += [(record.key, record.value) for record in polled]
        return records


@pytest.fixture
def run(kafka: KafkaServer, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Run]:
    made = Run(kafka, request.node.name.partition("[")[0].replace("_", "-"), tmp_path)
    yield made
    made.end()


def test_killed_anywhere(run: Run) -> None:
    run.feed(60_000)
    rng = random.Random(7)
    for _ in range(8):
        worker, before = run.start(instance="one"), run.committed()
        run.wait_until(before + 1)
        time.sleep(rng.uniform(0, 0.25))
        assert worker.poll() is None
        worker.kill()
        worker.wait()
    assert run.committed() < 60_000, "the kills came too late to be a test"
    last = run.start(instance="one", seconds=0)
    run.wait_until(60_000)
    run.terminate(last)
    assert run.differences() == []


STEPS = ["sent", "delivered", "offsets", "committing", "committed"]


def test_killed_inside_a_unit(run: Run) -> None:
    run.feed(60_000)
    for n, step in enumerate([*STEPS, "sent", "delivered", "committing"]):
        run.died(run.start(instance="one", step=step, unit=2 + n % 3))
    assert run.committed() < 60_000, "the kills came too late to be a test"
    last = run.start(instance="one", seconds=0)
    run.wait_until(60_000)
    run.terminate(last)
    assert run.differences() == []


def test_without_transactions_the_same_kills_are_seen(run: Run) -> None:
    """The test of the test: a log that only looks exactly-once must not pass."""
    run.feed(20_000)
    for _ in range(3):
        run.died(run.start(instance="one", step="delivered", unit=3, transactional=False))
    last = run.start(instance="one", seconds=0, transactional=False)
    run.wait_until(20_000)
    run.terminate(last)
    assert any("came out twice" in difference for difference in run.differences())


def test_workers_come_and_go(run: Run) -> None:
    run.feed(120_000)
    first = run.start()
    run.wait_until(1)
    second, third = run.start(), run.start()
    run.wait_until(run.committed() + 30_000)
    run.terminate(second)
    run.wait_until(run.committed() + 10_000)
    third.kill()
    run.wait_until(120_000)
    run.terminate(first)
    assert run.differences() == []


def test_a_worker_that_slept_is_fenced_and_ends(run: Run) -> None:
    run.feed(40_000)
    sleeper = run.start(step="delivered", unit=3, signal=int(signal.SIGSTOP))
    run.wait_until(1)
    other = run.start()
    run.wait_until(40_000)
    assert sleeper.poll() is None
    sleeper.send_signal(signal.SIGCONT)
    assert sleeper.wait(20) == 1, run.stderr(sleeper)
    assert "nothing of the open unit was committed" in run.stderr(sleeper)
    run.terminate(other)
    assert run.differences() == []


def test_a_processor_that_fails_ends_the_process_and_commits_nothing(run: Run) -> None:
    run.poison()
    worker = run.start()
    assert worker.wait(20) == 1, run.stderr(worker)
    assert "ValueError: poison" in run.stderr(worker)
    assert run.committed() == 0
    assert run.differences() == []


def test_plain_mode(run: Run) -> None:
    run.feed(40_000)
    worker = run.start(transactional=False)
    run.wait_until(1)
    run.terminate(worker)
    worker = run.start(transactional=False, seconds=0)
    run.wait_until(40_000)
    run.terminate(worker)
    assert run.differences() == []


# -- in this process: what no death is needed for


class Clockwork(CountingProcessor):
    """Has something to say though no record comes."""

    def __init__(self, partition: int, name: str) -> None:
        super().__init__(partition, name)
        self.commit_needed = True  # type: ignore[misc]

    def close(self) -> Iterator[Any]:
        self.commit_needed = False
        yield from super().close()
        yield [Output(f"{self.name}-out", None, b"tick", self.partition)]


def options(run: Run, **changes: Any) -> LogOptions:
    return LogOptions(
        **{
            "application": run.name,
            "kafka": Connection(run.kafka.bootstrap),
            "sources": run.sources,
            "changelogs": [f"{run.name}-counts"],
            "session_timeout_ms": 2000,
            "unit_seconds": 0.05,
            **changes,
        }
    )


async def read(log: PartitionLog) -> None:
    async for batch in log:
        batch.processor.apply(batch.records)


async def until(true: Any) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def test_a_clock_driven_output_needs_no_record(run: Run) -> None:
    async def scenario() -> list[int]:
        units: list[int] = []
        log = PartitionLog(
            options(run), lambda p: Clockwork(p, run.name), lambda p, records, seconds: units.append(records)
        )
        reading = asyncio.create_task(read(log))
        await until(lambda: len(units) == PARTITIONS)
        await asyncio.sleep(0.3)  # and nothing more: an idle partition makes no units
        await log.stop()
        await reading
        return units

    assert asyncio.run(scenario()) == [0] * PARTITIONS
    assert len(asyncio.run(run._read(f"{run.name}-out"))) == PARTITIONS


def test_state_is_kept_over_a_rebalance_and_restored_elsewhere(run: Run) -> None:
    run.feed(4_000)

    async def scenario() -> None:
        first = PartitionLog(options(run), lambda p: CountingProcessor(p, run.name))
        reading = asyncio.create_task(read(first))
        await until(lambda: sum(p.units for p in first.partitions.values()) >= PARTITIONS)
        await until(lambda: all(p.lag == 0 and not p.uncommitted_records for p in first.partitions.values()))
        second = PartitionLog(options(run), lambda p: CountingProcessor(p, run.name))
        joining = asyncio.create_task(read(second))
        await until(lambda: [p.state for p in second.partitions.values()] == ["running"] * 2)
        await until(lambda: [p.state for p in first.partitions.values()] == ["running"] * 2)
        assert all(p.reused and not p.restored_records for p in first.partitions.values())
        assert all(p.restored_records >= 100 and not p.reused for p in second.partitions.values())
        for log, task in ((second, joining), (first, reading)):
            await log.stop()
            await task

    asyncio.run(scenario())
    assert run.differences() == []


def test_the_host_inside_a_running_loop(run: Run) -> None:
    run.poison()

    async def scenario() -> None:
        log = PartitionLog(options(run), lambda p: CountingProcessor(p, run.name))
        host = Host(run.name, log)

        @host.agent(host.batches)
        async def process(batches: Any) -> None:
            async for batch in batches:
                batch.processor.apply(batch.records)

        await serve(host, asyncio.Event())

    with pytest.raises(ValueError, match="poison"):
        asyncio.run(scenario())
    assert run.committed() == 0


def test_missing_topics_are_named(run: Run) -> None:
    async def scenario() -> None:
        log = PartitionLog(options(run, changelogs=["nowhere"]), lambda p: CountingProcessor(p, run.name))
        try:
            await read(log)
        finally:
            await log.abandon()

    with pytest.raises(RuntimeError, match="missing topics: nowhere"):
        asyncio.run(scenario())


class Source:
    key, timestamp, headers = b"k", 0, ()

    def __init__(self, offset: int) -> None:
        self.topic, self.partition, self.offset, self.value = "t", 0, offset, b"%d" % offset


def test_an_agent_is_tested_without_kafka() -> None:
    async def scenario() -> CountingProcessor:
        host = Host("x", PartitionLog(LogOptions(application="x", kafka=Connection(""), sources=[]), None))  # type: ignore[arg-type]

        @host.agent(host.batches)
        async def process(batches: Any) -> None:
            async for batch in batches:
                batch.processor.apply(batch.records)

        counting = CountingProcessor(0, "x")
        async with process.test_context() as agent:
            await agent.put(Batch(0, [Source(n) for n in range(3)], counting))
            await agent.put(Batch(0, [Source(n) for n in range(3)], counting))
            await asyncio.sleep(0)
        return counting

    assert asyncio.run(scenario()).counts == {b"k": (6, 6)}


def test_plain_mode_on_the_mock_cluster_of_the_demo() -> None:
    mock = Producer({"bootstrap.servers": "", "test.mock.num.brokers": 1})
    broker = next(iter(mock.list_topics(timeout=10).brokers.values()))

    async def scenario() -> int:
        log = PartitionLog(
            LogOptions(
                application="demo",
                kafka=Connection(f"{broker.host}:{broker.port}"),
                sources=["a", "b"],
                changelogs=["x-counts"],
                transactional=False,
                unit_seconds=0.05,
            ),
            lambda p: processors.setdefault(p, CountingProcessor(p, "x")),
        )
        processors: dict[int, CountingProcessor] = {}
        reading = asyncio.create_task(read(log))
        await until(lambda: [p.state for p in log.partitions.values()] == ["running"] * 4)
        for n in range(2000):
            mock.produce("ab"[n % 2], b"%d" % n, b"k%d" % (n % 50))
        mock.flush(10)
        await until(lambda: sum(p.lag or 0 for p in log.partitions.values()) == 0)
        await until(lambda: sum(c for p in processors.values() for c, _ in p.counts.values()) == 2000)
        await log.stop()
        await reading
        return sum(total for p in processors.values() for _, total in p.counts.values())

    assert asyncio.run(scenario()) == sum(range(2000))
