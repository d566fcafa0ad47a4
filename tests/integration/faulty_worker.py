"""The product's worker, made to die where a test says, or built without transactions. A process of its own.

The faults are those of counting_worker.py: they sit in the connections under the log; all else is `app.build`.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from typing import Any

from counting_worker import Fault, FaultyLog

from streams.config import load
from streams.kafka.connection import Connection
from streams.worker import app
from streams.worker.hosting.host import run


def main() -> int:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    setup: dict[str, Any] = json.loads(os.environ["FAULTY_WORKER"])
    FaultyLog.fault = Fault(setup.get("step", ""), setup.get("unit", 1), setup.get("signal", int(signal.SIGKILL)))
    app.PartitionLog = FaultyLog  # type: ignore[misc]
    as_of: int = setup["as_of"]
    host = app.build(
        load(),
        Connection(setup["bootstrap"]),
        setup.get("partitions", 4),
        lambda: as_of,
        setup.get("transactional", True),
    )
    return run(host)


if __name__ == "__main__":
    sys.exit(main())
