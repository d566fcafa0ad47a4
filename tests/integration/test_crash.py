"""100,000 events through workers that are killed, stopped and sent away: nothing is lost, nothing counts twice."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka.broker import KafkaServer
from system import Process, Row, RowKey, System, differences, lines, located, stamp, until

from streams.config import Settings
from streams.core.ledger.grids import LiveGrid
from streams.core.temporal.instants import parse_instant
from streams.kafka.topics import DEAD_LETTERS, SLA_BREACHES
from streams.worker.partition_state import PartitionState

pytestmark = pytest.mark.timeout(180)

AS_OF = parse_instant("2026-03-01T00:00:00Z")
EVENTS = 100_000
BAD = 200
SETTINGS = {
    "service_levels": [{"name": "reply_1h", "metric": "first_response", "clock": "calendar", "seconds": 3600}],
    # a few windows: these tests are about what is kept, and all windows are made of the same panes
    "windows": {"rolling": ["1h", "90d"], "aligned": []},
    # small units, so that many can be broken
    "worker": {"unit_records": 2_000},
}


@dataclass
class End:
    """What is there once everything has been processed."""

    state: dict[Any, Any]
    panes: dict[Any, Any]
    letters: dict[Any, Any]
    breaches: dict[str, bool]

    @classmethod
    def of(cls, system: System) -> End:
        letters: dict[Any, Any] = {}
        for message in system.read(DEAD_LETTERS):
            letter = json.loads(message.value())
            # By its body, which is one of a kind: where it lies moves with what is passed on between partitions.
            body = letter["topic"], letter["partition"], letter["value"]
            letters[body] = letters.get(body, 0) + 1
        panes = {key: cell for key, cell in together(system.panes()).items() if reachable(key)}
        state = system.state()
        moved = {scope[1:] for _, scope, kind, _ in state if kind == "h"}
        return cls(state, panes, letters, standing(system.read(SLA_BREACHES), moved))

    def against(self, other: End) -> list[str]:
        return [
            f"{what}: {said}"
            for what in ("state", "panes", "letters", "breaches")
            for said in differences(getattr(self, what), getattr(other, what))
        ]


def standing(messages: list[Any], moved: set[str]) -> dict[str, bool]:
    """The breaches told and not taken back; False: told twice, or taken back without having been told.

    Those of customers who moved with a merge are told again by their new partition.
    """
    told: dict[str, list[bool]] = {}
    for message in messages:
        row = json.loads(message.value())
        if row["customer_id"] in moved:
            told[row["id"]] = [row["retracted"]] if not row["retracted"] else [False, True]
        else:
            told.setdefault(row["id"], []).append(row["retracted"])
    in_turns = {name: rows == [n % 2 == 1 for n in range(len(rows))] for name, rows in told.items()}
    return {name: right for name, right in in_turns.items() if not (right and told[name][-1])}


def together(panes: dict[Any, Any]) -> dict[Any, Any]:
    """The counters of all partitions as one: which of them counts whom that moves with a merge is up to the units."""
    found = {key: cell for key, cell in panes.items() if key[1] != "s"}
    counters: Counter[str] = Counter()
    for (_, kind, _), cell in panes.items():
        if kind == "s":
            counters.update({name: times for name, times in cell["counters"].items() if name != "rekeyed"})
            counters.update(cell["dead_letters"])
    return found | {("all", "s", None): dict(counters)}


def reachable(key: tuple[Any, ...]) -> bool:
    """False for a pane behind every window: when those are swept out depends on how long a worker has lived."""
    _, kind, name = key
    if kind != "p":
        return True
    (resolution, slot), _ = name
    return bool(slot >= grid().keeps_from(resolution))


@cache
def grid() -> LiveGrid:
    settings = msgspec.convert(SETTINGS, Settings)
    policy = settings.policy()
    return PartitionState(0, 4, policy, settings.rolling(policy), lambda: AS_OF).grid


@dataclass
class Undisturbed:
    records: list[Any]
    end: End
    rows: dict[RowKey, Row]


def wait_until_told(system: System, breaches: int) -> None:
    """The last of them are told by the clock, a moment after the last record."""
    until("all breaches are told", lambda: len({message.key() for message in system.read(SLA_BREACHES)}) >= breaches)


@pytest.fixture(scope="module")
def undisturbed(kafka: KafkaServer, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The events, one worker's undisturbed work on them, and what a replay of their file says."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with System(kafka, folder / "system", SETTINGS) as system:
        system.run("simulate", "--out", folder / "sim", "--days", 60, "--end", stamp(AS_OF), "--tickets-per-day", 120)
        bodies = lines(folder / "sim")[:EVENTS]
        assert len(bodies) == EVENTS
        for n in range(BAD):
            bodies.insert(n * EVENTS // BAD, b"no event %d" % n)
        (folder / "all.jsonl").write_bytes(b"\n".join(bodies) + b"\n")
        rows = system.replay(AS_OF, folder / "all.jsonl")
        records = located(bodies)
        system.send_raw(records)
        worker = system.worker(AS_OF)
        system.wait_until_done()
        wait_until_told(system, int(rows["sla_breaches", "90d", None, "target", "reply_1h"]["value"]))
        worker.terminate()
        end = End.of(system)
        assert len(end.letters) == BAD
        assert set(end.letters.values()) == {1}
        assert all(end.breaches.values())
        assert len(end.breaches) == rows["sla_breaches", "90d", None, "target", "reply_1h"]["value"] > 100
        board = system.board(AS_OF, "--no-publish")
        board.shows(rows)
        return Undisturbed(records, end, rows)


@pytest.fixture
def system(kafka: KafkaServer, undisturbed: Undisturbed, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system", SETTINGS) as made:
        made.environ["SUPPORT_ROI_KAFKA_SESSION_TIMEOUT_MS"] = "2000"  # each death costs that much
        yield made


def finish(system: System, undisturbed: Undisturbed) -> None:
    """The rest is processed, and everything is as if nothing had happened."""
    system.wait_until_done()
    wait_until_told(system, len(undisturbed.end.breaches))
    for process in system.processes:
        if process.alive:
            process.terminate()
    found = End.of(system).against(undisturbed.end)
    assert not found, "\n".join(found)
    board = system.board(AS_OF, "--no-publish")
    board.shows(undisturbed.rows)
    board.process.terminate()


STEPS = ("sent", "delivered", "offsets", "committing", "committed", "sent", "delivered", "committing")


def test_killed_at_random_and_inside_a_unit(system: System, undisturbed: Undisturbed) -> None:
    """Sixteen kill -9 while 100,000 events are processed; random moments alone seldom hit where it hurts."""
    system.send_raw(undisturbed.records)
    rng = random.Random(11)
    for n, step in enumerate(STEPS):
        worker, before = system.worker(AS_OF), system.done()
        system.wait_until(before + 1)
        time.sleep(rng.uniform(0, 0.3))
        assert worker.alive
        worker.kill()
        died(system.faulty_worker(AS_OF, step=step, unit=2 + n % 3))
    system.worker(AS_OF)  # before the offsets are asked for: it ends the transaction that the last death left open
    assert system.done() < len(undisturbed.records), "the kills came too late to be a test"
    finish(system, undisturbed)


def died(worker: Process) -> None:
    assert worker.ends() == -signal.SIGKILL, worker.err[-3000:]


def test_without_transactions_the_same_kills_are_seen(system: System, undisturbed: Undisturbed) -> None:
    """The test of the test: a build that only looks exactly-once must not pass."""
    part = EVENTS * 2 // 5
    system.send_raw(undisturbed.records[:part])
    for _ in range(3):
        died(system.faulty_worker(AS_OF, step="sent", unit=2, transactional=False))
    assert system.done() < part, "the kills came too late to be a test"
    worker = system.faulty_worker(AS_OF, transactional=False)
    system.send_raw(undisturbed.records[part:])
    until("all is processed, or its state has become impossible", lambda: not (worker.alive and system.behind()), 120)
    if not worker.alive:  # seen, and as loudly as can be
        assert "nothing of the open unit was committed" in worker.err
        return
    found = End.of(system).against(undisturbed.end)
    assert {said.partition(":")[0] for said in found} >= {"panes"}, found
    with pytest.raises(AssertionError):  # other values, or none at all where they have become impossible
        system.board(AS_OF, "--no-publish").shows(undisturbed.rows, seconds=20)


def test_workers_come_and_go_while_events_flow(system: System, undisturbed: Undisturbed) -> None:
    """1 -> 3 -> 1 with SIGTERM, two kill -9, one stopped for longer than its session and back."""
    records, sent = undisturbed.records, 0

    def flow() -> None:
        """A seventh more of the events; returns while they are being processed."""
        nonlocal sent
        share = records[sent : sent + len(records) // 7 + 1]
        sent += system.send_raw(share)
        system.wait_until(sent - len(share) * 3 // 4)

    system.worker(AS_OF)
    flow()
    second, third = system.worker(AS_OF), system.worker(AS_OF)
    flow()
    second.kill()
    flow()
    fourth = system.worker(AS_OF)
    flow()
    third.signal(signal.SIGSTOP)
    flow()  # the others take over its partitions once its session is over
    time.sleep(4)
    third.signal(signal.SIGCONT)
    flow()
    fourth.kill()
    flow()
    assert sent == len(records)
    if third.alive:  # it may have gone on, or have seen that it was fenced, and ended loudly
        third.signal(signal.SIGTERM)
    assert third.ends() in (0, 1), third.err[-3000:]
    if third.popen.returncode:
        assert "nothing of the open unit was committed" in third.err
    finish(system, undisturbed)
