"""The records of values and of warnings, as topics, pages and commands have them."""

from __future__ import annotations

import msgspec

__all__ = ["MetricRecord", "WarningRecord"]


class MetricRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one metric: a record of ``support.metrics``, see docs/contracts.md#metric-records.

    ``value`` is None where the formula is undefined (its denominator is 0), never NaN or infinite. ``count`` is the
    number of samples behind it (ratios: the denominator). ``low`` and ``high`` bound it with 95 % confidence where the
    catalogue defines an interval; else None. ``as_of`` is the end of the window, exclusive, in RFC 3339.
    """

    metric: str
    window: str
    period_start: str | None
    dimension: str
    member: str
    value: int | float | None
    count: int
    low: float | None
    high: float | None
    unit: str
    as_of: str
    final: bool
    definition: str
    #: The values of the window before, and of the window a year before; absent for a metric without comparison.
    previous: int | float | msgspec.UnsetType | None = msgspec.UNSET
    year_before: int | float | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def key(self) -> str:
        """The record's key in ``support.metrics``: a later record with this key replaces an earlier one."""
        return f"{self.metric}|{self.window}|{self.period_start or ''}|{self.dimension}|{self.member}"


class WarningRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The begin (``active``) or end of a warning about one member: a record of ``support.warnings``.

    ``value`` of ``metric`` in ``window`` and its ``threshold`` are those at ``as_of``, the instant of the begin or end;
    None: undefined. ``since`` is the instant of the begin. Instants in RFC 3339.
    """

    warning: str
    dimension: str
    member: str
    active: bool
    since: str
    metric: str
    window: str
    value: int | float | None
    threshold: int | float | None
    as_of: str
    definition: str

    @property
    def key(self) -> str:
        """The record's key: a later record with this key replaces an earlier one."""
        return f"{self.warning}|{self.dimension}|{self.member}"
