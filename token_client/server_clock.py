"""The server's clock, as far as its answers tell: what a client signs is judged by it."""

from token_client.clocks import Clocks
from token_client.retries import http_date
from token_client.transport import HttpAnswer

_AGREE_S = 30.0  # clocks no further apart are the same: Date has whole seconds, and an answer takes its time


class ServerClock:
    """Tells the server's time, by the offset from this machine's that its answers (RFC 9110 6.6.1: Date) show."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self.offset_s = 0.0

    def now(self) -> float:
        """Give the server's time, in Unix seconds."""
        return self._clocks.wall() + self.offset_s

    def learn(self, answer: HttpAnswer) -> None:
        """Take the time of an answer. One out of a cache (RFC 9111 5.1: Age) tells when it was put there."""
        date = http_date(answer.headers.get("date", ""))
        if date is None or "age" in answer.headers:
            return
        offset_s = date - self._clocks.wall()
        self.offset_s = offset_s if abs(offset_s) > _AGREE_S else 0.0

    def has_moved(self, from_offset_s: float) -> bool:
        """Whether what was made by another offset was made by a wrong one."""
        return abs(self.offset_s - from_offset_s) > _AGREE_S
