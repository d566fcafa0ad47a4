"""What the core is given: the policy and the yardstick, made of the settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from streams.config.errors import ConfigError
from streams.config.tables import Weekday
from streams.core.metrics.families import booked_for
from streams.core.metrics.goals import Goal, goal_instants
from streams.core.metrics.judging import Targets
from streams.core.money import Rate
from streams.core.policy import Attribution, Policy, ServiceLevel
from streams.core.temporal.business_clock import WORKING_WEEK, BusinessClock, Hours, parse_hours
from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from streams.config.settings import Settings


def policy(settings: Settings) -> Policy:
    """The formulas' parameters."""
    days = LocalDays(settings.business.time_zone)
    return Policy(
        currency=settings.currency,
        rates={code: tuple(_rates(code, given)) for code, given in settings.rates.items()},
        contribution_margin=Fraction(str(settings.contribution_margin)),
        incrementality=Fraction(str(settings.incrementality)),
        cost_per_contact_saved=settings.cost_per_contact_saved,
        attribution=Attribution(
            settings.attribution.model,
            round(settings.attribution.look_back_days * DAY),
            round(settings.attribution.half_life_days * DAY),
        ),
        repeat_ms=round(settings.fcr.repeat_days * DAY),
        session_gap_ms=round(settings.fcr.session_gap_minutes * MINUTE),
        retention_ms=settings.retention_days * DAY,
        inactivity_ms=settings.inactivity_days * DAY,
        clv_cap=Fraction(str(settings.clv_cap_years)),
        value_tiers=settings.value_tiers,
        dimensions=settings.label_dimensions(),
        measures=booked_for(settings.metrics.families),
        breaches="service_levels" in settings.metrics.families,
        due_soon_ms=settings.due_soon_seconds * SECOND,
        service_levels=tuple(
            ServiceLevel(
                level.name,
                level.metric,
                level.clock,
                level.seconds,
                {
                    dimension: frozenset([members] if isinstance(members, str) else members)
                    for dimension, members in level.filter.items()
                },
            )
            for level in settings.service_levels
        ),
        days=days,
        business=BusinessClock(
            days,
            _hours(settings.business.hours),
            [day_of("business.holidays", day) for day in settings.business.holidays],
        ),
    )


def targets(settings: Settings) -> Targets:
    """What values are judged by."""
    calendar = LocalDays(settings.business.time_zone)
    goals = []
    for index, goal in enumerate(settings.goals):
        where = f"goals[{index}]"
        baseline = None if goal.baseline is None else day_of(f"{where}.baseline", goal.baseline).isoformat()
        start, due = goal_instants(calendar, baseline, day_of(f"{where}.due", goal.due).isoformat())
        goals.append(
            Goal(
                goal.name,
                goal.metric,
                goal.window,
                goal.dimension,
                goal.member,
                goal.target,
                goal.change,
                start,
                due,
            )
        )
    return Targets(settings.csat_benchmark, tuple(goals))


def _hours(given: Mapping[Weekday, tuple[str, ...]]) -> Mapping[str, Hours]:
    """The weekly hours in minutes; days that are not named are closed, none at all is the default."""
    hours: dict[str, Hours] = {}
    for day, spans in given.items():
        try:
            hours[day] = [parse_hours(text) for text in spans]
        except ValueError as error:
            raise ConfigError(f"business.hours.{day}: {', '.join(map(repr, spans))}: {error}") from None
    return hours or WORKING_WEEK


def _rates(code: str, given: Any) -> Iterator[Rate]:
    """A number, a table of dates and factors, or a list of {from, factor}: ascending by date."""
    rows: list[tuple[Any, Any]]
    if isinstance(given, int | float):
        rows = [("0001-01-01", given)]
    elif isinstance(given, dict) and set(given) == {"from", "factor"}:
        rows = [(given["from"], given["factor"])]
    elif isinstance(given, dict):
        rows = list(given.items())
    elif isinstance(given, list | tuple) and all(
        isinstance(row, dict) and set(row) == {"from", "factor"} for row in given
    ):
        rows = [(row["from"], row["factor"]) for row in given]
    else:
        raise ConfigError(f'rates.{code}: expected a factor, or a list of {{from = "2026-01-01", factor = 0.92}}')
    found = []
    for since, factor in rows:
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < 10**9:
            raise ConfigError(f"rates.{code}: factor {factor!r}: expected a number above 0")
        found.append(Rate(day_of(f"rates.{code}", since).isoformat(), Fraction(str(factor))))
    return iter(sorted(found, key=lambda rate: rate.since))


def day_of(where: str, given: Any) -> date:
    """A local date, as TOML has it or as text."""
    if isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {given!r}: expected a date such as 2026-01-31") from None
