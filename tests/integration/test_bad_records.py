"""What is no event is buried once, with its bytes and a reason; what lies in the wrong place is put right."""

from __future__ import annotations

import base64
import json
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.partitioner import murmur2
from kafka.broker import KafkaServer
from system import System, lines, located, stamp, until

from streams.core.temporal.instants import parse_instant
from streams.kafka.topics import DEAD_LETTERS, INPUTS, METRICS, TICKETS

pytestmark = pytest.mark.timeout(180)

AS_OF = parse_instant("2026-03-01T00:00:00Z")
SETTINGS = {"windows": {"rolling": ["1h", "30d"], "aligned": ["day"]}}

Bad = tuple[str, bytes | None, bytes | None]


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        yield made


def desk(system: System, folder: Path) -> list[bytes]:
    system.run("simulate", "--out", folder, "--days", 3, "--end", stamp(AS_OF), "--tickets-per-day", 30)
    return lines(folder)


def created(event_id: str, occurred_at: str) -> bytes:
    event = {"event_id": event_id, "type": "ticket.created", "occurred_at": occurred_at, "customer_id": "c"}
    return json.dumps(event | {"ticket_id": event_id, "channel": "email"}).encode()


def bad_records() -> dict[Bad, tuple[str, str]]:
    """Bodies no one can use: (topic, key, body) -> (reason, what the message must name)."""
    from contract import cases

    found: dict[Bad, tuple[str, str]] = {}
    for topic in cases.INPUTS:
        for case in cases.invalid(topic):
            found[topic.name, case.file.name.encode(), case.body] = (case.reason, case.names)
    rng = random.Random(5)
    for n in range(200):
        body = rng.randbytes(rng.randrange(1, 400))
        found[rng.choice(INPUTS), None if n % 3 else rng.randbytes(8), b"\xff" + body] = ("not_json", "")
    for topic_name in INPUTS:
        found[topic_name, None, None] = ("not_json", "")
        found[topic_name, b"a tombstone", None] = ("not_json", "")
        found[topic_name, b"", b""] = ("not_json", "")
    found[TICKETS, b"large", b'{"event_id": "' + b"x" * 300_000 + b'"}'] = ("too_large", "300016")
    ahead = stamp(int(time.time() + 26 * 3600) * 1000)
    found[TICKETS, b"c", created("too early", ahead)] = ("impossible_time", "occurred_at")
    return found


def letters(system: System) -> list[dict[str, Any]]:
    return [{"_key": message.key(), **json.loads(message.value())} for message in system.read(DEAD_LETTERS)]


def unpacked(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text, validate=True)


def test_each_bad_record_is_buried_once_and_the_next_event_counts(system: System, tmp_path: Path) -> None:
    from contract import cases

    good, bad = located(desk(system, tmp_path / "sim")), bad_records()
    mixed = [*good, *((*record, n % 4) for n, record in enumerate(bad))]
    random.Random(1).shuffle(mixed)
    worker = system.worker(AS_OF)
    system.send_raw(mixed)
    system.wait_until_done()
    found = letters(system)
    buried: dict[Bad, dict[str, Any]] = {}
    for letter in found:
        key = letter.pop("_key")
        assert cases.complaints(DEAD_LETTERS, letter) == []
        record = (letter["topic"], unpacked(letter["key_base64"]), unpacked(letter["value_base64"]))
        assert key == record[1]
        assert record not in buried, "buried twice"
        buried[record] = letter
    assert buried.keys() == bad.keys()
    for record, (reason, names) in bad.items():
        letter = buried[record]
        assert letter["reason"] == reason, letter
        assert names.lower() in letter["message"].lower(), letter
        assert letter["message"], letter
    for message in at_their_offsets(system):
        where = (message.topic(), message.key(), message.value())
        if where in buried:
            assert (buried[where]["partition"], buried[where]["offset"]) == (message.partition(), message.offset())
    board = system.board(AS_OF)
    board.shows(system.replay(AS_OF, tmp_path / "sim"))
    page = board.page("/metrics").decode()
    for reason in ("not_json", "schema", "unknown_type", "impossible_time", "too_large", "too_late"):
        expected = sum(letter["reason"] == reason for letter in found)
        assert counter(page, f'support_roi_dead_letters_total{{reason="{reason}"}}') == expected
    assert worker.alive
    check_metrics_topic(system)
    worker.terminate()
    board.process.terminate()


def at_their_offsets(system: System) -> list[Any]:
    return [message for topic in INPUTS for message in system.read(topic)]


def counter(page: str, series: str) -> float:
    match = re.search(rf"^{re.escape(series)} (\S+)$", page, re.MULTILINE)
    assert match, f"no {series}"
    return float(match[1])


def check_metrics_topic(system: System) -> None:
    from contract import cases

    def published() -> list[Any]:
        return list(system.view(METRICS).values())

    until("support.metrics has records", published)
    wrong = [said for value in published() for said in cases.complaints(METRICS, json.loads(value))]
    assert wrong == []


def test_events_in_the_wrong_place_are_put_right(system: System, tmp_path: Path) -> None:
    """Without a key, with another's, in any partition: counted once, at its owner's."""
    rng = random.Random(2)
    bodies = desk(system, tmp_path / "sim")
    records: list[tuple[str, bytes | None, bytes | None, int | None]] = []
    for n, (topic, key, body, _) in enumerate(located(bodies)):
        if n % 4 == 0:
            records.append((topic, None, body, rng.randrange(4)))
        elif n % 4 == 1:
            records.append((topic, b"somebody else", body, None))
        elif n % 4 == 2:
            records.append((topic, key, body, rng.randrange(4)))
        else:
            records.append((topic, key, body, None))
    expected = system.replay(AS_OF, tmp_path / "sim")
    workers = [system.worker(AS_OF), system.worker(AS_OF)]
    system.send_raw(records)
    board = system.board(AS_OF)
    board.shows(expected)
    page = board.page("/metrics").decode()
    assert counter(page, "support_roi_events_total") == len(records)
    wrong = int(counter(page, "support_roi_rekeyed_total"))
    assert len(records) / 4 < wrong < len(records) * 3 / 4
    assert letters(system) == []
    # each is now in its owner's partition, where every client looks for it
    there = {(message.value(), message.partition()) for topic in INPUTS for message in system.read(topic)}
    assert {(body, (murmur2(key or b"") & 0x7FFFFFFF) % 4) for _, key, body, _ in located(bodies)} <= there
    for process in (*workers, board.process):
        process.terminate()


@pytest.mark.parametrize("options", [{}, {"compression.type": "gzip"}], ids=["1 MB", "10 MB compressed"])
def test_the_largest_records_a_broker_takes(system: System, options: dict[str, Any]) -> None:
    """Nothing that can be in a topic may stop its worker."""
    size = 10_000_000 if options else 1_000_000
    body = b'{"event_id": "' + b"x" * size + b'"}'
    system.send_raw([(TICKETS, b"k", body, 0)], **options, **{"message.max.bytes": 20_000_000})
    system.send_raw([(TICKETS, b"k", b"the next", 0)])
    worker = system.worker(AS_OF)
    system.wait_until_done(30)
    first, second = letters(system)
    assert first["reason"] == "too_large"
    kept = unpacked(first["value_base64"])
    assert kept is not None
    assert body.startswith(kept)
    assert kept == body or "first" in first["message"]
    assert second["value"] == "the next"
    worker.terminate()
