"""Whether the values are those of now: how far the workers are with the input topics. Pure; the clock is passed in.

* ``empty``: no event has ever come.
* ``stalled``: events wait, and for some time no worker has taken any.
* ``catching_up``: they are taken, and there are many; or what comes is history. The demo's feeder, for one, holds
  back what the worker could not keep, so that its history never waits in a topic: it shows in the events' own times.
* ``cut_off``: Kafka does not answer, so that nobody knows.
* ``live``: everything else. A desk that is quiet is live.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

__all__ = ["LIVE", "STATES", "Inputs", "Pace", "PaceKeeper"]

State: TypeAlias = Literal["live", "empty", "catching_up", "stalled", "cut_off"]
STATES: Final[tuple[State, ...]] = get_args(State)

#: Seconds of looks that a pace is judged by; a worker that moves to another machine takes nothing for a while.
SPAN: Final = 30.0
#: More records than this that take longer than this to fold at the present pace, seconds, are no unit under way.
MANY: Final = 100
BEHIND: Final = 10.0
#: An event that came just now and is older than this, ms, is history.
HISTORY: Final = 10 * 60_000


@dataclass(frozen=True, slots=True)
class Pace:
    """``waiting``: records not folded yet. ``seconds``: until they are at the present pace; None where none shows."""

    state: State
    waiting: int = 0
    seconds: float | None = None


LIVE: Final = Pace("live")


class Inputs(NamedTuple):
    """The input topics by what the workers committed: records folded ever, and records that wait."""

    folded: int = 0
    waiting: int = 0


class _Look(NamedTuple):
    at: float
    inputs: Inputs
    newest: int | None


class PaceKeeper:
    """Looks at each snapshot, and tells the pace of the last ``SPAN`` seconds."""

    def __init__(self) -> None:
        self._looks: deque[_Look] = deque()

    def look(self, now: float, inputs: Inputs | None, newest_event: Mapping[str, int], as_of: int) -> Pace:
        """``now``: monotonic seconds. ``newest_event``: occurred_at by topic, ms; those after ``as_of`` say nothing."""
        if inputs is None:
            return Pace("cut_off")
        newest = max((at for at in newest_event.values() if at <= as_of), default=None)
        looks = self._looks
        looks.append(_Look(now, inputs, newest))
        while len(looks) > 1 and looks[1].at <= now - SPAN:
            looks.popleft()
        first = looks[0]
        took, passed = inputs.folded - first.inputs.folded, now - first.at
        seconds = inputs.waiting * passed / took if took > 0 else None
        return Pace(self._state(inputs, newest, as_of, passed, seconds), inputs.waiting, seconds)

    def _state(self, inputs: Inputs, newest: int | None, as_of: int, passed: float, seconds: float | None) -> State:
        if seconds is None and passed >= SPAN and all(look.inputs.waiting for look in self._looks):
            return "stalled"
        if newest is None:
            return "catching_up" if inputs.waiting else "empty"
        before = self._looks[max(0, len(self._looks) - 2)]
        waiting = min(inputs.waiting, before.inputs.waiting)  # at two looks: what has just come is no backlog
        slow = waiting > MANY and (seconds or 0) > BEHIND
        if slow or (as_of - newest > HISTORY and (waiting or newest != self._looks[0].newest)):
            return "catching_up"
        return "live"
