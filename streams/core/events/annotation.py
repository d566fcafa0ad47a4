"""What changed at the desk, for reading values before and after: staffing, tools, training. No value counts it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from streams.core.events.types import EARLIEST
from streams.core.temporal.instants import Instant, format_instant, parse_instant

__all__ = ["KINDS", "LONGEST", "Annotation", "decode"]

KINDS: Final = ("staffing", "tool", "training")
#: Characters of the text: it becomes a label in Prometheus and a tooltip on a screen.
LONGEST: Final = 200


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """A change at ``at`` (ms), or one that held in [at, until). Raises ``ValueError`` for times that cannot be."""

    kind: Literal["staffing", "tool", "training"]
    at: Instant
    until: Instant | None = None
    text: Annotated[str, Meta(min_length=1, max_length=LONGEST)]

    def __post_init__(self) -> None:
        if self.at < EARLIEST:
            raise ValueError(f"`at` {format_instant(self.at)} is before 2000")
        if self.until is not None and self.until <= self.at:
            raise ValueError(f"`until` {format_instant(self.until)} must be after `at`")

    @property
    def key(self) -> str:
        """The record's key: the same change told again replaces what was said of its end."""
        return f"{self.kind}|{format_instant(self.at)}|{self.text}"

    def as_json(self) -> dict[str, Any]:
        """What the topic holds and the board shows; ``until`` is null for a change that is a moment."""
        until = None if self.until is None else format_instant(self.until)
        return {"kind": self.kind, "at": format_instant(self.at), "until": until, "text": self.text}


def _instant(kind: type, value: Any) -> Any:
    if type(value) is not str:
        raise ValueError(f"Expected `str`, got `{type(value).__name__}`")
    return parse_instant(value)


_DECODER: Final = msgspec.json.Decoder(Annotation, dec_hook=_instant)


def decode(body: bytes) -> Annotation:
    """The annotation in a record's body; ``ValueError`` names what is wrong with it. Unknown fields are ignored."""
    return _DECODER.decode(body)
