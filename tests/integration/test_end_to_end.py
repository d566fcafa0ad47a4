"""Event files through `send`, Kafka, `worker` and `board` give what `replay` gives, to the last digit."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from kafka.broker import KafkaServer
from prometheus_client.parser import text_string_to_metric_families
from system import Board, Row, RowKey, System, by_key, same, stamp, until

from streams.core.catalogue import METRICS as CATALOGUE
from streams.core.events import parse_instant
from streams.topics import METRICS, topics

pytestmark = pytest.mark.timeout(180)

#: Later than every event: a worker folds what has come, and nothing comes before it happens.
AS_OF = parse_instant("2026-04-28T15:20:00Z")


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    from oracle.strategies import SETTINGS

    with System(kafka, tmp_path / "system", SETTINGS) as made:
        yield made


def nasty(folder: Path, seed: int, customers: int, events: int) -> Path:
    """The oracle's random events before AS_OF, in the order of their arrival, all in one file as `send` takes it."""
    from oracle.strategies import random_events

    folder.mkdir()
    with (folder / "nasty.jsonl").open("w") as file:
        for event in random_events(seed, events, customers=customers):
            if parse_instant(event["occurred_at"]) < AS_OF:
                file.write(json.dumps(event) + "\n")
    return folder


def shuffled_and_doubled(folder: Path, into: Path) -> Path:
    bodies = [body for path in sorted(folder.glob("*.jsonl")) for body in path.read_bytes().splitlines()]
    rng = random.Random(3)
    bodies += rng.sample(bodies, len(bodies) // 3)
    rng.shuffle(bodies)
    into.mkdir()
    (into / "all.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
    return into


def exposition_agrees(page: str, rows: dict[RowKey, Row]) -> None:
    """Each value is a series and each series a value, the intervals and samples beside them too."""
    running: dict[str, str] = {}
    for row in rows.values():
        if row["period_start"] and not row["final"]:
            running[row["window"]] = max(running.get(row["window"], ""), row["period_start"])
    expected: dict[tuple[str, str, str, str], float] = {}
    for row in rows.values():
        if row["period_start"] and (row["final"] or row["period_start"] != running[row["window"]]):
            continue  # of the aligned windows only the running period
        name, labels = f"support_{row['metric']}", (row["window"], row["dimension"], row["member"])
        if row["value"] is not None:
            expected[name, *labels] = row["value"]
            for end in ("low", "high"):
                if row[end] is not None:
                    expected[f"{name}_{end}", *labels] = row[end]
        if CATALOGUE[row["metric"]].kind not in ("count", "money"):
            expected[f"{name}_samples", *labels] = row["count"]
    found = {
        (sample.name, sample.labels["window"], sample.labels["dimension"], sample.labels["member"]): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if not sample.name.startswith(("support_roi_board", "process_")) and "window" in sample.labels
    }
    same(found, expected)


def published(system: System) -> dict[RowKey, Row]:
    """support.metrics as a reader of the compacted topic has it; every record by its schema, under its own key."""
    view = system.view(METRICS)
    path = topics().by_name[METRICS].schema_path()
    assert path is not None
    validator = jsonschema.Draft202012Validator(json.loads(path.read_text()))
    rows = []
    for (_, key), value in view.items():
        row = json.loads(value)
        validator.validate(row)
        parts = (row["metric"], row["window"], row["period_start"] or "", row["dimension"], row["member"])
        assert key.decode() == "|".join(parts)
        rows.append(row)
    return by_key(rows)


def test_values_live_equal_those_of_a_replay(system: System, tmp_path: Path) -> None:
    """With one worker and the order of the files; then, all anew, with three and any order, many events twice."""
    files = tmp_path / "events"
    system.run("simulate", "--out", files, "--days", 40, "--end", stamp(AS_OF), "--tickets-per-day", 25)
    both = [files, nasty(tmp_path / "nasty", 1, 30, 3000)]
    expected = system.replay(AS_OF, *both)
    assert sum(row["value"] not in (None, 0) for row in expected.values()) > 1000, "nothing much to compare"
    assert {row["window"] for row in expected.values()} >= {"now", "5m", "1h", "24h", "7d", "30d", "90d", "365d"}
    system.run("send", *both)
    worker = system.worker(AS_OF)
    system.wait_until_done()
    board = system.board(AS_OF)
    board.shows(expected)
    exposition_agrees(board.page("/metrics").decode(), expected)
    check_published(system, expected)
    worker.terminate()
    board.process.terminate()

    mixed = [shuffled_and_doubled(folder, tmp_path / f"mixed-{folder.name}") for folder in both]
    same(system.replay(AS_OF, *mixed), expected)
    system.fresh_topics()
    system.environ["SUPPORT_ROI_KAFKA_APPLICATION"] = system.application = system.application + "-again"
    workers = [system.worker(AS_OF) for _ in range(3)]
    board = system.board(AS_OF)
    for folder in mixed:
        system.run("send", folder)
    system.wait_until_done()
    board.shows(expected)
    exposition_agrees(board.page("/metrics").decode(), expected)
    for worker in workers:
        worker.terminate()
    board.shows(expected)
    board.process.terminate()


def check_published(system: System, expected: dict[RowKey, Row]) -> None:
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


def redated(folder: Path, into: Path, last: int) -> Path:
    """The same events, moved so that the last one happened at ``last``; a cost's period moves with it."""
    into.mkdir()
    rows = [json.loads(body) for path in sorted(folder.glob("*.jsonl")) for body in path.read_bytes().splitlines()]
    moved = last - max(parse_instant(row["occurred_at"]) for row in rows)
    with (into / "now.jsonl").open("w") as file:
        for row in rows:
            for field in row.keys() & {"occurred_at", "period_start", "period_end"}:
                at = parse_instant(row[field]) + moved
                row[field] = stamp(at)[:-1] + f".{at % 1000:03d}Z"
            file.write(json.dumps(row) + "\n")
    return into


def test_on_the_wall_clock(system: System, tmp_path: Path) -> None:
    """As it runs every day: the board says which instant it shows, and a replay of that instant says the same."""
    now = int(time.time()) * 1000
    simulated = tmp_path / "events"
    system.run("simulate", "--out", simulated, "--days", 95, "--tickets-per-day", 15, "--end", stamp(now))
    files = [simulated, redated(nasty(tmp_path / "nasty", 2, 20, 2000), tmp_path / "now", now)]
    workers = [system.worker(), system.worker()]
    board = system.board()
    system.run("send", *files)
    system.wait_until_done()
    until("the board has read all", lambda: has_read_all(board))
    seen: list[str] = []
    for _ in range(2):  # and again as the windows slide on
        rows = until("another instant", lambda: another(board, seen))
        as_of = instant(rows)
        seen.append(as_of)
        assert abs(parse_instant(as_of) - time.time() * 1000) < 60_000
        same(rows, system.replay_at(as_of, *files))
    shown = {row["window"] for row in rows.values() if row["value"]}
    assert shown >= {"now", "5m", "1h", "24h", "7d", "30d", "90d", "365d"}
    for process in (*workers, board.process):
        process.terminate()


def has_read_all(board: Board) -> bool:
    data = board.health()["data"]
    return bool(data["events"]) and not data["lag_records"]


def another(board: Board, seen: list[str]) -> dict[RowKey, Row] | None:
    rows = board.rows()
    return rows if instant(rows) not in seen else None


def instant(rows: dict[RowKey, Row]) -> str:
    """What the snapshot shows; only periods that are over have an instant of their own."""
    (as_of,) = {row["as_of"] for row in rows.values() if row["period_start"] is None}
    return str(as_of)


def test_a_board_begun_again_shows_the_same(system: System, tmp_path: Path) -> None:
    files = tmp_path / "events"
    system.run("simulate", "--out", files, "--days", 10, "--end", stamp(AS_OF), "--tickets-per-day", 25)
    system.run("send", files)
    worker = system.worker(AS_OF)
    system.wait_until_done()
    board = system.board(AS_OF)
    expected = system.replay(AS_OF, files)
    board.shows(expected)
    check_published(system, expected)
    board.process.kill()
    board = system.board(AS_OF)
    board.shows(expected, seconds=10)
    check_published(system, expected)

    # and while it is away, the world goes on: no value may be left behind in the topic
    board.process.kill()
    more = nasty(tmp_path / "more", 4, 8, 600)
    system.run("send", more)
    system.wait_until_done()
    expected = system.replay(AS_OF, files, more)
    board = system.board(AS_OF)
    board.shows(expected)
    check_published(system, expected)
    worker.terminate()
    board.process.terminate()
