"""Getting a token from the server, with a client of either kind: what is retried, remedied, and told."""

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from joserfc.jws import extract_compact

from tests.token_client.authorization_server import (
    Answer,
    drip_body,
    endless,
    hang_up,
    not_http,
    raw,
    refusal,
    said,
    serving,
    silent,
    token,
    truncated,
)
from tests.token_client.clients import Secret, Sheaf, Signed
from tests.token_client.hands import Hands
from token_client import (
    AccessToken,
    CredentialsError,
    ServerUnavailableError,
    TokenClientError,
    TokenRefusedError,
    UnusableTokenError,
)

Maker = Callable[..., Any]
_TIMEOUT_S = 0.3

_MISBEHAVIOUR: dict[str, tuple[Answer, str]] = {
    "silent": (silent, "timed out"),
    "drip": (drip_body, "timed out"),
    "reset": (hang_up, "broke off"),
    "not HTTP": (not_http, "broke off"),
    "truncated": (truncated, "broke off"),
    "endless": (endless, "more than 64 KB"),
    "500": (raw(b"<html>", 500), "answered 500"),
    "503": (raw(b"", 503), "answered 503"),
    "429": (raw(b"", 429), "answered 429"),
    "garbage": (raw(b"\x00\xff"), "no token response"),
    "truncated JSON": (raw(b'{"access_token": "tok'), "no token response"),
    "redirect": (raw(b"", 307, Location="https://elsewhere.example"), "answered 307"),
    "a page": (raw(b"<html>", 404), "answered 404"),
}


@pytest.fixture(params=_MISBEHAVIOUR)
def misbehaviour(request: pytest.FixtureRequest) -> tuple[Answer, str]:
    """Give an answer that is none, and what is said of it."""
    return _MISBEHAVIOUR[request.param]


def dated(seconds: float, answer: Callable[..., Answer], *args: Any, **options: Any) -> Answer:
    """Answer with a Date so many seconds from now."""
    at = format_datetime(datetime.fromtimestamp(time.time() + seconds, UTC), usegmt=True)
    return answer(*args, **options, Date=at)


def granted(**headers: str) -> Answer:
    """Give a token, with headers."""
    return said({"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600}, 200, **headers)


def test_what_another_attempt_can_change_is_tried_again(made: Maker, misbehaviour: tuple[Answer, str]) -> None:
    """The server misbehaves twice, then answers: there is a token, after two pauses."""
    hands, (answer, _) = Hands(), misbehaviour
    with (
        serving(answer, answer, token()) as server,
        made(token_endpoint=server.token_endpoint, timeout_s=_TIMEOUT_S, clocks=hands.clocks) as client,
    ):
        assert client.token() == "token-1"
        assert (len(server.asked), hands.pauses) == (3, [1.0, 1.0])


def test_the_last_attempt_names_the_cause(made: Maker, misbehaviour: tuple[Answer, str]) -> None:
    """One attempt and two more, then an error with URL, cause and count; nothing of credentials or answer."""
    answer, cause = misbehaviour
    with (
        serving(answer) as server,
        made(token_endpoint=server.token_endpoint, timeout_s=_TIMEOUT_S, retries=2, clocks=Hands().clocks) as client,
    ):
        with pytest.raises(
            ServerUnavailableError, match=rf"{server.token_endpoint} .*{cause}.*\(attempt 3\)"
        ) as caught:
            client.token()
        assert len(server.asked) == 3
        assert "s3cret" not in str(caught.value)
        assert "html" not in str(caught.value)
        assert caught.value.retry_after_s is None


def test_a_token_in_memory_outlives_whatever_becomes_of_the_server(
    made: Maker, misbehaviour: tuple[Answer, str], caplog: pytest.LogCaptureFixture
) -> None:
    """A token that is due is given while its renewal fails, to the end of its life."""
    hands, (answer, _) = Hands(), misbehaviour
    with (
        serving(token(), answer) as server,
        made(token_endpoint=server.token_endpoint, timeout_s=_TIMEOUT_S, retries=0, clocks=hands.clocks) as client,
        caplog.at_level(logging.WARNING, "token_client"),
    ):
        assert client.token() == "token-1"
        hands.turn(3400)
        assert client.token() == "token-1"
        until = time.monotonic() + 10
        while "serves on" not in caplog.text and time.monotonic() < until:
            time.sleep(0.01)
        assert "the token could not be renewed, and serves on" in caplog.text
        assert client.token() == "token-1"
        hands.turn(191)
        with pytest.raises(ServerUnavailableError):
            client.token()


def test_a_server_that_is_down_is_tried_again(made: Maker) -> None:
    """A refused connection is as passing as any other failure."""
    hands = Hands()
    with serving() as server:
        url = server.token_endpoint
    with (
        made(token_endpoint=url, clocks=hands.clocks) as client,
        pytest.raises(ServerUnavailableError, match="on refused"),
    ):
        client.token()
    assert hands.pauses == [1.0, 1.0, 1.0]


def test_retry_after_is_waited_for(made: Maker) -> None:
    """In seconds or as a date, where it is longer than the pause and not longer than 30 seconds."""
    hands = Hands()
    date = format_datetime(datetime.fromtimestamp(time.time() + 20, UTC), usegmt=True)
    now = format_datetime(datetime.fromtimestamp(time.time(), UTC), usegmt=True)
    answers = (
        raw(b"", 503, Retry_After="0"),
        raw(b"", 429, Retry_After="30"),
        raw(b"", 503, Retry_After=date, Date=now),
        token(),
    )
    with serving(*answers) as server, made(token_endpoint=server.token_endpoint, clocks=hands.clocks) as client:
        assert client.token() == "token-1"
    assert hands.pauses == [1.0, 30.0, 20.0]


def test_a_longer_retry_after_fails_at_once_and_until_then(made: Maker) -> None:
    """Nobody is kept for minutes: the call fails, later ones too without a request, and then the server is asked."""
    hands = Hands()
    with (
        serving(raw(b"", 503, Retry_After="120"), token()) as server,
        made(token_endpoint=server.token_endpoint, clocks=hands.clocks) as client,
    ):
        for wait_s in (120, 110, 100):
            with pytest.raises(ServerUnavailableError, match=f"wait for {wait_s} s") as caught:
                client.token()
            assert caught.value.retry_after_s == wait_s
            hands.turn(10)
        assert len(server.asked) == 1
        hands.turn(91)
        assert client.token() == "token-1"
    assert hands.pauses == []


@pytest.mark.parametrize("error", ["invalid_request", "unauthorized_client", "invalid_scope", "invalid_target"])
def test_an_oauth_error_is_not_tried_again(made: Maker, error: str) -> None:
    """The server understood, and would say the same again."""
    with (
        serving(refusal(error, "for a reason")) as server,
        made(token_endpoint=server.token_endpoint, scope="a") as client,
    ):
        with pytest.raises(TokenRefusedError, match=rf"\(400\): {error}: for a reason") as caught:
            client.token()
        assert (caught.value.error, caught.value.description, caught.value.status) == (error, "for a reason", 400)
        assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [refusal("invalid_client", status=401), token(expires_in=0)])
def test_a_second_refusal_is_repeated_for_a_second_without_asking(made: Maker, answer: Answer) -> None:
    """A service that calls on with a wrong secret asks once a second, and reads its credentials as often."""
    hands, sheaf, said = Hands(), Sheaf(), set()
    options = {"credentials": sheaf, "clocks": hands.clocks}
    with (
        serving(answer, answer, token()) as server,
        made(token_endpoint=server.token_endpoint, **options) as client,
    ):
        for _ in range(5):
            with pytest.raises((TokenRefusedError, UnusableTokenError)) as caught:
                client.token()
            said.add((caught.type, str(caught.value)))
        assert (len(said), len(server.asked), sheaf.loads.count(False)) == (1, 2, 2)
        hands.turn(1)
        assert client.token() == "token-1"


@pytest.mark.parametrize("answer", [token(token_type="DPoP"), token(expires_in=0)])
def test_a_token_of_no_use_is_not_tried_again(made: Maker, answer: Answer) -> None:
    """Another would be no better."""
    with serving(answer) as server, made(token_endpoint=server.token_endpoint) as client:
        with pytest.raises(UnusableTokenError):
            client.token()
        assert len(server.asked) == 1


def test_a_dpop_client_takes_no_bearer_token(made: Maker) -> None:
    """A server that ignores the proof gives what any thief could use."""
    with serving(token()) as server, made(token_endpoint=server.token_endpoint, dpop=True) as client:
        with pytest.raises(UnusableTokenError, match="Bearer, not DPoP"):
            client.token()
        assert server.asked[0].headers["DPoP"].count(".") == 2


def test_without_expires_in_a_token_lasts_five_minutes(made: Maker) -> None:
    """It is served as long, and then another is fetched."""
    hands = Hands()
    with (
        serving(token(expires_in=None), token("token-2")) as server,
        made(token_endpoint=server.token_endpoint, clocks=hands.clocks) as client,
    ):
        client.token()
        hands.turn(239)
        assert client.token() == "token-1"
        hands.turn(52)
        assert client.token() == "token-2"


@pytest.mark.parametrize("status", [400, 401])
def test_a_rotated_secret_is_read_anew(made: Maker, status: int) -> None:
    """The server knows the new secret only: the credentials are read past every cache, and the new one is used."""
    sheaf = Sheaf([Secret(), Secret(secret=b"the-next")])
    with (
        serving(refusal("invalid_client", status=status), token()) as server,
        made(token_endpoint=server.token_endpoint, credentials=sheaf) as client,
    ):
        assert client.token() == "token-1"
        sent = [asked.headers["Authorization"] for asked in server.asked]
        assert (len(sent), len(set(sent)), sheaf.loads) == (2, 2, [False, True])


def test_a_secret_that_is_still_the_same_is_refused(made: Maker) -> None:
    """It was read anew once, and is not sent again."""
    sheaf = Sheaf()
    with (
        serving(refusal("invalid_client", "who is that?", 401)) as server,
        made(token_endpoint=server.token_endpoint, credentials=sheaf) as client,
    ):
        with pytest.raises(TokenRefusedError, match="the secret or key, is not what the server knows"):
            client.token()
        assert (len(server.asked), sheaf.loads) == (1, [False, True])


def test_a_secret_that_is_rotated_twice_is_read_once(made: Maker) -> None:
    """A server that refuses all of them does not keep a client reading."""
    sheaf = Sheaf([Secret(secret=str(number).encode()) for number in range(5)])
    with (
        serving(refusal("invalid_client")) as server,
        made(token_endpoint=server.token_endpoint, credentials=sheaf) as client,
    ):
        with pytest.raises(TokenRefusedError):
            client.token()
        assert len(server.asked) == 2


def test_a_server_that_repeats_the_secret_is_not_quoted(made: Maker) -> None:
    """Neither the secret, nor the header that it was in, nor its form."""
    shown = Secret(secret=b"a secret+word")
    sent = shown.authenticate(None, 0).headers["Authorization"].removeprefix("Basic ")  # type: ignore[arg-type] # unused
    for text in ("got a secret+word", f"got {sent}", "got a+secret%2Bword"):
        with (
            serving(refusal("invalid_scope", text)) as server,
            made(token_endpoint=server.token_endpoint, credentials=Sheaf([shown])) as client,
            pytest.raises(TokenRefusedError, match="left out") as caught,
        ):
            client.token()
        assert text.removeprefix("got ") not in str(caught.value)


@pytest.mark.parametrize("ahead_s", [-600, 600])
def test_a_clock_that_is_off_by_ten_minutes_is_corrected_by_the_servers(made: Maker, ahead_s: int) -> None:
    """The first assertion has the wrong time and is refused; the second has the server's, by its Date."""
    answers = (dated(ahead_s, refusal, "invalid_client", status=401), dated(ahead_s, granted))
    with (
        serving(*answers) as server,
        made(token_endpoint=server.token_endpoint, credentials=Sheaf([Signed()])) as client,
    ):
        assert client.token() == "token-1"
        first, second = (int(asked.form["client_assertion"].rpartition("-")[2]) for asked in server.asked)
        assert second - first == pytest.approx(ahead_s, abs=5)
        assert client.client.now() == pytest.approx(time.time() + ahead_s, abs=5)


def test_a_metadata_document_tells_the_time_as_well(made: Maker) -> None:
    """Where it is no answer out of a cache (RFC 9111 5.1: Age), the first assertion has the right time."""
    for age, attempts in (({}, 1), ({"Age": "600"}, 2)):
        with serving(dated(-600, refusal, "invalid_client"), dated(-600, granted)) as server:
            document = {"issuer": server.url, "token_endpoint": server.token_endpoint}
            server.metadata = dated(-600, said, document, **age)
            server.answers = server.answers[2 - attempts :]
            with made(server.url, credentials=Sheaf([Signed()])) as client:
                assert client.token() == "token-1"
            assert len(server.token_requests) == attempts
            last = int(server.token_requests[-1].form["client_assertion"].rpartition("-")[2])
            assert last == pytest.approx(time.time() - 600, abs=5)


@pytest.mark.parametrize("ahead_s", [-20, 0, 20])
def test_a_clock_that_is_off_by_seconds_is_left_alone(made: Maker, ahead_s: int) -> None:
    """Dates have whole seconds and answers take their time; a refusal then has another cause."""
    with (
        serving(dated(ahead_s, refusal, "invalid_client")) as server,
        made(token_endpoint=server.token_endpoint, credentials=Sheaf([Signed()])) as client,
    ):
        with pytest.raises(TokenRefusedError):
            client.token()
        assert len(server.asked) == 1


def test_a_clock_that_is_off_is_no_excuse_twice(made: Maker) -> None:
    """A server whose time jumps with each answer is not followed."""
    answers = [dated(number * 600, refusal, "invalid_client") for number in range(1, 9)]
    with (
        serving(*answers) as server,
        made(token_endpoint=server.token_endpoint, credentials=Sheaf([Signed()])) as client,
    ):
        with pytest.raises(TokenRefusedError):
            client.token()
        assert len(server.asked) == 2


def test_a_secret_needs_no_clock(made: Maker) -> None:
    """What has no time in it is not sent again for the time's sake."""
    with serving(dated(600, refusal, "invalid_client")) as server, made(token_endpoint=server.token_endpoint) as client:
        with pytest.raises(TokenRefusedError):
            client.token()
        assert len(server.asked) == 1


def _claims(proof: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(extract_compact(proof.encode()).payload)
    return claims


def _bound() -> Answer:
    return said({"access_token": "token-1", "token_type": "DPoP", "expires_in": 3600})


@pytest.mark.spec("RFC 9449", "8")
def test_a_nonce_that_the_server_asks_for_is_in_the_next_proof(made: Maker) -> None:
    """One request more, with the nonce; the next token is got with it at once."""
    hands = Hands()
    with (
        serving(refusal("use_dpop_nonce", DPoP_Nonce="n-1"), _bound()) as server,
        made(token_endpoint=server.token_endpoint, dpop=True, clocks=hands.clocks) as client,
    ):
        client.token()
        hands.turn(3600)
        client.token()
        nonces = [_claims(asked.headers["DPoP"]).get("nonce") for asked in server.asked]
        assert nonces == [None, "n-1", "n-1"]
    assert hands.pauses == []


@pytest.mark.spec("RFC 9449", "8")
def test_a_nonce_may_age_between_two_attempts(made: Maker) -> None:
    """The server asks for one, is busy, and asks for its next one by the time of the second attempt."""
    answers = [refusal("use_dpop_nonce", DPoP_Nonce="n-1"), said({}, 503), refusal("use_dpop_nonce", DPoP_Nonce="n-2")]
    hands = Hands()
    with (
        serving(*answers, _bound()) as server,
        made(token_endpoint=server.token_endpoint, dpop=True, clocks=hands.clocks) as client,
    ):
        client.token()
        nonces = [_claims(asked.headers["DPoP"]).get("nonce") for asked in server.asked]
        assert nonces == [None, "n-1", "n-1", "n-2"]
    assert len(hands.pauses) == 1


def test_a_server_that_is_never_content_with_a_nonce_is_left(made: Maker) -> None:
    """It is asked once more, and no third time."""
    answers = [refusal("use_dpop_nonce", DPoP_Nonce=f"n-{number}") for number in range(9)]
    with serving(*answers) as server, made(token_endpoint=server.token_endpoint, dpop=True) as client:
        with pytest.raises(TokenRefusedError, match="use_dpop_nonce"):
            client.token()
        assert len(server.asked) == 2


@pytest.mark.parametrize("headers", [{}, {"DPoP_Nonce": 'n"1'}, {"DPoP_Nonce": "n" * 2000}])
def test_a_nonce_that_is_none_is_not_used(made: Maker, headers: dict[str, str]) -> None:
    """There is nothing to try again with."""
    with (
        serving(refusal("use_dpop_nonce", None, 400, **headers)) as server,
        made(token_endpoint=server.token_endpoint, dpop=True) as client,
    ):
        with pytest.raises(TokenRefusedError, match="use_dpop_nonce"):
            client.token()
        assert len(server.asked) == 1


def test_a_proof_bears_the_servers_time(made: Maker) -> None:
    """A proof that is refused for its time is made again with the right one."""
    late = dated(-600, said, {"access_token": "token-1", "token_type": "DPoP", "expires_in": 3600})
    with (
        serving(dated(-600, refusal, "invalid_dpop_proof"), late) as server,
        made(token_endpoint=server.token_endpoint, dpop=True) as client,
    ):
        client.token()
        first, second = (_claims(asked.headers["DPoP"])["iat"] for asked in server.asked)
        assert second - first == pytest.approx(-600, abs=5)


def test_everything_can_go_wrong_in_one_fetch(made: Maker) -> None:
    """A nonce, the time, a rotated secret and an outage, each once, and there is a token."""
    hands = Hands(wall=time.time())
    bound = dated(600, said, {"access_token": "token-1", "token_type": "DPoP", "expires_in": 3600})
    answers = (
        dated(0, refusal, "use_dpop_nonce", DPoP_Nonce="n-1"),
        raw(b"", 503),
        dated(600, refusal, "invalid_dpop_proof"),
        dated(600, refusal, "invalid_client"),
        bound,
    )
    sheaf = Sheaf([Secret(), Secret(secret=b"the-next")])
    options = {"credentials": sheaf, "dpop": True, "clocks": hands.clocks}
    with serving(*answers) as server, made(token_endpoint=server.token_endpoint, **options) as client:
        assert client.token() == "token-1"
        assert len(server.asked) == 5


def test_credentials_that_cannot_be_read_are_not_tried_again(made: Maker) -> None:
    """Their own error comes through, and the next call reads them again."""
    sheaf = Sheaf(error=CredentialsError("the secret is not there"))
    with serving() as server, made(token_endpoint=server.token_endpoint, credentials=sheaf) as client:
        for _ in range(2):
            with pytest.raises(CredentialsError, match="not there"):
                client.token()
        assert (server.asked, len(sheaf.loads)) == ([], 2)
        sheaf.error = None
        assert client.token() == "token-1"


def test_what_a_callable_of_the_users_raises_comes_through(made: Maker) -> None:
    """And keeps nobody waiting who comes after."""
    sheaf = Sheaf(error=ZeroDivisionError("theirs"))
    with serving() as server, made(token_endpoint=server.token_endpoint, credentials=sheaf) as client:
        with pytest.raises(ZeroDivisionError):
            client.token()
        sheaf.error = None
        assert client.token() == "token-1"


def test_what_is_asked_for_is_in_the_request(made: Maker) -> None:
    """Scope, resource, parameters and the client's authentication."""
    options = {"scope": "a b", "resource": "https://api.example", "parameters": {"audience": "x"}}
    with serving() as server, made(token_endpoint=server.token_endpoint, **options) as client:
        granted = client.access_token()
        assert isinstance(granted, AccessToken)
        assert granted.scope == ("a", "b")
        form = server.asked[0].form
    assert form == {
        "grant_type": "client_credentials",
        "scope": "a b",
        "resource": "https://api.example",
        "audience": "x",
    }
    assert server.asked[0].headers["Authorization"].startswith("Basic ")


def test_nothing_secret_is_logged(made: Maker, caplog: pytest.LogCaptureFixture) -> None:
    """Through an outage, a rotation and a refusal, at every level of every logger."""
    sheaf = Sheaf([Secret(secret=b"first-s3cret"), Secret(secret=b"second-s3cret")])
    refusals = [refusal("invalid_client", text) for text in ("first-s3cret", "second-s3cret")]
    sent = [identity.authenticate(None, 0).headers["Authorization"][6:] for identity in sheaf.identities]
    with (
        caplog.at_level(logging.DEBUG),
        serving(raw(b"s3cret", 503), *refusals) as server,
        made(token_endpoint=server.token_endpoint, credentials=sheaf, clocks=Hands().clocks) as client,
        pytest.raises(TokenClientError) as caught,
    ):
        client.token()
    assert len(server.asked) == 3
    for secret in ("s3cret", *sent):
        assert secret not in caplog.text
        assert secret not in str(caught.value)


def test_no_retry_after_keeps_a_process_for_more_than_an_hour(made: Maker) -> None:
    """One that says 31 years is a mistake of somebody's: the error repeats it, and the server is asked in an hour."""
    hands = Hands()
    with (
        serving(raw(b"", 503, Retry_After="999999999"), token()) as server,
        made(token_endpoint=server.token_endpoint, clocks=hands.clocks) as client,
    ):
        with pytest.raises(ServerUnavailableError) as caught:
            client.token()
        assert caught.value.retry_after_s == 999_999_999
        hands.turn(3_599)
        with pytest.raises(ServerUnavailableError, match="wait for 1 s"):
            client.token()
        hands.turn(2)
        assert client.token() == "token-1"
