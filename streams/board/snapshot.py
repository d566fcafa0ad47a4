"""What the board knows at one instant: handed from the evaluation to every screen and publisher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.board.follow.input_lag import LIVE, Pace
from streams.board.follow.recent_breaches import ShownBreach
from streams.core.events.annotation import Annotation
from streams.core.metrics.records import MetricRecord
from streams.core.metrics.warnings import Finding

__all__ = ["Health", "Snapshot"]


@dataclass(frozen=True, slots=True)
class Health:
    """State of the data behind the values, for ``/healthz``, the wall and the pipeline gauges.

    Instants are ms since the epoch; None means nothing seen yet.
    """

    ready: bool = False
    #: occurred_at of the newest event behind the values, by topic (event-time lag is as_of minus this).
    newest_event: dict[str, int] = field(default_factory=dict)
    #: Records folded by the workers: counter name -> total (e.g. ``events``, ``duplicates``, ``orphans``).
    counters: dict[str, int] = field(default_factory=dict)
    #: Dead letters by reason.
    dead_letters: dict[str, int] = field(default_factory=dict)
    #: When each partition's newest unit with events in it was written.
    last_unit: dict[int, int] = field(default_factory=dict)
    #: Records of the panes topic the board has not read yet.
    lag: int = 0
    #: How far the workers are with the input topics.
    pace: Pace = LIVE


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All values at ``as_of`` (ms, exclusive end of every window)."""

    as_of: int
    records: Sequence[MetricRecord]
    health: Health
    #: How long evaluating took, seconds.
    seconds: float = 0.0
    #: Changes of staffing, tools and training, by time.
    annotations: Sequence[Annotation] = ()
    #: What the values warn of, one a member.
    findings: Sequence[Finding] = ()
    #: Breaches told of late, the newest first.
    breaches: Sequence[ShownBreach] = ()
