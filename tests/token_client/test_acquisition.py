"""A token that processes share: who fetches it, who waits for whom, and what becomes of a store that fails."""

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import pytest

from tests.token_client.authorization_server import AuthorizationServer, held, raw, refusal, serving, token
from tests.token_client.clients import Secret, Sheaf
from tests.token_client.hands import Hands
from tests.token_client.memory_store import MemoryStore
from token_client import AccessToken, ServerUnavailableError, TokenClient, TokenRefusedError
from token_client.store.protocol import TokenKey

Maker = Callable[..., Any]
_COLD = ["read", "acquire", "read", "write"]


def store_of(hands: Hands) -> MemoryStore:
    """Give a store with the time of these hands."""
    return MemoryStore(lambda: hands.wall)


def issued(hands: Hands, value: str, life_s: float = 3600, ago_s: float = 0) -> AccessToken:
    """Make a token that another process got some time ago."""
    at = int((hands.wall - ago_s) * 1000)
    return AccessToken(value, "Bearer", (), at, at + int(life_s * 1000))


def key_of(server: AuthorizationServer) -> TokenKey:
    """Give the key of the clients here."""
    return TokenKey(server.token_endpoint, "client-1")


def test_a_token_is_written_once_and_read_by_the_others(made: Maker) -> None:
    """The first process fetches, and looks again once it has the lease; the second one reads."""
    hands = Hands()
    store = store_of(hands)
    with serving() as server:
        for calls in (_COLD, [*_COLD, "read"]):
            with made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client:
                assert client.token() == "token-1"
            assert store.calls == calls
        assert len(server.asked) == 1
        assert list(store.items) == [key_of(server)]
        assert store.item.owner is None


def test_a_key_has_all_that_a_token_depends_on(made: Maker) -> None:
    """Issuer, client, scope and resource in any order, parameters, and the key of a bound token."""
    hands = Hands()
    store = store_of(hands)
    with serving() as server:
        wanted = {
            "scope": "b a b",
            "resource": ["https://y.example", "https://x.example"],
            "parameters": {"b": "2", "a": "1"},
        }
        with made(server.url, store=store, clocks=hands.clocks, **wanted) as client:
            client.token()
        assert list(store.items) == [
            TokenKey(
                server.url,
                "client-1",
                ("a", "b"),
                ("https://x.example", "https://y.example"),
                None,
                (("a", "1"), ("b", "2")),
            )
        ]
        store.items.clear()
        server.answers = [token(token_type="DPoP")]
        with made(server.url, store=store, clocks=hands.clocks, dpop=True) as client:
            client.token()
            assert [key.jkt for key in store.items] == [client.client.dpop_key.jkt]


@pytest.mark.parametrize("ago_s", [3591, 3600, 7200])
def test_a_stored_token_of_no_use_is_replaced(made: Maker, ago_s: int) -> None:
    """One whose end has come, or as good as."""
    hands = Hands()
    store = store_of(hands)
    with serving(token("token-2")) as server:
        slot = store.slot(key_of(server), Secret().secret)
        slot.acquire("other", 1)
        slot.write("other", issued(hands, "token-1", ago_s=ago_s))
        with made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client:
            assert client.token() == "token-2"


def test_whoever_has_no_lease_waits_for_the_token(made: Maker) -> None:
    """Looking in growing intervals, up to half a second, until the holder has written."""
    hands = Hands()
    store = store_of(hands)
    with serving() as server:
        slot = store.slot(key_of(server), Secret().secret)
        slot.acquire("other", 100)

        def pause(seconds: float) -> None:
            Hands.pause(hands, seconds)
            if len(hands.pauses) == 6:
                slot.write("other", issued(hands, "theirs"))

        hands.pause = pause  # type: ignore[method-assign] # the other process writes while this one waits
        with made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client:
            assert client.token() == "theirs"
        assert server.asked == []
    assert hands.pauses == pytest.approx([0.05, 0.1, 0.2, 0.4, 0.5, 0.5])


def test_a_token_that_was_written_just_before_the_lease_was_taken_is_found(made: Maker) -> None:
    """Between our look and our taking the lease its holder writes and frees it: nobody fetches a second one."""
    hands = Hands()
    store = store_of(hands)
    with serving() as server:
        slot = store.slot(key_of(server), Secret().secret)
        theirs = issued(hands, "theirs")

        class JustWritten(list[str]):
            def append(self, operation: str) -> None:
                super().append(operation)
                if operation == "acquire":
                    store.item.token, store.item.secret = theirs, slot.secret

        store.calls = JustWritten()
        with made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client:
            assert client.token() == "theirs"
        assert (server.asked, store.calls[-1], store.item.owner) == ([], "release", None)


@pytest.mark.parametrize("store_stands_still", [False, True])
def test_a_holder_that_was_killed_is_followed_within_the_leases_time(made: Maker, store_stands_still: bool) -> None:
    """Also where the store's clock is of no help: the same holder for a lease's time by the own clock is no more."""
    hands = Hands()
    start = hands.wall
    store = MemoryStore(lambda: start if store_stands_still else hands.wall)
    with serving() as server:
        store.slot(key_of(server), None).acquire("killed", 15)
        with made(token_endpoint=server.token_endpoint, store=store, lease_s=15, clocks=hands.clocks) as client:
            assert client.token() == "token-1"
    assert 14 < hands.wall - start < 16


def test_a_lease_that_is_prolonged_is_respected_for_three_times_its_time(made: Maker) -> None:
    """A holder that works is not overtaken; one that never comes to an end is not waited for for ever."""
    hands = Hands()
    start, store = hands.wall, store_of(hands)
    with serving() as server:
        slot = store.slot(key_of(server), None)
        slot.acquire("other-0", 15)

        def pause(seconds: float) -> None:
            Hands.pause(hands, seconds)
            held_by = store.item.owner
            assert held_by is not None
            assert held_by.startswith("other")
            slot.acquire(f"other-{hands.wall // 10}", 15, instead_of=held_by)

        hands.pause = pause  # type: ignore[method-assign] # the other process prolongs while this one waits
        with made(token_endpoint=server.token_endpoint, store=store, lease_s=15, clocks=hands.clocks) as client:
            assert client.token() == "token-1"
        assert store.item.owner is not None
        assert store.item.owner.startswith("other")
    assert 45 <= hands.wall - start < 46


def test_a_holder_that_takes_long_keeps_its_lease(made: Maker) -> None:
    """Through pauses as long as a server may ask for: another process never finds it the same for a lease's time."""
    hands = Hands()
    store = store_of(hands)
    seen: list[tuple[float, str | None]] = []
    with serving(raw(b"", 503, Retry_After="30"), raw(b"", 503, Retry_After="30"), token()) as server:
        slot = store.slot(key_of(server), None)

        def pause(seconds: float) -> None:
            seen.append((hands.monotonic, slot.read().lease_owner))
            Hands.pause(hands, seconds)
            assert slot.read().lease_owner is not None

        hands.pause = pause  # type: ignore[method-assign] # another process looks while this one waits
        with made(
            token_endpoint=server.token_endpoint, store=store, timeout_s=4, lease_s=6, clocks=hands.clocks
        ) as client:
            assert client.token() == "token-1"
    assert store.item.token is not None
    first = {owner: min(at for at, other in seen if other == owner) for _, owner in seen}
    assert all(at - first[owner] < 6 for at, owner in seen)
    assert sum(hands.pauses) == 60


def test_a_lease_that_is_lost_does_no_harm(made: Maker) -> None:
    """Another process took it: the token is used here, and the other's stays in the store."""
    hands = Hands()
    store = store_of(hands)
    with serving(raw(b"", 503), token("ours")) as server:
        slot = store.slot(key_of(server), Secret().secret)

        def pause(seconds: float) -> None:
            Hands.pause(hands, seconds)
            owner = store.item.owner
            assert slot.acquire("other", 100, instead_of=owner)

        hands.pause = pause  # type: ignore[method-assign] # the other process takes over while this one waits
        with made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client:
            assert client.token() == "ours"
        assert (store.item.owner, store.item.token) == ("other", None)


@pytest.mark.parametrize("answer", [refusal("invalid_scope"), raw(b"", 503), raw(b"", 503, Retry_After="99")])
def test_a_fetch_that_fails_gives_the_lease_back(made: Maker, answer: Any) -> None:
    """The next process need not wait."""
    hands = Hands()
    store = store_of(hands)
    with (
        serving(answer) as server,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client,
        pytest.raises((TokenRefusedError, ServerUnavailableError)),
    ):
        client.token()
    assert store.calls[-1] == "release"
    assert store.item.owner is None


def test_while_the_server_is_not_to_be_asked_no_lease_is_taken(made: Maker) -> None:
    """The store is read, where another process may have put a token."""
    hands = Hands()
    store = store_of(hands)
    with (
        serving(raw(b"", 503, Retry_After="99")) as server,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client,
    ):
        for _ in range(2):
            with pytest.raises(ServerUnavailableError):
                client.token()
        assert store.calls == ["read", "acquire", "read", "release", "read"]
        slot = store.slot(key_of(server), Secret().secret)
        slot.acquire("other", 1)
        slot.write("other", issued(hands, "theirs"))
        assert client.token() == "theirs"
        assert len(server.asked) == 1


@pytest.mark.parametrize("operation", ["read", "acquire", "write"])
def test_a_store_that_fails_is_done_without(made: Maker, operation: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whichever operation it is, there is a token, and a warning that names the cause."""
    hands = Hands()
    store = store_of(hands)
    store.down = {operation}
    with (
        serving() as server,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client,
        caplog.at_level(logging.WARNING, "token_client"),
    ):
        assert client.token() == "token-1"
    assert [record.getMessage() for record in caplog.records] == [
        f"the token store is not used: {operation}: throttled"
    ]


def test_a_store_that_fails_under_the_lease_is_done_without(made: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """It fails when the lease has been taken: at the second look, at prolonging, at giving back."""
    hands = Hands()
    store = store_of(hands)

    class Failing(set[str]):
        def __contains__(self, operation: object) -> bool:
            return "acquire" in store.calls[:-1]

    store.down = Failing()
    with (
        serving(raw(b"", 503, Retry_After="20"), refusal("invalid_scope")) as server,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client,
        caplog.at_level(logging.WARNING, "token_client"),
        pytest.raises(TokenRefusedError),
    ):
        client.token()
    assert store.calls == ["read", "acquire", "read", "acquire", "acquire", "acquire", "release"]
    assert "prolonged" in caplog.text


def test_a_store_that_is_down_is_complained_of_once_a_minute(made: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """And not at each token."""
    hands = Hands()
    store = store_of(hands)
    store.down = {"read"}
    with (
        serving(token(expires_in=1)) as server,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client,
        caplog.at_level(logging.WARNING, "token_client"),
    ):
        for warnings in (1, 1, 1, 2):
            client.token()
            assert len(caplog.records) == warnings
            hands.turn(25)


def test_a_store_that_is_down_loses_no_token_in_memory(made: Maker) -> None:
    """It is not asked while there is one."""
    hands = Hands()
    store = store_of(hands)
    with serving() as server, made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as client:
        client.token()
        store.down = {"read", "acquire", "write", "release"}
        assert client.token() == "token-1"
        assert store.calls == _COLD


def test_a_token_is_stored_under_the_secret_that_got_it(made: Maker) -> None:
    """The secret is rotated during the fetch: whoever has the new one can read it, whoever has the old one cannot."""
    hands = Hands()
    store = store_of(hands)
    new = Secret(secret=b"the-next")
    with (
        serving(refusal("invalid_client"), token()) as server,
        made(
            token_endpoint=server.token_endpoint,
            store=store,
            credentials=Sheaf([Secret(), new]),
            clocks=hands.clocks,
        ) as client,
    ):
        client.token()
        readings = [store.slot(key_of(server), each.secret).read().token for each in (Secret(), new)]
        assert [reading is not None for reading in readings] == [False, True]


def test_a_rejected_token_is_not_taken_from_the_store(made: Maker) -> None:
    """Two processes hold a token that was revoked: the first to be told fetches another, the second one takes that."""
    hands = Hands()
    store = store_of(hands)
    with (
        serving(token(), token("token-2"), refusal("invalid_request")) as server,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as first,
        made(token_endpoint=server.token_endpoint, store=store, clocks=hands.clocks) as second,
    ):
        for client in (first, second):
            assert client.token() == "token-1"
        for client in (first, second):
            renewed = client.renew(client.access_token())
            assert renewed is not None
            assert renewed.value == client.token() == "token-2"
        assert len(server.asked) == 2


def test_processes_that_start_at_once_ask_once(made: Maker) -> None:
    """Twenty clients over one store, real time: one request, and all have its token."""
    store, gate = MemoryStore(time.time), Event()
    tokens: list[str] = []
    with serving(held(gate, token())) as server:

        def one() -> None:
            with made(token_endpoint=server.token_endpoint, store=store) as client:
                tokens.append(client.token())

        threads = [Thread(target=one) for _ in range(20)]
        for thread in threads:
            thread.start()
        while not server.asked:
            time.sleep(0.01)
        time.sleep(0.3)  # whoever would ask as well has had the time to
        gate.set()
        for thread in threads:
            thread.join()
        assert (len(server.asked), tokens) == (1, ["token-1"] * 20)


def test_an_interrupt_just_after_the_lease_was_taken_gives_it_back() -> None:
    """Whoever is interrupted while it looks once more keeps nobody waiting for the lease's time."""
    hands = Hands()
    store = store_of(hands)

    class Interrupted(list[str]):
        def append(self, operation: str) -> None:
            super().append(operation)
            if self == ["read", "acquire", "read"]:
                raise KeyboardInterrupt

    store.calls = Interrupted()
    with serving() as server:
        client = TokenClient(
            token_endpoint=server.token_endpoint, credentials=Sheaf(), store=store, clocks=hands.clocks
        )
        with pytest.raises(KeyboardInterrupt):
            client.token()
    assert (store.calls[-1], store.item.owner) == ("release", None)
