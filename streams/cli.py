"""The command line. Exit codes: 0 done, 1 failed, 2 wrong use. Messages on stderr, values on stdout."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from streams import __version__
from streams.config import ConfigError, Settings, load
from streams.core.annotation import KINDS
from streams.core.annotation import decode as decode_annotation
from streams.core.codec import StateError
from streams.core.events import DAY, HOUR, MINUTE, format_instant, parse_instant

if TYPE_CHECKING:
    from streams.commands.replay import Letters

T = TypeVar("T")

_STEPS = {"m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}


class Instant(click.ParamType):
    """RFC 3339, or a date for its first instant in UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        text = f"{value}T00:00:00Z" if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else value
        try:
            return int(parse_instant(text))
        except ValueError:
            self.fail(f"{value!r}: expected a time such as 2026-01-31T00:00:00Z, or a date", param, ctx)


class Step(click.ParamType):
    name = "step"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", str(value))
        if match is None:
            self.fail(f"{value!r}: expected a number and m, h, d or w, such as 1d", param, ctx)
        return int(match[1]) * _STEPS[match[2]]


def _tune() -> None:
    """The state is a large, growing heap without cycles: by default the collector would walk it all the time."""
    gc.set_threshold(100_000, 50, 1000)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--config", type=click.Path(dir_okay=False), help="Settings file  [default: roi.toml, if there is one]")
@click.option("--verbose", "-v", is_flag=True, help="Say more on stderr.")
@click.version_option(__version__, prog_name="support-roi")
@click.pass_context
def main(context: click.Context, config: str | None, verbose: bool) -> None:
    """Live return on investment of customer service, from events in Kafka.

    Start with `support-roi demo`: everything on this machine, nothing to install.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
    )
    context.obj = config
    _tune()


def _settings(context: click.Context) -> Settings:
    return _settings_of(context.obj)


def _settings_of(path: str | None) -> Settings:
    try:
        return load(path)
    except ConfigError as error:
        raise click.UsageError(str(error)) from None


def _bootstrap(settings: Settings, given: str | None) -> str:
    return given or settings.kafka.bootstrap_servers


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Runs to the end; what users can mend is a message and exit code 1."""
    from aiokafka.errors import KafkaError

    from streams.admin import TopicsError
    from streams.demo.broker import BrokerMissing
    from streams.files import FileError

    try:
        return asyncio.run(work)
    except (TopicsError, FileError, BrokerMissing, StateError, KafkaError, OSError) as error:
        raise click.ClickException(str(error) or repr(error)) from error


def _on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)


bootstrap_option = click.option(
    "--bootstrap-servers", metavar="HOST:PORT,…", help="Kafka to use  [default: kafka.bootstrap_servers]"
)
as_of_option = click.option(
    "--as-of",
    type=Instant(),
    help="Run as if the clock stood at this time, for audits and old data; later events still count.",
)


@main.command()
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
    from streams.demo.demo import demo as run

    settings = _with_port(_settings(context), port)

    async def work() -> Any:
        stop = asyncio.Event()
        _on_signals(stop)
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, stop.set)
        return await run(
            settings, stop, bootstrap=bootstrap_servers, seed=seed, days=days, speed=speed,
            tickets_per_day=tickets_per_day, customers=customers,
        )  # fmt: skip

    board = _run(work())
    shown = board.screen.newest
    if seconds is not None and shown is not None:
        records = [record for record in shown.snapshot.records if record.dimension in ("all", "class", "target")]
        for line in table.lines(records):
            click.echo(line)


def _with_port(settings: Settings, port: int | None) -> Settings:
    if port is None:
        return settings
    return msgspec.structs.replace(settings, board=msgspec.structs.replace(settings.board, port=port))


@main.command()
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
    from streams import admin
    from streams.worker import app
    from streams.worker.figures import Figures
    from streams.worker.host import run
    from streams.worker.state import wall_clock

    settings = _settings(context)
    bootstrap = _bootstrap(settings, bootstrap_servers)
    found = _run(admin.ensure(bootstrap, settings.kafka.partitions, settings.kafka.replication))
    clock: Callable[[], int] = wall_clock if as_of is None else lambda: as_of
    figures = Figures()
    host = app.build(settings, bootstrap, found[0].partitions, clock, on_unit=figures.unit)
    port = settings.worker.metrics_port if metrics_port is None else metrics_port
    if port:
        try:
            figures.serve(host.partition_log, settings.worker.metrics_host, port)
        except OSError as error:
            raise click.ClickException(f"port {port} of {settings.worker.metrics_host}: {error.strerror}") from error
    click.echo(f"worker {settings.kafka.application} on {bootstrap}", err=True)
    sys.exit(run(host))


@main.command()
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
    from streams import admin
    from streams.board.service import BoardService

    settings = _with_port(_settings(context), port)
    if host is not None:
        settings = msgspec.structs.replace(settings, board=msgspec.structs.replace(settings.board, host=host))
    bootstrap = _bootstrap(settings, bootstrap_servers)

    async def work() -> None:
        await admin.ensure(bootstrap, settings.kafka.partitions, settings.kafka.replication)
        stop = asyncio.Event()
        _on_signals(stop)
        listening = lambda url: click.echo(f"board on {url}", err=True)  # noqa: E731
        await BoardService(settings, bootstrap, as_of, publish, listening).run(stop)

    _run(work())


@main.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--from", "start", type=Instant(), help="Adds the window `period` = [from, as-of), exact to the ms.")
@click.option("--as-of", type=Instant(), help="The instant all windows end at  [default: just past the last event]")
@click.option("--every", type=Step(), help="Also at every such step before it, e.g. 1d.")
@click.option("--format", "shape", type=click.Choice(["table", "jsonl"]), default="table", show_default=True)
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
    shape: str,
    dead_letters: Path | None,
    compare: tuple[str, str] | None,
) -> None:
    """Values from event files (JSON lines, .gz too; a folder means all in it), without Kafka."""
    from streams.commands.replay import Letters
    from streams.files import FileError, paths_of

    if start is not None and as_of is not None and start >= as_of:
        raise click.UsageError("--from must be before --as-of")
    if compare is not None and every is not None:
        raise click.UsageError("--compare and --every do not go together")
    files = [context.obj] if compare is None else list(compare)
    settings = [_settings_of(file) for file in files]
    letters = Letters(dead_letters)
    try:
        found = paths_of(paths)
        if compare is None:
            _replay(settings[0], found, (start, as_of, every), shape, letters)
        else:
            _compare(settings, found, (start, as_of), shape, letters)
        sys.stdout.flush()
    except FileError as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the values has had enough
    finally:
        letters.close()


def _replay(
    settings: Settings,
    paths: list[Path],
    instants: tuple[int | None, int | None, int | None],
    shape: str,
    letters: Letters,
) -> None:
    from streams.commands import table
    from streams.commands.replay import replay as run

    encode = msgspec.json.Encoder().encode
    for _, records in run(settings, paths, *instants, letters):
        if shape == "jsonl":
            sys.stdout.buffer.writelines(encode(record) + b"\n" for record in records)
            continue
        click.echo(f"as of {records[0].as_of}" if records else "no values")
        for line in table.lines(records):
            click.echo(line)


def _compare(
    settings: list[Settings],
    paths: list[Path],
    instants: tuple[int | None, int | None],
    shape: str,
    letters: Letters,
) -> None:
    from streams.commands import compare
    from streams.commands.replay import replay as run

    sides = [
        [record for _, records in run(side, paths, *instants, None, letters) for record in records] for side in settings
    ]
    found = compare.pairs(*sides)
    if shape == "jsonl":
        encode = msgspec.json.Encoder().encode
        sys.stdout.buffer.writelines(encode(row) + b"\n" for row in compare.rows(found))
        return
    for line in compare.lines(found):
        click.echo(line)


@main.command()
@click.argument("paths", nargs=-1, required=True)
@bootstrap_option
@click.pass_context
def send(context: click.Context, paths: tuple[str, ...], bootstrap_servers: str | None) -> None:
    """Sends event files into the topics of events."""
    from streams import admin
    from streams.commands.send import send as run
    from streams.files import paths_of

    settings = _settings(context)
    bootstrap = _bootstrap(settings, bootstrap_servers)

    async def work() -> Any:
        found = paths_of(paths)
        await admin.ensure(bootstrap, settings.kafka.partitions, settings.kafka.replication)
        return await run(bootstrap, found)

    for topic, count in sorted(_run(work()).items()):
        click.echo(f"{count:>10,}  {topic}", err=True)


@main.command()
@click.argument("text")
@click.option("--kind", type=click.Choice(KINDS), required=True, help="What changed.")
@click.option("--at", type=Instant(), help="When  [default: now]")
@click.option("--until", type=Instant(), help="When it was over again, exclusive.")
@click.option("--remove", is_flag=True, help="Take back what was said: the same kind, --at and text.")
@bootstrap_option
@click.pass_context
def annotate(
    context: click.Context, text: str, kind: str, at: int | None, until: int | None, remove: bool,
    bootstrap_servers: str | None,
) -> None:  # fmt: skip
    """Marks a change on all dashboards, to read values before and after. No value counts it."""
    from streams import admin
    from streams.commands.annotate import annotate as run

    if remove and at is None:
        raise click.UsageError("--remove needs the --at of what it takes back")
    settings = _settings(context)
    bootstrap = _bootstrap(settings, bootstrap_servers)
    now = int(datetime.now(UTC).timestamp()) * 1000
    said = {"kind": kind, "at": format_instant(now if at is None else at), "text": text}
    try:
        annotation = decode_annotation(
            msgspec.json.encode(said | ({} if until is None else {"until": format_instant(until)}))
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None

    async def work() -> None:
        await admin.ensure(bootstrap, settings.kafka.partitions, settings.kafka.replication)
        await run(bootstrap, annotation, remove)

    _run(work())
    click.echo(f"{'removed' if remove else 'marked'} {annotation.key}", err=True)


@main.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write event files into this folder.")
@click.option(
    "--bootstrap-servers", metavar="HOST:PORT,…", help="Send to this Kafka: history, then live, until Ctrl-C."
)
@click.option("--days", type=click.FloatRange(0.01, 3650), default=90, show_default=True)
@click.option("--end", type=Instant(), help="End of the files  [default: now]")
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
        from streams.demo.commands import write_files

        now = int(datetime.now(UTC).timestamp()) * 1000
        counts = write_files(
            out, days=days, seed=seed, end_ms=end or now, customers=customers, tickets_per_day=tickets_per_day,
            compress=compress, on_progress=lambda n: click.echo(f"\r{n:,} events", nl=False, err=True),
        )  # fmt: skip
        for path, count in counts.items():
            click.echo(f"\r{count:>10,}  {path}", err=True)
        return
    settings = _settings(context)

    async def work() -> None:
        from streams import admin
        from streams.demo.feed import feed

        assert bootstrap_servers is not None
        await admin.ensure(bootstrap_servers, settings.kafka.partitions, settings.kafka.replication)
        stop = asyncio.Event()
        _on_signals(stop)
        feeding = asyncio.ensure_future(
            feed(
                bootstrap_servers, seed=seed, history_days=days, speed=speed, tickets_per_day=tickets_per_day,
                customers=customers, events_per_second=50_000,
                on_progress=lambda p: click.echo(f"\r{p.sent:,} events", nl=False, err=True),
            )
        )  # fmt: skip
        await asyncio.wait({feeding, asyncio.ensure_future(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        if feeding.done():
            feeding.result()
        feeding.cancel()
        click.echo("", err=True)

    _run(work())


@main.command()
@bootstrap_option
@click.option("--dry-run", is_flag=True, help="Only look; create nothing.")
@click.option("--partitions", type=click.IntRange(1, 1000), help="Of the topics of events  [default: kafka.partitions]")
@click.pass_context
def topics(context: click.Context, bootstrap_servers: str | None, dry_run: bool, partitions: int | None) -> None:
    """Shows, creates and checks the topics."""
    from streams import admin

    settings = _settings(context)
    bootstrap = _bootstrap(settings, bootstrap_servers)
    wanted = partitions or settings.kafka.partitions
    if dry_run:
        found = _run(admin.inspect(bootstrap, wanted))
    else:
        found = _run(admin.ensure(bootstrap, wanted, settings.kafka.replication))
    for finding in found:
        topic = finding.topic
        state = finding.problem or f"{finding.partitions} partitions"
        click.echo(f"{topic.name:<22} {topic.role:<9} {topic.cleanup_policy:<15} {state:<14} {topic.description}")
    if any(finding.problem for finding in found):
        sys.exit(1)


@main.command()
@click.option("--format", "shape", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True)
def metrics(shape: str) -> None:
    """The catalogue: every metric with its definition."""
    from streams.commands import catalogue

    click.echo("\n".join(catalogue.lines(shape)))


@main.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write into.")
@click.option("--docs", metavar="URL", help="Where panels link to for definitions and runbook  [default: the board]")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@click.pass_context
def dashboards(context: click.Context, out: Path, docs: str | None, force: bool) -> None:
    """Writes the Grafana dashboards, their provisioning, the alert rules and the runbook.

    The dashboards show money in the currency, and offer the windows, of the settings.
    """
    from streams.commands.dashboards import Refused, files, write
    from streams.resources import grafana_folder

    settings = _settings(context)
    try:
        wanted = files(settings, (docs or f"http://localhost:{settings.board.port}").rstrip("/"), grafana_folder())
        written = write(out, wanted, force)
    except (Refused, OSError) as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(f"wrote {path}", err=True)
    click.echo(f"{len(written)} written, {len(wanted) - len(written)} as they should be", err=True)


@main.command()
@bootstrap_option
@click.pass_context
def check(context: click.Context, bootstrap_servers: str | None) -> None:
    """Checks the settings and the environment; each problem with its remedy."""
    from streams.commands.check import check as run

    settings = _settings(context)
    click.echo("settings    ok")
    good = True
    for what, problem in asyncio.run(run(settings, _bootstrap(settings, bootstrap_servers))):
        click.echo(f"{what:<11} {problem or 'ok'}")
        good = good and problem is None
    if not good:
        sys.exit(1)


if __name__ == "__main__":
    main()
