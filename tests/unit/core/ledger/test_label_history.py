"""Labels by time, and what they are made of: each change laid out by hand, and against the whole laid out anew."""

from __future__ import annotations

import random
from typing import Any

import pytest

from streams.core.customers.segments import ContactLabels, LastLabel, PaymentLabels, Segments, Sources
from streams.core.events.keys import Key
from streams.core.ledger.dimensions import UNKNOWN
from streams.core.ledger.label_history import LabelHistory, label_entries
from streams.core.policy import Policy
from streams.core.temporal.instants import DAY


def key(at: int, name: str = "e") -> Key:
    return (at, 0, name)


TWO = [(key(10), ("b",)), (key(20), ("c",))]


def steps() -> LabelHistory:
    """a up to 10, b up to 20, then c."""
    return LabelHistory([at for at, _ in TWO], [("a",), *(labels for _, labels in TWO)])


@pytest.mark.parametrize(("at", "before", "after"), [(9, "a", "a"), (10, "a", "b"), (11, "b", "b"), (20, "b", "c")])
def test_an_event_at_a_step_is_still_before_it(at: int, before: str, after: str) -> None:
    assert steps().before(key(at)) == (before,)
    assert steps().after(key(at)) == (after,)


def test_a_level_moves_over_where_labels_change() -> None:
    assert list(steps().split(key(5), key(15))) == [(key(5), key(10), ("a",)), (key(10), key(15), ("b",))]
    assert list(steps().split(key(10), None)) == [(key(10), key(20), ("b",)), (key(20), None, ("c",))]
    assert list(steps().split(key(12), key(20))) == [(key(12), key(20), ("b",))]


class TestReplace:
    def test_tells_where_the_labels_differ(self) -> None:
        history = steps()
        assert history.replace(key(10), key(20), [(key(15), ("b",)), (key(20), ("c",))]) == (key(10), key(20))
        assert history.before(key(12)) == ("a",)
        assert history.before(key(30)) == ("c",)

    def test_for_ever(self) -> None:
        history = steps()
        assert history.replace(key(15), None, []) == (key(20), None)
        assert history.before(key(99)) == ("b",)

    def test_leaves_out_what_changes_nothing(self) -> None:
        history = steps()
        assert history.replace(key(15), None, [(key(16), ("b",)), (key(20), ("c",)), (key(25), ("c",))]) is None
        assert history.keys == steps().keys

    def test_of_several_at_one_key_the_last_holds(self) -> None:
        history = LabelHistory([], [("a",)])
        history.replace(key(1), None, [(key(1), ("b",)), (key(1), ("c",))])
        assert history.labels == [("a",), ("c",)]


def test_samples_have_the_labels_before_their_event_levels_those_after() -> None:
    labels = [(UNKNOWN, tenure, "low", UNKNOWN, "rare") for tenure in ("new", "returning")]
    known = LabelHistory([key(10)], labels)
    booked = label_entries(
        [(key(10), "tickets_created", ("own",), 1), (key(11), "sla_met", ("promise",), 1)],
        [("tickets_open", key(5), None, ("own",), 1)],
        known,
    )
    new, returning = (("own", *known) for known in labels)
    assert booked == [
        (10, "tickets_created", new, 1),
        (11, "sla_met", ("promise",), 1),
        (5, "tickets_open", new, 1),
        (10, "tickets_open", new, -1),
        (10, "tickets_open", returning, 1),
    ]


# -- parts ----------------------------------------------------------------------------------------------------


def frequency(created: list[int], at: int) -> str:
    """By plain counting: created before, not more than 90 days."""
    n = sum(at - 90 * DAY <= then < at for then in created)
    return "rare" if n < 2 else "some" if n < 5 else "frequent"


@pytest.mark.parametrize(
    ("created", "at", "expected"),
    [
        ([0], 1, "rare"),
        ([0, 1], 2, "some"),
        ([0, 1], 1, "rare"),
        ([0, 1], 90 * DAY, "some"),
        ([0, 1], 90 * DAY + 1, "rare"),
        ([0, 1, 2, 3, 4], 5, "frequent"),
        ([0, 1, 2, 3, 4], 90 * DAY + 1, "some"),
        ([0, 0, 0, 0, 0], 90 * DAY + 1, "rare"),
    ],
)
def test_contact_frequency(created: list[int], at: int, expected: str) -> None:
    part = ContactLabels(("rare",))
    list(part.change([], [key(then, str(index)) for index, then in enumerate(created)]))
    assert part.before(key(at, "")) == (expected,)
    assert frequency(created, at) == expected


@pytest.mark.parametrize("seed", range(6))
def test_parts_changed_bit_by_bit_equal_parts_made_at_once(seed: int) -> None:
    """Sources come and go in any order; where labels differ from before is inside the stretches told."""
    rng = random.Random(seed)
    sources: list[tuple[Any, list[Any]]] = [
        (lambda: ContactLabels(("rare",)), [key(rng.randrange(400) * DAY // 2, f"c{i}") for i in range(40)]),
        (lambda: LastLabel((UNKNOWN,)), [(key(rng.randrange(50), f"l{i}"), (rng.choice("ab"),)) for i in range(20)]),
        (
            lambda: PaymentLabels((0, 50, 200)),
            [(key(rng.randrange(50), f"p{i}"), rng.choice((60, -60)), rng.choice((1, 0, -1))) for i in range(20)],
        ),
    ]
    for make, pool in sources:
        part, held = make(), set[Any]()
        looks = [(at, 0, "") for at in {at + near for (at, *_), *_ in _keyed(pool) for near in (0, 1, 90 * DAY + 1)}]
        for _ in range(60):
            chosen = set(rng.sample(pool, rng.randrange(1, 4)))
            gone, come = chosen & held, chosen - held
            was = [part.before(look) for look in looks]
            stretches = list(part.change(gone, come))
            held = held - gone | come
            anew = make()
            if held:
                list(anew.change([], held))
            assert (part.keys, part.labels) == (anew.keys, anew.labels)
            for look, before in zip(looks, was, strict=True):
                if part.before(look) != before:
                    assert any(first < look and (last is None or look <= last) for first, last in stretches)
        if isinstance(part, ContactLabels):
            created = [at for at, _, _ in held]
            for look in looks:
                assert part.before(look) == (frequency(created, look[0]),)


def _keyed(pool: list[Any]) -> list[Any]:
    return [(source if isinstance(source[0], int) else source[0],) for source in pool]


def test_labels_stay_as_they_were_until_committed() -> None:
    segments = Segments(Policy(value_tiers=(0, 100, 1000)))
    told = Sources(
        segments=((key(1), ("smb",)),),
        paid=((key(2), 100, 1), (key(4), -100, -1)),
        scores=((key(3), ("satisfied",)),),
        contacts=(key(1, "x"), key(2, "y")),
    )
    stretches = segments.change([Sources()], [told])
    assert segments.history.before(key(9)) == (UNKNOWN, "new", "low", UNKNOWN, "rare")
    segments.commit(stretches)
    assert segments.history.before(key(2)) == ("smb", "new", "low", UNKNOWN, "rare")
    assert segments.history.before(key(3)) == ("smb", "returning", "medium", UNKNOWN, "some")
    assert segments.history.before(key(9)) == ("smb", "new", "low", "satisfied", "some")
    assert segments.history.before(key(100 * DAY)) == ("smb", "new", "low", "satisfied", "rare")
    segments.commit(segments.change([told], [Sources()]))
    assert segments.history.keys == []


def test_a_value_below_every_tier_is_low() -> None:
    assert PaymentLabels((500, 1000, 2000)).labels[0] == ("new", "low")
