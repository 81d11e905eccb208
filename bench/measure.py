"""How a speed is measured: the CPU of one thing as a multiple of another's, both in turns within one run.

A shared machine runs at another speed every minute, and runs both just as fast or slow.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

Work = Callable[[], object]
Meter = Callable[[int], float]  # does the thing so many times, gives the CPU seconds it took

WARM_UP = 3
MOST_PER_TURN = 20_000
_UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured: rounds of turns, CPU seconds of a turn, cold starts, and the far end of each growth."""

    rounds: int
    turn_s: float
    cold_starts: int
    clients: int
    tokens: int


FULL = Effort(rounds=25, turn_s=0.05, cold_starts=15, clients=1_000_000, tokens=10_000)
QUICK = Effort(rounds=7, turn_s=0.02, cold_starts=5, clients=100_000, tokens=1_000)


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of all rounds, and their lower and upper quartile."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Take the spread of one value or more."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        low, _, high = quantiles(values, n=4, method="inclusive")
        return cls(median(values), low, high)

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f} to {self.high:.2f})"


def in_process(work: Work) -> Meter:
    """Meter something by the CPU time of this process."""

    def measure(times: int) -> float:
        begun = time.process_time()
        for _ in range(times):
            work()
        return time.process_time() - begun

    return measure


def ratios(things: Mapping[str, Meter], unit: Meter, effort: Effort) -> dict[str, Spread]:
    """Measure what each thing costs in units: a ratio from every round, in which all of them take a turn."""
    meters = {**things, _UNIT: unit}
    times = {name: _times_per_turn(meter, effort.turn_s) for name, meter in meters.items()}
    rounds = [_round(meters, times, backwards=number % 2 == 1) for number in range(effort.rounds)]
    return {name: Spread.of([costs[name] / costs[_UNIT] for costs in rounds]) for name in things}


def _times_per_turn(meter: Meter, turn_s: float) -> int:
    """Find out by trying, twice: the first few runs of anything are slow."""
    meter(WARM_UP)
    some = _fitting(meter, WARM_UP, turn_s / 4)
    return _fitting(meter, some, turn_s)


def _fitting(meter: Meter, tried: int, seconds: float) -> int:
    each = meter(tried) / tried
    return max(1, min(MOST_PER_TURN, round(seconds / each))) if each else MOST_PER_TURN


def _round(meters: Mapping[str, Meter], times: Mapping[str, int], *, backwards: bool) -> dict[str, float]:
    """Give the CPU seconds of each once. Every second round goes backwards: a drift of the machine cancels out."""
    order: Any = reversed(list(meters)) if backwards else list(meters)
    return {name: meters[name](times[name]) / times[name] for name in order}
