"""What may be registered about a client, and the life of its secrets."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.access_token import RESERVED_CLAIMS, Grant, mint
from auth_server.client_registration import (
    MAX_TOKEN_CONTENT_BYTES,
    InvalidClientMetadataError,
    check,
    new_secret,
    rotate_secret,
)
from auth_server.clients import Client, ClientSecret, digest_secret
from auth_server.jws import MAX_SIGNING_INPUT_BYTES
from auth_server.settings import MAX_ISSUER_LENGTH
from tests.simulator import NOW, LocalKeySource, client

BAD: list[dict[str, Any]] = [
    {"client_id": ""},
    {"client_id": "x" * 256},
    {"client_id": "tab\t"},
    {"client_id": "ä"},
    {"scopes": ("a b",)},
    {"scopes": ('a"',)},
    {"scopes": ("",)},
    {"scopes": ("a", "a")},
    {"default_scopes": ("other",)},
    {"audiences": ("",)},
    {"audiences": ("a b",)},
    {"audiences": ("ä",)},
    {"resource_identifiers": ("",)},
    {"resource_identifiers": ("a b",)},
    {"resource_identifiers": ("x" * 1001,)},
    {"resource_identifiers": tuple(map(str, range(21)))},
    {"auth_methods": ()},
    *({"tokens_per_hour": number} for number in (-1, 0, 1_000_000_001)),
    {"tokens_per_hour": 5, "auth_methods": ("none",), "secrets": ()},
    *({"allow_from": (text,)} for text in ("", "x", "192.0.2.1/24", "192.0.2.1", "2001:DB8::/32", "192.0.2.0/33")),
    {"allow_from": tuple(f"192.0.2.{number}/32" for number in range(51))},
    {"allow_from": ("192.0.2.0/24",), "auth_methods": ("none",), "secrets": ()},
    {"auth_methods": ("password",)},
    {"auth_methods": ("none",)},  # and yet a secret
    {"auth_methods": ("none", "client_secret_basic"), "secrets": ()},
    {"auth_methods": ("none",), "secrets": (), "dpop_bound_access_tokens": True},
    {"auth_methods": ("none",), "secrets": (), "tls_client_certificate_bound_access_tokens": True},
    {"grant_types": ()},
    {"grant_types": ("password",)},
    {"token_lifetime": 59},
    {"token_lifetime": 86_401},
    {"claims": {"big": "x" * MAX_TOKEN_CONTENT_BYTES}},
    *({"usage_identifier_key": key} for key in ("", "k" * 19, "k" * 129, "k" * 19 + " ", "k" * 20 + "\n", "é" * 20)),
    {"name": "x" * 201},
    {"name": "two\nlines"},
    {"secrets": (ClientSecret(b"1", NOW), ClientSecret(b"2", NOW), ClientSecret(b"3", NOW))},
    *({"claims": {name: "x"}} for name in sorted(RESERVED_CLAIMS)),
]


@pytest.mark.parametrize("changes", BAD, ids=str)
def test_a_record_that_breaks_a_rule_is_refused(changes: dict[str, Any]) -> None:
    """Each rule refuses a record that is otherwise good."""
    check(client())
    with pytest.raises(InvalidClientMetadataError):
        check(client(**changes))


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
def test_any_printable_ascii_is_a_client_id(client_id: str) -> None:
    """A client id is any printable ASCII (RFC 6749 appendix A.1)."""
    check(client(client_id=client_id))


def test_the_largest_record_that_may_be_registered_can_be_signed() -> None:
    """A token of everything that a client may have stays below what KMS signs."""
    key = "k" * 128
    largest = client(client_id='"' * 255, scopes=("s" * 500,), audiences=("https://" + "a" * 500,))
    largest = replace(largest, usage_identifier_key=key)
    filler = (MAX_TOKEN_CONTENT_BYTES - 2 * 512 - 1040 - 155) // 6
    check(replace(largest, claims={"c": "ä" * filler}))
    with pytest.raises(InvalidClientMetadataError):
        check(replace(largest, claims={"c": "ä" * (filler + 10)}))
    largest = replace(largest, claims={"c": "ä" * filler})
    grant = Grant(largest.client_id, largest.scopes, largest.audiences, 60, largest.claims, usage_identifier_key=key)
    token = mint(grant, issuer="i" * MAX_ISSUER_LENGTH, key=LocalKeySource().load(), now=NOW)
    assert len(token.value.rpartition(".")[0]) <= MAX_SIGNING_INPUT_BYTES


def test_a_generated_secret_is_256_random_bits() -> None:
    """A secret is 43 characters of base64url, and only its digest is kept."""
    secret, record = new_secret(imported=None, now=NOW)
    assert len(secret) == 43
    assert record == ClientSecret(digest_secret(secret), created_at=NOW)
    assert secret != new_secret(imported=None, now=NOW)[0]


@pytest.mark.parametrize(
    "imported",
    ["AbcdefghijKLMNOPQRST9", "", "AbcdefghijKLMNOPQRST_9\n", "AbcdefghijKLMNOPQRST_9\0", "abcabcabcabcabcabcabcabc"],
)
def test_a_weak_imported_secret_is_refused(imported: str) -> None:
    """An imported secret has at least 22 printable characters, and 10 different ones."""
    with pytest.raises(InvalidClientMetadataError):
        new_secret(imported=imported, now=NOW)


def test_an_imported_secret_is_taken_as_it_is() -> None:
    """A fleet can move here without changing its clients."""
    secret = "AbcdefghijKLMNOPQRST_9"
    assert new_secret(imported=secret, now=NOW) == (secret, ClientSecret(digest_secret(secret), NOW))


def rotated(before: Client, overlap: int) -> list[tuple[bytes, int | None]]:
    """Rotate at NOW, give digest and expiry of each secret after it."""
    after = rotate_secret(before, ClientSecret(b"new", NOW), overlap=overlap, now=NOW)
    return [(secret.digest, secret.expires_at) for secret in check(after).secrets]


def test_the_old_secret_stays_good_for_the_overlap() -> None:
    """After a rotation two secrets are live, and the old one ends by itself."""
    before = client(secrets=(ClientSecret(b"old", NOW - 9),))
    assert rotated(before, 60) == [(b"old", NOW + 60), (b"new", None)]


def test_without_overlap_the_old_secret_ends_now() -> None:
    """An overlap of nothing leaves the new secret alone."""
    before = client(secrets=(ClientSecret(b"old", NOW - 9), ClientSecret(b"older", NOW - 99, NOW + 5)))
    assert rotated(before, 0) == [(b"new", None)]


def test_a_second_rotation_within_the_overlap_ends_the_oldest() -> None:
    """There are never more than two live secrets, and an expiry is never put off."""
    before = client(secrets=(ClientSecret(b"oldest", NOW - 99, NOW + 30), ClientSecret(b"old", NOW - 9, NOW + 5)))
    assert rotated(before, 60) == [(b"old", NOW + 5), (b"new", None)]


def test_an_expired_secret_is_dropped() -> None:
    """What has expired is not kept."""
    assert rotated(client(secrets=(ClientSecret(b"old", NOW - 9, NOW),)), 60) == [(b"new", None)]
