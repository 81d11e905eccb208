"""Revoked tokens at the gateway: the feed over a real server, and a clock that stands where it is put."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from http.server import BaseHTTPRequestHandler
from threading import Barrier, Event, Thread
from typing import Any

import pytest

from authorizer import feed_reader
from authorizer.audit import AuditLog
from authorizer.errors import (
    AuthorizerError,
    InvalidTokenError,
    KeysUnavailableError,
    Reason,
    RevocationsUnavailableError,
)
from authorizer.revocation_feed import RevocationFeed
from authorizer.settings import Settings
from authorizer.token_verifier import TokenVerifier
from authorizer.wiring import Wiring
from tests.authorizer.feeds import FEED_PATH, JWKS_PATH, IssuerServer, issuing, revoking
from tests.authorizer.issuer import AUDIENCE, FOREIGN_KEY, ISSUER, NOW, Clock, claims, header, jwk, jwks, sign
from tests.authorizer.jwks_server import Answer, document


class _Rig:
    """An issuer, a clock, and an authorizer's verifier between them."""

    def __init__(self, issuer: IssuerServer, **environ: str) -> None:
        self.issuer = issuer
        self.clock = Clock()
        uris = {"JWKS_URI": issuer.server.uri, "REVOCATIONS_URI": issuer.url + FEED_PATH}
        settings = Settings.from_environ({"ISSUER": ISSUER, "AUDIENCE": AUDIENCE, **uris, **environ})
        self.verifier = TokenVerifier(Wiring(settings, AuditLog("ERROR"), self.clock).issuers(), self.clock)

    def publish(self, *tokens: str, etag: str = "", **changed: Any) -> None:
        self.issuer.publish(revoking(*tokens, now=self.clock.now, **changed), etag)

    def verify(self, jti: str = "good", **members: Any) -> str:
        """Tell what becomes of a good token of this name: `accepted`, or why not."""
        text = sign(header(), claims(self.clock.now, jti=jti, **members))
        try:
            self.verifier.verify(text)
        except InvalidTokenError as error:
            return error.refusal.reason.value
        except AuthorizerError as error:
            return error.reason
        return "accepted"

    @property
    def polls(self) -> int:
        return self.issuer.asked(FEED_PATH)


@pytest.fixture
def rig() -> Iterator[_Rig]:
    """Yield a verifier over an issuer that answers well."""
    with issuing() as issuer:
        yield _Rig(issuer)


def test_a_revoked_token_is_refused(rig: _Rig) -> None:
    """A token that the feed names is refused, and who it is and which key vouched for it is known."""
    rig.publish("bad")
    with pytest.raises(InvalidTokenError) as raised:
        rig.verifier.verify(sign(header(), claims(jti="bad")))
    refusal = raised.value.refusal
    assert (refusal.reason, refusal.kid) == (Reason.REVOKED, "key-1")
    assert refusal.token is not None
    assert refusal.token.jti == "bad"
    assert rig.verify("good") == "accepted"


def test_what_a_client_was_issued_before_a_time_is_refused(rig: _Rig) -> None:
    """All of a client's tokens of before the time are refused, and none of after it or of another client."""
    rig.publish(clients={"client-1": NOW - 10})
    assert rig.verify(iat=NOW - 11) == "revoked"
    assert rig.verify(iat=NOW - 10) == "accepted"
    assert rig.verify(iat=NOW - 11, client_id="client-2", sub="client-2") == "accepted"


def test_a_remembered_token_is_refused_once_it_is_revoked(rig: _Rig) -> None:
    """A token that was verified before is held against the feed each time."""
    text = sign(header(), claims(jti="bad"))
    rig.verifier.verify(text)
    rig.publish("bad")
    rig.verifier.verify(text)
    rig.clock.now += 30
    for _ in range(2):
        with pytest.raises(InvalidTokenError, match="revoked"):
            rig.verifier.verify(text)


def test_the_feed_is_asked_for_by_the_clock_and_not_by_the_request(rig: _Rig) -> None:
    """A thousand requests within the poll time are one; the next one after it asks again."""
    for _ in range(1_000):
        assert rig.verify() == "accepted"
    rig.clock.now += 29.9
    assert rig.verify() == "accepted"
    assert rig.polls == 1
    rig.clock.now += 0.1
    assert rig.verify() == "accepted"
    assert rig.polls == 2


@pytest.mark.spec("RFC 9110", "13.1.2")
def test_a_feed_that_did_not_change_is_not_sent_again(rig: _Rig) -> None:
    """The reader asks with the tag of what it has, and 304 makes that as good as new."""
    rig.publish("bad", etag='"one"')
    assert rig.verify("bad") == "revoked"
    rig.issuer.publish(b"", status=304)
    for _ in range(3):
        rig.clock.now += 30
        assert (rig.verify("bad"), rig.verify()) == ("revoked", "accepted")
    assert rig.issuer.tags == [None, '"one"', '"one"', '"one"']


def test_a_feed_that_expired_is_not_renewed_by_saying_that_it_did_not_change(rig: _Rig) -> None:
    """304 for ever does not keep a feed beyond its own expiry; then it is asked for without its tag."""
    rig.publish(etag='"one"')
    assert rig.verify() == "accepted"
    rig.issuer.publish(b"", status=304)
    while rig.clock.now < NOW + 830:
        rig.clock.now += 30
        assert rig.verify() == "accepted"
    assert rig.issuer.tags[-1] == '"one"'
    rig.clock.now = NOW + 860
    assert rig.verify() == "revocations_unavailable"
    assert rig.issuer.tags[-1] is None


def test_a_304_that_nobody_asked_for_is_no_feed(rig: _Rig) -> None:
    """Without a tag there is nothing that could be unchanged."""
    rig.issuer.publish(b"", status=304)
    assert rig.verify() == "revocations_unavailable"


def _hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True


OUTAGES: dict[str, Answer] = {
    "status 503": document(b"", 503),
    "status 404": document(b"", 404),
    "a redirect": document(b"", 302, Location="http://127.0.0.1:1/"),
    "no JSON": document(b"<html>"),
    "hung up": _hang_up,
    "another key's": document(revoking(now=NOW + 60, key=FOREIGN_KEY)),
    "another issuer's": document(revoking(now=NOW + 60, iss="https://x.example")),
    "expired": document(revoking(now=NOW - 3_600)),
    "of the future": document(revoking(now=NOW + 3_600)),
}


@pytest.mark.parametrize("answer", OUTAGES.values(), ids=OUTAGES.keys())
def test_what_was_known_last_serves_for_a_bounded_time(rig: _Rig, answer: Answer) -> None:
    """However the feed cannot be had or believed, the last good one serves for 300 seconds, and then nothing does."""
    rig.publish("bad")
    assert (rig.verify("bad"), rig.verify()) == ("revoked", "accepted")
    rig.issuer.answers[FEED_PATH] = answer
    rig.clock.now += 299
    assert (rig.verify("bad"), rig.verify()) == ("revoked", "accepted")
    rig.clock.now += 1
    assert (rig.verify("bad"), rig.verify()) == ("revocations_unavailable", "revocations_unavailable")
    rig.publish("bad")
    rig.clock.now += 10
    assert (rig.verify("bad"), rig.verify()) == ("revoked", "accepted")


@pytest.mark.parametrize("answer", OUTAGES.values(), ids=OUTAGES.keys())
def test_without_a_feed_nothing_is_accepted(rig: _Rig, answer: Answer) -> None:
    """An authorizer that never had a feed says neither yes nor no."""
    rig.issuer.answers[FEED_PATH] = answer
    assert rig.verify() == "revocations_unavailable"


def test_stale_seconds_of_0_close_with_the_first_failure() -> None:
    """REVOCATIONS_MAX_STALE_SECONDS=0: a feed serves until it is to be asked for again, and no longer."""
    with issuing() as issuer:
        rig = _Rig(issuer, REVOCATIONS_MAX_STALE_SECONDS="0")
        assert rig.verify() == "accepted"
        issuer.publish(b"", status=503)
        rig.clock.now += 29
        assert rig.verify() == "accepted"
        rig.clock.now += 1
        assert rig.verify() == "revocations_unavailable"


def test_no_feed_serves_beyond_its_own_expiry(rig: _Rig) -> None:
    """A feed that expires before the poll time or the stale time is over is no news after that, and the skew."""
    rig.issuer.publish(revoking(exp=NOW + 5))
    assert rig.verify() == "accepted"
    rig.issuer.publish(b"", status=503)
    rig.clock.now += 64
    assert rig.verify() == "accepted"
    rig.clock.now += 1
    assert rig.verify() == "revocations_unavailable"


def test_a_failure_starts_the_cooldown(rig: _Rig) -> None:
    """An issuer that is down is not asked at every request, whether something is known still or not."""
    rig.issuer.publish(b"", status=503)
    for _ in range(50):
        assert rig.verify() == "revocations_unavailable"
    assert rig.polls == 1
    rig.publish()
    rig.clock.now += 9.9
    assert rig.verify() == "revocations_unavailable"
    rig.clock.now += 0.1
    assert rig.verify() == "accepted"
    assert rig.polls == 2


def test_a_poll_time_below_the_cooldown_is_kept() -> None:
    """REVOCATIONS_POLL_SECONDS=1 polls every second, although keys are not fetched as often."""
    with issuing() as issuer:
        rig = _Rig(issuer, REVOCATIONS_POLL_SECONDS="1")
        for _ in range(5):
            assert rig.verify() == "accepted"
            rig.clock.now += 1
        assert (rig.polls, issuer.asked(JWKS_PATH)) == (5, 1)


def test_what_was_revoked_stays_revoked(rig: _Rig) -> None:
    """A feed that lacks what an earlier one had, replayed or remade, takes nothing back."""
    older = revoking(now=NOW + 10)
    rig.publish("bad", clients={"client-2": NOW + 1})
    assert rig.verify("bad") == "revoked"
    rig.issuer.publish(older)
    for _ in range(3):
        rig.clock.now += 30
        assert (rig.verify("bad"), rig.verify()) == ("revoked", "accepted")
        assert rig.verify(client_id="client-2", iat=NOW) == "revoked"


def test_an_earlier_time_takes_nothing_back_either(rig: _Rig) -> None:
    """Of two times for one client the later counts, and of two for one token the later is remembered."""
    rig.publish("bad", clients={"client-1": NOW - 10})
    assert rig.verify(iat=NOW - 11) == "revoked"
    rig.publish("bad", clients={"client-1": NOW - 3_000}, until=NOW + 31)
    rig.clock.now += 30
    assert rig.verify(iat=NOW - 11) == "revoked"
    rig.publish()
    rig.clock.now += 100
    assert rig.verify("bad") == "revoked"


def test_what_is_over_is_forgotten(rig: _Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that expired, and a client whose tokens of then expired, no longer take memory."""
    kept: list[int] = []
    verify = RevocationFeed.is_revoked

    def counted(feed: Any, token: Any) -> bool:
        kept.append(len(feed.revoked) + len(feed.not_before))
        return verify(feed, token)

    monkeypatch.setattr(RevocationFeed, "is_revoked", counted)
    rig.publish("a", "b", until=NOW + 3_900, clients={"client-2": NOW})
    rig.verify()
    for elapsed, expected in ((3_930, 3), (3_960, 1), (86_730, 1), (86_760, 0)):
        rig.clock.now = NOW + elapsed
        rig.publish()
        rig.verify()
        assert kept[-1] == expected


def test_memory_is_bounded_and_nothing_is_left_out(rig: _Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than can be remembered is not believed in part: what was known last serves, and then nothing does."""
    monkeypatch.setattr(feed_reader, "MAX_REMEMBERED", 2)
    rig.publish("a", "b")
    assert rig.verify("a") == "revoked"
    rig.publish("c")
    rig.clock.now += 30
    assert (rig.verify("a"), rig.verify("c")) == ("revoked", "accepted")
    rig.clock.now += 270
    assert rig.verify() == "revocations_unavailable"


def test_a_failed_poll_leaves_a_line(rig: _Rig, capsys: pytest.CaptureFixture[str]) -> None:
    """An outage is seen while what was known last still serves."""
    rig.issuer.publish(b"", status=503)
    rig.verify()
    line = json.loads(capsys.readouterr().out)
    assert (line["event"], line["issuer"], line["reason"]) == ("revocations_fetch_failed", ISSUER, "status 503")


def test_keys_that_cannot_be_had_make_no_feed(capsys: pytest.CaptureFixture[str]) -> None:
    """A feed whose signature cannot be verified is not believed, and the line says why."""
    with issuing() as issuer:
        rig = _Rig(issuer)
        rig.verify()
        issuer.answers[JWKS_PATH] = document(b"", 503)
        rig.clock.now += 3_600
        assert rig.verify() == KeysUnavailableError.reason
        assert rig.polls == 1
        issuer.answers[JWKS_PATH] = document(jwks(jwk(FOREIGN_KEY, "key-2")))
        rig.clock.now += 10
        with pytest.raises(RevocationsUnavailableError):
            rig.verifier.verify(sign(header(kid="key-2"), claims(rig.clock.now), FOREIGN_KEY))
    assert "signed with a key that the issuer does not have" in capsys.readouterr().out


def test_a_cold_start_fetches_keys_and_feed_side_by_side(rig: _Rig) -> None:
    """Each is answered only once the other has been asked for, too."""
    together = Barrier(2)

    def at_once(answer: Answer) -> Answer:
        def waiting(request: BaseHTTPRequestHandler) -> None:
            together.wait(1.5)
            answer(request)

        return waiting

    rig.issuer.answers = {path: at_once(answer) for path, answer in rig.issuer.answers.items()}
    assert rig.verify() == "accepted"
    assert (rig.polls, rig.issuer.asked(JWKS_PATH)) == (1, 1)


def test_a_request_leaves_no_fetch_behind(rig: _Rig) -> None:
    """Also where the token is refused: what a Lambda leaves running is frozen with it."""
    before = set(threading.enumerate())
    with pytest.raises(InvalidTokenError):
        rig.verifier.verify(sign(header(kid="x")))
    after = {thread.name for thread in set(threading.enumerate()) - before}
    # The server's own are not the request's: they end as its answers do.
    assert {name for name in after if "serve_forever" not in name and "process_request" not in name} == set()
    assert rig.verify() == "accepted"
    assert rig.polls == 1


def test_a_cold_start_without_a_thread_to_be_had_fetches_one_after_the_other(
    rig: _Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no thread can be started side by side, the check fetches the feed."""
    original, refused = Thread.start, list[Thread]()

    def start(thread: Thread) -> None:
        if not refused:
            refused.append(thread)
            raise RuntimeError("can't start new thread")
        original(thread)

    monkeypatch.setattr(Thread, "start", start)
    assert rig.verify() == "accepted"
    assert (len(refused), rig.polls) == (1, 1)


def test_many_threads_are_one_poll(rig: _Rig) -> None:
    """Threads that need the feed at the same moment, and have none, wait for one fetch."""
    threads = 8
    together = Barrier(threads)
    answer = rig.issuer.answers[FEED_PATH]

    def slow(request: BaseHTTPRequestHandler) -> None:
        rig.issuer.server.released.wait(0.3)
        answer(request)

    def verify(_: int) -> str:
        together.wait()
        return rig.verify()

    rig.issuer.answers[FEED_PATH] = slow
    with ThreadPoolExecutor(threads) as pool:
        assert set(pool.map(verify, range(threads))) == {"accepted"}
    assert rig.polls == 1


def test_the_others_go_by_what_is_known_while_one_asks(rig: _Rig) -> None:
    """One request waits for the issuer, and nobody else."""
    asked, release = Event(), Event()

    def held(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        release.wait(8)
        document(revoking("bad", now=rig.clock.now))(request)

    assert rig.verify("bad") == "accepted"
    rig.issuer.answers[FEED_PATH] = held
    rig.clock.now += 30
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(rig.verify, "bad")
        assert asked.wait(8)
        assert rig.verify("bad") == "accepted"
        assert not asking.done()
        release.set()
        assert asking.result() == "revoked"
    assert rig.verify("bad") == "revoked"


def test_where_what_is_known_has_expired_the_others_wait(rig: _Rig) -> None:
    """A feed that is no news any more is nothing to go by, however lately it was fetched."""
    asked, release = Event(), Event()

    def held(request: BaseHTTPRequestHandler) -> None:
        asked.set()
        release.wait(8)
        document(revoking(now=rig.clock.now))(request)

    rig.publish(exp=NOW + 10)
    assert rig.verify() == "accepted"
    rig.issuer.answers[FEED_PATH] = held
    rig.clock.now += 100  # past the expiry and its skew, and within the 300 s of REVOCATIONS_MAX_STALE_SECONDS
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(rig.verify)
        assert asked.wait(8)
        other = pool.submit(rig.verify)
        wait([other], timeout=0.3)
        release.set()
        assert (first.result(), other.result()) == ("accepted", "accepted")


def test_off_reads_no_feed() -> None:
    """REVOCATIONS_URI=off: no feed is asked for, and none is needed."""
    with issuing() as issuer:
        rig = _Rig(issuer, REVOCATIONS_URI="off")
        rig.publish("bad")
        assert rig.verify("bad") == "accepted"
        assert rig.polls == 0


def test_bundled_keys_do_not_switch_the_feed_off() -> None:
    """With JWKS the feed is read all the same, by default below the issuer."""
    with issuing() as issuer:
        environ = {"ISSUER": issuer.url, "AUDIENCE": AUDIENCE, "JWKS": jwks().decode()}
        clock = Clock()
        verifier = TokenVerifier(Wiring(Settings.from_environ(environ), AuditLog("ERROR"), clock).issuers(), clock)
        issuer.publish(revoking("bad", iss=issuer.url))
        verifier.verify(sign(header(), claims(iss=issuer.url)))
        with pytest.raises(InvalidTokenError, match="revoked"):
            verifier.verify(sign(header(), claims(iss=issuer.url, jti="bad")))
        assert issuer.server.paths == [FEED_PATH]


def test_a_clock_that_was_set_back_keeps_nothing(rig: _Rig) -> None:
    """A feed from the future is asked for again, and where that fails it is not used."""
    assert rig.verify() == "accepted"
    rig.clock.now -= 120
    rig.publish()
    assert rig.verify() == "accepted"
    assert rig.polls == 2
    rig.issuer.publish(b"", status=503)
    rig.clock.now -= 120
    assert rig.verify() == "revocations_unavailable"


def test_a_token_refused_for_another_reason_asks_for_nothing_more(rig: _Rig) -> None:
    """Only a token that is good so far is held against the feed: strangers do not decide when it is polled."""
    rig.verify()
    rig.clock.now += 30
    assert rig.verify(aud="https://x.example") == "audience_refused"
    assert rig.polls == 1
