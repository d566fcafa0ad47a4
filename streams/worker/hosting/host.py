"""Faust as the host: agents, timers, pages and the life of the process; its Kafka stays switched off.

    host = Host("support-roi", log)

    @host.agent(host.batches)
    async def process(batches):
        async for batch in batches:
            batch.processor.apply(batch.records)

    sys.exit(run(host))                     # in the main thread: signals, exit code
    await serve(host, stop)                 # or inside a loop that already runs, until the event is set

Tests need neither a broker nor a log: `async with process.test_context() as agent: await agent.put(batch)`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import traceback
from typing import Any, NoReturn

import faust
from faust.app.base import BootStrategy
from faust.types import AgentT, ConsumerT

from streams.worker.hosting.channel import BatchChannel
from streams.worker.log.partition_log import PartitionLog

__all__ = ["Host", "run", "serve"]

logger = logging.getLogger(__name__)

LEAVING_SECONDS = 3.0  # that a failed process may spend on leaving the group


class WithoutKafka(BootStrategy):
    """Faust's start without its consumer, producer and tables."""

    enable_kafka = False


class Host(faust.App):
    """The Faust application over a partition log. ``web_port`` None: no pages of Faust's own."""

    BootStrategy = WithoutKafka

    def __init__(self, application: str, log: PartitionLog, *, web_port: int | None = None) -> None:
        super().__init__(
            application,
            broker="kafka://127.0.0.1",  # never connected to, but Faust wants one
            autodiscover=False,
            web_enabled=web_port is not None,
            web_bind="127.0.0.1",
            web_host="127.0.0.1",
            web_port=web_port or 6066,  # unused unless enabled, but Faust will not take 0
        )
        self.partition_log = log
        self.batches = BatchChannel(self, log)
        #: What made the host fail first; None while it has not.
        self.failure: BaseException | None = None
        self.failed = asyncio.Event()

    def _create_directories(self) -> None:
        """Faust would make a data directory in the working directory; there are no tables to put there."""

    def _new_consumer(self) -> ConsumerT:
        """Faust's streams need a consumer object. It is never started, so the loop of its thread is closed."""
        consumer = super()._new_consumer()
        thread = getattr(consumer, "_thread", None)
        if thread is not None:
            thread.thread_loop.close()
        return consumer

    async def _on_agent_error(self, agent: AgentT[Any], exc: BaseException) -> None:
        """Faust would log the exception and start the agent again, over a state that nobody knows."""
        self.fail(exc)

    def fail(self, error: BaseException) -> None:
        """Makes the host and the log fail: no more batches, nothing more is committed."""
        self.batches.break_off()
        self.partition_log.fail(error)
        if self.failure is None:
            self.failure = error
        self.failed.set()


async def serve(host: Host, stop: asyncio.Event) -> None:
    """Runs the application until ``stop`` is set; raises whatever made it fail."""
    await host.start()
    ends = [asyncio.ensure_future(end) for end in (stop.wait(), host.failed.wait(), host.wait_until_stopped())]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set() and not host.failed.is_set():
            host.fail(host.crash_reason or RuntimeError("the application stopped by itself"))
        if not host.failed.is_set():
            await host.partition_log.stop()  # agents must still run: they apply the last batch
    except Exception as error:
        host.fail(error)
    finally:
        for end in ends:
            end.cancel()
        if host.failed.is_set():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(host.partition_log.abandon(), LEAVING_SECONDS)
                await asyncio.wait_for(host.stop(), LEAVING_SECONDS)
        else:
            await host.stop()
    if host.failure is not None:
        raise host.failure


def run(host: Host) -> int:
    """Runs the application in this thread until SIGTERM or SIGINT; exit code 0. A failure ends the process with 1."""
    asyncio.run(_until_signal(host))
    return 0


async def _until_signal(host: Host) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():  # a second signal ends it at once
            os._exit(128 + number)
        logger.info("%s: finishing the last unit", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    failing = asyncio.ensure_future(host.failed.wait())
    serving = asyncio.ensure_future(serve(host, stop))
    await asyncio.wait({failing, serving}, return_when=asyncio.FIRST_COMPLETED)
    if host.failed.is_set():  # a process that cannot even end in order must still end
        await asyncio.wait({serving}, timeout=2 * LEAVING_SECONDS)
        _die(host.failure or RuntimeError("unknown failure"))
    failing.cancel()
    serving.result()


def _die(error: BaseException) -> NoReturn:
    traceback.print_exception(error, file=sys.stderr)
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    print(f"worker failed, nothing of the open unit was committed: {message}", file=sys.stderr)
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)  # not sys.exit: atexit handlers and threads have no say in whether this process ends
