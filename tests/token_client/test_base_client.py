"""What a client can be made with, and what it cannot."""

from collections.abc import Callable
from typing import Any

import pytest

import token_client
from tests.token_client.authorization_server import metadata, said, serving
from tests.token_client.clients import KINDS, Sheaf
from token_client import (
    AsyncTokenClient,
    ClientSecret,
    ConfigurationError,
    DPoPKey,
    DynamoDBTokenStore,
    FederatedJWT,
    TokenClient,
)

_GOOD: dict[str, Any] = {"issuer": "https://as.example", "client_id": "client-1", "client_secret": "s3cret"}
Maker = Callable[..., Any]


@pytest.fixture(params=[TokenClient, AsyncTokenClient])
def kind(request: pytest.FixtureRequest) -> Maker:
    """Give either class."""
    maker: Maker = request.param
    return maker


def test_the_least_that_is_needed(kind: Maker) -> None:
    """An issuer, an id and a secret; nothing is asked of anybody before a token is."""
    client = kind("https://as.example", client_id="client-1", client_secret="s3cret")
    assert (client.dpop_key, client.allow_http) == (None, False)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"issuer": None}, "an issuer or a token_endpoint"),
        ({"issuer": "as.example"}, "issuer must be"),
        ({"issuer": "http://as.example"}, "issuer must be an https URL"),
        ({"issuer": "https://as.example?a"}, "issuer must be a URL without query"),
        ({"issuer": "https://as.example#a"}, "issuer must be a URL without user"),
        ({"issuer": "https://a:b@as.example"}, "issuer must be a URL without user"),
        ({"issuer": "https://as.example:0"}, "issuer must be"),
        ({"issuer": "https://as.example:port"}, "issuer must be"),
        ({"issuer": "https://as example"}, "issuer must be"),
        ({"token_endpoint": "http://as.example/token"}, "token_endpoint must be an https URL"),
        ({"client_id": None}, "client_id and client_secret"),
        ({"client_secret": None}, "client_id and client_secret"),
        ({"client_secret": ""}, "empty"),
        ({"credentials": Sheaf()}, "credentials stand for"),
        ({"auth_method": "private_key_jwt"}, "auth_method"),
        ({"scope": 'a"'}, "scope"),
        ({"resource": "api"}, "resource"),
        ({"parameters": {"grant_type": "password"}}, "grant_type"),
        ({"dpop": "not PEM"}, "DPoP key"),
        ({"retries": -1}, "retries must be a whole number from 0 to 10"),
        ({"retries": 11}, "retries"),
        ({"retries": "3"}, "retries must be a whole number from 0 to 10"),
        ({"retries": 1.5}, "retries"),
        ({"timeout_s": "10"}, "timeout_s must be"),
        ({"parameters": {"audience": None}}, "parameters must have texts"),
        ({"retry_interval_ms": -1}, "retry_interval_ms must be"),
        ({"timeout_s": 0}, "timeout_s must be"),
        ({"timeout_s": float("nan")}, "timeout_s must be"),
        ({"lease_s": 0}, "lease_s must be"),
    ],
)
def test_what_cannot_work_is_refused_where_it_is_made(kind: Maker, changes: dict[str, Any], named: str) -> None:
    """One thing is changed; the error names it, and no secret."""
    with pytest.raises(ConfigurationError, match=named) as caught:
        kind(**_GOOD | changes)
    assert "s3cret" not in str(caught.value)


def test_a_store_that_needs_a_secret_is_refused_to_credentials_without_one(kind: Maker) -> None:
    """Where it is made, and not at the first token; with a key of KMS the store needs none."""
    credentials = FederatedJWT("deployer", lambda: "a.b.c")
    with pytest.raises(ConfigurationError, match="needs a KMS key"):
        kind("https://as.example", credentials=credentials, store=DynamoDBTokenStore("token-cache"))
    kind("https://as.example", credentials=credentials, store=DynamoDBTokenStore("token-cache", kms_key_id="alias/a"))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost", "http://[::1]:8080", "https://as.example/a/"]
)
def test_plain_http_is_for_this_machine(kind: Maker, url: str) -> None:
    """Nothing of it leaves the machine."""
    kind(**_GOOD | {"issuer": url})


def test_plain_http_to_others_has_to_be_allowed(kind: Maker) -> None:
    """In so many words."""
    assert kind(**_GOOD | {"issuer": "http://as.internal"}, allow_http=True).allow_http


def test_a_dpop_key_is_made_read_or_given(kind: Maker) -> None:
    """A key of this process, PEM text, and a key."""
    first, second = (kind(**_GOOD, dpop=True).dpop_key for _ in range(2))
    assert first.jkt != second.jkt
    key = DPoPKey.generate()
    pem = key.key.as_pem(private=True).decode()
    assert kind(**_GOOD, dpop=pem).dpop_key.jkt == kind(**_GOOD, dpop=key).dpop_key.jkt == key.jkt


@pytest.mark.parametrize("made", KINDS.values(), ids=list(KINDS))
@pytest.mark.parametrize(
    ("methods", "auth_method", "is_basic"),
    [
        (None, None, True),
        (["client_secret_post"], None, False),
        (["client_secret_post", "client_secret_basic"], None, True),
        (["client_secret_basic"], "client_secret_post", False),
        (7, None, True),
        ([7, "client_secret_post"], None, False),
    ],
)
def test_a_secret_is_sent_as_the_server_takes_it(
    made: Maker, methods: object, auth_method: str | None, is_basic: bool
) -> None:
    """Its metadata say how, unless the caller does."""
    with serving() as server:
        server.metadata = metadata(**({} if methods is None else {"token_endpoint_auth_methods_supported": methods}))
        options = {"credentials": None, "client_id": "client-1", "client_secret": "s3cret", "auth_method": auth_method}
        with made(server.url, **options) as client:
            client.token()
        asked = server.token_requests[0]
        assert ("Authorization" in asked.headers, "client_secret" in asked.form) == (is_basic, not is_basic)


@pytest.mark.parametrize("made", KINDS.values(), ids=list(KINDS))
def test_a_token_endpoint_needs_no_metadata(made: Maker) -> None:
    """Nor does one with the issuer beside it, which assertions are for."""
    with serving() as server:
        server.metadata = said({}, 500)
        for issuer in (None, server.url):
            with made(issuer, token_endpoint=server.token_endpoint) as client:
                assert client.token() == "token-1"
        assert {asked.method for asked in server.asked} == {"POST"}


def test_everything_is_named_at_the_top() -> None:
    """All that `__all__` has can be imported, kinds of credentials and the store on demand; nothing else can."""
    assert {name for name in token_client.__all__ if getattr(token_client, name, None) is None} == set()
    assert token_client.ClientSecret is ClientSecret
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = token_client.Nothing  # type: ignore[attr-defined] # the point
