"""What a formula reads is declared (``Metric.reads``), and is what it really asks for, in whichever branch."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import streams.core
from streams.core.costs.accrual import AccruedCosts
from streams.core.ledger.measures import MEASURES
from streams.core.metrics import families
from streams.core.metrics.base import ACTIVE_AT_START, ALLOCATED, Metric, Sums, Value
from streams.core.metrics.families import FAMILIES, METRICS
from streams.core.policy import Policy
from streams.core.temporal.periods import ALIGNED

COMPUTED = [name for name, metric in METRICS.items() if metric.compute is not None]


class Recording(Sums):
    """Sums of random amounts, which are 0 now and then, that note what they are asked for.

    The cells themselves are out of reach: what a formula takes from them directly nobody could note.
    """

    asked: set[str]
    rng: random.Random

    @property
    def cell(self) -> Any:
        raise AssertionError("a formula asks for amounts by name")

    levels = cell

    def note(self, *names: str) -> int:
        self.asked.update(name.partition(".")[0].removesuffix("_business") for name in names if name not in MEASURES)
        self.asked.update(name for name in names if name in MEASURES)
        return self.rng.choice((0, self.rng.randrange(1, 40)))

    def flow(self, key: str) -> int:
        return self.note(key)

    level = in_window = flow

    def distinct(self, name: str) -> int:
        return self.note(name)

    def instants(self, name: str) -> list[int]:
        return [1000] * self.note(name)

    def bins(self, name: str) -> dict[int, int]:
        return {7: self.note(name)}

    @property
    def cost(self) -> int:
        return self.note(*ALLOCATED)

    @property
    def accrued(self) -> AccruedCosts:
        return AccruedCosts((), self.note(*ALLOCATED), 1, 1)

    @property
    def active(self) -> int | None:
        return 50 + self.note(*ACTIVE_AT_START) if self.window in ALIGNED else None


def asked_of(metric: Metric, rng: random.Random) -> set[str]:
    """The measures that a formula asks for over many random sums."""
    assert metric.compute is not None
    asked: set[str] = set()
    for window in ("7d", "365d", "month") * 100:
        sums = Recording({}, {}, window, 5000, 0, Policy(), (0, 5000))
        sums.asked, sums.rng = asked, rng
        with suppress(ValueError, ZeroDivisionError):  # amounts that no history has may be more than it can take
            metric.compute(sums)
    return asked


@pytest.mark.parametrize("name", COMPUTED)
def test_a_formula_reads_what_its_metric_declares(name: str) -> None:
    asked = asked_of(METRICS[name], random.Random(name))
    assert asked == set(METRICS[name].reads)


def test_what_is_declared_are_measures() -> None:
    for metric in METRICS.values():
        assert metric.measures <= MEASURES.keys(), metric.id


def test_the_recording_sees_a_measure_that_is_not_declared() -> None:
    def more(sums: Sums) -> Value:
        return Value(sums.flow("tickets_created") + sums.flow("tickets_solved"), 1)

    metric = replace(METRICS["tickets_created"], compute=more)
    assert asked_of(metric, random.Random(1)) > set(metric.reads)


class Opaque:
    """A compiled formula, as far as anybody can look into it: something to be called."""

    def __init__(self, compute: Any) -> None:
        self.__call = compute

    def __call__(self, sums: Sums) -> Value:
        return self.__call(sums)  # type: ignore[no-any-return]


@pytest.mark.parametrize("wrap", [Opaque, partial, lambda compute: lambda sums: compute(sums)])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_wrapped_formula_books_the_same(family: str, wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = families.booked_for([family])
    wrapped = {
        name: [replace(metric, compute=metric.compute and wrap(metric.compute)) for metric in metrics]
        for name, metrics in FAMILIES.items()
    }
    monkeypatch.setattr(families, "FAMILIES", wrapped)
    monkeypatch.setattr(families, "METRICS", {metric.id: metric for some in wrapped.values() for metric in some})
    assert families.booked_for([family]) == expected


#: Prints what is booked for each family, and a few values of one, by the core under the package in ``argv[1]``.
PROBE = """
import importlib, sys
core = sys.argv[1]
families = importlib.import_module(core + ".metrics.families")
names = families.FAMILIES
for name in names:
    print(name, sorted(families.booked_for([name])))
"""


def test_a_core_under_another_name_books_the_same(tmp_path: Path) -> None:
    """Nothing may depend on what the core's package and modules are called, or on where they lie."""
    (source,) = streams.core.__path__
    copied = tmp_path / "elsewhere" / "kernel"
    shutil.copytree(source, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for path in copied.rglob("*.py"):
        path.write_text(re.sub(r"\bstreams\.core\b", "elsewhere.kernel", path.read_text()))

    def told(core: str, folder: Path) -> str:
        run = subprocess.run(
            [sys.executable, "-c", PROBE, core], cwd=folder, capture_output=True, text=True, check=True
        )
        return run.stdout

    root = Path(source).parent.parent
    assert told("elsewhere.kernel", tmp_path) == told("streams.core", root)
    assert len(told("streams.core", root).splitlines()) == len(families.FAMILIES)
