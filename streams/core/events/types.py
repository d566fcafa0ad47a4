"""The input events, their decoding and the one order they have at equal times.

Rules of this file:

* One class an event type; its fields, bounds and defaults are the contract (``schemas/`` says the same in
  JSON Schema, and a test holds the two together).
* Decoding and validation are one pass; a body is either an event or ``Rejected`` with one of ``REASONS``.
* An instant is an ``int``: milliseconds since 1970-01-01T00:00Z. Nothing here reads a clock.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from streams.core.temporal.instants import Instant

__all__ = [
    "EARLIEST",
    "CartAbandoned",
    "ContactDeflected",
    "CostIncurred",
    "CustomerEvent",
    "CustomerJoined",
    "CustomerLeft",
    "CustomerMerged",
    "CustomerUpdated",
    "Event",
    "Line",
    "OrderCancelled",
    "OrderChargedBack",
    "OrderEvent",
    "OrderPaid",
    "OrderPlaced",
    "OrderRefunded",
    "SurveyAnswered",
    "SurveyEvent",
    "SurveySent",
    "TicketCreated",
    "TicketEscalated",
    "TicketEvent",
    "TicketHandled",
    "TicketMerged",
    "TicketMessage",
    "TicketSentiment",
    "TicketStatusChanged",
    "TicketUpdated",
    "TicketVoided",
]
#: 2000-01-01T00:00Z: what claims to be older is a broken clock, not history.
EARLIEST: Final = 946_684_800_000


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
