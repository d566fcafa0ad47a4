"""Checks of goals. A goal that is never evaluated would look like a goal that is not reached."""

from __future__ import annotations

from collections.abc import Sequence

from streams.config.errors import ConfigError, nearest
from streams.config.settings import Settings
from streams.config.tables import GoalTable
from streams.core.metrics.families import METRICS


def check(settings: Settings, windows: Sequence[str]) -> None:
    """Raises ``ConfigError`` for a goal whose metric, window, dimension, member or baseline does not exist."""
    daily_windows = {window.name for window in settings.rolling(settings.policy()) if window.whole_days}
    for index, goal in enumerate(settings.goals):
        where = f"goals[{index}]"
        if goal.metric not in METRICS:
            raise ConfigError(f"{where}.metric: {goal.metric!r}: no such metric{nearest(goal.metric, METRICS)}")
        if (goal.target is None) == (goal.change is None):
            raise ConfigError(f"{where}: needs either `target` or `change`")
        if goal.change is not None and goal.baseline is None:
            raise ConfigError(f"{where}.baseline: a relative goal needs the date it is relative to")
        if goal.window not in windows:
            raise ConfigError(f"{where}.window: {goal.window!r}: no such window{nearest(goal.window, windows)}")
        if goal.baseline is not None and goal.window not in daily_windows:
            raise ConfigError(
                f"{where}.baseline: kept by whole days only: choose a rolling window of days, such as 30d, "
                "or an absolute `target` without baseline"
            )
        _check_member(where, goal)


def _check_member(where: str, goal: GoalTable) -> None:
    dimensions = METRICS[goal.metric].dimensions
    if goal.dimension not in dimensions:
        raise ConfigError(
            f"{where}.dimension: {goal.dimension!r}: {goal.metric} has no such dimension"
            + nearest(goal.dimension, dimensions)
        )
    if goal.dimension == "all" and goal.member != "all":
        raise ConfigError(f"{where}.member: {goal.member!r}: `all` has no members: name its dimension as well")
    if goal.dimension != "all" and goal.member == "all":
        raise ConfigError(f"{where}.member: 'all': name a member of {goal.dimension}, or leave out the dimension")
