"""`latchkey clients`: what binds a client's tokens, and what its certificate must name."""

from typing import TYPE_CHECKING

import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.clients import Client, TlsSubject
from tests.latchkey.command import Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def store(dynamodb: "DynamoDBClient", table: str) -> DynamoDBClientStore:
    """Return the table as the token endpoint sees it."""
    return DynamoDBClientStore(dynamodb, table)


def stored(store: DynamoDBClientStore) -> Client:
    """Give `demo` out of the table."""
    client = store.get("demo")
    assert client is not None
    return client


def test_tokens_are_bound_where_it_is_said(latchkey: Command, store: DynamoDBClientStore) -> None:
    """--dpop-bound and --tls-bound are the client's, until they are taken back."""
    shown = latchkey.run("clients", "create", "demo", "--dpop-bound", "--tls-bound", "--json").json
    assert (shown["dpop_bound"], shown["tls_bound"], shown["tls_subject"]) == (True, True, None)
    assert stored(store).dpop_bound_access_tokens
    assert stored(store).tls_client_certificate_bound_access_tokens
    latchkey.run("clients", "update", "demo", "--no-dpop-bound")
    assert not stored(store).dpop_bound_access_tokens
    assert stored(store).tls_client_certificate_bound_access_tokens


@pytest.mark.spec("RFC 8705", "2.1.2")
@pytest.mark.parametrize(
    ("option", "parameter", "value"),
    [
        ("--tls-subject-dn", "tls_client_auth_subject_dn", r"CN=demo,O=Example\, Inc."),
        ("--tls-san-dns", "tls_client_auth_san_dns", "demo.example.com"),
        ("--tls-san-uri", "tls_client_auth_san_uri", "spiffe://example.com/demo"),
        ("--tls-san-ip", "tls_client_auth_san_ip", "2001:db8::1"),
        ("--tls-san-email", "tls_client_auth_san_email", "demo@example.com"),
    ],
)
def test_a_certificate_is_known_in_one_of_five_ways(
    latchkey: Command, store: DynamoDBClientStore, option: str, parameter: str, value: str
) -> None:
    """Each option is one parameter of the standard; another one takes its place."""
    create = ("clients", "create", "demo", "--auth-method", "tls_client_auth")
    shown = latchkey.run(*create, option, value, "--json").json
    assert shown["tls_subject"] == {parameter: value}
    assert stored(store).tls_subject == TlsSubject(parameter, value)
    assert value.split(",", maxsplit=1)[0] in latchkey.run("clients", "show", "demo").stdout
    latchkey.run("clients", "update", "demo", "--tls-san-dns", "other.example.com")
    assert stored(store).tls_subject == TlsSubject("tls_client_auth_san_dns", "other.example.com")


def test_what_cannot_be_is_refused(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Two ways at once, none, and one that is no name are told, and nothing is written."""
    create = ("clients", "create", "demo", "--auth-method", "tls_client_auth")
    latchkey.run(*create, "--tls-subject-dn", "CN=a", "--tls-san-dns", "a.example").refused(2, "one")
    latchkey.run(*create).refused(1, "tls_client_auth")
    latchkey.run(*create, "--tls-subject-dn", "demo").refused(1, "RFC 4514")
    assert store.get("demo") is None


def test_what_a_certificate_must_name_can_be_cleared(latchkey: Command, store: DynamoDBClientStore) -> None:
    """An empty text clears it, unless the method needs it."""
    latchkey.run("clients", "create", "demo", "--auth-method", "tls_client_auth", "--tls-subject-dn", "CN=a")
    latchkey.run("clients", "update", "demo", "--tls-subject-dn", "").refused(1, "tls_client_auth")
    latchkey.run("clients", "update", "demo", "--tls-subject-dn", "", "--auth-method", "client_secret_post")
    assert stored(store).tls_subject is None
