"""The rate of draining the topics of a real Kafka: the worker, a bare consumer and a stock Faust agent."""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bench.data import ROI_TOML, SETTINGS
from bench.process import PATIENCE, ROOT
from bench.report import Row
from streams.core.temporal.instants import format_instant
from streams.demo.feed import send
from streams.demo.world import SimulatedEvent
from streams.kafka import admin
from streams.kafka.connection import Connection
from streams.kafka.topics import INPUTS

PARTITIONS = 4
SOURCES = [TopicPartition(topic, number) for topic in INPUTS for number in range(PARTITIONS)]


class Drained(NamedTuple):
    """``cpu`` are the CPU seconds of the process, ``whole`` the seconds since its start; 0 is not measured."""

    events: int
    seconds: float
    cpu: float = 0.0
    whole: float = 0.0


def measure(events: Sequence[SimulatedEvent], faust_events: int) -> Iterator[Row]:
    sys.path.insert(0, str(ROOT / "tests" / "integration"))
    broker: Any = importlib.import_module("kafka.broker")  # that of the tests

    try:
        server = broker.KafkaServer()
    except broker.KafkaUnavailable as error:
        yield Row("Kafka", "not measured", None, "", note=str(error))
        return
    with server:
        asyncio.run(_load(server.bootstrap, events))
        bare = asyncio.run(_bare(server.bootstrap, len(events)))
        reference = "the time of the bare consumer"
        yield Row("Kafka", "bare aiokafka + orjson.loads", bare.events / bare.seconds, "events/s", note="keeps nothing")
        drained = _faust(server.bootstrap, faust_events)
        rate = drained.events / drained.seconds
        ratio = bare.events / bare.seconds / rate
        note = f"one count by channel, at least once; the first {faust_events:,} events"
        yield Row("Kafka", "stock Faust agent, one table", rate, "events/s", ratio, reference, note)
        drained = _worker(server.bootstrap, len(events), events[-1].at)
        rate = drained.events / drained.seconds
        ratio = bare.events / bare.seconds / rate
        note = f"all metrics, all windows, exactly once; {drained.events:,} events, {PARTITIONS} partitions"
        yield Row("Kafka", "support-roi worker", rate, "events/s", ratio, reference, note)
        if drained.cpu:
            yield Row("Kafka", "support-roi worker, of one core", drained.events / drained.cpu, "events/CPU s")
        whole = len(events) / drained.whole
        note = f"{drained.whole:.1f} s: Python, joining the group and opening the partitions too"
        yield Row("Kafka", "support-roi worker, from its start", whole, "events/s", note=note)


async def _load(bootstrap: str, events: Sequence[SimulatedEvent]) -> None:
    async def slices() -> AsyncIterator[Sequence[SimulatedEvent]]:
        for start in range(0, len(events), 5000):
            yield events[start : start + 5000]

    await admin.ensure(Connection(bootstrap), PARTITIONS)
    await send(Connection(bootstrap), slices(), events_per_second=1e9)


async def _bare(bootstrap: str, count: int) -> Drained:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, max_partition_fetch_bytes=1 << 20) as consumer:
        consumer.assign(SOURCES)
        await consumer.seek_to_beginning()
        began, seen = time.perf_counter(), 0
        while seen < count:
            polled = await asyncio.wait_for(consumer.getmany(timeout_ms=1000, max_records=4000), PATIENCE)
            for records in polled.values():
                for record in records:
                    orjson.loads(record.value)
                seen += len(records)
        return Drained(count, time.perf_counter() - began)


def _faust(bootstrap: str, count: int) -> Drained:
    environment = {
        **os.environ,
        "BENCH_BOOTSTRAP": bootstrap,
        "BENCH_EVENTS": str(count),
        "BENCH_PARTITIONS": str(PARTITIONS),
        "BENCH_TOPICS": ",".join(INPUTS),
    }
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w+b") as log:
        script = str(Path(__file__).with_name("faust_agent.py"))
        command = [sys.executable, script, "worker", "-l", "error", "--without-web"]
        with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log) as process:
            try:
                assert process.stdout is not None
                result = json.loads(_json_line(process, process.stdout))
            except Exception as error:
                raise RuntimeError(f"the Faust agent failed:\n{_tail(log)}") from error
            finally:
                process.kill()
    return Drained(result["events"], result["seconds"])


def _json_line(process: subprocess.Popen[bytes], output: Any) -> bytes:
    """The line of the result: Faust prints a banner before it."""
    deadline = time.monotonic() + PATIENCE
    with selectors.DefaultSelector() as selector:
        selector.register(output, selectors.EVENT_READ)
        while time.monotonic() < deadline and process.poll() is None:
            if selector.select(timeout=1):
                line: bytes = output.readline()
                if line.startswith(b'{"events"'):
                    return line
    raise TimeoutError("no result")


def _worker(bootstrap: str, count: int, newest: int) -> Drained:
    with tempfile.TemporaryDirectory() as folder, open(Path(folder) / "log", "w+b") as log:
        config = Path(folder) / "roi.toml"
        config.write_text(ROI_TOML)
        command = [
            sys.executable, "-m", "streams", "--config", str(config), "worker", "--bootstrap-servers", bootstrap,
            "--as-of", format_instant(newest + 1000)[:-5] + "Z",
        ]  # fmt: skip
        with subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
            try:
                return asyncio.run(_drained(bootstrap, count, process))
            except Exception as error:
                raise RuntimeError(f"the worker failed:\n{_tail(log)}") from error
            finally:
                process.kill()


async def _drained(bootstrap: str, count: int, process: subprocess.Popen[bytes]) -> Drained:
    """The drain from the first unit seen committed to the last one."""
    client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await client.start()
    started = time.perf_counter()
    deadline = time.monotonic() + PATIENCE
    first: tuple[int, float, float] | None = None
    try:
        while time.monotonic() < deadline and process.poll() is None:
            done = await _committed(client)
            now, cpu = time.perf_counter(), _cpu(process.pid)
            if first is None and done:
                first = done, now, cpu
            if first is not None and done >= count:
                return Drained(done - first[0], max(now - first[1], 1e-9), cpu - first[2], now - started)
            await asyncio.sleep(0.02)
    finally:
        await client.close()
    raise TimeoutError(f"not drained; exit code {process.poll()}")


async def _committed(client: Any) -> int:
    """Events in committed units so far."""
    try:
        offsets = await client.list_consumer_group_offsets(SETTINGS.kafka.application, partitions=SOURCES)
    except KafkaError:  # the first request for a coordinator creates its topic
        return 0
    return sum(max(offset.offset, 0) for offset in offsets.values())


def _cpu(pid: int) -> float:
    """CPU seconds of a process so far; 0 without /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def _tail(log: Any) -> str:
    log.seek(0)
    text: str = log.read().decode(errors="replace")
    return text[-3000:]
