"""The synthetic desk as a process of its own, so that it can be frozen, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Desk:
    """One run of the synthetic server."""

    def __init__(self, process: subprocess.Popen[bytes], url: str) -> None:
        self.url = url
        self._process = process

    def freeze(self) -> None:
        """Connections stay open and nothing comes over them any more."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def desk(*options: str, port: int | None = None) -> Iterator[Desk]:
    """Ends by SIGKILL, as a machine that is switched off would."""
    port = port or free_port()
    environment = os.environ | {"PYTHONPATH": str(HERE.parent.parent)}
    command = [sys.executable, str(HERE / "synthetic.py"), "--port", str(port), "--every", "0.3", *options]
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 30
        while not _listening(port):
            assert process.poll() is None, "the synthetic desk ended"
            assert time.monotonic() < deadline, "the synthetic desk does not listen"
            time.sleep(0.05)
        yield Desk(process, f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
