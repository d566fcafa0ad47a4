"""The golden cases through a real Kafka, worker and board: the values of their authors, and those of a replay.

Each case has settings of its own, and so a worker, a board and topics of its own. They live in the test's process, as
in the demo's: fifteen times two interpreters would take longer than all the rest.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.broker import KafkaServer
from system import PATIENCE, System, located

from streams.board.service import BoardService
from streams.board.snapshot import Snapshot
from streams.config import Settings
from streams.worker import app
from streams.worker.hosting.host import serve
from tests.golden.runner import Case, Values, by_replay, cases, values_of
from tests.property.harness import settings_of

pytestmark = pytest.mark.timeout(120)
PARTITIONS = 4
CASES = {case.name: case for case in cases()}


@pytest.fixture
def system(kafka: KafkaServer, tmp_path: Path) -> Iterator[System]:
    with System(kafka, tmp_path / "system") as made:
        yield made


def records_of(case: Case) -> list[tuple[str, bytes | None, bytes | None, int | None]]:
    return located(json.dumps(event).encode() for event in case.past)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_in_one_process(system: System, case: Case) -> None:
    records = records_of(case)
    system.send_raw(records)
    kafka = {"application": system.application, "bootstrap_servers": system.kafka.bootstrap}
    settings = settings_of(case.settings | {"kafka": kafka, "board": {"port": 0}})
    await fold(settings, case.as_of, len(records))
    snapshot = await look(settings, case.as_of)
    assert snapshot.health.dead_letters == {}
    agrees(case, values_of(snapshot.records))


async def fold(settings: Settings, as_of: int, records: int) -> None:
    """A worker's life: until so many records are durably processed (none of which it hands on to other partitions)."""
    stop, left = asyncio.Event(), records

    def on_unit(partition: int, count: int, seconds: float) -> None:
        nonlocal left
        left -= count
        if left <= 0:
            stop.set()

    host = app.build(settings, settings.kafka.connection(), PARTITIONS, lambda: as_of, on_unit=on_unit)
    await asyncio.wait_for(serve(host, stop), PATIENCE)
    assert left == 0


async def look(settings: Settings, as_of: int) -> Snapshot:
    """A board's life: until it has read all there is."""
    stop = asyncio.Event()
    board = BoardService(settings, settings.kafka.connection(), as_of, publish=False)
    running = asyncio.ensure_future(board.run(stop))
    try:
        return await asyncio.wait_for(ready(board, running), PATIENCE)
    finally:
        stop.set()
        await running


async def ready(board: BoardService, running: asyncio.Future[Any]) -> Snapshot:
    """Its first snapshot that has values; raises what the board ended with before."""
    number = 0
    while (newest := await board.latest.after(number)) is not None:
        if newest.snapshot.health.ready:
            return newest.snapshot
        number = newest.number
    await running
    raise AssertionError("the board ended in order, and too early")


def agrees(case: Case, found: Values) -> None:
    case.check(found)
    case.agree(found, by_replay(case))


@pytest.mark.parametrize("name", ["refund_in_the_week", "dst_day"])
def test_by_processes(kafka: KafkaServer, tmp_path: Path, name: str) -> None:
    """The same as it is deployed: settings from a file, values from a page."""
    case = CASES[name]
    with System(kafka, tmp_path / "system", case.settings) as system:
        system.send_raw(records_of(case))
        worker = system.worker(case.as_of)
        system.wait_until_done()
        worker.terminate()
        board = system.board(case.as_of, "--no-publish")
        agrees(case, values_of(board.rows().values()))
        board.process.terminate()
