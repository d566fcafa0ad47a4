"""The core's parameters, made from the settings: the policy and the targets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from streams.config.errors import ConfigError
from streams.config.tables import GoalTable, ServiceLevelTable, Weekday
from streams.core.metrics.families import booked_for
from streams.core.metrics.goals import Goal, Targets, goal_instants
from streams.core.money import Rate
from streams.core.policy import Attribution, Policy, ServiceLevel
from streams.core.temporal.business_clock import WORKING_WEEK, BusinessClock, Hours, parse_hours
from streams.core.temporal.calendar import LocalDays
from streams.core.temporal.instants import DAY, MINUTE, SECOND

if TYPE_CHECKING:
    from streams.config.settings import Settings


def policy(settings: Settings) -> Policy:
    """The parameters of the formulas. Raises ``ConfigError`` for hours, dates and rates that are malformed."""
    days = LocalDays(settings.business.time_zone)
    return Policy(
        currency=settings.currency,
        rates={code: _rates(code, value) for code, value in settings.rates.items()},
        contribution_margin=_exact(settings.contribution_margin),
        incrementality=_exact(settings.incrementality),
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
        clv_cap=_exact(settings.clv_cap_years),
        value_tiers=settings.value_tiers,
        dimensions=settings.label_dimensions(),
        measures=booked_for(settings.metrics.families),
        breaches="service_levels" in settings.metrics.families,
        due_soon_ms=settings.due_soon_seconds * SECOND,
        service_levels=tuple(map(_service_level, settings.service_levels)),
        days=days,
        business=BusinessClock(
            days,
            _hours(settings.business.hours),
            [day_of("business.holidays", day) for day in settings.business.holidays],
        ),
    )


def targets(settings: Settings) -> Targets:
    """The benchmark and the goals. Raises ``ConfigError`` for a malformed date."""
    calendar = LocalDays(settings.business.time_zone)
    goals = tuple(_goal(f"goals[{index}]", goal, calendar) for index, goal in enumerate(settings.goals))
    return Targets(settings.csat_benchmark, goals)


def _service_level(level: ServiceLevelTable) -> ServiceLevel:
    members_by_dimension: dict[str, frozenset[str]] = {
        dimension: frozenset([members] if isinstance(members, str) else members)
        for dimension, members in level.filter.items()
    }
    return ServiceLevel(level.name, level.metric, level.clock, level.seconds, members_by_dimension)


def _goal(where: str, goal: GoalTable, calendar: LocalDays) -> Goal:
    baseline = None if goal.baseline is None else day_of(f"{where}.baseline", goal.baseline).isoformat()
    start, due = goal_instants(calendar, baseline, day_of(f"{where}.due", goal.due).isoformat())
    return Goal(
        goal.name, goal.metric, goal.window, goal.dimension, goal.member, goal.target, goal.change, start, due
    )  # fmt: skip


def _exact(value: float) -> Fraction:
    """The decimal number as it is written in the file, not the binary number nearest to it."""
    return Fraction(str(value))


def _hours(table: Mapping[Weekday, tuple[str, ...]]) -> Mapping[str, Hours]:
    """The weekly hours in minutes. A day that is not named is closed; an empty table is the default week."""
    hours: dict[str, Hours] = {}
    for day, spans in table.items():
        try:
            hours[day] = [parse_hours(text) for text in spans]
        except ValueError as error:
            raise ConfigError(f"business.hours.{day}: {', '.join(map(repr, spans))}: {error}") from None
    return hours or WORKING_WEEK


def _rates(code: str, value: Any) -> tuple[Rate, ...]:
    """The rates of a currency, ascending by date."""
    rates = []
    for since, factor in _rate_rows(code, value):
        if isinstance(factor, bool) or not isinstance(factor, int | float) or not 0 < factor < 10**9:
            raise ConfigError(f"rates.{code}: factor {factor!r}: expected a number above 0")
        rates.append(Rate(day_of(f"rates.{code}", since).isoformat(), _exact(factor)))
    return tuple(sorted(rates, key=lambda rate: rate.since))


def _rate_rows(code: str, value: Any) -> list[tuple[Any, Any]]:
    """Dates and factors of a setting: a number, a table of both, a table by date, or a list of {from, factor}."""
    if isinstance(value, int | float):
        return [("0001-01-01", value)]
    if _is_rate_row(value):
        return [(value["from"], value["factor"])]
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, list | tuple) and all(map(_is_rate_row, value)):
        return [(row["from"], row["factor"]) for row in value]
    raise ConfigError(f'rates.{code}: expected a factor, or a list of {{from = "2026-01-01", factor = 0.92}}')


def _is_rate_row(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"from", "factor"}


def day_of(where: str, value: Any) -> date:
    """A local date, written as a TOML date or as text. Raises ``ConfigError`` for anything else."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: {value!r}: expected a date such as 2026-01-31") from None
