"""The commands that show and check: topics, metrics, dashboards, check."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from streams.cli.shared import bootstrap_option, kafka_of, run_to_end, settings_of


@click.command()
@bootstrap_option
@click.option("--dry-run", is_flag=True, help="Only look; create nothing.")
@click.option("--partitions", type=click.IntRange(1, 1000), help="Of the topics of events  [default: kafka.partitions]")
@click.pass_context
def topics(context: click.Context, bootstrap_servers: str | None, dry_run: bool, partitions: int | None) -> None:
    """Shows, creates and checks the topics."""
    from streams.kafka import admin

    settings = settings_of(context)
    kafka = kafka_of(settings, bootstrap_servers)
    count = partitions or settings.kafka.partitions
    if dry_run:
        findings = run_to_end(admin.inspect(kafka, count))
    else:
        findings = run_to_end(admin.ensure(kafka, count, settings.kafka.replication))
    for finding in findings:
        topic = finding.topic
        state = finding.problem or f"{finding.partitions} partitions"
        click.echo(f"{topic.name:<22} {topic.role:<9} {topic.cleanup_policy:<15} {state:<14} {topic.description}")
    if any(finding.problem for finding in findings):
        sys.exit(1)


@click.command()
@click.option(
    "--format", "output_format", type=click.Choice(["table", "json", "markdown"]), default="table", show_default=True
)
def metrics(output_format: str) -> None:
    """The catalogue: every metric with its definition."""
    from streams.commands import catalogue

    click.echo("\n".join(catalogue.lines(output_format)))


@click.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder to write into.")
@click.option("--docs", metavar="URL", help="Where panels link to for definitions and runbook  [default: the board]")
@click.option("--force", is_flag=True, help="Overwrite files that are there and differ.")
@click.pass_context
def dashboards(context: click.Context, out: Path, docs: str | None, force: bool) -> None:
    """Writes the Grafana dashboards, their provisioning, the alert rules and the runbook.

    The dashboards show money in the currency, and offer the windows, of the settings.
    """
    from streams.commands.dashboards import FilesDiffer, contents, write
    from streams.config.resources import grafana_folder

    settings = settings_of(context)
    try:
        files = contents(settings, (docs or f"http://localhost:{settings.board.port}").rstrip("/"), grafana_folder())
        written = write(out, files, force)
    except (FilesDiffer, OSError) as error:
        raise click.ClickException(str(error)) from error
    for path in written:
        click.echo(f"wrote {path}", err=True)
    click.echo(f"{len(written)} written, {len(files) - len(written)} as they should be", err=True)


@click.command()
@bootstrap_option
@click.pass_context
def check(context: click.Context, bootstrap_servers: str | None) -> None:
    """Checks the settings and the environment; each problem with its remedy."""
    from streams.commands.check import check as run

    settings = settings_of(context)
    click.echo("settings    ok")
    healthy = True
    for subject, problem in asyncio.run(run(settings, kafka_of(settings, bootstrap_servers))):
        click.echo(f"{subject:<11} {problem or 'ok'}")
        healthy = healthy and problem is None
    if not healthy:
        sys.exit(1)
