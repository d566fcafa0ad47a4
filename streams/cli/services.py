"""The commands that run until they are stopped: demo, worker, board."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import click
import msgspec

from streams.cli.shared import as_of_option, bootstrap_option, kafka_of, on_signals, run_to_end, settings_of
from streams.config import Settings


@click.command()
@click.option("--seconds", type=click.FloatRange(min=1), help="End after this long, with a table of the values.")
@click.option("--bootstrap-servers", metavar="HOST:PORT,…", help="A Kafka to use instead of the embedded broker.")
@click.option(
    "--days", type=click.FloatRange(0, 730), default=90, show_default=True, help="History before the live traffic."
)
@click.option(
    "--speed",
    type=click.FloatRange(0.1, 1000),
    default=1,
    show_default=True,
    help="Desk seconds in a second of live traffic.",
)
@click.option("--tickets-per-day", type=click.FloatRange(1, 100_000), default=120, show_default=True)
@click.option("--customers", type=click.IntRange(1, 1_000_000), default=1500, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed tells the same story.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port of the wall  [default: board.port]")
@click.pass_context
def demo(
    context: click.Context, seconds: float | None, bootstrap_servers: str | None, days: float, speed: float,
    tickets_per_day: float, customers: int, seed: int, port: int | None,
) -> None:  # fmt: skip
    """Everything on one machine: a simulated desk, Kafka, worker, board and wall."""
    from streams.commands import table
    from streams.demo.launcher import demo as run

    settings = _with_port(settings_of(context), port)
    kafka = None if bootstrap_servers is None else kafka_of(settings, bootstrap_servers)

    async def work() -> Any:
        stop = asyncio.Event()
        on_signals(stop)
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, stop.set)
        return await run(
            settings, stop, kafka=kafka, seed=seed, days=days, speed=speed,
            tickets_per_day=tickets_per_day, customers=customers,
        )  # fmt: skip

    board = run_to_end(work())
    newest = board.latest.newest
    if seconds is not None and newest is not None:
        records = [record for record in newest.snapshot.records if record.dimension in ("all", "class", "target")]
        for line in table.lines(records):
            click.echo(line)


def _with_port(settings: Settings, port: int | None) -> Settings:
    if port is None:
        return settings
    return msgspec.structs.replace(settings, board=msgspec.structs.replace(settings.board, port=port))


@click.command()
@bootstrap_option
@as_of_option
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Port of a page of the worker's own figures, 0 = none  [default: worker.metrics_port]",
)
@click.pass_context
def worker(context: click.Context, bootstrap_servers: str | None, as_of: int | None, metrics_port: int | None) -> None:
    """Folds events into sums: one of any number of workers on a Kafka.

    Ends with exit code 1, before anything is committed, on whatever is unexpected: let a supervisor start it again.
    SIGTERM and Ctrl-C finish the open unit and leave the group.
    """
    from streams.kafka import admin
    from streams.worker import app
    from streams.worker.hosting.host import run
    from streams.worker.metrics import WorkerMetrics
    from streams.worker.partition_state import wall_clock

    settings = settings_of(context)
    kafka = kafka_of(settings, bootstrap_servers)
    topics = run_to_end(admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication))
    clock: Callable[[], int] = wall_clock if as_of is None else lambda: as_of
    metrics = WorkerMetrics()
    host = app.build(settings, kafka, topics[0].partitions, clock, on_unit=metrics.observe_unit)
    port = settings.worker.metrics_port if metrics_port is None else metrics_port
    if port:
        try:
            metrics.serve(host.partition_log, settings.worker.metrics_host, port)
        except OSError as error:
            raise click.ClickException(f"port {port} of {settings.worker.metrics_host}: {error.strerror}") from error
    click.echo(f"worker {settings.kafka.application} on {kafka.servers}", err=True)
    sys.exit(run(host))


@click.command()
@bootstrap_option
@as_of_option
@click.option("--host", help="Address to listen on  [default: board.host]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on  [default: board.port]")
@click.option("--publish/--no-publish", default=True, show_default=True, help="Write metrics and warnings.")
@click.pass_context
def board(
    context: click.Context, bootstrap_servers: str | None, as_of: int | None, host: str | None, port: int | None,
    publish: bool,
) -> None:  # fmt: skip
    """Shows the values: Prometheus metrics, JSON, the wall; and publishes them. Holds nothing itself."""
    from streams.board.service import BoardService
    from streams.kafka import admin

    settings = _with_port(settings_of(context), port)
    if host is not None:
        settings = msgspec.structs.replace(settings, board=msgspec.structs.replace(settings.board, host=host))
    kafka = kafka_of(settings, bootstrap_servers)

    async def work() -> None:
        await admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication)
        stop = asyncio.Event()
        on_signals(stop)
        listening = lambda url: click.echo(f"board on {url}", err=True)  # noqa: E731
        await BoardService(settings, kafka, as_of, publish, listening).run(stop)

    run_to_end(work())
