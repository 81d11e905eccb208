"""Clocks whose hands a test turns: a pause takes no time, and is written down."""

from dataclasses import dataclass, field

from token_client.clocks import Clocks


@dataclass
class Hands:
    """The time by both clocks, and the pauses that were made. Chance is always in the middle."""

    wall: float = 1_800_000_000.0
    monotonic: float = 1_000.0
    pauses: list[float] = field(default_factory=list)

    @property
    def clocks(self) -> Clocks:
        """Give the clocks."""
        return Clocks(lambda: self.wall, lambda: self.monotonic, self.pause, self._pause_async, lambda: 0.5)

    def turn(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.monotonic += seconds

    def pause(self, seconds: float) -> None:
        """Let time pass, as somebody asked for."""
        self.pauses.append(seconds)
        self.turn(seconds)

    async def _pause_async(self, seconds: float) -> None:
        self.pause(seconds)
