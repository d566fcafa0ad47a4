"""`support-roi demo`: everything in one process, on the embedded broker and on a real Kafka."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.broker import KafkaServer
from system import COMPLAINTS, Board, Process, System, until

pytest.importorskip("confluent_kafka", reason="the embedded broker is in the demo extra")
pytestmark = pytest.mark.timeout(150)


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system") as made:
        yield made


def shows_numbers(board: Board) -> bool:
    rows = board.rows()
    value = {(row["metric"], row["window"]): row["value"] for row in rows.values() if row["dimension"] == "all"}
    return bool(value.get(("tickets_created", "365d")) and value.get(("revenue_paid", "365d")))


def watched(process: Process) -> Board:
    """Its wall while it runs: values on every page."""
    board = Board(process)
    until("numbers on the wall", lambda: shows_numbers(board))
    assert b"<html" in board.page("/")
    assert b"support_tickets_created{" in board.page("/metrics")
    return board


def test_for_forty_seconds_on_the_embedded_broker(system: System) -> None:
    demo = system.cli("demo", "--seconds", 40, "--days", 10, "--port", 0)
    board = watched(demo)
    for address in ("/", "/metrics", "/api/metrics"):
        assert f"{board.url}{address}" in demo.err
    demo.ended_well(90)
    table = demo.out.splitlines()
    assert re.match(r"metric +dimension +member +.*5m", table[0])
    lines = {line.split()[0] for line in table[2:]}
    assert {"tickets_created", "first_response_p90_seconds", "roi_net_ratio", "revenue_paid"} <= lines
    (created,) = [line for line in table if line.startswith("tickets_created ")]
    assert re.search(r"[1-9]\d", created)
    assert "http" not in demo.out, "values on stdout, messages on stderr"
    assert "history is in" in demo.err


@pytest.mark.parametrize(("when", "number"), [("history", signal.SIGTERM), ("live", signal.SIGINT)])
def test_it_ends_cleanly(system: System, when: str, number: signal.Signals) -> None:
    demo = system.cli("demo", "--days", 2 if when == "live" else 400, "--port", 0)
    if when == "live":
        demo.said("history is in")
    watched(demo)
    demo.signal(number)
    demo.ended_well(30)
    assert demo.out == ""


def test_on_a_given_kafka(system: System) -> None:
    demo = system.cli(
        "demo", "--seconds", 25, "--days", 5, "--port", 0, "--bootstrap-servers", system.kafka.bootstrap
    )  # fmt: skip
    watched(demo)
    demo.ended_well(90)
    assert "tickets_created" in demo.out
    assert system.done() > 500, "the offsets went the way of every worker"
    assert system.panes()
    assert not COMPLAINTS.search(demo.err)
