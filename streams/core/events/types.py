"""The input events: one class an event type. Source: docs/contracts.md#events.

Rules of this file:

* The fields of a class, their bounds and defaults are the contract. ``schemas/`` has the same contract as JSON Schema;
  a test holds the two together.
* An instant is an ``int``: ms since 1970-01-01T00:00Z. None is a field left out, or empty where it is an optional text.
* ``rank`` orders the events of one instant, the lowest first (docs/contracts.md#order-of-events-at-one-instant).
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from streams.core.events.fields import Amount, Currency, EventId, Id, Label, Level, Number, Seconds, SignedAmount, Text
from streams.core.temporal.instants import Instant

__all__ = [
    "EARLIEST", "CartAbandoned", "ContactDeflected", "CostIncurred", "CustomerEvent", "CustomerJoined", "CustomerLeft",
    "CustomerMerged", "CustomerUpdated", "Event", "Line", "OrderCancelled", "OrderChargedBack", "OrderEvent",
    "OrderPaid", "OrderPlaced", "OrderRefunded", "SurveyAnswered", "SurveyEvent", "SurveySent", "TicketCreated",
    "TicketEscalated", "TicketEvent", "TicketHandled", "TicketMerged", "TicketMessage", "TicketSentiment",
    "TicketStatusChanged", "TicketUpdated", "TicketVoided",
]  # fmt: skip

#: 2000-01-01T00:00Z: anything that claims to be older comes from a broken clock.
EARLIEST: Final = 946_684_800_000


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", kw_only=True, gc=False):
    """The common fields of all events. ``topic``: the input topic of the type. ``rank``: see ``keys``."""

    topic: ClassVar[str]
    rank: ClassVar[int] = 5
    event_id: EventId
    occurred_at: Instant


class _OfCustomer(_Event, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    topic = "support.customers"
    customer_id: Id


class _OfTicket(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    topic = "support.tickets"
    ticket_id: Id


class TicketCreated(_OfTicket, tag="ticket.created", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A ticket's creation. ``created_by`` None: the customer."""

    rank = 0
    channel: Label
    issue_type: Label | None = None
    priority: Label | None = None
    product: Label | None = None
    group: Label | None = None
    created_by: Literal["customer", "agent", "rule"] | None = None


class TicketMessage(_OfTicket, tag="ticket.message", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A message on a ticket. ``public`` None: true. ``agent_id`` is its author where an agent wrote it."""

    author: Literal["customer", "agent", "bot", "rule"]
    public: bool | None = None
    agent_id: Label | None = None


class TicketStatusChanged(
    _OfTicket, tag="ticket.status_changed", frozen=True, omit_defaults=True, kw_only=True, gc=False
):
    """A ticket's status from this instant on."""

    rank = 6
    status: Literal["new", "open", "pending", "on_hold", "solved", "closed"]


class TicketUpdated(_OfTicket, tag="ticket.updated", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """New labels of a ticket; None leaves one as it is. ``agent_id`` is the assignee."""

    rank = 1
    channel: Label | None = None
    issue_type: Label | None = None
    priority: Label | None = None
    product: Label | None = None
    group: Label | None = None
    agent_id: Label | None = None


class TicketHandled(_OfTicket, tag="ticket.handled", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """Work on a ticket, in seconds. With ``talk_seconds``, 0 included, it is a call."""

    agent_id: Label | None = None
    talk_seconds: Seconds | None = None
    hold_seconds: Seconds | None = None
    after_call_seconds: Seconds | None = None

    def __post_init__(self) -> None:
        if self.talk_seconds is None and self.hold_seconds is None and self.after_call_seconds is None:
            raise ValueError("needs at least one of `talk_seconds`, `hold_seconds`, `after_call_seconds`")


class TicketEscalated(_OfTicket, tag="ticket.escalated", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """An escalation of a ticket. No metric reads ``level``."""

    level: Text | Level | None = None


class TicketSentiment(_OfTicket, tag="ticket.sentiment", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The customer's sentiment on a ticket, from −1 to 1."""

    score: Annotated[float, Meta(ge=-1, le=1)]


class TicketMerged(_OfTicket, tag="ticket.merged", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A ticket's merge into another one. No metric reads ``into_ticket_id``."""

    into_ticket_id: Id


class TicketVoided(_OfTicket, tag="ticket.voided", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A ticket that counts nowhere: spam, a test, or deleted."""


class ContactDeflected(_Event, tag="contact.deflected", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A contact that self-service or automation made unnecessary. ``customer_id`` None: anonymous."""

    topic = "support.tickets"
    channel: Label
    by: Literal["self_service", "automation"]
    issue_type: Label | None = None
    customer_id: Id | None = None


SurveyKind: TypeAlias = Literal["nps", "csat", "ces", "resolution"]


class _OfSurvey(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    topic = "support.surveys"
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
    """The sending of a survey."""

    rank = 0
    kind: SurveyKind


class SurveyAnswered(_OfSurvey, tag="survey.answered", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """An answer to a survey, on the survey's scale. It may stand alone, without a sending."""

    score: Number


class Line(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A line of an order, in minor units of the order's currency. A negative amount is a discount."""

    line_id: Id
    amount_minor: SignedAmount
    class_: Literal["standard", "upsell", "cross_sell", "upgrade", "renewal"] | None = msgspec.field(
        default=None, name="class"
    )
    product: Label | None = None


class _OfOrder(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    topic = "support.orders"
    order_id: Id


class OrderPlaced(_OfOrder, tag="order.placed", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The placing of an order. ``cart_id`` is the cart it comes from."""

    rank = 0
    currency: Currency
    lines: Annotated[tuple[Line, ...], Meta(max_length=1000)]
    cart_id: Id | None = None
    referred_by: Id | None = None


class OrderPaid(_OfOrder, tag="order.paid", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A payment of an order; several add up."""

    rank = 6
    amount_minor: Amount
    currency: Currency


class _Refund(_OfOrder, frozen=True, omit_defaults=True, kw_only=True, gc=False):
    rank = 7
    refund_id: Id
    amount_minor: Amount
    currency: Currency


class OrderRefunded(_Refund, tag="order.refunded", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A refund of an order; each ``refund_id`` counts once."""


class OrderChargedBack(_Refund, tag="order.charged_back", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A charge-back of an order; each ``refund_id`` counts once."""


class OrderCancelled(_OfOrder, tag="order.cancelled", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The cancellation of an order: nothing of it is left."""

    rank = 7


class CartAbandoned(_OfCustomer, tag="cart.abandoned", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A cart left without an order. No metric reads its amount."""

    topic = "support.orders"
    cart_id: Id
    amount_minor: Amount
    currency: Currency


class CustomerJoined(_OfCustomer, tag="customer.joined", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The beginning of a customer's spell."""

    rank = 0


class CustomerLeft(_OfCustomer, tag="customer.left", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """The end of a customer's spell. No metric reads ``reason``."""

    rank = 7
    reason: Text | None = None


class CustomerUpdated(_OfCustomer, tag="customer.updated", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A customer's segment from this instant on; None leaves it as it is. No metric reads ``tier``."""

    rank = 1
    segment: Label | None = None
    tier: Label | None = None


class CustomerMerged(_OfCustomer, tag="customer.merged", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A customer's merge into another: from this instant on they are one."""

    into_customer_id: Id


class CostIncurred(_Event, tag="cost.incurred", frozen=True, omit_defaults=True, kw_only=True, gc=False):
    """A cost over [period_start, period_end), in minor units. A negative amount is a credit note."""

    topic = "support.costs"
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
