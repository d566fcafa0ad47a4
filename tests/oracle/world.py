"""The events sorted into entities: customers, tickets, surveys, orders, costs, and what labels hold when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .clock import DAY, Calendar, to_ms
from .model import UNKNOWN, Ev, Key, Number, Sample, read

TICKET_LABELS = ("channel", "issue_type", "priority", "product", "group")
SOLVED = {"solved", "closed"}


@dataclass
class Ticket:
    customer: str
    ticket_id: str
    events: list[Ev] = field(default_factory=list)

    @property
    def created(self) -> Ev | None:
        return next((event for event in self.events if event.type == "ticket.created"), None)

    @property
    def voided(self) -> bool:
        return any(event.type == "ticket.voided" for event in self.events)

    @property
    def merged(self) -> bool:
        return any(event.type == "ticket.merged" for event in self.events)

    @property
    def live(self) -> bool:
        """In ticket metrics."""
        return self.created is not None and not self.voided and not self.merged

    @property
    def by_customer(self) -> bool:
        return self.created is not None and self.created.get("created_by", "customer") == "customer"

    def after(self) -> list[Ev]:
        """The events after the creation, in order."""
        created = self.created
        return [] if created is None else [event for event in self.events if event.key > created.key]

    def labels(self, key: Key, own: str | None = None) -> dict[str, str]:
        """What holds just before `key`; before the creation: what the creation says."""
        created = self.created
        if created is None:
            return {"agent": own or UNKNOWN}
        labels = {name: created.body[name] for name in TICKET_LABELS if name in created.body}
        assignee = replier = None
        for event in self.after():
            if event.key >= key:
                break
            if event.type == "ticket.updated":
                labels |= {name: event.body[name] for name in TICKET_LABELS if name in event.body}
                assignee = event.get("agent_id", assignee)
            elif is_reply(event):
                replier = event.get("agent_id", replier)
        labels["agent"] = own or assignee or replier or UNKNOWN
        return labels

    def changes(self) -> list[tuple[Ev, str, str]]:
        """Status changes: (event, before, after), from `new` at the creation."""
        status, out = "new", []
        for event in self.after():
            if event.type == "ticket.status_changed":
                out.append((event, status, event.body["status"]))
                status = event.body["status"]
        return out

    def solvings(self) -> list[Ev]:
        return [event for event, a, b in self.changes() if a not in SOLVED and b in SOLVED]

    def reopenings(self) -> list[Ev]:
        return [event for event, a, b in self.changes() if a in SOLVED and b not in SOLVED]

    def solved_now(self) -> bool:
        changes = self.changes()
        return bool(changes) and changes[-1][2] in SOLVED

    def touches(self) -> list[Ev]:
        """Public agent messages and calls, those before the creation too."""
        return [event for event in self.events if is_reply(event) or is_call(event)]


def is_public(event: Ev) -> bool:
    return event.type == "ticket.message" and event.get("public", True) is True


def is_reply(event: Ev) -> bool:
    return is_public(event) and event.body["author"] == "agent"


def is_answer(event: Ev) -> bool:
    return is_public(event) and event.body["author"] in ("agent", "bot", "rule")


def is_call(event: Ev) -> bool:
    return event.type == "ticket.handled" and "talk_seconds" in event.body


def own_agent(event: Ev) -> str | None:
    """Author or handler."""
    if event.type == "ticket.handled" or (event.type == "ticket.message" and event.body["author"] == "agent"):
        agent: str | None = event.get("agent_id")
        return agent
    return None


class Settings:
    """The nested dict of roi.toml with the defaults of the contract."""

    def __init__(self, given: dict[str, Any] | None) -> None:
        given = given or {}
        self.currency: str = given.get("currency", "EUR")
        self.rates: dict[str, Any] = given.get("rates", {})
        self.margin = Fraction(str(given.get("contribution_margin", 1)))
        self.incrementality = Fraction(str(given.get("incrementality", 1)))
        self.saved = Fraction(str(given.get("cost_per_contact_saved", 0)))
        self.clv_cap = Fraction(str(given.get("clv_cap_years", 5)))
        self.inactivity = int(given.get("inactivity_days", 0)) * DAY
        self.due_soon = int(given.get("due_soon_seconds", 3600)) * 1000
        self.value_tiers: list[int] = list(given.get("value_tiers", [0, 10000, 100000]))
        attribution = given.get("attribution", {})
        self.model: str = attribution.get("model", "last_touch")
        self.look_back = int(Fraction(str(attribution.get("look_back_days", 5))) * DAY)
        self.half_life = int(Fraction(str(attribution.get("half_life_days", 2))) * DAY)
        fcr = given.get("fcr", {})
        self.repeat = int(Fraction(str(fcr.get("repeat_days", 7))) * DAY)
        self.gap = int(Fraction(str(fcr.get("session_gap_minutes", 30))) * 60_000)
        self.calendar = Calendar(given.get("business", {}))
        self.levels: list[dict[str, Any]] = list(given.get("service_levels", []))
        windows = given.get("windows", {})
        self.rolling: list[str] = list(windows.get("rolling", ["5m", "1h", "24h", "7d", "30d", "90d", "365d"]))
        self.aligned: list[str] = list(windows.get("aligned", ["day", "week", "month", "quarter", "year"]))
        dimensions = given.get("dimensions", {})
        self.limit = int(dimensions.get("limit", 50))
        self.names: list[str] | None = dimensions.get("names")

    def money(self, amount: int, currency: str, at: int) -> int:
        """Minor units of the reporting currency at the rate in force at `at`; without a rate 0."""
        factor = Fraction(1) if currency == self.currency else self.rate(currency, at)
        return 0 if factor is None else round(amount * factor)  # Fraction rounds half to even

    def has_rate(self, currency: str, at: int) -> bool:
        return currency == self.currency or self.rate(currency, at) is not None

    def rate(self, currency: str, at: int) -> Fraction | None:
        """Rates: {"USD": [{"from": date, "factor": x}, …]} or {"USD": {date: x}} or {"USD": x}."""
        given = self.rates.get(currency)
        if given is None:
            return None
        if isinstance(given, dict) and "factor" in given:
            given = [given]
        if isinstance(given, dict):
            pairs = [(str(day), factor) for day, factor in given.items()]
        elif isinstance(given, list):
            pairs = [(str(row["from"]), row["factor"]) for row in given]
        else:
            pairs = [("0001-01-01", given)]
        today = self.calendar.local_date(at).isoformat()
        begun = [(day, factor) for day, factor in pairs if day <= today]
        return Fraction(str(max(begun)[1])) if begun else None


class World:
    """Everything known at as_of."""

    def __init__(self, raw: list[dict[str, Any]], as_of: int, settings: Settings) -> None:
        self.as_of = as_of
        self.settings = settings
        self.events = read(raw, as_of)
        self.tickets: dict[tuple[str, str], Ticket] = {}
        self.surveys: dict[tuple[str, str], list[Ev]] = defaultdict(list)
        self.orders: dict[tuple[str, str], list[Ev]] = defaultdict(list)
        self.carts: dict[tuple[str, str], list[Ev]] = defaultdict(list)
        self.costs: dict[str, list[Ev]] = defaultdict(list)
        self.customers: dict[str, list[Ev]] = defaultdict(list)
        self.deflections: list[Ev] = []
        for event in self.events:
            family = event.type.split(".")[0]
            if family == "ticket":
                key = (event.customer, event.body["ticket_id"])
                self.tickets.setdefault(key, Ticket(*key)).events.append(event)
            elif family == "survey":
                self.surveys[event.customer, event.body["survey_id"]].append(event)
            elif family == "order":
                self.orders[event.customer, event.body["order_id"]].append(event)
            elif family == "cart":
                self.carts[event.customer, event.body["cart_id"]].append(event)
            elif family == "cost":
                self.costs[event.body["cost_id"]].append(event)
            elif family == "customer":
                self.customers[event.customer].append(event)
            elif family == "contact":
                self.deflections.append(event)
        self.merges = [event for event in self.events if event.type == "customer.merged"]
        self.segments: Callable[[World, str, Key], dict[str, str]] = lambda *_: {}
        self.memo: dict[str, Any] = {}  # what is computed once, by name
        self._labels: dict[tuple[str, Key], dict[str, str]] = {}
        self._same: dict[tuple[str, int], frozenset[str]] = {}

    def live(self) -> list[Ticket]:
        return [ticket for ticket in self.tickets.values() if ticket.live]

    def same(self, customer: str, at: int) -> frozenset[str]:
        """All ids that are this customer at the instant `at` (merges up to and at it)."""
        known = (customer, sum(1 for merge in self.merges if merge.at <= at))
        if known not in self._same:
            group = {customer}
            pairs = [(m.customer, m.body["into_customer_id"]) for m in self.merges if m.at <= at]
            while True:
                more = {name for pair in pairs if group & set(pair) for name in pair} - group
                if not more:
                    break
                group |= more
            self._same[known] = frozenset(group)
        return self._same[known]

    def touches_of(self, customer: str, at: int) -> list[tuple[Ev, Ticket]]:
        """Touches of created, not voided tickets of the customer as of `at`, in order."""
        found = [
            (touch, ticket)
            for ticket in self.tickets.values()
            if ticket.created and not ticket.voided and ticket.customer in self.same(customer, at)
            for touch in ticket.touches()
        ]
        return sorted(found, key=lambda pair: pair[0].key)

    # --- samples ---

    def book(self, ticket: Ticket, event: Ev, value: Number = 1, **extra: Any) -> Sample:
        """A ticket's sample at one of its events."""
        labels = ticket.labels(event.key, own_agent(event)) | self.customer_labels(ticket.customer, event.key)
        return Sample(event.at, labels, value, extra)

    def customer_labels(self, customer: str, key: Key) -> dict[str, str]:
        """Segments of the customer just before `key`."""
        if (customer, key) not in self._labels:
            self._labels[customer, key] = self.segments(self, customer, key)
        return self._labels[customer, key]


# --- orders ---


@dataclass
class Order:
    customer: str
    order_id: str
    placed: Ev
    payments: list[tuple[int, Ev]]  # converted amounts, in order
    refunds: list[tuple[int, Ev]]
    cancelled: Ev | None
    unrated: list[tuple[str, int, Ev]]  # paid (+) and refunded (-) in currencies without a rate

    @property
    def first_paid(self) -> Ev | None:
        return self.payments[0][1] if self.payments else None

    @property
    def left(self) -> int:
        """What remains of it now."""
        if self.cancelled:
            return 0
        return max(0, sum(a for a, _ in self.payments) - sum(a for a, _ in self.refunds))

    @property
    def kept(self) -> bool:
        """Whether anything remains of it now, in whatever currency."""
        return self.left > 0 or (self.cancelled is None and self.unrated_left() > 0)

    def unrated_left(self, before: Key | None = None) -> int:
        """The most that is left in one currency of what was paid and refunded without a rate."""
        sums: dict[str, int] = {}
        for currency, amount, event in self.unrated:
            if before is None or event.key < before:
                sums[currency] = sums.get(currency, 0) + amount
        return max(sums.values(), default=0) if self.payments else 0

    def postings(self) -> list[tuple[int, int]]:
        """(instant, amount): all payments at the first, then what is taken back, never below 0."""
        if not self.payments:
            return []
        first = self.payments[0][1].at
        left = sum(amount for amount, _ in self.payments)
        out = [(first, left)]
        takes = [(event, amount) for amount, event in self.refunds]
        if self.cancelled:
            takes.append((self.cancelled, -1))
        for event, amount in sorted(takes, key=lambda take: take[0].key):
            taken = left if event.type == "order.cancelled" else min(left, amount)
            out.append((max(event.at, first), -taken))
            left -= taken
        return out


def orders(world: World) -> list[Order]:
    out = []
    for (customer, order_id), events in world.orders.items():
        placed = next((event for event in events if event.type == "order.placed"), None)
        if placed is None:
            continue
        refunds: dict[str, Ev] = {}
        for event in events:
            if event.type in ("order.refunded", "order.charged_back"):
                refunds.setdefault(event.body["refund_id"], event)
        paid = [event for event in events if event.type == "order.paid"]
        given_back = [(event, back(world, paid, list(refunds.values()), event)) for event in refunds.values()]
        out.append(
            Order(
                customer,
                order_id,
                placed,
                [(amount_of(world, event), event) for event in paid],
                [(amount, event) for event, (amount, _) in given_back],
                next((e for e in events if e.type == "order.cancelled"), None),
                [
                    (event.body["currency"], event.body["amount_minor"], event)
                    for event in paid
                    if not world.settings.has_rate(event.body["currency"], event.at)
                ]
                + [(event.body["currency"], -unrated, event) for event, (_, unrated) in given_back],
            )
        )
    return out


def back(world: World, payments: list[Ev], refunds: list[Ev], refund: Ev) -> tuple[int, int]:
    """A refund as (reporting currency, own currency without a rate).

    Lay the payments in its currency end to end, and the refunds in it too: where a refund lies over a payment, it has
    the payment's rate; what lies past all of them has its own day's.
    """
    currency = refund.body["currency"]
    start = sum(
        other.body["amount_minor"] for other in refunds if other.body["currency"] == currency and other.key < refund.key
    )
    end = start + refund.body["amount_minor"]
    amount = unrated = first = 0
    for payment in [event for event in payments if event.body["currency"] == currency]:
        last = first + payment.body["amount_minor"]
        low, high = max(start, first), min(end, last)
        if low < high:
            if world.settings.has_rate(currency, payment.at):
                up_to = [world.settings.money(place - first, currency, payment.at) for place in (low, high)]
                amount += up_to[1] - up_to[0]
            else:
                unrated += high - low
        first = last
    beyond = end - max(start, min(first, end))
    if world.settings.has_rate(currency, refund.at):
        amount += world.settings.money(beyond, currency, refund.at)
    else:
        unrated += beyond
    return amount, unrated


def amount_of(world: World, event: Ev) -> int:
    return world.settings.money(event.body["amount_minor"], event.body["currency"], event.at)


# --- costs ---


@dataclass
class Cost:
    amount: int
    start: int
    end: int
    labels: dict[str, str]
    estimated: bool

    def accrued(self, at: int) -> int:
        length = self.end - self.start
        if length <= 0:
            return self.amount if at > self.start else 0
        return self.amount * min(max(at - self.start, 0), length) // length

    def within(self, start: int, end: int) -> int:
        return self.accrued(end) - self.accrued(start)


def costs(world: World) -> list[Cost]:
    out = []
    for events in world.costs.values():
        actual = [event for event in events if event.get("basis") != "estimate"]
        latest = max(actual or events, key=lambda event: (event.at, event.id))
        out.append(
            Cost(
                amount_of(world, latest),
                to_ms(latest.body["period_start"]),
                to_ms(latest.body["period_end"]),
                {name: latest.body[name] for name in ("channel", "issue_type") if name in latest.body},
                latest.get("basis") == "estimate",
            )
        )
    return out
