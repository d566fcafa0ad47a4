"""The address and credentials of a Kafka, shared by all clients."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Connection", "ignore_unclosed_connections"]


@dataclass(frozen=True, slots=True)
class Connection:
    """``servers``: host:port, separated by commas. The rest as in ``[kafka]`` of ``roi.toml``; empty: unused."""

    servers: str
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = "PLAIN"
    sasl_username: str = ""
    sasl_password: str = field(default="", repr=False)
    ssl_ca_file: str = ""
    ssl_certificate_file: str = ""
    ssl_key_file: str = ""

    def options(self) -> dict[str, Any]:
        """Keyword arguments of aiokafka's clients. Raises ``OSError`` for certificate files that cannot be used."""
        options: dict[str, Any] = {"bootstrap_servers": self.servers, "security_protocol": self.security_protocol}
        if "SASL" in self.security_protocol:
            options |= {
                "sasl_mechanism": self.sasl_mechanism,
                "sasl_plain_username": self.sasl_username,
                "sasl_plain_password": self.sasl_password,
            }
        if "SSL" in self.security_protocol:
            context = ssl.create_default_context(cafile=self.ssl_ca_file or None)
            if self.ssl_certificate_file:
                context.load_cert_chain(self.ssl_certificate_file, self.ssl_key_file or None)
            options["ssl_context"] = context
        return options


def ignore_unclosed_connections(loop: asyncio.AbstractEventLoop) -> None:
    """Stops reports of connections that are cut off in their handshake, as aiokafka closes them when collected."""

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not str(context.get("message")).startswith("Unclosed AIOKafkaConnection"):
            loop.default_exception_handler(context)

    loop.set_exception_handler(handle)
