"""A desk that does not exist: a catalogue and snapshots for the wall, the same for every run of a seed.

Also runs by itself, to look at the wall: ``python tests/browser/synthetic.py --port 8080``.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from streams.board.follow.input_lag import INPUT_STATES, LIVE, InputLag
from streams.board.follow.recent_breaches import RecentBreach
from streams.board.pages.latest import Latest
from streams.board.pages.web import WebLimits, application, serving
from streams.board.snapshot import Health, Snapshot
from streams.core.metrics.goals import Goal, Targets
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import Finding

ROLLING = {"5m": 5, "1h": 60, "24h": 1440, "7d": 10080, "30d": 43200, "90d": 129600, "365d": 525600}
ALIGNED = {
    "day": "2026-03-03T00:00:00+01:00",
    "week": "2026-03-02T00:00:00+01:00",
    "month": "2026-03-01T00:00:00+01:00",
    "quarter": "2026-01-01T00:00:00+01:00",
    "year": "2026-01-01T00:00:00+01:00",
}
MINUTES = ROLLING | {"day": 840, "week": 2280, "month": 3720, "quarter": 88920, "year": 88920}
MEMBERS = {
    "channel": {"email": 0.41, "chat": 0.27, "phone": 0.2, "self service": 0.08, "unknown": 0.04},
    "issue_type": {
        "delivery": 0.33,
        "billing": 0.27,
        "returns": 0.2,
        "product question": 0.14,
        "other": 0.06,
    },
    "priority": {"normal": 0.6, "high": 0.25, "urgent": 0.09, "low": 0.06},
    "agent": {f"agent-{i:02}": 0.05 for i in range(20)},
}
MEMBERS["issue_type"]['<img src=x onerror="document.title=1">\u202e"\\'] = 0.01


@dataclass(frozen=True)
class Metric:
    id: str
    kind: str
    unit: str
    base: float
    version: int = 1

    @property
    def help(self) -> str:
        return f"Synthetic {self.id.replace('_', ' ')}."

    formula: str = "made up"
    source: str = "tests"


def _all() -> list[Metric]:
    money, s = "EUR_minor", "seconds"
    return [
        *(Metric(f"roi_{x}_ratio", "ratio", "ratio", b) for x, b in (("net", 3), ("gross", 4))),
        Metric("roi_net_excluding_savings_ratio", "ratio", "ratio", 2.61),
        Metric("maturity_ratio", "ratio", "ratio", 0.42),
        Metric("cost_estimated_ratio", "ratio", "ratio", 0.18),
        *(Metric(x, "money", money, b) for x, b in (("benefit_total", 1380), ("service_cost", 345), ("benefit", 1380))),
        *(Metric(x, "count", "count", b) for x, b in (("tickets_created", 0.31), ("tickets_solved", 0.3))),
        Metric("reopen_ratio", "ratio", "ratio", 0.061),
        *(Metric(f"first_response_p{q}_seconds", "seconds", s, b) for q, b in ((50, 754), (90, 5230))),
        *(Metric(f"full_resolution_p{q}_seconds", "seconds", s, b) for q, b in ((50, 15800), (90, 187000))),
        *(Metric(x, "count", "count", b) for x, b in (("tickets_open", 212), ("tickets_unanswered", 37))),
        *(Metric(x, "count", "waits", 0) for x in ("sla_open_breached", "sla_due_soon")),
        Metric("goal_off_pace", "count", "goal_off_pace", 0),
        *(Metric(x, "ratio", "ratio", 0) for x in ("surge_ratio", "goal_progress_ratio")),
        Metric("oldest_unanswered_seconds", "seconds", s, 8042),
        Metric("value_at_risk", "money", money, 1842300),
        Metric("sla_attained_ratio", "ratio", "ratio", 0.93),
        Metric("nps", "points", "points", 41),
        *(Metric(x, "ratio", "ratio", b) for x, b in (("csat_ratio", 0.874), ("survey_response_ratio", 0.312))),
        Metric("fcr_one_session_ratio", "ratio", "ratio", 0.712),
        Metric("fcr_no_repeat_ratio", "ratio", "ratio", 0.664),
    ]


METRICS = _all()
NOW = {"tickets_open", "tickets_unanswered", "oldest_unanswered_seconds", "value_at_risk"}
WAITS = {"sla_open_breached": (4, 0, 2), "sla_due_soon": (0, 0, 5)}  # by target, in the order of GROUPS
GOAL = Goal("solve more at once", "fcr_one_session_ratio", "30d", "all", "all", 0.9, None, None, 2_000_000_000_000)
TARGETS = Targets(csat_benchmark=0.78, goals=[GOAL])
#: Ended days that the board still tells of.
DAYS = 14
FINDINGS = [
    Finding("surge", "issue_type", "delivery", True, "surge_ratio", "1h", 4.25, 3),
    Finding("csat_below_benchmark", "all", "all", False, "csat_ratio", "30d", 0.87, 0.78),
    Finding("roi_falling", "all", "all", None, "roi_net_ratio", "30d", 0.5, None),
    Finding("customer_at_risk", "target", "first reply", True, "sla_open_breached", "now", 4, 0),
    Finding("customer_at_risk", "satisfaction", "unsatisfied", True, "customers_active", "now", 1200, 0),
    Finding("customer_at_risk", "target", "chat", True, "sla_open_breached", "now", 2, 0),
]
GROUPS = {
    "benefit": (
        "class",
        {
            "repeat": 0.38,
            "saved_cart": 0.24,
            "renewal": 0.15,
            "savings": 0.1,
            "upsell": 0.06,
            "referral": 0.04,
            "cross_sell": 0.02,
            "upgrade": 0.01,
        },
    ),
    "sla_attained_ratio": ("target", {"first reply": 1.0, "urgent resolution": 0.94, "chat": 1.03}),
}


def snapshot(
    as_of: int, *, seed: int = 1, ready: bool = True, panes_lag: int = 0, input_lag: InputLag = LIVE
) -> Snapshot:
    """Values that wander slowly with time; ROI of 7 d is always 3 and of 30 d always 0.5, for the tests."""
    if not ready:
        return Snapshot(
            as_of, [], Health(ready=False, newest_event={"support.tickets": as_of - 86400000}, panes_lag=panes_lag)
        )
    chance, records = random.Random(seed * 1000003 + as_of // 1000), []
    for metric in METRICS:
        if metric.id in NOW:
            records.append(_record(metric, "now", "all", "all", 1.0, as_of, chance))
            continue
        if metric.id in WAITS or not metric.base:
            continue  # added below
        for window in MINUTES:
            if metric.id in GROUPS:
                dimension, members = GROUPS[metric.id]
                for member, share in members.items():
                    records.append(_record(metric, window, dimension, member, share, as_of, chance))
                continue
            records.append(_record(metric, window, "all", "all", 1.0, as_of, chance))
            if window == "day":
                records.extend(_ended(records[-1], as_of))
            for dimension, shares in MEMBERS.items():
                for member, share in shares.items():
                    records.append(_record(metric, window, dimension, member, share, as_of, chance))
    records.extend(_fixed_values(as_of))
    health = Health(
        ready=True,
        newest_event={"support.tickets": as_of - 900, "support.costs": as_of - 86_400_000},
        counters={"events": 1284210, "duplicates": 312},
        dead_letters={"schema": 3},
        input_lag=input_lag,
    )
    breaches = [
        RecentBreach(f"T-{n}", "first reply", _stamp(as_of - n * 60_000), "chat", "urgent", False) for n in range(1, 9)
    ]
    return Snapshot(as_of, records, health, 0.18, findings=FINDINGS, breaches=breaches)


def _stamp(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at / 1000))


def _ended(today: MetricRecord, as_of: int) -> list[MetricRecord]:
    """The days before: today's value and a wave."""
    days = []
    for back in range(1, DAYS + 1):
        value = None if today.value is None else today.value * (1 + 0.2 * math.sin(back))
        start = f"2026-02-{28 - back:02}T00:00:00+01:00"
        days.append(msgspec.structs.replace(today, period_start=start, value=value, final=back > 9))
    return days


def _fixed_values(as_of: int) -> Iterator[MetricRecord]:
    """Waits by target, a surge and a goal: the same in every snapshot."""
    by_id, plain = {metric.id: metric for metric in METRICS}, random.Random(1)

    def value_record(
        metric: str, window: str, dimension: str, member: str, value: float | None, n: int
    ) -> MetricRecord:
        made = _record(by_id[metric], window, dimension, member, 1.0, as_of, plain)
        return msgspec.structs.replace(made, value=value, count=n)

    for metric, waits in WAITS.items():
        for member, waiting in zip(GROUPS["sla_attained_ratio"][1], waits, strict=True):
            yield value_record(metric, "now", "target", member, waiting, waiting)
    yield value_record("surge_ratio", "1h", "issue_type", "delivery", 4.25, 34)
    yield value_record("surge_ratio", "1h", "issue_type", "billing", 1.5, 20)
    yield value_record("goal_progress_ratio", "30d", "goal", GOAL.name, 0.62, 1)
    yield value_record("goal_off_pace", "30d", "goal", GOAL.name, 1, 1)


def _record(
    m: Metric, window: str, dimension: str, member: str, share: float, as_of: int, chance: random.Random
) -> MetricRecord:
    wave = 1 + 0.02 * math.sin(as_of / 40000 + len(m.id)) + chance.gauss(0, 0.004)
    n = max(0, round(0.3 * MINUTES.get(window, 60) * (share if dimension != "target" else 1)))
    value: float | int | None = m.base * wave * (1 if dimension == "all" else 0.8 + 0.4 * chance.random())
    if m.kind in ("count", "money") and window != "now":
        value = round(m.base * MINUTES[window] * share * wave)
    elif m.kind in ("count", "money"):
        value = round(m.base * wave)
    if dimension == "target":
        value = min(1.0, m.base * share * wave)
    elif m.kind == "ratio" and not m.id.startswith("roi") and value is not None:
        value = min(0.98, value)
    if m.id == "roi_net_ratio" and dimension == "all":
        value = {"7d": 3.0, "30d": 0.5, "5m": None}.get(window, value)
    low = high = None
    if m.id in ("nps", "csat_ratio") and value is not None:
        n = max(1, n // 3)
        width = (100 if m.id == "nps" else 0.1) / math.sqrt(n + 3)
        low, high = value - width, min(value + width, 100 if m.id == "nps" else 1)
    start = ALIGNED.get(window)
    compared = m.id.startswith(("roi_", "benefit_total", "service_cost")) and value is not None
    previous = value * 0.8 if compared and value is not None else msgspec.UNSET
    return MetricRecord(
        metric=m.id, window=window, period_start=start, dimension=dimension, member=member, value=value,
        count=n, low=low, high=high, unit=m.unit, as_of=_stamp(as_of), final=False, definition=f"{m.id}@1",
        previous=previous,
    )  # fmt: skip


async def serve(port: int, every: float, history: int, stop_after: int, stale: float, inputs: list[str]) -> None:
    latest = Latest()
    limits = WebLimits(stale_seconds=stale, heartbeat_seconds=1.0)
    app = application(latest, METRICS, version="synthetic", limits=limits, targets=TARGETS)
    async with serving(app, "127.0.0.1", port):
        for left in range(history, 0, -1):
            latest.show(snapshot(round(time.time() * 1000), ready=False, panes_lag=left * 9000))
            await asyncio.sleep(every)
        shown = 0
        while True:
            if not stop_after or shown < stop_after:
                input_lag = InputLag(inputs.pop(0), 1234) if inputs else LIVE  # type: ignore[arg-type]
                latest.show(snapshot(round(time.time() * 1000), input_lag=input_lag))
                shown += 1
            await asyncio.sleep(every)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--every", type=float, default=1.0)
    options.add_argument("--history", type=int, default=0, help="steps of replaying to show first")
    options.add_argument("--stop-after", type=int, default=0, help="snapshots after which evaluation stands still")
    options.add_argument("--stale", type=float, default=30.0)
    options.add_argument("--without", action="append", default=[], help="a metric this desk does not have")
    options.add_argument(
        "--inputs", choices=INPUT_STATES, action="append", default=[], help="of each snapshot; then live"
    )
    given = options.parse_args()
    METRICS[:] = [metric for metric in METRICS if metric.id not in given.without]
    asyncio.run(serve(given.port, given.every, given.history, given.stop_after, given.stale, given.inputs))
