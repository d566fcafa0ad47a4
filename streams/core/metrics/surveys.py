"""The family ``surveys``: NPS, CSAT, CES, resolution, responses and sentiment. Source: each metric's heading."""

from __future__ import annotations

from math import sqrt
from typing import Final

from streams.core.metrics.base import SURVEYS, Metric, Sums, Value, Z, count, ratio, under, wilson
from streams.core.surveys.scores import SCORE_UNIT

__all__ = ["SURVEY_METRICS"]


def _csat_ratio(sums: Sums) -> Value:
    n, satisfied = sums.flow("csat_answers"), sums.flow("csat_satisfied")
    return Value(satisfied / n, n, *wilson(satisfied, n)) if n else Value(None, 0)


def _csat_mean(sums: Sums) -> Value:
    n = sums.flow("csat_answers")
    return Value((n * SCORE_UNIT + 4 * sums.flow("csat_score")) / (n * SCORE_UNIT) if n else None, n)


def _ces_mean(sums: Sums) -> Value:
    n = sums.flow("ces_answers")
    return Value((n * SCORE_UNIT + 6 * sums.flow("ces_score")) / (n * SCORE_UNIT) if n else None, n)


def _sentiment(sums: Sums) -> Value:
    n = sums.flow("sentiments")
    return Value(sums.flow("sentiment_score") / (n * SCORE_UNIT) if n else None, n)


def _nps(sums: Sums) -> Value:
    n = sums.distinct("nps_answers")
    if not n:
        return Value(None, 0)
    promoters, detractors = sums.distinct("nps_promoters"), sums.distinct("nps_detractors")
    value = 100 * (promoters - detractors) / n
    # Adjusted Wald for a difference of proportions (Bonett & Price 2012): three more answers, 3/4 at each end.
    p, q = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    margin = 100 * Z * sqrt((p + q - (p - q) ** 2) / (n + 3))
    centre = 100 * (p - q)
    low, high = max(-100.0, centre - margin), min(100.0, centre + margin)
    return Value(value, n, min(low, value), max(high, value))


SURVEY_METRICS: Final = [
    *under("nps",
        Metric("nps", "points", "points", "Net promoter score over the last answer of each customer and program.",
               "100 * (promoters >= 9 - detractors < 7) / n; 0-10 and 1-10 as they are, other scales stretched to 0-10",
               _nps,
               ("nps_answers", "nps_promoters", "nps_detractors"), ("nps_answers",), dimensions=SURVEYS,
               interval="adjusted Wald, 95 %: n + 3, three quarters more promoters and detractors",
               literature="Bonett & Price 2012", version=2),
    ),
    *under("csat",
        Metric("csat_ratio", "ratio", "ratio", "Share of CSAT answers in the upper quarter of their scale (4-5 of 5).",
               "satisfied / answers", _csat_ratio, ("csat_answers", "csat_satisfied"), ("csat_answers",),
               dimensions=SURVEYS, interval="Wilson score, 95 %",
               literature="Wilson 1927"),
        Metric("csat_mean", "mean", "score", "Mean CSAT score, stretched to 1..5.",
               "mean of 1 + 4 * (score - min) / (max - min)", _csat_mean, ("csat_answers", "csat_score"),
               ("csat_answers",),
               dimensions=SURVEYS),
    ),
    *under("ces",
        Metric("ces_mean", "mean", "score", "Mean customer effort score, stretched to 1..7; high is easy.",
               "mean of 1 + 6 * (score - min) / (max - min), effort scales reflected first", _ces_mean,
               ("ces_answers", "ces_score"), ("ces_answers",),
               dimensions=SURVEYS),
        Metric("ces_positive_ratio", "ratio", "ratio", "Share of effort answers that found it easy (5-7 of 7).",
               "answers >= 5 / answers, effort scales reflected first", ratio("ces_positive", "ces_answers"),
               ("ces_positive", "ces_answers"), ("ces_answers",), dimensions=SURVEYS),
    ),
    *under("first-contact-resolution",
        Metric("fcr_surveyed_ratio", "ratio", "ratio",
               "First contact resolution as customers say: yes to a resolution survey.",
               "answers at the top of their scale / answers", ratio("resolution_yes", "resolution_answers"),
               ("resolution_yes", "resolution_answers"), ("resolution_answers",), dimensions=SURVEYS),
    ),
    *under("survey-response",
        Metric("surveys_sent", "count", "surveys", "Surveys sent.", "count at the sending", count("surveys_sent"),
               ("surveys_sent",), dimensions=SURVEYS),
        Metric("surveys_answered", "count", "surveys", "Surveys answered, a survey once, at its latest answer.",
               "count at the answer, scores outside their scale included", count("surveys_answered"),
               ("surveys_answered",), dimensions=SURVEYS),
        Metric("survey_response_ratio", "ratio", "ratio", "Share of surveys sent that were answered.",
               "answered / sent, by the sending's cohort", ratio("sendings_answered", "surveys_sent"),
               ("sendings_answered", "surveys_sent"), ("surveys_sent",),
               dimensions=SURVEYS),
    ),
    *under("sentiment",
        Metric("sentiment_mean", "mean", "score", "Mean sentiment told of tickets, -1..1; merged-away ones stay.",
               "mean of ticket.sentiment", _sentiment, ("sentiments", "sentiment_score"), ("sentiments",)),
    ),
]  # fmt: skip
