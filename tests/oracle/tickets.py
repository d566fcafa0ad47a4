"""Samples of tickets: counts, times, service levels, first contact resolution."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from .model import UNKNOWN, Ev, Sample
from .world import SOLVED, Ticket, World, is_answer, is_public, is_reply

WAITING = {"new", "open", "on_hold"}


def created(world: World) -> list[Sample]:
    return [world.book(ticket, must(ticket)) for ticket in world.live()]


def created_by_customer(world: World) -> list[Sample]:
    return [world.book(ticket, must(ticket)) for ticket in world.live() if ticket.by_customer]


def must(ticket: Ticket) -> Ev:
    assert ticket.created is not None
    return ticket.created


def solved(world: World) -> list[Sample]:
    return [world.book(ticket, event) for ticket in world.live() for event in ticket.solvings()]


def reopened(world: World) -> list[Sample]:
    return [world.book(ticket, event) for ticket in world.live() for event in ticket.reopenings()]


def solved_then_reopened(world: World) -> list[Sample]:
    """Every solving; value 1 if a reopening followed."""
    out = []
    for ticket in world.live():
        reopenings = ticket.reopenings()
        for event in ticket.solvings():
            followed = any(reopening.key > event.key for reopening in reopenings)
            out.append(world.book(ticket, event, int(followed)))
    return out


def of_type(world: World, kind: str) -> list[tuple[Ticket, Ev]]:
    return [(ticket, event) for ticket in world.live() for event in ticket.events if event.type == kind]


def escalated(world: World) -> list[Sample]:
    return [world.book(ticket, event) for ticket, event in of_type(world, "ticket.escalated")]


def handled(world: World) -> list[Sample]:
    out = []
    for ticket, event in of_type(world, "ticket.handled"):
        seconds = sum(event.get(name, 0) for name in ("talk_seconds", "hold_seconds", "after_call_seconds"))
        out.append(world.book(ticket, event, seconds, of=(ticket.customer, ticket.ticket_id)))
    return out


# --- times; the value is in ms, extra["business"] the same on the business clock ---


def timed(world: World, ticket: Ticket, start: Ev, end: Ev) -> Sample:
    business = world.settings.calendar.business_ms(start.at, end.at)
    return world.book(ticket, end, end.at - start.at, business=business)


def first(ticket: Ticket, answers: list[Ev]) -> Ev | None:
    """The first of these answers, unless the ticket was solved before it."""
    if not ticket.by_customer or not answers:
        return None
    solvings = ticket.solvings()
    if solvings and solvings[0].key < answers[0].key:
        return None
    return answers[0]


def replies(ticket: Ticket) -> list[Ev]:
    return [event for event in ticket.after() if is_reply(event)]


def first_response(world: World) -> list[Sample]:
    found = [(ticket, first(ticket, replies(ticket))) for ticket in world.live()]
    return [timed(world, ticket, must(ticket), event) for ticket, event in found if event]


def first_acknowledgement(world: World) -> list[Sample]:
    out = []
    for ticket in world.live():
        event = first(ticket, [event for event in ticket.after() if is_answer(event)])
        if event:
            out.append(timed(world, ticket, must(ticket), event))
    return out


def solved_unanswered(world: World) -> list[Sample]:
    out = []
    for ticket in world.live():
        solvings = ticket.solvings()
        if ticket.by_customer and solvings and first(ticket, replies(ticket)) is None:
            out.append(world.book(ticket, solvings[0]))
    return out


@dataclass
class Wait:
    """A customer waiting: since a message, until a reply or a solving or still."""

    start: Ev
    reply: Ev | None = None
    dropped: Ev | None = None


def waits(ticket: Ticket) -> list[Wait]:
    """The waits of next_response."""
    armed = not ticket.by_customer  # a first reply or a first solving arms it
    is_solved = False
    held: Ev | None = None  # the first unanswered message on a solved ticket
    running: Wait | None = None
    out: list[Wait] = []
    for event in ticket.after():
        if event.type == "ticket.message" and is_public(event) and event.body["author"] == "customer":
            if armed and is_solved and held is None:
                held = event
            elif armed and not is_solved and running is None:
                running = Wait(event)
                out.append(running)
        elif is_reply(event):
            armed, held = True, None
            if running:
                running.reply, running = event, None
        elif event.type == "ticket.status_changed":
            solving = event.body["status"] in SOLVED
            if solving and not is_solved:
                armed, held = True, None
                if running:
                    running.dropped, running = event, None
            elif is_solved and not solving and held:
                running, held = Wait(held), None
                out.append(running)
            is_solved = solving
    return out


def next_response(world: World) -> list[Sample]:
    found = [(ticket, wait) for ticket in world.live() for wait in waits(ticket)]
    return [timed(world, ticket, wait.start, wait.reply) for ticket, wait in found if wait.reply]


def first_resolution(world: World) -> list[Sample]:
    found = [(ticket, ticket.solvings()) for ticket in world.live()]
    return [timed(world, ticket, must(ticket), solvings[0]) for ticket, solvings in found if solvings]


def last_solving(ticket: Ticket) -> Ev | None:
    return ticket.solvings()[-1] if ticket.solved_now() else None


def full_resolution(world: World) -> list[Sample]:
    found = [(ticket, last_solving(ticket)) for ticket in world.live()]
    return [timed(world, ticket, must(ticket), event) for ticket, event in found if event]


def waiting_spans(ticket: Ticket, until: int) -> list[tuple[int, int]]:
    """The spans in new, open, on_hold from the creation up to `until`."""
    spans, status, since = [], "new", must(ticket).at
    for event, _, after in ticket.changes():
        if event.at > until:
            break
        if status in WAITING:
            spans.append((since, event.at))
        status, since = after, event.at
    if status in WAITING:
        spans.append((since, until))
    return spans


def requester_wait(world: World) -> list[Sample]:
    out = []
    for ticket in world.live():
        event = last_solving(ticket)
        if event:
            spans = waiting_spans(ticket, event.at)
            total = sum(end - start for start, end in spans)
            business = sum(world.settings.calendar.business_ms(start, end) for start, end in spans)
            out.append(world.book(ticket, event, total, business=business))
    return out


def agent_messages(world: World) -> list[Sample]:
    out = []
    for ticket in world.live():
        event = last_solving(ticket)
        if event:
            count = sum(1 for other in ticket.events if is_reply(other) and other.key < event.key)
            out.append(world.book(ticket, event, count))
    return out


# --- levels ---


def now(world: World, ticket: Ticket, value: int = 1) -> Sample:
    key = (world.as_of, -1, "", "")
    labels = ticket.labels(key) | world.customer_labels(ticket.customer, key)
    return Sample(world.as_of, labels, value)


def open_now(world: World) -> list[Sample]:
    return [now(world, ticket) for ticket in world.live() if not ticket.solved_now()]


def unanswered_now(world: World) -> list[Sample]:
    """Value: the age in ms."""
    return [
        now(world, ticket, world.as_of - must(ticket).at)
        for ticket in world.live()
        if ticket.by_customer and not ticket.solvings() and not replies(ticket)
    ]


# --- first contact resolution ---


def fcr(world: World) -> list[Sample]:
    """One sample a ticket at its first solving; extra: the three verdicts as 0/1."""
    settings = world.settings
    out = []
    for ticket in world.live():
        solvings = ticket.solvings()
        if not solvings:
            continue
        solving = solvings[0]
        until = solving.at + settings.repeat
        stays = not any(solving.at <= event.at < until for event in ticket.reopenings())
        touches = [touch for touch in ticket.touches() if touch.key < solving.key]
        gaps = [b.at - a.at for a, b in pairwise(touches)]
        one_session = bool(touches) and all(gap < settings.gap for gap in gaps)
        kind = ticket.labels(solving.key).get("issue_type", UNKNOWN)
        repeated = any(
            other is not ticket
            and other.by_customer
            and other.customer in world.same(ticket.customer, solving.at)
            and solving.at <= must(other).at < until
            and must(other).get("issue_type", UNKNOWN) == kind
            for other in world.live()
        )
        out.append(
            world.book(
                ticket,
                solving,
                one_touch=int(stays and len(touches) == 1),
                one_session=int(stays and one_session),
                no_repeat=int(stays and not repeated),
            )
        )
    return out


# --- service levels ---


@dataclass
class Verdict:
    """One target on one wait: when it is decided and how; or that it still runs."""

    target: str
    customer: str
    ticket: str
    deadline: int
    at: int | None = None  # of the outcome
    met: bool = False
    running: bool = False  # the ticket (or the message) still waits


def verdicts(world: World) -> list[Verdict]:
    out = []
    for level in world.settings.levels:
        for ticket in world.live():
            out += judge(world, level, ticket)
    return out


def judge(world: World, level: dict[str, object], ticket: Ticket) -> list[Verdict]:
    metric = level["metric"]
    name = str(level["name"])
    if metric == "requester_wait":
        return judge_wait(world, level, ticket)
    if metric == "next_response":
        starts = [(wait.start, wait.reply, wait.dropped) for wait in waits(ticket)]
    else:
        solvings = ticket.solvings()
        first_solving = solvings[0] if solvings else None
        if metric == "first_response":
            if not ticket.by_customer:
                return []
            reply = first(ticket, replies(ticket))
            starts = [(must(ticket), reply, None if reply else first_solving)]
        else:
            starts = [(must(ticket), first_solving, None)]
    out = []
    for start, end, dropped in starts:
        if not matches(world, level, ticket, start):
            continue
        due = deadline(world, level, start.at)
        if due is None:
            continue
        verdict = Verdict(name, ticket.customer, ticket.ticket_id, due)
        if metric == "full_resolution":
            verdict.at, verdict.met = due, solved_at(ticket, due)
            verdict.running = not ticket.solved_now() and not verdict.met
        elif end and end.at <= due:
            verdict.at, verdict.met = end.at, True
        elif not (dropped and dropped.at <= due):
            verdict.at = due
            verdict.running = end is None and dropped is None
        out.append(verdict)
    return out


def judge_wait(world: World, level: dict[str, object], ticket: Ticket) -> list[Verdict]:
    """requester_wait: the clock stands still while pending or solved; decided when it shows the target."""
    if not matches(world, level, ticket, must(ticket)):
        return []
    calendar = world.settings.calendar
    left = int(str(level["seconds"])) * 1000
    business = level.get("clock", "calendar") == "business"
    spans = waiting_spans(ticket, world.as_of)
    verdict = Verdict(str(level["name"]), ticket.customer, ticket.ticket_id, 0, running=not ticket.solved_now())
    for start, end in spans:
        still = verdict.running and (start, end) == spans[-1] and end == world.as_of
        length = calendar.business_ms(start, end) if business else end - start
        if length >= left or still:
            due = calendar.business_deadline(start, left) if business else start + left
            if due is None:
                return []
            verdict.deadline = verdict.at = due
            verdict.met = solved_at(ticket, due)
            verdict.running = verdict.running and not verdict.met
            return [verdict]
        left -= length
    event = last_solving(ticket)
    if event is None:  # pending: its deadline is not known
        return []
    verdict.at, verdict.met = event.at, True
    return [verdict]


def solved_at(ticket: Ticket, at: int) -> bool:
    status = "new"
    for event, _, after in ticket.changes():
        if event.at <= at:
            status = after
    return status in SOLVED


def deadline(world: World, level: dict[str, object], start: int) -> int | None:
    amount = int(str(level["seconds"])) * 1000
    if level.get("clock", "calendar") == "business":
        return world.settings.calendar.business_deadline(start, amount)
    return start + amount


def matches(world: World, level: dict[str, object], ticket: Ticket, start: Ev) -> bool:
    wanted = level.get("filter") or {}
    assert isinstance(wanted, dict)
    labels = ticket.labels(start.key) | world.customer_labels(ticket.customer, start.key)
    for name, value in wanted.items():
        allowed = value if isinstance(value, (list, tuple)) else [value]
        if labels.get(name, UNKNOWN) not in allowed:
            return False
    return True


def judged(world: World) -> list[Sample]:
    """Met (1) at the reply, breached (0) at the deadline."""
    return [
        Sample(verdict.at, {"target": verdict.target}, int(verdict.met))
        for verdict in verdicts(world)
        if verdict.at is not None
    ]
