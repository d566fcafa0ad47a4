"""Measures: each is booked by one file, and a measure more or other labels are another origin of state."""

from __future__ import annotations

from itertools import chain

import pytest

from streams.config import Settings
from streams.core.derivation.measures import BOOKED_BY, booked_measures
from streams.core.derivation.state_format import origin
from streams.core.ledger.dimensions import TOTAL
from streams.core.ledger.measures import MEASURES, Measure, declare, measure
from streams.core.metrics.families import booked_for
from streams.core.policy import Policy

POLICY = Settings().policy()


def test_every_measure_is_booked_by_one_file() -> None:
    names = list(chain.from_iterable(BOOKED_BY.values()))
    assert sorted(names) == sorted(MEASURES)


def test_a_measure_is_declared_once() -> None:
    with pytest.raises(ValueError, match="declared twice: tickets_created"):
        declare(tickets_created=Measure())


def test_a_window_s_measure_has_the_labels_of_its_own() -> None:
    rolling, aligned = measure("nps_answers@7d"), measure("nps_answers@month")
    assert rolling.scheme.dimensions == aligned.scheme.dimensions == MEASURES["nps_answers"].scheme.dimensions
    assert rolling.scheme.level
    assert not aligned.scheme.level
    with pytest.raises(KeyError):
        measure("no_such_measure@7d")


def test_what_is_not_read_is_not_booked() -> None:
    wanted = booked_for(["surveys"])
    assert set(booked_measures(Policy(measures=wanted))) == wanted


def test_another_measure_and_other_labels_are_another_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = origin(POLICY, ["1h"])
    monkeypatch.setitem(MEASURES, "one_more", Measure())
    more = origin(POLICY, ["1h"])
    monkeypatch.delitem(MEASURES, "one_more")
    monkeypatch.setitem(MEASURES, "tickets_created", Measure(scheme=TOTAL))
    assert len({plain.definitions, more.definitions, origin(POLICY, ["1h"]).definitions}) == 3
