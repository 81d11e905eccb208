"""The authorization endpoint of a server that authorizes machines alone."""

import pytest

from tests.simulator import Simulator, document, event


@pytest.mark.spec("RFC 6749", "3.1")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_request_is_an_unsupported_response_type(method: str) -> None:
    """The endpoint that the metadata names says truthfully that it has no response types, and redirects nowhere."""
    query = {"response_type": "code", "client_id": "demo", "redirect_uri": "https://evil.example"}
    response = Simulator().send({**event(method, "/oauth/authorize"), "queryStringParameters": query})
    assert (response["statusCode"], document(response)["error"]) == (400, "unsupported_response_type")
    assert "Location" not in response["headers"]
    assert "evil" not in response["body"]
