"""What a token is bound to: in the token, and in the client's record."""

from dataclasses import replace
from typing import Any

import pytest

from auth_server.access_token import Grant, mint
from auth_server.aws.client_item import from_item, to_item
from auth_server.client_registration import MAX_TOKEN_CONTENT_BYTES, check
from auth_server.clients import TlsSubject
from auth_server.jws import MAX_SIGNING_INPUT_BYTES
from auth_server.settings import MAX_ISSUER_LENGTH
from tests.simulator import NOW, LocalKeySource, client

DIGEST = "x" * 43
BOUND: list[dict[str, Any]] = [
    {"dpop_bound_access_tokens": True},
    {"tls_client_certificate_bound_access_tokens": True},
    {"tls_subject": TlsSubject("tls_client_auth_subject_dn", "CN=Räksmörgås")},
]


@pytest.mark.spec("RFC 7800", "3.1")
def test_the_largest_record_can_have_a_token_bound_twice() -> None:
    """A token of everything that a client may have, and both bindings, stays below what KMS signs."""
    largest = client(scopes=("s" * (MAX_TOKEN_CONTENT_BYTES - 40),))
    check(largest)
    bound = {"jkt": DIGEST, "x5t#S256": DIGEST}
    grant = Grant("demo", largest.scopes, ("https://api.example.com",), 86_400, confirmation=bound)
    token = mint(grant, issuer="i" * MAX_ISSUER_LENGTH, key=LocalKeySource().load(), now=NOW)
    assert token.claims["cnf"] == bound
    assert len(token.value.rpartition(".")[0]) <= MAX_SIGNING_INPUT_BYTES


def test_a_token_that_is_bound_to_nothing_has_no_cnf() -> None:
    """An empty `cnf` would say that it is bound."""
    token = mint(Grant("demo", (), ("a",), 60), issuer="https://a.example", key=LocalKeySource().load(), now=NOW)
    assert "cnf" not in token.claims


@pytest.mark.parametrize("changes", BOUND, ids=str)
def test_a_record_comes_back_as_it_was_written(changes: dict[str, Any]) -> None:
    """What binds a client's tokens survives the table; a record without it has nothing of it."""
    plain = client()
    bound = replace(plain, **changes)
    assert from_item(to_item(bound)) == bound
    assert set(to_item(bound)) - set(to_item(plain)) == set(changes)
    assert from_item(to_item(plain)) == plain
