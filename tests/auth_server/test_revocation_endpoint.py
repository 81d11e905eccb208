"""The revocation endpoint, section by section of RFC 7009."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server import jws, revocation
from auth_server.access_token import MAX_LIFETIME_SECONDS
from auth_server.errors import DependencyError
from auth_server.revocation import COUNTED_SECONDS, MAX_OWN_REVOCATIONS
from auth_server.revocation_feed import MAX_CONTENT_BYTES
from auth_server.settings import SETTINGS
from authorizer.settings import SETTINGS as AUTHORIZER_SETTINGS
from tests.auth_server.client_requests import ask, simulator, token_of
from tests.simulator import AUDIENCE, ISSUER, NOW, SECRET, LocalKeySource, Simulator, basic, client, document, event

PATH = "/oauth/revoke"
SKEW = revocation.MAX_CLOCK_SKEW_SECONDS


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows `demo`, `api` and `other`."""
    return simulator()


def signed(**changed: Any) -> str:
    """Sign an access token of `demo` with the server's key, with other claims than a good one's."""
    good = {"iss": ISSUER, "sub": "demo", "client_id": "demo", "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60, "jti": "j"}
    return jws.sign({**good, **changed}, typ="at+jwt", key=LocalKeySource().load())


@pytest.mark.spec("RFC 7009", "2.2")
def test_a_client_revokes_its_token(server: Simulator) -> None:
    """The answer to a revocation is 200, and the token is remembered as long as anybody could accept it."""
    response = server.token()
    token = document(response)["access_token"]
    answer = ask(server, PATH, {"token": token})
    assert (answer["statusCode"], document(answer)) == (200, {})
    assert answer["headers"]["Content-Type"] == "application/json"
    assert (answer["headers"]["Cache-Control"], answer["headers"]["Pragma"]) == ("no-store", "no-cache")
    assert server.state.tokens == {server.claims(response)["jti"]: NOW + 3600 + SKEW}


def test_a_token_is_revoked_for_as_long_as_an_authorizer_may_be_lenient() -> None:
    """The authorizer's CLOCK_SKEW_SECONDS, at its most, is how long a revoked token is remembered past its expiry."""
    setting = next(setting for setting in AUTHORIZER_SETTINGS if setting.name == "CLOCK_SKEW_SECONDS")
    assert setting.parse(str(SKEW)) == SKEW
    with pytest.raises(ValueError, match="whole number"):
        setting.parse(str(SKEW + 1))


def test_no_token_lives_longer_than_what_is_revoked_without_its_expiry() -> None:
    """A token of which the jti alone is known is revoked for the longest life that a token can have, and the skew."""
    server = simulator()
    longest = next(setting for setting in SETTINGS if setting.name == "TOKEN_LIFETIME_SECONDS").read("86400")
    assert revocation.revoke_jti(server.state, "j", now=NOW) == NOW + longest + SKEW
    assert server.state.tokens == {"j": NOW + longest + SKEW}


def test_all_tokens_of_a_client_are_those_up_to_now_on_any_clock() -> None:
    """What was issued in this second is revoked, and by a clock that is a second ahead; what is issued later is not."""
    server = simulator()
    assert revocation.revoke_tokens_of(server.state, "demo", now=NOW) == NOW + 2
    assert server.state.is_revoked(jti="j", client_ids=("demo",), issued_at=NOW + 1)
    assert not server.state.is_revoked(jti="j", client_ids=("demo",), issued_at=NOW + 2)
    assert not server.state.is_revoked(jti="j", client_ids=("other",), issued_at=NOW)


@pytest.mark.spec("RFC 7009", "2.1")
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_changes_nothing(server: Simulator, hint: str) -> None:
    """The server may ignore token_type_hint, and a wrong one does not save a token."""
    assert ask(server, PATH, {"token": signed(), "token_type_hint": hint})["statusCode"] == 200
    assert "j" in server.state.tokens


@pytest.mark.spec("RFC 7009", "2.2")
def test_a_token_can_be_revoked_twice(server: Simulator) -> None:
    """A client whose first answer was lost asks again."""
    for _ in range(2):
        assert ask(server, PATH, {"token": signed()})["statusCode"] == 200
    assert server.state.tokens == {"j": NOW + 60 + SKEW}


@pytest.mark.parametrize("times", [{"iat": NOW + SKEW}, {"nbf": NOW + SKEW}, {"iat": NOW - 9, "exp": NOW - SKEW + 1}])
def test_a_token_that_some_clock_takes_for_good_is_revoked(server: Simulator, times: dict[str, int]) -> None:
    """A token that is not valid yet, or has just expired, may be accepted where a clock is off: it is revoked."""
    assert ask(server, PATH, {"token": signed(**times)})["statusCode"] == 200
    assert "j" in server.state.tokens


WITHOUT_EFFECT: dict[str, Any] = {
    "nonsense": "nonsense",
    "not ASCII": "é.é.é",
    "too long": "a" * 9000,
    "another signature": signed().rpartition(".")[0] + "." + signed(jti="k").rpartition(".")[2],
    "another server's": signed(iss="https://other.example.com"),
    "expired": signed(iat=NOW - 1000, exp=NOW - SKEW),
    "another client's": signed(client_id="other", sub="other"),
    "for the client, of another": signed(client_id="other", sub="demo", aud="demo"),
    "another kind of JWT": jws.sign({"iss": ISSUER, "jti": "j"}, typ="JWT", key=LocalKeySource().load()),
}


@pytest.mark.spec("RFC 7009", "2.2")
@pytest.mark.parametrize("token", WITHOUT_EFFECT.values(), ids=WITHOUT_EFFECT.keys())
def test_any_other_token_is_answered_200_without_effect(server: Simulator, token: str) -> None:
    """An invalid token is no error, a foreign one cannot be told from it, and neither is remembered."""
    good = ask(server, PATH, {"token": signed()})
    server.state.tokens.clear()
    assert ask(server, PATH, {"token": token}) == good
    assert server.state.tokens == {}
    assert server.state.clients == {}


def revoke_many(server: Simulator, count: int, **changed: Any) -> None:
    """Revoke so many tokens, one by one."""
    for number in range(count):
        assert ask(server, PATH, {"token": signed(jti=f"j{number}", **changed)})["statusCode"] == 200


def test_a_client_cannot_fill_the_feed(server: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """After MAX_OWN_REVOCATIONS one entry takes the place of each further one: all that the client was issued."""
    revoke_many(server, MAX_OWN_REVOCATIONS)
    assert (len(server.state.tokens), server.state.clients) == (MAX_OWN_REVOCATIONS, {})
    capsys.readouterr()
    assert ask(server, PATH, {"token": signed(jti="one more")})["statusCode"] == 200
    assert (len(server.state.tokens), server.state.clients) == (MAX_OWN_REVOCATIONS, {"demo": NOW + 2})
    line = json.loads(capsys.readouterr().out)
    assert (line["outcome"], line["reason"].partition(":")[0]) == ("revoked", "with all that the client was issued")
    for jti in ("j0", "one more", "any other"):
        assert document(ask(server, "/oauth/introspect", {"token": signed(jti=jti)})) == {"active": False}
    server.now += 2
    later = signed(jti="later", iat=NOW + 2)
    assert document(ask(server, "/oauth/introspect", {"token": later}))["active"] is True
    assert ask(server, PATH, {"token": later})["statusCode"] == 200
    assert len(server.state.tokens) == MAX_OWN_REVOCATIONS
    assert document(ask(server, "/oauth/introspect", {"token": later})) == {"active": False}


def test_the_count_is_of_one_client_and_of_one_hour(server: Simulator) -> None:
    """Another client's revocations, and those of tokens that are forgotten in another hour, are counted apart."""
    revoke_many(server, MAX_OWN_REVOCATIONS)
    other = signed(jti="other's", client_id="other", sub="other")
    assert ask(server, PATH, {"token": other}, "other")["statusCode"] == 200
    assert ask(server, PATH, {"token": signed(jti="longer", exp=NOW + COUNTED_SECONDS + 60)})["statusCode"] == 200
    assert server.state.clients == {}
    assert {"other's", "longer"} < server.state.tokens.keys()


def test_what_is_revoked_again_is_not_counted_again(server: Simulator) -> None:
    """A client that says the same again and again has revoked one token, and moves the time of all no further."""
    for _ in range(MAX_OWN_REVOCATIONS + 1):
        assert ask(server, PATH, {"token": signed()})["statusCode"] == 200
    assert server.state.clients == {}
    revoke_many(server, MAX_OWN_REVOCATIONS)
    assert server.state.clients == {"demo": NOW + 2}
    server.now += 10
    revoke_many(server, MAX_OWN_REVOCATIONS)
    assert server.state.clients == {"demo": NOW + 2}


def test_a_token_from_a_clock_that_is_ahead_is_covered_too(server: Simulator) -> None:
    """The entry for all that the client was issued reaches past the time of the very token that was revoked."""
    revoke_many(server, MAX_OWN_REVOCATIONS, exp=NOW + SKEW + 60)
    assert ask(server, PATH, {"token": signed(jti="ahead", iat=NOW + SKEW, exp=NOW + SKEW + 60)})["statusCode"] == 200
    assert server.state.clients
    assert server.state.is_revoked(jti="ahead", client_ids=("demo",), issued_at=NOW + SKEW)


@pytest.mark.parametrize("before", [0, MAX_OWN_REVOCATIONS])
@pytest.mark.parametrize("write", ["count", "revoke_token", "revoke_client"])
def test_a_revocation_that_was_cut_off_can_be_repeated(
    server: Simulator, monkeypatch: pytest.MonkeyPatch, write: str, before: int
) -> None:
    """Whichever write fails, nobody is told that the token is revoked unless it is, and the next try revokes it."""
    revoke_many(server, before)
    token = signed(jti="cut off")
    with monkeypatch.context() as patch:

        def fail(*_: object, **__: object) -> None:
            raise DependencyError("dynamodb: ThrottlingException")

        patch.setattr(server.state, write, fail)
        answer = ask(server, PATH, {"token": token})
    is_revoked = server.state.is_revoked(jti="cut off", client_ids=("demo",), issued_at=NOW)
    assert answer["statusCode"] == (200 if is_revoked else 503)
    assert ask(server, PATH, {"token": token})["statusCode"] == 200
    assert server.state.is_revoked(jti="cut off", client_ids=("demo",), issued_at=NOW)


def test_what_one_client_can_leave_in_the_feed_is_a_small_part_of_it() -> None:
    """With tokens of the longest life a client can leave so many entries, of the size of the feed a small part."""
    hours = (MAX_LIFETIME_SECONDS + SKEW) // COUNTED_SECONDS + 2
    entry = len(json.dumps({"k" * 22: NOW}))
    assert hours * MAX_OWN_REVOCATIONS * entry < MAX_CONTENT_BYTES / 15


@given(
    owner=st.sampled_from(["demo", "api", "other"]),
    asker=st.sampled_from(["demo", "api", "other"]),
    aud=st.lists(st.sampled_from(["demo", "api", AUDIENCE]), min_size=1, unique=True),
)
def test_a_client_never_revokes_anothers_token(owner: str, asker: str, aud: list[str]) -> None:
    """Whoever it is for, a token is revoked by the client that it was issued to, and by no other."""
    server = simulator()
    response = ask(server, PATH, {"token": signed(client_id=owner, sub="demo", aud=aud)}, asker)
    assert response["statusCode"] == 200
    assert ("j" in server.state.tokens) == (owner == asker)


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
def test_any_text_is_answered(token: str) -> None:
    """Whatever is sent as a token, the answer is 200 and nothing is revoked."""
    server = simulator()
    assert ask(server, PATH, {"token": token})["statusCode"] == 200
    assert server.state.tokens == {}


@pytest.mark.spec("RFC 7009", "2.1")
@pytest.mark.parametrize("body", ["", "token=", "token_type_hint=access_token", "token=a&token=b"])
def test_a_request_without_one_token_is_invalid(server: Simulator, body: str) -> None:
    """The token is required, once."""
    response = ask(server, PATH, body)
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_request")


@pytest.mark.spec("RFC 7009", "2.1")
@pytest.mark.parametrize(
    "headers", [{}, basic("demo", "wrong"), basic("nobody", SECRET), {"Authorization": "Bearer x"}], ids=repr
)
def test_a_caller_that_does_not_authenticate_is_refused(server: Simulator, headers: dict[str, str]) -> None:
    """The client's credentials are validated first: without good ones nothing is revoked."""
    response = server.send(event("POST", PATH, body=urlencode({"token": signed()}), headers=headers))
    assert (response["statusCode"], document(response)["error"]) == (401, "invalid_client")
    assert ("WWW-Authenticate" in response["headers"]) == bool(headers)
    assert server.state.tokens == {}


def test_a_disabled_client_revokes_nothing(server: Simulator) -> None:
    """A client that is disabled does not authenticate, here as elsewhere."""
    server.clients.clients["demo"] = replace(client(), enabled=False)
    assert ask(server, PATH, {"token": signed()})["statusCode"] == 401


@pytest.mark.spec("RFC 7009", "2.2.1")
@pytest.mark.parametrize("broken", ["state", "keys"])
def test_what_could_not_be_revoked_is_503(server: Simulator, broken: str) -> None:
    """Where the store does not answer, the client must take the token for good still, and may try again."""
    setattr(getattr(server, broken), "failing", True)  # noqa: B010 - one of two
    response = ask(server, PATH, {"token": signed()})
    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "1")
    setattr(getattr(server, broken), "failing", False)  # noqa: B010 - one of two
    assert ask(server, PATH, {"token": signed()})["statusCode"] == 200
    assert "j" in server.state.tokens


def test_the_endpoint_takes_post_alone(server: Simulator) -> None:
    """A token has no place in a URL: any other method is answered 405 with Allow."""
    response = server.send(event("GET", PATH))
    assert (response["statusCode"], response["headers"]["Allow"]) == (405, "POST")


@pytest.mark.parametrize(
    ("token", "outcome", "said"),
    [
        (signed(), "revoked", {"jti": "j"}),
        (signed(client_id="other"), "ignored", {"jti": "j", "reason": "another client's token"}),
        ("nonsense", "ignored", {"reason": "no token of this server, or one that has expired"}),
    ],
)
def test_the_audit_line_tells_what_was_revoked(
    server: Simulator, capsys: pytest.CaptureFixture[str], token: str, outcome: str, said: dict[str, str]
) -> None:
    """A line holds the client, the outcome, the token's jti and the reason, and never the token."""
    ask(server, PATH, {"token": token})
    printed = capsys.readouterr().out
    line = json.loads(printed)
    assert (line["event"], line["level"], line["client_id"], line["outcome"]) == ("revocation", "INFO", "demo", outcome)
    assert {name: line[name] for name in ("jti", "reason") if name in line} == said
    assert token not in printed


def test_a_token_of_the_token_endpoint_is_revoked_alone(server: Simulator) -> None:
    """Of two tokens of a client, the one that was sent is revoked."""
    kept, revoked = token_of(server), token_of(server)
    ask(server, PATH, {"token": revoked})
    answers = [document(ask(server, "/oauth/introspect", {"token": each}))["active"] for each in (kept, revoked)]
    assert answers == [True, False]
