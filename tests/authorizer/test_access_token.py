"""What an access token must be and say (RFC 9068, RFC 8725)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import access_token
from authorizer.access_token import Expectation
from authorizer.errors import InvalidTokenError, Reason
from tests.authorizer.issuer import AUDIENCE, ISSUER, KID, NOW, claims, header

_EXPECTED = Expectation(ISSUER, frozenset({AUDIENCE, "https://other.example.com"}), 60)
_REQUIRED = ["iss", "sub", "client_id", "aud", "iat", "exp", "jti"]
_NO_TEXTS = [7, True, ["x"], {"x": 1}, "", "a\nb", "a\0b", "\ud800"]
_NO_DATES = ["1790000000", True, False, [1], {"x": 1}, -1, 10**12, float("nan"), float("inf")]


def _refused_header(**members: Any) -> Reason:
    with pytest.raises(InvalidTokenError) as raised:
        access_token.kid_of(header(**members))
    return raised.value.refusal.reason


def _refused(now: float = NOW, **members: Any) -> Reason:
    with pytest.raises(InvalidTokenError) as raised:
        access_token.check(access_token.from_claims(claims(**members), KID), _EXPECTED, now)
    assert raised.value.refusal.kid == KID
    return raised.value.refusal.reason


def _check(now: float = NOW, **members: Any) -> None:
    access_token.check(access_token.from_claims(claims(**members), KID), _EXPECTED, now)


@pytest.mark.spec("RFC 9068", "2.1")
@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_the_types_of_an_access_token(typ: str) -> None:
    """`at+jwt`, with or without `application/`, in any case (RFC 7515 4.1.9)."""
    assert access_token.kid_of(header(typ=typ)) == KID


@pytest.mark.spec("RFC 8725", "3.11")
@pytest.mark.parametrize(
    "typ", ["JWT", "", "jwt", "at+jwt ", "dpop+jwt", "x/at+jwt", 7, ["at+jwt"], {"at+jwt": 1}, None]
)
def test_any_other_type_is_refused(typ: Any) -> None:
    """Another kind of JWT of the same issuer is no access token."""
    assert _refused_header(typ=typ) is Reason.TYP_REFUSED


@pytest.mark.spec("RFC 8725", "3.1")
@pytest.mark.parametrize("alg", ["none", "rs256", "RS384", "PS256", "HS256", "ES256", "", 256, ["RS256"], True, None])
def test_any_other_algorithm_is_refused(alg: Any) -> None:
    """RS256, spelt so, and nothing else."""
    assert _refused_header(alg=alg) is Reason.ALG_REFUSED


@pytest.mark.spec("RFC 7515", "4.1.11")
@pytest.mark.parametrize(
    "members",
    [{"crit": ["exp"]}, {"crit": []}, {"crit": 0}, {"b64": False}, {"b64": True}, {"b64": False, "crit": ["b64"]}],
)
def test_every_extension_is_refused(members: dict[str, Any]) -> None:
    """None is understood here, so none that must be understood passes; nor does `b64` (RFC 7797)."""
    assert _refused_header(**members) is Reason.CRIT_REFUSED


@pytest.mark.spec("RFC 7515", "4.1.4")
@pytest.mark.parametrize("kid", [None, 7, True, ["key-1"], {"kid": "key-1"}])
def test_a_key_is_named_by_a_string(kid: Any) -> None:
    """Without the name of a key there is no key to verify with."""
    assert _refused_header(kid=kid) is Reason.KID_MISSING


@pytest.mark.spec("RFC 8725", "3.10")
def test_what_the_header_says_of_keys_is_not_looked_at() -> None:
    """`jwk`, `jku`, `x5c` and `x5u` neither help nor harm."""
    assert access_token.kid_of(header(jwk={"kty": "oct"}, jku="https://evil.example", x5c=["x"], x5u=7)) == KID


@pytest.mark.spec("RFC 9068", "2.2")
@pytest.mark.parametrize("name", _REQUIRED)
def test_a_required_claim_is_required(name: str) -> None:
    """Without one of them there is no access token."""
    with pytest.raises(InvalidTokenError) as raised:
        access_token.from_claims({other: value for other, value in claims().items() if other != name}, KID)
    assert (raised.value.refusal.reason, raised.value.refusal.claim) == (Reason.CLAIM_MISSING, name)


@pytest.mark.spec("RFC 9068", "2.2")
@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in ("iss", "sub", "client_id", "jti") for value in _NO_TEXTS]
    + [("client_id", "clïent")]
    + [(name, value) for name in ("iat", "exp", "nbf") for value in _NO_DATES]
    + [("aud", value) for value in (7, {AUDIENCE: 1}, [AUDIENCE, 7], [[AUDIENCE]], "", [""], True)]
    + [
        ("usage_identifier_key", value)
        for value in ("", "k" * 19, "k" * 129, "k" * 20 + "\n", "k y" * 9, 10**20, ["k" * 20])
    ]
    + [("scope", value) for value in ("", " ", "a  b", " a", "a ", "a\tb", 'a"b', "a\\b", "é", 7, ["a"], True)],
)
def test_a_claim_of_another_form_is_refused(name: str, value: Any) -> None:
    """Strings are strings, times are finite numbers, the scope has the grammar of RFC 6749 3.3."""
    with pytest.raises(InvalidTokenError) as raised:
        access_token.from_claims(claims(**{name: value}), KID)
    assert (raised.value.refusal.reason, raised.value.refusal.claim) == (Reason.CLAIM_MALFORMED, name)


@pytest.mark.parametrize("name", [*_REQUIRED, "nbf", "scope", "usage_identifier_key"])
def test_null_is_not_absence(name: str) -> None:
    """A claim that is null is of the wrong form, an optional one too."""
    with pytest.raises(InvalidTokenError) as raised:
        access_token.from_claims({**claims(), name: None}, KID)
    assert raised.value.refusal.reason is Reason.CLAIM_MALFORMED


@pytest.mark.parametrize("key", ["k" * 20, "0" * 128, "3f0c9a52-6f5e-4b1c-9d3e-2a7b8c9d0e1f", None])
def test_a_token_names_its_usage_plans_key_or_none(key: str | None) -> None:
    """The value of an API key is 20 to 128 characters, and a token need not name one."""
    assert access_token.from_claims(claims(usage_identifier_key=key), KID).usage_identifier_key == key


@pytest.mark.spec("RFC 6749", "3.3")
def test_a_token_without_scope_has_none() -> None:
    """`scope` is optional; without it nothing is granted by name."""
    assert access_token.from_claims(claims(scope=None), KID).scope == ""


@pytest.mark.spec("RFC 8693", "4.1")
@pytest.mark.parametrize(
    ("act", "parties"),
    [
        (None, ("client-1",)),
        ({"sub": "client-1", "client_id": "client-1"}, ("client-1",)),
        ({"client_id": "b", "act": {"client_id": "client-1", "act": {"client_id": "c"}}}, ("client-1", "b", "c")),
        ({"sub": "a person", "act": {"client_id": "b"}}, ("client-1", "b")),
        ({"client_id": 7, "act": ["x"]}, ("client-1",)),
        ("another issuer's", ("client-1",)),
    ],
)
def test_the_parties_are_client_subject_and_actors(act: Any, parties: tuple[str, ...]) -> None:
    """Everybody out of whose tokens a token came is a party, once; a chain of another form names nobody."""
    assert access_token.from_claims(claims(act=act), KID).parties == parties
    exchanged = access_token.from_claims(claims(act=act, sub="subject"), KID)
    assert exchanged.parties == exchanged.client_parties == ("client-1", "subject", *parties[1:])


def test_a_subject_that_a_provider_named_is_no_client() -> None:
    """It is a party, whose revocation counts, and not one to be looked up; the others are clients as ever."""
    vended = claims(sub="person:alice", identity_provider="login", act={"client_id": "b"})
    token = access_token.from_claims(vended, KID)
    assert token.identity_provider == "login"
    assert token.parties == ("client-1", "person:alice", "b")
    assert token.client_parties == ("client-1", "b")


@pytest.mark.parametrize("said", [7, None, ["login"], {"login": True}])
def test_another_issuers_claim_of_that_name_says_nothing(said: Any) -> None:
    """`identity_provider` is a name that others use as well, in whatever form."""
    assert access_token.from_claims({**claims(), "identity_provider": said}, KID).identity_provider is None


@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.parametrize("iss", ["https://auth.example.com/", "HTTPS://auth.example.com", "https://evil.example"])
def test_the_issuer_is_compared_exactly(iss: str) -> None:
    """A slash or a capital letter makes another issuer."""
    assert _refused(iss=iss) is Reason.ISSUER_REFUSED


@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["https://x.example", AUDIENCE], "https://other.example.com"])
def test_one_of_our_audiences_suffices(aud: Any) -> None:
    """A string or an array; one that is ours is enough, and each of ours is."""
    _check(aud=aud)


@pytest.mark.spec("RFC 7519", "4.1.3")
@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.parametrize(
    "aud", ["https://x.example", [], [AUDIENCE + "/"], AUDIENCE.upper(), AUDIENCE[:-1], AUDIENCE + " x"]
)
def test_a_token_for_somebody_else_is_refused(aud: Any) -> None:
    """Audiences are compared whole and exactly."""
    assert _refused(aud=aud) is Reason.AUDIENCE_REFUSED


@pytest.mark.spec("RFC 7519", "4.1.4")
def test_a_token_expires_once_the_skew_is_over() -> None:
    """Good up to a moment before exp + skew, and on it no more."""
    _check(now=NOW + 59.9, exp=NOW, iat=NOW - 10)
    assert _refused(now=NOW + 60, exp=NOW, iat=NOW - 10) is Reason.EXPIRED


@pytest.mark.spec("RFC 7519", "4.1.5")
def test_a_token_is_not_good_before_its_time() -> None:
    """From nbf - skew on."""
    _check(nbf=NOW + 60)
    assert _refused(nbf=NOW + 60.1) is Reason.NOT_YET_VALID


@pytest.mark.spec("RFC 7519", "4.1.6")
def test_a_token_is_not_from_the_future() -> None:
    """An issue time beyond the skew is a lie or a wrong clock."""
    _check(iat=NOW + 60)
    assert _refused(iat=NOW + 61) is Reason.ISSUED_IN_THE_FUTURE


@pytest.mark.spec("RFC 7519", "2")
def test_times_may_have_fractions() -> None:
    """A NumericDate may be a fractional number."""
    _check(iat=NOW - 0.5, exp=NOW + 0.5, nbf=NOW - 0.5)


_JSON = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.lists(st.text() | st.integers(), max_size=3)
    | st.dictionaries(st.sampled_from(["client_id", "act"]), st.text() | st.integers())
)


@given(st.dictionaries(st.sampled_from([*_REQUIRED, "nbf", "scope", "act"]), _JSON, max_size=3))
def test_any_claims_are_read_or_refused(changed: dict[str, Any]) -> None:
    """Whatever the claims are, what is raised is an `InvalidTokenError`."""
    try:
        access_token.check(access_token.from_claims(claims() | changed, KID), _EXPECTED, NOW)
    except InvalidTokenError:
        return
    assert changed.get("iss", ISSUER) == ISSUER
