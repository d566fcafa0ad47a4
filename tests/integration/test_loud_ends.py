"""What a worker cannot work with ends it: exit code 1, what is wrong and what to do, and nothing committed."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
from kafka.broker import KafkaServer
from system import System

from streams.core.derivation.state_format import ORIGIN_KEY
from streams.kafka.topics import ORDERS, PANES, STATE, TICKETS

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system") as made:
        yield made


def feed(system: System) -> None:
    event = {"event_id": "e", "type": "customer.joined", "occurred_at": "2026-01-01T00:00:00Z", "customer_id": "c"}
    system.send_raw((TICKETS, b"c", json.dumps(event).encode(), n) for n in range(4))


FORMATS = {
    "a later format": (ORIGIN_KEY, msgspec.msgpack.encode({"format": 99, "definitions": "0"}), "format 99"),
    "a key nobody knows": (msgspec.msgpack.encode(["z", 1]), b"\x01", "'z'"),
}


@pytest.mark.parametrize("case", FORMATS)
def test_state_of_another_format(system: System, case: str) -> None:
    key, value, names = FORMATS[case]
    system.send_raw((PANES, key, value, n) for n in range(4))
    feed(system)
    before = system.read(PANES)
    worker = system.worker()
    assert worker.ends() == 1, worker.err
    last = worker.err.splitlines()[-1]
    assert names in last, worker.err
    assert "nothing of the open unit was committed" in last
    assert system.done() == 0
    assert len(system.read(PANES)) == len(before)
    board = system.cli("board", "--port", "0")
    assert board.ends() == 1, board.err
    assert names in board.err.splitlines()[-1]
    assert "Traceback" not in board.err


def test_a_board_with_other_settings_than_the_workers(system: System) -> None:
    feed(system)
    worker = system.worker()
    system.wait_until_done()
    board = system.start("-m", "streams", "board", "--port", "0", SUPPORT_ROI_FCR_REPEAT_DAYS="3")
    assert board.ends() == 1, board.err
    assert "same roi.toml" in board.err
    assert "Traceback" not in board.err
    worker.terminate()


@pytest.mark.parametrize("topic", [ORDERS, PANES])
def test_topics_of_unequal_partitions(system: System, topic: str) -> None:
    async def grow() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=system.kafka.bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({topic: NewPartitions(6)})
        finally:
            await admin.close()

    feed(system)
    asyncio.run(grow())
    worker = system.worker()
    assert worker.ends() == 1, worker.err
    assert "partitions" in worker.err
    assert "support-roi topics" in worker.err, "the remedy"
    assert "Traceback" not in worker.err
    assert system.done() == 0
    check = system.cli("check", "--bootstrap-servers", system.kafka.bootstrap)
    assert check.ends() == 1
    assert "partitions" in check.out


@pytest.mark.parametrize(
    ("topic", "name", "wrong", "remedy"),
    [
        (STATE, "cleanup.policy", "delete", "set it to compact"),
        (PANES, "cleanup.policy", "compact,delete", "set it to compact"),
        (STATE, "max.message.bytes", "1048588", "set it to 8388608"),
    ],
)
def test_topics_that_would_lose_state_or_stop_a_worker(
    system: System, topic: str, name: str, wrong: str, remedy: str
) -> None:
    """Made by somebody else, or by a Kafka that makes topics itself: with its defaults all sums are gone in a week."""
    entry = ConfigEntry(name, wrong, incremental_operation=AlterConfigOpType.SET)
    asked = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=[entry])
    client = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    for done in client.incremental_alter_configs([asked]).values():
        done.result()
    feed(system)
    for command in ("worker", "board", "topics"):
        process = system.cli(command, "--bootstrap-servers", system.kafka.bootstrap)
        assert process.ends() == 1, process.err
        assert f"{topic} has {name}={wrong}" in process.err
        assert remedy in process.err
    assert system.done() == 0
    check = system.cli("check", "--bootstrap-servers", system.kafka.bootstrap)
    assert check.ends() == 1
    assert remedy in check.out


@pytest.mark.parametrize("command", ["worker", "board", "send", "topics", "demo"])
def test_no_kafka(system: System, command: str) -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        nowhere = f"127.0.0.1:{sock.getsockname()[1]}"
    file = system.folder / "events.jsonl"
    file.write_text("{}\n")
    process = system.cli(command, "--bootstrap-servers", nowhere, *([file] if command == "send" else []))
    assert process.ends() == 1, process.err
    assert f"no Kafka at {nowhere}" in process.err
    assert "--bootstrap-servers" in process.err, "the remedy"
    assert "Traceback" not in process.err
