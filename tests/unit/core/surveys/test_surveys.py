"""Surveys by hand: scales, effort, edits, what the sending says."""

from __future__ import annotations

from typing import Any

from streams.core.events.keys import sort_key
from streams.core.events.types import EARLIEST, SurveyAnswered, SurveyEvent, SurveySent
from streams.core.ledger.dimensions import UNKNOWN
from streams.core.metrics.base import Sums
from streams.core.metrics.families import METRICS
from streams.core.policy import Policy
from streams.core.surveys.bookings import survey_entries
from streams.core.surveys.reader import Survey, read_survey
from streams.core.surveys.scores import SCORE_UNIT, is_satisfied
from streams.core.surveys.sentiment import sentiment_entries
from streams.core.temporal.instants import Instant
from streams.core.tickets.view import Ticket


def common(at: int) -> dict[str, Any]:
    return {"event_id": f"e{at}", "occurred_at": Instant(EARLIEST + at), "customer_id": "c", "survey_id": "s"}


def sent(at: int, kind: Any, **more: Any) -> SurveySent:
    return SurveySent(**common(at), kind=kind, **more)


def answered(at: int, score: float, **more: Any) -> SurveyAnswered:
    return SurveyAnswered(**common(at), score=score, **more)


def told(*events: SurveyEvent) -> Survey:
    return read_survey(sorted(events, key=sort_key))


def booked(survey: Survey, ticket: Ticket | None = None) -> dict[str, tuple[int, int]]:
    """Measure -> (when, value)."""
    return {name: (key[0] - EARLIEST, value) for key, name, _, value in survey_entries(survey, ticket)}


def mean(metric: str, *surveys: Survey) -> float | int | None:
    cell: dict[str, int] = {}
    for survey in surveys:
        for _, name, _, value in survey_entries(survey, None):
            cell[name] = cell.get(name, 0) + value
    compute = METRICS[metric].compute
    assert compute is not None
    return compute(Sums(cell, {}, "30d", 0, 0, Policy())).value


def test_an_edit_replaces_the_answer_and_what_it_lacks_stays() -> None:
    survey = told(answered(1, 9, kind="csat", scale_min=0, scale_max=10, agent_id="ann"), answered(5, 7))
    assert booked(survey) == {
        "surveys_answered": (5, 1),
        "csat_answers": (5, 1),
        "csat_score": (5, SCORE_UNIT * 7 // 10),
    }
    assert survey.agent == "ann"


def test_an_edit_out_of_scale_retracts_the_score_but_stays_an_answer() -> None:
    survey = told(sent(0, "csat"), answered(1, 5), answered(2, 6))
    assert booked(survey) == {"surveys_sent": (0, 1), "sendings_answered": (0, 1), "surveys_answered": (2, 1)}


def test_where_both_say_the_sending_wins() -> None:
    answer = answered(1, 7, kind="nps", scale_max=7, agent_id="bob")
    survey = told(sent(0, "csat", scale_max=10, agent_id="ann"), answer)
    assert (survey.kind, survey.agent, survey.position) == ("csat", "ann", SCORE_UNIT * 6 // 9)


def test_satisfied_is_the_upper_quarter_of_the_scale() -> None:
    def verdict(score: float, **scale: float) -> bool:
        survey = told(answered(1, score, kind="csat", **scale))
        assert survey.position is not None
        return is_satisfied(survey.position)

    assert [verdict(score) for score in (1, 3, 4, 5)] == [False, False, True, True]
    assert [verdict(score, scale_min=1, scale_max=10) for score in (7, 7.75, 8)] == [False, True, True]


def nps(score: float, **scale: float) -> float | int | None:
    found = booked(told(answered(1, score, kind="nps", **scale)))
    if "nps_answers" not in found:
        return None
    return found.get("nps_promoters", (0, 0))[1] - found.get("nps_detractors", (0, 0))[1]


def test_promoters_from_nine_on_detractors_below_seven_and_every_fraction_in_one_class() -> None:
    scores = (0, 6, 6.5, 6.99, 7, 8, 8.5, 8.9, 9, 9.5, 10)
    expected = [-1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1]
    assert [nps(score) for score in scores] == expected
    assert [nps(score, scale_min=0, scale_max=10) for score in scores] == expected
    assert [nps(score, scale_max=10) for score in scores] == expected


def test_nps_on_one_to_ten_is_taken_as_it_is() -> None:
    for scale in ({"scale_min": 1, "scale_max": 10}, {"scale_min": 1}):
        assert [nps(score, **scale) for score in (1, 6, 6.5, 7, 8.9, 9, 10)] == [-1, -1, -1, 0, 0, 1, 1]
        assert nps(0, **scale) is None  # outside of the scale that was told


def test_nps_on_any_other_scale_is_stretched() -> None:
    assert [nps(score, scale_min=1, scale_max=5) for score in (1, 3.7, 3.8, 4, 4.5, 4.6, 5)] == [-1, -1, 0, 0, 0, 1, 1]
    assert [nps(score, scale_min=0, scale_max=100) for score in (69.9, 70, 89.9, 90)] == [-1, 0, 0, 1]
    assert [nps(score, scale_min=-5, scale_max=5) for score in (1, 2, 3, 4)] == [-1, 0, 0, 1]
    assert [nps(score, scale_min=0, scale_max=9) for score in (6.2, 6.3, 8, 8.1)] == [-1, 0, 0, 1]


def test_the_scale_of_an_nps_survey_is_the_sendings() -> None:
    survey = told(sent(0, "nps", scale_min=1, scale_max=10), answered(1, 9))
    assert booked(survey)["nps_promoters"] == (1, 1)


def test_ease_on_seven_and_stretched() -> None:
    scores = [told(answered(1, score, kind="ces")) for score in (7, 5, 4)]
    assert mean("ces_mean", *scores) == 16 / 3
    assert mean("ces_positive_ratio", *scores) == 2 / 3
    stretched = told(answered(1, 3, kind="ces", scale_min=1, scale_max=5))
    assert mean("ces_mean", stretched) == 4


def test_effort_is_reflected_first() -> None:
    low, high = (told(sent(0, "ces", direction="effort"), answered(1, score)) for score in (2, 6))
    assert mean("ces_mean", low) == 6
    assert mean("ces_mean", high) == 2
    assert mean("ces_positive_ratio", low, high) == 0.5
    assert mean("ces_mean", told(answered(1, 2, kind="csat", direction="effort"))) is None
    assert mean("csat_mean", told(answered(1, 2, kind="csat", direction="effort"))) == 2  # only effort is reflected


def test_resolution_is_yes_at_the_top() -> None:
    yes, no = (told(answered(1, score, kind="resolution")) for score in (1, 0))
    assert mean("fcr_surveyed_ratio", yes, no, yes) == 2 / 3
    assert mean("fcr_surveyed_ratio") is None


def test_the_program_is_transactional_if_it_names_a_ticket() -> None:
    assert told(answered(1, 5, kind="csat", ticket_id="t")).program == "transactional"
    assert told(answered(1, 5, kind="csat")).program == "relationship"
    assert told(answered(1, 5, kind="csat", ticket_id="t", program="relationship")).program == "relationship"


def test_an_answer_nobody_knows_the_kind_of_is_in_nothing() -> None:
    survey = told(answered(1, 5))
    assert survey.anchor is None
    assert booked(survey) == {}


def test_surveys_of_voided_tickets_vanish_and_of_unknown_ones_stay() -> None:
    survey = told(sent(0, "csat", ticket_id="t", agent_id="ann"), answered(1, 5))
    voided = Ticket()
    voided.voided = True
    assert booked(survey, voided) == {}
    ((_, _, labels, _), *_) = survey_entries(survey, Ticket())
    assert labels == (UNKNOWN,) * 5 + ("ann",)


def test_sentiment_is_exact() -> None:
    labels = (UNKNOWN,) * 6
    told = [((at, 5, "e"), labels, score) for at, score in enumerate((-1.0, 0.1, 0.2))]
    total = sum(value for _, name, _, value in sentiment_entries(told) if name == "sentiment_score")
    assert total == -7 * SCORE_UNIT // 10
