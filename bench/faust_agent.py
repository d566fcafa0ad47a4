"""A stock Faust application, for comparison: one agent, one table, at least once. Run by ``bench.streaming``.

Environment: BENCH_BOOTSTRAP, BENCH_EVENTS (events until the result), BENCH_TOPICS, BENCH_PARTITIONS.
Writes one line of JSON: the events after the first one, and the seconds from the first to the last.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

import faust

EVENTS = int(os.environ["BENCH_EVENTS"])
PARTITIONS = int(os.environ["BENCH_PARTITIONS"])

app = faust.App(
    f"bench-faust-{os.getpid()}",
    broker=f"kafka://{os.environ['BENCH_BOOTSTRAP']}",
    store="memory://",
    value_serializer="json",
    key_serializer="raw",
    topic_partitions=PARTITIONS,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
topic = app.topic(*os.environ["BENCH_TOPICS"].split(","), key_serializer="raw", value_serializer="json")
counts = app.Table("counts", default=int, partitions=PARTITIONS)


@app.agent(topic)
async def count(stream: Any) -> None:
    seen, began = 0, 0.0
    async for event in stream:
        if not seen:
            began = time.perf_counter()
        seen += 1
        channel = event.get("channel")
        counts[channel or event["type"]] += 1
        if seen == EVENTS:
            result = json.dumps({"events": seen - 1, "seconds": time.perf_counter() - began})
            os.write(1, f"{result}\n".encode())  # Faust redirects print into its log


if __name__ == "__main__":
    app.main()
