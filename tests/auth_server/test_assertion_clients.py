"""Authlib's own `private_key_jwt` against this server over HTTP: a client that does not know it is ours."""

from typing import Any, Literal

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import import_key

from tests.auth_server.assertions import ED25519, OTHER_RSA, P256, RSA, PrivateKey, jwk, jwks, signer
from tests.latchkey.issuer import Issuer, serving

KTY: dict[str, Literal["RSA", "EC", "OKP"]] = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}


def client_of(issuer: Issuer, key: PrivateKey, alg: str, **claims: Any) -> OAuth2Client:
    """Give a client that signs for itself."""
    endpoint = f"{issuer.url}/oauth/token"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    client = OAuth2Client(
        "demo",
        import_key(pem, KTY[alg]),
        token_endpoint=endpoint,
        token_endpoint_auth_method="private_key_jwt",
        scope="products:read",
    )
    client.register_client_auth_method(PrivateKeyJWT(endpoint, alg=alg, headers={"kid": "k1"}, claims=claims or None))
    return client


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # RFC 9864 names it Ed25519; clients still say EdDSA
@pytest.mark.spec("RFC 7523", "2.2")
@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (RSA, "PS256"), (P256, "ES256"), (ED25519, "EdDSA")])
def test_authlib_gets_tokens(key: PrivateKey, alg: str) -> None:
    """It signs anew for each request, for an hour, and gets a token for each."""
    with serving() as issuer:
        issuer.simulator.clients.clients["demo"] = signer(jwks=jwks(jwk(key, kid="k1")))
        with client_of(issuer, key, alg) as client:
            tokens = [client.fetch_token(grant_type="client_credentials") for _ in range(2)]
        assert [token["scope"] for token in tokens] == ["products:read"] * 2
        assert len(issuer.simulator.state.used) == 2


def test_authlib_is_told_of_a_refusal() -> None:
    """With another key than the registered one it is told invalid_client, and nothing is remembered."""
    with serving() as issuer:
        issuer.simulator.clients.clients["demo"] = signer()
        with client_of(issuer, OTHER_RSA, "RS256") as client, pytest.raises(Exception, match="invalid_client"):
            client.fetch_token(grant_type="client_credentials")
        assert issuer.simulator.state.used == {}


def test_authlib_uses_a_jti_once() -> None:
    """An assertion with a jti that was used before is refused, over HTTP as well."""
    with serving() as issuer:
        issuer.simulator.clients.clients["demo"] = signer()
        with client_of(issuer, RSA, "RS256", jti="always-the-same") as client:
            client.fetch_token(grant_type="client_credentials")
            with pytest.raises(Exception, match="invalid_client"):
                client.fetch_token(grant_type="client_credentials")
