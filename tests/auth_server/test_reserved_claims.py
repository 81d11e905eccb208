"""What only the server says in a token. The names stand here in full: one that is forgotten in the source is missed."""

import pytest

from auth_server.client_registration import InvalidClientMetadataError, check
from tests.simulator import MemoryClientStore, Simulator, client, document

NAMES = (
    *("iss", "sub", "aud", "exp", "nbf", "iat", "jti"),  # RFC 7519 4.1
    *("client_id", "scope", "auth_time", "acr", "amr"),  # RFC 9068 2.2
    *("act", "may_act"),  # RFC 8693 4.1, 4.4
    "cnf",  # RFC 7800 3.1
    *("permissions", "token_type"),  # the authorizer's context, and RFC 6749 5.1
    "usage_identifier_key",  # docs/usage-plans.md
    "identity_provider",  # docs/token-vending.md
)


@pytest.mark.spec("RFC 9068", "2.2")
@pytest.mark.parametrize("name", NAMES)
def test_a_claim_of_the_servers_cannot_be_registered(name: str) -> None:
    """A client's own claims take no name that has a meaning here, alone or among good ones."""
    check(client(claims={"tenant": "acme"}))
    with pytest.raises(InvalidClientMetadataError):
        check(client(claims={"tenant": "acme", name: "x"}))


@pytest.mark.parametrize("scopes", [("a",), ()])
def test_a_record_that_says_them_all_the_same_is_not_believed(scopes: tuple[str, ...]) -> None:
    """A record that was written past the registration rules puts none of them into a token."""
    forged = dict.fromkeys(NAMES, "forged")
    server = Simulator(clients=MemoryClientStore(client(scopes=scopes, claims={**forged, "tenant": "acme"})))
    claims = server.claims(server.token())
    assert "forged" not in claims.values()
    assert claims["tenant"] == "acme"


def test_a_client_without_scopes_cannot_name_its_own() -> None:
    """Where the server leaves a claim out, the client's record does not put it in."""
    claims = {"scope": "admin", "permissions": "admin", "nbf": 0}
    server = Simulator(clients=MemoryClientStore(client(scopes=(), claims=claims)))
    response = server.token()
    assert "scope" not in document(response)
    assert server.claims(response).keys() & claims.keys() == set()
