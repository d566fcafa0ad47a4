"""``support-roi send``: event files into the topics, each event to the partition of its owner."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from aiokafka import AIOKafkaProducer

from streams.connectors.files import read_events, size
from streams.core.events.decoding import Rejected, decode
from streams.core.events.keys import record_key
from streams.kafka.connection import Connection
from streams.kafka.topics import TICKETS, topic_of

__all__ = ["send"]

_IN_FLIGHT: Final = 5000


async def send(kafka: Connection, paths: Sequence[Path]) -> Counter[str]:
    """Sends every line and waits for all acknowledgements; returns how many went to each topic.

    A line that is no event is sent to the tickets topic as it is: the worker dead-letters it with its reason, so
    that nothing is lost on the way. The record's time is the sending's, so that retention spares old events.
    """
    counts: Counter[str] = Counter()
    async with AIOKafkaProducer(
        **kafka.options(), acks="all", enable_idempotence=True, linger_ms=20, max_batch_size=256 * 1024,
        max_request_size=4 * 1024 * 1024,
    ) as producer:  # fmt: skip
        with click.progressbar(length=size(paths), label="sending", file=sys.stderr, width=30) as bar:
            waiting = []
            for located in read_events(paths, bar.update):
                try:
                    event = decode(located.body)
                    topic, key = topic_of(event), record_key(event).encode()
                except Rejected:
                    topic, key = TICKETS, None
                    counts["no event, left to the worker to dead-letter"] += 1
                waiting.append(await producer.send(topic, located.body, key))
                counts[topic] += 1
                if len(waiting) >= _IN_FLIGHT:
                    for sent in waiting:
                        await sent
                    waiting.clear()
            for sent in waiting:
                await sent
    return counts
