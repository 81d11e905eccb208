"""The feed of what is revoked: believed only where everything about it holds."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import access_token
from authorizer.errors import KeysUnavailableError, RevocationFeedError
from authorizer.jwks import Key
from authorizer.revocation_feed import MAX_FEED_BYTES, RevocationFeed, verify
from tests.authorizer import feeds
from tests.authorizer.feeds import header
from tests.authorizer.issuer import FOREIGN_KEY, ISSUER, KID, NOW, claims, encode, jwk, key_set, sign, without_none

CONTENT = {"revoked": {"token-1": NOW + 3900}, "not_before": {"client-2": NOW + 1}}
SKEW = 60


def feed(content: Any = CONTENT, *arguments: Any, **changed: Any) -> bytes:
    """Give a good feed with something else for what is named; `changed` are claims."""
    return feeds.feed(content, *arguments, **changed)


def verified(document: bytes, *, issuer: str = ISSUER, now: float = NOW) -> RevocationFeed:
    """Verify with the issuer's key and the usual skew."""
    return verify(document, keys=key_set(), issuer=issuer, clock_skew_s=SKEW, now=now)


def with_members(**members: Any) -> bytes:
    """Give a good feed with other members of the document itself; None takes one away."""
    return json.dumps(without_none(json.loads(feed()) | members)).encode()


def test_a_good_feed_says_what_is_revoked() -> None:
    """A feed that verifies gives the revoked tokens, the times of clients, and its own expiry."""
    assert verified(feed()) == RevocationFeed({"token-1": NOW + 3900}, {"client-2": NOW + 1}, NOW + 800)
    assert verified(feed(token_header=header(typ="application/Revocations+JWT"))).revoked


@pytest.mark.parametrize(
    ("changes", "revoked"),
    [
        ({}, False),
        ({"jti": "token-1"}, True),
        ({"client_id": "client-2"}, True),
        ({"client_id": "client-2", "iat": NOW + 1}, False),
        ({"sub": "client-2"}, True),
        ({"sub": "client-2", "iat": NOW + 1}, False),
        ({"actors": ("client-3", "client-2")}, True),
        ({"actors": ("client-2",), "iat": NOW + 1}, False),
        ({"actors": ("client-3", "token-1")}, False),
        ({"client_id": "token-1", "jti": "client-2"}, False),
    ],
)
def test_a_token_is_held_against_both(changes: dict[str, Any], revoked: bool) -> None:
    """A token is revoked by its own name, or where it was issued before the time of its client, subject or an actor."""
    token = replace(access_token.from_claims(claims(), KID), **changes)
    assert verified(feed()).is_revoked(token) is revoked


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "no JSON": (lambda: b"{", "JSON object"),
    "no object": (lambda: b"[]", "JSON object"),
    "a member twice": (lambda: feed()[:-1] + b',"content":""}', "JSON object"),
    "too long": (lambda: feed() + b" " * MAX_FEED_BYTES, "too long"),
    "no content": (lambda: with_members(content=None), "no content"),
    "content no text": (lambda: with_members(content=CONTENT), "no content"),
    "no signature": (lambda: with_members(signature=None), "no signature"),
    "signature no text": (lambda: with_members(signature=7), "no signature"),
    "signature not ASCII": (lambda: with_members(signature="é.é.é"), "ASCII"),
    "content not ASCII": (lambda: feed('{"revoked":{"é":1},"not_before":{}}'), "ASCII"),
    "content half a pair": (lambda: feed('{"revoked":{"\ud800":1},"not_before":{}}'), "ASCII"),
    "no JWS": (lambda: with_members(signature="a.b"), "not_a_jwt"),
    "alg none": (lambda: feed(token_header=header(alg="none")), "alg"),
    "another alg": (lambda: feed(token_header=header(alg="PS256")), "alg"),
    "HMAC": (lambda: feed(token_header=header(alg="HS256")), "alg"),
    "an access token's type": (lambda: feed(token_header=header(typ="at+jwt")), "typ"),
    "no type": (lambda: feed(token_header=header(typ=None)), "typ"),
    "a type that is no text": (lambda: feed(token_header=header(typ=["revocations+jwt"])), "typ"),
    "crit": (lambda: feed(token_header=header(crit=["exp"])), "crit"),
    "b64": (lambda: feed(token_header=header(b64=False)), "crit"),
    "no kid": (lambda: feed(token_header=header(kid=None)), "kid"),
    "an unknown kid": (lambda: feed(token_header=header(kid="key-2")), "does not have"),
    "another key": (lambda: feed(key=FOREIGN_KEY), "signature_invalid"),
    "its own key": (lambda: feed(token_header=header(jwk=jwk(FOREIGN_KEY)), key=FOREIGN_KEY), "signature_invalid"),
    "another issuer": (lambda: feed(iss="https://other.example.com"), "issuer"),
    "no issuer": (lambda: feed(iss=None), "issuer"),
    "expired": (lambda: feed(exp=NOW - SKEW), "time"),
    "no expiry": (lambda: feed(exp=None), "time"),
    "expiry no number": (lambda: feed(exp=str(NOW + 800)), "time"),
    "expiry true": (lambda: feed(exp=True), "time"),
    "expiry beyond any calendar": (lambda: feed(exp=10**400), "time"),
    "from the future": (lambda: feed(iat=NOW + SKEW + 1), "time"),
    "no time of issue": (lambda: feed(iat=None), "time"),
    "no digest": (lambda: feed(sha256=None), "signed"),
    "another digest": (lambda: feed(sha256=encode(bytes(32))), "signed"),
    "other content": (lambda: with_members(content='{"revoked":{},"not_before":{}}'), "signed"),
    "content no JSON": (lambda: feed("{"), "content"),
    "content no object": (lambda: feed("[]"), "content"),
    "a name twice": (lambda: feed('{"revoked":{"a":1,"a":2},"not_before":{}}'), "content"),
    "no revoked": (lambda: feed({"not_before": {}}), "members"),
    "no not_before": (lambda: feed({"revoked": {}}), "members"),
    "a member of tomorrow": (lambda: feed({**CONTENT, "subjects": {}}), "members"),
    "revoked a list": (lambda: feed({**CONTENT, "revoked": ["token-1"]}), "names"),
    "a time that is text": (lambda: feed({**CONTENT, "revoked": {"a": "1"}}), "time"),
    "a time below zero": (lambda: feed({**CONTENT, "not_before": {"a": -1}}), "time"),
}


@pytest.mark.spec("RFC 8725", "3")
@pytest.mark.parametrize(("document", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_feed_with_one_thing_wrong_is_not_believed(document: Callable[[], bytes], words: str) -> None:
    """One thing that does not hold, and nothing of the feed is used; the reason says which."""
    with pytest.raises(RevocationFeedError, match=words):
        verified(document())


@pytest.mark.spec("RFC 7519", "4.1.4")
def test_a_feed_is_good_up_to_its_expiry_and_the_skew() -> None:
    """On or after its expiry the feed is refused, give or take what clocks may be apart."""
    assert verified(feed(), now=NOW + 800 + SKEW - 1).revoked
    assert verified(feed(), now=NOW - 100 - SKEW).revoked
    with pytest.raises(RevocationFeedError):
        verified(feed(), now=NOW + 800 + SKEW)


@pytest.mark.spec("RFC 8725", "3.11")
def test_an_access_token_is_no_feed() -> None:
    """A token of the same issuer, signed by the same key, does not pass for the signature of a feed."""
    with pytest.raises(RevocationFeedError, match="typ"):
        verified(with_members(signature=sign()))


def test_keys_that_cannot_be_had_are_no_verdict_about_the_feed() -> None:
    """Where the issuer's keys cannot be had, that is said, and not that the feed is bad."""

    class NoKeys:
        def find(self, kid: str) -> Key | None:
            raise KeysUnavailableError(kid)

    with pytest.raises(KeysUnavailableError):
        verify(feed(), keys=NoKeys(), issuer=ISSUER, clock_skew_s=0, now=NOW)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_bytes_of_any_kind_are_refused(document: bytes) -> None:
    """Whatever was fetched, it is refused and nothing else."""
    with pytest.raises(RevocationFeedError):
        verified(document)


@given(json_values)
def test_signed_content_of_any_shape_is_read_or_refused(content: Any) -> None:
    """Content of any shape under a good signature is refused, unless it is names and times."""
    with pytest.raises(RevocationFeedError):
        verified(feed(json.dumps(content)))


@given(st.data())
def test_no_byte_of_a_good_feed_can_be_changed(data: st.DataObject) -> None:
    """A feed with any one byte changed is refused, or says exactly the same."""
    good = feed()
    at = data.draw(st.integers(0, len(good) - 1))
    changed = good[:at] + data.draw(st.binary(min_size=1, max_size=1)) + good[at + 1 :]
    with suppress(RevocationFeedError):
        assert verified(changed) == verified(good)


@given(st.dictionaries(st.text(), st.integers(0, NOW)), st.dictionaries(st.text(), st.integers(0, NOW)))
def test_whatever_is_revoked_is_found(revoked: dict[str, int], not_before: dict[str, int]) -> None:
    """Names and times come out as they went in."""
    found = verified(feed({"revoked": revoked, "not_before": not_before}))
    assert (found.revoked, found.not_before) == (revoked, not_before)
