"""All that the board knows at one instant, for every page and publisher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.board.follow.input_lag import LIVE, InputLag
from streams.board.follow.recent_breaches import RecentBreach
from streams.core.events.annotation import Annotation
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import Finding

__all__ = ["Health", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Health:
    """State of the data behind the values, for ``/healthz``, the wall and the pipeline gauges.

    Instants are ms since the epoch; a topic, partition or counter that never appeared is absent.
    """

    ready: bool = False
    #: occurred_at of the newest event behind the values, by topic (event-time lag is as_of minus this).
    newest_event: dict[str, int] = field(default_factory=dict)
    #: Totals of the workers by name (e.g. ``events``, ``duplicate``, ``orphans``).
    counters: dict[str, int] = field(default_factory=dict)
    #: Dead letters by reason.
    dead_letters: dict[str, int] = field(default_factory=dict)
    #: The time at which each partition's newest unit with events in it was written.
    last_unit: dict[int, int] = field(default_factory=dict)
    #: Records of the panes topic that the board has not read yet.
    panes_lag: int = 0
    #: The workers' lag behind the input topics.
    input_lag: InputLag = LIVE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All values at ``as_of`` (ms, exclusive end of every window)."""

    as_of: int
    records: Sequence[MetricRecord]
    health: Health
    #: The duration of the evaluation.
    evaluation_seconds: float = 0.0
    #: Changes of staffing, tools and training, by time.
    annotations: Sequence[Annotation] = ()
    #: The warnings judged, one a member.
    findings: Sequence[Finding] = ()
    #: Breaches of late, the newest first.
    breaches: Sequence[RecentBreach] = ()
