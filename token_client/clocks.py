"""All that depends on time and chance, in one value, so that a test need not wait."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clocks:
    """Seconds since the epoch, seconds that never go back, two ways to pause, and a number in [0, 1)."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    sleep_async: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random

    def jittered(self, seconds: float) -> float:
        """Give half of it to one and a half, so that many who failed at once do not come back at once."""
        return seconds * (0.5 + self.random())


REAL = Clocks()
