"""`latchkey clients` for clients without a secret: keys, and issuers that they trust."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.clients import Client
from tests.auth_server.assertions import P256, RSA, jwk, jwks
from tests.latchkey.command import Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEYS = jwks(jwk(RSA, kid="k1"))
TRUST = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "repo:octo-org@65/octo-repo@74:*",
    "audience": "https://auth.example.com",
    "claims": {"event_name": ["push"]},
}
SIGNER = ("clients", "create", "signer", "--auth-method", "private_key_jwt", "--json")
DEPLOYER = ("clients", "create", "deployer", "--auth-method", "federated_jwt", "--json")


@pytest.fixture
def store(dynamodb: "DynamoDBClient", table: str) -> DynamoDBClientStore:
    """Return the table as the token endpoint sees it."""
    return DynamoDBClientStore(dynamodb, table)


def stored(store: DynamoDBClientStore, client_id: str) -> Client:
    """Give a client out of the table."""
    client = store.get(client_id)
    assert client is not None
    return client


def file(folder: Path, document: Any) -> str:
    """Write a file, give its path."""
    path = folder / "document.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return str(path)


def test_a_client_with_a_key_has_no_secret(latchkey: Command, store: DynamoDBClientStore, tmp_path: Path) -> None:
    """Where no method of the client has a secret, none is made, and none is printed."""
    created = latchkey.run(*SIGNER, "--jwks", file(tmp_path, KEYS))
    assert "client_secret" not in created.json
    assert created.json["jwks"] == KEYS
    assert (stored(store, "signer").jwks, stored(store, "signer").secrets) == (KEYS, ())
    assert "secret" not in created.stderr


def test_a_client_may_publish_its_keys(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Instead of the keys, a URL; and both methods where both are named."""
    uri = "https://client.example/jwks.json"
    created = latchkey.run(*SIGNER, "--auth-method", "client_secret_basic", "--jwks-uri", uri)
    assert created.json["client_secret"]
    assert (stored(store, "signer").jwks_uri, len(stored(store, "signer").secrets)) == (uri, 1)


def test_a_client_may_trust_an_issuer(latchkey: Command, store: DynamoDBClientStore, tmp_path: Path) -> None:
    """Each --trust is one file, and is shown as it was given."""
    created = latchkey.run(*DEPLOYER, "--trust", file(tmp_path, TRUST))
    assert created.json["trusted_issuers"] == [TRUST]
    assert stored(store, "deployer").trusted_issuers[0].subject == TRUST["subject"]
    shown = latchkey.run("clients", "show", "deployer").stdout
    assert "token.actions.githubusercontent.com" in shown


def test_keys_are_exchanged_and_cleared(latchkey: Command, store: DynamoDBClientStore, tmp_path: Path) -> None:
    """An update replaces the keys whole; "" clears them, where nothing needs them."""
    latchkey.run(*SIGNER, "--jwks", file(tmp_path, KEYS))
    new = jwks(jwk(P256, kid="k2"))
    assert latchkey.run("clients", "update", "signer", "--jwks", file(tmp_path, new), "--json").json["jwks"] == new
    assert "EC k2" in latchkey.run("clients", "show", "signer").stdout
    latchkey.run("clients", "update", "signer", "--jwks", "").refused(1, "needs a jwks")
    uri = ("--jwks", "", "--jwks-uri", "https://client.example/jwks.json")
    latchkey.run("clients", "update", "signer", *uri, "--json")
    assert (stored(store, "signer").jwks, stored(store, "signer").jwks_uri) == (None, uri[-1])


REFUSED: dict[str, tuple[tuple[str, ...], Any, str]] = {
    "a private key": ((*SIGNER, "--jwks"), jwks({**jwk(RSA), "d": "AQAB"}), "public keys"),
    "a shared secret": ((*SIGNER, "--jwks"), jwks({"kty": "oct", "k": "c2VjcmV0"}), "public keys"),
    "no keys": ((*SIGNER, "--jwks"), {"keys": []}, "public keys"),
    "a subject for everybody": ((*DEPLOYER, "--trust"), {**TRUST, "subject": "*"}, "a subject is exact"),
    "a member too many": ((*DEPLOYER, "--trust"), {**TRUST, "sub": "x"}, "the members of a trusted issuer"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_the_rules_of_registration_hold(
    latchkey: Command, store: DynamoDBClientStore, tmp_path: Path, case: tuple[tuple[str, ...], Any, str]
) -> None:
    """What may not be registered is refused with the rule that it breaks, and nothing is written."""
    command, document, words = case
    latchkey.run(*command, file(tmp_path, document)).refused(1, words)
    assert list(store.list()) == []


def test_a_method_needs_what_it_works_with(latchkey: Command) -> None:
    """A client that signs has keys, and one that is vouched for trusts somebody."""
    latchkey.run(*SIGNER).refused(1, "private_key_jwt needs")
    latchkey.run(*DEPLOYER).refused(1, "federated_jwt needs")
    latchkey.run(*SIGNER, "--jwks-uri", "http://client.example/").refused(1, "https")


@pytest.mark.parametrize("option", ["--jwks", "--trust"])
@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": 1, "a": 2}', " " * 65_537, "-----BEGIN PRIVATE KEY-----"])
def test_a_file_that_is_none_is_wrong_usage(latchkey: Command, tmp_path: Path, option: str, content: str) -> None:
    """Wrong usage names the option, and quotes nothing of the file: it may be the private key."""
    refused = latchkey.run(*SIGNER, option, file(tmp_path, content))
    refused.refused(2, option, "document.json")
    assert "BEGIN" not in refused.stderr
    latchkey.run(*SIGNER, option, str(tmp_path / "nothing")).refused(2, option, "there is no file")


def test_a_secret_from_stdin_needs_a_method_for_it(latchkey: Command, tmp_path: Path) -> None:
    """A secret that no method of the client would take is not thrown away silently."""
    command = (*SIGNER, "--jwks", file(tmp_path, KEYS), "--secret-stdin")
    latchkey.run(*command, stdin="x" * 30).refused(2, "--secret-stdin")


def test_a_client_without_a_secret_method_gets_no_secret(latchkey: Command, tmp_path: Path) -> None:
    """Rotating gives a secret only to a client that could use one."""
    latchkey.run(*SIGNER, "--jwks", file(tmp_path, KEYS))
    latchkey.run("clients", "rotate-secret", "signer", "--json").refused(1, "no way that has a secret")
