"""Scores by kind of survey: where an answer lies on its scale, and the measures it books.

Source: docs/definitions.md#surveys. A new kind is one row of ``SCALES``, one branch of ``score_measures`` and its
measures in ``BOOKS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streams.core.ledger.dimensions import SURVEYED
from streams.core.ledger.measures import Measure, declare

__all__ = ["BOOKS", "SCALES", "SCORE_UNIT", "is_satisfied", "position_on_scale", "score_measures"]

#: The unit of positions and scores. Divisible by every range of a scale from 1 to 12, by 99, 100 and 1000, so that
#: their sums are exact.
SCORE_UNIT: Final = 277_200_000
#: The default scale of each kind: lowest and highest score.
SCALES: Final[Mapping[str, tuple[float, float]]] = {
    "csat": (1.0, 5.0),
    "nps": (0.0, 10.0),
    "ces": (1.0, 7.0),
    "resolution": (0.0, 1.0),
}
#: The scales on which an NPS score is taken as it is, since both end at 10; any other is stretched to 0..10.
_NPS_SCALES: Final = ((0.0, 10.0), (1.0, 10.0))

_SURVEYED: Final = Measure(scheme=SURVEYED)
BOOKS: Final = declare(
    csat_answers=_SURVEYED,
    csat_score=_SURVEYED,
    csat_satisfied=_SURVEYED,
    ces_answers=_SURVEYED,
    ces_score=_SURVEYED,
    ces_positive=_SURVEYED,
    resolution_answers=_SURVEYED,
    resolution_yes=_SURVEYED,
    nps_answers=_SURVEYED,
    nps_promoters=_SURVEYED,
    nps_detractors=_SURVEYED,
)


def position_on_scale(score: float, kind: str, lowest: float | None, highest: float | None) -> int | None:
    """The position of a score on its scale, 0..1 in ``SCORE_UNIT``; None outside of the scale.

    ``lowest`` and ``highest`` None: the kind's default. Of NPS it is the position on 0..10.
    """
    default_lowest, default_highest = SCALES[kind]
    lowest = default_lowest if lowest is None else lowest
    highest = default_highest if highest is None else highest
    if not lowest <= score <= highest or lowest >= highest:
        return None
    if kind == "nps" and (lowest, highest) in _NPS_SCALES:
        lowest, highest = SCALES[kind]
    return round((score - lowest) * SCORE_UNIT / (highest - lowest))


def score_measures(kind: str | None, position: int | None) -> list[tuple[str, int]]:
    """The (measure, value) pairs of an answer; none without a position on the scale."""
    if position is None:
        return []
    if kind == "csat":
        return [("csat_answers", 1), ("csat_score", position), ("csat_satisfied", int(is_satisfied(position)))]
    if kind == "ces":  # positive: 5-7 of 1-7
        return [("ces_answers", 1), ("ces_score", position), ("ces_positive", int(position * 3 >= SCORE_UNIT * 2))]
    if kind == "resolution":
        return [("resolution_answers", 1), ("resolution_yes", int(position == SCORE_UNIT))]
    score = position * 10  # on 0..10
    promoter, detractor = int(score >= 9 * SCORE_UNIT), int(score < 7 * SCORE_UNIT)
    return [("nps_answers", 1), ("nps_promoters", promoter), ("nps_detractors", detractor)]


def is_satisfied(position: int) -> bool:
    """True for a CSAT score in the upper quarter of its scale: 4-5 of 5."""
    return position * 4 >= SCORE_UNIT * 3
