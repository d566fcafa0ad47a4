"""``support-roi check``: problems of the environment, each with its remedy."""

from __future__ import annotations

import importlib.util
import socket

from streams.config import Settings
from streams.kafka import admin
from streams.kafka.connection import Connection

__all__ = ["check"]


async def check(settings: Settings, kafka: Connection) -> list[tuple[str, str | None]]:
    """Pairs of a subject and its problem with the remedy; None = no problem."""
    return [
        ("kafka", await _kafka(kafka, settings)),
        ("board port", _port(settings.board.host, settings.board.port)),
        ("demo", _demo()),
        ("targets", _targets(settings)),
    ]


async def _kafka(kafka: Connection, settings: Settings) -> str | None:
    try:
        findings = await admin.inspect(kafka, settings.kafka.partitions)
    except admin.TopicsError as error:
        return str(error)
    return "; ".join(f"{finding.topic.name} {finding.problem}" for finding in findings if finding.problem) or None


def _port(host: str, port: int) -> str | None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return f"{host}:{port}: {error.strerror}: set board.port, or end what listens there"
    return None


def _demo() -> str | None:
    if importlib.util.find_spec("confluent_kafka") is None:
        return "no embedded broker: pip install 'support-roi[demo]' (only needed for the demo)"
    return None


def _targets(settings: Settings) -> str | None:
    if settings.service_levels:
        return None
    return "no [[service_levels]] are set, so there are no SLA values: add one to roi.toml"
