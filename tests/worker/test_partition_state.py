"""A partition's state: which records a unit writes, and when everything is booked again."""

from __future__ import annotations

from typing import Any

from streams.core.temporal.instants import DAY
from streams.kafka.topics import PANES
from tests.property.harness import Desk, settings_of

NOON = "2026-01-05T12:00:00Z"
CLOCK = 1_767_700_800_000  # 2026-01-06T12:00:00Z


def created(number: int = 0, **fields: Any) -> dict[str, Any]:
    base = {"event_id": f"e{number}", "type": "ticket.created", "occurred_at": NOON, "customer_id": f"c{number}"}
    return base | {"ticket_id": "t", "channel": "email"} | fields


def test_members_admitted_under_changed_definitions_survive_a_restart() -> None:
    """As many as before, but others: who comes first when all is booked again is admitted."""
    desk = Desk(settings_of(), CLOCK, members=4)
    for number, channel in enumerate(["email", "chat", "phone", "web", "sms"]):
        desk.send(created(number, channel=channel))
        desk.drain()
    before = set(desk.states[0].ledger.admitted["channel"])
    desk.settings = settings_of({"fcr": {"repeat_days": 6}})
    desk.policy = desk.settings.policy()
    desk.restart(0)
    desk.unit(0, [0])
    admitted = set(desk.states[0].ledger.admitted["channel"])
    assert len(admitted) == len(before)
    assert admitted != before, "else this tests nothing"
    desk.restart(0)
    assert desk.states[0].ledger.admitted["channel"] == admitted


def test_changelogs_stay_in_their_partition() -> None:
    desk = Desk(settings_of(), CLOCK, partitions=3)
    for number in range(30):
        desk.send(created(number))
    desk.drain()  # the harness checks each output's partition
    assert all(desk.logs)


def test_an_empty_unit_writes_only_the_removals_that_the_clock_makes() -> None:
    desk = Desk(settings_of(), CLOCK)
    desk.send(created())
    desk.drain()
    desk.unit(0, [0])
    before = len(desk.logs[0])
    desk.unit(0, [0])
    assert len(desk.logs[0]) == before
    desk.clock += 10 * DAY  # the panes of minutes are out of reach by then
    desk.unit(0, [0])
    removals = desk.logs[0][before:]
    assert removals
    assert all(topic == PANES and value is None for topic, _, value in removals)


def test_units_do_not_grow_with_what_is_held() -> None:
    """The same event costs as many records after a thousand customers as after one."""
    sizes = []
    for others in (1, 1000):
        desk = Desk(settings_of(), CLOCK)
        for number in range(others):
            desk.send(created(number))
        desk.drain()
        before = len(desk.logs[0])
        desk.send(created(5000))
        desk.drain()
        sizes.append(len(desk.logs[0]) - before)
    assert sizes[0] == sizes[1]
