"""What the answer to a call is followed by, in every HTTP library with an adapter (token_client/api_call.py)."""

from __future__ import annotations

import io
import json
import logging
import time
from base64 import urlsafe_b64decode
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from authorizer.dpop import Expectation, verify
from tests.token_client.callers import BLOCKING, CALLERS, Call, Tokens, access_token
from tests.token_client.protected_api import Asked, Reply, accepting, serving
from token_client.api_call import ApiCalls
from token_client.dpop import DPoPKey
from token_client.errors import ConfigurationError, InsufficientScopeError

if TYPE_CHECKING:
    from collections.abc import Iterator

BODY = b"a body"
INVALID = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}
JSON = {"Content-Type": "application/json"}
# A 401 that another token may mend: RFC 6750 3.1, and what API Gateway says of a bad token (docs/challenges.md).
RENEWED: dict[str, dict[str, str]] = {
    "invalid_token": INVALID,
    "renamed by API Gateway": {"x-amzn-Remapped-WWW-Authenticate": 'Bearer error="invalid_token"'},
    "of a REST API": {
        "WWW-Authenticate": 'Bearer realm="api", scope="a b", resource_metadata="https://api.example.com/x"'
    },
    "of an HTTP API with a Lambda authorizer": {},
    "of an HTTP API with its own authorizer": {"WWW-Authenticate": 'Bearer scope="" error="invalid_token"'},
    "beside Basic": {"WWW-Authenticate": 'Basic realm="api", Bearer error="invalid_token"'},
    "beside an offer": {"WWW-Authenticate": 'Bearer, DPoP error="invalid_token", algs="ES256"'},
    "not to be understood": {"WWW-Authenticate": '"'},
}
# A 401 that none may.
RETURNED: dict[str, dict[str, str]] = {
    "another error": {"WWW-Authenticate": 'Bearer error="invalid_request"'},
    "another error, renamed": {"x-amzn-Remapped-WWW-Authenticate": 'Bearer error="invalid_request"'},
    "another error beside an offer": {"WWW-Authenticate": 'Bearer, DPoP error="invalid_dpop_proof"'},
    "another scheme": {"WWW-Authenticate": 'Basic realm="api"'},
    "another scheme that has an error": {"WWW-Authenticate": 'Digest realm="api", error="invalid_token"'},
    "a nonce that is missing": {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"'},
    "a nonce for a bearer": {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n"},
}


@pytest.fixture(params=list(CALLERS))
def call(request: pytest.FixtureRequest) -> Call:
    """Give each HTTP library."""
    return CALLERS[request.param]


@pytest.fixture(params=list(BLOCKING))
def blocking_call(request: pytest.FixtureRequest) -> Call:
    """Give each that sends files."""
    return BLOCKING[request.param]


@pytest.mark.spec("RFC 6750", "2.1")
def test_the_token_is_sent(call: Call) -> None:
    """Each request has the token, in place of whatever Authorization it had."""
    with serving(accepting("good", Reply(401))) as api:
        response = call(Tokens(["good"]), "POST", api.url, BODY, headers={"authorization": "Basic eDp5", "X-Own": "1"})
        assert (response.status_code, response.content, api.tokens) == (200, b"good:" + BODY, ["good"])
        (asked,) = api.asked
        assert asked.headers.get_all("Authorization") == ["Bearer good"]
        assert (asked.headers["X-Own"], asked.headers["DPoP"]) == ("1", None)


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("headers", RENEWED.values(), ids=RENEWED)
def test_a_refused_token_is_renewed_once(call: Call, headers: dict[str, str]) -> None:
    """A 401 that says invalid_token, or no error at all, is answered with another token, and the same body."""
    tokens = Tokens(["old", "new"])
    with serving(accepting("new", Reply(401, headers, b"no"))) as api:
        response = call(tokens, "POST", f"{api.url}/products?a=1", BODY)
        assert (response.status_code, response.content, api.tokens) == (200, b"good:" + BODY, ["old", "new"])
        assert (tokens.renewals, {each.path for each in api.asked}) == (["old"], {"/products?a=1"})
        assert [each.status_code for each in response.history] == [401]


@pytest.mark.parametrize("headers", RETURNED.values(), ids=RETURNED)
def test_another_401_is_the_callers(call: Call, headers: dict[str, str]) -> None:
    """A 401 that another token would not mend renews nothing."""
    tokens = Tokens(["old", "new"])
    with serving(accepting("new", Reply(401, headers, b"no"))) as api:
        response = call(tokens, "GET", api.url)
        assert (response.status_code, response.content, api.tokens, tokens.renewals) == (401, b"no", ["old"], [])


def test_a_second_401_is_the_callers(call: Call) -> None:
    """Nothing is tried a third time: the API may refuse for reasons that no token mends."""
    tokens = Tokens(["old", "new", "newer"])
    with serving(accepting("newest", Reply(401, INVALID))) as api:
        response = call(tokens, "GET", api.url)
        assert (response.status_code, api.tokens, tokens.renewals) == (401, ["old", "new"], ["old"])


def test_a_401_is_the_callers_where_there_is_no_other_token(call: Call) -> None:
    """A client that renewed a moment ago gives none: the same request is not sent again."""
    tokens = Tokens(["old"])
    with serving(accepting("new", Reply(401, INVALID))) as api:
        response = call(tokens, "GET", api.url)
        assert (response.status_code, api.tokens, tokens.renewals) == (401, ["old"], ["old"])


def parts() -> Iterator[bytes]:
    """Give a body that can be sent once."""
    yield BODY


def test_a_body_that_can_be_sent_once_is_sent_once(call: Call, caplog: pytest.LogCaptureFixture) -> None:
    """A generator's body is not sent again, empty: the 401 is returned, and it is said why."""
    tokens = Tokens(["old", "new"])
    with serving(accepting("new", Reply(401, INVALID))) as api, caplog.at_level(logging.WARNING, "token_client"):
        assert call(tokens, "POST", api.url, parts()).status_code == 401
        assert (api.tokens, tokens.renewals, [each.body for each in api.asked]) == (["old"], [], [BODY])
    assert "its body can be sent only once" in caplog.text
    assert "old" not in caplog.text


def test_a_file_is_sent_again(blocking_call: Call) -> None:
    """A file that can be wound back is, and is sent in full both times."""
    body = io.BytesIO(BODY)
    with serving(accepting("new", Reply(401, INVALID))) as api:
        assert blocking_call(Tokens(["old", "new"]), "POST", api.url, body).content == b"good:" + BODY
        assert [each.body for each in api.asked] == [BODY, BODY]


class Pipe(io.BytesIO):
    """A file that cannot be wound back, as those of pipes and sockets."""

    def tell(self) -> int:
        """Refuse."""
        raise io.UnsupportedOperation

    def seek(self, *_: int) -> int:
        """Refuse."""
        raise io.UnsupportedOperation


class Tape(Pipe):
    """A file that knows where it is, and cannot go anywhere else."""

    def tell(self) -> int:
        """Say so."""
        return 0


@pytest.mark.parametrize("kind", [Pipe, Tape])
def test_a_file_that_cannot_be_wound_back_is_sent_once(blocking_call: Call, kind: type[io.BytesIO]) -> None:
    """A pipe is not sent again, empty."""
    tokens = Tokens(["old", "new"])
    with serving(accepting("new", Reply(401, INVALID))) as api:
        assert blocking_call(tokens, "POST", api.url, kind(BODY)).status_code == 401
        assert (api.tokens, tokens.renewals, [each.body for each in api.asked]) == (["old"], [], [BODY])


INSUFFICIENT = 'Bearer realm="api", error="insufficient_scope", scope="products:write x"'
SAID = json.dumps({"error": "insufficient_scope", "scope": "products:write x"}).encode()
SCOPE: dict[str, tuple[dict[str, str], bytes]] = {
    "header": ({"WWW-Authenticate": INSUFFICIENT}, b"why"),
    "header of a function": ({"x-amzn-Remapped-WWW-Authenticate": INSUFFICIENT}, b"why"),
    "header of an HTTP API's own authorizer": (
        {"WWW-Authenticate": 'Bearer scope="products:write x" error="insufficient_scope"'},
        b'{"message": "Forbidden"}',
    ),
    "body": (JSON, SAID),
    "body, and a header without a scope": (JSON | {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}, SAID),
}


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize(("headers", "body"), SCOPE.values(), ids=SCOPE)
def test_a_missing_scope_is_an_error_that_names_it(call: Call, headers: dict[str, str], body: bytes) -> None:
    """However the API says it, the error has the scopes needed and granted, and an answer that can be read."""
    tokens = Tokens(["good", "new"])
    with serving(lambda _: Reply(403, headers, body)) as api:
        with pytest.raises(
            InsufficientScopeError, match="the API needs products:write x; the token has products:read"
        ) as raised:
            call(tokens, "POST", api.url, BODY)
        error: Any = raised.value
        assert (error.needed, error.granted) == (("products:write", "x"), ("products:read",))
        assert (error.response.status_code, error.response.content) == (403, body)
        assert (len(api.asked), tokens.renewals) == (1, [])


def test_a_missing_scope_may_have_no_name(call: Call) -> None:
    """An API need not name the scope; words that are none are not repeated."""
    headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope", scope="\\"\\\\ \x7f"'}
    with serving(lambda _: Reply(403, headers)) as api:
        with pytest.raises(InsufficientScopeError, match="a scope that it does not name") as raised:
            call(Tokens(["good"]), "GET", api.url)
        assert raised.value.needed == ()


def test_a_missing_scope_is_seen_after_a_renewal(call: Call) -> None:
    """The second answer is read as the first is."""
    answers = iter([Reply(401, INVALID), Reply(403, {"WWW-Authenticate": INSUFFICIENT})])
    with serving(lambda _: next(answers)) as api, pytest.raises(InsufficientScopeError):
        call(Tokens(["old", "new"]), "GET", api.url)


# 403 for other reasons.
FORBIDDEN: dict[str, tuple[dict[str, str], bytes]] = {
    "API Gateway's": (JSON, b'{"message": "Forbidden"}'),
    "of a bad token, as `deny` has it": ({"WWW-Authenticate": 'Bearer error="invalid_token"'} | JSON, b"{}"),
    "of another scheme": ({"WWW-Authenticate": 'Other error="insufficient_scope"'}, b""),
    "not JSON": (JSON, b"\xff{"),
    "no object": (JSON, b'["insufficient_scope"]'),
    "deep": (JSON, b'{"error":' + b"[" * 100_000),
    "an error of another type": (JSON, b'{"error": ["insufficient_scope"]}'),
    "JSON that does not say so": ({"Content-Type": "text/plain"}, SAID),
}


@pytest.mark.parametrize(("headers", "body"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_another_403_is_the_callers(call: Call, headers: dict[str, str], body: bytes) -> None:
    """What is not about a scope, or cannot be understood, is returned as it is, and renews nothing."""
    tokens = Tokens(["good", "new"])
    with serving(lambda _: Reply(403, headers, body)) as api:
        response = call(tokens, "GET", api.url)
        assert (response.status_code, response.content, tokens.renewals, len(api.asked)) == (403, body, [], 1)


# An API elsewhere answers what would, of the API itself, renew the token, raise an error, or change a nonce.
ELSEWHERE = {
    "401": Reply(401, INVALID),
    "403": Reply(403, {"WWW-Authenticate": INSUFFICIENT}),
    "nonce": Reply(401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n"}),
}


@pytest.mark.parametrize("key", [None, DPoPKey.generate()], ids=["bearer", "dpop"])
@pytest.mark.parametrize("reply", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_token_does_not_follow_to_another_origin(call: Call, reply: Reply, key: DPoPKey | None) -> None:
    """A redirect to another origin is followed without the token, and nothing that is said there concerns it."""
    tokens = Tokens(["good", "new"], "DPoP" if key else "Bearer", key)
    with serving(lambda _: reply) as elsewhere:
        for status in (302, 307):
            moved = Reply(status, {"Location": f"{elsewhere.url}/there"})
            with serving(lambda _: moved) as api:  # noqa: B023 - called within the loop's turn
                response = call(tokens, "GET", f"{api.url}/here")
                assert (response.status_code, api.tokens) == (reply.status, ["good"])
        assert (elsewhere.tokens, tokens.renewals) == ([None, None], [])


def test_a_token_is_renewed_where_a_redirect_led(call: Call) -> None:
    """At the same origin the token goes along; after a 401 it is the last place that is asked again."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/here":
            return Reply(307, {"Location": "/there"})
        return accepting("new", Reply(401, INVALID))(asked)

    with serving(answer) as api:
        response = call(Tokens(["old", "new"]), "POST", f"{api.url}/here", BODY)
        assert (response.status_code, response.content) == (200, b"good:" + BODY)
        assert [(each.path, each.token) for each in api.asked] == [
            ("/here", "old"),
            ("/there", "old"),
            ("/there", "new"),
        ]


PRIVATE = ["https://api.example.com", "http://localhost:1/x", "http://127.0.0.2", "http://[::1]:80/"]
PUBLIC = [
    "http://api.example.com/secret?x",
    "http://127.0.0.1.example.com",
    "http://10.0.0.1",
    "http://localhost.example",
]


@pytest.mark.spec("RFC 6750", "5.3")
def test_a_token_is_not_sent_in_the_clear() -> None:
    """Over plain http a token is for this machine alone, unless that is allowed; other schemes are not known."""
    token = access_token("good")
    strict, lax = ApiCalls(Tokens(["good"])), ApiCalls(Tokens(["good"], allow_http=True))
    for url in PRIVATE:
        assert strict.sign("GET", url, token).headers == {"Authorization": "Bearer good"}
    for url in PUBLIC:
        with pytest.raises(ConfigurationError, match=r"a token is not sent to http://[^/ ]+: only by https"):
            strict.sign("GET", url, token)
        lax.sign("GET", url, token)
    with pytest.raises(ConfigurationError):
        lax.sign("GET", "ftp://api.example.com", token)
    for url in ("/products", "127.0.0.1:8081/products"):
        with pytest.raises(ConfigurationError, match="not sent to a URL without a host: only"):
            lax.sign("GET", url, token)


def test_a_request_in_the_clear_is_not_made(call: Call) -> None:
    """The refusal comes before any connection, one for a token included, as an error."""
    with pytest.raises(ConfigurationError):
        call(Tokens([]), "GET", "http://api.example.invalid/")


def bound(key: DPoPKey, *values: str, **options: Any) -> Tokens:
    """Give a client whose tokens are bound to a key."""
    return Tokens(list(values), "DPoP", key, **options)


def proof_of(asked: Asked, url: str, now: float | None = None) -> dict[str, Any]:
    """Verify the proof of a request as our authorizer does, and give its claims."""
    (text,) = asked.headers.get_all("DPoP", [])
    assert asked.token is not None
    verify(text, Expectation(asked.method, url, 60), now=now or time.time(), access_token=asked.token)
    return claims_of(text)


def claims_of(proof: str) -> dict[str, Any]:
    """Read a proof without verifying it."""
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(proof.split(".")[1] + "=="))
    return claims


@pytest.mark.spec("RFC 9449", "7.1")
def test_a_bound_token_is_sent_with_a_proof(call: Call) -> None:
    """The scheme is DPoP, and the proof is for this method, this URL without its query, and this token."""
    key = DPoPKey.generate()
    with serving(lambda _: Reply()) as api:
        call(bound(key, "good"), "POST", f"{api.url}/products?a=1#b", BODY)
        (asked,) = api.asked
        assert asked.headers["Authorization"] == "DPoP good"
        claims = proof_of(asked, f"{api.url}/products")
        assert (claims["htu"], "nonce" in claims) == (f"{api.url}/products", False)


def test_a_proof_has_the_time_of_the_server(call: Call) -> None:
    """The client knows how far this machine's clock is off; proofs go by what it says."""
    with serving(lambda _: Reply()) as api:
        call(bound(DPoPKey.generate(), "good", clock=lambda: 1_790_000_000.5), "GET", api.url)
        assert proof_of(api.asked[0], api.url, 1_790_000_000)["iat"] == 1_790_000_000


@pytest.mark.spec("RFC 9449", "9")
def test_a_nonce_is_used_once_it_is_asked_for(call: Call) -> None:
    """401 use_dpop_nonce is answered with the nonce, by the same token, with a proof of its own."""
    key, tokens = DPoPKey.generate(), bound(DPoPKey.generate(), "good", "new")
    tokens.dpop_key = key

    def answer(asked: Asked) -> Reply:
        if proof_of(asked, api.url).get("nonce") == "n-1":
            return Reply(body=b"good:" + asked.body)
        return Reply(401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n-1"})

    with serving(answer) as api:
        response = call(tokens, "POST", api.url, BODY)
        assert (response.content, api.tokens, tokens.renewals) == (b"good:" + BODY, ["good", "good"], [])
        assert len({proof_of(each, api.url)["jti"] for each in api.asked}) == 2


@pytest.mark.spec("RFC 9449", "11.1")
def test_a_proof_that_is_refused_is_made_anew_by_the_apis_clock(call: Call) -> None:
    """A client whose token came out of a store has never heard the server's time: the API's Date tells it."""

    def answer(asked: Asked) -> Reply:
        is_dated = claims_of(asked.headers["DPoP"])["iat"] == ahead
        refused = {"WWW-Authenticate": 'DPoP error="invalid_dpop_proof"', "Date": formatdate(ahead, usegmt=True)}
        return Reply() if is_dated else Reply(401, refused)

    now = int(time.time())
    ahead = now + 600
    tokens = bound(DPoPKey.generate(), "good", "new", clock=lambda: float(now))
    with serving(answer) as api:
        assert call(tokens, "GET", api.url).status_code == 200
        assert (api.tokens, tokens.renewals) == (["good", "good"], [])
        assert proof_of(api.asked[1], api.url, ahead)["iat"] == ahead


def test_a_nonce_and_a_renewal_are_each_tried_once(call: Call) -> None:
    """An API that asks for a nonce, refuses the token, and asks for another nonce ends there."""
    nonce = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}
    answers = iter(
        [
            Reply(401, nonce | {"DPoP-Nonce": "1"}),
            Reply(401, {"WWW-Authenticate": 'DPoP error="invalid_token"'}),
            Reply(401, nonce | {"DPoP-Nonce": "2"}),
        ]
    )
    tokens = bound(DPoPKey.generate(), "old", "new")
    with serving(lambda _: next(answers)) as api:
        assert call(tokens, "GET", api.url).status_code == 401
        assert (api.tokens, tokens.renewals) == (["old", "old", "new"], ["old"])


@pytest.mark.parametrize("said", ['DPoP error="invalid_dpop_proof"', 'DPoP error="invalid_token"', "DPoP"])
def test_a_proof_is_made_for_where_a_redirect_led(call: Call, said: str) -> None:
    """A library that follows a redirect sends the old proof along: the refusal is answered with one for that URL."""

    def answer(asked: Asked) -> Reply:
        if asked.path == "/products":
            return Reply(307, {"Location": "/products/"})
        if claims_of(asked.headers["DPoP"])["htu"] != f"{api.url}/products/":
            return Reply(401, {"WWW-Authenticate": said})
        return Reply(body=asked.body)

    tokens = bound(DPoPKey.generate(), "good", "new")
    with serving(answer) as api:
        response = call(tokens, "POST", f"{api.url}/products", BODY)
        assert (response.status_code, response.content, tokens.renewals) == (200, BODY, [])
        assert [each.path for each in api.asked] == ["/products", "/products/", "/products/"]


def test_a_bound_token_needs_its_key() -> None:
    """A token of type DPoP is not sent without a proof, nor as a bearer's."""
    with pytest.raises(ConfigurationError, match="the client has none"):
        ApiCalls(Tokens(["good"])).sign("GET", "https://api.example.com", access_token("good", "DPoP"))


def test_no_secret_is_in_a_repr() -> None:
    """What the adapters hold can be logged."""
    key = DPoPKey.generate()
    signed = ApiCalls(bound(key, "good-token")).sign(
        "GET", "https://api.example.com", access_token("good-token", "DPoP")
    )
    assert "good-token" not in repr(signed)
    assert signed.headers["DPoP"] not in repr(signed)
