"""Changes of staffing, tools and training: what the board keeps of them, and how its pages show them."""

from __future__ import annotations

import json
import random

import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from streams.board.follow.annotations import MAX_ANNOTATIONS, Annotations
from streams.board.pages.latest import Latest
from streams.board.pages.web import application
from streams.board.snapshot import Health, Snapshot
from streams.cli import main
from streams.core.events.annotation import Annotation, decode
from streams.core.temporal.instants import DAY, Instant, parse_instant

START = parse_instant("2026-03-02T09:00:00Z")


def annotation(day: int = 0, text: str = "New macros", days: int | None = None) -> Annotation:
    at = Instant(START + day * DAY)
    return Annotation(kind="tool", at=at, until=None if days is None else Instant(at + days * DAY), text=text)


def take(board: Annotations, *annotations: Annotation) -> Annotations:
    for each in annotations:
        board.take(each.key.encode(), msgspec.json.encode(each.as_json()))
    return board


def test_a_change_is_marked_replaced_and_taken_back() -> None:
    board = take(Annotations(), annotation(1), annotation(0), annotation(1, days=3))
    assert board.by_time() == (annotation(0), annotation(1, days=3))
    board.take(annotation(0).key.encode(), None)
    assert board.by_time() == (annotation(1, days=3),)


def test_the_newest_are_kept_whatever_the_order() -> None:
    annotations = [annotation(day) for day in range(MAX_ANNOTATIONS + 50)]
    random.Random(1).shuffle(annotations)
    assert take(Annotations(), *annotations).by_time() == tuple(
        annotation(day) for day in range(50, MAX_ANNOTATIONS + 50)
    )


def test_what_is_no_annotation_takes_the_place_of_none() -> None:
    board = take(Annotations(), annotation())
    board.take(b"other", b"{")
    board.take(b"other", b'{"kind":"weather","at":"2026-03-02T09:00:00Z","text":"Snow"}')
    assert board.by_time() == (annotation(),)


def test_the_same_under_two_keys_is_one_series() -> None:
    board = take(Annotations(), annotation())
    board.take(b"made by hand", msgspec.json.encode(annotation().as_json()))
    assert board.by_time() == (annotation(),)


@pytest.mark.asyncio
async def test_the_pages_show_what_the_snapshot_holds() -> None:
    annotations = [annotation(0, 'Two "more"\nagents \\ é'), annotation(0, "Course", days=2), annotation(7, "Course")]
    latest = Latest()
    async with TestClient(TestServer(application(latest, [], version="1"))) as client:
        assert await (await client.get("/api/annotations")).json() == []
        latest.show(Snapshot(1000, [], Health(ready=True), annotations=annotations))
        rows = await (await client.get("/api/annotations")).json()
        assert [decode(json.dumps(row).encode()) for row in rows] == annotations
        page = await (await client.get("/metrics")).text()
    samples = {
        (sample.name, sample.labels["text"], sample.labels["at"]): (sample.labels["kind"], sample.value)
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name.startswith("support_annotation")
    }
    begin, end = "support_annotation_timestamp_seconds", "support_annotation_end_timestamp_seconds"
    first, week = "2026-03-02T09:00:00.000Z", "2026-03-09T09:00:00.000Z"
    assert samples == {
        (begin, 'Two "more"\nagents \\ é', first): ("tool", START / 1000),
        (begin, "Course", first): ("tool", START / 1000),
        (begin, "Course", week): ("tool", (START + 7 * DAY) / 1000),
        (end, "Course", first): ("tool", (START + 2 * DAY) / 1000),
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "weather", "Snow"], "'weather' is not one of"),
        (["--kind", "tool", "x" * 201], "length <= 200"),
        (["--kind", "tool", ""], "length >= 1"),
        (["--kind", "tool", "--at", "2026-03-02", "--until", "2026-03-02", "x"], "must be after"),
        (["--kind", "tool", "--at", "1999-01-01", "x"], "before 2000"),
        (["--kind", "tool", "--remove", "x"], "--remove needs the --at"),
    ],
)
def test_a_wrong_annotation_is_refused_before_anything_is_sent(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["annotate", *arguments, "--bootstrap-servers", "127.0.0.1:1"])
    assert done.exit_code == 2, done.stderr
    assert message in done.stderr
