"""Rich, nasty, valid events: a seeded generator and hypothesis strategies.

Few customers, many ties in time, reopenings, voids, merges, edits, refunds before payment, cancellations,
late surveys, orders before their tickets, orphans, bots, private messages, costs replaced, duplicates.
Everything is deterministic in (seed, n). The list order is the order of arrival: shuffled.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from .clock import DAY, HOUR, MINUTE, SECOND, to_ms

Event = dict[str, Any]

FIRST = to_ms("2025-12-30T00:00:00Z")
LAST = FIRST + 120 * DAY
CHANNELS = ("email", "chat", "phone", "social")
ISSUES = ("billing", "delivery", "returns")
PRIORITIES = ("low", "normal", "urgent")
AGENTS = ("ann", "bob", "eve")
STATUSES = ("new", "open", "pending", "on_hold", "solved", "solved", "closed", "open")
CURRENCIES = ("EUR", "EUR", "EUR", "USD", "XXX")
CLASSES = ("standard", "standard", "upsell", "cross_sell", "upgrade", "renewal")
STEPS = (
    0,
    0,
    1,
    SECOND,
    MINUTE,
    29 * MINUTE,
    30 * MINUTE,
    HOUR,
    5 * HOUR,
    DAY,
    5 * DAY,
    7 * DAY,
    7 * DAY + 1,
)

# Settings under which the events above meet every rule.
SETTINGS: dict[str, Any] = {
    "currency": "EUR",
    "rates": {"USD": [{"from": "2026-01-01", "factor": 0.9}, {"from": "2026-02-15", "factor": 0.85}]},
    "contribution_margin": 0.4,
    "incrementality": 0.5,
    "cost_per_contact_saved": 350,
    "business": {
        "time_zone": "Europe/Berlin",
        "holidays": ["2026-01-01", "2026-04-03"],
        "hours": {
            "mon": ["09:00-12:00", "13:00-17:30"],
            "tue": ["09:00-17:00"],
            "wed": ["09:00-17:00"],
            "thu": ["09:00-17:00"],
            "fri": ["22:00-02:00"],
            "sat": ["00:00-04:00"],
            "sun": ["01:30-02:30"],  # its end is skipped on 29 March
        },
    },
    "service_levels": [
        {"name": "reply_1h", "metric": "first_response", "clock": "calendar", "seconds": 3600},
        {
            "name": "urgent_reply",
            "metric": "first_response",
            "clock": "calendar",
            "seconds": 1800,
            "filter": {"priority": "urgent"},
        },
        {"name": "reply_business", "metric": "first_response", "clock": "business", "seconds": 7200},
        {"name": "next_reply", "metric": "next_response", "clock": "calendar", "seconds": 3600},
        {"name": "solved_2d", "metric": "first_resolution", "clock": "calendar", "seconds": 172800},
        {"name": "closed_5d", "metric": "full_resolution", "clock": "calendar", "seconds": 432000},
        {"name": "wait_1d", "metric": "requester_wait", "clock": "calendar", "seconds": 86400},
    ],
}


def rfc3339(at: int, offset_minutes: int = 0) -> str:
    """The same instant in a chosen offset, Z for 0; ms only where there are any."""
    zone = UTC if offset_minutes == 0 else timezone(timedelta(minutes=offset_minutes))
    moment = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone)
    text = moment.isoformat(timespec="milliseconds" if at % SECOND else "seconds")
    return text.replace("+00:00", "Z")


class Desk:
    """Writes a history; every choice comes from one random generator."""

    def __init__(self, rng: random.Random, customers: int, granularity: int) -> None:
        self.rng = rng
        #: For the rarer turns, so that they change nothing else of a history.
        self.rare = random.Random(customers)
        self.granularity = granularity
        self.people = [f"c{i}" for i in range(customers)]
        self.events: list[Event] = []
        self.serial = 0
        # a few instants that everything likes to happen at: ties
        self.favourites = [self.any_time() for _ in range(6)]

    def any_time(self) -> int:
        at = self.rng.randrange(FIRST, LAST)
        return at // self.granularity * self.granularity

    def start(self) -> int:
        return self.rng.choice(self.favourites) if self.rng.random() < 0.5 else self.any_time()

    def later(self, at: int) -> int:
        moved = at + self.rng.choice(STEPS)
        if self.rng.random() < 0.3:
            moved += self.rng.randrange(0, 3 * DAY)
        return min(moved // self.granularity * self.granularity, LAST)

    def around(self, at: int) -> int:
        """Also before: clocks of two systems differ, orders precede their tickets."""
        return self.later(at) if self.rng.random() < 0.75 else max(FIRST, at - (self.later(at) - at))

    def maybe(self, chance: float, **fields: Any) -> Event:
        return fields if self.rng.random() < chance else {}

    def add(self, kind: str, at: int, customer: str | None, /, **fields: Any) -> None:
        self.serial += 1
        rng = self.rng
        # ids that sort otherwise than they were made
        event: Event = {
            "event_id": f"{rng.choice('abcxyz')}{self.serial}",
            "type": kind,
            "occurred_at": rfc3339(at, rng.choice((0, 0, 0, 60, -330))),
        }
        if customer is not None:
            event["customer_id"] = customer
        self.events.append(event | fields)

    def person(self) -> str:
        return self.rng.choice(self.people)

    def agent(self, chance: float = 0.7) -> Event:
        return self.maybe(chance, agent_id=self.rng.choice(AGENTS))

    def labels(self, chance: float) -> Event:
        rng = self.rng
        return {
            **self.maybe(chance, issue_type=rng.choice(ISSUES)),
            **self.maybe(chance, priority=rng.choice(PRIORITIES)),
            **self.maybe(chance / 3, product=rng.choice(("shoe", "hat"))),
            **self.maybe(chance / 3, group=rng.choice(("front", "back"))),
        }

    # --- support.tickets ---

    def ticket(self) -> None:
        rng = self.rng
        who, ticket, at = self.person(), f"t{self.serial}", self.start()
        if rng.random() < 0.95:
            self.add(
                "ticket.created",
                at,
                who,
                ticket_id=ticket,
                channel=rng.choice(CHANNELS),
                **self.labels(0.6),
                **self.maybe(0.2, created_by=rng.choice(("customer", "agent", "rule"))),
            )
            if rng.random() < 0.04:
                self.add("ticket.created", self.later(at), who, ticket_id=ticket, channel="email")
        for _ in range(rng.randrange(0, 14)):
            if rng.random() < 0.08:
                self.happening(who, ticket, self.around(at))
            else:
                at = self.later(at)
                self.happening(who, ticket, at)
        if rng.random() < 0.6:
            self.add("ticket.status_changed", at, who, ticket_id=ticket, status="solved")
        if rng.random() < 0.06:
            self.add("ticket.voided", self.around(at), who, ticket_id=ticket)
        if rng.random() < 0.06:
            self.add("ticket.merged", self.around(at), who, ticket_id=ticket, into_ticket_id="t0")
        if rng.random() < 0.45:
            self.survey(who, ticket, at)
        if rng.random() < 0.45:
            self.order(who, self.around(at))

    def happening(self, who: str, ticket: str, at: int) -> None:
        rng = self.rng
        kind = rng.choices(
            ("message", "status", "updated", "handled", "escalated", "sentiment"), (50, 25, 10, 10, 3, 4)
        )[0]
        if kind == "message":
            author = rng.choices(("customer", "agent", "bot", "rule"), (35, 50, 8, 7))[0]
            self.add(
                "ticket.message",
                at,
                who,
                ticket_id=ticket,
                author=author,
                **self.maybe(0.25, public=rng.random() < 0.4),
                **(self.agent() if author == "agent" else {}),
            )
        elif kind == "status":
            self.add("ticket.status_changed", at, who, ticket_id=ticket, status=rng.choice(STATUSES))
        elif kind == "updated":
            changes = self.labels(0.4) | self.agent(0.5) | self.maybe(0.3, channel=rng.choice(CHANNELS))
            self.add("ticket.updated", at, who, ticket_id=ticket, **(changes or {"priority": "urgent"}))
        elif kind == "handled":
            parts = {
                **self.maybe(0.6, talk_seconds=rng.randrange(0, 900)),
                **self.maybe(0.4, hold_seconds=rng.randrange(0, 300)),
            }
            parts = parts or {"after_call_seconds": rng.randrange(0, 120)}
            self.add("ticket.handled", at, who, ticket_id=ticket, **parts, **self.agent())
        elif kind == "escalated":
            self.add("ticket.escalated", at, who, ticket_id=ticket, **self.maybe(0.5, level=2))
        else:
            self.add("ticket.sentiment", at, who, ticket_id=ticket, score=rng.choice((-1, -0.5, 0, 0.25, 1)))

    def deflection(self) -> None:
        fields = {"channel": self.rng.choice(CHANNELS), "by": self.rng.choice(("self_service", "automation"))}
        who = self.person() if self.rng.random() < 0.5 else None
        issue = self.maybe(0.5, issue_type=self.rng.choice(ISSUES))
        self.add("contact.deflected", self.start(), who, **fields, **issue)

    # --- support.surveys ---

    def survey(self, who: str, ticket: str | None, at: int) -> None:
        rng = self.rng
        survey = f"s{self.serial}"
        kind = rng.choice(("nps", "nps", "csat", "csat", "ces", "resolution"))
        full: Event = {"kind": kind, **self.agent(0.3)}
        if ticket is not None:
            full["ticket_id"] = ticket if rng.random() < 0.95 else "never"
        full |= self.maybe(0.2, program=rng.choice(("transactional", "relationship")))
        low, high = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7), "resolution": (0, 1)}[kind]
        if kind in ("csat", "ces", "nps") and rng.random() < 0.25:
            high = rng.choice((10, 100))
            full["scale_max"] = high
        from_one: Event = {"scale_min": 1} if kind == "nps" and self.rare.random() < 0.25 else {}
        if kind == "ces":
            full |= self.maybe(0.3, direction=rng.choice(("ease", "effort")))
        was_sent = rng.random() < 0.8
        if was_sent:
            told = {name: value for name, value in full.items() if name == "kind" or rng.random() < 0.8}
            self.add("survey.sent", self.around(at), who, survey_id=survey, **told, **from_one)
        for i in range(rng.choice((0, 1, 1, 1, 2, 3))):
            at = self.later(at)
            told = full if i == 0 and not was_sent else {}
            if rng.random() < 0.3:
                told = {name: value for name, value in full.items() if rng.random() < 0.6}
            outside = kind != "resolution" and rng.random() < 0.04
            score = high + 1 if outside else rng.randint(low, high)
            if kind != "resolution" and score < high and self.rare.random() < 0.15:
                score += 0.5
            self.add("survey.answered", at, who, survey_id=survey, score=score, **told, **from_one)

    # --- support.orders ---

    def order(self, who: str, at: int) -> None:
        rng = self.rng
        order, currency = f"o{self.serial}", rng.choice(CURRENCIES)
        cart = f"k{self.serial}"
        lines = []
        for i in range(rng.choice((0, 1, 1, 2, 3))):
            amount = rng.choice((0, 1, 999, 3333, 10000))
            lines.append({"line_id": f"l{i}", "amount_minor": amount, "class": rng.choice(CLASSES)})
        if rng.random() < 0.3:
            self.add("cart.abandoned", self.around(at), who, cart_id=cart, amount_minor=5000, currency=currency)
        placed = self.later(at)
        if rng.random() < 0.95:
            self.add(
                "order.placed",
                placed,
                who,
                order_id=order,
                currency=currency,
                lines=lines,
                **self.maybe(0.5, cart_id=cart),
                **self.maybe(0.15, referred_by="someone"),
            )
        for i in range(rng.choice((0, 1, 1, 1, 2))):
            money = {"amount_minor": rng.choice((0, 1, 2500, 7777, 9999)), "currency": currency}
            self.add("order.paid", self.around(placed), who, order_id=order, **money)
            if rng.random() < 0.3:
                money = {"amount_minor": rng.choice((1, 2500, 5000, 20000)), "currency": currency}
                if self.rare.random() < 0.2:
                    money["amount_minor"] = self.rare.choice((7777, 9999))
                if self.rare.random() < 0.1:
                    money["currency"] = self.rare.choice(CURRENCIES)
                kind = rng.choice(("order.refunded", "order.charged_back"))
                fields = {"order_id": order, "refund_id": f"r{i}", **money}
                self.add(kind, self.around(placed), who, **fields)
                if rng.random() < 0.2:  # told twice under two event ids
                    self.add(kind, self.later(placed), who, **fields)
        if rng.random() < 0.1:
            self.add("order.cancelled", self.around(placed), who, order_id=order)

    # --- support.customers, support.costs ---

    def customer(self) -> None:
        rng = self.rng
        kind = rng.choices(("joined", "left", "updated", "merged"), (40, 30, 25, 5))[0]
        who, at = self.person(), self.start()
        if kind == "joined":
            self.add("customer.joined", at, who)
        elif kind == "left":
            self.add("customer.left", at, who, **self.maybe(0.5, reason="price"))
        elif kind == "updated":
            self.add("customer.updated", at, who, segment=rng.choice(("smb", "key")), **self.maybe(0.3, tier="a"))
        elif len(self.people) > 1:
            into = rng.choice([name for name in self.people if name != who])
            self.add("customer.merged", at, who, into_customer_id=into)

    def cost(self) -> None:
        rng = self.rng
        cost, start = f"cost{self.serial}", self.start()
        end = start + rng.choice((DAY, 7 * DAY, 30 * DAY, 90 * DAY + 1))
        for _ in range(rng.choice((1, 1, 2, 3))):
            self.add(
                "cost.incurred",
                self.around(start),
                None,
                cost_id=cost,
                category=rng.choice(("personnel", "technology", "overhead", "outsourcing", "training")),
                amount_minor=rng.choice((0, 1, 99_999, 1_000_003)),
                currency=rng.choice(CURRENCIES),
                period_start=rfc3339(start),
                period_end=rfc3339(end),
                basis=rng.choice(("actual", "estimate")),
                **self.maybe(0.2, channel=rng.choice(CHANNELS)),
                **self.maybe(0.1, issue_type=rng.choice(ISSUES)),
            )

    def orphan(self) -> None:
        """Things that refer to something never seen."""
        who, at = self.person(), self.start()
        self.happening(who, "never", at)
        self.add("order.paid", at, who, order_id="never", amount_minor=100, currency="EUR")
        self.add("survey.answered", at, who, survey_id=f"alone{self.serial}", score=1)

    def fill(self, n: int, *, merges: bool, costs: bool) -> list[Event]:
        rng = self.rng
        while len(self.events) < n:
            kind = rng.choices(
                ("ticket", "order", "survey", "customer", "cost", "deflection", "orphan"),
                (60, 12, 10, 10, 6, 5, 2),
            )[0]
            if kind == "ticket":
                self.ticket()
            elif kind == "order":
                self.order(self.person(), self.start())
            elif kind == "survey":
                self.survey(self.person(), None, self.start())
            elif kind == "customer":
                self.customer()
            elif kind == "cost" and costs:
                self.cost()
            elif kind == "deflection":
                self.deflection()
            elif kind == "orphan":
                self.orphan()
        rng.shuffle(self.events)
        chosen = [e for e in self.events[:n] if merges or e["type"] != "customer.merged"]
        for event in list(chosen):
            if rng.random() < 0.05:  # the same again, anywhere
                chosen.insert(rng.randrange(len(chosen) + 1), dict(event))
        return chosen


def random_events(
    seed: int, n: int, *, customers: int | None = None, merges: bool = True, costs: bool = True
) -> list[Event]:
    """About n valid events (a few repeated), in order of arrival. `merges`: customers merge too."""
    rng = random.Random(seed)
    people = customers or rng.randint(1, 4)
    return Desk(rng, people, rng.choice((1, SECOND, MINUTE, HOUR))).fill(n, merges=merges, costs=costs)


def random_as_of(seed: int, events: list[Event]) -> int:
    """A moment worth looking at: an event, just past it, a whole hour, the end."""
    rng = random.Random(f"as of {seed}")
    at = to_ms(rng.choice(events)["occurred_at"]) if events else FIRST
    end = LAST + rng.randrange(0, 60 * DAY)
    return rng.choice((at, at + 1, (at // HOUR + 1) * HOUR, (at // DAY + 1) * DAY, end, end))


@st.composite
def histories(draw: st.DrawFn, *, max_size: int = 120, merges: bool = True, costs: bool = True) -> list[Event]:
    """A history by a drawn seed, then a drawn subset and order of arrival, so that it shrinks."""
    events = random_events(
        draw(st.integers(0, 10**6)),
        draw(st.integers(1, max_size)),
        customers=draw(st.integers(1, 4)),
        merges=merges,
        costs=costs,
    )
    kept = draw(st.lists(st.booleans(), min_size=len(events), max_size=len(events)))
    chosen = [event for event, keep in zip(events, kept, strict=True) if keep]
    return draw(st.permutations(chosen)) if len(chosen) < 30 else chosen


@st.composite
def questions(draw: st.DrawFn, *, max_size: int = 120, merges: bool = True) -> tuple[list[Event], int]:
    """A history and an as_of."""
    events = draw(histories(max_size=max_size, merges=merges))
    return events, random_as_of(draw(st.integers(0, 1000)), events)


def instants() -> st.SearchStrategy[int]:
    return st.integers(FIRST, LAST + 60 * DAY)
