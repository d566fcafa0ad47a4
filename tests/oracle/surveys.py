"""Samples of surveys."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from .model import UNKNOWN, Ev, Sample
from .world import Ticket, World

SCALES = {"csat": (1, 5), "nps": (0, 10), "ces": (1, 7), "resolution": (0, 1)}


@dataclass
class Survey:
    customer: str
    sent: Ev | None
    answer: Ev | None  # the latest
    fields: dict[str, Any]
    labels: dict[str, str]
    ticket: Ticket | None
    answers: list[Ev]

    @property
    def kind(self) -> str:
        return str(self.fields["kind"])

    @property
    def program(self) -> str:
        return str(self.labels["program"])

    def scale(self) -> tuple[Fraction, Fraction]:
        low, high = SCALES[self.kind]
        return number(self.fields.get("scale_min", low)), number(self.fields.get("scale_max", high))

    @property
    def score(self) -> Fraction | None:
        """None: no answer, or outside its scale."""
        if self.answer is None:
            return None
        low, high = self.scale()
        score = number(self.answer.body["score"])
        return score if low < high and low <= score <= high else None

    def stretched(self, low: int, high: int) -> Fraction:
        assert self.score is not None
        a, b = self.scale()
        return low + (self.score - a) * (high - low) / (b - a)

    @property
    def satisfied(self) -> bool:
        return self.stretched(0, 4) >= 3


def number(value: float) -> Fraction:
    return Fraction(str(value))


def surveys(world: World, labelled: bool = True) -> list[Survey]:
    out = []
    for (customer, _), events in world.surveys.items():
        answers = [event for event in events if event.type == "survey.answered"]
        sent = next((event for event in events if event.type == "survey.sent"), None)
        fields: dict[str, Any] = {}
        for event in [*answers, *([sent] if sent else [])]:
            fields |= event.body
        ticket = world.tickets.get((customer, fields.get("ticket_id", "")))
        if (ticket and ticket.voided) or "kind" not in fields:  # without a kind: an orphan, nobody sent it
            continue
        answer = answers[-1] if answers else None
        anchor = sent or answer
        assert anchor is not None
        told = (sent.get("agent_id") if sent else None) or fields.get("agent_id")
        labels = ticket.labels(anchor.key, told) if ticket else {"agent": told or UNKNOWN}
        if labelled:
            labels |= world.customer_labels(customer, anchor.key)
        labels["kind"] = fields["kind"]
        default = "transactional" if "ticket_id" in fields else "relationship"
        labels["program"] = fields.get("program", default)
        out.append(Survey(customer, sent, answer, fields, labels, ticket, answers))
    return out


def of_kind(world: World, kind: str) -> list[Survey]:
    return [survey for survey in surveys(world) if survey.kind == kind and survey.score is not None]


def at_answer(survey: Survey, value: Fraction | int = 1) -> Sample:
    assert survey.answer is not None
    return Sample(survey.answer.at, survey.labels, value)


def csat(world: World) -> list[Sample]:
    return [at_answer(survey, int(survey.satisfied)) for survey in of_kind(world, "csat")]


def csat_stretched(world: World) -> list[Sample]:
    return [at_answer(survey, survey.stretched(1, 5)) for survey in of_kind(world, "csat")]


def effort(survey: Survey) -> Fraction:
    """1..7, high is easy."""
    score = survey.stretched(1, 7)
    return 8 - score if survey.fields.get("direction", "ease") == "effort" else score


def ces(world: World) -> list[Sample]:
    return [at_answer(survey, effort(survey)) for survey in of_kind(world, "ces")]


def ces_positive(world: World) -> list[Sample]:
    return [at_answer(survey, int(effort(survey) >= 5)) for survey in of_kind(world, "ces")]


def resolution(world: World) -> list[Sample]:
    return [at_answer(survey, int(survey.stretched(0, 1) == 1)) for survey in of_kind(world, "resolution")]


def sent(world: World) -> list[Sample]:
    """At the sending: 1 if it has an answer."""
    return [
        Sample(survey.sent.at, survey.labels, int(survey.answer is not None))
        for survey in surveys(world)
        if survey.sent
    ]


def answered(world: World) -> list[Sample]:
    return [at_answer(survey) for survey in surveys(world) if survey.answer]


def nps(world: World, start: int, end: int) -> list[Sample]:
    """The last answer of each customer and program in the window: 1 promoter, 0, -1 detractor."""
    inside = [s for s in of_kind(world, "nps") if s.answer and start <= s.answer.at < end]
    out = []
    for survey in inside:
        if any(replaces(world, other, survey) for other in inside):
            continue
        score = survey.score if survey.scale() in ((0, 10), (1, 10)) else survey.stretched(0, 10)
        assert score is not None
        out.append(at_answer(survey, int(score >= 9) - int(score < 7)))
    return out


def replaces(world: World, later: Survey, earlier: Survey) -> bool:
    """A later answer of whoever is the same customer then, in the same program."""
    assert later.answer
    assert earlier.answer
    return (
        later.answer.key > earlier.answer.key
        and later.program == earlier.program
        and earlier.customer in world.same(later.customer, later.answer.at)
    )


def sentiment(world: World) -> list[Sample]:
    return [
        world.book(ticket, event, number(event.body["score"]))
        for ticket in world.tickets.values()
        if ticket.created and not ticket.voided
        for event in ticket.events
        if event.type == "ticket.sentiment"
    ]
