"""Keeps the newest of ``support.annotations``: the changes that are marked on every page."""

from __future__ import annotations

import logging
from typing import Final

from streams.core.events.annotation import Annotation, decode

__all__ = ["MAX_ANNOTATIONS", "Annotations"]

logger = logging.getLogger(__name__)

#: The newest so many are kept: each is a series in Prometheus.
MAX_ANNOTATIONS: Final = 200


class Annotations:
    """The newest annotations by their own time. A record that is no annotation is logged and ignored."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, Annotation] = {}

    def take(self, key: bytes, value: bytes | None) -> None:
        """Takes a record: it replaces an earlier one of the same key, and removes it if it has no value."""
        self._by_key.pop(key, None)
        if value is None:
            return
        try:
            self._by_key[key] = decode(value)
        except ValueError as error:
            logger.warning("no annotation: %s", error)
        if len(self._by_key) > MAX_ANNOTATIONS:
            del self._by_key[min(self._by_key, key=lambda key: self._by_key[key].at)]

    def by_time(self) -> tuple[Annotation, ...]:
        """All annotations by time; equal ones of several record keys appear once."""
        distinct = {annotation.key: annotation for annotation in self._by_key.values()}
        return tuple(sorted(distinct.values(), key=lambda annotation: (annotation.at, annotation.key)))
