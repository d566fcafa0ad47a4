"""The records of values and of warnings: what every screen, topic and command shows of them."""

from __future__ import annotations

import msgspec

__all__ = ["MetricRecord", "WarningRecord"]


class MetricRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One value of one metric, as contracts.md has it.

    ``value`` is None where the formula is undefined (its denominator is 0), never NaN or inf. ``count`` is the
    number of samples behind it (ratios: the denominator); ``low``/``high`` bound it with 95 % confidence where
    the catalogue defines an interval. ``as_of`` is the instant the window ends at, exclusive, in RFC 3339.
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
    #: The same of the window before, and of the window a year before; absent where the metric is not compared.
    previous: int | float | msgspec.UnsetType | None = msgspec.UNSET
    year_before: int | float | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def key(self) -> str:
        """The record's key in ``support.metrics``: a later record with this key replaces an earlier one."""
        return f"{self.metric}|{self.window}|{self.period_start or ''}|{self.dimension}|{self.member}"


class WarningRecord(msgspec.Struct, frozen=True, kw_only=True):
    """That a warning about one member began, or ended: a record of ``support.warnings``.

    ``value`` of ``metric`` in ``window`` is held against ``threshold``, both as they were at ``as_of``, when it began
    or ended; None where undefined. ``since``: when it began. Instants in RFC 3339.
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
