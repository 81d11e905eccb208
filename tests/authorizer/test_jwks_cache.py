"""The cache of the issuer's keys, over a real server and a clock that stands where it is put."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler
from itertools import pairwise
from threading import Barrier, Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authorizer.document_cache import CacheTimes
from authorizer.errors import DocumentError, JwksError, KeysUnavailableError
from authorizer.jwks_cache import JwksCache
from authorizer.jwks_fetch import fetch
from tests.authorizer.issuer import FOREIGN_KEY, KEY, Clock, jwk, jwks
from tests.authorizer.jwks_server import Answer, JwksServer, document, serving

_TIMES = CacheTimes(cache_s=300, cooldown_s=10, max_stale_s=3_600)
_ROTATED = document(jwks(jwk(), jwk(FOREIGN_KEY, "key-2")))


class _Rig:
    """A server, a clock, and a cache between them."""

    def __init__(self, server: JwksServer) -> None:
        self.server = server
        self.clock = Clock()
        self.failures: list[DocumentError] = []
        self.cache = JwksCache(
            partial(fetch, server.uri, 10.0), _TIMES, clock=self.clock, on_failure=self.failures.append
        )

    @property
    def fetches(self) -> int:
        return len(self.server.paths)


@pytest.fixture
def rig() -> Iterator[_Rig]:
    """Yield a cache over a server that answers well."""
    with serving(document(jwks())) as server:
        yield _Rig(server)


def test_keys_are_fetched_when_first_needed_and_kept(rig: _Rig) -> None:
    """Nothing is fetched before a key is needed; then once for all."""
    assert rig.fetches == 0
    for _ in range(5):
        key = rig.cache.find("key-1")
        assert key is not None
        assert key.public_key.public_numbers() == KEY.public_key().public_numbers()
    assert rig.fetches == 1


def test_keys_are_fetched_again_when_they_are_old(rig: _Rig) -> None:
    """A key serves for the cache time and not a second longer without asking."""
    rig.cache.find("key-1")
    rig.clock.now += 299
    rig.cache.find("key-1")
    assert rig.fetches == 1
    rig.clock.now += 1
    rig.cache.find("key-1")
    assert rig.fetches == 2


def test_a_new_key_is_found_at_once(rig: _Rig) -> None:
    """An unknown `kid` causes a fetch where the last one is long enough ago."""
    rig.cache.find("key-1")
    rig.server.answer = _ROTATED
    rig.clock.now += 10
    assert rig.cache.find("key-2") is not None
    assert rig.fetches == 2


def test_a_removed_key_is_forgotten(rig: _Rig) -> None:
    """The next successful fetch replaces all keys: what the issuer no longer publishes no longer verifies."""
    rig.cache.find("key-1")
    rig.server.answer = document(jwks(jwk(FOREIGN_KEY, "key-2")))
    rig.clock.now += 300
    assert rig.cache.find("key-1") is None
    assert rig.cache.find("key-2") is not None


def test_a_storm_of_unknown_kids_is_one_fetch_per_cooldown(rig: _Rig) -> None:
    """A thousand made-up `kid`s within 100 seconds are at most eleven fetches, and the known key serves on."""
    rig.cache.find("key-1")
    for attempt in range(1_000):
        assert rig.cache.find(f"made-up-{attempt}") is None
        rig.clock.now += 0.1
    assert rig.fetches <= 11
    assert rig.cache.find("key-1") is not None


def test_a_failure_starts_the_cooldown_too(rig: _Rig) -> None:
    """An issuer that is down is not asked at every request, with keys or without."""
    rig.server.answer = document(b"", 503)
    for _ in range(50):
        with pytest.raises(KeysUnavailableError):
            rig.cache.find("key-1")
    assert rig.fetches == 1
    rig.clock.now += 10
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")
    assert rig.fetches == 2
    assert [str(failure) for failure in rig.failures] == ["status 503", "status 503"]


def test_the_cooldown_counts_from_the_end_of_a_fetch(rig: _Rig) -> None:
    """A fetch that took long is not followed by the next one without a pause."""

    def slow(request: BaseHTTPRequestHandler) -> None:
        rig.clock.now += 9
        document(b"", 503)(request)

    rig.server.answer = slow
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")
    rig.clock.now += 9
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")
    assert rig.fetches == 1


def test_an_outage_is_over_when_it_is_over(rig: _Rig) -> None:
    """Once the issuer answers again, keys are there again after the cool-down."""
    rig.server.answer = document(b"", 500)
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")
    rig.server.answer = document(jwks())
    rig.clock.now += 10
    assert rig.cache.find("key-1") is not None


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


@pytest.mark.parametrize(
    "answer",
    [
        document(b"", 503),
        document(jwks(), 302, Location="http://127.0.0.1:1/"),
        document(b"<html>"),
        document(b"{}"),
        document(jwks(jwk(use="enc"))),
        document(jwks(jwk(), jwk(FOREIGN_KEY))),
        document(b" " * 100_000),
        _hang_up,
    ],
)
def test_the_last_good_keys_serve_for_a_bounded_time(rig: _Rig, answer: Answer) -> None:
    """However fetching fails, the keys last fetched serve until the bound, and not beyond."""
    rig.cache.find("key-1")
    rig.server.answer = answer
    rig.clock.now += 3_599
    assert rig.cache.find("key-1") is not None
    rig.clock.now += 1
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")
    assert len(rig.failures) == 1


def test_the_last_good_keys_serve_when_nobody_listens(rig: _Rig) -> None:
    """A refused connection is an outage like any other."""
    rig.cache.find("key-1")
    rig.server.close()
    rig.clock.now += 300
    assert rig.cache.find("key-1") is not None
    rig.clock.now += 3_300
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")


def test_an_unknown_kid_in_an_outage_is_not_refused(rig: _Rig) -> None:
    """Where the issuer could not be asked, a new key's token is neither good nor bad."""
    rig.cache.find("key-1")
    rig.server.answer = document(b"", 503)
    rig.clock.now += 10
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-2")
    assert rig.cache.find("key-1") is not None


def test_a_clock_that_was_set_back_keeps_nothing(rig: _Rig) -> None:
    """Keys from the future are fetched again, and where that fails they are not used."""
    rig.cache.find("key-1")
    rig.clock.now -= 3_600
    assert rig.cache.find("key-1") is not None
    assert rig.fetches == 2
    rig.server.answer = document(b"", 503)
    rig.clock.now -= 3_600
    with pytest.raises(KeysUnavailableError):
        rig.cache.find("key-1")


def test_an_unexpected_error_starts_the_cooldown_and_opens_nothing(rig: _Rig) -> None:
    """Even a fault of our own cannot become a storm, or an answer."""
    calls: list[int] = []

    def faulty() -> bytes:
        calls.append(1)
        raise ZeroDivisionError

    cache = JwksCache(faulty, _TIMES, clock=rig.clock, on_failure=rig.failures.append)
    with pytest.raises(ZeroDivisionError):
        cache.find("key-1")
    with pytest.raises(KeysUnavailableError):
        cache.find("key-1")
    assert len(calls) == 1


def test_many_threads_are_one_fetch(rig: _Rig) -> None:
    """Threads that need a key at the same moment wait for one fetch."""
    threads = 8
    together = Barrier(threads)

    def slow(request: BaseHTTPRequestHandler) -> None:
        rig.server.released.wait(0.3)
        document(jwks())(request)

    def find(_: int) -> bool:
        together.wait()
        return rig.cache.find("key-1") is not None

    rig.server.answer = slow
    with ThreadPoolExecutor(threads) as pool:
        assert all(pool.map(find, range(threads)))
    assert rig.fetches == 1


def test_known_keys_serve_while_another_thread_fetches(rig: _Rig) -> None:
    """Somebody's made-up `kid` makes nobody else wait for the issuer."""
    asked, release = Event(), Event()

    def held(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        release.wait(8)
        document(jwks())(request)

    rig.cache.find("key-1")
    rig.clock.now += 10
    rig.server.answer = held
    with ThreadPoolExecutor(1) as pool:
        made_up = pool.submit(rig.cache.find, "made-up")
        assert asked.wait(8)
        assert rig.cache.find("key-1") is not None
        assert not made_up.done()
        release.set()
        assert made_up.result() is None


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["key-1", "x", "y"]), st.floats(0, 400), st.booleans()), max_size=30))
def test_whatever_happens_fetches_keep_their_distance(steps: list[tuple[str, float, bool]]) -> None:
    """In any order of requests, pauses and outages, no two fetches are closer than the cool-down."""
    clock, fetched_at = Clock(), list[float]()
    up = True

    def fetch_keys() -> bytes:
        fetched_at.append(clock.now)
        if not up:
            raise JwksError("down")
        return jwks()

    cache = JwksCache(fetch_keys, _TIMES, clock=clock, on_failure=lambda _: None)
    last_good = float("-inf")
    for kid, pause, up in steps:
        clock.now += pause
        try:
            key = cache.find(kid)
        except KeysUnavailableError:
            continue
        last_good = fetched_at[-1] if up and fetched_at[-1] == clock.now else last_good
        assert (key is not None) == (kid == "key-1")
        assert clock.now - last_good < _TIMES.max_stale_s
    assert all(later - earlier >= _TIMES.cooldown_s for earlier, later in pairwise(fetched_at))
