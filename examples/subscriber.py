"""Prints each breach of a service level once, and each retraction: python examples/subscriber.py [BOOTSTRAP]"""

import json
import sys

from confluent_kafka import Consumer

settings = {
    "bootstrap.servers": sys.argv[1] if len(sys.argv) > 1 else "localhost:9092",
    "group.id": "breaches-example",  # without commits every start reads the whole topic
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",  # aborted transactions never happened
}
consumer = Consumer(settings)
consumer.subscribe(["support.sla-breaches"])
standing: set[str] = set()
while True:
    message = consumer.poll(1.0)
    if message is not None and message.error() is None:
        breach = json.loads(message.value())
        if breach["retracted"] == (breach["id"] in standing):  # else it was printed already
            standing ^= {breach["id"]}
            print("taken back" if breach["retracted"] else "broken", breach["id"], flush=True)
