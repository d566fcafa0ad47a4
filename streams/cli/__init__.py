"""The command line. Exit codes: 0 success, 1 failure, 2 wrong use. Messages go to stderr, values to stdout."""

from __future__ import annotations

import gc
import logging
import sys

import click

from streams import __version__
from streams.cli.events import annotate, replay, send, simulate
from streams.cli.inspection import check, dashboards, metrics, topics
from streams.cli.services import board, demo, worker

__all__ = ["main"]


def _collect_rarely() -> None:
    """Fewer garbage collections: the state is a large heap without cycles, which each of them walks in vain."""
    gc.set_threshold(100_000, 50, 1000)


def _store(context: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.obj = value


def _config_option() -> click.Option:
    """The option before and after a command, because nobody remembers which; the one after it has precedence."""
    return click.Option(
        ["--config"],
        type=click.Path(dir_okay=False),
        expose_value=False,
        callback=_store,
        help="Settings file  [default: roi.toml, if there is one]",
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--verbose", "-v", is_flag=True, help="Say more on stderr.")
@click.version_option(__version__, prog_name="support-roi")
def main(verbose: bool) -> None:
    """Live return on investment of customer service, from events in Kafka.

    Start with `support-roi demo`: everything on this machine, nothing to install.
    """
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(levelname)s %(name)s: %(message)s",
    )
    _collect_rarely()


main.params.insert(0, _config_option())
for command in (demo, worker, board, replay, send, annotate, simulate, topics, metrics, dashboards, check):
    command.params.append(_config_option())
    main.add_command(command)
