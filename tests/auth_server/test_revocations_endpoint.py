"""The feed of revocations: what it says, how long it is kept, and that the authorizer's reader believes it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.endpoints import revocations_endpoint
from auth_server.revocation_feed import LIFETIME_SECONDS, MAX_CONTENT_BYTES, WINDOW_SECONDS
from auth_server.settings import SETTINGS
from auth_server.state import Revocations
from auth_server.wire import Request
from authorizer.jwks import parse_jwks
from authorizer.revocation_feed import RevocationFeed, verify
from tests.auth_server.client_requests import ask, simulator, token_of
from tests.simulator import ENVIRON, ISSUER, NOW, MemoryStateStore, Simulator, document, event

PATH = "/oauth/revocations"
WINDOW_START = NOW // WINDOW_SECONDS * WINDOW_SECONDS


class CountingStateStore(MemoryStateStore):
    """Counts how often all revocations are read."""

    def __init__(self) -> None:
        """Start at none."""
        super().__init__()
        self.reads = 0

    def revocations(self, now: int) -> Revocations:
        """Count, and tell."""
        self.reads += 1
        return super().revocations(now)


@pytest.fixture
def state() -> CountingStateStore:
    """Give the state."""
    return CountingStateStore()


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give what was signed, as it happens."""
    signed: list[bytes] = []
    sign = Simulator().keys._sign.__func__  # type: ignore[attr-defined]  # noqa: SLF001 - to count its calls

    def counted(self: Any, message: bytes) -> bytes:
        signed.append(message)
        return bytes(sign(self, message))

    monkeypatch.setattr("tests.simulator.LocalKeySource._sign", counted)
    return signed


@pytest.fixture
def server(state: CountingStateStore) -> Simulator:
    """Give a server at the start of a window."""
    return Simulator(state=state, now=WINDOW_START)


def fetch(server: Simulator, **headers: Any) -> dict[str, Any]:
    """Fetch the feed."""
    return server.send(event("GET", PATH, headers={name.replace("_", "-"): value for name, value in headers.items()}))


def believed(server: Simulator, response: dict[str, Any]) -> RevocationFeed:
    """Verify a feed as the authorizer would, with the keys that the server publishes."""
    assert response["statusCode"] == 200
    keys = parse_jwks(server.send(event("GET", "/.well-known/jwks.json"))["body"].encode())
    return verify(response["body"].encode(), keys=keys, issuer=ISSUER, clock_skew_s=0, now=server.now)


def test_what_is_revoked_is_published_and_believed() -> None:
    """A token that a client revoked, and a client that an operator revoked, are in the feed that verifiers read."""
    server = simulator()
    response = server.token()
    jti = server.claims(response)["jti"]
    ask(server, "/oauth/revoke", {"token": document(response)["access_token"]})
    server.state.revoke_client("other", not_before=NOW + 1, until=NOW + 90_000)
    assert believed(server, fetch(server)) == RevocationFeed(
        {jti: NOW + 3900}, {"other": NOW + 1}, WINDOW_START + LIFETIME_SECONDS
    )


def test_the_feed_is_json_with_content_and_signature(server: Simulator) -> None:
    """The document holds the signed content as a text, and a JWT of a type of its own over its digest."""
    response = fetch(server)
    assert response["headers"]["Content-Type"] == "application/json"
    assert document(response)["content"] == '{"not_before":{},"revoked":{}}'
    assert set(document(response)) == {"content", "signature"}


def test_the_feed_may_be_kept_for_its_seconds_by_anyone(server: Simulator) -> None:
    """Caches may keep the feed for REVOCATION_FEED_SECONDS."""
    assert fetch(server)["headers"]["Cache-Control"] == "public, max-age=30"
    other = Simulator(environ={**ENVIRON, "REVOCATION_FEED_SECONDS": "7"})
    assert fetch(other)["headers"]["Cache-Control"] == "public, max-age=7"


def test_a_warm_server_asks_aws_for_nothing_within_the_seconds(
    server: Simulator, state: CountingStateStore, signatures: list[bytes]
) -> None:
    """Made less than REVOCATION_FEED_SECONDS ago, the feed is answered from memory, changes or not."""
    first = fetch(server)
    state.revoke_token("a", client_id="demo", expires_at=NOW + 1000)
    server.now += 29.9
    assert fetch(server) == first
    assert (state.reads, len(signatures)) == (1, 1)


def test_a_revocation_is_in_the_feed_after_the_seconds(server: Simulator, state: CountingStateStore) -> None:
    """A feed as old as REVOCATION_FEED_SECONDS is made anew."""
    first = fetch(server)
    state.revoke_token("a", client_id="demo", expires_at=NOW + 1000)
    server.now += 30
    second = fetch(server)
    assert believed(server, second).revoked == {"a": NOW + 1000}
    assert first["headers"]["ETag"] != second["headers"]["ETag"]
    assert state.reads == 2


def test_what_did_not_change_is_signed_once_for_each_window(
    server: Simulator, state: CountingStateStore, signatures: list[bytes]
) -> None:
    """Read again and found the same, the feed is not signed again, until the window of its signature is over."""
    first = fetch(server)
    for _ in range(9):
        server.now += 30
        assert fetch(server) == first
    assert (state.reads, len(signatures)) == (10, 1)
    server.now += 30
    second = fetch(server)
    assert believed(server, second).expires_at == WINDOW_START + WINDOW_SECONDS + LIFETIME_SECONDS
    assert second["headers"]["ETag"] != first["headers"]["ETag"]
    assert len(signatures) == 2


@pytest.mark.spec("RFC 9110", "8.8.3")
def test_equal_state_gives_equal_bytes_and_an_equal_tag(state: CountingStateStore) -> None:
    """Two Lambdas that know the same answer alike within a window, whenever asked: the tag is a strong one."""
    answers = []
    for now in (WINDOW_START + 1, WINDOW_START + WINDOW_SECONDS - 1):
        server = Simulator(state=state, now=now)
        answers.append(fetch(server))
    assert answers[0] == answers[1]
    assert answers[0]["headers"]["ETag"].startswith('"')


def test_the_order_of_revocations_makes_no_difference() -> None:
    """The content is written in one order, so that equal state is equal text."""
    contents = []
    for names in ("ab", "ba"):
        server = Simulator()
        for name in names:
            server.state.revoke_token(name, client_id="demo", expires_at=NOW + 1000)
            server.state.revoke_client(name, not_before=NOW, until=NOW + 1000)
        contents.append(fetch(server))
    assert contents[0] == contents[1]


@pytest.mark.spec("RFC 9110", "13.1.2")
@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', 'W/"x,y",W/{}', "*"])
def test_a_feed_that_is_known_is_not_sent_again(server: Simulator, form: str) -> None:
    """304 for a tag that matches, weak or strong, alone or among others; with the tag and the time it may be kept."""
    tag = fetch(server)["headers"]["ETag"]
    response = fetch(server, If_None_Match=form.format(tag))
    assert (response["statusCode"], response["body"]) == (304, "")
    assert (response["headers"]["ETag"], response["headers"]["Cache-Control"]) == (tag, "public, max-age=30")


@pytest.mark.spec("RFC 9110", "13.1.2")
@pytest.mark.parametrize("form", ['"x"', "", '"', "{}x", None])
def test_a_feed_that_is_not_known_is_sent(server: Simulator, form: str | None) -> None:
    """200 for any other tag, and for a header that holds none."""
    tag = fetch(server)["headers"]["ETag"].strip('"')
    named = None if form is None else form.format(tag)
    assert fetch(server, If_None_Match=named)["statusCode"] == 200


def test_tags_in_several_headers_are_one_list(server: Simulator) -> None:
    """A header that is a list may be sent in several lines."""
    tag = fetch(server)["headers"]["ETag"]
    assert fetch(server, If_None_Match=['"x"', tag])["statusCode"] == 304


@given(st.lists(st.text()))
def test_a_condition_of_any_form_is_answered(values: list[str]) -> None:
    """Whatever the header holds, there is an answer."""
    services: Any = Simulator().app._services  # noqa: SLF001 - the endpoint is asked without an event
    request = Request("GET", PATH, {"if-none-match": tuple(values)})
    assert revocations_endpoint.respond(request, services, None).status in (200, 304)  # type: ignore[arg-type] # it decides nothing


@pytest.mark.parametrize("elapsed", [0, WINDOW_SECONDS - 1])
def test_no_feed_arrives_expired(elapsed: int) -> None:
    """However late in its window it was made, and however long it was kept here and in a cache, a feed is good."""
    setting = next(setting for setting in SETTINGS if setting.name == "REVOCATION_FEED_SECONDS")
    longest = next(seconds for seconds in range(WINDOW_SECONDS, 0, -1) if setting.read(str(seconds)))
    server = Simulator(environ={**ENVIRON, "REVOCATION_FEED_SECONDS": str(longest)}, now=WINDOW_START + elapsed)
    fetch(server)
    server.now += longest - 1
    assert believed(server, fetch(server)).expires_at > server.now + longest - 1


def test_more_than_kms_signs_is_signed_all_the_same(server: Simulator, signatures: list[bytes]) -> None:
    """Any number of revocations is one signature over less than 4,096 bytes."""
    for number in range(1000):
        server.state.revoke_token(f"token-{number}", client_id="demo", expires_at=NOW + 1000)
    assert len(believed(server, fetch(server)).revoked) == 1000
    assert [len(message) < 4096 for message in signatures] == [True]


def test_a_feed_too_long_to_answer_is_503_and_nothing_is_left_out(server: Simulator) -> None:
    """More than a Lambda may answer is not cut: there is no feed then, and the log says why."""
    server.state.revoke_token("x" * MAX_CONTENT_BYTES, client_id="demo", expires_at=NOW + 1000)
    assert fetch(server)["statusCode"] == 503


@pytest.mark.parametrize("broken", ["state", "keys"])
def test_a_failure_is_503_and_is_not_remembered(server: Simulator, broken: str) -> None:
    """Where state or key do not answer there is no feed, not an old one and not an empty one; then there is again."""
    fetch(server)
    server.now += 301
    setattr(getattr(server, broken), "failing", True)  # noqa: B010 - one of two
    response = fetch(server)
    assert (response["statusCode"], response["headers"]["Cache-Control"]) == (503, "no-store")
    setattr(getattr(server, broken), "failing", False)  # noqa: B010 - one of two
    assert fetch(server)["statusCode"] == 200


def test_a_clock_that_was_set_back_keeps_nothing(server: Simulator, state: CountingStateStore) -> None:
    """A feed from the future is made anew."""
    fetch(server)
    server.now -= 1
    fetch(server)
    assert state.reads == 2


@pytest.mark.spec("RFC 8725", "3.11")
def test_a_feeds_signature_is_no_access_token() -> None:
    """What signs a feed is not taken for a token by the server that signed it."""
    server = simulator()
    signature = document(fetch(server))["signature"]
    assert document(ask(server, "/oauth/introspect", {"token": signature})) == {"active": False}
    assert document(ask(server, "/oauth/introspect", {"token": token_of(server)}))["active"] is True


def test_the_endpoint_takes_get_and_head_alone(server: Simulator) -> None:
    """Another method is answered 405 with Allow."""
    assert server.send(event("HEAD", PATH))["statusCode"] == 200
    response = server.send(event("POST", PATH, body=""))
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "GET")


names = st.dictionaries(st.text(st.characters(codec="ascii"), max_size=30), st.integers(NOW + 1, NOW + 99_999))


@given(names, names)
def test_whatever_is_revoked_is_believed(tokens: dict[str, int], clients: dict[str, int]) -> None:
    """Any names and times come through the feed as they are in the state."""
    server = Simulator()
    server.state.tokens, server.state.clients = tokens, clients
    response = fetch(server)
    found = believed(server, response)
    assert (found.revoked, found.not_before) == (tokens, clients)
    assert json.loads(response["body"])["content"].isascii()
