"""The workers' lag behind the input topics, which shows if the values are current. Pure; the clock is passed in.

* ``empty``: no event has ever come.
* ``stalled``: events wait, and no worker has taken any for ``OBSERVED_SECONDS``.
* ``catching_up``: many events wait and are being taken, or those that come are history. The demo's feeder waits
  for the worker, so that its history never waits in a topic and shows only in the events' times.
* ``cut_off``: Kafka does not answer, so that the lag is unknown.
* ``live``: everything else, also a quiet desk.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

__all__ = ["INPUT_STATES", "LIVE", "InputCounts", "InputLag", "InputLagMeter", "InputState"]

InputState: TypeAlias = Literal["live", "empty", "catching_up", "stalled", "cut_off"]
INPUT_STATES: Final[tuple[InputState, ...]] = get_args(InputState)

#: The time over which the workers' speed is measured: a worker that moves to another machine takes nothing for a while.
OBSERVED_SECONDS: Final = 30.0
#: A backlog is more records than this that take longer than this to fold; less is a unit under way.
BACKLOG_RECORDS: Final = 100
BACKLOG_SECONDS: Final = 10.0
#: The newest event is history when it has just come and is older than this.
HISTORY_MS: Final = 10 * 60_000


@dataclass(frozen=True, slots=True)
class InputLag:
    """The state of the inputs. ``seconds_to_go``: until all is folded at the present speed; None if nothing is."""

    state: InputState
    waiting_records: int = 0
    seconds_to_go: float | None = None


LIVE: Final = InputLag("live")


class InputCounts(NamedTuple):
    """Records of the input topics by the workers' committed offsets: those folded, and at most so many that wait."""

    folded: int = 0
    waiting: int = 0


class _Observation(NamedTuple):
    """Counts and the newest event's time (ms; None: no event) at one monotonic instant, seconds."""

    at_seconds: float
    counts: InputCounts
    newest_event: int | None


class InputLagMeter:
    """Measures the lag from the observations of the last ``OBSERVED_SECONDS``."""

    def __init__(self) -> None:
        self._observations: deque[_Observation] = deque()

    def observe(
        self, now_seconds: float, counts: InputCounts | None, newest_event: Mapping[str, int], as_of: int
    ) -> InputLag:
        """Adds an observation at ``now_seconds`` (monotonic) and returns the lag.

        ``counts`` are None while they are unknown. ``newest_event`` is occurred_at by topic, ms; times after ``as_of``
        are ignored.
        """
        if counts is None:
            return InputLag("cut_off")
        newest = max((at for at in newest_event.values() if at <= as_of), default=None)
        observations = self._observations
        observations.append(_Observation(now_seconds, counts, newest))
        while len(observations) > 1 and observations[1].at_seconds <= now_seconds - OBSERVED_SECONDS:
            observations.popleft()
        first = observations[0]
        folded, elapsed_seconds = counts.folded - first.counts.folded, now_seconds - first.at_seconds
        seconds_to_go = counts.waiting * elapsed_seconds / folded if folded > 0 else None
        state = self._state(counts, newest, as_of, elapsed_seconds, seconds_to_go)
        return InputLag(state, counts.waiting, seconds_to_go)

    def _state(
        self,
        counts: InputCounts,
        newest: int | None,
        as_of: int,
        elapsed_seconds: float,
        seconds_to_go: float | None,
    ) -> InputState:
        observations = self._observations
        if (
            seconds_to_go is None
            and elapsed_seconds >= OBSERVED_SECONDS
            and all(observation.counts.waiting for observation in observations)
        ):
            return "stalled"
        if newest is None:
            return "catching_up" if counts.waiting else "empty"
        previous = observations[max(0, len(observations) - 2)]
        # The records that wait at two observations in a row: those that have just come are no backlog.
        waiting = min(counts.waiting, previous.counts.waiting)
        backlog = waiting > BACKLOG_RECORDS and (seconds_to_go or 0) > BACKLOG_SECONDS
        history = as_of - newest > HISTORY_MS and (waiting or newest != observations[0].newest_event)
        return "catching_up" if backlog or history else "live"
