"""Annotations: marks of changes at the desk (staffing, tools, training), to read values before and after them.

No value counts them. Source: docs/contracts.md#supportannotations.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from streams.core.events.types import EARLIEST
from streams.core.temporal.instants import Instant, format_instant, parse_instant

__all__ = ["KINDS", "MAX_TEXT_LENGTH", "Annotation", "decode"]

#: The kinds of changes.
KINDS: Final = ("staffing", "tool", "training")
#: Characters of a text: it becomes a label in Prometheus and a tooltip on a screen.
MAX_TEXT_LENGTH: Final = 200


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A change in [at, until), ms; ``until`` None: it lasts. Raises ``ValueError`` for impossible times."""

    kind: Literal["staffing", "tool", "training"]
    at: Instant
    until: Instant | None = None
    text: Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]

    def __post_init__(self) -> None:
        if self.at < EARLIEST:
            raise ValueError(f"`at` {format_instant(self.at)} is before 2000")
        if self.until is not None and self.until <= self.at:
            raise ValueError(f"`until` {format_instant(self.until)} must be after `at`")

    @property
    def key(self) -> str:
        """The record's key, without the end: the same change with another end replaces it."""
        return f"{self.kind}|{format_instant(self.at)}|{self.text}"

    def as_json(self) -> dict[str, Any]:
        """The record's body, also the board's JSON; ``until`` is null for a change that lasts."""
        until = None if self.until is None else format_instant(self.until)
        return {"kind": self.kind, "at": format_instant(self.at), "until": until, "text": self.text}


def _instant(kind: type, value: Any) -> Any:
    if type(value) is not str:
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return parse_instant(value)


_DECODER: Final = msgspec.json.Decoder(Annotation, dec_hook=_instant)


def decode(body: bytes) -> Annotation:
    """The annotation in a record's body; unknown fields are ignored. Raises ``ValueError`` that names the field."""
    return _DECODER.decode(body)
