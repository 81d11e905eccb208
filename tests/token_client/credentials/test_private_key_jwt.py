"""A client that signs with a key, in a PEM file or in KMS, against our server and as another library reads it."""

import logging
import re
import uuid
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from tests.auth_server.assertions import ED25519, OTHER_RSA, P256, RSA, SIGN, jwk, jwks
from tests.token_client.credentials.registered import claims, register, token_client
from token_client import ConfigurationError, CredentialsError, KMSKey, PrivateKeyJWT, TokenRefusedError
from token_client.credentials.protocol import Server

ISSUER = "https://auth.example.com"
SERVER = Server(f"{ISSUER}/oauth/token", ISSUER)
NOW = 1_790_000_000.9
NOWHERE = "http://127.0.0.1:9"
KEYS: dict[str, Any] = {"RS256": RSA, "PS256": RSA, "ES256": P256, "EdDSA": ED25519}
OF_JOSERFC: dict[str, Any] = {"RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
# The algorithms of KMS, and the kind of its key for each. PS256 has a test of its own: moto salts it as long as it can,
# and no verifier of JWS takes that (RFC 7518 3.5); AWS salts with 256 bits ("Asymmetric key specs", KMS's guide).
SPECS = {"RS256": "RSA_2048", "ES256": "ECC_NIST_P256"}


def pem(key: Any, form: PrivateFormat = PrivateFormat.PKCS8, encryption: Any = None) -> str:
    """Write a private key as files have it."""
    return str(key.private_bytes(Encoding.PEM, form, encryption or NoEncryption()).decode())


def in_kms(endpoint: str, algorithm: str) -> tuple[KMSKey, dict[str, Any]]:
    """Make a key in KMS, and give it with its public JWK."""
    kms = boto3.client("kms", endpoint_url=endpoint)
    spec: Any = SPECS[algorithm]
    key_id = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
    public: Any = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
    return KMSKey(key_id, algorithm, endpoint_url=endpoint), OF_JOSERFC[algorithm].import_key(public).as_dict()


def assertion(credentials: PrivateKeyJWT, server: Server = SERVER, now: float = NOW) -> str:
    """Give the assertion of a request, and check what is beside it."""
    sent = credentials.load().authenticate(server, now)
    assert not sent.headers
    assert (sent.form["client_id"], len(sent.form)) == (credentials.client_id, 3)
    assert sent.form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    return sent.form["client_assertion"]


def read(signed: str, public: dict[str, Any], algorithm: str) -> jwt.Token:
    """Verify as joserfc does it, which is Authlib's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # RFC 9864 renames EdDSA; servers know it by the older name
        return jwt.decode(signed, OF_JOSERFC[algorithm].import_key(public), algorithms=[algorithm])


@pytest.mark.spec("RFC 7523", "3")
@pytest.mark.parametrize("algorithm", KEYS)
def test_another_library_verifies_what_a_pem_key_signs(algorithm: str) -> None:
    """Header and claims are those of a client's assertion, for the issuer, and for a minute."""
    credentials = PrivateKeyJWT("signer", pem(KEYS[algorithm]), algorithm=algorithm, key_id="k1")
    token = read(assertion(credentials), jwk(KEYS[algorithm]), algorithm)
    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": "k1"}
    assert re.fullmatch(r"[\w-]{22}", token.claims.pop("jti"))
    times = {"iat": 1_790_000_000, "exp": 1_790_000_060}
    assert token.claims == {"iss": "signer", "sub": "signer", "aud": ISSUER, **times}


@pytest.mark.parametrize("algorithm", SPECS)
def test_another_library_verifies_what_kms_signs(aws_endpoint: str, algorithm: str) -> None:
    """An RSA key signs in two ways; a signature on P-256 is written as JWS has it."""
    key, public = in_kms(aws_endpoint, algorithm)
    credentials = PrivateKeyJWT("signer", key, lifetime_s=10)
    token = read(assertion(credentials), public, algorithm)
    assert token.header == {"alg": algorithm, "typ": "JWT"}
    assert token.claims["exp"] - token.claims["iat"] == 10


@pytest.mark.parametrize("algorithm", KEYS)
def test_our_server_knows_a_pem_key(local_stack: dict[str, Any], tmp_path: Path, algorithm: str) -> None:
    """As text, as a file by its name, and as a path; with `kid` and without."""
    public = jwks(jwk(KEYS[algorithm], kid="k1"))
    register(local_stack, "signer", auth_methods=("private_key_jwt",), jwks=public)
    path = tmp_path / "key.pem"
    path.write_text(pem(KEYS[algorithm]), encoding="ascii")
    for key, key_id in ((pem(KEYS[algorithm]), None), (str(path), "k1"), (path, None)):
        credentials = PrivateKeyJWT("signer", key, algorithm=algorithm, key_id=key_id)
        assert claims(local_stack, credentials)["client_id"] == "signer"


@pytest.mark.parametrize("algorithm", SPECS)
def test_our_server_knows_a_key_of_kms(local_stack: dict[str, Any], algorithm: str) -> None:
    """The private half never left there."""
    key, public = in_kms(local_stack["aws_endpoint_url"], algorithm)
    register(local_stack, "kms-signer", auth_methods=("private_key_jwt",), jwks=jwks(public))
    assert claims(local_stack, PrivateKeyJWT("kms-signer", key))["client_id"] == "kms-signer"


class SaltedByTheBook:
    """KMS as AWS has it, in a session's place: PS256 with a salt of 256 bits, which moto does not do."""

    def client(self, service: str, **_: Any) -> "SaltedByTheBook":
        """Give itself for KMS."""
        assert service == "kms"
        return self

    def sign(self, **asked: Any) -> dict[str, bytes]:
        """Sign with the key of the tests."""
        message = asked.pop("Message")
        assert asked == {"KeyId": "k", "MessageType": "RAW", "SigningAlgorithm": "RSASSA_PSS_SHA_256"}
        return {"Signature": SIGN["PS256"](message)}


def test_our_server_knows_ps256_of_kms(local_stack: dict[str, Any]) -> None:
    """And so does joserfc."""
    register(local_stack, "pss-signer", auth_methods=("private_key_jwt",), jwks=jwks(jwk(RSA)))
    credentials = PrivateKeyJWT("pss-signer", KMSKey("k", "PS256", session=SaltedByTheBook()))
    assert read(assertion(credentials), jwk(RSA), "PS256").claims["iss"] == "pss-signer"
    assert claims(local_stack, credentials)["client_id"] == "pss-signer"


def test_a_file_that_got_another_key_counts(local_stack: dict[str, Any], tmp_path: Path) -> None:
    """Replaced in the file and at the server: the next token is got with the new key, though the client goes on."""
    path = tmp_path / "key.pem"
    path.write_text(pem(RSA), encoding="ascii")
    register(local_stack, "renewed", auth_methods=("private_key_jwt",), jwks=jwks(jwk(RSA)))
    credentials = PrivateKeyJWT("renewed", path)
    assert claims(local_stack, credentials)["client_id"] == "renewed"
    assert credentials.load(fresh=True) is credentials
    register(local_stack, "renewed", auth_methods=("private_key_jwt",), jwks=jwks(jwk(OTHER_RSA)))
    with pytest.raises(TokenRefusedError, match="invalid_client"):
        token_client(local_stack, credentials).token()
    path.write_text(pem(OTHER_RSA), encoding="ascii")
    assert credentials.load() != credentials
    assert claims(local_stack, credentials)["client_id"] == "renewed"


@pytest.mark.parametrize("text", [None, "not a key"])
def test_a_file_that_is_gone_changes_nothing(
    tmp_path: Path, text: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """The key that was read first signs on, with a warning."""
    path = tmp_path / "key.pem"
    path.write_text(pem(RSA), encoding="ascii")
    credentials = PrivateKeyJWT("signer", path)
    path.unlink() if text is None else path.write_text(text, encoding="ascii")
    with caplog.at_level(logging.WARNING, "token_client"):
        assert read(assertion(credentials), jwk(RSA), "RS256").claims["iss"] == "signer"
    assert "the key that was read first serves on" in caplog.text


@pytest.mark.spec("RFC 7523", "3")
def test_the_audience_is_the_issuer_where_it_is_known() -> None:
    """The token endpoint where there is nothing else; each request has an assertion of its own."""
    credentials = PrivateKeyJWT("signer", pem(ED25519))
    bare = Server(f"{ISSUER}/oauth/token")
    assert read(assertion(credentials, bare), jwk(ED25519), "EdDSA").claims["aud"] == bare.token_endpoint
    assert assertion(credentials) != assertion(credentials)


@pytest.mark.parametrize(("key", "usual"), [(RSA, "RS256"), (P256, "ES256"), (ED25519, "EdDSA")])
def test_a_key_has_its_usual_algorithm(key: Any, usual: str) -> None:
    """In the older form of its file too, where there is one."""
    for form in (PrivateFormat.PKCS8, *([] if key is ED25519 else [PrivateFormat.TraditionalOpenSSL])):
        signed = assertion(PrivateKeyJWT("signer", pem(key, form)))
        assert read(signed, jwk(key), usual).header["alg"] == usual


SMALL = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"client_id": ""}, "needs an id"),
        ({"lifetime_s": 0}, "lifetime_s"),
        ({"lifetime_s": 3_601}, "lifetime_s"),
        ({"algorithm": "ES256"}, "signs RS256 or PS256, not ES256"),
        ({"algorithm": "none"}, "not none"),
        ({"algorithm": "HS256"}, "not HS256"),
        ({"key": KMSKey("k", "ES256"), "algorithm": "RS256"}, "signs ES256"),
        ({"key": pem(SMALL)}, "2048 bits or more"),
        ({"key": pem(ec.generate_private_key(ec.SECP384R1()))}, "P-256"),
        ({"key": pem(RSA, encryption=BestAvailableEncryption(b"x"))}, "not encrypted"),
        ({"key": pem(RSA)[:500]}, "not a private key in PEM"),
    ],
)
def test_what_cannot_work_is_refused_at_once(arguments: dict[str, Any], said: str) -> None:
    """Where it is made; the error shows nothing of the key."""
    with pytest.raises(ConfigurationError, match=said) as refused:
        PrivateKeyJWT(**{"client_id": "signer", "key": pem(RSA), **arguments})
    assert pem(RSA)[100:120] not in str(refused.value)


def test_a_public_key_is_refused() -> None:
    """It signs nothing."""
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with pytest.raises(ConfigurationError, match="not a private key"):
        PrivateKeyJWT("signer", public)


@pytest.mark.parametrize("algorithm", ["EdDSA", "HS256", "ES384", ""])
def test_kms_signs_what_it_can(algorithm: str) -> None:
    """Three algorithms, and a key that has an id."""
    with pytest.raises(ConfigurationError):
        KMSKey("k", algorithm)
    with pytest.raises(ConfigurationError):
        KMSKey("")


@pytest.mark.parametrize("key", ["MIIEvQIBADANBg/kqhkiG9w0BAQ", "MIIE\0vQIB", "/none/key.pem", "M" * 5_000, ""])
def test_a_key_that_is_no_file_is_not_quoted(key: str) -> None:
    """A text without its first line looks like a path, and is a secret nonetheless."""
    with pytest.raises(CredentialsError, match="neither the text of a PEM file nor the path") as refused:
        PrivateKeyJWT("signer", key)
    assert not key or key not in f"{refused.value!r} {refused.value.__cause__!r}"


def test_a_path_to_nothing_is_named(tmp_path: Path) -> None:
    """A `Path` is one beyond doubt."""
    with pytest.raises(CredentialsError, match=r"none\.pem: No such file"):
        PrivateKeyJWT("signer", tmp_path / "none.pem")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda at: KMSKey(str(uuid.uuid4()), endpoint_url=at), "kms:Sign: NotFoundException"),
        (lambda at: replace(in_kms(at, "ES256")[0], algorithm="RS256"), "kms:Sign: "),
        (lambda _: KMSKey("k", endpoint_url=NOWHERE), "kms:Sign: EndpointConnectionError"),
    ],
)
def test_a_key_that_does_not_sign_is_named(aws_endpoint: str, make: Callable[[str], KMSKey], said: str) -> None:
    """By its id, with the operation and AWS's code."""
    key = make(aws_endpoint)
    with pytest.raises(CredentialsError, match=f"the key {key.key_id}: {said}"):
        assertion(PrivateKeyJWT("signer", key))


def test_nothing_shows_a_key() -> None:
    """Neither the credentials nor what they make."""
    text = pem(ed25519.Ed25519PrivateKey.generate())
    credentials = PrivateKeyJWT("signer", text)
    sent = credentials.authenticate(SERVER, NOW)
    assert not any(part in f"{credentials!r} {sent!r}" for part in (text[40:60], sent.form["client_assertion"]))
    assert credentials.secret is None
