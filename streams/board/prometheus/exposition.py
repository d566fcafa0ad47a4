"""The snapshot as Prometheus text.

* ``support_<metric id>{window,dimension,member}`` is one gauge family a metric. An undefined value is an
  absent series. Of an aligned window only the running period is shown: Prometheus has its own past.
* A value with an interval also has ``_low`` and ``_high``; every mean, ratio and quantile has ``_samples``. The labels
  are those of the value, so that an alert needs no ``ignoring()``:
  ``support_csat_ratio < 0.78 and support_csat_ratio_samples >= 30``.
* A value that is compared also has ``_previous`` (the window before) and ``_year_before``.
* Until the board has read all panes there are no values, only the pipeline's own gauges: a sum of half the partitions
  is a wrong number, not an early one.

The values are written by hand, because ``prometheus_client`` takes several times as long for 30,000 series.
Its parser reads them back in the tests.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

from streams.board.prometheus.pipeline import Pipeline
from streams.board.snapshot import Snapshot
from streams.core.metrics.records import MetricRecord

__all__ = ["CONTENT_TYPE", "Exposition", "MetricInfo", "Values", "running_periods"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

#: Kinds without a ``_samples`` family: their value is itself a number of samples, or a sum.
_PLAIN_KINDS: Final = frozenset({"count", "money"})
#: Help texts of the families that accompany a value, by suffix.
_COMPANIONS: Final = {
    "_low": "Lower end of the 95 % interval of",
    "_high": "Upper end of the 95 % interval of",
    "_samples": "Samples (ratios: the denominator) behind",
    "_previous": "The window before: the same span (of a running period the same part) just before that of",
    "_year_before": "A year before (rolling windows: 364 days):",
}
_SUFFIXES: Final = ("", *_COMPANIONS)
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")


class MetricInfo(Protocol):
    """The description of a metric, as the catalogue's entries have it."""

    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int | str: ...
    @property
    def unit(self) -> str: ...
    @property
    def help(self) -> str: ...
    @property
    def formula(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def kind(self) -> str: ...


def running_periods(records: Iterable[MetricRecord]) -> dict[str, str]:
    """The start of the running period (the newest that is not final) of every aligned window, by window.

    Starts are local midnights of one time zone, so that their text sorts by time.
    """
    newest: dict[str, str] = {}
    for record in records:
        start = record.period_start
        if start is not None and not record.final and newest.get(record.window, "") < start:
            newest[record.window] = start
    return newest


@dataclass(frozen=True, slots=True)
class _Family:
    """The lines of one metric's families, appended to while records are read."""

    name: str
    unit: str
    has_samples: bool
    values: list[str]
    low: list[str]
    high: list[str]
    samples: list[str]
    previous: list[str]
    year_before: list[str]

    @property
    def parts(self) -> tuple[tuple[str, list[str]], ...]:
        """The lines by the suffix of their family."""
        lines = (self.values, self.low, self.high, self.samples, self.previous, self.year_before)
        return tuple(zip(_SUFFIXES, lines, strict=True))


class Values:
    """The text of all values, plain and compressed, made once a snapshot."""

    __slots__ = ("_compressor", "_gzipped", "series", "text")

    def __init__(self, text: bytes, series: int) -> None:
        self.text = text
        self.series = series
        # Each scrape continues from a copy of the compressor's state after the values: the pipeline's gauges are
        # current, the values are compressed once, and all is one gzip member.
        self._compressor = zlib.compressobj(level=1, wbits=31)
        self._gzipped = self._compressor.compress(text) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def gzip_with(self, tail: bytes) -> bytes:
        """Values and ``tail`` as one gzip body."""
        compressor = self._compressor.copy()
        return self._gzipped + compressor.compress(tail) + compressor.flush()


class Exposition:
    """Renders snapshots of one catalogue. Not for several threads at once."""

    def __init__(self, catalogue: Sequence[MetricInfo], *, version: str, revision: str = "") -> None:
        self._catalogue = {metric.id: metric for metric in catalogue}
        self._labels: dict[tuple[str, str, str], str] = {}
        self._pipeline = Pipeline(version, revision)
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._pipeline)
        ProcessCollector(registry=self._registry)
        _refuse_clashes(catalogue)

    def values(self, snapshot: Snapshot | None) -> Values:
        """All values of ``snapshot``: the expensive part, to be kept until the next one."""
        if snapshot is None or not snapshot.health.ready:
            return Values(b"", 0)
        families = self._group(snapshot.records)
        parts: list[str] = []
        for metric_id in sorted(families):
            parts.extend(self._write(self._catalogue[metric_id], families[metric_id]))
        lines = sum(len(lines) for family in families.values() for _, lines in family.parts)
        return Values("".join(parts).encode(), lines)

    def pipeline(self, snapshot: Snapshot | None, *, series: int, clients: int = 0) -> bytes:
        """The gauges of the pipeline and the process, cheap enough for every scrape."""
        self._pipeline.snapshot, self._pipeline.series, self._pipeline.clients = snapshot, series, clients
        return generate_latest(self._registry)

    def _group(self, records: Sequence[MetricRecord]) -> dict[str, _Family]:
        # The hot loop: about 1 µs a record. The label texts of the last snapshot are reused.
        newest, families = running_periods(records), dict[str, _Family]()
        last_labels, new_labels = self._labels, dict[tuple[str, str, str], str]()
        for record in records:
            start = record.period_start
            if start is not None and (record.final or newest[record.window] != start):
                continue
            key = (record.window, record.dimension, record.member)
            labels = new_labels.get(key)
            if labels is None:
                labels = new_labels[key] = last_labels.get(key) or _labels(key)
            family = families.get(record.metric)
            if family is None:
                family = families[record.metric] = self._family(record.metric, record.unit)
            name = family.name
            if record.value is not None:
                family.values.append(f"{name}{labels} {record.value!r}\n")
                if record.low is not None:
                    family.low.append(f"{name}_low{labels} {record.low!r}\n")
                if record.high is not None:
                    family.high.append(f"{name}_high{labels} {record.high!r}\n")
            if family.has_samples:
                family.samples.append(f"{name}_samples{labels} {record.count!r}\n")
            if isinstance(record.previous, int | float):
                family.previous.append(f"{name}_previous{labels} {record.previous!r}\n")
            if isinstance(record.year_before, int | float):
                family.year_before.append(f"{name}_year_before{labels} {record.year_before!r}\n")
        self._labels = new_labels
        return families

    def _family(self, metric_id: str, unit: str) -> _Family:
        kind = self._catalogue[metric_id].kind
        return _Family(f"support_{metric_id}", unit, kind not in _PLAIN_KINDS, [], [], [], [], [], [])

    @staticmethod
    def _write(metric: MetricInfo, family: _Family) -> Iterator[str]:
        definition = f"{metric.id}@{metric.version}"
        own = f"{_sentence(metric.help)} Unit: {family.unit}. Definition: {definition}."
        for suffix, lines in family.parts:
            if lines:
                name = family.name + suffix
                text = f"{_COMPANIONS[suffix]} {definition}." if suffix else own
                yield f"# HELP {name} {_escape_help(text)}\n# TYPE {name} gauge\n"
                yield from lines


def _labels(key: tuple[str, str, str]) -> str:
    window, dimension, member = map(_escape, key)
    return f'{{window="{window}",dimension="{dimension}",member="{member}"}}'


def _escape(text: str) -> str:
    r"""A label value; members are the producers' text, which must never break the page or its encoding.

    Prometheus accepts any UTF-8, including control characters and NUL (tested with 2.42). A lone surrogate has no
    encoding and becomes U+FFFD.
    """
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return text if text.isascii() else re.sub("[\ud800-\udfff]", "\ufffd", text)


def _escape_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


def _refuse_clashes(catalogue: Sequence[MetricInfo]) -> None:
    """Raises ``ValueError`` for two families of one name, which would make every scrape fail."""
    owners: dict[str, str] = {}
    for metric in catalogue:
        if not _NAME.fullmatch(metric.id):
            raise ValueError(f"metric id {metric.id!r} makes no Prometheus name")
        for suffix in _SUFFIXES:
            name = f"support_{metric.id}{suffix}"
            if name in owners:
                raise ValueError(f"metrics {owners[name]!r} and {metric.id!r} share the Prometheus name {name}")
            owners[name] = metric.id
