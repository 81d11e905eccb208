"""Whom a token is for: RFC 8707, and the customary `audience`."""

import pytest

from tests.simulator import AUDIENCE, MemoryClientStore, Simulator, client, document

OWN = "https://own.example"


@pytest.fixture
def server() -> Simulator:
    """Give a server whose client has two audiences of its own, one of them no URI."""
    return Simulator(clients=MemoryClientStore(client(audiences=(OWN, "api"))))


@pytest.mark.spec("RFC 8707", "2")
@pytest.mark.parametrize("parameter", ["resource", "audience"])
def test_a_client_with_audiences_of_its_own_does_not_get_the_servers(server: Simulator, parameter: str) -> None:
    """The server's default is for clients without audiences: any other is refused it, and does not get it unasked."""
    assert server.claims(server.token())["aud"] == OWN
    assert server.claims(server.token(**{parameter: OWN}))["aud"] == OWN
    response = server.token(**{parameter: AUDIENCE})
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_target")


@pytest.mark.spec("RFC 8707", "2")
def test_a_resource_is_an_absolute_uri_even_where_the_name_is_registered(server: Simulator) -> None:
    """A resource must be an absolute URI; an audience of the client that is none is asked for as `audience`."""
    assert server.claims(server.token(audience="api"))["aud"] == "api"
    response = server.token(resource="api")
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_target")
