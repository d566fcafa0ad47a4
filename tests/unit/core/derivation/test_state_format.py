"""State's origin: the same definitions have one fingerprint in every process, other definitions another."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streams.config import Settings, load
from streams.core.derivation.state_format import origin, pane_key, pane_keys

LEVELS = '[{name="a", metric="first_response", seconds=60, filter={priority=["x","y"]}}]'
SETTINGS = {"SUPPORT_ROI_SERVICE_LEVELS": LEVELS}
SAY = f"""
from streams.config import load
from streams.core.derivation.state_format import origin
print(origin(load(None, {SETTINGS!r}).policy(), ["1h"]).definitions)
"""


def test_another_process_has_the_same_fingerprint() -> None:
    told = {
        subprocess.run([sys.executable, "-c", SAY], capture_output=True, text=True, check=True).stdout for _ in range(2)
    }
    assert told == {origin(load(None, SETTINGS).policy(), ["1h"]).definitions + "\n"}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SUPPORT_ROI_ATTRIBUTION_LOOK_BACK_DAYS", "6"),
        ("SUPPORT_ROI_BUSINESS_TIME_ZONE", "Asia/Tokyo"),
        ("SUPPORT_ROI_BUSINESS_HOLIDAYS", '["2026-01-01"]'),
        ("SUPPORT_ROI_BUSINESS_HOURS", '{mon=["08:00-16:00"]}'),
        ("SUPPORT_ROI_RATES", "{USD=0.9}"),
        ("SUPPORT_ROI_CONTRIBUTION_MARGIN", "0.5"),
        ("SUPPORT_ROI_FCR_REPEAT_DAYS", "8"),
    ],
)
def test_other_definitions_have_another(variable: str, value: str) -> None:
    assert origin(load(None, {variable: value}).policy(), ["1h"]) != origin(Settings().policy(), ["1h"])


def test_the_keys_of_a_pane_are_those_of_its_cells() -> None:
    margins = [("all", "all"), ("~channel", "é" * 200), ("agent", "")]
    for pane in ((0, 1_767_225_600_000), (5, -86_400_000)):
        assert list(pane_keys(pane, margins)) == [pane_key(pane, margin) for margin in margins]
