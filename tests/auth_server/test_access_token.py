"""Access tokens: RFC 9068, and what KMS can sign."""

import base64
import json
import secrets
from typing import Any

import jwt
import pytest

from auth_server.access_token import RESERVED_CLAIMS, Grant, mint
from auth_server.jws import MAX_SIGNING_INPUT_BYTES
from tests.simulator import AUDIENCE, ISSUER, NOW, LocalKeySource, MemoryClientStore, Simulator, client, document


def header(token: str) -> dict[str, Any]:
    """Give the decoded header of a token."""
    return jwt.get_unverified_header(token)


@pytest.mark.spec("RFC 9068", "2.1")
def test_the_header_names_type_algorithm_and_key() -> None:
    """JWT access tokens are signed, not with none, and typ is at+jwt."""
    server = Simulator()
    token = document(server.token())["access_token"]
    assert header(token) == {"alg": "RS256", "typ": "at+jwt", "kid": LocalKeySource().load().kid}


@pytest.mark.spec("RFC 9068", "2.2")
def test_the_claims_are_those_of_the_profile() -> None:
    """The required claims are iss, exp, aud, sub, client_id, iat and jti; scope says what was granted."""
    server = Simulator()
    claims = server.claims(server.token())
    assert len(claims.pop("jti")) >= 22  # 128 bits and more: never twice
    assert claims == {
        "iss": ISSUER,
        "sub": "demo",  # RFC 9068 2.2: without a resource owner, the client
        "client_id": "demo",
        "aud": AUDIENCE,
        "iat": NOW,
        "exp": NOW + 3600,
        "scope": "products:read products:write",
    }


@pytest.mark.spec("RFC 7519", "4.1.7")
def test_every_token_has_a_jti_of_its_own() -> None:
    """The jti is a unique identifier."""
    server = Simulator()
    assert len({server.claims(server.token())["jti"] for _ in range(50)}) == 50


@pytest.mark.spec("RFC 7519", "4.1.7")
def test_a_jti_is_128_bits_of_the_systems_randomness(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probability that two tokens share a jti is negligible, and nobody can tell the next one.

    No sample of them tells a good source from a bad one, so what is watched is what `secrets` is asked for.
    """
    drawn: list[bytes] = []
    draw = secrets.token_bytes

    def watching(nbytes: int | None = None) -> bytes:
        drawn.append(draw(nbytes))
        return drawn[-1]

    server = Simulator()
    monkeypatch.setattr(secrets, "token_bytes", watching)  # under token_urlsafe and token_hex
    jti = server.claims(server.token())["jti"]
    assert [len(data) >= 16 for data in drawn] == [True]
    assert base64.urlsafe_b64decode(jti + "=" * (-len(jti) % 4)) == drawn[0]  # all of it


def test_the_clients_own_claims_are_added() -> None:
    """Static claims of a client's record are in each of its tokens, of whatever JSON type."""
    extra = {"tenant": "acme", "level": 3, "nested": {"tags": ["ä", None, 1.5]}}
    server = Simulator(clients=MemoryClientStore(client(claims=extra)))
    claims = server.claims(server.token())
    assert {name: claims[name] for name in extra} == extra


def test_a_record_cannot_override_the_servers_claims() -> None:
    """Even a record that was written past the registration rules cannot change who a token is for."""
    forged = dict.fromkeys(RESERVED_CLAIMS, "forged")
    token = mint(Grant("demo", ("a",), ("b",), 60, forged), issuer=ISSUER, key=LocalKeySource().load(), now=NOW)
    own = {"iss", "sub", "client_id", "aud", "iat", "exp", "jti", "scope"}
    assert own & {name for name, value in token.claims.items() if value == "forged"} == set()


def test_a_clients_own_lifetime_is_used() -> None:
    """expires_in and exp follow the client's record, else the server's setting."""
    server = Simulator(clients=MemoryClientStore(client(token_lifetime=90)))
    response = server.token()
    assert document(response)["expires_in"] == 90
    assert server.claims(response)["exp"] == NOW + 90


@pytest.mark.spec("RFC 7515", "2")
def test_segments_are_base64url_without_padding() -> None:
    """A token is three base64url segments without padding, white space or line breaks."""
    token = document(Simulator().token())["access_token"]
    for segment in token.split("."):
        assert base64.urlsafe_b64encode(base64.urlsafe_b64decode(segment + "==")).decode().rstrip("=") == segment


def test_a_token_beyond_what_kms_signs_is_refused() -> None:
    """KMS signs at most 4,096 bytes raw: a longer token is refused with advice, not with a fault."""
    scopes = tuple(f"scope-number-{number:04}" for number in range(200))
    server = Simulator(clients=MemoryClientStore(client(scopes=scopes)))
    response = server.token()
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_scope")
    assert "fewer" in document(response)["error_description"]
    token = document(server.token(scope=" ".join(scopes[:100])))["access_token"]
    assert len(token.rpartition(".")[0]) <= MAX_SIGNING_INPUT_BYTES


def test_a_secret_never_shows_in_a_representation() -> None:
    """Neither a client, nor credentials, nor a token shows what is secret where it is printed by mistake."""
    token = mint(Grant("demo", (), ("a",), 60), issuer=ISSUER, key=LocalKeySource().load(), now=NOW)
    assert token.value not in repr(token)
    assert "digest" not in repr(client())
    assert json.dumps("k5vX2mPq9sTw4zB7cE1fH3jL6nR8uY0aD2gK4iM6oQs") not in repr(client())
