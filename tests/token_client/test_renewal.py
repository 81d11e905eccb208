"""Renewal ahead of expiry, in the background; and after an API rejected a token."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest

from tests.token_client.authorization_server import held, raw, refusal, serving, token
from tests.token_client.clients import Secret, Sheaf
from tests.token_client.hands import Hands
from tests.token_client.memory_store import MemoryStore
from tests.token_client.test_flight import until
from token_client import AccessToken, AsyncTokenClient, ServerUnavailableError
from token_client.store.protocol import TokenKey

Maker = Callable[..., Any]
_DUE_S = 3400


def landed(client: Any) -> None:
    """Wait for the background to have come to an end."""
    until(lambda: not client.client._source.flights.is_under_way)  # noqa: SLF001 - nothing else tells of the background


def test_a_renewal_keeps_nobody_waiting_and_happens_once(made: Maker) -> None:
    """A hundred calls while it is under way get the old token at once; afterwards all get the new one."""
    hands, gate = Hands(), Event()
    with (
        serving(token(), held(gate, token("token-2")), token("token-3")) as server,
        made(server.url, clocks=hands.clocks) as client,
    ):
        client.token()
        hands.turn(_DUE_S)
        began = time.monotonic()
        assert {client.token() for _ in range(100)} == {"token-1"}
        assert time.monotonic() - began < 1
        until(lambda: len(server.token_requests) == 2)
        gate.set()
        landed(client)
        assert {client.token() for _ in range(100)} == {"token-2"}
        assert len(server.token_requests) == 2


def test_a_renewal_that_many_see_to_be_due_happens_once(made: Maker) -> None:
    """Fifty threads find it due at the same moment, again and again: each time there is one request."""
    hands = Hands()
    answers = [token(f"token-{number}") for number in range(12)]
    with (
        serving(*answers) as server,
        made(server.url, clocks=hands.clocks) as client,
        ThreadPoolExecutor(50) as pool,
    ):
        client.token()
        for number in range(1, 11):
            hands.turn(_DUE_S)
            list(pool.map(lambda _: client.token(), range(200)))
            landed(client)
            assert client.token() == f"token-{number}"
        assert len(server.token_requests) == 11


def test_a_renewal_that_fails_is_tried_again_in_growing_pauses(made: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """5, 10, 20, 40, 60 and 60 seconds later, and each failure is logged; once it succeeds all is forgotten."""
    hands = Hands()
    with (
        serving(token(), raw(b"", 500)) as server,
        made(server.url, retries=0, clocks=hands.clocks) as client,
        caplog.at_level(logging.WARNING, "token_client"),
    ):
        client.token()
        hands.turn(3300)
        for failures, pause_s in enumerate((5, 10, 20, 40, 60, 60), 1):
            client.token()
            landed(client)
            assert len(caplog.records) == failures
            hands.turn(pause_s - 0.1)
            assert client.token() == "token-1"
            landed(client)
            assert len(server.token_requests) == 1 + failures
            hands.turn(0.2)
        server.answers = [token("token-2")]
        client.token()
        landed(client)
        assert client.token() == "token-2"
        server.answers = [raw(b"", 500)]
        hands.turn(3300)
        client.token()
        landed(client)
        hands.turn(5.1)
        client.token()
        landed(client)
        assert len(server.token_requests) == 1 + 6 + 1 + 2


@pytest.mark.parametrize("steps", ["obtained", "renewed"])
def test_whoever_leads_looks_into_memory_once_more(made: Maker, steps: str) -> None:
    """Another flight landed between the look that led here and the boarding: nothing is done a second time."""
    with serving() as server, made(server.url) as client:
        token = client.access_token()
        with pytest.raises(StopIteration) as end:
            next(getattr(client.client._source, steps)())  # noqa: SLF001 - no crowd hits this moment for certain
        assert end.value.value == token


@pytest.mark.parametrize("seconds", [20, 100])
def test_a_renewal_waits_as_long_as_the_server_asks(made: Maker, seconds: int) -> None:
    """Retry-After counts where it is longer than the pause."""
    hands = Hands()
    with (
        serving(token(), raw(b"", 503, Retry_After=str(seconds)), token("token-2")) as server,
        made(server.url, retries=0, clocks=hands.clocks) as client,
    ):
        client.token()
        hands.turn(3300)
        client.token()
        landed(client)
        hands.turn(seconds - 1)
        client.token()
        landed(client)
        assert len(server.token_requests) == 2
        hands.turn(2)
        client.token()
        landed(client)
        assert client.token() == "token-2"


def test_whoever_needs_a_token_joins_the_renewal_that_is_under_way(made: Maker) -> None:
    """The token ends while it is being renewed: there is no second request."""
    hands, gate = Hands(), Event()
    with (
        serving(token(), held(gate, token("token-2"))) as server,
        made(server.url, clocks=hands.clocks) as client,
        ThreadPoolExecutor(5) as pool,
    ):
        client.token()
        hands.turn(_DUE_S)
        client.token()
        until(lambda: len(server.token_requests) == 2)
        hands.turn(200)
        waiting = [pool.submit(client.token) for _ in range(5)]
        time.sleep(0.1)
        gate.set()
        assert [each.result() for each in waiting] == ["token-2"] * 5
        assert len(server.token_requests) == 2


def test_what_a_callable_of_the_users_raises_is_logged_by_its_name(
    made: Maker, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody knows what its text holds."""
    hands, sheaf = Hands(), Sheaf()
    with (
        serving() as server,
        made(server.url, credentials=sheaf, clocks=hands.clocks) as client,
        caplog.at_level(logging.WARNING, "token_client"),
    ):
        client.token()
        sheaf.error = ZeroDivisionError("s3cret")
        hands.turn(_DUE_S)
        assert client.token() == "token-1"
        landed(client)
    assert caplog.messages == ["the token could not be renewed, and serves on: ZeroDivisionError"]


def test_a_client_that_is_closed_renews_no_more(made: Maker) -> None:
    """It still gives the token that it has."""
    hands = Hands()
    with serving(token(), token("token-2")) as server, made(server.url, clocks=hands.clocks) as client:
        client.token()
        client.close()
        hands.turn(_DUE_S)
        assert client.token() == "token-1"
        landed(client)
        assert len(server.token_requests) == 1


def store_and_key(hands: Hands, url: str) -> tuple[MemoryStore, TokenKey]:
    """Give a store and the key of the clients here."""
    return MemoryStore(lambda: hands.wall), TokenKey(url, "client-1")


def test_one_process_renews_and_the_others_take_its_token(made: Maker) -> None:
    """The second one finds the lease held, leaves it, and looks some seconds later; its token serves on meanwhile."""
    hands, gate = Hands(), Event()
    with serving(token(), held(gate, token("token-2"))) as server:
        store, _ = store_and_key(hands, server.url)
        with (
            made(server.url, store=store, clocks=hands.clocks) as first,
            made(server.url, store=store, clocks=hands.clocks) as second,
        ):
            assert (first.token(), second.token()) == ("token-1", "token-1")
            hands.turn(_DUE_S)
            first.token()
            until(lambda: len(server.token_requests) == 2)
            assert second.token() == "token-1"
            landed(second)
            gate.set()
            landed(first)
            assert (first.token(), second.token()) == ("token-2", "token-1")
            hands.turn(5.1)
            second.token()
            landed(second)
            assert second.token() == "token-2"
        assert len(server.token_requests) == 2


def test_a_renewal_does_without_a_store_that_fails(made: Maker) -> None:
    """As a first token does."""
    hands = Hands()
    with serving(token(), token("token-2")) as server:
        store, _ = store_and_key(hands, server.url)
        with made(server.url, store=store, clocks=hands.clocks) as client:
            client.token()
            store.down = {"read"}
            hands.turn(_DUE_S)
            client.token()
            landed(client)
            assert client.token() == "token-2"


def test_an_event_loop_that_ends_gives_the_lease_back() -> None:
    """`asyncio.run` ends while a renewal is under way: nothing is left behind, and it is not begun anew at once."""
    hands = Hands()

    async def main(client: AsyncTokenClient, *, asked: Callable[[], bool]) -> str:
        value = await client.token()
        await asyncio.to_thread(until, asked)
        return value

    gate = Event()
    with serving(token(), held(gate, token("token-2")), token("token-3")) as server:
        store, _ = store_and_key(hands, server.url)
        client = AsyncTokenClient(server.url, credentials=Sheaf(), store=store, clocks=hands.clocks)
        asyncio.run(main(client, asked=lambda: True))
        hands.turn(_DUE_S)
        assert asyncio.run(main(client, asked=lambda: len(server.token_requests) == 2)) == "token-1"
        assert store.calls[-1] == "release"
        assert store.item.owner is None
        flights = client._source.flights  # noqa: SLF001 - as above
        assert asyncio.run(main(client, asked=lambda: not flights.is_under_way)) == "token-1"
        assert len(server.token_requests) == 2
        hands.turn(200)
        assert asyncio.run(main(client, asked=lambda: True)) == "token-3"
        gate.set()


def test_closing_ends_a_renewal_of_this_event_loop() -> None:
    """Its lease is given back before `aclose` returns."""
    hands, gate = Hands(), Event()

    async def main(url: str, store: MemoryStore, *, asked: Callable[[], bool]) -> None:
        async with AsyncTokenClient(url, credentials=Sheaf(), store=store, clocks=hands.clocks) as client:
            await client.token()
            hands.turn(_DUE_S)
            await client.token()
            await asyncio.to_thread(until, asked)
        assert store.item.owner is None

    with serving(token(), held(gate, token("token-2"))) as server:
        store, _ = store_and_key(hands, server.url)
        asyncio.run(main(server.url, store, asked=lambda: len(server.token_requests) == 2))
        gate.set()


def other(value: str) -> AccessToken:
    """Make a token that this client does not have."""
    return AccessToken(value, "Bearer", (), 0, 1)


def test_a_rejected_token_is_replaced_once(made: Maker) -> None:
    """By a hundred calls that were rejected with it; whoever comes later with the old one gets the new one."""
    hands, gate = Hands(), Event()
    with (
        serving(token(), held(gate, token("token-2"))) as server,
        made(server.url, clocks=hands.clocks) as client,
        ThreadPoolExecutor(100) as pool,
    ):
        rejected = client.access_token()
        waiting = [pool.submit(client.renew, rejected) for _ in range(100)]
        until(lambda: len(server.token_requests) == 2)
        time.sleep(0.1)
        gate.set()
        assert {each.result().value for each in waiting} == {"token-2"}
        assert client.renew(rejected).value == "token-2"
        assert client.renew(other("any")).value == "token-2"
        assert len(server.token_requests) == 2


def test_a_token_that_is_rejected_again_and_again_is_not_to_blame(made: Maker) -> None:
    """Within 30 seconds of the last time there is none; then there is."""
    hands = Hands()
    with (
        serving(*(token(f"token-{number}") for number in range(5))) as server,
        made(server.url, clocks=hands.clocks) as client,
    ):
        client.token()
        assert client.renew(client.access_token()).value == "token-1"
        hands.turn(29)
        assert client.renew(client.access_token()) is None
        hands.turn(2)
        assert client.renew(client.access_token()).value == "token-2"
        assert len(server.token_requests) == 3


def test_a_server_that_gives_the_same_token_again_gives_no_other(made: Maker) -> None:
    """Some servers do, until it expires."""
    with serving() as server, made(server.url) as client:
        assert client.renew(client.access_token()) is None
        assert len(server.token_requests) == 2


@pytest.mark.parametrize("answer", [raw(b"", 503), refusal("invalid_scope")])
def test_a_rejected_token_serves_on_where_there_is_no_other(made: Maker, answer: Any) -> None:
    """One API may be wrong about it: nothing is lost by asking. And one failure is not followed by another at once."""
    hands = Hands()
    with (
        serving(token(), answer) as server,
        made(server.url, retries=0, clocks=hands.clocks) as client,
    ):
        rejected = client.access_token()
        with pytest.raises(Exception, match=r"503|invalid_scope"):
            client.renew(rejected)
        assert client.token() == "token-1"
        assert client.renew(rejected) is None
        assert len(server.token_requests) == 2


def test_a_token_that_was_rejected_and_has_ended_is_replaced_as_any_other(made: Maker) -> None:
    """Without one in memory the 30 seconds do not count for `token()`."""
    hands = Hands()
    with (
        serving(token(), raw(b"", 503), token("token-2")) as server,
        made(server.url, retries=0, clocks=hands.clocks) as client,
    ):
        rejected = client.access_token()
        with pytest.raises(ServerUnavailableError):
            client.renew(rejected)
        hands.turn(3600)
        assert client.token() == "token-2"


def test_another_processs_token_takes_the_place_of_a_rejected_one(made: Maker) -> None:
    """It is in the store already."""
    hands = Hands()
    with serving(token(), token("not this one")) as server:
        store, key = store_and_key(hands, server.url)
        with made(server.url, store=store, clocks=hands.clocks) as client:
            rejected = client.access_token()
            slot = store.slot(key, Secret().secret)
            slot.acquire("other", 1)
            at = int(hands.wall * 1000)
            slot.write("other", AccessToken("theirs", "Bearer", (), at, at + 3_600_000))
            assert client.renew(rejected).value == "theirs"
        assert len(server.token_requests) == 1
