"""The exposition, read back with prometheus_client's own parser."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from streams.board.prometheus.exposition import Exposition, Values
from streams.board.snapshot import Health, Snapshot
from streams.core.metrics.records import MetricRecord


@dataclass(frozen=True)
class Info:
    id: str
    kind: str = "count"
    unit: str = "count"
    version: int = 1
    help: str = "What it is."
    formula: str = "a/b"
    source: str = "definitions"


CATALOGUE = [
    Info("tickets_created"),
    Info("csat_ratio", "ratio", "{other}", 2, "Satisfied\nof \\ all"),
    Info("nps", "points"),
]
NASTY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def record(metric: str = "tickets_created", value: Any = 1, **changed: Any) -> MetricRecord:
    fields = {
        "window": "7d", "period_start": None, "dimension": "channel", "member": "email", "count": 3,
        "low": None,
        "high": None, "unit": "count", "as_of": "2026-03-03T00:00:00Z", "final": False,
        "definition": f"{metric}@1",
    } | changed  # fmt: skip
    return MetricRecord(metric=metric, value=value, **fields)


def snapshot(*records: MetricRecord, ready: bool = True) -> Snapshot:
    return Snapshot(1_000_500, records, Health(ready=ready))


def exposition() -> Exposition:
    return Exposition(CATALOGUE, version="1.0", revision="abc")


def parsed(text: bytes) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(text.decode()) for sample in family.samples]


def values_of(text: bytes, name: str) -> dict[tuple[str, ...], float]:
    return {tuple(s.labels.values()): s.value for s in parsed(text) if s.name == name}


@given(
    st.lists(
        st.tuples(
            NASTY,
            NASTY,
            st.one_of(st.none(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False)),
        ),
        unique_by=lambda t: t[:2],
        max_size=8,
    )
)
@example([('a"b\\n\\', 'x="1"} 3\n# TYPE', 5), ("\r\0\u2028\ufeff", " ", 1e-300), ("", "\\", None)])
def test_what_is_read_back_is_what_the_records_say(cells: list[tuple[str, str, Any]]) -> None:
    records = [record(value=v, dimension=d, member=m) for d, m, v in cells]
    text = exposition().values(snapshot(*records)).text
    assert values_of(text, "support_tickets_created") == {("7d", d, m): float(v) for d, m, v in cells if v is not None}


def test_text_that_would_break_a_scrape_is_replaced() -> None:
    text = exposition().values(snapshot(record(member="a\ud800c"))).text
    assert set(values_of(text, "support_tickets_created")) == {
        ("7d", "channel", "a\ufffdc"),
    }


def test_an_undefined_value_is_absent_but_its_samples_are_not() -> None:
    text = exposition().values(snapshot(record("csat_ratio", None, count=0))).text
    assert [(s.name, s.value) for s in parsed(text)] == [("support_csat_ratio_samples", 0.0)]


def test_interval_and_samples_stand_beside_the_value() -> None:
    text = exposition().values(snapshot(record("csat_ratio", 0.8, low=0.7, high=0.9, count=40))).text
    assert {s.name: s.value for s in parsed(text)} == {
        "support_csat_ratio": 0.8,
        "support_csat_ratio_low": 0.7,
        "support_csat_ratio_high": 0.9,
        "support_csat_ratio_samples": 40,
    }
    assert len({tuple(s.labels.items()) for s in parsed(text)}) == 1


def test_what_a_value_is_compared_with_stands_beside_it() -> None:
    text = exposition().values(
        snapshot(
            record("nps", 5, previous=-2.5, year_before=0),
            record("nps", 6, member="new", previous=None, year_before=None),
            record("nps", None, member="ended", count=0, previous=7),
        )
    )
    labels = ("7d", "channel")
    assert values_of(text.text, "support_nps") == {(*labels, "email"): 5, (*labels, "new"): 6}
    assert values_of(text.text, "support_nps_previous") == {(*labels, "email"): -2.5, (*labels, "ended"): 7}
    assert values_of(text.text, "support_nps_year_before") == {(*labels, "email"): 0}
    assert text.series == len(parsed(text.text)) == 8


def test_of_an_aligned_window_only_the_running_period_is_shown() -> None:
    april, march = "2026-04-01T00:00:00+02:00", "2026-03-01T00:00:00+01:00"
    records = [
        record(value=1, window="month", period_start=april),
        record(value=2, window="month", period_start=march),
        record(value=3, window="month", period_start="2026-02-01T00:00:00+01:00", final=True),
        record(value=4, window="year", period_start="2025-01-01T00:00:00+01:00", final=True),
        record(value=5),
    ]
    values = values_of(exposition().values(snapshot(*records)).text, "support_tickets_created")
    assert values == {("month", "channel", "email"): 1, ("7d", "channel", "email"): 5}


def test_help_names_unit_and_definition() -> None:
    text = exposition().values(snapshot(record("csat_ratio", 0.5))).text.decode()
    family = next(f for f in text_string_to_metric_families(text) if f.name == "support_csat_ratio")
    assert family.documentation == "Satisfied\nof \\ all. Unit: count. Definition: csat_ratio@2."
    assert family.type == "gauge"


def test_a_board_that_is_not_ready_shows_no_values() -> None:
    assert exposition().values(snapshot(record(), ready=False)).text == b""
    assert exposition().values(None).text == b""


def test_pipeline_metrics() -> None:
    health = Health(True, {"support.tickets": 1_000_000}, {"events": 7, "odd-Name": 1}, {"schema": 2}, {3: 999_000}, 5)
    text = exposition().pipeline(Snapshot(1_000_500, [], health, 0.25), series=9, clients=2)
    samples = {(s.name, *s.labels.values()): s.value for s in parsed(text)}
    assert samples["support_roi_build_info", "abc", "1.0"] == 1
    assert samples[("support_roi_as_of_timestamp_seconds",)] == 1000.5
    assert samples["support_roi_newest_event_timestamp_seconds", "support.tickets"] == 1000
    assert samples["support_roi_last_unit_timestamp_seconds", "3"] == 999
    assert samples["support_roi_dead_letters_total", "schema"] == 2
    assert samples["support_roi_dead_letters_total", "not_json"] == 0
    assert samples[("support_roi_events_total",)] == 7
    assert samples[("support_roi_odd_name_total",)] == 1
    assert samples[("support_roi_board_evaluation_seconds",)] == 0.25
    assert samples[("support_roi_board_lag_records",)] == 5
    assert samples[("support_roi_series",)] == 9
    assert samples[("support_roi_board_ready",)] == 1


def test_pipeline_metrics_before_the_first_snapshot() -> None:
    names = {s.name: s.value for s in parsed(exposition().pipeline(None, series=0))}
    assert names["support_roi_board_ready"] == 0
    assert "support_roi_as_of_timestamp_seconds" not in names


def test_gzip_of_values_and_a_fresh_tail() -> None:
    values = Values(b"values\n" * 1000, 1)
    assert gzip.decompress(values.gzip_with(b"one\n")) == values.text + b"one\n"
    assert gzip.decompress(values.gzip_with(b"two\n")) == values.text + b"two\n"


@pytest.mark.parametrize("ids", [("a", "a"), ("a", "a_low"), ("a_samples", "a"), ("a", "a_previous"), ("Bad",), ("é",)])
def test_a_catalogue_that_clashes_is_refused(ids: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="Prometheus name"):
        Exposition([replace(CATALOGUE[0], id=metric) for metric in ids], version="1")


def test_labels_are_kept_only_as_long_as_they_are_used() -> None:
    it = exposition()
    it.values(snapshot(record(member="a")))
    assert set(values_of(it.values(snapshot(record(member="b"))).text, "support_tickets_created")) == {
        ("7d", "channel", "b")
    }
    assert len(it._labels) == 1


def test_whole_numbers_and_small_ones_survive() -> None:
    text = exposition().values(snapshot(record(value=10**15), record(value=5e-324, member="b"))).text
    assert sorted(values_of(text, "support_tickets_created").values()) == [5e-324, 1e15]
    assert not any(math.isnan(v) for v in values_of(text, "support_tickets_created").values())
