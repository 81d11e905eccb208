"""One fetch at a time: threads, tasks of several event loops, both, and whatever becomes of whoever leads."""

import asyncio
import gc
import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from threading import Event
from typing import Any

import pytest

from tests.token_client.authorization_server import AuthorizationServer, held, raw, serving, silent, token
from tests.token_client.clients import Loop, Secret, Sheaf, looping
from tests.token_client.hands import Hands
from token_client import AsyncTokenClient, ServerUnavailableError, TokenClient, forks
from token_client.access_token import AccessToken
from token_client.flight import Flights

_A_WHILE_S = 0.2
_PATIENT_S = 10.0


@contextmanager
def holding() -> Iterator[tuple[AuthorizationServer, Event]]:
    """Run a server that gives its first token when the gate is opened, and later ones at once."""
    gate = Event()
    with serving(held(gate, token()), token("token-2")) as server:
        try:
            yield server, gate
        finally:
            gate.set()


def until(condition: Callable[[], object]) -> None:
    """Wait for something to become true."""
    end = time.monotonic() + _PATIENT_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def in_a_fork(check: Callable[[], bool]) -> bool:
    """Fork, and give what a check says in the child."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from 3.12 on: a fork with threads is the point here
        pid = os.fork()
    if pid == 0:
        threading.Timer(_PATIENT_S, os._exit, (2,)).start()
        os._exit(0 if check() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_200_threads_that_start_cold_ask_once() -> None:
    """All of them get the one token."""
    with holding() as (server, gate), TokenClient(server.url, credentials=Sheaf()) as client:
        with ThreadPoolExecutor(200) as pool:
            waiting = [pool.submit(client.token) for _ in range(200)]
            until(lambda: server.token_requests)
            time.sleep(_A_WHILE_S)
            gate.set()
            assert {each.result() for each in waiting} == {"token-1"}
        assert len(server.token_requests) == 1


def test_200_tasks_that_start_cold_ask_once() -> None:
    """All of them get the one token."""

    async def main(client: AsyncTokenClient) -> set[str]:
        return set(await asyncio.gather(*(client.token() for _ in range(200))))

    with serving(token(), token("token-2")) as server:
        assert asyncio.run(main(AsyncTokenClient(server.url, credentials=Sheaf()))) == {"token-1"}
        assert len(server.token_requests) == 1


def test_tasks_of_several_event_loops_ask_once() -> None:
    """Four threads with a loop each, 50 tasks in each."""

    async def crowd(client: AsyncTokenClient) -> set[str]:
        return set(await asyncio.gather(*(client.token() for _ in range(50))))

    with holding() as (server, gate), ThreadPoolExecutor(4) as pool:
        client = AsyncTokenClient(server.url, credentials=Sheaf())
        waiting = [pool.submit(asyncio.run, crowd(client)) for _ in range(4)]
        until(lambda: server.token_requests)
        time.sleep(_A_WHILE_S)
        gate.set()
        assert [each.result() for each in waiting] == [{"token-1"}] * 4
        assert len(server.token_requests) == 1


def test_threads_and_event_loops_that_share_a_client_ask_once() -> None:
    """A client for threads, called by 50 of them and by 20 tasks of each of two loops, which wait in threads."""

    async def crowd(client: TokenClient) -> set[str]:
        return set(await asyncio.gather(*(asyncio.to_thread(client.token) for _ in range(20))))

    with holding() as (server, gate), ThreadPoolExecutor(52) as pool:
        client = TokenClient(server.url, credentials=Sheaf())
        in_threads = [pool.submit(client.token) for _ in range(50)]
        in_loops = [pool.submit(asyncio.run, crowd(client)) for _ in range(2)]
        until(lambda: server.token_requests)
        time.sleep(_A_WHILE_S)
        gate.set()
        assert {each.result() for each in in_threads} == {"token-1"}
        assert [each.result() for each in in_loops] == [{"token-1"}] * 2
        assert len(server.token_requests) == 1


@pytest.mark.parametrize("leads", ["thread", "task"])
def test_a_flight_is_waited_for_by_threads_and_tasks_alike(leads: str) -> None:
    """Whoever leads, those in threads and in two loops land with it."""
    flights, landed = Flights(), AccessToken("token", "Bearer", (), 0, 1)

    async def wait_in_a_task(is_alive: Callable[[], bool]) -> AccessToken | None:
        flight, is_new = flights.board(is_alive)
        assert not is_new
        return await flight.wait_async()

    def wait_in_a_thread() -> AccessToken | None:
        flight, is_new = flights.board(lambda: True)
        assert not is_new
        return flight.wait()

    with looping() as one, looping() as two, ThreadPoolExecutor(20) as pool:
        flight, is_new = flights.board((lambda: True) if leads == "thread" else one.loop.is_running)
        assert is_new
        waiting = [pool.submit(wait_in_a_thread) for _ in range(10)]
        waiting += [pool.submit(loop.wait, wait_in_a_task(lambda: True)) for loop in (one, two) for _ in range(5)]
        time.sleep(_A_WHILE_S)
        if leads == "thread":
            flights.end(flight, landed)
        else:
            one.loop.call_soon_threadsafe(flights.end, flight, landed)
        assert [each.result() for each in waiting] == [landed] * 20
    assert not flights.is_under_way


def test_an_error_is_that_of_all_who_wait() -> None:
    """They do not ask one after the other."""
    gate = Event()
    with (
        serving(held(gate, raw(b"", 503))) as server,
        TokenClient(token_endpoint=server.token_endpoint, credentials=Sheaf(), retries=0) as client,
        ThreadPoolExecutor(50) as pool,
    ):
        waiting = [pool.submit(client.token) for _ in range(50)]
        until(lambda: server.asked)
        time.sleep(_A_WHILE_S)
        gate.set()
        assert all(isinstance(each.exception(), ServerUnavailableError) for each in waiting)
        assert len(server.asked) == 1


def test_a_leader_that_is_cancelled_does_not_fail_the_others() -> None:
    """The first to ask gives up: the fetch goes on, and the others get its token."""

    async def main(client: AsyncTokenClient, server: AuthorizationServer, gate: Event) -> list[str]:
        leader = asyncio.create_task(client.token())
        others = [asyncio.create_task(client.token()) for _ in range(10)]
        await asyncio.to_thread(until, lambda: server.token_requests)
        leader.cancel()
        others.pop().cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        gate.set()
        return await asyncio.gather(*others)

    with holding() as (server, gate):
        client = AsyncTokenClient(server.url, credentials=Sheaf())
        assert asyncio.run(main(client, server, gate)) == ["token-1"] * 9
        assert len(server.token_requests) == 1


def test_a_time_out_of_the_callers_own_leaves_the_fetch_alone() -> None:
    """The only one to wait gives up; its next call finds the token that came meanwhile."""

    async def main(client: AsyncTokenClient, gate: Event) -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(_A_WHILE_S):
                await client.token()
        gate.set()
        return await client.token()

    with holding() as (server, gate):
        assert asyncio.run(main(AsyncTokenClient(server.url, credentials=Sheaf()), gate)) == "token-1"
        assert len(server.token_requests) == 1


@contextmanager
def left_by_its_loop(end: Callable[[Loop], None]) -> Iterator[tuple[AuthorizationServer, AsyncTokenClient, Loop]]:
    """Have a loop begin a fetch, and end before it has landed."""
    with ExitStack() as stack:
        server, _ = stack.enter_context(holding())
        loop = stack.enter_context(looping())
        client = AsyncTokenClient(server.url, credentials=Sheaf())
        asyncio.run_coroutine_threadsafe(client.token(), loop.loop)
        until(lambda: server.token_requests)
        with ThreadPoolExecutor(1) as pool, looping() as other:
            waiting = pool.submit(other.wait, client.token())
            time.sleep(_A_WHILE_S)
            end(loop)
            assert waiting.result(_PATIENT_S) == "token-2"
        yield server, client, loop


def test_a_loop_that_is_closed_does_not_fail_those_of_another() -> None:
    """`asyncio.run` ends in one thread while its fetch is under way: somebody else leads, in a loop of their own."""
    with left_by_its_loop(Loop.close) as (server, _, _):
        assert len(server.token_requests) == 2


def test_a_loop_that_has_stopped_does_not_fail_those_of_another() -> None:
    """Nor does one that nobody runs any more; should it go on, it does no harm."""
    with left_by_its_loop(Loop.stop) as (server, client, loop):
        assert len(server.token_requests) == 2
        loop.loop.run_until_complete(asyncio.sleep(_A_WHILE_S))
        assert asyncio.run(client.token()) == "token-2"


def test_a_client_serves_one_loop_after_another() -> None:
    """As in a script, or a Lambda, that calls `asyncio.run` several times."""
    with serving() as server:
        client = AsyncTokenClient(server.url, credentials=Sheaf())
        assert [asyncio.run(client.token()) for _ in range(3)] == ["token-1"] * 3
        assert len(server.token_requests) == 1


def test_a_leader_that_is_interrupted_does_not_fail_the_others() -> None:
    """Ctrl-C in the thread that leads: it is interrupted, and another leads."""
    gate, entered = Event(), Event()

    class Interrupted(Sheaf):
        def load(self, *, fresh: bool = False) -> Any:
            super().load(fresh=fresh)
            if len(self.loads) == 1:
                entered.set()
                gate.wait()
                raise KeyboardInterrupt
            return Secret()

    with serving() as server, ThreadPoolExecutor(10) as pool:
        client = TokenClient(server.url, credentials=Interrupted())
        leader = pool.submit(client.token)
        entered.wait()
        others = [pool.submit(client.token) for _ in range(9)]
        time.sleep(_A_WHILE_S)
        gate.set()
        assert isinstance(leader.exception(), KeyboardInterrupt)
        assert [each.result() for each in others] == ["token-1"] * 9
        assert len(server.token_requests) == 1


def test_a_fork_begins_anew_where_a_fetch_was_under_way() -> None:
    """Its leader is not in the child, nor whoever had the lock: the child asks for itself. The parent's goes on."""
    with holding() as (server, gate), ThreadPoolExecutor(1) as pool:
        client = TokenClient(server.url, credentials=Sheaf())
        waiting = pool.submit(client.token)
        until(lambda: server.token_requests)
        with client._source.flights._lock:  # noqa: SLF001 - as if a thread were just boarding
            is_good = in_a_fork(lambda: client.token() == "token-2")
        assert is_good
        gate.set()
        assert waiting.result() == "token-1"


def test_a_fork_keeps_the_token_that_there_was() -> None:
    """As gunicorn's workers do, of a client that was warm before they were forked."""
    with serving() as server:
        client = TokenClient(server.url, credentials=Sheaf())
        client.token()
        assert in_a_fork(lambda: client.token() == "token-1")
        assert len(server.token_requests) == 1


def test_clients_that_are_gone_are_forgotten() -> None:
    """What is done after a fork keeps no client alive."""
    gc.collect()
    before = len(forks._every)  # noqa: SLF001 - this test alone looks inside
    client = TokenClient("https://as.example", credentials=Sheaf())
    assert len(forks._every) == before + 1  # noqa: SLF001 - as above
    del client
    gc.collect()
    assert len(forks._every) == before  # noqa: SLF001 - as above


def test_waiting_in_a_loop_keeps_it_free() -> None:
    """While a token is fetched, credentials read and a store asked, the loop does other things."""

    class Slow(Sheaf):
        def load(self, *, fresh: bool = False) -> Any:
            time.sleep(_A_WHILE_S)
            return super().load(fresh=fresh)

    async def main(client: AsyncTokenClient) -> float:
        asking = asyncio.create_task(client.token())
        longest, last = 0.0, time.monotonic()
        while not asking.done():
            await asyncio.sleep(0.001)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return longest

    with serving() as server:
        assert asyncio.run(main(AsyncTokenClient(server.url, credentials=Slow()))) < _A_WHILE_S


def test_nobody_is_left_behind_by_a_crowd_that_comes_and_goes() -> None:
    """Tasks that are cancelled at random moments, over and over: whoever stays gets a token."""

    async def one(client: AsyncTokenClient, patience_s: float) -> str | None:
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                return await client.token()
        return None

    async def main(client: AsyncTokenClient) -> list[str | None]:
        return await asyncio.gather(*(one(client, _PATIENT_S if n % 5 == 0 else n / 1000) for n in range(100)))

    for _ in range(3):
        with serving(silent, token()) as server:
            tokens = asyncio.run(
                main(AsyncTokenClient(server.url, credentials=Sheaf(), timeout_s=0.15, retry_interval_ms=1))
            )
            assert tokens[::5] == ["token-1"] * 20
            assert len(server.token_requests) == 2


def test_a_leader_that_is_cancelled_before_its_first_step_keeps_nobody() -> None:
    """As a service does that cancels every task when it ends: whoever asks after that is not kept waiting."""

    async def main(client: AsyncTokenClient) -> str:
        asking = asyncio.create_task(client.token())
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        async with asyncio.timeout(_PATIENT_S):
            return await client.token()

    with serving() as server:
        assert asyncio.run(main(AsyncTokenClient(server.url, credentials=Sheaf()))) == "token-1"


@pytest.mark.parametrize("ask", [TokenClient.token, lambda client: client.renew(AccessToken("no", "Bearer", (), 0, 1))])
def test_an_interrupt_just_before_the_lead_keeps_nobody(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[TokenClient], object]
) -> None:
    """Ctrl-C, or what a signal raises, between boarding and leading: the next call leads."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with serving() as server:
        client = TokenClient(server.url, credentials=Sheaf())
        with monkeypatch.context() as patch:  # a signal cannot be sent to so narrow a place
            patch.setattr(TokenClient, "_lead", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ask(client)
        assert not client._source.flights.is_under_way  # noqa: SLF001 - or the next call would wait for ever
        assert client.token() == "token-1"


def test_an_interrupt_before_a_renewal_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same while the thread of a renewal is begun."""

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    hands = Hands()
    with serving(token(), token("token-2")) as server:
        client = TokenClient(server.url, credentials=Sheaf(), clocks=hands.clocks)
        client.token()
        hands.turn(3_400)
        with monkeypatch.context() as patch:  # as above
            patch.setattr("token_client.client.Thread", interrupted)
            with pytest.raises(KeyboardInterrupt):
                client.token()
        hands.turn(300)
        assert not client._source.flights.is_under_way  # noqa: SLF001 - as above
        assert client.token() == "token-2"
