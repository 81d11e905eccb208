"""A row of the table: what is measured, what it is held against, and what came out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.measure import Effort, Spread

Value = float | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave: one number, or several by name; None, with the reason, where it cannot be measured.

    `seen` is what else the same run saw, and `notes` are lines to print under the table.
    """

    value: Value | None
    spread: Spread | None = None
    seen: str = ""
    notes: tuple[str, ...] = ()
    reason: str = ""


def measured(spread: Spread, **more: Any) -> Result:
    """Give the result whose value is a median."""
    return Result(spread.median, spread, **more)


@dataclass(frozen=True, slots=True)
class Row:
    """One measure. Every reach is the most that the value may be; of several values, each has its own."""

    key: str
    unit: str
    reach: Value
    reference: str
    run: Callable[[Effort], Result] = field(repr=False)

    @property
    def command(self) -> str:
        """Tell how to measure this row alone."""
        return f"python -m bench {self.key}"

    def is_reached(self, value: Value | None) -> bool | None:
        """Whether the value is within reach; None where there is none."""
        if value is None:
            return None
        limits = self.reach if isinstance(self.reach, Mapping) else {"": self.reach}
        values = value if isinstance(value, Mapping) else {"": value}
        return all(number <= limits[name] for name, number in values.items())
