"""The cases of `cases/`: events in a `.jsonl`, beside it a `.toml` with what they come to, worked out by hand.

    for case in cases():
        case.check(values)      # the named values, to the last digit unless the case says `within`
    case.agree(one, other)      # two engines: all values, named or not

A row of `values` names a metric, and what of its record is worked out: `value`, `count`, `low`, `high`, `previous`,
`year_before`. A text is a fraction (`"1/3"`), or "none" (TOML has no null). Not named are 30d, all, all.

An engine is whatever gives values by (metric, window, period_start, dimension, member); the four without a broker are
below. One that has a broker (`tests/integration`) sends `case.past` into the input topics as `case.topic(event)`
says, with the worker's and the board's clock at `case.as_of`, and hands the published records to `case.check`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isclose
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner

from streams.cli import main
from streams.core.metrics.records import MetricRecord
from streams.core.temporal.instants import format_instant, parse_instant
from streams.worker.hosting.agents import define_agent
from streams.worker.hosting.host import Host
from streams.worker.log.processor import Batch
from tests.property.harness import TOPIC, Desk, Event, Key, before, replayed, settings_of, without_period

FOLDER = Path(__file__).parent / "cases"
#: What a record says, apart from its key.
Said = tuple[Any, ...]
Values = dict[Key, Said]


SAYS = ("value", "count", "low", "high", "unit", "as_of", "final", "definition")
COMPARED = ("previous", "year_before")
#: What a row may have besides what it says: where the record is, and how close (relatively) is close enough.
PLACE = {"window": "30d", "period_start": None, "dimension": "all", "member": "all"}
CHECKED = ("value", "count", "low", "high", *COMPARED)
#: Bounds are worked out to so many digits.
BOUNDS = 1e-6


def said(record: Mapping[str, Any]) -> Said:
    return (*(record[name] for name in SAYS), *(record.get(name, "-") for name in COMPARED))


def number(told: Any) -> Any:
    """What a row says: "none" for null, "1/3" for the float next to it."""
    if isinstance(told, str):
        return None if told == "none" else float(Fraction(told))
    return told


def close(found: Any, expected: Any, within: float) -> bool:
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return isclose(found, expected, rel_tol=within)
    return bool(found == expected)


def values_of(records: Iterable[Mapping[str, Any] | MetricRecord]) -> Values:
    """Records of any engine by key, as JSON has them (so that 1 and 1.0 differ nowhere by accident of the engine)."""
    found: Values = {}
    for record in records:
        row = json.loads(msgspec.json.encode(record)) if isinstance(record, MetricRecord) else record
        key = (row["metric"], row["window"], row["period_start"], row["dimension"], row["member"])
        assert key not in found, f"told twice: {key}"
        found[key] = said(row)
    return found


@dataclass(frozen=True)
class Case:
    name: str
    events: tuple[Event, ...]
    as_of: int
    settings: dict[str, Any]
    expected: tuple[dict[str, Any], ...]

    @property
    def past(self) -> list[Event]:
        """What was before `as_of`. A worker folds whatever is in its topics; only a replay leaves out the rest."""
        return before(self.events, self.as_of)

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.name}.jsonl"

    def topic(self, event: Event) -> str:
        return TOPIC[event["type"].split(".")[0]]

    def check(self, values: Values) -> None:
        wrong = []
        for row in self.expected:
            place = PLACE | row
            key = (row["metric"], *(place[name] for name in PLACE))
            found = dict(zip((*SAYS, *COMPARED), values.get(key, ()), strict=False))
            for name in CHECKED:
                within = BOUNDS if name in ("low", "high") else row.get("within", 0)
                if name in row and not close(found.get(name, "absent"), number(row[name]), within):
                    wrong.append(f"{key}: {name} {found.get(name, 'absent')} instead of {row[name]}")
        assert not wrong, f"{self.name}\n" + "\n".join(wrong)

    def agree(self, one: Values, other: Values) -> None:
        wrong = [
            f"{key}: {one.get(key, 'absent')} and {other.get(key, 'absent')}"
            for key in sorted(one.keys() | other.keys(), key=str)
            if one.get(key) != other.get(key)
        ]
        assert not wrong, f"{self.name}: {len(wrong)} differ\n" + "\n".join(wrong[:10])


def cases() -> list[Case]:
    found = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        told = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))
        found.append(
            Case(
                path.stem,
                tuple(json.loads(line) for line in path.read_text("utf-8").splitlines()),
                int(parse_instant(told["as_of"])),
                told.get("settings", {}),
                tuple(told["values"]),
            )
        )
    return found


# -- the engines ---------------------------------------------------------------------------------------------


def by_replay(case: Case) -> Values:
    return values_of(without_period(replayed(case.events, case.as_of, settings_of(case.settings))).values())


def by_command(case: Case, folder: Path) -> Values:
    """`support-roi replay --format jsonl`, the settings in a roi.toml."""
    config = folder / "roi.toml"
    config.write_text(toml(case.settings), encoding="utf-8")
    stamp = format_instant(case.as_of)
    arguments = ["--config", str(config), "replay", str(case.path), "--as-of", stamp, "--format", "jsonl"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    return values_of(json.loads(line) for line in done.stdout.splitlines())


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """The few shapes that cases have."""
    plain = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items() if not _nested(value))
    for key, value in table.items():
        if isinstance(value, dict):
            plain += f"[{path}{key}]\n" + toml(value, f"{path}{key}.")
        elif _nested(value):
            plain += "".join(f"[[{path}{key}]]\n" + toml(row, f"{path}{key}.") for row in value)
    return plain


def _nested(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


def desk_of(case: Case, partitions: int = 1) -> Desk:
    desk = Desk(settings_of(case.settings), case.as_of, partitions)
    for event in case.past:
        desk.send(event)
    return desk


def by_partitions(case: Case, partitions: int = 1) -> Values:
    """Every record a unit of its own."""
    desk = desk_of(case, partitions)
    while any(map(desk.waiting, range(partitions))):
        for partition in range(partitions):
            desk.unit(partition, [1])
    return values_of(desk.values().values())


class NoLog:
    """What a host asks of a log in a test: nothing ever comes by itself."""

    def __aiter__(self) -> NoLog:
        return self

    async def __anext__(self) -> Batch:
        raise StopAsyncIteration

    def fail(self, error: BaseException) -> None:
        raise error


async def by_agent(case: Case) -> Values:
    """The Faust agent over batches of two records, in its test context."""
    desk = desk_of(case)
    host = Host("golden", NoLog())  # type: ignore[arg-type]
    host.finalize()
    async with define_agent(host).test_context() as agent:
        while desk.waiting(0):
            some = desk.queues[0][desk.done[0] : desk.done[0] + 2]
            await agent.put(Batch(0, some, desk.states[0]))
            desk.done[0] += len(some)
    desk.unit(0, [0])
    return values_of(desk.values().values())
