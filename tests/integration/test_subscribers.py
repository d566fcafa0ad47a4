"""What subscribers see of a real Kafka: each breach once, whoever dies; values and warnings by one board of several."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient
from kafka.broker import KafkaServer, tool
from system import HERE, Board, Row, System, located, until

from streams.board.publish.metrics import content_of
from streams.core.metrics.records import MetricRecord
from streams.core.temporal.instants import format_instant, parse_instant
from streams.kafka.topics import METRICS, SLA_BREACHES, WARNINGS

pytestmark = pytest.mark.timeout(180)

SETTINGS = {
    "service_levels": [{"name": "soon", "metric": "first_response", "clock": "calendar", "seconds": 8}],
    "windows": {"rolling": ["1h", "24h", "7d"], "aligned": []},
}


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        made.environ["SUPPORT_ROI_KAFKA_SESSION_TIMEOUT_MS"] = "2000"
        yield made


def now() -> int:
    return time.time_ns() // 1_000_000


def ticket(number: int, kind: str, at: int, **fields: Any) -> bytes:
    event = {"event_id": f"{kind}{number}", "type": f"ticket.{kind}", "customer_id": f"c{number}"}
    return json.dumps(event | {"ticket_id": "t", "occurred_at": format_instant(at)} | fields).encode()


def rows(system: System, topic: str) -> list[Row]:
    return [json.loads(message.value()) for message in system.read(topic)]


# -- breaches -------------------------------------------------------------------------------------------------


def test_each_breach_is_seen_once_by_its_id(system: System) -> None:
    """At its deadline by the clock alone, through kill -9 before and after; taken back by an answer that comes late."""
    subscriber = system.start(str(HERE.parents[1] / "examples" / "subscriber.py"), system.kafka.bootstrap)
    worker = system.worker()
    system.send_raw(located([ticket(99, "voided", now())]))
    system.wait_until_done()  # it runs: what follows takes less than the promise's seconds
    began = now()
    system.send_raw(located(ticket(n, "created", began, channel="chat") for n in range(20)))
    system.wait_until_done()
    worker.kill()  # what is pending is durable
    system.send_raw(located(ticket(n, "message", began + 1000, author="agent") for n in range(5)))
    worker = system.worker()
    until("15 breaches", lambda: len(system.read(SLA_BREACHES)) == 15)
    worker.kill()
    system.worker()
    system.send_raw(located(ticket(n, "message", began + 2000, author="agent") for n in range(5, 8)))
    system.send_raw(located(ticket(n, "message", began + 9000, author="agent") for n in range(8, 10)))
    until("three are taken back", lambda: len(system.read(SLA_BREACHES)) >= 18)
    system.wait_until_done()

    breaches = rows(system, SLA_BREACHES)
    deadline = format_instant(began + 8000)
    name = "c{}|t|soon|{}".format
    assert sorted(row["id"] for row in breaches[:15]) == sorted(name(n, deadline) for n in range(5, 20))
    assert sorted(row["id"] for row in breaches[15:]) == sorted(name(n, deadline) for n in range(5, 8))
    assert [row["retracted"] for row in breaches] == [False] * 15 + [True] * 3
    for message in system.read(SLA_BREACHES):
        assert message.timestamp()[1] > parse_instant(deadline), "told before the deadline"

    lines = [f"broken {row['id']}" for row in breaches[:15]] + [f"taken back {row['id']}" for row in breaches[15:]]
    until("the subscriber has seen all", lambda: len(subscriber.out.splitlines()) >= len(lines))
    assert subscriber.out.splitlines() == lines
    assert console(system, SLA_BREACHES, len(breaches)) == [(row["id"], row) for row in breaches]


def console(system: System, topic: str, count: int) -> list[tuple[str, Row]]:
    """What Kafka's own console consumer prints of a topic: keys and values."""
    command = [
        *tool("org.apache.kafka.tools.consumer.ConsoleConsumer"), "--bootstrap-server", system.kafka.bootstrap,
        "--topic", topic, "--from-beginning", "--isolation-level", "read_committed", "--max-messages", str(count),
        "--property", "print.key=true", "--timeout-ms", "30000",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=system.folder)
    assert done.returncode == 0, done.stderr[-3000:]
    pairs = [line.split("\t") for line in done.stdout.splitlines()]
    return [(key, json.loads(value)) for key, value in pairs]


# -- boards ---------------------------------------------------------------------------------------------------


def leader(system: System) -> int | None:
    """The process id of the board that publishes, by what the group says."""
    client = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    group = f"{system.application}.publisher"
    found = client.describe_consumer_groups([group])[group].result()
    leading = [one.client_id for one in found.members if one.assignment.topic_partitions]
    return int(leading[0].rpartition("-")[2]) if len(leading) == 1 else None


def members(system: System) -> int:
    client = AdminClient({"bootstrap.servers": system.kafka.bootstrap})
    group = f"{system.application}.publisher"
    return len(client.describe_consumer_groups([group])[group].result().members)


def created(system: System) -> int:
    """What the topic says of the day's tickets."""
    found = [row["value"] for row in rows(system, METRICS) if row["metric"] == "tickets_created"
             and (row["window"], row["dimension"]) == ("24h", "all")]  # fmt: skip
    return found[-1] if found else 0


def surges(system: System) -> list[Row]:
    return [row for row in rows(system, WARNINGS) if (row["warning"], row["dimension"]) == ("surge", "issue_type")]


def repeated(system: System) -> list[str]:
    """Keys under which the same was told twice in a row."""
    last: dict[str, Any] = {}
    found = []
    for message in system.read(METRICS):
        key = message.key().decode()
        content = None if message.value() is None else content_of(MetricRecord(**json.loads(message.value())))
        if key in last and last[key] == content:
            found.append(key)
        last[key] = content
    return found


def test_of_two_boards_one_publishes_and_when_it_dies_the_other_does(system: System) -> None:
    system.worker()
    boards = [system.board(), system.board()]
    hour = now() - 600_000
    quiet = [ticket(n, "created", hour - 3 * 86_400_000, channel="chat", issue_type="billing") for n in range(2)]
    surge = [ticket(n, "created", hour, channel="chat", issue_type="billing") for n in range(2, 16)]
    system.send_raw(located(quiet + surge))
    until("both boards are in the group", lambda: members(system) == 2)
    until("the day's tickets are published", lambda: created(system) == 14)
    pid = until("one board leads", lambda: leader(system))
    first = next(board.process for board in boards if board.process.popen.pid == pid)
    (began,) = surges(system)
    assert (began["member"], began["active"], began["threshold"]) == ("billing", True, 3.0)
    assert repeated(system) == []

    died = time.monotonic()
    first.signal(signal.SIGKILL)
    system.send_raw(located([ticket(16, "created", hour, channel="chat")]))
    until("another one publishes", lambda: created(system) == 15)
    print(f"taken over after {time.monotonic() - died:.1f} s")
    (other,) = (board for board in boards if board.process is not first)
    assert leader(system) == other.process.popen.pid
    until("the new leader has judged", lambda: settled(system, other))
    assert surges(system) == [began], "it goes on, told once"
    other.process.terminate()


def settled(system: System, board: Board) -> bool:
    """Whether the topic says what the board shows, of a value that no clock moves."""
    shown = board.rows()["tickets_created", "7d", None, "all", "all"]["value"]
    found = [row["value"] for row in rows(system, METRICS) if row["metric"] == "tickets_created"
             and (row["window"], row["dimension"]) == ("7d", "all")]  # fmt: skip
    return bool(found) and found[-1] == shown
