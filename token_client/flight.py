"""One acquisition at a time, which any number of threads and tasks, of any event loops, wait for."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from concurrent.futures import wait as wait_for_futures
from contextlib import contextmanager, suppress
from threading import Lock

from token_client import forks
from token_client.access_token import AccessToken

_LOOK_S = 0.5  # how often those who wait look whether whoever leads is still there


class Flight:
    """An acquisition under way. `is_alive` says whether whoever leads it can still go on."""

    def __init__(self, is_alive: Callable[[], bool]) -> None:
        self.is_alive = is_alive
        self._landed: Future[AccessToken | None] = Future()
        self.task: asyncio.Task[None] | None = None  # an event loop itself holds its tasks weakly

    def wait(self) -> AccessToken | None:
        """Give what it came to, or raise; None where it was given up, and somebody else has to lead."""
        while not self._landed.done() and self.is_alive():
            wait_for_futures([self._landed], _LOOK_S)
        return self._result()

    async def wait_async(self) -> AccessToken | None:
        """Do the same in a task. Whoever waits may be cancelled, which is nothing to the others."""
        told = asyncio.Event()
        self._landed.add_done_callback(_teller(asyncio.get_running_loop(), told))
        while not self._landed.done() and self.is_alive():
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await told.wait()
        return self._result()

    def land(self, token: AccessToken | None = None, error: Exception | None = None) -> None:
        """Tell all who wait what came of it. Whoever comes second is not heard."""
        if self._landed.done():
            return
        if error is not None:
            self._landed.set_exception(error)
        else:
            self._landed.set_result(token)

    def _result(self) -> AccessToken | None:
        return self._landed.result() if self._landed.done() else None


def _teller(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> Callable[[Future[AccessToken | None]], None]:
    def tell(_: Future[AccessToken | None]) -> None:
        with suppress(RuntimeError):  # the loop has been closed: nobody waits there any more
            loop.call_soon_threadsafe(told.set)

    return tell


class Leader:
    """Whoever leads in a thread: alive until it has left, be it by an interrupt between boarding and leading."""

    def __init__(self) -> None:
        self._has_left = False

    def is_alive(self) -> bool:
        """Whether it can still go on."""
        return not self._has_left

    def leave(self) -> None:
        """Go on no more."""
        self._has_left = True


class Flights:
    """The one flight of a client, if there is one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._current: Flight | None = None
        forks.tell(self)

    @property
    def is_under_way(self) -> bool:
        """Whether there is one, with somebody who leads it."""
        flight = self._current
        return flight is not None and flight.is_alive()

    def board(self, is_alive: Callable[[], bool]) -> tuple[Flight, bool]:
        """Give the flight that is under way, else a new one; and whether it is new, which the caller has to lead."""
        with self._lock:
            left = self._current
            if left is not None and left.is_alive():
                return left, False
            self._current = flight = Flight(is_alive)
        if left is not None:
            left.land()  # its event loop has stopped: those who still wait for it come and join this one
        return flight, True

    def end(self, flight: Flight, token: AccessToken | None = None, error: Exception | None = None) -> None:
        """End a flight: whoever comes from now on begins another."""
        with self._lock:
            if self._current is flight:
                self._current = None
        flight.land(token, error)

    @contextmanager
    def led(self, flight: Flight) -> Iterator[None]:
        """Lead a flight for as long as the block: its error is that of all who wait.

        Whoever is cancelled or interrupted gives the flight up.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for, the caller's thread included
            self.end(flight, error=error)
        finally:
            self.end(flight)

    def forget(self) -> None:
        """Begin anew in a forked process: whoever led, or had the lock, is not in it."""
        self._lock = Lock()
        self._current = None
