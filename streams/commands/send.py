"""``support-roi send``: sends event files into the topics, each event to the partition of its owner."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from streams.connectors.files import read_lines, total_bytes
from streams.connectors.registry import CONNECTORS, EVENT_FILES
from streams.core.events.decoding import Rejected
from streams.core.events.keys import record_key
from streams.kafka.connection import Connection
from streams.kafka.sender import sending
from streams.kafka.topics import TICKETS

__all__ = ["send"]


async def send(kafka: Connection, paths: Sequence[Path]) -> Counter[str]:
    """Sends every line and waits for all acknowledgements; returns the number of records by topic.

    A line that is no event goes to the tickets topic unchanged: the worker dead-letters it with its reason, so that
    nothing is lost on the way. A record's time is that of sending, so that retention spares old events.
    """
    connector = CONNECTORS[EVENT_FILES]
    counts: Counter[str] = Counter()
    async with sending(kafka) as send_record:
        with click.progressbar(length=total_bytes(paths), label="sending", file=sys.stderr, width=30) as bar:
            for line in read_lines(paths, bar.update):
                try:
                    (event,) = connector(line.body)
                    topic, key = event.topic, record_key(event).encode()
                except Rejected:
                    topic, key = TICKETS, None
                    counts["no event, left to the worker to dead-letter"] += 1
                # The line as it stands and not the event: unknown fields are kept.
                await send_record(topic, key, line.body)
                counts[topic] += 1
    return counts
