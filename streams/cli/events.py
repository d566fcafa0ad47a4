"""The commands that read and write events: replay, send, simulate, annotate."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import click
import msgspec

from streams.cli.shared import (
    StepType,
    TimeType,
    bootstrap_option,
    kafka_of,
    on_signals,
    read_settings,
    run_to_end,
    settings_of,
)
from streams.config import Settings
from streams.core.events.annotation import KINDS
from streams.core.events.annotation import decode as decode_annotation
from streams.core.temporal.instants import format_instant
from streams.kafka.connection import Connection

if TYPE_CHECKING:
    from streams.commands.replay import DeadLetters

#: Starts sending, until it is cancelled.
Traffic: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--from", "start", type=TimeType(), help="Adds the window `period` = [from, as-of), exact to the ms.")
@click.option("--as-of", type=TimeType(), help="The instant all windows end at  [default: just past the last event]")
@click.option("--every", type=StepType(), help="Also at every such step before it, e.g. 1d.")
@click.option("--format", "output_format", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
@click.option(
    "--dead-letters", type=click.Path(dir_okay=False, path_type=Path), help="Write rejected lines to this file."
)
@click.option(
    "--compare",
    nargs=2,
    type=click.Path(exists=True, dir_okay=False),
    metavar="OLD.toml NEW.toml",
    help="The values under two settings files, side by side.",
)
@click.pass_context
def replay(
    context: click.Context,
    paths: tuple[str, ...],
    start: int | None,
    as_of: int | None,
    every: int | None,
    output_format: str,
    dead_letters: Path | None,
    compare: tuple[str, str] | None,
) -> None:
    """Values from event files (JSON lines, .gz too; a folder means all in it), without Kafka."""
    from streams.commands.replay import DeadLetters
    from streams.connectors.files import FileError, paths_of

    if start is not None and as_of is not None and start >= as_of:
        raise click.UsageError("--from must be before --as-of")
    if compare is not None and every is not None:
        raise click.UsageError("--compare and --every do not go together")
    settings = [read_settings(path) for path in ([context.obj] if compare is None else compare)]
    letters = DeadLetters(dead_letters)
    try:
        files = paths_of(paths)
        if compare is None:
            _replay(settings[0], files, (start, as_of, every), output_format, letters)
        else:
            _compare(settings, files, (start, as_of), output_format, letters)
        sys.stdout.flush()
    except FileError as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the values has ended, as `head` does
    finally:
        letters.close()


def _replay(
    settings: Settings,
    paths: list[Path],
    instants: tuple[int | None, int | None, int | None],
    output_format: str,
    letters: DeadLetters,
) -> None:
    from streams.commands import table
    from streams.commands.replay import replay as run

    encode = msgspec.json.Encoder().encode
    for _, records in run(settings, paths, *instants, letters):
        if output_format == "jsonl":
            sys.stdout.buffer.writelines(encode(record) + b"\n" for record in records)
            continue
        click.echo(f"as of {records[0].as_of}" if records else "no values")
        for line in table.lines(records):
            click.echo(line)


def _compare(
    settings: list[Settings],
    paths: list[Path],
    instants: tuple[int | None, int | None],
    output_format: str,
    letters: DeadLetters,
) -> None:
    from streams.commands import compare_settings
    from streams.commands.replay import replay as run

    sides = [
        [record for _, records in run(side, paths, *instants, None, letters) for record in records] for side in settings
    ]
    pairs = compare_settings.pairs(*sides)
    if output_format == "jsonl":
        encode = msgspec.json.Encoder().encode
        sys.stdout.buffer.writelines(encode(row) + b"\n" for row in compare_settings.rows(pairs))
        return
    for line in compare_settings.lines(pairs):
        click.echo(line)


@click.command()
@click.argument("paths", nargs=-1, required=True)
@bootstrap_option
@click.pass_context
def send(context: click.Context, paths: tuple[str, ...], bootstrap_servers: str | None) -> None:
    """Sends event files into the topics of events."""
    from streams.commands.send import send as run
    from streams.connectors.files import paths_of
    from streams.kafka import admin

    settings = settings_of(context)
    kafka = kafka_of(settings, bootstrap_servers)

    async def work() -> Any:
        files = paths_of(paths)
        await admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication)
        return await run(kafka, files)

    for topic, count in sorted(run_to_end(work()).items()):
        click.echo(f"{count:>10,}  {topic}", err=True)


@click.command()
@click.argument("text")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What changed.")
@click.option("--at", type=TimeType(), help="When  [default: now]")
@click.option("--until", type=TimeType(), help="When it was over again, exclusive.")
@click.option("--remove", is_flag=True, help="Take back what was said: the same kind, --at and text.")
@bootstrap_option
@click.pass_context
def annotate(
    context: click.Context, text: str, kind: str, at: int | None, until: int | None, remove: bool,
    bootstrap_servers: str | None,
) -> None:  # fmt: skip
    """Marks a change on all dashboards, to read values before and after. No value counts it."""
    from streams.commands.annotate import annotate as run
    from streams.kafka import admin

    if remove and at is None:
        raise click.UsageError("--remove needs the --at of what it takes back")
    settings = settings_of(context)
    kafka = kafka_of(settings, bootstrap_servers)
    now = int(datetime.now(UTC).timestamp()) * 1000
    fields = {"kind": kind, "at": format_instant(now if at is None else at), "text": text}
    if until is not None:
        fields["until"] = format_instant(until)
    try:
        annotation = decode_annotation(msgspec.json.encode(fields))
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    async def work() -> None:
        await admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication)
        await run(kafka, annotation, remove)

    run_to_end(work())
    click.echo(f"{'removed' if remove else 'marked'} {annotation.key}", err=True)


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write event files into this folder.")
@click.option(
    "--bootstrap-servers", metavar="HOST:PORT,…", help="Send to this Kafka: history, then live, until Ctrl-C."
)
@click.option("--days", type=click.FloatRange(0.01, 3650), default=90, show_default=True)
@click.option("--end", type=TimeType(), help="End of the files  [default: now]")
@click.option("--speed", type=click.FloatRange(0.1, 1000), default=1, show_default=True)
@click.option("--tickets-per-day", type=click.FloatRange(1, 1_000_000), default=250, show_default=True)
@click.option("--customers", type=click.IntRange(1, 1_000_000), default=2000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--gzip", "compress", is_flag=True, help="Write .jsonl.gz.")
@click.pass_context
def simulate(
    context: click.Context, out: Path | None, bootstrap_servers: str | None, days: float, end: int | None,
    speed: float, tickets_per_day: float, customers: int, seed: int, compress: bool,
) -> None:  # fmt: skip
    """A realistic, seeded desk: as event files (--out), or into a Kafka (--bootstrap-servers)."""
    if (out is None) == (bootstrap_servers is None):
        raise click.UsageError("name either --out FOLDER or --bootstrap-servers")
    if out is not None:
        from streams.demo.event_files import write_event_files

        now = int(datetime.now(UTC).timestamp()) * 1000
        counts = write_event_files(
            out, days=days, seed=seed, end_ms=end or now, customers=customers, tickets_per_day=tickets_per_day,
            compress=compress, on_progress=_show_events,
        )  # fmt: skip
        for path, count in counts.items():
            click.echo(f"\r{count:>10,}  {path}", err=True)
        return
    from streams.demo.feed import feed

    settings = settings_of(context)
    kafka = kafka_of(settings, bootstrap_servers)
    traffic = partial(
        feed, kafka, seed=seed, history_days=days, speed=speed, tickets_per_day=tickets_per_day, customers=customers,
        events_per_second=50_000, on_progress=lambda progress: _show_events(progress.sent),
    )  # fmt: skip
    run_to_end(_send_until_signal(settings, kafka, traffic))


async def _send_until_signal(settings: Settings, kafka: Connection, traffic: Traffic) -> None:
    from streams.kafka import admin

    await admin.ensure(kafka, settings.kafka.partitions, settings.kafka.replication)
    stop = asyncio.Event()
    on_signals(stop)
    feeding = asyncio.ensure_future(traffic())
    await asyncio.wait({feeding, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
    feeding.cancel()
    with suppress(asyncio.CancelledError):
        await feeding  # all sent records are acknowledged, and the producer closed, before the loop ends
    click.echo("", err=True)


def _show_events(count: int) -> None:
    click.echo(f"\r{count:,} events", nl=False, err=True)
