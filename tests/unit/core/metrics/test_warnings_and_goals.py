"""Warnings and goals: what holds, by which value against which threshold; and what is published when."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from math import nextafter
from typing import Any

import pytest

from streams.board.follow.input_lag import LIVE, InputLag
from streams.board.publish.warnings import WarningPublisher, warning_changes
from streams.board.snapshot import Health, Snapshot
from streams.core.metrics.families import METRICS
from streams.core.metrics.goals import Goal, Targets, exact
from streams.core.metrics.records import MetricRecord, WarningRecord
from streams.core.metrics.warnings import Finding, judge
from streams.core.temporal.instants import DAY, parse_instant
from streams.kafka.errors import RequestFailed

AS_OF = parse_instant("2026-03-31T00:00:00Z")
STAMP = "2026-03-31T00:00:00.000Z"


def value(metric: str, window: str, value: Any, count: int = 100, dimension: str = "all", member: str = "all",
          previous: Any = None) -> MetricRecord:  # fmt: skip
    known = METRICS[metric]
    return MetricRecord(
        metric=metric, window=window, period_start=None, dimension=dimension, member=member, value=value, count=count,
        low=None, high=None, unit=known.unit, as_of=STAMP, final=False, definition=known.definition, previous=previous,
    )  # fmt: skip


def judged(*records: MetricRecord, goals: Sequence[Goal] = (), **baselines: float) -> tuple[dict[str, Any], list[Any]]:
    """warning_active by warning, and (warning, member, holds, value, threshold) of each finding."""
    found = judge(records, Targets(0.78, goals), baselines, AS_OF)
    active = {record.member: record.value for record in found.records if record.metric == "warning_active"}
    return active, [(one.warning, one.member, one.holds, one.value, one.threshold) for one in found.findings]


def test_nothing_is_known_of_nothing() -> None:
    active, findings = judged()
    assert set(active.values()) == {None}
    assert findings == []


@pytest.mark.parametrize(("ratio", "count", "holds"), [(0.77, 30, True), (0.78, 30, False), (0.1, 29, None)])
def test_satisfaction_is_held_against_the_benchmark_given_enough_answers(
    ratio: float, count: int, holds: bool | None
) -> None:
    active, findings = judged(value("csat_ratio", "30d", ratio, count), value("csat_ratio", "7d", 0.0))
    assert findings == [("csat_below_benchmark", "all", holds, ratio, 0.78)]
    assert active["csat_below_benchmark"] == (None if holds is None else int(holds))


def test_a_return_falls_against_the_window_before_and_is_negative_below_nothing() -> None:
    _, findings = judged(value("roi_net_ratio", "30d", -0.5, previous=0.25))
    assert findings == [("roi_falling", "all", True, -0.5, 0.25), ("roi_negative", "all", True, -0.5, 0)]
    active, findings = judged(value("roi_net_ratio", "30d", None, previous=0.25))
    assert [one[2] for one in findings] == [None, None]
    assert active["roi_falling"] is active["roi_negative"] is None


def test_customers_are_at_risk_by_a_low_score_by_many_contacts_and_by_a_wait_past_its_target() -> None:
    def customers(count: int, dimension: str, member: str) -> MetricRecord:
        return value("customers_active", "now", count, count, dimension, member)

    active, findings = judged(
        customers(12, "all", "all"),
        customers(3, "satisfaction", "unsatisfied"), customers(9, "satisfaction", "satisfied"),
        customers(0, "contact_frequency", "frequent"), value("sla_open_breached", "now", 2, 2, "target", "reply"),
    )  # fmt: skip
    assert findings == [
        ("customer_at_risk", "unsatisfied", True, 3, 0),
        ("customer_at_risk", "frequent", False, 0, 0),
        ("customer_at_risk", "reply", True, 2, 0),
    ]
    assert active["customer_at_risk"] == 1
    assert judged(customers(0, "satisfaction", "unsatisfied"))[0]["customer_at_risk"] == 0


@pytest.mark.parametrize(
    ("levels", "risk"),
    [
        ([(5, "all", "all"), (5, "satisfaction", "satisfied")], 0),  # the last score is a good one by now
        ([(5, "all", "all"), (5, "contact_frequency", "rare")], 0),
        ([(0, "all", "all")], 0),  # all have left, so long ago that no member has a record any more
        ([(5, "all", "all")], None),  # neither dimension is switched on
        ([(5, "all", "all"), (4, "satisfaction", "satisfied"), (1, "satisfaction", "other")], None),
        ([(5, "all", "all"), (5, "satisfaction", "satisfied"), (0, "satisfaction", "other")], 0),
    ],
)
def test_a_sign_of_risk_that_no_customer_shows_does_not_hold(
    levels: list[tuple[int, str, str]], risk: int | None
) -> None:
    records = [value("customers_active", "now", count, count, *where) for count, *where in levels]
    active, findings = judged(*records)
    assert active["customer_at_risk"] == risk
    assert {one[2:] for one in findings} <= {(False, 0, 0)}


def test_a_warning_of_risk_that_ends_is_told_with_0() -> None:
    low, good = (value("customers_active", "now", 1, 1, "satisfaction", name) for name in ("unsatisfied", "satisfied"))
    (began,) = warning_changes({}, judge([low], Targets(), {}, AS_OF).findings, AS_OF)
    (ended,) = warning_changes({began.key: began}, judge([good], Targets(), {}, AS_OF).findings, AS_OF + 5000)
    assert (ended.active, ended.value, ended.threshold) == (False, 0, 0)


def contacts(hour: int, week: int, dimension: str = "all", member: str = "all", **longer: int) -> list[MetricRecord]:
    windows = {"1h": hour, "7d": week, **longer}
    return [value("tickets_created", window, count, count, dimension, member) for window, count in windows.items()]


@pytest.mark.parametrize(
    ("hour", "before", "times", "holds"),
    [
        (12, 167 * 4, 3.0, True),
        (12, 167 * 4 + 1, 12 * 167 / 669, False),
        (9, 167, 9.0, False),
        (40, 1, 6680.0, True),
        (40, 0, 6680.0, True),
        (9, 0, 1503.0, False),
        (0, 0, 0.0, False),
    ],
    ids=["three times", "less", "too few", "one before", "none before", "too few of a new kind", "none at all"],
)
def test_a_surge_is_three_times_the_rate_before_in_ten_contacts(
    hour: int, before: int, times: float, holds: bool
) -> None:
    active, findings = judged(
        *contacts(hour, hour + before, "issue_type", "billing"), *contacts(1, 168, "issue_type", "delivery"),
        *contacts(hour + 1, hour + before + 168),
    )  # fmt: skip
    assert findings == [("surge", "billing", holds, times, 3.0), ("surge", "delivery", False, 1.0, 3.0)]
    assert active["surge"] == int(holds)


@pytest.mark.parametrize(
    ("desk", "times"),
    [
        (contacts(40, 40), None),  # the first hour of a new desk
        (contacts(40, 40, **{"30d": 41, "90d": 41}), 6680.0),  # silent for a week, but not new
        (contacts(40, 41), 6680.0),
        ([], None),
    ],
)
def test_a_desk_without_history_has_no_surge(desk: list[MetricRecord], times: float | None) -> None:
    active, findings = judged(*desk, *contacts(40, 40, "issue_type", "outage"))
    assert findings == [("surge", "outage", times is not None, times, 3.0)]
    assert active["surge"] == int(times is not None)


def goal(**changed: Any) -> Goal:
    fields = {"name": "g", "metric": "csat_ratio", "window": "30d", "dimension": "all", "member": "all",
              "target": 0.9, "change": None, "baseline": AS_OF - 30 * DAY, "due": AS_OF + 30 * DAY}  # fmt: skip
    return Goal(**fields | changed)


@pytest.mark.parametrize(("reached", "off"), [(0.84, True), (0.86, False), (None, False)])
def test_a_goal_is_held_against_its_line(reached: float | None, off: bool) -> None:
    """From 0.8 to 0.9 in sixty days; thirty are over."""
    active, findings = judged(value("csat_ratio", "30d", reached), goals=[goal()], g=0.8)
    (found,) = [one for one in findings if one[0] == "goal_off_pace"]
    assert found[2:4] == (off, reached)
    assert found[4] == (None if reached is None else pytest.approx(0.85))
    assert active["goal_off_pace"] == int(off)


@pytest.mark.parametrize(
    ("began", "reached", "changed"),
    [
        (0.8, 17 / 20, {}),  # half way: 0.8 + (0.9 - 0.8) / 2 is above 0.85 in binary numbers
        (0.1, 0.2, {"target": 0.3}),
        (1 / 3, 31 / 60, {"target": 0.7}),
        (0.3, 0.2, {"target": 0.1, "metric": "reopen_ratio"}),
        (0.7, 0.77, {"target": None, "change": 0.1, "due": AS_OF}),  # 0.7 * 1.1 is above 0.77
        (0.9, 0.99, {"target": None, "change": 0.2}),
        (3, 3.3, {"target": None, "change": 0.1, "due": AS_OF, "metric": "orders_per_customer"}),
        (-20.0, -10.0, {"target": 0.0, "metric": "nps"}),
    ],
)
def test_a_goal_exactly_on_its_line_is_on_pace(began: float, reached: float, changed: dict[str, Any]) -> None:
    mine = goal(**changed)
    lower = began > reached
    for value_now, off in ((reached, 0), (nextafter(reached, 1000 if lower else -1000), 1)):
        active, findings = judged(value(mine.metric, "30d", value_now), goals=[mine], g=began)
        assert (active["goal_off_pace"], findings[-1][2]) == (off, bool(off))
    assert findings[-1][4] == pytest.approx(reached)


@pytest.mark.parametrize(
    ("number", "fraction"),
    [(7, Fraction(7)), (0.35, Fraction(7, 20)), (2 / 3, Fraction(2, 3)), (-1 / 7, Fraction(-1, 7)), (0.0, Fraction(0)),
     (86_399_999 / 7000, Fraction(86_399_999, 7000)), (5e-324, Fraction(5e-324))],
)  # fmt: skip
def test_a_value_is_the_simplest_fraction_that_it_tells(number: float, fraction: Fraction) -> None:
    assert exact(number) == fraction


def test_a_goal_without_a_baseline_is_missed_when_due() -> None:
    for due, off in ((AS_OF + 1, False), (AS_OF, True)):
        _, findings = judged(value("csat_ratio", "30d", 0.8), goals=[goal(baseline=None, due=due)])
        assert [one[2:] for one in findings if one[0] == "goal_off_pace"] == [(off, 0.8, 0.9)]


@pytest.mark.parametrize(
    ("metric", "target", "reached", "progress"),
    [
        ("csat_ratio", 0.9, 0.45, 0.5),
        ("csat_ratio", 0.9, 0.9, 1.0),
        ("first_response_p50_seconds", 3600.0, 5400.0, 2 / 3),
        ("first_response_p50_seconds", 3600.0, 3600.0, 1.0),
        ("nps", 50.0, -10.0, -0.2),
        ("roi_net_ratio", -0.1, -0.5, 0.0),
        ("reopen_ratio", 0.0, 0.1, 0.0),
    ],
)
def test_a_goal_that_is_not_reached_is_never_above_one(
    metric: str, target: float, reached: float, progress: float
) -> None:
    mine = goal(metric=metric, target=target, baseline=None)
    records = judge([value(metric, "30d", reached)], Targets(0.78, [mine]), {}, AS_OF).records
    assert [one.value for one in records if one.metric == "goal_progress_ratio"] == [pytest.approx(progress)]


# -- what is published ----------------------------------------------------------------------------------------


def finding(holds: bool | None, member: str = "billing", value: float | None = 4.0) -> Finding:
    return Finding("surge", "issue_type", member, holds, "surge_ratio", "1h", value, 3.0)


def test_a_record_at_the_beginning_and_one_at_the_end() -> None:
    held: dict[str, WarningRecord] = {}
    seen = []
    for turn, holds in enumerate([None, False, True, True, None, False, True]):
        found = warning_changes(held, [finding(holds)], AS_OF + turn * 1000)
        held |= {record.key: record for record in found}
        seen += [(turn, record.active, record.since[17:19], record.as_of[17:19]) for record in found]
    assert seen == [(2, True, "02", "02"), (4, False, "02", "04"), (6, True, "06", "06")]


def test_what_is_not_judged_any_more_has_ended() -> None:
    (began,) = warning_changes({}, [finding(True)], AS_OF)
    (ended,) = warning_changes({began.key: began}, [finding(True, "delivery", None)][1:], AS_OF + 5000)
    assert (ended.active, ended.value, ended.threshold, ended.since) == (False, None, None, STAMP)
    assert warning_changes({ended.key: ended}, [], AS_OF + 9000) == []


class Topic:
    """What stands in for the topic: the last value of each key."""

    def __init__(self) -> None:
        self.records: dict[str, WarningRecord] = {}
        self.sent: list[tuple[str, bool]] = []
        self.fail = self.read = 0

    async def published(self) -> dict[str, WarningRecord]:
        self.read += 1
        return dict(self.records)

    async def send(self, batch: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, body in batch:
            record = WarningRecord(**json.loads(body or b""))
            self.records[key.decode()] = record
            self.sent.append((record.member, record.active))
        if self.fail:
            self.fail -= 1
            raise RequestFailed("it arrived, and nobody was told")


def shown(*findings: Finding, ready: bool = True, input_lag: InputLag = LIVE) -> Snapshot:
    return Snapshot(AS_OF, [], Health(ready=ready, input_lag=input_lag), findings=findings)


async def test_nothing_begins_or_ends_while_history_comes_in() -> None:
    topic, history = Topic(), InputLag("catching_up", 5000)
    publisher = WarningPublisher(topic.send, topic.published)
    await publisher.publish(shown(finding(True), input_lag=history))
    assert topic.sent == []
    await publisher.publish(shown(finding(True)))
    await publisher.publish(shown(finding(False), input_lag=history))
    assert topic.sent == [("billing", True)]


async def test_what_goes_on_is_not_told_again_by_another_board_or_after_a_failure() -> None:
    topic, leading = Topic(), [True]
    first = WarningPublisher(topic.send, topic.published, lambda: leading[0])
    await first.publish(shown(ready=False))
    await first.publish(shown(finding(True)))
    await first.publish(shown(finding(True)))
    assert (topic.sent, topic.read) == ([("billing", True)], 1)
    second = WarningPublisher(topic.send, topic.published)
    await second.publish(shown(finding(True), finding(True, "delivery")))
    leading[0] = False
    await first.publish(shown(finding(False)))
    leading[0] = True
    await first.publish(shown(finding(True), finding(True, "delivery")))
    assert topic.sent == [("billing", True), ("delivery", True)]
    topic.fail = 1
    with pytest.raises(RequestFailed):
        await first.publish(shown(finding(False), finding(True, "delivery")))
    await first.publish(shown(finding(False), finding(True, "delivery")))
    assert topic.sent[2:] == [("billing", False)]
