"""The step: from new events of one owner's entities to the difference in the ledger.

    changed entities ──read──► new views ──dependents before──► bookings before      the old views still stand
                                   │
                                 apply                                               indexes, life cycle, costs
                                   │
                                   └──dependents after──► bookings after ──difference──► ledger

Rules of this file:

* Bookings before a change are derived from the old views, bookings after it from the new ones; only their difference is
  posted. Both sides ask for the same entities, so what does not change cancels out.
* Nothing walks a customer's whole past: a change costs its own entity, and those that it may matter to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from streams.core.costs.accrual import CostAccrual
from streams.core.customers import incremental_revenue, value_at_risk
from streams.core.customers.lifecycle import Change, relabelled
from streams.core.derivation.customer_state import CustomerState
from streams.core.derivation.dependents import dependents_of
from streams.core.derivation.entities import COST, TICKET, Entity, EntityKey, View
from streams.core.derivation.rules import bookings_of
from streams.core.ledger.bookings import Booking, Poster, difference
from streams.core.orders.reader import Order
from streams.core.policy import Policy
from streams.core.temporal.windows import Window
from streams.core.tickets.view import Ticket

__all__ = ["Breached", "Derivation", "Flaws"]

#: Called with (owner and ticket), (deadline in ms, target), 1 for a breach that is booked or -1 for one that no longer
#: is, and the ticket before that.
Breached: TypeAlias = Callable[[tuple[str, str], tuple[int, str], int, Ticket], None]


@dataclass(slots=True)
class Flaws:
    """Counts of entities that wait for what they belong to, and of amounts of money without a rate."""

    orphans: int = 0
    unconverted: int = 0

    def exchange(self, kind: str, old: View, new: View) -> None:
        """Counts a view in place of an entity's old one; None: there was none."""
        self.remove(kind, old)
        self._add(kind, new, 1)

    def remove(self, kind: str, old: View) -> None:
        """Takes an entity's view out of the counts."""
        if old is not None:
            self._add(kind, old, -1)

    def _add(self, kind: str, view: View, times: int) -> None:
        if isinstance(view, Ticket):
            self.orphans += times * (not view.keys and not view.voided)
        elif isinstance(view, Order):
            self.orphans += times * (view.placed is None)
            self.unconverted += times * view.unconverted
        elif kind == COST and view is None:
            self.unconverted += times


class Derivation:
    """Derives owners' entities and posts the differences to a ledger.

    ``windows``: those for which bookings exist that depend on a window's length. ``breached`` is called for every
    breach of a service level that is booked or no longer is.
    """

    def __init__(self, policy: Policy, ledger: Poster, windows: Sequence[Window], breached: Breached | None) -> None:
        self.ledger: Final = ledger
        self.flaws: Final = Flaws()
        #: How often each cost's accrual is booked (0 never stays); those that changed since the caller cleared them.
        self.accruals: Final[dict[CostAccrual, int]] = {}
        self.changed_accruals: Final[set[CostAccrual]] = set()
        self._window_measures: Final = incremental_revenue.window_measures(windows)
        self.breached: Final = breached if policy.service_levels and policy.breaches else None
        #: Changes of one customer's waits and payments in this step: amounts by instant.
        self._waits: dict[int, int] = {}
        self._paid: dict[int, int] = {}

    def derive(self, name: str, customer: CustomerState, changed: Mapping[EntityKey, Entity]) -> None:
        """Posts the difference that the events of ``changed`` entities make, and takes their new views into force."""
        new_views = {key: customer.read(key, entity) for key, entity in changed.items()}
        keys = dict.fromkeys(changed)
        if len(customer.entities) > 1:  # of most customers nobody else is concerned
            for key, view in new_views.items():
                keys.update(dict.fromkeys(dependents_of(customer, key, changed[key].view, view)))
        change = customer.stage(new_views)
        if change is not None and customer.lifecycle is not None:
            keys.update(dict.fromkeys(customer.lifecycle.relabelled_entities(change)))
        timeline_change = customer.timeline_change(new_views, change)
        levels = customer.open_levels_besides(keys) if change is not None and change.label_spans else Counter()
        amounts: incremental_revenue.Amounts = defaultdict(dict)

        self._remember_bookings(customer, keys)
        lifecycle = self._lifecycle_bookings(customer, change, after=False)
        self._relabel(customer, change, levels, -1)
        if timeline_change is not None:
            incremental_revenue.add_amounts(customer.timeline(), timeline_change, self._window_measures, -1, amounts)

        old_views = {key: entity.view for key, entity in changed.items()}
        self._note_payments(customer, new_views)
        self._apply(customer, changed, new_views, change)

        self.ledger.post(difference(lifecycle, self._lifecycle_bookings(customer, change, after=True)))
        self._relabel(customer, change, levels, 1)
        if timeline_change is not None:
            incremental_revenue.add_amounts(customer.timeline(), timeline_change, self._window_measures, 1, amounts)
            self.ledger.post(incremental_revenue.amount_bookings(amounts))
        # A view now in the indexes may concern others that it did not before, e.g. a survey by its ticket's new labels.
        # Their bookings are still those of the old views, because nothing of theirs was posted.
        for key in keys:
            self._post_entity(name, customer, key, old_views)
        self._post_value_at_risk(customer)

    # -- before -----------------------------------------------------------------------------------------------

    def _remember_bookings(self, customer: CustomerState, keys: Iterable[EntityKey]) -> None:
        """Makes sure that entities' old bookings are known before any view changes."""
        for key in keys:
            entity = customer.entities[key]
            view, relabelled = entity.view, entity.label_changes != customer.label_changes
            if relabelled and isinstance(view, Ticket) and view.open_levels():  # as a sum, without the ticket
                entity.bookings = None
            if entity.bookings is None:
                entity.bookings = bookings_of(customer, key, entity)

    @staticmethod
    def _lifecycle_bookings(customer: CustomerState, change: Change | None, after: bool) -> list[Booking]:
        if change is None or customer.lifecycle is None:
            return []
        return customer.lifecycle.bookings(change, after)

    def _relabel(
        self, customer: CustomerState, change: Change | None, levels: Counter[tuple[str, int]], times: int
    ) -> None:
        """Posts open levels of tickets that have nothing new: they go on under other labels."""
        if change is not None and change.label_spans:
            self.ledger.post(relabelled(levels, change.label_spans[0][0], customer.history, times))

    # -- the change -------------------------------------------------------------------------------------------

    def _note_payments(self, customer: CustomerState, new_views: Mapping[EntityKey, View]) -> None:
        """Notes the changes of payments, where there is anything to be at risk."""
        orders = {key: view for key, view in new_views.items() if isinstance(view, Order)}
        if customer.risk is None and (orders or customer.placed):
            customer.risk = customer.value_at_risk()
        if customer.risk is not None:
            for key, view in orders.items():
                old = customer.entities[key].view
                value_at_risk.add_payments(old.entries if isinstance(old, Order) else (), -1, self._paid)
                value_at_risk.add_payments(view.entries, 1, self._paid)

    def _apply(
        self,
        customer: CustomerState,
        changed: Mapping[EntityKey, Entity],
        new_views: Mapping[EntityKey, View],
        change: Change | None,
    ) -> None:
        for key, view in new_views.items():
            entity = changed[key]
            self.flaws.exchange(key[0], entity.view, view)
            if key[0] == COST:
                self._count_accrual(entity.view, -1)
                self._count_accrual(view, 1)
            else:
                customer.index(key, entity.view, add=False)
                customer.index(key, view, add=True)
            entity.view = view
            customer.note_last_booking(key)
        if change is not None and customer.lifecycle is not None:
            customer.lifecycle.commit(change)
            customer.label_changes += bool(change.label_spans)

    def _count_accrual(self, view: View, times: int) -> None:
        if isinstance(view, CostAccrual):
            self.changed_accruals.add(view)
            count = self.accruals.get(view, 0) + times
            if count:
                self.accruals[view] = count
            else:
                del self.accruals[view]

    # -- after ------------------------------------------------------------------------------------------------

    def _post_entity(
        self, name: str, customer: CustomerState, key: EntityKey, old_views: Mapping[EntityKey, View]
    ) -> None:
        entity = customer.entities[key]
        before, after = entity.bookings, bookings_of(customer, key, entity)
        entity.bookings, entity.label_changes = after, customer.label_changes
        if before is None or not (before or after):
            return
        delta = difference(before, after)
        self.ledger.post(delta)
        if key[0] == TICKET:
            if customer.risk is not None:
                value_at_risk.add_waits(before, -1, self._waits)
                value_at_risk.add_waits(after, 1, self._waits)
            self._report_breaches((name, key[1]), delta, old_views.get(key, entity.view))

    def _report_breaches(self, ticket: tuple[str, str], delta: Mapping[Booking, int], old: View) -> None:
        if self.breached is not None:
            for (at, measure, target, _), times in delta.items():
                if measure == "sla_breached":
                    self.breached(ticket, (at, target[0]), times, old if isinstance(old, Ticket) else Ticket())

    def _post_value_at_risk(self, customer: CustomerState) -> None:
        if customer.risk is not None:
            self.ledger.post(customer.risk.change(self._waits, self._paid))
            self._waits, self._paid = {}, {}
