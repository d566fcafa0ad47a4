"""What the wall is drawn from: verdicts, comparisons, days, waits by target, warnings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from streams.board.follow.input_lag import InputLag
from streams.board.follow.recent_breaches import MAX_BREACHES, RecentBreaches
from streams.board.pages.wall import breaches_json, wall_json
from streams.board.snapshot import Health, Snapshot
from streams.board.targets import MET, MISSED, UNSURE, Target, all_targets, verdict
from streams.core.metrics.families import METRICS
from streams.core.metrics.goals import NO_TARGETS, Goal, Targets
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import Finding

LATER = 4_000_000_000_000
TODAY = "2026-03-03T00:00:00+01:00"


def record(metric: str, value: Any, **changed: Any) -> MetricRecord:
    fields = {
        "window": "30d", "period_start": None, "dimension": "all", "member": "all", "count": 100, "low": None,
        "high": None, "unit": "x", "as_of": "2026-03-03T12:00:00Z", "final": False, "definition": f"{metric}@1",
    } | changed  # fmt: skip
    return MetricRecord(metric=metric, value=value, **fields)


def wall(
    *records: MetricRecord,
    targets: Targets = NO_TARGETS,
    health: Health | None = None,
    findings: Sequence[Finding] = (),
) -> dict[str, Any]:
    data = wall_json(Snapshot(0, records, health or Health(ready=True), findings=findings), METRICS, targets)
    decoded: dict[str, Any] = json.loads(msgspec.json.encode(data))
    return decoded


@dataclass(frozen=True)
class Case:
    name: str
    record: MetricRecord
    target: Target
    verdict: str | None


CSAT = Target("csat_ratio", 0.8, "benchmark", min_samples=30)
REOPENED = Target("reopen_ratio", 0.05, "goal")
CASES = [
    Case("above", record("csat_ratio", 0.9, low=0.85, high=0.94), CSAT, MET),
    Case("exactly, no interval", record("csat_ratio", 0.8), CSAT, MET),
    Case("low end at the target", record("csat_ratio", 0.9, low=0.8, high=0.95), CSAT, MET),
    Case("target inside the interval", record("csat_ratio", 0.82, low=0.79, high=0.85), CSAT, UNSURE),
    Case("below, target inside the interval", record("csat_ratio", 0.79, low=0.75, high=0.8), CSAT, UNSURE),
    Case("below", record("csat_ratio", 0.7, low=0.66, high=0.79), CSAT, MISSED),
    Case("too few answers", record("csat_ratio", 0.9, count=29), CSAT, UNSURE),
    Case("enough answers", record("csat_ratio", 0.9, count=30), CSAT, MET),
    Case("undefined", record("csat_ratio", None, count=0), CSAT, None),
    Case("lower is better: met", record("reopen_ratio", 0.05), REOPENED, MET),
    Case("lower is better: missed", record("reopen_ratio", 0.051), REOPENED, MISSED),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_verdicts(case: Case) -> None:
    assert verdict(case.record, case.target) == case.verdict


def test_a_goal_goes_before_the_benchmark_in_its_window_only() -> None:
    goal = Goal("ninety", "csat_ratio", "30d", "all", "all", 0.9, None, None, LATER)
    targets = Targets(csat_benchmark=0.78, goals=(goal,))
    data = wall(record("csat_ratio", 0.85), record("csat_ratio", 0.85, window="7d"), targets=targets)
    assert data["verdicts"] == {
        "30d": {"csat_ratio": [MISSED, 0.9, "ninety"]},
        "7d": {"csat_ratio": [MET, 0.78, "benchmark"]},
    }


def test_a_relative_goal_is_no_target_of_its_own() -> None:
    goal = Goal("better", "nps", "30d", "all", "all", None, 0.1, 0, LATER)
    assert {target.name for target in all_targets(Targets(goals=(goal,)))} == {"benchmark", "break-even"}


def test_what_was_before_is_left_out_where_nothing_is_compared() -> None:
    data = wall(
        record("roi_net_ratio", 1.0, previous=0.5),
        record("roi_gross_ratio", 2.0, previous=None, year_before=1.5),
        record("nps", 40.0),
    )
    assert data["before"] == {"30d": {"roi_net_ratio": [0.5], "roi_gross_ratio": [None, 1.5]}}


def test_days_are_the_ended_ones_in_order_from_the_first_that_says_anything() -> None:
    def day(date: int, value: Any, final: bool = False) -> MetricRecord:
        start = f"2026-03-{date:02}T00:00:00+01:00"
        return record("tickets_created", value, window="day", period_start=start, final=final)

    days = (7, 5), (9, 99), (8, None), (6, 4), (4, 0), (5, 0), (3, 7), (2, 0)  # the 9th is running
    data = wall(*(day(date, value, final=date < 5) for date, value in days))
    assert data["days"] == {"tickets_created": ["2026-03-03", [7, 0, 0, 4, 5, None]]}


def test_only_running_periods_are_shown() -> None:
    before = "2026-03-02T00:00:00+01:00"
    data = wall(
        record("nps", 1.0, window="day", period_start=TODAY), record("nps", 2.0, window="day", period_start=before)
    )
    assert data["values"]["day"]["nps"][0] == 1.0


def test_breaches_by_target_the_worst_first() -> None:
    goal = Goal("kept", "sla_attained_ratio", "7d", "target", "chat", 0.9, None, None, LATER)
    of = {"dimension": "target", "window": "now"}
    records = [
        record("sla_open_breached", 0, member="reply", **of),
        record("sla_due_soon", 3, member="reply", **of),
        record("sla_open_breached", 2, member="chat", **of),
        record("sla_due_soon", 0, member="chat", **of),
        record("sla_open_breached", 2, member="a\u202eb", **of),
        record("sla_attained_ratio", 0.95, member="chat", dimension="target", window="7d", count=40),
        record("sla_attained_ratio", None, member="chat", dimension="target", window="1h", count=0),
        record("tickets_open", 7, window="now"),
    ]
    data = json.loads(breaches_json(Snapshot(5, records, Health(ready=True)), Targets(goals=(goal,))))
    assert (data["as_of"], data["open_breached"], data["due_soon"]) == (5, 4, 3)
    assert [(row["target"], row["open_breached"], row["due_soon"]) for row in data["targets"]] == [
        ("a\u202eb", 2, 0),
        ("chat", 2, 0),
        ("reply", 0, 3),
    ]
    assert data["targets"][1]["attained"] == {
        "7d": {"value": 0.95, "count": 40, "verdict": MET},
        "1h": {"value": None, "count": 0, "verdict": None},
    }


def test_warnings_surges_and_goals() -> None:
    def surge(member: str, value: float | None, count: int) -> MetricRecord:
        return record("surge_ratio", value, window="1h", dimension="issue_type", member=member, count=count)

    data = wall(
        surge("at both limits", 3.0, 10),
        surge("the highest", 9.0, 12),
        surge("too few", 9.0, 9),
        surge("not steep", 2.99, 50),
        surge("undefined", None, 50),
        record("goal_progress_ratio", 0.4, window="7d", dimension="goal", member="mine"),
        record("goal_off_pace", 1, window="7d", dimension="goal", member="mine"),
    )
    assert data["attention"] == {
        "warnings": {},
        "at_risk": [],
        "surges": [["issue_type", "the highest", 9.0, 12], ["issue_type", "at both limits", 3.0, 10]],
        "goals": {"mine": {"window": "7d", "progress": 0.4, "off_pace": 1}},
    }


def test_a_warning_holds_where_it_holds_of_one_member_and_customers_at_risk_are_told_by_what_shows_it() -> None:
    def finding(warning: str, holds: bool | None, dimension: str = "all", member: str = "all") -> Finding:
        return Finding(warning, dimension, member, holds, "m", "now", 3 if holds else 0, 0)

    attention = wall(
        findings=[
            finding("surge", False, "product", "a"),
            finding("surge", True, "product", "b"),
            finding("surge", None, "product", "c"),
            finding("roi_falling", None),
            finding("roi_negative", None),
            finding("roi_negative", False),
            finding("customer_at_risk", True, "target", "reply"),
            finding("customer_at_risk", False, "satisfaction", "unsatisfied"),
        ]
    )["attention"]
    assert attention["warnings"] == {"surge": 1, "roi_falling": None, "roi_negative": 0, "customer_at_risk": 1}
    assert attention["at_risk"] == [["target", "reply", 3]]


def test_dead_letters_are_told_by_reason() -> None:
    health = Health(ready=True, dead_letters={"schema": 2, "not_json": 0}, newest_event={"support.tickets": 9})
    data = wall(health=health)["health"]
    assert data["dead_letters"] == 2
    assert data["dead_letter_reasons"] == {"schema": 2}
    assert data["newest_event"] == {"support.tickets": 9}
    assert data["inputs"] == {"state": "live", "waiting_records": 0, "seconds_to_go": None}


def test_how_far_the_workers_are_is_told() -> None:
    data = wall(health=Health(ready=True, input_lag=InputLag("catching_up", 9_000, 12.5)))["health"]
    assert data["inputs"] == {"state": "catching_up", "waiting_records": 9_000, "seconds_to_go": 12.5}


def breach(ticket: str, deadline: str, **changed: Any) -> bytes:
    return msgspec.json.encode(
        {"id": ticket, "ticket_id": ticket, "customer_id": "c", "target": "reply", "metric": "first_response"}
        | {"started_at": "2026-03-03T00:00:00Z", "deadline": deadline, "channel": "chat", "issue_type": None}
        | {"priority": None, "retracted": False}
        | changed
    )


def test_the_newest_breaches_less_those_taken_back() -> None:
    recent = RecentBreaches()
    recent.take(b"1", breach("1", "2026-03-03T10:00:00Z"))
    recent.take(b"2", breach("2", "2026-03-03T12:30:00+01:00"))
    recent.take(b"3", breach("3", "2026-03-03T11:00:00Z"))
    recent.take(b"3", breach("3", "2026-03-03T11:00:00Z", retracted=True))
    recent.take(b"4", b"{}")
    recent.take(b"5", breach("5", "yesterday"))
    assert [each.ticket_id for each in recent.newest_first()] == ["2", "1"]
    recent.take(b"3", breach("3", "2026-03-03T11:00:00Z"))  # broken again
    recent.take(b"1", None)
    assert [each.ticket_id for each in recent.newest_first()] == ["2", "3"]


def test_only_so_many_breaches_are_kept_the_newest() -> None:
    recent = RecentBreaches()
    for minute in range(MAX_BREACHES + 10):
        recent.take(str(minute).encode(), breach(str(minute), f"2026-03-03T{minute // 60:02}:{minute % 60:02}:00Z"))
    assert [each.ticket_id for each in recent.newest_first()] == [
        str(minute) for minute in range(MAX_BREACHES + 9, 9, -1)
    ]


def test_recent_breaches_are_before_the_snapshots_instant_and_name_no_customer() -> None:
    recent = RecentBreaches()
    for ticket, deadline in (("past", "1970-01-01T00:00:01Z"), ("now", "1970-01-01T00:00:02Z")):
        recent.take(ticket.encode(), breach(ticket, deadline))
    snapshot = Snapshot(2_000, [], Health(ready=True), breaches=recent.newest_first())
    assert json.loads(breaches_json(snapshot, NO_TARGETS))["recent"] == [
        {
            "ticket_id": "past",
            "target": "reply",
            "deadline": "1970-01-01T00:00:01Z",
            "channel": "chat",
            "priority": None,
        }
    ]
