"""What a token request is made of."""

from urllib.parse import parse_qsl

import pytest

from token_client import token_request
from token_client.credentials.protocol import Authenticated
from token_client.errors import ConfigurationError
from token_client.transport import HttpRequest

_ENDPOINT = "https://as.example/token"


def form(request: HttpRequest) -> list[tuple[str, str]]:
    """Read its parameters as a server does."""
    assert request.body is not None
    return parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)


@pytest.mark.spec("RFC 6749", "4.4.2")
@pytest.mark.spec("RFC 8707", "2")
def test_the_request_has_grant_scope_resources_parameters_and_authentication() -> None:
    """`resource` is repeated; every name and value arrives as it is, whatever is in it."""
    parameters = {"audience": "é&=+ %", "body": ""}
    asked = token_request.checked("a b", ["https://x.example/", "urn:y"], parameters)
    request = asked.to(_ENDPOINT, Authenticated({"Authorization": "Basic x"}, {"client_id": "c&d"}), None)
    assert sorted(form(request)) == [
        ("audience", "é&=+ %"),
        ("body", ""),
        ("client_id", "c&d"),
        ("grant_type", "client_credentials"),
        ("resource", "https://x.example/"),
        ("resource", "urn:y"),
        ("scope", "a b"),
    ]
    assert (request.method, request.url, request.headers["Authorization"]) == ("POST", _ENDPOINT, "Basic x")
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "DPoP" not in request.headers


def test_nothing_is_asked_for_that_was_not_given() -> None:
    """Without a scope there is no `scope`, which would be malformed, and a server's default counts."""
    request = token_request.checked(None, None, None).to(_ENDPOINT, Authenticated(), "proof")
    assert form(request) == [("grant_type", "client_credentials")]
    assert request.headers["DPoP"] == "proof"


@pytest.mark.parametrize("scope", ["a b", ["a", "b"], ("a", "b"), iter(["a", "b"])])
def test_scope_is_text_or_an_iterable(scope: str) -> None:
    """Either way it is the same."""
    assert token_request.checked(scope, None, None).scope == ("a", "b")


@pytest.mark.parametrize("scope", ["a  b", " a", 'a"b', "a\\b", "a\tb", "é", ["a b"], [""]])
def test_a_scope_that_no_grammar_knows_is_refused(scope: str) -> None:
    """Where it is made, and not by the server."""
    with pytest.raises(ConfigurationError, match="scope"):
        token_request.checked(scope, None, None)


@pytest.mark.parametrize("resource", ["/relative", "api", "https://x.example/#part", "https://x.example/ a", [""]])
def test_a_resource_that_is_no_absolute_uri_is_refused(resource: str) -> None:
    """As the server would have to (invalid_target)."""
    with pytest.raises(ConfigurationError, match="resource"):
        token_request.checked(None, resource, None)


@pytest.mark.parametrize("name", ["grant_type", "scope", "resource", "client_id", "client_secret", "client_assertion"])
def test_parameters_that_are_the_clients_own_are_refused(name: str) -> None:
    """A parameter sent twice is refused by every server (RFC 6749 3.2)."""
    with pytest.raises(ConfigurationError, match=name):
        token_request.checked(None, None, {name: "x"})
