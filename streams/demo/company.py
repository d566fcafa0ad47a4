"""The simulated company: its agents, their working hours, and the probabilities of its behaviour.

This file has only data; the other files make the events.

Causes and effects: agents' hours and queues determine the response times; response times, reopenings and the agent's
skill determine the score of a ticket; the score changes the customer's mood and the survey answers; score and mood
determine orders and departures.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from streams.core.temporal.instants import DAY, HOUR, MINUTE, SECOND


class Mix:
    """A weighted choice in constant time, exact for weights in hundredths."""

    __slots__ = ("_table",)

    def __init__(self, weights: Mapping[str, float]) -> None:
        total = sum(weights.values())
        self._table = [name for name, weight in weights.items() for _ in range(round(1000 * weight / total))]

    def pick(self, rng: random.Random) -> str:
        """A name at random, by weight."""
        return self._table[int(rng.random() * len(self._table))]


CHANNELS: Final = Mix({"email": 34, "chat": 24, "phone": 20, "web": 14, "social": 8})
ISSUES: Final = Mix(
    {"delivery": 20, "returns": 12, "billing": 15, "login": 12, "defect": 15, "how_to": 13, "presales": 8,
     "contract": 5}
)  # fmt: skip
PRODUCTS: Final = Mix({"hub": 28, "camera": 26, "thermostat": 18, "cloud_plan": 17, "app": 11})
SEGMENTS: Final = Mix({"consumer": 78, "business": 17, "enterprise": 5})
PRIORITIES: Final = Mix({"low": 18, "normal": 58, "high": 18, "urgent": 6})
SURVEY_KINDS: Final = Mix({"csat": 68, "ces": 16, "resolution": 16})
#: Contacts and orders of a customer by segment, relative to a consumer, and the usual order in minor units.
CONTACTS: Final = {"consumer": 1.0, "business": 1.6, "enterprise": 3.0}
BUYING: Final = {"consumer": 1.0, "business": 1.3, "enterprise": 1.8}
BASKET: Final = {"consumer": 3_400, "business": 8_800, "enterprise": 29_000}

CARE, LIVE, TECHNICAL, BILLING, ACCOUNTS = "care", "live", "technical", "billing", "key_accounts"


class Issue(NamedTuple):
    """An issue type: the group that handles it, and its work."""

    group: str
    minutes: float  # of work for a reply
    solve_probability: float  # of a reply
    escalate_probability: float  # before a reply


ISSUE: Final = {
    "delivery": Issue(CARE, 8, 0.70, 0.02),
    "returns": Issue(CARE, 9, 0.62, 0.03),
    "billing": Issue(BILLING, 11, 0.62, 0.05),
    "login": Issue(CARE, 7, 0.74, 0.05),
    "defect": Issue(TECHNICAL, 16, 0.45, 0.12),
    "how_to": Issue(CARE, 9, 0.72, 0.03),
    "presales": Issue(CARE, 10, 0.66, 0.01),
    "contract": Issue(ACCOUNTS, 13, 0.58, 0.03),
}


class Channel(NamedTuple):
    """A channel: the expected times of a first answer and a solution, and the delay before agents look at it."""

    answer_ms: float
    solution_ms: float
    delay_minutes: float  # median


CHANNEL: Final = {
    "email": Channel(4 * HOUR, 24 * HOUR, 22),
    "web": Channel(4 * HOUR, 24 * HOUR, 18),
    "social": Channel(1 * HOUR, 12 * HOUR, 7),
    "chat": Channel(2 * MINUTE, 25 * MINUTE, 0.2),
    "phone": Channel(90 * SECOND, 20 * MINUTE, 0.1),
}

#: Contacts by hour of day (UTC) and by weekday from Monday, relative to the busiest.
HOURS: Final = (
    0.12, 0.08, 0.06, 0.05, 0.06, 0.10, 0.22, 0.45, 0.78, 1.00, 1.00, 0.95,
    0.85, 0.90, 0.95, 0.93, 0.88, 0.80, 0.70, 0.62, 0.58, 0.50, 0.36, 0.22,
)  # fmt: skip
WEEKDAYS: Final = (1.00, 0.96, 0.92, 0.90, 0.86, 0.48, 0.40)
#: The mean of both: the rate at the busiest moment times this is the average rate.
MEAN_RHYTHM: Final = sum(HOURS) / 24 * sum(WEEKDAYS) / 7


def rhythm(at: int) -> float:
    """The rate of contacts at an instant, relative to the busiest moment: 0 to 1."""
    return HOURS[at % DAY // HOUR] * WEEKDAYS[(at // DAY + 3) % 7]


@dataclass(slots=True)
class Agent:
    """An agent. The shift, in ms from midnight, may pass midnight; days are from Monday = 0."""

    id: str
    group: str
    skill: float  # -1 to 1
    start_ms: int
    end_ms: int
    days: frozenset[int]
    #: The instant at which the work accepted so far is done.
    free_from: int = 0

    def available(self, at: int) -> int:
        """The first instant from ``at`` on at which this agent is on shift and has finished earlier work."""
        at = max(at, self.free_from)
        for day in range(at // DAY - (self.end_ms > DAY), at // DAY + 8):
            if (day + 3) % 7 in self.days and at < day * DAY + self.end_ms:
                return max(at, day * DAY + self.start_ms)
        raise AssertionError("an agent works on at least one day of the week")


class Roster:
    """All agents. Work goes to the agent of its group who can begin first."""

    SAMPLE = 16  # agents of a large group that are compared, so that the search stays cheap

    def __init__(self, rng: random.Random, count: int) -> None:
        self.agents: list[Agent] = []
        self._rng = rng
        #: 20 agents: 5 care, 7 live (2 at night), 4 technical, 2 billing, 2 key accounts.
        plan = [CARE] * 5 + [LIVE] * 7 + [TECHNICAL] * 4 + [BILLING] * 2 + [ACCOUNTS] * 2
        group_sizes: Counter[str] = Counter()
        for number in range(max(count, len(plan))):
            group = plan[number % len(plan)]
            self.agents.append(self._hire(f"agent-{number + 1:02}", group, group_sizes[group]))
            group_sizes[group] += 1
        self._groups: dict[str, list[Agent]] = {}
        for agent in self.agents:
            self._groups.setdefault(agent.group, []).append(agent)

    def _hire(self, name: str, group: str, index: int) -> Agent:
        """A new agent; the index within the group determines shift and days."""
        skill = max(-1.0, min(1.0, self._rng.gauss(0, 0.5)))
        if group == LIVE and index % 7 < 2:  # the night shift: two agents who alternate
            days = frozenset({0, 2, 4, 6} if index % 7 == 0 else {1, 3, 5})
            return Agent(name, group, skill, 19 * HOUR, 32 * HOUR, days)
        start = (7, 8, 11)[index % 3] * HOUR if group == LIVE else (8, 11)[index % 2] * HOUR
        days = frozenset({2, 3, 4, 5, 6} if index % 4 == 2 and group in (CARE, LIVE) else range(5))
        return Agent(name, group, skill, start, start + 8 * HOUR + HOUR // 2, days)

    def begin(self, group: str, at: int, work: int, patience: int | None = None) -> tuple[Agent, int] | None:
        """The agent and the start of ``work`` (ms); None if nobody can start before ``patience`` (ms) is over."""
        pool = self._groups[group]
        if len(pool) > self.SAMPLE:
            pool = self._rng.sample(pool, self.SAMPLE)
        choices = ((agent.available(at), agent.free_from, agent) for agent in pool)
        start, _, agent = min(choices, key=lambda choice: choice[:2])
        if patience is not None and start - at > patience:
            return None
        agent.free_from = start + work
        return agent, start
