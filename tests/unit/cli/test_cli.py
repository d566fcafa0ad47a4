"""The command line as its users meet it: exit codes, messages on stderr, values on stdout, files in any order."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streams.cli import main
from streams.core.metrics.families import METRICS
from streams.core.temporal.instants import DAY, format_instant, parse_instant
from tests.oracle.strategies import LAST, random_events

Row = dict[str, Any]
END = format_instant(LAST + DAY)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, code: int = 0, environ: dict[str, str] | None = None) -> Result:
    done = CliRunner().invoke(main, arguments, env=environ)
    assert done.exit_code == code, (done.exit_code, done.stderr, done.exception)
    return done


def lines(events: list[Row]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def rows(done: Result) -> dict[tuple[Any, ...], Row]:
    found = {}
    for line in done.stdout.splitlines():
        row = json.loads(line)
        key = (row["as_of"], row["metric"], row["window"], row["period_start"], row["dimension"], row["member"])
        assert key not in found
        found[key] = row
    return found


def values(*arguments: str, **environ: str) -> dict[tuple[Any, ...], Row]:
    return rows(run("replay", *arguments, "--format", "jsonl", environ=environ))


@pytest.fixture
def events() -> list[Row]:
    # without customers told twice in other words: there the first to arrive wins, and order matters by contract
    return random_events(7, 150, merges=False)


def one(at: str = "2026-01-05T12:00:00Z", number: int = 1) -> Row:
    return {
        "event_id": f"e{number}", "type": "ticket.created", "occurred_at": at, "customer_id": "c",
        "ticket_id": f"t{number}", "channel": "email",
    }  # fmt: skip


# -- the same values however the files come ----------------------------------------------------------------------


def test_shuffled_doubled_split_and_zipped_files_come_to_the_same(events: list[Row]) -> None:
    Path("plain.jsonl").write_bytes(lines(events))
    expected = values("plain.jsonl", "--as-of", END)
    assert len([row for row in expected.values() if row["value"]]) > 200
    rng = random.Random(1)
    again = events + rng.sample(events, 70)
    rng.shuffle(again)
    Path("shuffled.jsonl").write_bytes(lines(again))
    assert values("shuffled.jsonl", "--as-of", END) == expected
    folder = Path("parts")
    folder.mkdir()
    for number in range(3):
        part = lines(again[number::3])
        if number == 1:
            (folder / f"{number}.jsonl.gz").write_bytes(gzip.compress(part))
        else:
            (folder / f"{number}.jsonl").write_bytes(part)
    assert values("parts", "--as-of", END) == expected
    assert values("parts/2.jsonl", "parts/0.jsonl", "parts/1.jsonl.gz", "plain.jsonl", "--as-of", END) == expected


def test_as_of_defaults_to_just_past_the_last_event(events: list[Row]) -> None:
    Path("a.jsonl").write_bytes(lines(events))
    last = max(parse_instant(event["occurred_at"]) for event in events)
    assert values("a.jsonl") == values("a.jsonl", "--as-of", format_instant(last + 1))


def test_every_gives_at_each_step_what_a_replay_up_to_there_gives(events: list[Row]) -> None:
    Path("a.jsonl").write_bytes(lines(events))
    found = values("a.jsonl", "--from", "2026-02-01", "--as-of", "2026-03-20", "--every", "2w")
    stamps = sorted({key[0] for key in found})
    assert stamps == [f"2026-{day}T00:00:00.000Z" for day in ("02-15", "03-01", "03-15", "03-20")]
    for stamp in stamps:
        alone = values("a.jsonl", "--from", "2026-02-01", "--as-of", stamp)
        assert {key: row for key, row in found.items() if key[0] == stamp} == alone


def test_from_adds_a_period_exact_to_the_millisecond() -> None:
    times = ("10:00:00.000", "10:00:00.001", "10:00:00.002", "10:00:00.003")
    Path("a.jsonl").write_bytes(lines([one(f"2026-01-05T{time}Z", number) for number, time in enumerate(times)]))
    arguments = ("--from", "2026-01-05T10:00:00.001Z", "--as-of", "2026-01-05T10:00:00.003Z")
    found = values("a.jsonl", *arguments)
    (row,) = [row for key, row in found.items() if key[1:3] == ("tickets_created", "period") and key[4] == "all"]
    assert (row["value"], row["period_start"][:23]) == (2, "2026-01-05T10:00:00.001")
    assert {key[2] for key in values("a.jsonl")} >= {"5m", "1h", "24h", "7d", "30d", "90d", "365d", "now"}
    assert "period" not in {key[2] for key in values("a.jsonl")}


def test_what_comes_after_as_of_is_said_and_does_not_count() -> None:
    Path("a.jsonl").write_bytes(lines([one(), one("2026-02-01T00:00:00Z", 2), one()]))
    done = run("replay", "a.jsonl", "--as-of", "2026-01-06", "--format", "jsonl")
    assert "1 events" in done.stderr
    assert "1 after as_of" in done.stderr
    assert "1 duplicate" in done.stderr
    (row,) = [row for key, row in rows(done).items() if key[1:3] == ("tickets_created", "30d") and key[4] == "all"]
    assert row["value"] == 1


def test_what_waits_or_has_no_rate_is_said() -> None:
    own = {"occurred_at": "2026-01-05T00:00:00Z", "customer_id": "c", "currency": "USD"}
    placed = own | {"event_id": "1", "type": "order.placed", "order_id": "o",
                    "lines": [{"line_id": "1", "amount_minor": 5}]}  # fmt: skip
    paid = own | {"event_id": "2", "type": "order.paid", "order_id": "o", "amount_minor": 5}
    Path("a.jsonl").write_bytes(lines([placed, paid, paid | {"event_id": "3", "order_id": "never seen"}]))
    assert "3 events, 1 orphans, 1 unconverted" in run("replay", "a.jsonl", "--format", "jsonl").stderr


def test_a_mark_before_the_first_line_is_no_part_of_it() -> None:
    Path("a.jsonl").write_bytes(b"\xef\xbb\xbf" + lines([one()]))
    assert "1 events\n" in run("replay", "a.jsonl", "--format", "jsonl").stderr


# -- dead letters ----------------------------------------------------------------------------------------------


def test_dead_letters_are_located_counted_and_written() -> None:
    bad = [b"{", b'{"type":"nothing"}', json.dumps(one() | {"channel": 5}).encode()]
    Path("a.jsonl").write_bytes(b"\n".join([json.dumps(one()).encode(), *bad, json.dumps(one(number=2)).encode()]))
    done = run("replay", "a.jsonl", "--format", "jsonl", "--dead-letters", "bad.jsonl")
    assert "a.jsonl:2: not_json" in done.stderr
    assert "a.jsonl:4: schema" in done.stderr
    assert "channel" in done.stderr
    assert "dead letters: 1 not_json, 1 schema, 1 unknown_type" in done.stderr
    letters = [json.loads(line) for line in Path("bad.jsonl").read_bytes().splitlines()]
    assert [(row["line"], row["reason"]) for row in letters] == [(2, "not_json"), (3, "unknown_type"), (4, "schema")]
    assert [row["value"].encode() for row in letters] == bad
    (row,) = [row for key, row in rows(done).items() if key[1:3] == ("tickets_created", "30d") and key[4] == "all"]
    assert row["value"] == 2, "the others count"


def test_many_dead_letters_are_counted_and_a_few_shown() -> None:
    Path("a.jsonl").write_bytes(b"{\n" * 500)
    done = run("replay", "a.jsonl", "--as-of", "2026-01-06", "--format", "jsonl")
    assert "dead letters: 500 not_json" in done.stderr
    assert len(done.stderr.splitlines()) < 30


# -- exit codes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["replay"], 2, "PATHS"),
        (["replay", "a.jsonl", "--every", "1y"], 2, "1y"),
        (["replay", "a.jsonl", "--as-of", "yesterday"], 2, "yesterday"),
        (["replay", "a.jsonl", "--as-of", "2026-01-05T00:00:00"], 2, "2026-01-05T00:00:00"),
        (["replay", "a.jsonl", "--as-of", "2026-13-05"], 2, "2026-13-05"),
        (["replay", "a.jsonl", "--from", "2026-02-01", "--as-of", "2026-01-01"], 2, "--from"),
        (["replay", "a.jsonl", "--from", "2030-01-01"], 2, "--from"),
        (["replay", "a.jsonl", "--format", "xml"], 2, "xml"),
        (["reply", "a.jsonl"], 2, "reply"),
        (["--config", "no.toml", "replay", "a.jsonl"], 2, "no.toml"),
        (["--config", "wrong.toml", "replay", "a.jsonl"], 2, "currency"),
        (["replay", "a.jsonl", "--config", "wrong.toml"], 2, "currency"),
        (["--config", "no.toml", "replay", "a.jsonl", "--config", "wrong.toml"], 2, "currency"),
        (["simulate"], 2, "--out"),
        (["replay", "no.jsonl"], 1, "no.jsonl"),
        (["replay", "."], 1, "no *.jsonl"),
        (["replay", "cut.jsonl.gz"], 1, "cut.jsonl.gz"),
        (["replay", "a.jsonl"], 0, ""),
        (["metrics"], 0, ""),
        (["--version"], 0, ""),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes_and_where_messages_go(
    arguments: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("wrong.toml").write_text('curency = "EUR"', encoding="utf-8")
    if arguments == ["replay", "."]:
        monkeypatch.chdir(_folder(tmp_path))
    else:
        Path("a.jsonl").write_bytes(lines([one()]))
        Path("cut.jsonl.gz").write_bytes(gzip.compress(b"x" * 5000)[:20])
    done = run(*arguments, code=code)
    assert said in done.stderr
    if code:
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
    else:
        assert done.stdout


def _folder(tmp_path: Path) -> Path:
    empty = tmp_path / "empty"
    empty.mkdir()
    return empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('curency = "EUR"', ["curency", "`currency`"]),
        ("[atribution]\nmodel = 1", ["atribution", "`attribution`"]),
        ("[dimensions]\nlimits = 1", ["dimensions.limits", "`limit`"]),
    ],
)
def test_a_wrong_key_names_the_nearest_right_one(text: str, said: list[str]) -> None:
    Path("roi.toml").write_text(text, encoding="utf-8")
    Path("a.jsonl").write_bytes(lines([one()]))
    done = run("replay", "a.jsonl", code=2)
    assert all(part in done.stderr for part in said)


def test_settings_come_from_the_environment_too(events: list[Row]) -> None:
    Path("a.jsonl").write_bytes(lines(events))
    plain = values("a.jsonl", "--as-of", END)
    assert {row["unit"] for row in plain.values() if row["metric"] == "revenue_paid"} == {"EUR_minor"}
    windows = {"SUPPORT_ROI_WINDOWS_ROLLING": '["1h", "400d"]', "SUPPORT_ROI_WINDOWS_ALIGNED": "[]"}
    told = values("a.jsonl", "--as-of", END, SUPPORT_ROI_CURRENCY="USD", **windows)
    assert {key[2] for key in told} == {"1h", "400d", "now"}
    assert {row["unit"] for row in told.values() if row["metric"] == "revenue_paid"} == {"USD_minor"}
    Path("roi.toml").write_text('currency = "CHF"', encoding="utf-8")
    assert {row["unit"] for row in values("a.jsonl").values() if row["metric"] == "revenue_paid"} == {"CHF_minor"}
    done = run("replay", "a.jsonl", code=2, environ={"SUPPORT_ROI_CURENCY": "EUR"})
    assert "SUPPORT_ROI_CURRENCY" in done.stderr


def test_dimensions_can_be_chosen(events: list[Row]) -> None:
    Path("a.jsonl").write_bytes(lines(events))
    Path("roi.toml").write_text('[dimensions]\nnames = ["channel"]\nlimit = 1\n', encoding="utf-8")
    found = values("a.jsonl")
    assert {"all", "channel"} <= {key[4] for key in found}
    assert not {"agent", "priority", "issue_type"} & {key[4] for key in found}
    members = {key[5] for key in found if key[1:3] == ("tickets_created", "365d") and key[4] == "channel"}
    assert len(members) == 2
    assert "other" in members


# -- what is printed -------------------------------------------------------------------------------------------


def test_the_table_shows_every_metric() -> None:
    Path("a.jsonl").write_bytes(lines([one()]))
    done = run("replay", "a.jsonl")
    assert done.stdout.startswith("as of 2026-01-05T12:00:00.001Z")
    for name in ("tickets_created", "roi_net_ratio", "csat_ratio"):
        assert name in done.stdout
    assert "nan" not in done.stdout.lower().split()


def test_members_cannot_break_the_table() -> None:
    Path("a.jsonl").write_bytes(lines([one() | {"channel": "evil\n\x1b[31mred\u202e" + "x" * 200}]))
    done = run("replay", "a.jsonl")
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout
    assert "x" * 60 not in done.stdout


def test_no_events_no_values_no_failure() -> None:
    Path("a.jsonl").write_bytes(b"\n\n")
    run("replay", "a.jsonl")
    found = values("a.jsonl", "--as-of", "2026-01-06")
    assert all(
        row["value"] in (None, 0, 0.0) or row["metric"] not in METRICS for row in found.values() if row["count"] == 0
    )


def test_the_catalogue_lists_every_metric_in_every_format() -> None:
    for shape in ("table", "json", "markdown"):
        text = run("metrics", "--format", shape).stdout
        assert all(name in text for name in METRICS)
    json.loads(run("metrics", "--format", "json").stdout)
