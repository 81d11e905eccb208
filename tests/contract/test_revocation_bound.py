"""The server that publishes what is revoked and the authorizer that reads it: how long until everybody knows."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from authorizer.audit import AuditLog
from authorizer.errors import InvalidTokenError, Reason
from authorizer.settings import Settings
from authorizer.token_verifier import TokenVerifier
from authorizer.wiring import Wiring
from tests.auth_server.client_requests import ask
from tests.authorizer.feeds import FEED_PATH
from tests.authorizer.jwks_server import JwksServer, document, serving
from tests.simulator import AUDIENCE, ISSUER, Response, Simulator, event
from tests.simulator import document as document_of

FEED, POLL = 30, 30  # seconds: REVOCATION_FEED_SECONDS and REVOCATIONS_POLL_SECONDS where nothing else is set


class Pair:
    """A server, an authorizer, one clock for both, and HTTP between them."""

    def __init__(self, server: Simulator, http: JwksServer) -> None:
        """Let the HTTP server answer as the authorization server does."""
        self.server = server
        http.answer = self._answer
        base = http.uri.removesuffix("/.well-known/jwks.json")
        uris = {"JWKS_URI": http.uri, "REVOCATIONS_URI": base + FEED_PATH}
        settings = Settings.from_environ({"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, **uris})
        self.verifier = TokenVerifier(Wiring(settings, AuditLog("ERROR"), self.clock).issuers(), self.clock)
        self.statuses: list[int] = []

    def clock(self) -> float:
        """Give the time of both."""
        return self.server.now

    def is_revoked(self, token: str) -> bool:
        """Whether the authorizer refuses the token as revoked."""
        try:
            self.verifier.verify(token)
        except InvalidTokenError as error:
            return error.refusal.reason is Reason.REVOKED
        return False

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        sent = {name: request.headers[name] for name in ("If-None-Match",) if name in request.headers}
        response: Response = self.server.send(event("GET", request.path, headers=sent))
        if request.path == FEED_PATH:
            self.statuses.append(response["statusCode"])
        document(response["body"].encode(), response["statusCode"], **_etag(response))(request)


def _etag(response: Response) -> dict[str, str]:
    return {name: value for name, value in response["headers"].items() if name == "ETag"}


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Give both."""
    with serving(document(b"", 404)) as http:
        yield Pair(Simulator(), http)


def token(pair: Pair) -> str:
    """Have a token issued."""
    return str(document_of(pair.server.token())["access_token"])


@pytest.mark.parametrize("polled_at", [0, 0.5, 12, 29, 29.9])
def test_a_revoked_token_is_refused_within_the_feed_and_the_poll_time(pair: Pair, polled_at: float) -> None:
    """Wherever in the server's time the authorizer polls, it knows after the two times at most, and stays so."""
    pair.server.send(event("GET", FEED_PATH))  # made for somebody else, and kept
    made_at, text = pair.server.now, token(pair)
    ask(pair.server, "/oauth/revoke", {"token": text})
    pair.server.now = made_at + polled_at
    assert not pair.is_revoked(text)
    while not pair.is_revoked(text):
        pair.server.now += 0.1
        assert pair.server.now - made_at < FEED + POLL + 0.1
    assert pair.server.now - made_at >= FEED
    for _ in range(200):
        pair.server.now += 17
        assert pair.is_revoked(text)


def test_the_bound_is_no_wider_than_it_has_to_be(pair: Pair) -> None:
    """A poll just before the server makes its feed anew takes very nearly the two times."""
    pair.server.send(event("GET", FEED_PATH))
    made_at, text = pair.server.now, token(pair)
    ask(pair.server, "/oauth/revoke", {"token": text})
    for elapsed, expected in ((29.9, False), (59.8, False), (59.95, True)):
        pair.server.now = made_at + elapsed
        assert pair.is_revoked(text) is expected


def test_all_that_a_client_was_issued_is_refused_and_what_comes_after_is_not(pair: Pair) -> None:
    """An operator revokes a client's tokens: those of before the time are refused, the next ones are accepted."""
    text = token(pair)
    assert not pair.is_revoked(text)
    pair.server.state.revoke_client("demo", not_before=int(pair.server.now) + 2, until=int(pair.server.now) + 90_000)
    pair.server.now += FEED + POLL
    assert pair.is_revoked(text)
    assert not pair.is_revoked(token(pair))


def test_an_hour_without_revocations_is_one_feed_for_each_window(pair: Pair) -> None:
    """The reader asks with its tag: of 120 polls, all but those after a new signature are answered without a body."""
    for _ in range(120):
        assert not pair.is_revoked(token(pair))
        pair.server.now += POLL
    assert len(pair.statuses) == 120
    assert pair.statuses.count(200) <= 3_600 / 300 + 1
    assert set(pair.statuses) == {200, 304}
