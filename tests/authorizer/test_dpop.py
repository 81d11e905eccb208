"""DPoP proofs, rule by rule of RFC 9449 4.3. Every refused proof is a good one but for one thing."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from authorizer import dpop, public_key
from authorizer.dpop import Expectation, Proof, ProofError
from tests.authorizer.issuer import FOREIGN_KEY, encode, encode_json, unsigned
from tests.authorizer.proofs import (
    ES256,
    NOW,
    SIGNERS,
    URL,
    Signer,
    ec_jwk,
    ed_jwk,
    proof,
    rsa_jwk,
    sign_es256,
    signed,
)

EXPECTED = Expectation("POST", URL, 60)
TOKEN = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"
# RFC 9449 4.1 and 4.2: a proof for the token endpoint, its key, and the same for a resource with `ath`.
RFC_PROOF = (
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRj"
    "QyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGki"
    "OiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYy"
    "NjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
)
RFC_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
}
RFC_JKT = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"


def verify(text: str, *, now: float = NOW, access_token: str | None = None) -> Proof:
    """Verify as the token endpoint does."""
    return dpop.verify(text, EXPECTED, now=now, access_token=access_token)


def refused(text: str, about: str, *, now: float = NOW, access_token: str | None = None) -> None:
    """Check that a proof is refused, for this reason."""
    with pytest.raises(ProofError) as raised:
        verify(text, now=now, access_token=access_token)
    assert about in str(raised.value)


@pytest.mark.spec("RFC 9449", "4.2")
@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS.keys())
def test_a_good_proof_is_its_key_and_its_name(signer: Signer) -> None:
    """Each asymmetric algorithm of the table makes proofs, with a key of its own kind."""
    assert verify(proof(signer)) == Proof(public_key.thumbprint(signer.jwk), "e1j3V_bKic8-LAEB", NOW)


@pytest.mark.spec("RFC 9449", "6.1")
def test_the_thumbprint_of_the_rfcs_key() -> None:
    """`jkt` is what RFC 9449 6.1 computes for the key of its examples."""
    assert public_key.thumbprint(RFC_JWK) == RFC_JKT


@pytest.mark.spec("RFC 9449", "4.1")
def test_the_rfcs_own_proof() -> None:
    """The example of RFC 9449 4.1 is good, at its time and for its URL."""
    expected = Expectation("POST", "https://server.example.com/token", 60)
    assert dpop.verify(RFC_PROOF, expected, now=1562262616, access_token=None) == Proof(
        RFC_JKT, "-BwC3ESc6acc2lTc", 1562262616
    )


@pytest.mark.spec("RFC 9449", "7.1")
def test_the_rfcs_own_token_digest() -> None:
    """`ath` is what RFC 9449 7.1 computes for the token of its example."""
    assert dpop.ath(TOKEN) == "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"


@pytest.mark.spec("RFC 7638", "3.1")
def test_the_thumbprint_of_the_rfcs_rsa_key() -> None:
    """The thumbprint of an RSA key is what RFC 7638 3.1 computes, whatever else the JWK says."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjh"
        "Mstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvR"
        "L5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqD"
        "Kgw"
    )
    jwk = {"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"}
    assert public_key.thumbprint(jwk) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.spec("RFC 8037", "A.3")
def test_the_thumbprint_of_the_rfcs_okp_key() -> None:
    """The thumbprint of an Ed25519 key is what RFC 8037 A.3 computes."""
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
    assert public_key.thumbprint(jwk) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize(
    "typ", ["JWT", "at+jwt", "dpop+jwt ", "DPOP+JWT", "application/dpop+jwt", 7, ["dpop+jwt"], None]
)
def test_another_type_is_refused(typ: Any) -> None:
    """The typ JOSE header parameter has the value dpop+jwt."""
    refused(proof(header={"typ": typ}), "(typ)")


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("alg", ["none", "None", "", "HS256", "ES384", "RS384", "es256", 7, ["ES256"], {}, None])
def test_another_algorithm_is_refused(alg: Any) -> None:
    """The alg is a registered asymmetric algorithm, is not none, and is one that is supported here."""
    refused(proof(header={"alg": alg}), "(alg)")


@pytest.mark.spec("RFC 9449", "4.3")
def test_a_symmetric_signature_is_refused() -> None:
    """A MAC under what is public, or under a key in the header, proves nothing."""
    for jwk, key in ((ec_jwk(), b"\x04"), ({"kty": "oct", "k": encode(b"k" * 32)}, b"k" * 32)):
        for alg in ("HS256", "ES256"):
            head = encode_json({"typ": "dpop+jwt", "alg": alg, "jwk": jwk})
            body = proof().split(".")[1]
            mac = hmac.new(key, f"{head}.{body}".encode(), hashlib.sha256).digest()
            with pytest.raises(ProofError):
                verify(f"{head}.{body}.{encode(mac)}")


@pytest.mark.spec("RFC 7515", "4.1.11")
@pytest.mark.parametrize("members", [{"crit": ["exp"]}, {"crit": []}, {"b64": False, "crit": ["b64"]}, {"b64": True}])
def test_an_extension_is_refused(members: dict[str, Any]) -> None:
    """None is understood, so none that must be understood passes; nor does `b64` (RFC 7797)."""
    refused(proof(header=members), "(crit)")


OTHER_CURVE = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
SHORT_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
BAD_KEYS: dict[str, tuple[str, Any]] = {
    "no key": ("ES256", None),
    "not an object": ("ES256", "x"),
    "empty": ("ES256", {}),
    "a symmetric key": ("ES256", {"kty": "oct", "k": "AAAA"}),
    "a key of another kind": ("ES256", rsa_jwk()),
    "an EC key for RS256": ("RS256", ec_jwk()),
    "an EC key for EdDSA": ("EdDSA", ec_jwk()),
    "kty is no text": ("ES256", ec_jwk() | {"kty": ["EC"]}),
    "another curve": ("ES256", ec_jwk() | {"crv": "P-384"}),
    "a point of another curve": (
        "ES256",
        ec_jwk() | {"x": encode(OTHER_CURVE.x.to_bytes(48)), "y": encode(OTHER_CURVE.y.to_bytes(48))},
    ),
    "a point that is not on the curve": ("ES256", ec_jwk() | {"y": encode(b"\x01" * 32)}),
    "a coordinate with a zero more": ("ES256", ec_jwk() | {"x": encode(b"\0" + b"\x01" * 32)}),
    "a padded coordinate": ("ES256", ec_jwk() | {"x": ec_jwk()["x"] + "="}),
    "a coordinate that is a number": ("ES256", ec_jwk() | {"x": 7}),
    "no y": ("ES256", {name: value for name, value in ec_jwk().items() if name != "y"}),
    "another OKP curve": ("EdDSA", ed_jwk() | {"crv": "X25519"}),
    "a short OKP key": ("EdDSA", ed_jwk() | {"x": encode(b"\x01" * 31)}),
    "RSA under 2048 bits": ("RS256", rsa_jwk(SHORT_KEY)),
    "RSA over 8192 bits": ("RS256", rsa_jwk() | {"n": unsigned((1 << 8192) + 1)}),
    "RSA with a zero before n": ("RS256", rsa_jwk() | {"n": encode(b"\0" + b"\xff" * 256)}),
    "RSA with a huge exponent": ("RS256", rsa_jwk() | {"e": unsigned((1 << 64) + 1)}),
    "RSA with exponent 1": ("RS256", rsa_jwk() | {"e": "AQ"}),
    "RSA without e": ("RS256", rsa_jwk() | {"e": None}),
}


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize(("alg", "jwk"), BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_another_key_is_refused(alg: str, jwk: Any) -> None:
    """The header holds a public key, of the algorithm's kind and of a size to trust."""
    refused(proof(replace(SIGNERS[alg], jwk=jwk)), "(jwk)")


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("member", sorted(public_key.PRIVATE_MEMBERS))
@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS.keys())
def test_a_private_key_is_refused(signer: Signer, member: str) -> None:
    """The jwk JOSE header parameter does not contain a private key."""
    refused(proof(header={"jwk": {**signer.jwk, member: "AQAB"}}), "(jwk)")


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("signer", SIGNERS.values(), ids=SIGNERS.keys())
def test_a_signature_of_another_key_is_refused(signer: Signer) -> None:
    """The signature verifies with the public key contained in the jwk header."""
    others = {
        "ES256": ec_jwk(ec.generate_private_key(ec.SECP256R1())),
        "EdDSA": ed_jwk(Ed25519PrivateKey.generate()),
    }
    refused(proof(header={"jwk": others.get(signer.alg, rsa_jwk(FOREIGN_KEY))}, signer=signer), "was not signed")


@pytest.mark.spec("RFC 7518", "3.4")
def test_a_signature_of_another_form_is_refused() -> None:
    """An ES256 signature is r and s, 32 octets each: no DER, nothing cut off, nothing added, no zeros."""
    head, body, signature = proof().split(".")
    raw = sign_es256(f"{head}.{body}".encode())
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    for bad in (der, raw[:63], raw + b"\0", raw[:32] + b"\0" + raw[32:], b"", bytes(64), raw[32:] + raw[:32]):
        refused(f"{head}.{body}.{encode(bad)}", "was not signed")
    assert signature


@pytest.mark.spec("RFC 7518", "3.5")
def test_the_two_rsa_algorithms_are_not_each_other() -> None:
    """PS256 under the name of RS256 is refused, and the reverse."""
    for alg, other in (("RS256", "PS256"), ("PS256", "RS256")):
        refused(proof(replace(SIGNERS[alg], sign=SIGNERS[other].sign)), "was not signed")


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("claim", ["jti", "htm", "htu", "iat"])
def test_a_missing_claim_is_refused(claim: str) -> None:
    """All required claims are contained in the JWT."""
    refused(proof(claims={claim: None}), f"has no {claim}")


OTHER_FORMS: dict[str, list[Any]] = {
    "jti": ["", 7, ["x"], {}, True],
    "htm": [7, ["POST"], True],
    "htu": [7, [URL], True],
    "iat": [str(NOW), True, [NOW], {}, -1, 10**300, 1e300],
}


@pytest.mark.spec("RFC 9449", "4.2")
@pytest.mark.parametrize(("claim", "value"), [(claim, value) for claim in OTHER_FORMS for value in OTHER_FORMS[claim]])
def test_a_claim_of_another_form_is_refused(claim: str, value: Any) -> None:
    """`jti`, `htm` and `htu` are strings, `iat` is a number of seconds."""
    refused(proof(claims={claim: value}), f"has no {claim}")


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("method", ["GET", "post", "POST ", ""])
def test_another_method_is_refused(method: str) -> None:
    """The htm claim matches the HTTP method of the current request, whose case matters (RFC 9110 9.1)."""
    refused(proof(claims={"htm": method}), "(htm)")


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize(
    "url",
    [
        "https://auth.example.com/oauth/token?x=1",
        "https://auth.example.com/oauth/token#x",
        "https://auth.example.com/oauth/token?#",
        "HTTPS://Auth.EXAMPLE.com/oauth/token",
        "https://auth.example.com:443/oauth/token",
        "https://auth.example.com:/oauth/token",
        "https://auth.example.com/oauth/%74oken",
    ],
)
def test_the_same_url_otherwise_spelt_is_the_same(url: str) -> None:
    """Query and fragment are ignored, and URLs are normalised before they are compared (RFC 3986 6.2.2, 6.2.3)."""
    assert verify(proof(claims={"htu": url})).jti


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize(
    "url",
    [
        "https://other.example.com/oauth/token",
        "http://auth.example.com/oauth/token",
        "https://auth.example.com:8443/oauth/token",
        "https://auth.example.com:80/oauth/token",
        "https://auth.example.com/oauth/token/",
        "https://auth.example.com/OAuth/token",
        "https://auth.example.com/oauth%2Ftoken",
        "https://auth.example.com/",
        "https://auth.example.com",
        "https://auth.example.com.evil.example/oauth/token",
        "https://auth.example.com@evil.example/oauth/token",
        "https://user@auth.example.com/oauth/token",
        "https://auth.example.com\\@evil.example/oauth/token",
        "https://auth.example.com:99999/oauth/token",
        "https://auth.example.com:x/oauth/token",
        "https://[auth.example.com/oauth/token",
        "https://auth.example.com/oauth/\ttoken",
        "https://auth.example.com/oauth/token\n",
        " https://auth.example.com/oauth/token",
        "https://äuth.example.com/oauth/token",
        "//auth.example.com/oauth/token",
        "/oauth/token",
        "",
    ],
)
def test_another_url_is_refused(url: str) -> None:
    """The htu claim matches the HTTP URI of the current request."""
    refused(proof(claims={"htu": url}), "(htu)")


@pytest.mark.spec("RFC 9449", "11.1")
@pytest.mark.parametrize("seconds", [-60, -59.5, 0, 60])
def test_a_proof_is_good_for_a_short_time(seconds: float) -> None:
    """The creation time is within an acceptable window, either way: clocks differ."""
    assert verify(proof(claims={"iat": NOW + seconds})).iat == NOW + seconds


@pytest.mark.spec("RFC 9449", "11.1")
@pytest.mark.parametrize("seconds", [-61, -60.5, -86_400, 60.5, 61, 86_400])
def test_a_stale_or_future_proof_is_refused(seconds: float) -> None:
    """The creation time is within an acceptable window, and not outside of it."""
    refused(proof(claims={"iat": NOW + seconds}), "(iat)")


@pytest.mark.spec("RFC 9449", "4.3")
def test_with_an_access_token_the_proof_names_it() -> None:
    """When presented to a protected resource, the value of ath equals the hash of that access token."""
    assert verify(proof(claims={"ath": dpop.ath(TOKEN)}), access_token=TOKEN)
    for bad in (None, "", dpop.ath(TOKEN + "x"), dpop.ath(TOKEN) + "=", [dpop.ath(TOKEN)], 7):
        refused(proof(claims={"ath": bad}), "(ath)", access_token=TOKEN)


@pytest.mark.spec("RFC 9449", "4.2")
def test_what_else_a_proof_says_is_ignored() -> None:
    """Other claims and header parameters neither help nor harm; no key but `jwk` is looked at."""
    head = {"kid": "x", "jku": "https://evil.example", "x5c": [7]}
    assert verify(proof(header=head, claims={"nonce": "x", "exp": 1, "sub": "x"}))


GOOD_HEAD, GOOD_BODY, GOOD_SIGNATURE = proof().split(".")
MALFORMED = {
    "empty": "",
    "one segment": "x",
    "two segments": f"{GOOD_HEAD}.{GOOD_BODY}",
    "four segments": f"{GOOD_HEAD}.{GOOD_BODY}.{GOOD_SIGNATURE}.",
    "two proofs, joined as HTTP API does": f"{proof()},{proof()}",
    "two proofs with a space": f"{proof()}, {proof()}",
    "space before": f" {proof()}",
    "space after": f"{proof()} ",
    "padded": f"{proof()}=",
    "not ASCII": f"{GOOD_HEAD}.{GOOD_BODY}.é",
    "JSON serialization": json.dumps({"protected": GOOD_HEAD, "payload": GOOD_BODY, "signature": GOOD_SIGNATURE}),
    "header is an array": signed(encode_json(["x"]), GOOD_BODY),
    "header is not JSON": signed(encode(b"{"), GOOD_BODY),
    "payload is an array": signed(GOOD_HEAD, encode_json([])),
    "payload is not JSON": signed(GOOD_HEAD, encode(b"\xff")),
    "a claim twice": signed(GOOD_HEAD, encode(b'{"jti":"a","jti":"b","htm":"POST"}')),
    "NaN": signed(GOOD_HEAD, encode(f'{{"jti":"a","htm":"POST","htu":"{URL}","iat":NaN}}'.encode())),
}


@pytest.mark.spec("RFC 9449", "4.3")
@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_jwt_is_refused(text: str) -> None:
    """The DPoP header value is a single and well-formed JWT."""
    refused(text, "is not a signed JWT")


def test_a_proof_is_bounded_before_it_is_read() -> None:
    """Over 8 KB nothing is parsed, and no signature verified."""
    refused(proof(claims={"padding": "x" * 8_192}), "is longer than")


@given(st.text() | st.binary().map(lambda data: f"{encode(data)}.{encode(data)}.{encode(data)}"))
def test_any_text_is_a_proof_or_refused(text: str) -> None:
    """Whatever is sent as a proof, the answer is `ProofError` and no other failure."""
    with pytest.raises(ProofError):
        verify(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    header=st.dictionaries(st.sampled_from(["typ", "alg", "jwk", "crit"]), json_values, min_size=1, max_size=2),
    claims=st.dictionaries(st.sampled_from(["jti", "htm", "htu", "iat"]), json_values, min_size=1, max_size=2),
)
def test_any_json_in_a_proof_is_read_or_refused(header: dict[str, Any], claims: dict[str, Any]) -> None:
    """Header and claims of any JSON, signed: no failure but `ProofError`."""
    for changed in (proof(header=header), proof(claims=claims)):
        try:
            verify(changed)
        except ProofError:
            continue


@given(st.sampled_from(sorted(SIGNERS)), st.data())
def test_no_changed_byte_passes(alg: str, data: st.DataObject) -> None:
    """A proof in which any one character is another is refused."""
    text = proof(SIGNERS[alg])
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from("ABab01-_.").filter(lambda character: character != text[at]))
    with pytest.raises(ProofError):
        verify(text[:at] + other + text[at + 1 :])


def test_a_refusal_quotes_nothing_of_the_proof() -> None:
    """What the caller is told holds no part of what was sent."""
    with pytest.raises(ProofError) as raised:
        verify(proof(ES256, claims={"htu": "https://secret.example"}))
    assert "secret" not in str(raised.value)
