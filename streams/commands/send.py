"""``support-roi send``: event files into the topics, each event to the partition of its owner."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from streams.connectors.files import read_events, size
from streams.core.events.decoding import Rejected, decode
from streams.core.events.keys import record_key
from streams.kafka.connection import Connection
from streams.kafka.sender import sending
from streams.kafka.topics import TICKETS, topic_of

__all__ = ["send"]


async def send(kafka: Connection, paths: Sequence[Path]) -> Counter[str]:
    """Sends every line and waits for all acknowledgements; returns how many went to each topic.

    A line that is no event is sent to the tickets topic as it is: the worker dead-letters it with its reason, so
    that nothing is lost on the way. The record's time is the sending's, so that retention spares old events.
    """
    counts: Counter[str] = Counter()
    async with sending(kafka) as send_record:
        with click.progressbar(length=size(paths), label="sending", file=sys.stderr, width=30) as bar:
            for located in read_events(paths, bar.update):
                try:
                    event = decode(located.body)
                    topic, key = topic_of(event), record_key(event).encode()
                except Rejected:
                    topic, key = TICKETS, None
                    counts["no event, left to the worker to dead-letter"] += 1
                await send_record(topic, key, located.body)
                counts[topic] += 1
    return counts
