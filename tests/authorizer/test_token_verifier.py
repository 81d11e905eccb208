"""Verifying a token, and verifying it again in a warm Lambda."""

import pytest

from authorizer import jws, token_verifier
from authorizer.errors import InvalidTokenError, KeysUnavailableError, MalformedTokenError, Reason
from authorizer.issuers import Issuers
from authorizer.jwks import Key, KeySet
from authorizer.token_verifier import TokenVerifier
from tests.authorizer.issuer import (
    AUDIENCE,
    FOREIGN_KEY,
    ISSUER,
    NOW,
    Clock,
    claims,
    header,
    jwk,
    key_set,
    sign,
    trusted,
)


class _Keys:
    """A key source whose keys a test can change, or take away."""

    def __init__(self) -> None:
        self.current: KeySet | None = key_set()

    def find(self, kid: str) -> Key | None:
        if self.current is None:
            raise KeysUnavailableError("outage")
        return self.current.find(kid)


class _Rig:
    """A verifier with its keys and clock, which counts the signatures that were verified."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys, self.clock, self.signatures = _Keys(), Clock(), 0
        self.verifier = TokenVerifier(Issuers(trusted(self.keys)), self.clock)
        original = jws.verified_payload

        def counted(unverified: jws.UnverifiedJws, key: Key) -> object:
            self.signatures += 1
            return original(unverified, key)

        monkeypatch.setattr(jws, "verified_payload", counted)

    def refused(self, text: str) -> Reason:
        with pytest.raises(InvalidTokenError) as raised:
            self.verifier.verify(text)
        return raised.value.refusal.reason


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> _Rig:
    """Return a verifier."""
    return _Rig(monkeypatch)


@pytest.mark.spec("RFC 9068", "4")
def test_a_good_token_is_what_it_says(rig: _Rig) -> None:
    """The value holds the claims, and the name of the key that vouches for them."""
    token = rig.verifier.verify(sign(header(), claims(aud=[AUDIENCE, "x"], nbf=NOW)))
    assert (token.iss, token.sub, token.client_id, token.aud) == (ISSUER, "client-1", "client-1", (AUDIENCE, "x"))
    assert (token.iat, token.exp, token.nbf) == (NOW, NOW + 3600, NOW)
    assert (token.jti, token.scope, token.kid) == ("3f9a1c", "products:read products:write", "key-1")


def test_the_same_token_again_costs_no_signature(rig: _Rig) -> None:
    """A repeated token is remembered, and says the same."""
    text = sign()
    assert all(rig.verifier.verify(text) == rig.verifier.verify(sign()) for _ in range(5))
    assert rig.signatures == 1


@pytest.mark.spec("RFC 7519", "4.1.4")
def test_a_remembered_token_expires(rig: _Rig) -> None:
    """The expiry of a token that was good a moment ago is checked again, each time."""
    text = sign()
    rig.verifier.verify(text)
    rig.clock.now += 3_660
    assert rig.refused(text) is Reason.EXPIRED
    assert rig.refused(text) is Reason.EXPIRED


@pytest.mark.spec("RFC 7519", "4.1.5")
def test_a_remembered_token_keeps_its_beginning(rig: _Rig) -> None:
    """A clock that was set back makes it too early again."""
    text = sign(header(), claims(nbf=NOW))
    rig.verifier.verify(text)
    rig.clock.now -= 61
    assert rig.refused(text) is Reason.NOT_YET_VALID


def test_a_remembered_token_is_refused_when_its_key_is_gone(rig: _Rig) -> None:
    """A key that the issuer has removed vouches for nothing any more."""
    text = sign()
    rig.verifier.verify(text)
    rig.keys.current = key_set(jwk(FOREIGN_KEY, "key-2"))
    assert rig.refused(text) is Reason.KEY_UNKNOWN


def test_a_remembered_token_is_refused_when_its_key_is_another(rig: _Rig) -> None:
    """Another key under the same name did not sign it."""
    text = sign()
    rig.verifier.verify(text)
    rig.keys.current = key_set(jwk(FOREIGN_KEY))
    assert rig.refused(text) is Reason.SIGNATURE_INVALID


def test_a_remembered_token_outlives_a_fetch_of_the_same_keys(rig: _Rig) -> None:
    """The same key, fetched anew, is the same key."""
    text = sign()
    rig.verifier.verify(text)
    rig.keys.current = key_set()
    rig.verifier.verify(text)
    assert rig.signatures == 1


def test_a_remembered_token_does_not_outlive_the_keys(rig: _Rig) -> None:
    """Where no key is to be had, what was verified before is not known to be good still."""
    text = sign()
    rig.verifier.verify(text)
    rig.keys.current = None
    with pytest.raises(KeysUnavailableError):
        rig.verifier.verify(text)


def test_a_refusal_is_not_remembered(rig: _Rig) -> None:
    """A token that came too early is good when its time has come; one of an unknown key, when the key is known."""
    early, unknown = sign(header(), claims(nbf=NOW + 100)), sign(header(kid="key-2"), claims(), FOREIGN_KEY)
    assert rig.refused(early) is Reason.NOT_YET_VALID
    assert rig.refused(unknown) is Reason.KEY_UNKNOWN
    rig.clock.now += 100
    rig.keys.current = key_set(jwk(), jwk(FOREIGN_KEY, "key-2"))
    rig.verifier.verify(early)
    rig.verifier.verify(unknown)


def test_the_memory_is_bounded(rig: _Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token that was not seen for longest is forgotten first."""
    monkeypatch.setattr(token_verifier, "MAX_REMEMBERED", 2)
    first, second, third = (sign(header(), claims(jti=jti)) for jti in ("1", "2", "3"))
    for text in (first, second, first, third, first):
        rig.verifier.verify(text)
    assert rig.signatures == 3
    rig.verifier.verify(second)
    assert rig.signatures == 4


@pytest.mark.spec("RFC 7519", "7.2")
@pytest.mark.parametrize("text", ["a", "a.b", "a.b.c", "a.b.c.d", "...", "..", "e30", "W10.e30.AA", "e30=.e30.AA"])
def test_what_has_no_header_is_malformed(rig: _Rig, text: str) -> None:
    """Three segments, the first of which is a JSON object: anything else is no JWT."""
    with pytest.raises(MalformedTokenError) as raised:
        rig.verifier.verify(text)
    assert raised.value.refusal.reason is Reason.NOT_A_JWT


def test_claims_are_named_only_once_the_signature_vouches_for_them(rig: _Rig) -> None:
    """An expired token's client is known; a foreign token's is not, nor is its `kid`."""
    cases = ((sign(header(), claims(exp=1)), True), (sign(key=FOREIGN_KEY), False), (sign(header(kid="x")), False))
    for text, vouched_for in cases:
        with pytest.raises(InvalidTokenError) as raised:
            rig.verifier.verify(text)
        assert (raised.value.refusal.token is not None) is vouched_for
        assert raised.value.refusal.kid in {None, "key-1"}
