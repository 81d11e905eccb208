"""Several issuers: which of them a token is held against, and that none vouches for another's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import base64url, strict_json
from authorizer.errors import InvalidTokenError, Reason, RefusedError
from authorizer.issuers import Issuers
from authorizer.jwks import Key, KeySet
from authorizer.token_verifier import TokenVerifier
from tests.authorizer.issuer import (
    AUDIENCE,
    FOREIGN_KEY,
    ISSUER,
    KEY,
    Clock,
    claims,
    encode,
    encode_json,
    header,
    jwk,
    key_set,
    sign,
    sign_segments,
    trusted,
)

OTHER, ORDERS = "https://idp.example.net", "https://orders.example.com"
OTHERS = {"iss": OTHER, "aud": ORDERS}


class _Keys:
    """Keys that tell whether anybody asked for one."""

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self.asked: list[str] = []

    def find(self, kid: str) -> Key | None:
        self.asked.append(kid)
        return self._keys.find(kid)


class _Rig:
    """Two issuers that give their keys the same name, and a verifier that trusts both."""

    def __init__(self) -> None:
        self.first, self.second = _Keys(key_set()), _Keys(key_set(jwk(FOREIGN_KEY)))
        issuers = Issuers(trusted(self.first), trusted(self.second, OTHER, ORDERS))
        self.verifier = TokenVerifier(issuers, Clock())

    def refused(self, text: str) -> Reason:
        with pytest.raises(RefusedError) as raised:
            self.verifier.verify(text)
        return raised.value.refusal.reason


@pytest.fixture
def rig() -> _Rig:
    """Return a verifier."""
    return _Rig()


def _token(key: Any = KEY, **members: Any) -> str:
    return sign(header(), claims(**members), key)


def test_each_issuers_tokens_are_accepted(rig: _Rig) -> None:
    """A token is verified with the keys of the issuer it names, and with no other's; the second time as the first."""
    for _ in range(2):
        assert rig.verifier.verify(_token()).iss == ISSUER
        assert rig.verifier.verify(_token(FOREIGN_KEY, **OTHERS)).iss == OTHER
    assert (set(rig.first.asked), set(rig.second.asked)) == ({"key-1"}, {"key-1"})


@pytest.mark.spec("RFC 8725", "3.8")
@pytest.mark.parametrize(
    ("key", "members", "reason"),
    [
        (FOREIGN_KEY, {}, Reason.SIGNATURE_INVALID),
        (KEY, OTHERS, Reason.SIGNATURE_INVALID),
        (KEY, {"aud": ORDERS}, Reason.AUDIENCE_REFUSED),
        (FOREIGN_KEY, {"iss": OTHER}, Reason.AUDIENCE_REFUSED),
    ],
    ids=["another's key", "another's name", "another's audience", "the first's audience"],
)
def test_no_issuer_vouches_for_another(rig: _Rig, key: Any, members: dict[str, Any], reason: Reason) -> None:
    """A key of one issuer under the name of another, or an audience that only the other was given, is refused."""
    assert rig.refused(_token(key, **members)) is reason


@pytest.mark.spec("RFC 9068", "4")
@pytest.mark.parametrize(
    "iss", ["https://x.example", ISSUER + "/", ISSUER.upper(), "", None, 7, [ISSUER], {"a": ISSUER}]
)
def test_an_unknown_issuer_is_asked_for_nothing(rig: _Rig, iss: Any) -> None:
    """A token of an issuer that is not exactly one of those trusted is refused, and no key is looked for."""
    assert rig.refused(_token(iss=iss)) is Reason.ISSUER_REFUSED
    assert rig.first.asked == rig.second.asked == []


def test_a_header_that_is_refused_is_refused_before_the_issuer_is_looked_at(rig: _Rig) -> None:
    """What no issuer could have signed needs no issuer."""
    assert rig.refused(sign(header(alg="none"), claims(iss="https://x.example"))) is Reason.ALG_REFUSED


@pytest.mark.parametrize("payload", ["", "e30=", "!", encode(b"[]"), encode(b"{"), encode(b'{"iss":1,"iss":2}')])
def test_claims_that_cannot_be_read_name_no_issuer(rig: _Rig, payload: str) -> None:
    """A payload that is no JSON object, or one that can be read in two ways, is refused unverified."""
    assert rig.refused(sign_segments(encode_json(header()), payload)) is Reason.CLAIMS_MALFORMED
    assert rig.first.asked == rig.second.asked == []


def test_nothing_unverified_is_told_of_a_refused_token(rig: _Rig) -> None:
    """Neither the name that a stranger wrote nor its `kid` is in the refusal."""
    with pytest.raises(InvalidTokenError) as raised:
        rig.verifier.verify(_token(iss="https://x.example"))
    refusal = raised.value.refusal
    assert (refusal.token, refusal.kid, refusal.claim) == (None, None, None)


def test_one_issuer_costs_no_second_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one issuer is trusted, the claims are read once, after their verification."""
    parsed: list[bytes] = []
    original = strict_json.parse_object

    def counted(data: bytes) -> dict[str, Any]:
        parsed.append(data)
        return original(data)

    monkeypatch.setattr(strict_json, "parse_object", counted)
    text = _token()
    TokenVerifier(Issuers(trusted(key_set())), Clock()).verify(text)
    assert parsed.count(base64url.decode(text.split(".")[1])) == 1


def test_no_issuer_accepts_nothing() -> None:
    """Without any issuer there is nobody whose token it could be."""
    with pytest.raises(InvalidTokenError):
        TokenVerifier(Issuers(), Clock()).verify(_token())


@given(st.text(), st.sampled_from([KEY, FOREIGN_KEY]), st.sampled_from([AUDIENCE, ORDERS]))
def test_whoever_is_named_only_his_own_tokens_pass(iss: str, key: Any, aud: str) -> None:
    """Whatever name stands in a token, it is accepted only with that issuer's key and audience."""
    rig = _Rig()
    for name, own_key, own_aud in ((iss, None, ""), (ISSUER, KEY, AUDIENCE), (OTHER, FOREIGN_KEY, ORDERS)):
        text = _token(key, iss=name, aud=aud)
        if (key, aud) == (own_key, own_aud):
            assert rig.verifier.verify(text).iss == name
        else:
            rig.refused(text)
