"""All settings together, and the values that the rest of the program derives from them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from streams.config import parameters
from streams.config.tables import (
    AttributionTable,
    BoardTable,
    BusinessTable,
    Currency,
    DimensionsTable,
    FcrTable,
    GoalTable,
    KafkaTable,
    MetricsTable,
    Positive,
    ServiceLevelTable,
    Share,
    Table,
    Whole,
    WindowsTable,
    WorkerTable,
)
from streams.core.metrics.goals import Targets
from streams.core.policy import Policy
from streams.core.temporal.periods import AlignedWindow
from streams.core.temporal.rolling import RollingWindow, rolling


class Settings(Table, frozen=True, kw_only=True):
    """All settings, as in ``roi.toml``. The unit of a duration is in its name; money is in minor units."""

    currency: Currency = "EUR"
    rates: dict[Currency, Any] = msgspec.field(default_factory=dict)
    retention_days: Annotated[int, Meta(ge=31, le=3650)] = 400
    inactivity_days: Annotated[int, Meta(ge=0, le=3650)] = 0
    due_soon_seconds: Positive = 3600
    contribution_margin: Share = 1.0
    incrementality: Share = 1.0
    cost_per_contact_saved: Whole = 0
    clv_cap_years: Annotated[float, Meta(gt=0, le=100)] = 5
    value_tiers: tuple[Whole, Whole, Whole] = (0, 10_000, 100_000)
    csat_benchmark: Share = 0.78
    attribution: AttributionTable = AttributionTable()
    fcr: FcrTable = FcrTable()
    business: BusinessTable = BusinessTable()
    service_levels: tuple[ServiceLevelTable, ...] = ()
    windows: WindowsTable = WindowsTable()
    dimensions: DimensionsTable = DimensionsTable()
    metrics: MetricsTable = MetricsTable()
    goals: tuple[GoalTable, ...] = ()
    kafka: KafkaTable = KafkaTable()
    worker: WorkerTable = WorkerTable()
    board: BoardTable = BoardTable()

    def policy(self) -> Policy:
        """The parameters of the formulas."""
        return parameters.policy(self)

    def rolling(self, policy: Policy) -> list[RollingWindow]:
        """The rolling windows, on the policy's calendar."""
        return [rolling(name, policy.days) for name in self.windows.rolling]

    def aligned(self, policy: Policy) -> list[AlignedWindow]:
        """The aligned windows, on the policy's calendar."""
        return [AlignedWindow(name, policy.days) for name in self.windows.aligned]

    def targets(self) -> Targets:
        """The benchmark and the goals that values are compared with."""
        return parameters.targets(self)

    def label_dimensions(self) -> tuple[str, ...] | None:
        """The dimensions of labels to publish; None = all."""
        return self.dimensions.names or None
