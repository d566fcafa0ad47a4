"""Surveys after a ticket, and about the company as a whole (NPS)."""

from __future__ import annotations

from typing import Any

from streams.core.temporal.instants import DAY, HOUR, MINUTE
from streams.demo.company import SURVEY_KINDS
from streams.demo.world import Customer, Process, World
from streams.kafka.topics import SURVEYS

#: The least service scores of the answers 2, 3, 4 and 5.
CSAT_STEPS = (-0.75, -0.35, 0.05, 0.55)


def csat(score: float) -> int:
    """The answer, 1 to 5, for a service score."""
    return 1 + sum(score >= step for step in CSAT_STEPS)


def nps(mood: float) -> int:
    """The answer, 0 to 10, for a mood."""
    return max(0, min(10, round(7.3 + 3.4 * mood)))


def ces(score: float) -> int:
    """The answer, 1 to 7, for a service score."""
    return max(1, min(7, round(4.6 + 1.9 * score)))


def survey(
    world: World, customer: Customer, ticket_id: str, agent_id: str | None, score: float, solved: bool
) -> Process:
    """A survey after a ticket. Extreme scores are answered more often, and a few answers are changed later."""
    rng = world.rng
    if world.chance(0.12):
        return
    yield world.now + HOUR
    kind = SURVEY_KINDS.pick(rng)
    survey_id = f"S{world.number()}"
    subject: dict[str, Any] = {"kind": kind, "ticket_id": ticket_id}
    if agent_id:
        subject["agent_id"] = agent_id
    world.emit(SURVEYS, customer.id, "survey.sent", survey_id=survey_id, **subject)
    if not world.chance(0.28 + 0.12 * min(1.0, abs(score))):
        return
    yield world.after(3.5 * HOUR, 1.1)
    answer = csat(score) if kind == "csat" else ces(score) if kind == "ces" else int(solved)
    world.emit(SURVEYS, customer.id, "survey.answered", survey_id=survey_id, score=answer, **subject)
    if kind == "csat" and world.chance(0.02):
        yield world.after(40 * MINUTE)
        second_answer = max(1, min(5, answer + rng.choice((-1, 1))))
        world.emit(SURVEYS, customer.id, "survey.answered", survey_id=survey_id, score=second_answer)


def relationship_surveys(world: World) -> Process:
    """Surveys of a ninetieth of the customers each day at ten."""
    while True:
        yield (world.now // DAY + (world.now % DAY >= 10 * HOUR)) * DAY + 10 * HOUR
        for _ in range(max(1, len(world.active) // 90)):
            world.spawn(_relationship(world, world.somebody({"consumer": 1, "business": 1, "enterprise": 1})))


def _relationship(world: World, customer: Customer) -> Process:
    yield world.now + world.rng.randrange(20 * MINUTE)
    survey_id = f"S{world.number()}"
    subject = {"kind": "nps", "program": "relationship"}
    world.emit(SURVEYS, customer.id, "survey.sent", survey_id=survey_id, **subject)
    if world.chance(0.3):
        yield world.after(8 * HOUR, 1.0)
        answer = nps(world.rng.gauss(customer.mood, 0.35))
        world.emit(SURVEYS, customer.id, "survey.answered", survey_id=survey_id, score=answer, **subject)
