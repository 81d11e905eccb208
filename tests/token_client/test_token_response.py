"""What the token endpoint's answers are taken for."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_client.access_token import AccessToken
from token_client.errors import ServerUnavailableError, UnusableTokenError
from token_client.token_response import Asked, Refusal, read
from token_client.transport import HttpAnswer

_ASKED = Asked("https://as.example/token?key=q", 1_800_000_000.25, "Bearer", ("a", "b"), ("s3cret",))
_GOOD = {"access_token": "token-1", "token_type": "Bearer", "expires_in": 3600, "scope": "a"}
_A_YEAR_MS = 366 * 86_400_000


def answer(members: Mapping[str, object], status: int = 200) -> HttpAnswer:
    """Make a good answer, but for these members; None leaves one out."""
    body = {name: member for name, member in {**_GOOD, **members}.items() if member is not None}
    return HttpAnswer(status, {}, json.dumps(body).encode())


def granted(**members: object) -> AccessToken:
    """Read an answer with a token."""
    token = read(answer(members), _ASKED)
    assert isinstance(token, AccessToken)
    return token


@pytest.mark.spec("RFC 6749", "5.1")
def test_a_token_has_its_type_scope_and_times() -> None:
    """Its life counts from when it was asked for: the server made it later."""
    ends = 1_800_000_000_250 + 3_600_000
    assert granted() == AccessToken("token-1", "Bearer", ("a",), 1_800_000_000_250, ends)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER"])
def test_the_type_is_case_insensitive(kind: str) -> None:
    """And is kept as everybody writes it."""
    assert granted(token_type=kind).token_type == "Bearer"


@pytest.mark.parametrize(
    ("expires_in", "life_ms"),
    [
        (3600, 3_600_000),
        (0.5, 500),
        ("3600", 3_600_000),
        (" 60.0 ", 60_000),
        (None, 300_000),
        (1e300, _A_YEAR_MS),
        pytest.param(10**4000, _A_YEAR_MS, id="no float"),
        ("999999999999", _A_YEAR_MS),
    ],
)
def test_expires_in_is_a_number_however_it_is_written(expires_in: object, life_ms: int) -> None:
    """Text counts too, as some servers send it; where nothing is said, five minutes are assumed; a year is the most."""
    token = granted(expires_in=expires_in)
    assert token.expires_at - token.issued_at == life_ms


@pytest.mark.parametrize("expires_in", [True, "soon", "", [], {}, "1e3", float("nan"), "9" * 400])
def test_expires_in_of_another_kind_is_no_token_response(expires_in: object) -> None:
    """Nobody knows how long such a token lasts."""
    with pytest.raises(ServerUnavailableError, match="expires_in"):
        read(answer({"expires_in": expires_in}), _ASKED)


@pytest.mark.parametrize("expires_in", [0, -1, "0", "-5", float("-inf")])
def test_a_token_that_has_expired_is_of_no_use(expires_in: object) -> None:
    """And no second attempt makes it better."""
    with pytest.raises(UnusableTokenError, match="expired"):
        read(answer({"expires_in": expires_in}), _ASKED)


@pytest.mark.parametrize(("scope", "tokens"), [("a", ("a",)), ("a  b ", ("a", "b")), ("", ()), (None, ("a", "b"))])
def test_scope_is_what_was_granted_else_what_was_asked_for(scope: str | None, tokens: tuple[str, ...]) -> None:
    """A server leaves it out where it is what was asked for."""
    assert granted(scope=scope).scope == tokens


@pytest.mark.parametrize(
    "members",
    [
        {"access_token": None},
        {"access_token": ""},
        {"access_token": "a b"},
        {"access_token": "a\r\nX: y"},
        {"access_token": "ü"},
        {"access_token": 7},
        {"token_type": None},
        {"token_type": 7},
        {"scope": ["a"]},
    ],
)
def test_a_malformed_member_is_no_token_response(members: dict[str, object]) -> None:
    """Among them what cannot stand in a header, or would begin another."""
    with pytest.raises(ServerUnavailableError, match=r"https://as\.example/token gave no token response: "):
        read(answer(members), _ASKED)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'"x"', b"null", b'{"access_token": "tok', b"\xff\xfe{}", b"[" * 60_000, b"{}"]
)
def test_what_is_no_json_object_is_no_token_response(body: bytes) -> None:
    """Garbage, truncated JSON, another kind of it, and brackets to the horizon."""
    with pytest.raises(ServerUnavailableError, match="no token response"):
        read(HttpAnswer(200, {}, body), _ASKED)


@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 418])
def test_another_status_without_an_oauth_error_is_no_answer(status: int) -> None:
    """A firewall's page, a redirect, a path that is not there: each says nothing about the client."""
    with pytest.raises(ServerUnavailableError, match=f"answered {status} and no OAuth error"):
        read(HttpAnswer(status, {}, b"<html>s3cret</html>"), _ASKED)


@pytest.mark.parametrize("status", [201, 204, 302])
def test_a_token_comes_with_200(status: int) -> None:
    """The same body with another status is no token response (RFC 6749 5.1)."""
    with pytest.raises(ServerUnavailableError, match=str(status)):
        read(answer({}, status), _ASKED)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_cannot_answer_now_says_when_it_can(status: int) -> None:
    """Whatever the body says, an OAuth error too."""
    told = HttpAnswer(status, {"retry-after": "7"}, b'{"error": "temporarily_unavailable"}')
    with pytest.raises(ServerUnavailableError, match=f"answered {status}") as caught:
        read(told, _ASKED)
    assert caught.value.retry_after_s == 7


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("status", [400, 401, 403, 200])
def test_an_oauth_error_is_a_refusal(status: int) -> None:
    """With its code and description; some servers say it with 200."""
    body = {"error": "invalid_scope", "error_description": "no such scope"}
    refusal = read(HttpAnswer(status, {}, json.dumps(body).encode()), _ASKED)
    assert refusal == Refusal("invalid_scope", "no such scope", status)


@pytest.mark.parametrize("description", [None, 7, "", []])
def test_a_refusal_may_have_no_description(description: object) -> None:
    """Or one that is no text."""
    body = {"error": "invalid_scope", "error_description": description}
    assert read(HttpAnswer(400, {}, json.dumps(body).encode()), _ASKED) == Refusal("invalid_scope", None, 400)


def test_a_refusals_texts_fit_on_a_line() -> None:
    """A server's text begins no line of a log, and fills none."""
    body = {"error": "e" * 1000, "error_description": "one\n\x1b[31mtwo" + "x" * 1000}
    refusal = read(HttpAnswer(400, {}, json.dumps(body).encode()), _ASKED)
    assert isinstance(refusal, Refusal)
    assert refusal.error == "e" * 64 + "..."
    assert refusal.description is not None
    assert refusal.description.startswith("one  [31mtwo")
    assert len(refusal.description) == 259


@pytest.mark.parametrize("before", ["", "x" * 253])
def test_a_text_that_repeats_the_secret_is_left_out(before: str) -> None:
    """Also where cutting the text would leave half of it."""
    body = {"error": "s3cret", "error_description": f"{before}s3cret"}
    refusal = read(HttpAnswer(400, {}, json.dumps(body).encode()), _ASKED)
    left_out = "(left out, for it repeats a secret)"
    assert refusal == Refusal(left_out, left_out, 400)


@pytest.mark.spec("RFC 9449", "5")
@pytest.mark.parametrize(("asked", "given"), [("DPoP", "Bearer"), ("Bearer", "DPoP"), ("Bearer", "mac")])
def test_a_token_of_another_type_is_of_no_use(asked: str, given: str) -> None:
    """Whoever asks for a bound token does not take one that any thief could use."""
    with pytest.raises(UnusableTokenError, match=f"of type {given}, not {asked}"):
        read(answer({"token_type": given}), Asked("https://as.example/token", 0, asked, ()))


_JSON = st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5)
_MEMBERS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(("access_token", "token_type", "expires_in", "scope", "error", "error_description"), _JSON),
)


@given(st.binary() | _MEMBERS.map(lambda members: json.dumps(members).encode()), st.integers(200, 599))
def test_any_answer_is_a_token_a_refusal_or_an_error_of_ours(body: bytes, status: int) -> None:
    """Whatever a server sends, nothing else comes out."""
    try:
        outcome = read(HttpAnswer(status, {}, body), _ASKED)
    except (ServerUnavailableError, UnusableTokenError):
        return
    assert isinstance(outcome, (AccessToken, Refusal))
