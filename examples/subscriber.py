"""Prints each breach of a service level once, and which are taken back: python examples/subscriber.py [BOOTSTRAP]"""

import json
import sys

from confluent_kafka import Consumer

settings = {
    "bootstrap.servers": sys.argv[1] if len(sys.argv) > 1 else "localhost:9092",
    "group.id": "breaches-example",  # commits no offsets: every start reads what the topic holds, which is all there is
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",  # what a worker did not commit was never said
}
consumer = Consumer(settings)
consumer.subscribe(["support.sla-breaches"])
standing: set[str] = set()
while True:
    message = consumer.poll(1.0)
    if message is not None and message.error() is None:
        breach = json.loads(message.value())
        if breach["retracted"] == (breach["id"] in standing):  # else it was known: a breach is told once by its id
            standing ^= {breach["id"]}
            print("taken back" if breach["retracted"] else "broken", breach["id"], flush=True)
