"""What must not grow: cells with the members producers invent, work with a customer's past. No clock is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from streams.core.derivation import customer_state, derive
from streams.core.derivation.event_store import EventStore
from streams.core.events.types import Event, TicketCreated, TicketMessage, TicketStatusChanged
from streams.core.ledger.grids import CutGrid
from streams.core.ledger.ledger import Ledger
from streams.core.temporal.instants import Instant
from streams.core.temporal.windows import all_windows
from streams.kafka.topics import PANES, TICKETS
from tests.oracle.clock import DAY, HOUR, MINUTE
from tests.oracle.strategies import FIRST

from .harness import Desk, Rec, settings_of


def test_a_hundred_thousand_channels_stay_a_thousand_members() -> None:
    """Every customer invents a channel; cells, members and records stay bounded, the sums stay right."""
    members, total, unit = 1000, 100_000, 20_000
    as_of = FIRST + DAY
    desk = Desk(settings_of({"dimensions": {"limit": 1000}}), as_of, members=members)
    state = desk.states[0]
    stamp = "2025-12-30T12:00:00Z"
    written: set[bytes] = set()
    for begin in range(0, total, unit):
        state.apply(
            [
                Rec(TICKETS, 0, number, b"", (
                    f'{{"event_id":"e{number}","type":"contact.deflected","by":"automation","occurred_at":"{stamp}",'
                    f'"channel":"channel {number}"}}'
                ).encode())
                for number in range(begin, begin + unit)
            ]
        )  # fmt: skip
        for outputs in state.close():
            for topic, key, value, *_ in outputs:
                if topic == PANES and key is not None:
                    written.add(key)
                    desk.reader.take(0, key, value)
    assert len(state.ledger.admitted["channel"]) <= members
    # A cell for each member in each of the 6 resolutions, the other dimensions and `all` beside them.
    assert len(state.ledger.panes) <= 6 * (members + 50)
    assert len(written) <= 6 * (members + 50) + 50
    found = {
        (key[1], key[4]): record.value
        for key, record in desk.values().items()
        if key[0] == "contacts_deflected" and key[3] == "channel"
    }
    for window in ("24h", "365d"):
        channels = {member: value for (name, member), value in found.items() if name == window}
        assert len(channels) <= members
        assert sum(value or 0 for value in channels.values()) == total
        assert (channels["other"] or 0) >= total - members
    assert desk.values()["contacts_deflected", "365d", None, "all", "all"].value == total


# -- a customer with 50,000 tickets -----------------------------------------------------------------------------


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts what deriving costs: tickets read, bookings computed, entities decoded from kept state."""
    work: Counter[str] = Counter()

    def wrap(owner: Any, name: str) -> None:
        plain: Callable[..., Any] = getattr(owner, name)

        def wrapped(*args: Any, **named: Any) -> Any:
            work[name] += 1
            return plain(*args, **named)

        monkeypatch.setattr(owner, name, wrapped)

    wrap(customer_state, "read_entity")
    wrap(derive, "bookings_of")
    wrap(customer_state, "from_state")
    yield work
    monkeypatch.undo()


def story(customer: str, number: int, at: int, issue: str) -> list[Event]:
    """A ticket: created, solved after an hour."""
    own: dict[str, Any] = {"customer_id": customer, "ticket_id": f"t{number}"}
    return [
        TicketCreated(event_id=f"c{number}", occurred_at=Instant(at), channel="email", issue_type=issue, **own),
        TicketStatusChanged(event_id=f"s{number}", occurred_at=Instant(at + HOUR), status="solved", **own),
    ]


def fresh(warm: int) -> EventStore:
    settings = settings_of()
    policy = settings.policy()
    return EventStore(
        policy, Ledger(CutGrid([FIRST, FIRST + 400 * DAY])), all_windows(settings.rolling(policy)), warm=warm
    )


def close(book: EventStore) -> None:
    for _ in book.close():
        pass


def each_tenth(
    work: Counter[str], customer: Callable[[int], str], issue: Callable[[int], str], count: int, every: int
) -> list[float]:
    """`count` tickets in order of time, `every` ms apart, 10 a unit; the work of an event in each tenth of the time."""
    book = fresh(10**6)
    tenths, events = [], 0
    for number in range(count):
        for event in story(customer(number), number, FIRST + number * every, issue(number)):
            book.add(event)
            events += 1
        if number % 10 == 9:
            close(book)
        if number % (count // 10) == count // 10 - 1:
            tenths.append(work.total() / events)
            work.clear()
            events = 0
    return tenths


EVERY = 400 * DAY // 50_000


def test_a_customer_with_50_000_tickets_costs_what_others_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each about its own matter: 50,000 tickets of one customer, and one of each of 5,000 customers."""
    with counted(monkeypatch) as work:
        others = each_tenth(work, lambda n: f"c{n}", lambda n: f"matter {n % 5000}", 5_000, EVERY)
        large = each_tenth(work, lambda n: "one", lambda n: f"matter {n % 5000}", 50_000, EVERY)
    assert min(others) > 0.5, "nothing was counted"
    assert max(large) <= 3 * max(others), (large, others)


def test_work_does_not_grow_with_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """All about few matters: what lies within 7 days is touched, and that is as much at the end as at the beginning."""
    with counted(monkeypatch) as work:
        tenths = each_tenth(work, lambda n: "one", lambda n: f"matter {n % 20}", 8_000, HOUR)
    assert max(tenths[1:]) <= 1.2 * tenths[1], tenths


def test_a_large_customer_is_not_loaded_as_a_whole_at_every_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """With more entities than may stay warm, units that touch one of its tickets and some others' must stay cheap."""
    count, others = 5_000, 50
    book = fresh(warm=count // 2)
    for number in range(count):
        book.add(story("one", number, FIRST + number * HOUR, f"matter {number}")[0])
    close(book)
    with counted(monkeypatch) as work:
        events = 0
        for unit in range(5):
            own: dict[str, Any] = {"customer_id": "one", "ticket_id": f"t{unit * 777}"}
            at = Instant(FIRST + 300 * DAY + unit * MINUTE)
            book.add(TicketMessage(event_id=f"late{unit}", occurred_at=at, author="agent", **own))
            for other in range(others):
                book.add(story(f"other {unit} {other}", 0, at, "matter")[0])
            events += 1 + others
            close(book)
    assert work.total() / events <= 3 * 3, work
