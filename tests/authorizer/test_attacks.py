"""Everything that somebody might send instead of a good token. None of it is ever allowed."""

import hmac
import json
import time
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.authorizer.cold_start import ENVIRON, cold_start
from tests.authorizer.issuer import (
    AUDIENCE,
    FOREIGN_KEY,
    ISSUER,
    KEY,
    METHOD_ARN,
    claims,
    encode,
    encode_json,
    event,
    header,
    jwk,
    jwks,
    rs256,
    sign,
    sign_segments,
)

_NOW = time.time()
_GOOD = claims(_NOW)
_HEADER = encode_json(header())
_PAYLOAD = encode_json(_GOOD)
_TOKEN = sign(header(), _GOOD)
_SIGNATURE = _TOKEN.rsplit(".", 1)[1]
_EC_KEY = ec.generate_private_key(ec.SECP256R1())
_DEEP = "[" * 1_500 + "]" * 1_500


def _signed_header(**members: Any) -> str:
    return sign(header(**members), _GOOD)


def _signed_claims(**members: Any) -> str:
    return sign(header(), claims(_NOW, **members))


def _raw_header(text: str | bytes) -> str:
    return sign_segments(encode(text.encode() if isinstance(text, str) else text), _PAYLOAD)


def _raw_payload(text: str | bytes) -> str:
    return sign_segments(_HEADER, encode(text.encode() if isinstance(text, str) else text))


def _with_member(name: str, raw: str) -> str:
    """Return the good claims as text, with one member written as it is given."""
    return json.dumps({**_GOOD, name: "@"}).replace('"@"', raw)


def _hs256(secret: bytes, alg: str = "HS256") -> str:
    signing_input = f"{encode_json(header(alg=alg))}.{_PAYLOAD}"
    return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def _rsa(alg: str, scheme: padding.AsymmetricPadding, digest: hashes.HashAlgorithm) -> str:
    signing_input = f"{encode_json(header(alg=alg))}.{_PAYLOAD}"
    return f"{signing_input}.{encode(KEY.sign(signing_input.encode(), scheme, digest))}"


def _es256(alg: str = "ES256") -> str:
    signing_input = f"{encode_json(header(alg=alg, jwk=_EC_JWK))}.{_PAYLOAD}"
    r, s = decode_dss_signature(_EC_KEY.sign(signing_input.encode(), ec.ECDSA(hashes.SHA256())))
    return f"{signing_input}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


_EC_NUMBERS = _EC_KEY.public_key().public_numbers()
_EC_JWK = {
    "kty": "EC",
    "crv": "P-256",
    "x": encode(_EC_NUMBERS.x.to_bytes(32, "big")),
    "y": encode(_EC_NUMBERS.y.to_bytes(32, "big")),
}
_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_DER = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
_PKCS1 = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)
_PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
_PKCS1V15 = padding.PKCS1v15()
_MODULUS = KEY.public_key().public_numbers().n
_FOREIGN_JWK = jwk(FOREIGN_KEY)
_RAW_SIGNATURE = rs256(f"{_HEADER}.{_PAYLOAD}".encode())
_UNUSED_BITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Name of the attack, and the token. Each changes one thing in what would otherwise be a good token.
ATTACKS: dict[str, str] = {
    # The algorithm (RFC 8725 2.1, 3.1)
    **{f"alg {alg}, no signature": f"{encode_json(header(alg=alg))}.{_PAYLOAD}." for alg in ("none", "None", "NONE")},
    **{f"alg {alg}, good signature": _signed_header(alg=alg) for alg in ("none", "nOnE", "", "HS256", "ES256")},
    "alg missing": _signed_header(alg=None),
    "alg in lower case": _signed_header(alg="rs256"),
    "alg with white space": _signed_header(alg="RS256 "),
    "alg as array": _signed_header(alg=["RS256"]),
    "alg null": _raw_header('{"typ": "at+jwt", "kid": "key-1", "alg": null}'),
    "HS256 with the PEM": _hs256(_PEM),
    "HS256 with the PEM, stripped": _hs256(_PEM.strip()),
    "HS256 with the PKCS 1 PEM": _hs256(_PKCS1),
    "HS256 with the DER": _hs256(_DER),
    "HS256 with the JWK": _hs256(json.dumps(jwk()).encode()),
    "HS256 with the JWK Set": _hs256(jwks()),
    "HS256 with the modulus": _hs256(_MODULUS.to_bytes(256, "big")),
    "HS256 with nothing": _hs256(b""),
    "HS256 under the name RS256": _hs256(_PEM, "RS256"),
    "PS256": _rsa("PS256", _PSS, hashes.SHA256()),
    "PS256 under the name RS256": _rsa("RS256", _PSS, hashes.SHA256()),
    "RS384": _rsa("RS384", _PKCS1V15, hashes.SHA384()),
    "RS512": _rsa("RS512", _PKCS1V15, hashes.SHA512()),
    "RS384 under the name RS256": _rsa("RS256", _PKCS1V15, hashes.SHA384()),
    "RS512 under the name RS256": _rsa("RS256", _PKCS1V15, hashes.SHA512()),
    "SHA-1 under the name RS256": _rsa("RS256", _PKCS1V15, hashes.SHA1()),  # noqa: S303 - it must not be accepted
    "ES256": _es256(),
    "ES256 under the name RS256": _es256("RS256"),
    # Keys from the token (RFC 8725 3.10)
    "foreign key": sign(header(), _GOOD, FOREIGN_KEY),
    "foreign key in jwk": sign(header(jwk=_FOREIGN_JWK), _GOOD, FOREIGN_KEY),
    "foreign key in jwk, without kid": sign(header(jwk=_FOREIGN_JWK, kid=None), _GOOD, FOREIGN_KEY),
    "foreign key by jku": sign(header(jku="https://evil.example/jwks.json"), _GOOD, FOREIGN_KEY),
    "foreign key by x5u": sign(header(x5u="https://evil.example/cert.pem"), _GOOD, FOREIGN_KEY),
    "foreign key in x5c": sign(header(x5c=["MIIB"]), _GOOD, FOREIGN_KEY),
    "foreign key with our thumbprint": sign(header(x5t="key-1"), _GOOD, FOREIGN_KEY),
    # The name of the key
    "kid missing": _signed_header(kid=None),
    "kid unknown": _signed_header(kid="key-2"),
    "kid empty": _signed_header(kid=""),
    "kid with path": _signed_header(kid="../../../../dev/null"),
    "kid with SQL": _signed_header(kid="key-1' UNION SELECT 'key-1"),
    "kid with command": _signed_header(kid="key-1|id"),
    "kid with NUL": _signed_header(kid="key-1\0"),
    "kid in capitals": _signed_header(kid="KEY-1"),
    "kid null": _raw_header('{"typ": "at+jwt", "alg": "RS256", "kid": null}'),
    "kid as array": _signed_header(kid=["key-1"]),
    "kid as object": _signed_header(kid={"key-1": 1}),
    "kid as number": _signed_header(kid=1),
    "kid as bool": _signed_header(kid=True),
    # The type (RFC 8725 3.11, RFC 9068 4)
    "typ missing": _signed_header(typ=None),
    "typ JWT": _signed_header(typ="JWT"),
    "typ of a DPoP proof": _signed_header(typ="dpop+jwt"),
    "typ of an ID token": _signed_header(typ="id_token+jwt"),
    "typ as array": _signed_header(typ=["at+jwt"]),
    # Extensions (RFC 7515 4.1.11, RFC 7797)
    "crit unknown": _signed_header(crit=["x"], x=1),
    "crit known": _signed_header(crit=["exp"], exp=1),
    "crit empty": _signed_header(crit=[]),
    "b64 false": _signed_header(b64=False),
    "b64 false, critical": _signed_header(b64=False, crit=["b64"]),
    "b64 true": _signed_header(b64=True),
    "b64 false, payload as it is": sign_segments(encode_json(header(b64=False, crit=["b64"])), "e30"),
    # Claims (RFC 9068 2.2, 4)
    **{f"{name} missing": _signed_claims(**{name: None}) for name in _GOOD if name != "scope"},
    **{f"{name} null": _raw_payload(_with_member(name, "null")) for name in _GOOD},
    **{f"{name} as array": _raw_payload(_with_member(name, "[7]")) for name in _GOOD},
    **{f"{name} as object": _raw_payload(_with_member(name, '{"a": 1}')) for name in _GOOD},
    **{f"{name} empty": _signed_claims(**{name: ""}) for name in _GOOD},
    "expired": _signed_claims(exp=int(_NOW) - 61),
    "expired long ago": _signed_claims(exp=0),
    "not yet valid": _signed_claims(nbf=int(_NOW) + 3_600),
    "issued in the future": _signed_claims(iat=int(_NOW) + 3_600, exp=int(_NOW) + 7_200),
    **{
        f"{name} {raw}": _raw_payload(_with_member(name, raw))
        for name in ("exp", "iat", "nbf")
        for raw in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400", "true", "false", '"9999999999"', "1e15", "-1")
    },
    "exp of five thousand digits": _raw_payload(_with_member("exp", "9" * 4_999)),
    "exp in hexadecimal": _raw_payload(_with_member("exp", "0xffffffff")),
    "another issuer": _signed_claims(iss="https://evil.example"),
    "issuer with a slash": _signed_claims(iss=ISSUER + "/"),
    "issuer in an array": _raw_payload(_with_member("iss", f'["{ISSUER}"]')),
    "another audience": _signed_claims(aud="https://evil.example"),
    "audience as object": _raw_payload(_with_member("aud", f'{{"{AUDIENCE}": 1}}')),
    "audience within a string": _signed_claims(aud=f"https://evil.example {AUDIENCE}"),
    "audience empty": _signed_claims(aud=[]),
    "client_id with newline": _signed_claims(client_id="client-1\n"),
    "scope with newline": _signed_claims(scope="products:read\nproducts:write"),
    # The signature
    "signature missing": f"{_HEADER}.{_PAYLOAD}",
    "signature empty": f"{_HEADER}.{_PAYLOAD}.",
    "signature cut": _TOKEN[:-4],
    "signature longer": _TOKEN + "AAAA",
    "signature of zeros": f"{_HEADER}.{_PAYLOAD}.{encode(bytes(256))}",
    "signature of one": f"{_HEADER}.{_PAYLOAD}.{encode(b'1'.rjust(256, bytes(1)))}",
    "signature with a zero before": f"{_HEADER}.{_PAYLOAD}.{encode(bytes(1) + _RAW_SIGNATURE)}",
    "signature and modulus": f"{_HEADER}.{_PAYLOAD}."
    + encode((int.from_bytes(_RAW_SIGNATURE, "big") + _MODULUS).to_bytes(257, "big")),
    "signature of another token": f"{_HEADER}.{_PAYLOAD}." + _signed_claims(jti="other").rsplit(".", 1)[1],
    "signature with unused bits set": _TOKEN[:-1] + _UNUSED_BITS[_UNUSED_BITS.index(_TOKEN[-1]) + 1],
    # The form (RFC 7515 7.1, RFC 7519 7.2)
    "segments swapped": f"{_PAYLOAD}.{_HEADER}.{_SIGNATURE}",
    "header of another token": f"{encode_json(header(typ='AT+JWT'))}.{_PAYLOAD}.{_SIGNATURE}",
    "claims of another token": f"{_HEADER}.{encode_json(claims(_NOW, scope='admin'))}.{_SIGNATURE}",
    "header empty": f".{_PAYLOAD}.{_SIGNATURE}",
    "payload empty": sign_segments(_HEADER, ""),
    "one segment": _HEADER,
    "only dots": "..",
    "four segments": _TOKEN + ".AAAA",
    "four segments, the last empty": _TOKEN + ".",
    "five segments": f"{_TOKEN}.AAAA.AAAA",
    "JWE": f"{encode_json(header(alg='RSA-OAEP', enc='A256GCM'))}.AAAA.AAAA.{_PAYLOAD}.AAAA",
    "nested token": sign_segments(_HEADER, encode(_TOKEN.encode())),
    "JSON serialization": json.dumps({"protected": _HEADER, "payload": _PAYLOAD, "signature": _SIGNATURE}),
    "JSON serialization, encoded": encode_json({"protected": _HEADER, "payload": _PAYLOAD, "signature": _SIGNATURE}),
    "padding after the signature": _TOKEN + "==",
    "padding after the header": sign_segments(_HEADER + "=" * (-len(_HEADER) % 4 or 4), _PAYLOAD),
    "padding after the payload": sign_segments(_HEADER, _PAYLOAD + "=" * (-len(_PAYLOAD) % 4 or 4)),
    "the alphabet of base64": sign_segments(_HEADER, encode(b'{"a":"\xc3\xbf\xc3\xbe"}').replace("_", "/") + "+/"),
    "payload of length 4n+1": sign_segments(_HEADER, _PAYLOAD + "A" * (1 + -len(_PAYLOAD) % 4)),
    "space inside": _TOKEN.replace(".", " .", 1),
    "space at the end": _TOKEN + " ",
    "newline at the end": _TOKEN + "\n",
    "newline inside": _TOKEN[:50] + "\n" + _TOKEN[50:],
    "tab inside": _TOKEN[:50] + "\t" + _TOKEN[50:],
    "NUL at the end": _TOKEN + "\0",
    "NUL inside": _TOKEN[:50] + "\0" + _TOKEN[50:],
    "full-width dot": _TOKEN.replace(".", "\uff0e"),
    "two tokens": f"{_TOKEN} {_TOKEN}",
    "two tokens with comma": f"{_TOKEN}, Bearer {_TOKEN}",
    "scheme twice": f"Bearer {_TOKEN}",
    "100 KB": _TOKEN + "A" * 100_000,
    "100 KB of a signed claim": _signed_claims(padding="A" * 100_000),
    "100 KB of dots": "." * 100_000,
    # JSON (RFC 8259)
    "header member twice": _raw_header('{"typ": "at+jwt", "alg": "none", "alg": "RS256", "kid": "key-1"}'),
    "header member twice, the same": _raw_header('{"typ": "at+jwt", "alg": "RS256", "alg": "RS256", "kid": "key-1"}'),
    "claim twice": _raw_payload(_with_member("aud", f'"https://evil.example", "aud": "{AUDIENCE}"')),
    "claim twice, escaped": _raw_payload(_with_member("scope", '"a", "\\u0073cope": "admin"')),
    "member twice deep inside": _raw_payload(_with_member("x", '{"a": 1, "a": 2}')),
    "header with NaN": _raw_header('{"typ": "at+jwt", "alg": "RS256", "kid": "key-1", "x": NaN}'),
    "nested payload": _raw_payload(_with_member("x", _DEEP)),
    "nested header": _raw_header('{"typ": "at+jwt", "alg": "RS256", "kid": "key-1", "x": ' + _DEEP + "}"),
    "payload not UTF-8": _raw_payload(_with_member("sub", '"@@"').encode().replace(b"@@", b"\xff\xfe")),
    "header not UTF-8": _raw_header(b'{"typ": "at+jwt", "alg": "RS256", "kid": "key-1", "x": "\xff"}'),
    "payload in UTF-16": _raw_payload(json.dumps(_GOOD).encode("utf-16")),
    "payload with byte order mark": _raw_payload(b"\xef\xbb\xbf" + json.dumps(_GOOD).encode()),
    "payload with something after it": _raw_payload(json.dumps(_GOOD) + "{}"),
    "payload an array": _raw_payload(json.dumps([_GOOD])),
    "payload a string": _raw_payload(json.dumps(json.dumps(_GOOD))),
    "payload null": _raw_payload("null"),
    "half a surrogate pair": _raw_payload(_with_member("sub", '"\\ud800"')),
    "header an array": _raw_header(json.dumps([header()])),
}


@pytest.fixture(scope="module")
def handler() -> ModuleType:
    """Start the Lambda with its defaults."""
    return cold_start(ENVIRON)


@pytest.fixture(scope="module")
def denying() -> ModuleType:
    """Start the Lambda with INVALID_TOKEN_RESULT=deny."""
    return cold_start(ENVIRON | {"INVALID_TOKEN_RESULT": "deny"})


def _effect(handler: ModuleType, value: dict[str, Any]) -> str:
    """Return what became of an event: Allow, Deny or Unauthorized. Any other exception is a fault."""
    try:
        result = handler.lambda_handler(value, None)
    except Exception as error:
        if type(error) is Exception and str(error) == "Unauthorized":
            return "Unauthorized"
        raise
    (statement,) = result["policyDocument"]["Statement"]
    return str(statement["Effect"])


def test_the_good_token_is_allowed(handler: ModuleType, denying: ModuleType) -> None:
    """The control: what the attacks change is the only thing wrong with them."""
    assert _effect(handler, event(_TOKEN)) == "Allow"
    assert _effect(denying, event(_TOKEN)) == "Allow"


_CONTROLS = {
    "header as text": _raw_header(json.dumps(header())),
    "payload as text": _raw_payload(json.dumps(_GOOD)),
    "another member": _raw_payload(_with_member("x", "[[[[1.5e3]]]]")),
    "keys that are not looked at": _signed_header(jku="https://evil.example", jwk=_FOREIGN_JWK, x5c=[], x5u="x"),
    "RS256": _rsa("RS256", _PKCS1V15, hashes.SHA256()),
}


@pytest.mark.parametrize("name", _CONTROLS)
def test_the_tools_of_the_attacks_make_good_tokens(handler: ModuleType, name: str) -> None:
    """Another control: no attack fails only because it was put together wrongly."""
    assert _effect(handler, event(_CONTROLS[name])) == "Allow"


@pytest.mark.spec("RFC 8725", "3")
@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_is_allowed(
    name: str, handler: ModuleType, denying: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """401 by default; 401 or an explicit Deny where that is set; and no part of the token in the log."""
    value = event(ATTACKS[name])
    assert _effect(handler, value) == "Unauthorized"
    assert _effect(denying, value) in {"Unauthorized", "Deny"}
    written = capsys.readouterr().out
    assert written.count("\n") == 2
    assert not [part for part in ATTACKS[name].split(".") if len(part) > 8 and part in written]
    assert "evil" not in written or name in {"another issuer", "another audience", "audience within a string"}


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_is_allowed_after_the_good_token(name: str, handler: ModuleType) -> None:
    """What is remembered of a good token lets nothing else in."""
    assert _effect(handler, event(_TOKEN)) == "Allow"
    assert _effect(handler, event(ATTACKS[name])) == "Unauthorized"


_AUTHORIZATION = f"Bearer {_TOKEN}"


@settings(max_examples=400)
@given(position=st.integers(0, len(_AUTHORIZATION) - 1), octet=st.integers(0, 255))
def test_no_changed_byte_is_allowed(handler: ModuleType, position: int, octet: int) -> None:
    """Another byte anywhere in the header is refused, save a letter of the scheme in the other case."""
    changed = _AUTHORIZATION[:position] + chr(octet) + _AUTHORIZATION[position + 1 :]
    effect = _effect(handler, {"type": "TOKEN", "authorizationToken": changed, "methodArn": METHOD_ARN})
    same = changed[:6].lower() == "bearer" and changed[6:] == _AUTHORIZATION[6:]
    assert effect == ("Allow" if same else "Unauthorized")


@settings(max_examples=200)
@given(
    cut=st.tuples(st.integers(0, len(_TOKEN)), st.integers(0, 40)),
    inserted=st.text(alphabet=st.sampled_from("Ab0-_.=+/~ \n\0"), max_size=6),
)
def test_no_cut_and_no_insertion_is_allowed(handler: ModuleType, cut: tuple[int, int], inserted: str) -> None:
    """A piece taken out, a piece put in: refused, unless it is the very token again."""
    start, length = cut
    changed = _TOKEN[:start] + inserted + _TOKEN[start + length :]
    # Spaces before a token separate it from its scheme (1*SP).
    assert _effect(handler, event(changed)) == ("Allow" if changed.lstrip(" ") == _TOKEN else "Unauthorized")


@settings(max_examples=200)
@given(
    kind=st.sampled_from(["TOKEN"]) | st.text(max_size=8) | st.none(),
    authorization=st.text(max_size=60)
    | st.builds("Bearer {}".format, st.text(max_size=60))
    | st.none()
    | st.integers(),
    arn=st.just(METHOD_ARN) | st.text(max_size=60) | st.none(),
)
def test_no_event_at_all_is_allowed_without_a_token(
    handler: ModuleType, kind: object, authorization: object, arn: object
) -> None:
    """Whatever the event is, without a good token it ends in an exception."""
    with pytest.raises(Exception, match=r".+"):
        handler.lambda_handler({"type": kind, "authorizationToken": authorization, "methodArn": arn}, None)
