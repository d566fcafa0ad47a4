"""Scores: where an answer lies on its scale, and what it books."""

from __future__ import annotations

from typing import Final

__all__ = ["SCORE_UNIT", "satisfied"]

#: Divisible by every range of scale from 1 to 12, by 99 and 100, and by 1000: their scores are exact.
SCORE_UNIT: Final = 277_200_000
_SCALES: Final = {"csat": (1.0, 5.0), "nps": (0.0, 10.0), "ces": (1.0, 7.0), "resolution": (0.0, 1.0)}


def position_of(score: float, kind: str, low: float | None, high: float | None) -> int | None:
    least, most = _SCALES[kind]
    least = least if low is None else low
    most = most if high is None else high
    if not least <= score <= most or least >= most:
        return None
    return round((score - least) * SCORE_UNIT / (most - least))


def scored(kind: str | None, position: int | None) -> list[tuple[str, int]]:
    """What the answer that counts says: (measure, value) pairs."""
    if position is None:
        return []
    if kind == "csat":  # satisfied: the upper quarter of the scale, 4-5 of 5
        return [("csat_answers", 1), ("csat_score", position), ("csat_satisfied", int(satisfied(position)))]
    if kind == "ces":  # positive: 5-7 of 1-7
        return [("ces_answers", 1), ("ces_score", position), ("ces_positive", int(position * 3 >= SCORE_UNIT * 2))]
    if kind == "resolution":
        return [("resolution_answers", 1), ("resolution_yes", int(position == SCORE_UNIT))]
    score = position * 10  # promoters: 9-10, detractors: 0-6
    promoter, detractor = int(score >= 9 * SCORE_UNIT), int(score <= 6 * SCORE_UNIT)
    return [("nps_answers", 1), ("nps_promoters", promoter), ("nps_detractors", detractor)]


def satisfied(position: int) -> bool:
    """Whether a CSAT score is in the upper quarter of its scale."""
    return position * 4 >= SCORE_UNIT * 3
