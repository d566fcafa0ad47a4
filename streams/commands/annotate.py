"""``support-roi annotate``: writes a change of staffing, tools or training into its topic."""

from __future__ import annotations

import msgspec

from streams.core.events.annotation import Annotation
from streams.kafka.connection import Connection
from streams.kafka.sender import sending
from streams.kafka.topics import ANNOTATIONS

__all__ = ["annotate"]


async def annotate(kafka: Connection, annotation: Annotation, remove: bool = False) -> None:
    """Writes the annotation, or with ``remove`` its tombstone, and returns once it is durable."""
    value = None if remove else msgspec.json.encode(annotation.as_json())
    async with sending(kafka) as send:
        await send(ANNOTATIONS, annotation.key.encode(), value)
