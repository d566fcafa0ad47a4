"""The whole product on a real Kafka, as its users run it: processes of `python -m streams`, and what they wrote.

Topic names are fixed by contract, so each test gets the broker's topics anew (a second) and an application of its
own. Reading and raw sending is done with librdkafka: another client than the product's, and not asynchronous.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from kafka.broker import KafkaServer

from streams.core.derivation.state_format import PENDING, read_pane_key
from streams.core.events.decoding import Rejected, decode
from streams.core.events.keys import record_key
from streams.core.temporal.instants import parse_instant
from streams.kafka import admin
from streams.kafka.connection import Connection
from streams.kafka.topics import INPUTS, PANES, STATE, topics

T = TypeVar("T")
Row = dict[str, Any]
RowKey = tuple[str, str, str | None, str, str]

HERE = Path(__file__).parent
# packages beside this folder (the oracle's events, the contract's cases): not there unless those tests run too
sys.path.insert(1, str(HERE.parent))

_UNDECIDED = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
PATIENCE = 60.0  # seconds for what takes one or two on an idle machine
#: What a process that ended in order must not have said.
COMPLAINTS = re.compile(r"Traceback|never retrieved|was destroyed|Unclosed|never awaited")


def until(what: str, ask: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """Asks until the answer is something; names what was waited for, and the last answer, when it never is."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)


def toml(value: Any) -> str:
    """A TOML value; a mapping becomes an inline table."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def settings_file(path: Path, settings: Mapping[str, Any]) -> None:
    path.write_text("".join(f"{key} = {toml(value)}\n" for key, value in settings.items()))


def stamp(at: int) -> str:
    """An instant of whole seconds (ms) as the commands take it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at // 1000))


def by_key(rows: Iterable[Row]) -> dict[RowKey, Row]:
    found: dict[RowKey, Row] = {}
    for row in rows:
        key = (row["metric"], row["window"], row["period_start"], row["dimension"], row["member"])
        assert key not in found, f"{key} is there twice"
        found[key] = row
    return found


def differences(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> list[str]:
    """The first few, in words."""
    keys = sorted((key for key in found.keys() | expected.keys() if found.get(key) != expected.get(key)), key=repr)
    said = [f"{key}: {found.get(key)} should be {expected.get(key)}" for key in keys[:5]]
    return [f"{len(keys)} of {len(expected)} differ", *said] if keys else []


def same(found: Mapping[Any, Any], expected: Mapping[Any, Any]) -> None:
    said = differences(found, expected)
    assert not said, "\n".join(said)


class Process:
    """A subprocess with its output in files: a pipe nobody reads would stop it."""

    def __init__(self, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self.name = f"{len(list(folder.glob('*.err'))):02d}"
        self._out, self._err = folder / f"{self.name}.out", folder / f"{self.name}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(command, stdout=out, stderr=err, cwd=folder, env=dict(environ))

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def alive(self) -> bool:
        return self.popen.poll() is None

    def said(self, pattern: str) -> re.Match[str]:
        """Waits until it says something on stderr."""

        def ask() -> re.Match[str] | None:
            match = re.search(pattern, self.err)
            assert match or self.alive, f"ended with {self.popen.returncode} before {pattern!r}:\n{self.err[-3000:]}"
            return match

        return until(f"{pattern!r} on stderr", ask)

    def signal(self, number: signal.Signals) -> None:
        self.popen.send_signal(number)

    def kill(self) -> None:
        """Dead at once, nothing said, nothing done; also where it is stopped."""
        if self.alive:
            self.popen.kill()
        self.popen.wait()

    def ends(self, seconds: float = PATIENCE) -> int:
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not end:\n{self.err[-3000:]}") from None

    def ended_well(self, seconds: float = PATIENCE) -> None:
        assert self.ends(seconds) == 0, self.err[-3000:]
        assert not COMPLAINTS.search(self.err), self.err[-3000:]

    def ends_with(self, code: int) -> Self:
        assert self.ends() == code, self.err[-3000:]
        return self

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)
        self.ended_well()


class Board:
    """A board's process, by its pages."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.url = process.said(r"(?:board on|wall +)\s*(http://\S+)")[1].rstrip("/")

    def get(self, path: str) -> tuple[int, bytes]:
        assert self.process.alive, self.process.err[-3000:]
        try:
            with urllib.request.urlopen(self.url + path, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError as error:
            raise AssertionError(f"{self.url}{path}: {error}\n{self.ending()}") from None

    def ending(self) -> str:
        """Why it is not there: what it said as it ended, once it has."""
        deadline = time.monotonic() + 5
        while self.process.alive and time.monotonic() < deadline:
            time.sleep(0.05)
        return f"{self.process.popen.returncode}: {self.process.err[-3000:]}"

    def page(self, path: str) -> bytes:
        status, body = self.get(path)
        assert status == 200, (status, body[:500])
        return body

    def health(self) -> Row:
        health: Row = json.loads(self.get("/healthz")[1])
        return health

    def wait_until_ready(self, seconds: float = PATIENCE) -> None:
        until("the board is ready", lambda: self.get("/healthz")[0] == 200, seconds)

    def rows(self) -> dict[RowKey, Row]:
        """All values, of one snapshot."""
        self.wait_until_ready()
        return by_key(json.loads(self.page("/api/metrics")))

    def has(self, wanted: Callable[[dict[RowKey, Row]], bool], seconds: float = 20) -> None:
        """Waits until the values are as wanted, for so long; says nothing of what is wrong with them."""
        deadline = time.monotonic() + seconds
        while not wanted(self.rows()) and time.monotonic() < deadline:
            time.sleep(0.2)

    def shows(self, expected: Mapping[RowKey, Row], seconds: float = PATIENCE) -> None:
        """Waits until the board shows exactly these values."""
        found: dict[RowKey, Row] = {}

        def ask() -> bool:
            found.clear()
            found.update(self.rows())
            return found == expected

        deadline = time.monotonic() + seconds
        while not ask():
            assert time.monotonic() < deadline, "\n".join(differences(found, expected))
            time.sleep(0.2)


class System:
    """One product on the broker: fresh topics, an application of its own, a folder with roi.toml and all output."""

    def __init__(self, kafka: KafkaServer, folder: Path, settings: Mapping[str, Any] | None = None) -> None:
        self.kafka, self.folder = kafka, folder
        self.application = f"test-{uuid.uuid4().hex[:12]}"
        self.processes: list[Process] = []
        self._consumers: dict[str, Consumer] = {}
        folder.mkdir(parents=True, exist_ok=True)
        # a dead worker must be missed soon, a board must refresh soon
        kafka_settings = {"bootstrap_servers": kafka.bootstrap, "session_timeout_ms": 3000}
        settings_file(
            folder / "roi.toml", {"kafka": kafka_settings, "board": {"refresh_seconds": 2}, **(settings or {})}
        )
        self.environ = {k: v for k, v in os.environ.items() if not k.startswith("SUPPORT_ROI_")}
        self.environ["SUPPORT_ROI_KAFKA_APPLICATION"] = self.application
        self.environ["PYTHONPATH"] = os.pathsep.join([str(HERE.parents[1]), str(HERE)])

    def __enter__(self) -> Self:
        self.fresh_topics()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()
        for consumer in self._consumers.values():
            consumer.close()

    # -- topics

    def remove_topics(self) -> None:
        client = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        there = sorted(set(topics().by_name) & set(client.list_topics(timeout=PATIENCE).topics))
        if there:
            for done in client.delete_topics(there).values():
                done.result(PATIENCE)
        until("the topics are gone", lambda: not set(there) & set(client.list_topics(timeout=PATIENCE).topics))

    def fresh_topics(self, partitions: int = 4) -> None:
        self.remove_topics()
        asyncio.run(admin.ensure(Connection(self.kafka.bootstrap), partitions))
        client = AdminClient({"bootstrap.servers": self.kafka.bootstrap})

        def led() -> bool:
            found = client.list_topics(timeout=PATIENCE).topics
            names = topics().by_name
            return all(name in found and all(p.leader >= 0 for p in found[name].partitions.values()) for name in names)

        until("the topics are there", led)

    # -- commands

    def start(self, *command: str, **environ: str) -> Process:
        process = Process([sys.executable, *command], self.folder, {**self.environ, **environ})
        self.processes.append(process)
        return process

    def cli(self, *arguments: object) -> Process:
        return self.start("-m", "streams", *map(str, arguments))

    def run(self, *arguments: object) -> Process:
        """A command that ends by itself, and well."""
        process = self.cli(*arguments)
        process.ended_well(120)
        return process

    def worker(self, as_of: int | None = None) -> Process:
        return self.cli("worker", *([] if as_of is None else ["--as-of", stamp(as_of)]))

    def faulty_worker(self, as_of: int, **setup: Any) -> Process:
        """A worker that dies where it is told to; see faulty_worker.py."""
        setup = {"bootstrap": self.kafka.bootstrap, "as_of": as_of, **setup}
        return self.start(str(HERE / "faulty_worker.py"), FAULTY_WORKER=json.dumps(setup))

    def board(self, as_of: int | None = None, *options: str) -> Board:
        fixed = [] if as_of is None else ["--as-of", stamp(as_of)]
        return Board(self.cli("board", "--port", "0", *fixed, *options))

    def replay(self, as_of: int, *paths: Path) -> dict[RowKey, Row]:
        return self.replay_at(stamp(as_of), *paths)

    def replay_at(self, as_of: str, *paths: Path) -> dict[RowKey, Row]:
        process = self.run("replay", *paths, "--as-of", as_of, "--format", "jsonl")
        return by_key(map(json.loads, process.out.splitlines()))

    # -- Kafka

    def _consumer(self, isolation: str = "read_committed") -> Consumer:
        if isolation not in self._consumers:
            self._consumers[isolation] = Consumer(
                {
                    "bootstrap.servers": self.kafka.bootstrap,
                    "group.id": self.application,  # to ask for its offsets; it never joins
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "auto.offset.reset": "earliest",
                    "isolation.level": isolation,
                }
            )
        return self._consumers[isolation]

    def _partitions(self, topic: str) -> list[int]:
        return sorted(self._consumer().list_topics(topic, timeout=PATIENCE).topics[topic].partitions)

    def committed(self) -> dict[tuple[str, int], int]:
        """The group's offsets; 0 where there is none."""
        asked = [TopicPartition(topic, number) for topic in INPUTS for number in self._partitions(topic)]
        told = until("the group's coordinator", lambda: self._told(asked))
        return {(at.topic, at.partition): max(0, at.offset) for at in told}

    def _told(self, asked: list[TopicPartition]) -> list[TopicPartition] | None:
        """What the coordinator says; None while the broker still makes up its mind who that is."""
        try:
            return self._consumer().committed(asked, timeout=PATIENCE)
        except KafkaException as problem:
            if problem.args[0].code() not in _UNDECIDED:
                raise
            return None

    def done(self) -> int:
        """Records of the input topics that are durably processed."""
        return sum(self.committed().values())

    def ends(self) -> dict[tuple[str, int], int]:
        return {
            (topic, number): self._consumer().get_watermark_offsets(TopicPartition(topic, number), timeout=PATIENCE)[1]
            for topic in INPUTS
            for number in self._partitions(topic)
        }

    def wait_until_done(self, seconds: float = 120) -> None:
        """All that has been sent is durably processed, and what workers passed on to other partitions too."""

        def ask() -> bool:
            assert any(p.alive for p in self.processes), "\n".join(p.err[-1500:] for p in self.processes)
            return not self.behind()

        until("all records are processed", ask, seconds)

    def behind(self) -> int:
        """Records of the input topics that are not yet durably processed: a transaction's marker at the end is none."""
        committed = self.committed()
        ends = self.ends()
        left = {where for where, at in committed.items() if at < ends[where]}
        consumer, count, deadline = self._consumer(), 0, time.monotonic() + PATIENCE
        consumer.assign([TopicPartition(*where, committed[where]) for where in left])
        while left:
            assert time.monotonic() < deadline, f"{sorted(left)} cannot be read to their ends"
            for message in consumer.consume(5000, timeout=0.2):
                if message.error() is None:
                    count += 1
                else:
                    assert message.error().name() == "_PARTITION_EOF", message.error()
                    left.discard((message.topic(), message.partition()))
        consumer.unassign()
        return count

    def wait_until(self, records: int, seconds: float = 120) -> int:
        def ask() -> bool:
            assert any(p.alive for p in self.processes), "\n".join(p.err[-1500:] for p in self.processes)
            return self.done() >= records

        until(f"{records} records are processed", ask, seconds)
        return self.done()

    def read(self, topic: str, isolation: str = "read_committed") -> list[Any]:
        """All records of a topic as they are now, in each partition's order."""
        consumer, left, found = self._consumer(isolation), set(self._partitions(topic)), []
        consumer.assign([TopicPartition(topic, number, 0) for number in left])
        deadline = time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
            for message in consumer.consume(5000, timeout=0.2):
                if message.error() is None:
                    found.append(message)
                else:
                    assert message.error().name() == "_PARTITION_EOF", message.error()
                    left.discard(message.partition())
        consumer.unassign()
        return found

    def view(self, topic: str) -> dict[tuple[int, bytes], bytes]:
        """A compacted topic as compaction will leave it: the last value of each key that has one."""
        view = {(message.partition(), message.key()): message.value() for message in self.read(topic)}
        return {key: value for key, value in view.items() if value is not None}

    def state(self) -> dict[Any, Any]:
        """What the state topic says but for when events arrived; their order means nothing."""
        found: dict[Any, Any] = {}
        for (partition, key), value in self.view(STATE).items():
            scope, kind, name = msgspec.msgpack.decode(key)
            if kind in ("h", "m"):  # where a merged customer lives, and with whom
                told: Any = value
            else:
                told = msgspec.msgpack.decode(value)
                told = told if kind == PENDING else sorted(told[1], key=repr)
            found[partition, scope, kind, name] = told
        return found

    def panes(self) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for (partition, key), value in self.view(PANES).items():
            kind, name = read_pane_key(key)
            decoded = msgspec.msgpack.decode(value)
            found[partition, kind, name] = sorted(decoded) if kind == "m" else decoded
        return found

    def send_raw(self, records: Iterable[tuple[str, bytes | None, bytes | None, int | None]], **options: Any) -> int:
        """(topic, key, value, partition; None = by the key) as they are, the way any other client would."""
        failed: list[Any] = []
        producer = Producer(
            {
                "bootstrap.servers": self.kafka.bootstrap,
                "partitioner": "murmur2_random",
                "linger.ms": 5,
                "enable.idempotence": True,
                **options,
            }
        )
        count = 0
        for topic, key, value, partition in records:
            place = {} if partition is None else {"partition": partition}
            while True:
                try:
                    producer.produce(topic, value, key, on_delivery=lambda e, _: e and failed.append(e), **place)
                    break
                except BufferError:
                    producer.poll(0.1)
            count += 1
            producer.poll(0)
        assert producer.flush(PATIENCE) == 0
        assert not failed, failed[:3]
        return count


def located(bodies: Iterable[bytes]) -> list[tuple[str, bytes | None, bytes | None, int | None]]:
    """Events to where they belong; what is none, to partition 1 of the tickets."""
    found: list[tuple[str, bytes | None, bytes | None, int | None]] = []
    for body in bodies:
        try:
            event = decode(body)
            found.append((event.topic, record_key(event).encode(), body, None))
        except Rejected:
            found.append((INPUTS[0], None, body, 1))
    return found


def lines(folder: Path) -> list[bytes]:
    """All events of a folder of event files, by time."""
    bodies = [body for path in sorted(folder.glob("*.jsonl")) for body in path.read_bytes().splitlines()]
    return sorted(bodies, key=lambda body: parse_instant(json.loads(body)["occurred_at"]))
