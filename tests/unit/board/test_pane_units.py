"""Records of the panes topic wait for the end of their unit; of each key the last one counts."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from streams.board.follow.pane_units import PaneUnits
from streams.core.derivation.state_format import ORIGIN_KEY, STATS_KEY, StateError


@dataclass(frozen=True)
class Written:
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


def test_a_unit_is_taken_once_it_is_complete() -> None:
    units = PaneUnits()
    units.add(0, [Written(b"c1", b"a", 1), Written(None, b"x"), Written(b"c1", b"b", 2), Written(STATS_KEY, b"s", 3)])
    units.add(0, [Written(ORIGIN_KEY, None, 4)])
    units.add(1, [Written(STATS_KEY, b"t", 5)])
    assert list(units.take()) == [
        (0, b"c1", b"b", 2),
        (0, STATS_KEY, b"s", 3),
        (0, ORIGIN_KEY, None, 4),
        (1, STATS_KEY, b"t", 5),
    ]
    assert list(units.take()) == []


def test_an_unknown_key_is_refused_and_not_waited_for() -> None:
    units = PaneUnits()
    units.add(0, [Written(msgspec.msgpack.encode(["of another version"]), b"a")])
    with pytest.raises(StateError):
        list(units.take())
