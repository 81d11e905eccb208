"""Keys at a client's `jwks_uri`: fetched when they are needed, kept for as long as they may be, and never a way in."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

import pytest

from auth_server import remote_keys
from auth_server.remote_keys import MAX_LOCATIONS, RemoteKeys, RemoteKeysError
from tests.auth_server.assertions import OTHER_RSA, RSA, ask, by_rsa, claims, jwk, jwks, sign, signer
from tests.authorizer.jwks_server import JwksServer, document, serving
from tests.simulator import ENVIRON, NOW, MemoryClientStore, Simulator
from tests.simulator import document as answered

LAPTOP = "http://127.0.0.1:8080"
KEYS = json.dumps(jwks(jwk(RSA, kid="k1"))).encode()
BOTH = json.dumps(jwks(jwk(RSA, kid="k1"), jwk(OTHER_RSA, kid="k2"))).encode()


@pytest.fixture
def publisher() -> Iterator[JwksServer]:
    """Give a server that publishes the key of `demo`."""
    with serving(document(KEYS)) as running:
        yield running


def knowing(uri: str, issuer: str = LAPTOP) -> Simulator:
    """Give a server whose client `demo` has its keys at a URL."""
    record = signer(jwks=None, jwks_uri=uri)
    return Simulator(clients=MemoryClientStore(record), environ={**ENVIRON, "ISSUER": issuer})


def assertion(jti: str = "jti-1", kid: str | None = "k1", aud: str = LAPTOP) -> str:
    """Sign an assertion, by the key of its kid."""
    header = {"alg": "RS256"} if kid is None else {"alg": "RS256", "kid": kid}
    return sign(claims(aud=aud, jti=jti), header, by_rsa(OTHER_RSA if kid == "k2" else RSA))


@pytest.mark.parametrize("kid", ["k1", None])
def test_the_keys_at_a_jwks_uri_authenticate_the_client(publisher: JwksServer, kid: str | None) -> None:
    """An assertion is verified with the keys that the client publishes, and the same fetch serves the next one."""
    server = knowing(publisher.uri)
    for jti in ("a", "b"):
        assert ask(server, assertion(jti, kid))["statusCode"] == 200
    assert len(publisher.paths) == 1


def _silent(request: BaseHTTPRequestHandler) -> None:
    Event().wait(1.0)
    request.close_connection = True


DOWN: dict[str, tuple[Any, str]] = {
    "an error": (document(b"{}", 500), "status 500"),
    "a redirect to a private address": (
        document(b"", 302, Location="http://169.254.169.254/latest/meta-data/"),
        "status 302",
    ),
    "over 64 KB": (document(KEYS + b" " * 65_536), "larger than 64 KB"),
    "no JSON": (document(b"<html>"), "not strict JSON"),
    "a name twice": (document(b'{"keys": [], "keys": []}'), "not strict JSON"),
    "an array": (document(b"[]"), "not a JSON object"),
    "no keys": (document(b'{"keys": {}}'), "no array of keys"),
    "no usable key": (document(b'{"keys": [{"kty": "oct", "k": "AQAB"}, 1]}'), "no usable key"),
    "too many keys": (document(json.dumps(jwks(*[{"kty": "EC"}] * 51)).encode()), "more than 50 keys"),
    "too slow": (_silent, "timed out"),
}


@pytest.mark.parametrize(("answer", "reason"), DOWN.values(), ids=DOWN.keys())
def test_a_jwks_uri_that_fails_fails_its_client_alone(
    publisher: JwksServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, answer: Any, reason: str
) -> None:
    """It is 401 and no outage of this server, the cause stands in the log, and the next attempt may succeed."""
    monkeypatch.setattr(remote_keys, "FETCH_SECONDS", 0.3 if answer is _silent else 10.0)
    server = knowing(publisher.uri)
    publisher.answer = answer
    response = ask(server, assertion())
    assert (response["statusCode"], answered(response)["error"]) == (401, "invalid_client")
    line = capsys.readouterr().out
    assert reason in json.loads(line)["reason"]
    assert publisher.uri not in line
    assert server.state.used == {}
    publisher.answer = document(KEYS)
    server.now += 9
    assert ask(server, assertion())["statusCode"] == 401  # the pause between two fetches
    server.now += 1
    assert ask(server, assertion())["statusCode"] == 200


def test_a_jwks_uri_that_is_down_is_401(capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody listens, the client cannot be authenticated."""
    with serving(document(KEYS)) as gone:
        uri = gone.uri
    assert ask(knowing(uri), assertion())["statusCode"] == 401
    assert "ConnectionRefusedError" in capsys.readouterr().out


def test_a_private_address_is_not_asked(publisher: JwksServer, capsys: pytest.CaptureFixture[str]) -> None:
    """A server on the internet does not call what only it can reach, whatever a record says."""
    issuer = "https://auth.example.com"
    port = publisher.uri.split(":")[2].split("/")[0]
    for uri, reason in (
        (f"https://127.0.0.1:{port}/", "not public"),
        ("https://169.254.169.254/latest/", "not public"),
        (publisher.uri, "not a URL"),
    ):
        assert ask(knowing(uri, issuer), assertion(aud=issuer))["statusCode"] == 401
        assert reason in json.loads(capsys.readouterr().out)["reason"]
    assert publisher.paths == []


def test_an_unknown_kid_fetches_once_in_a_while(publisher: JwksServer) -> None:
    """A key that was just published is found, and made-up names do not cause a fetch each."""
    server = knowing(publisher.uri)
    assert ask(server, assertion("a"))["statusCode"] == 200
    publisher.answer = document(BOTH)
    for jti in "bcd":
        assert ask(server, assertion(jti, "k2"))["statusCode"] == 401
    assert len(publisher.paths) == 1
    server.now += 10
    assert ask(server, assertion("b", "k2"))["statusCode"] == 200
    for jti in "efg":
        assert ask(server, assertion(jti, "k3"))["statusCode"] == 401
    assert len(publisher.paths) == 2


def test_a_key_that_is_withdrawn_ends_with_the_cache(publisher: JwksServer) -> None:
    """After five minutes the keys are those that are published now, and no others."""
    server = knowing(publisher.uri)
    publisher.answer = document(BOTH)
    assert ask(server, assertion("a", "k2"))["statusCode"] == 200
    publisher.answer = document(KEYS)
    server.now = NOW + 299
    assert ask(server, assertion("b", "k2"))["statusCode"] == 200
    server.now = NOW + 300
    assert ask(server, assertion("c", "k2"))["statusCode"] == 401


def keys_at(publisher: JwksServer, *, at: float, keys: RemoteKeys, clock: list[float]) -> int:
    """Count the keys at a time, none where there are none."""
    clock[0] = at
    try:
        return len(keys.at(publisher.uri, None))
    except RemoteKeysError:
        return 0


def test_the_last_good_keys_serve_for_an_hour(publisher: JwksServer) -> None:
    """Where fetching fails, what was fetched serves for an hour from its fetch on, and no longer."""
    clock = [0.0]
    keys = RemoteKeys(clock=lambda: clock[0], loopback=True)
    assert keys_at(publisher, at=0, keys=keys, clock=clock) == 1
    publisher.answer = document(b"", 503)
    assert [keys_at(publisher, at=at, keys=keys, clock=clock) for at in (300, 3599, 3600, 9000)] == [1, 1, 0, 0]
    assert len(publisher.paths) == 4  # at 3600 nobody is asked: somebody was, a second ago
    publisher.answer = document(KEYS)
    assert keys_at(publisher, at=9010, keys=keys, clock=clock) == 1


def test_a_clock_that_is_put_back_keeps_nothing_alive(publisher: JwksServer) -> None:
    """Keys of a time to come are fetched anew."""
    clock = [0.0]
    keys = RemoteKeys(clock=lambda: clock[0], loopback=True)
    for at in (5000, 0):
        assert keys_at(publisher, at=at, keys=keys, clock=clock) == 1
    assert len(publisher.paths) == 2


def test_many_at_once_wait_for_one_fetch(publisher: JwksServer) -> None:
    """A cold cache asks once, however many requests there are."""
    keys = RemoteKeys(clock=lambda: 0.0, loopback=True)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: len(keys.at(publisher.uri, "k1")), range(16)))
    assert found == [1] * 16
    assert len(publisher.paths) == 1


def test_the_locations_are_bounded(publisher: JwksServer) -> None:
    """The location that was not used for longest is forgotten first."""
    keys = RemoteKeys(clock=lambda: 0.0, loopback=True)
    for number in range(MAX_LOCATIONS + 1):
        keys.at(f"{publisher.uri}?{number}", None)
    keys.at(f"{publisher.uri}?1", None)
    assert len(publisher.paths) == MAX_LOCATIONS + 1
    keys.at(f"{publisher.uri}?0", None)
    assert len(publisher.paths) == MAX_LOCATIONS + 2
