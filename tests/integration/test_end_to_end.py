"""A desk's event files through `send`, Kafka, `worker` and `board` give what `replay` gives, to the last digit."""

from __future__ import annotations

import gzip
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka.broker import KafkaServer
from prometheus_client.parser import text_string_to_metric_families
from system import Board, Process, Row, RowKey, System, by_key, located, same, stamp, until

from streams.core.metrics.families import METRICS as CATALOGUE
from streams.core.temporal.instants import parse_instant
from streams.kafka.topics import METRICS

pytestmark = pytest.mark.timeout(180)

#: Past every event, so that both know the same; an edge of the finest pane, where rolling windows are exact.
AS_OF = parse_instant("2026-03-12T15:20:00Z")
SETTINGS = {
    "cost_per_contact_saved": 350,
    "contribution_margin": 0.4,
    "business": {"time_zone": "Europe/Berlin"},
    "service_levels": [
        {"name": "reply_1h", "metric": "first_response", "clock": "calendar", "seconds": 3600},
        {"name": "resolved", "metric": "full_resolution", "clock": "business", "seconds": 57600},
    ],
    # A window of each make, and few members, so that some fall into `other`: 6,000 values at each look, not 200,000.
    "windows": {"rolling": ["1h", "24h", "7d", "365d"], "aligned": ["month"]},
    "dimensions": {"names": ["channel", "agent", "satisfaction"], "limit": 4},
}


@dataclass(frozen=True)
class Desk:
    """A simulated desk: its event files, the same events in any order and many twice, and what they come to."""

    files: Path
    mixed: Path
    expected: dict[RowKey, Row]

    @property
    def bodies(self) -> list[bytes]:
        """All events in the order of the files, which is not that of time."""
        return [
            body for path in sorted(self.files.iterdir()) for body in gzip.decompress(path.read_bytes()).splitlines()
        ]


@pytest.fixture(scope="module")
def desk(kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    system = System(kafka, folder / "system", SETTINGS)  # for its commands alone
    size = ("--days", 40, "--tickets-per-day", 25, "--customers", 150)
    system.run("simulate", "--out", folder / "events", "--end", stamp(AS_OF), "--gzip", *size)
    desk = Desk(folder / "events", folder / "mixed", system.replay(AS_OF, folder / "events"))
    bodies = desk.bodies
    assert len(bodies) > 5_000
    telling = [row for row in desk.expected.values() if row["value"]]
    assert {row["window"] for row in telling} == {"now", "1h", "24h", "7d", "365d", "month"}
    assert any(row["member"] == "other" for row in telling)
    rng = random.Random(3)
    bodies += rng.sample(bodies, len(bodies) // 3)
    rng.shuffle(bodies)
    desk.mixed.mkdir()
    (desk.mixed / "all.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
    return desk


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        yield made


def series_of(rows: dict[RowKey, Row]) -> dict[tuple[str, ...], float]:
    """What Prometheus is to see: each value and what stands beside it; of aligned windows the running period."""
    running = {row["window"]: row["period_start"] for row in rows.values() if row["period_start"]}
    for row in rows.values():
        if row["period_start"]:
            running[row["window"]] = max(running[row["window"]], row["period_start"])
    series: dict[tuple[str, ...], float] = {}
    for row in rows.values():
        if row["period_start"] != running.get(row["window"]):
            continue
        name, labels = f"support_{row['metric']}", (row["window"], row["dimension"], row["member"])
        beside = {"": row["value"], "_low": row["low"], "_high": row["high"]} if row["value"] is not None else {}
        beside |= {"_previous": row.get("previous"), "_year_before": row.get("year_before")}
        if CATALOGUE[row["metric"]].kind not in ("count", "money"):
            beside["_samples"] = row["count"]
        series |= {(name + suffix, *labels): value for suffix, value in beside.items() if value is not None}
    return series


def exposed(board: Board) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(sample.labels[name] for name in ("window", "dimension", "member"))): sample.value
        for family in text_string_to_metric_families(board.page("/metrics").decode())
        for sample in family.samples
        if "window" in sample.labels
    }


def published(system: System) -> dict[RowKey, Row]:
    """`support.metrics` as a reader of the compacted topic has it: records by their keys."""
    rows = {key.decode(): json.loads(value) for (_, key), value in system.view(METRICS).items()}
    for key, row in rows.items():
        named = (row["metric"], row["window"], row["period_start"] or "", row["dimension"], row["member"])
        assert key == "|".join(named)
    return by_key(rows.values())


def told_everywhere(system: System, board: Board, expected: dict[RowKey, Row]) -> None:
    """Both pages and the topic say the same, in the end."""
    board.shows(expected)
    same(exposed(board), series_of(expected))
    found: dict[RowKey, Row] = {}

    def ask() -> bool:
        found.clear()
        found.update(published(system))
        return found == expected

    try:
        until("support.metrics holds every value", ask)
    except AssertionError:
        same(found, expected)
        raise


def end(*processes: Process) -> None:
    for process in processes:
        process.terminate()


def test_files_as_they_are(system: System, desk: Desk) -> None:
    """One worker; and a board that comes when all is done."""
    from contract import cases

    system.run("send", desk.files)
    worker = system.worker(AS_OF)
    system.wait_until_done()
    board = system.board(AS_OF)
    told_everywhere(system, board, desk.expected)
    complaints = {key: cases.complaints(METRICS, row) for key, row in published(system).items()}
    assert [said for said in complaints.items() if said[1]] == []
    end(worker, board.process)


def test_in_any_order_and_many_twice(system: System, desk: Desk) -> None:
    """Three workers and a board that are there before the events."""
    same(system.replay(AS_OF, desk.mixed), desk.expected)
    workers = [system.worker(AS_OF) for _ in range(3)]
    board = system.board(AS_OF)
    system.run("send", desk.mixed)
    system.wait_until_done()
    told_everywhere(system, board, desk.expected)
    end(*workers, board.process)


def test_a_worker_killed_while_events_flow(system: System, desk: Desk) -> None:
    """Three times, each inside a unit; events come whether or not a worker is there, and a board looks on."""
    # a dead one is missed soon, and a unit stays open for long enough to be hit
    system.environ |= {"SUPPORT_ROI_KAFKA_SESSION_TIMEOUT_MS": "2000", "SUPPORT_ROI_WORKER_UNIT_MS": "2000"}
    records, board, sent = located(desk.bodies), system.board(AS_OF), 0
    for n in range(3):
        share = records[n::3]
        sent += system.send_raw(share[::2])
        worker, before = system.worker(AS_OF), system.done()
        system.wait_until(before + 1)
        sent += system.send_raw(share[1::2])
        time.sleep(0.3)
        worker.kill()
        assert before < system.done() < sent, "not inside a unit"
    worker = system.worker(AS_OF)
    system.wait_until_done()
    told_everywhere(system, board, desk.expected)
    end(worker, board.process)


def test_a_board_killed_and_begun_again(system: System, desk: Desk) -> None:
    """It holds nothing: another one shows the same, and what came while there was none."""
    system.send_raw(located(desk.bodies[::2]))
    worker = system.worker(AS_OF)
    system.wait_until_done()
    board = system.board(AS_OF)
    shown = board.rows()
    until("it has published all", lambda: published(system) == shown)
    assert shown.keys() - desk.expected.keys(), "nothing vanishes: the topic would be right by accident"
    board.process.kill()
    board = system.board(AS_OF)
    board.shows(shown)
    board.process.kill()
    system.send_raw(located(desk.bodies[1::2]))
    system.wait_until_done()
    board = system.board(AS_OF)
    told_everywhere(system, board, desk.expected)
    end(worker, board.process)
