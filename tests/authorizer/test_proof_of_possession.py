"""Tokens that are bound to a key or a certificate, at a REQUEST authorizer (RFC 9449 7, RFC 8705 3)."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from authorizer import proof_of_possession
from authorizer.decision import HttpApiResponse, InvalidTokenResult, Rules, Unauthorized
from authorizer.errors import EventError, Reason
from authorizer.event import Kind
from tests.auth_server.certificates import certificate, thumbprint
from tests.authorizer.authorizer_events import event_of, with_certificate
from tests.authorizer.deciding import (
    ORIGIN,
    ROUTES,
    URLS,
    Deciding,
    allowed,
    bound_to,
    denied,
    jkt,
    proof_for,
    statements,
    token,
    unauthorized,
)
from tests.authorizer.issuer import NOW
from tests.authorizer.proofs import ES256, Signer, ec_jwk, proof, sign_es256

OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = Signer("ES256", ec_jwk(OTHER_KEY), lambda message: sign_es256(message, OTHER_KEY))
PEM = certificate()
X5T = {"x5t#S256": thumbprint(PEM)}
KINDS = list(URLS)
CALLS = {kind: ["GET/products/kettle"] for kind in KINDS}


def proven(kind: Kind, text: str, signer: Signer = ES256, **members: Any) -> dict[str, Any]:
    """Give an event with a DPoP-bound token and a proof for the very call."""
    return event_of(kind, f"DPoP {text}", {"DPoP": proof_for(text, URLS[kind], signer, **members)})


@pytest.mark.spec("RFC 9449", "7.1")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("routes", [None, ROUTES])
def test_a_bound_token_with_its_proof_is_allowed_this_call(kind: Kind, routes: Any) -> None:
    """And no other: the proof is for this call, so that nothing that is kept of it serves another."""
    text = bound_to()
    result = allowed(Deciding(Rules(routes=routes)).on(proven(kind, text)))
    assert [resource.split("/", 1)[1] for resource in statements(result)["Allow"]] == CALLS[kind]


@pytest.mark.spec("RFC 9449", "7.2")
@pytest.mark.parametrize("kind", Kind)
def test_a_bound_token_is_no_bearer_token(kind: Kind) -> None:
    """Not at any kind of API, and with a good proof beside it no more than without."""
    text = bound_to()
    assert unauthorized(Deciding().about(kind, text)) is Reason.KEY_NOT_PROVEN
    if kind in URLS:
        beside = event_of(kind, f"Bearer {text}", {"DPoP": proof_for(text, URLS[kind])})
        assert unauthorized(Deciding().on(beside)) is Reason.KEY_NOT_PROVEN


@pytest.mark.spec("RFC 9449", "7.1")
@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_not_bound_is_no_dpop_token(kind: Kind) -> None:
    """With the DPoP scheme the token has to name the proof's key."""
    assert unauthorized(Deciding().on(proven(kind, token()))) is Reason.KEY_NOT_PROVEN


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ({"htm": "POST"}, "htm"),
        ({"htu": "https://api.example.com/products/teapot"}, "htu"),
        ({"htu": "https://evil.example/products/kettle"}, "htu"),
        ({"ath": "x"}, "ath"),
        ({"ath": None}, "ath"),
        ({"iat": NOW - 61}, "iat"),
        ({"iat": NOW + 61}, "iat"),
        ({"jti": None}, "jti"),
    ],
    ids=str,
)
def test_a_proof_for_something_else_is_refused(kind: Kind, members: dict[str, Any], rule: str) -> None:
    """For another method, URL, token or time; the audit line says which."""
    decision = Deciding().on(proven(kind, bound_to(), **members))
    assert unauthorized(decision) is Reason.PROOF_REFUSED
    assert isinstance(decision, Unauthorized)
    assert rule in str(decision.refusal.detail)


@pytest.mark.spec("RFC 9449", "6.1")
def test_another_key_is_no_proof() -> None:
    """Whoever has stolen a token has not got its key."""
    assert unauthorized(Deciding().on(proven(Kind.REST_REQUEST, bound_to(), OTHER))) is Reason.KEY_NOT_PROVEN


@pytest.mark.spec("RFC 9449", "11.1")
@pytest.mark.parametrize("kind", KINDS)
def test_a_proof_is_for_one_use(kind: Kind) -> None:
    """The same proof again is refused for as long as its age would not have it refused."""
    deciding, asked = Deciding(), proven(kind, bound_to())
    assert allowed(deciding.on(asked))
    for later in (NOW, NOW + 60):
        deciding.clock.now = later
        assert unauthorized(deciding.on(asked)) is Reason.PROOF_REUSED
    deciding.clock.now = NOW + 61
    assert unauthorized(deciding.on(asked)) is Reason.PROOF_REFUSED


def test_a_refused_request_uses_no_proof_up() -> None:
    """A proof that came with a token that permits nothing here serves the request that is right."""
    deciding, text = Deciding(Rules(routes=ROUTES)), bound_to()
    asked = proven(Kind.REST_REQUEST, text)
    assert denied(deciding.on(asked | {"resource": "/other"}))[0] is Reason.INSUFFICIENT_SCOPE
    assert allowed(deciding.on(asked))


def test_proofs_of_two_keys_are_two_proofs() -> None:
    """A `jti` is its sender's own choice."""
    deciding = Deciding()
    assert allowed(deciding.on(proven(Kind.HTTP_2, bound_to(ES256))))
    assert allowed(deciding.on(proven(Kind.HTTP_2, bound_to(OTHER), OTHER)))


def test_any_text_is_a_name_of_a_proof() -> None:
    """Half of a surrogate pair too, which JSON can say and UTF-8 cannot."""
    deciding, asked = Deciding(), proven(Kind.HTTP_2, bound_to(), jti="\udc80")
    assert allowed(deciding.on(asked))
    assert unauthorized(deciding.on(asked)) is Reason.PROOF_REUSED


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The earliest is dropped first, so that no number of proofs fills the memory."""
    monkeypatch.setattr(proof_of_possession, "MAX_REMEMBERED", 2)
    deciding, text = Deciding(), bound_to()
    asked = [proven(Kind.HTTP_2, text, jti=str(number)) for number in range(3)]
    for each in asked:
        assert allowed(deciding.on(each))
    assert unauthorized(deciding.on(asked[2])) is Reason.PROOF_REUSED
    assert allowed(deciding.on(asked[0]))


def test_a_name_that_is_used_again_is_remembered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client may give a later proof an earlier one's `jti`; what is dropped first then is what came in between."""
    monkeypatch.setattr(proof_of_possession, "MAX_REMEMBERED", 2)
    deciding, text = Deciding(), bound_to()
    assert allowed(deciding.on(proven(Kind.HTTP_2, text, jti="0")))
    deciding.clock.now = NOW + 61
    again = proven(Kind.HTTP_2, text, jti="0", iat=NOW + 61)
    for each in (proven(Kind.HTTP_2, text, jti="1", iat=NOW + 61), again):
        assert allowed(deciding.on(each))
    assert allowed(deciding.on(proven(Kind.HTTP_2, text, jti="2", iat=NOW + 61)))
    assert unauthorized(deciding.on(again)) is Reason.PROOF_REUSED


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("kind", KINDS)
def test_there_is_one_proof(kind: Kind) -> None:
    """None, two headers, or something else than a proof."""
    text = bound_to()
    good = proof_for(text, URLS[kind])
    assert unauthorized(Deciding().on(event_of(kind, f"DPoP {text}"))) is Reason.PROOF_MISSING
    for headers in ({"DPoP": f"{good},{good}"}, {"DPoP": "x"}, {"DPoP": ""}):
        assert unauthorized(Deciding().on(event_of(kind, f"DPoP {text}", headers))) is Reason.PROOF_REFUSED
    if kind is not Kind.HTTP_2:
        twice = proven(kind, text)
        twice["multiValueHeaders"]["DPoP"] *= 2
        assert unauthorized(Deciding().on(twice)) is Reason.PROOF_MISSING


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_origin_no_proof_counts(kind: Kind) -> None:
    """The URL is never taken from a Host header: where it is not set, DPoP is not spoken."""
    assert unauthorized(Deciding(origin="").on(proven(kind, bound_to()))) is Reason.PROOF_UNSUPPORTED


@pytest.mark.parametrize("kind", [Kind.REST_TOKEN, Kind.WEBSOCKET])
def test_where_no_proof_is_seen_none_counts(kind: Kind) -> None:
    """Neither a TOKEN event nor a WebSocket's has what a proof is for."""
    assert unauthorized(Deciding().on(event_of(kind, f"DPoP {bound_to()}"))) is Reason.PROOF_UNSUPPORTED


def test_an_origin_may_have_the_mapping_of_a_custom_domain() -> None:
    """Payload 2.0 has it nowhere: "Create AWS Lambda proxy integrations for HTTP APIs in API Gateway"."""
    text, mapped = bound_to(), f"{ORIGIN}/shop"
    right = event_of(Kind.HTTP_2, f"DPoP {text}", {"DPoP": proof_for(text, f"{mapped}/products/kettle")})
    assert allowed(Deciding(origin=mapped).on(right))
    assert unauthorized(Deciding(origin=mapped).on(proven(Kind.HTTP_2, text))) is Reason.PROOF_REFUSED


def test_the_path_is_compared_as_a_client_writes_it() -> None:
    """The gateway may hand it over decoded; a client's URL is encoded (RFC 3986 2.1)."""
    text = bound_to()
    asked = event_of(Kind.HTTP_2, f"DPoP {text}", {"DPoP": proof_for(text, "https://api.example.com/caf%C3%A9/a%20b")})
    assert allowed(Deciding().on(asked | {"rawPath": "/café/a b"}))
    assert allowed(Deciding().on(asked | {"rawPath": "/caf%C3%A9/a%20b"}))
    assert unauthorized(Deciding().on(asked | {"rawPath": "/cafe/\udc80"})) is Reason.PROOF_REFUSED


@pytest.mark.spec("RFC 3986", "3.3")
def test_what_may_stand_in_a_path_is_not_encoded() -> None:
    """Neither by a client nor in the URL that its proof is compared with."""
    text, path = bound_to(), "/a:b@c/d;e=f,g/!$&'()*+~-._/h%2Fi"
    asked = event_of(Kind.HTTP_2, f"DPoP {text}", {"DPoP": proof_for(text, ORIGIN + path)})
    arn = {"routeArn": asked["routeArn"].removesuffix("kettle") + "h"}  # whose policy is not the question here
    assert allowed(Deciding().on(asked | arn | {"rawPath": path}))


def test_a_bad_proof_is_never_denied_for_long() -> None:
    """A Deny is kept, and whoever has stolen a token could have its holder denied: so it is 401."""
    deciding = Deciding(Rules(invalid_token_result=InvalidTokenResult.DENY))
    text = bound_to()
    assert unauthorized(deciding.on(proven(Kind.REST_REQUEST, text, htm="POST"))) is Reason.PROOF_REFUSED
    assert unauthorized(deciding.on(proven(Kind.REST_REQUEST, text, OTHER))) is Reason.KEY_NOT_PROVEN
    assert unauthorized(deciding.on(event_of(Kind.REST_REQUEST, f"DPoP {text}"))) is Reason.PROOF_MISSING
    unsupported = Deciding(deciding.rules, origin="")
    assert unauthorized(unsupported.on(proven(Kind.REST_REQUEST, text))) is Reason.PROOF_UNSUPPORTED
    used = proven(Kind.REST_REQUEST, text)
    assert allowed(deciding.on(used))
    assert unauthorized(deciding.on(used)) is Reason.PROOF_REUSED


def test_a_bound_token_is_denied_for_good_where_no_proof_is_seen() -> None:
    """No later request to a TOKEN authorizer can prove what this one did not."""
    denying = Rules(invalid_token_result=InvalidTokenResult.DENY)
    assert denied(Deciding(denying).about(Kind.REST_TOKEN, bound_to()))[0] is Reason.KEY_NOT_PROVEN
    assert unauthorized(Deciding(denying).about(Kind.HTTP_2, bound_to())) is Reason.KEY_NOT_PROVEN


@pytest.mark.spec("RFC 8705", "3")
@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_bound_token_needs_its_certificate(kind: Kind) -> None:
    """The one that mutual TLS has verified: no certificate, another one, or none that can be read is no proof."""
    text = token(cnf=X5T)
    asked = event_of(kind, f"Bearer {text}")
    result = allowed(Deciding().on(with_certificate(kind, asked, PEM)))
    assert [resource.split("/", 1)[1] for resource in statements(result)["Allow"]] == CALLS[kind]
    for other in (asked, with_certificate(kind, asked, certificate()), with_certificate(kind, asked, "PEM")):
        assert unauthorized(Deciding().on(other)) is Reason.KEY_NOT_PROVEN


@pytest.mark.parametrize("kind", KINDS)
def test_a_token_that_is_bound_twice_needs_both(kind: Kind) -> None:
    """A proof and a certificate."""
    text = token(cnf={**X5T, "jkt": jkt()})
    asked = proven(kind, text)
    assert unauthorized(Deciding().on(asked)) is Reason.KEY_NOT_PROVEN
    assert allowed(Deciding().on(with_certificate(kind, asked, PEM)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_certificate_takes_nothing_from_a_token_that_is_not_bound(kind: Kind) -> None:
    """It is there for whoever asks for it."""
    result = allowed(Deciding().on(with_certificate(kind, event_of(kind, f"Bearer {token()}"), PEM)))
    assert statements(result)["Allow"][0].endswith("/*")


SIMPLE = Rules(http_api_response=HttpApiResponse.SIMPLE)


@pytest.mark.parametrize("missing", ["$context.routeKey", "$request.header.DPoP", "$context.path", None])
def test_a_simple_yes_to_a_proof_is_kept_by_all_that_it_proves(missing: str | None) -> None:
    """A yes cannot say which call it is for, so what it depends on has to be what it is kept by."""
    asked = proven(Kind.HTTP_2, bound_to())
    sources = {
        "$request.header.Authorization": asked["headers"]["authorization"],
        "$context.routeKey": asked["routeKey"],
        "$request.header.DPoP": asked["headers"]["dpop"],
        "$context.path": asked["rawPath"],
    }
    sources.pop(missing or "", None)
    asked["identitySource"] = list(sources.values())
    if missing is None:
        assert allowed(Deciding(SIMPLE).on(asked))["isAuthorized"] is True
    else:
        with pytest.raises(EventError) as raised:
            Deciding(SIMPLE).on(asked)
        assert missing in str(raised.value)


def test_a_simple_yes_to_a_certificate_is_kept_by_it() -> None:
    """The certificate is one of the identity sources."""
    asked = with_certificate(Kind.HTTP_2, event_of(Kind.HTTP_2, f"Bearer {token(cnf=X5T)}"), PEM)
    keyed = asked | {"identitySource": [*asked["identitySource"], asked["routeKey"]]}
    # "Customize HTTP API access logs", whose variables identity sources are; the event has it by another name.
    with pytest.raises(EventError, match=r"\$context\.identity\.clientCert\.clientCertPem"):
        Deciding(SIMPLE).on(keyed)
    assert allowed(Deciding(SIMPLE).on(keyed | {"identitySource": [*keyed["identitySource"], PEM]}))


def test_a_proof_of_the_token_endpoint_is_none_here() -> None:
    """It names another URL, another method and no token."""
    text = bound_to()
    assert unauthorized(Deciding().on(event_of(Kind.HTTP_2, f"DPoP {text}", {"DPoP": proof()}))) is Reason.PROOF_REFUSED
