"""The input events, their decoding and the one order they have at equal times.

Rules of this file:

* One class an event type; its fields, bounds and defaults are the contract (``schemas/`` says the same in
  JSON Schema, and a test holds the two together).
* Decoding and validation are one pass; a body is either an event or ``Rejected`` with one of ``REASONS``.
* An instant is an ``int``: milliseconds since 1970-01-01T00:00Z. Nothing here reads a clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

__all__ = [
    "DAY",
    "Event",
    "Instant",
    "Key",
    "Rejected",
    "decode",
    "format_instant",
    "order",
    "parse_instant",
    "record_key",
    "scope",
]

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: Bodies above this many bytes are ``too_large``: it bounds what one record can make a worker hold.
MAX_BYTES: Final = 256 * 1024
#: 2000-01-01T00:00Z: what claims to be older is a broken clock, not history.
EARLIEST: Final = 946_684_800_000
#: How far a producer's clock may run ahead of the arrival.
AHEAD: Final = DAY

REASONS: Final = ("not_json", "schema", "unknown_type", "impossible_time", "too_large", "too_late")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(?:\.(\d+))?"
    r"(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))",
    re.ASCII,  # or \d takes every script's digits
)


class Rejected(Exception):
    """A body that is no event: ``reason`` is one of ``REASONS``, the message names the field."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Instant(int):
    """Milliseconds since the epoch, decoded from RFC 3339 (its own type so that the decoder knows it)."""

    __slots__ = ()


@lru_cache(maxsize=4096)  # events come by the thousand a day, and a day's arithmetic is most of the work
def _midnight(day: str) -> int:
    return (datetime.fromisoformat(day).replace(tzinfo=UTC) - _EPOCH).days * DAY


def parse_instant(text: str) -> Instant:
    """RFC 3339 with ``Z`` or an offset, truncated to milliseconds. A leap second is the second after it.

    Raises ``ValueError`` for anything else, ISO 8601's other forms included.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("Expected an RFC 3339 time with `Z` or an offset")
    day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    at = _midnight(day) + int(hour) * HOUR + int(minute) * MINUTE + int(second) * SECOND
    if fraction:
        at += int(fraction[:3].ljust(3, "0"))
    if sign:
        offset = int(off_hour) * HOUR + int(off_minute) * MINUTE
        at += -offset if sign == "+" else offset
    return Instant(at)


def format_instant(at: int) -> str:
    """RFC 3339 in UTC with milliseconds, inverse of ``parse_instant``; outside years 1..9999 by number."""
    if not -62_135_596_800_000 <= at < 253_402_300_800_000:
        return f"{at} ms"
    return (_EPOCH + at * _MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Id: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
EventId: TypeAlias = Annotated[str, Meta(min_length=1, max_length=128)]
Label: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Text: TypeAlias = Annotated[str, Meta(max_length=1024)]
Currency: TypeAlias = Annotated[str, Meta(pattern="^[A-Z]{3}$", max_length=3)]  # `$` alone lets a newline by
#: Bounds keep every sum of amounts far inside what JSON numbers and Prometheus floats can hold.
Amount: TypeAlias = Annotated[int, Meta(ge=0, le=10**13)]
SignedAmount: TypeAlias = Annotated[int, Meta(ge=-(10**13), le=10**13)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=10**7)]
Number: TypeAlias = Annotated[float, Meta(ge=-1000, le=1000)]
#: Bounded as well: MessagePack, which keeps the state, has no integers past 64 bits.
Level: TypeAlias = Annotated[int, Meta(ge=-(10**6), le=10**6)]


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", kw_only=True, gc=False):
    """What every event has. ``rank`` is its place among events of the same instant."""

    rank: ClassVar[int] = 5
    event_id: EventId
    occurred_at: Instant


class _OfCustomer(_Event, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    customer_id: Id


class _OfTicket(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    ticket_id: Id


class TicketCreated(_OfTicket, tag="ticket.created", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 0
    channel: Label
    issue_type: Label | None = None
    priority: Label | None = None
    product: Label | None = None
    group: Label | None = None
    created_by: Literal["customer", "agent", "rule"] | None = None


class TicketMessage(_OfTicket, tag="ticket.message", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    author: Literal["customer", "agent", "bot", "rule"]
    public: bool | None = None
    agent_id: Label | None = None


class TicketStatusChanged(
    _OfTicket, tag="ticket.status_changed", frozen=True, omit_defaults=True, kw_only=True, gc=False
):
    rank = 6
    status: Literal["new", "open", "pending", "on_hold", "solved", "closed"]


class TicketUpdated(_OfTicket, tag="ticket.updated", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 1
    channel: Label | None = None
    issue_type: Label | None = None
    priority: Label | None = None
    product: Label | None = None
    group: Label | None = None
    agent_id: Label | None = None


class TicketHandled(_OfTicket, tag="ticket.handled", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    agent_id: Label | None = None
    talk_seconds: Seconds | None = None
    hold_seconds: Seconds | None = None
    after_call_seconds: Seconds | None = None

    def __post_init__(self) -> None:
        if self.talk_seconds is None and self.hold_seconds is None and self.after_call_seconds is None:
            raise ValueError("needs at least one of `talk_seconds`, `hold_seconds`, `after_call_seconds`")


class TicketEscalated(_OfTicket, tag="ticket.escalated", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    level: Text | Level | None = None


class TicketSentiment(_OfTicket, tag="ticket.sentiment", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    score: Annotated[float, Meta(ge=-1, le=1)]


class TicketMerged(_OfTicket, tag="ticket.merged", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    into_ticket_id: Id


class TicketVoided(_OfTicket, tag="ticket.voided", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    pass


class ContactDeflected(_Event, tag="contact.deflected", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    channel: Label
    by: Literal["self_service", "automation"]
    issue_type: Label | None = None
    customer_id: Id | None = None


SurveyKind: TypeAlias = Literal["nps", "csat", "ces", "resolution"]


class _OfSurvey(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    survey_id: Id
    kind: SurveyKind | None = None
    program: Literal["transactional", "relationship"] | None = None
    ticket_id: Id | None = None
    agent_id: Label | None = None
    scale_min: Number | None = None
    scale_max: Number | None = None
    direction: Literal["ease", "effort"] | None = None

    def __post_init__(self) -> None:
        if self.scale_min is not None and self.scale_max is not None and self.scale_min >= self.scale_max:
            raise ValueError("`scale_max` must be above `scale_min`")


class SurveySent(_OfSurvey, tag="survey.sent", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 0
    kind: SurveyKind


class SurveyAnswered(_OfSurvey, tag="survey.answered", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    score: Number


class Line(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """One line of an order; the amount may be negative (a discount)."""

    line_id: Id
    amount_minor: SignedAmount
    class_: Literal["standard", "upsell", "cross_sell", "upgrade", "renewal"] | None = msgspec.field(
        default=None, name="class"
    )
    product: Label | None = None


class _OfOrder(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    order_id: Id


class OrderPlaced(_OfOrder, tag="order.placed", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 0
    currency: Currency
    lines: Annotated[tuple[Line, ...], Meta(max_length=1000)]
    cart_id: Id | None = None
    referred_by: Id | None = None


class OrderPaid(_OfOrder, tag="order.paid", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 6
    amount_minor: Amount
    currency: Currency


class _Refund(_OfOrder, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 7
    refund_id: Id
    amount_minor: Amount
    currency: Currency


class OrderRefunded(_Refund, tag="order.refunded", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    pass


class OrderChargedBack(_Refund, tag="order.charged_back", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    pass


class OrderCancelled(_OfOrder, tag="order.cancelled", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 7


class CartAbandoned(_OfCustomer, tag="cart.abandoned", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    cart_id: Id
    amount_minor: Amount
    currency: Currency


class CustomerJoined(_OfCustomer, tag="customer.joined", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 0


class CustomerLeft(_OfCustomer, tag="customer.left", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 7
    reason: Text | None = None


class CustomerUpdated(_OfCustomer, tag="customer.updated", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 1
    segment: Label | None = None
    tier: Label | None = None


class CustomerMerged(_OfCustomer, tag="customer.merged", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    into_customer_id: Id


class CostIncurred(_Event, tag="cost.incurred", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A cost over [period_start, period_end). The amount may be negative (a credit note)."""

    cost_id: Id
    category: Literal["personnel", "technology", "overhead", "outsourcing", "training"]
    amount_minor: SignedAmount
    currency: Currency
    period_start: Instant
    period_end: Instant
    basis: Literal["actual", "estimate"]
    item: Text | None = None
    channel: Label | None = None
    issue_type: Label | None = None

    def __post_init__(self) -> None:
        if self.period_end <= self.period_start:
            raise ValueError("`period_end` must be after `period_start`")


TicketEvent: TypeAlias = (
    TicketCreated
    | TicketMessage
    | TicketStatusChanged
    | TicketUpdated
    | TicketHandled
    | TicketEscalated
    | TicketSentiment
    | TicketMerged
    | TicketVoided
)
SurveyEvent: TypeAlias = SurveySent | SurveyAnswered
OrderEvent: TypeAlias = OrderPlaced | OrderPaid | OrderRefunded | OrderChargedBack | OrderCancelled
CustomerEvent: TypeAlias = CustomerJoined | CustomerLeft | CustomerUpdated | CustomerMerged
Event: TypeAlias = (
    TicketEvent | ContactDeflected | SurveyEvent | OrderEvent | CartAbandoned | CustomerEvent | CostIncurred
)

_MESSAGE_RANK: Final = {"customer": 2, "bot": 3, "rule": 3, "agent": 4}


#: (instant, rank, event id): the one order of all events of a customer.
Key: TypeAlias = tuple[int, int, str]


def order(event: Event) -> Key:
    """The sort key of an event: its instant, its rank among equals, its id. The same whatever the arrival."""
    at = int(event.occurred_at)  # plain: reckoned with and hashed all over, and nothing the collector has to track
    if type(event) is TicketMessage:
        return (at, _MESSAGE_RANK[event.author], event.event_id)
    return (at, event.rank, event.event_id)


def record_key(event: Event) -> str:
    """The record's key: the customer, the cost, or the anonymous contact itself."""
    return scope(event)[1:]


def scope(event: Event) -> str:
    """Whose event it is: the record's key with the sort of owner before it, for their ids may be alike."""
    if type(event) is CostIncurred:
        return "k" + event.cost_id
    if type(event) is ContactDeflected and event.customer_id is None:
        return "d" + event.event_id
    return "c" + event.customer_id  # type: ignore[union-attr,operator]  # every other class is of a customer


def _hook(kind: type, value: Any) -> Any:
    if kind is Instant:
        if type(value) is str:
            return parse_instant(value)
        if type(value) is int:  # an event's own state, written below as milliseconds
            return Instant(value)
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    raise NotImplementedError(kind)  # pragma: no cover - a new custom type without its decoding


def _json_hook(kind: type, value: Any) -> Any:
    if type(value) is int:
        raise ValueError("Expected `str`, got `int`")
    return _hook(kind, value)


_FROM_JSON = msgspec.json.Decoder(Event, dec_hook=_json_hook)
_FROM_STATE = msgspec.msgpack.Decoder(tuple[int, list[Event]], dec_hook=_hook)
_TO_JSON = msgspec.json.Encoder(enc_hook=format_instant)
_TO_STATE = msgspec.msgpack.Encoder(enc_hook=int)


def decode(body: bytes, arrived: int | None = None) -> Event:
    """The event in a record's body, or ``Rejected``. ``arrived`` (ms) bounds the future; None in a replay."""
    if len(body) > MAX_BYTES:
        raise Rejected("too_large", f"{len(body)} bytes; at most {MAX_BYTES} are taken")
    try:
        event: Event = _FROM_JSON.decode(body)
    except (ValueError, RecursionError) as error:
        raise _rejected(body, error) from None
    at = event.occurred_at
    if at < EARLIEST:
        raise Rejected("impossible_time", f"{format_instant(at)} is before 2000 - at `$.occurred_at`")
    if arrived is not None and at > arrived + AHEAD:
        raise Rejected("impossible_time", f"{format_instant(at)} is over 24 h after its arrival - at `$.occurred_at`")
    return event


def _rejected(body: bytes, error: Exception) -> Rejected:
    """Why a body is no event. A field that is wrong may come before a syntax error: look at the whole."""
    message = str(error)
    try:
        msgspec.json.decode(body)
    except msgspec.ValidationError:
        pass  # JSON with a number past what Python takes: the first error stands, it names the field
    except (ValueError, RecursionError) as syntax:
        return Rejected("not_json", _bounded(str(syntax)))
    unknown = message.startswith("Invalid value '") and message.endswith("at `$.type`")
    return Rejected("unknown_type" if unknown else "schema", _bounded(message))


def _bounded(message: str) -> str:
    return message if len(message) <= 500 else message[:499] + "…"


def to_json(event: Event) -> bytes:
    """An event as a record's body, without unknown fields."""
    return _TO_JSON.encode(event)


def to_state(events: list[Event], arrived: int = 0) -> bytes:
    """An entity's events, and when the last of them came (ms; 0 = not known), as the bytes kept in its changelog.

    MessagePack; unknown fields are not kept.
    """
    return _TO_STATE.encode((arrived, events))


def from_state(data: bytes) -> tuple[int, list[Event]]:
    """The inverse of ``to_state``: arrival and events."""
    return _FROM_STATE.decode(data)
