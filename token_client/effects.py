"""What an acquisition asks of the world, one effect at a time, and the two drivers that do it.

An acquisition is a generator: it yields what is to be done, and is sent what came of it. It does no I/O itself, so that
the same steps serve threads and event loops.
"""

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, TypeVar

from token_client import transport
from token_client.clocks import Clocks
from token_client.transport import HttpAnswer, HttpRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """Call a function that may block."""

    function: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, and wait `timeout_s` for its answer."""

    request: HttpRequest
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


Effect: TypeAlias = Call | Send | Pause
Steps: TypeAlias = Generator[Effect, Any, T]


def call(function: Callable[[], T]) -> Steps[T]:
    """Call a function that may block, as one step."""
    result: T = yield Call(function)
    return result


def send(request: HttpRequest, timeout_s: float) -> Steps[HttpAnswer]:
    """Send a request, as one step."""
    answer: HttpAnswer = yield Send(request, timeout_s)
    return answer


def run(steps: Steps[T], clocks: Clocks) -> T:
    """Take the steps in this thread, and give what they come to."""
    resume: Callable[[], Effect] = partial(next, steps)
    while True:
        try:
            effect = resume()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            resume = partial(steps.send, _perform(effect, clocks))
        except BaseException as error:  # noqa: BLE001 - the steps decide; what they do not catch comes out of them
            resume = partial(steps.throw, error)


async def run_async(steps: Steps[T], clocks: Clocks) -> T:
    """Take the steps in this task, and give what they come to."""
    resume: Callable[[], Effect] = partial(next, steps)
    while True:
        try:
            effect = resume()
        except StopIteration as end:
            result: T = end.value
            return result
        try:
            resume = partial(steps.send, await _perform_async(effect, clocks))
        except BaseException as error:  # noqa: BLE001 - as above; a cancellation too, so that a lease is given back
            resume = partial(steps.throw, error)


def _perform(effect: Effect, clocks: Clocks) -> object:
    match effect:
        case Call(function):
            return function()
        case Send(request, timeout_s):
            return transport.send(request, timeout_s)
        case Pause(seconds):
            clocks.sleep(seconds)
            return None


async def _perform_async(effect: Effect, clocks: Clocks) -> object:
    match effect:
        case Call(function):
            return await asyncio.to_thread(function)
        case Send(request, timeout_s):
            return await transport.send_async(request, timeout_s)
        case Pause(seconds):
            await clocks.sleep_async(seconds)
            return None
