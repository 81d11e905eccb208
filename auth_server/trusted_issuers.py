"""Other issuers whose tokens a client may authenticate with: workload identity (RFC 7523 3).

A client's record lists them, each as

    {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:octo-org/shop:ref:refs/heads/main",
     "audience": "https://auth.example.com", "claims": {"repository_owner_id": "65"}}
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from auth_server import public_jwks
from auth_server.jwks_fetch import is_fetchable
from auth_server.jwt_assertion import Assertion

MAX_TRUSTED_ISSUERS: Final = 10
MAX_TEXT_LENGTH: Final = 1_000
MAX_BYTES: Final = 32_768  # as JSON, all of a client's together
_BOUNDARIES: Final = (":", "/")


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer, and the one workload of it that is the client.

    `subject` is the whole of `sub`, or a prefix that ends in `:*` or `/*`. `audience` is one that `aud` must name.
    Keys are those of `jwks`, else those at `jwks_uri`, else those that the issuer's own metadata leads to.
    `claims` maps a claim's name to its value; a list is of alternatives, an object of members that must be there.
    `single_use`: each token is good for one request alone.
    """

    issuer: str
    subject: str
    audience: str
    jwks_uri: str | None = None
    jwks: Mapping[str, Any] | None = None
    claims: Mapping[str, Any] = field(default_factory=dict)
    single_use: bool = False


def from_document(document: Mapping[str, Any]) -> TrustedIssuer:
    """Read a record; raises ValueError with the rule that it breaks."""
    known = {member.name for member in fields(TrustedIssuer)}
    if not document.keys() <= known:
        raise ValueError("the members of a trusted issuer are " + ", ".join(sorted(known)))
    for name, kind, rule in _MEMBERS:
        if name in document and not isinstance(document[name], kind):
            raise ValueError(rule)
    missing = {"issuer", "subject", "audience"} - document.keys()
    if missing:
        raise ValueError("a trusted issuer has an issuer, a subject and an audience")
    trusted = TrustedIssuer(**document)
    check((trusted,))
    return trusted


def to_document(trusted: TrustedIssuer) -> dict[str, Any]:
    """Write a record, without what says nothing."""
    members = {member.name: getattr(trusted, member.name) for member in fields(TrustedIssuer)}
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in members.items() if value}


def check(trusted_issuers: Sequence[TrustedIssuer]) -> None:
    """Check that records may be registered together; raises ValueError with the rule that they break."""
    for trusted in trusted_issuers:
        for holds, rule in _rules(trusted):
            if not holds:
                raise ValueError(rule)
    sources = {(each.issuer, each.jwks_uri, json.dumps(each.jwks, sort_keys=True)) for each in trusted_issuers}
    if len(sources) != len({each.issuer for each in trusted_issuers}):
        raise ValueError("the records of one issuer name the same keys")
    size = len(json.dumps([to_document(each) for each in trusted_issuers]))
    if len(trusted_issuers) > MAX_TRUSTED_ISSUERS or size > MAX_BYTES:
        raise ValueError(f"a client trusts at most {MAX_TRUSTED_ISSUERS} issuers, in {MAX_BYTES} bytes of JSON")


def why_not(trusted: TrustedIssuer, assertion: Assertion) -> str | None:
    """Tell why a verified assertion of this issuer is not the client's; None where it is."""
    if trusted.audience not in assertion.aud:
        return "the assertion is for another audience"
    if not _is_subject(trusted.subject, assertion.sub):
        return "the assertion is about another subject"
    if not _matches(dict(trusted.claims), assertion.claims):
        return "the assertion lacks a claim that the client's record demands"
    return None


def _is_subject(expected: str, sub: str) -> bool:
    return sub.startswith(expected[:-1]) if expected.endswith("*") else sub == expected


def _matches(expected: Any, value: Any) -> bool:
    """Whether a claim has a value as it was registered. Of equal type, too: in Python 1, 1.0 and True are equal."""
    if isinstance(expected, list):
        return any(_matches(each, value) for each in expected)
    if isinstance(expected, dict):
        return isinstance(value, dict) and all(
            name in value and _matches(expected[name], value[name]) for name in expected
        )
    return type(expected) is type(value) and bool(expected == value)


def _rules(trusted: TrustedIssuer) -> tuple[tuple[bool, str], ...]:
    texts = (trusted.issuer, trusted.subject, trusted.audience)
    prefix = trusted.subject.removesuffix("*")
    return (
        (
            all(0 < len(text) <= MAX_TEXT_LENGTH and text.isprintable() for text in texts),
            f"issuer, subject and audience are 1 to {MAX_TEXT_LENGTH} printable characters",
        ),
        (
            is_fetchable(trusted.issuer, loopback=True) and "?" not in trusted.issuer,
            "a trusted issuer is an https URL without query or fragment",
        ),
        (
            "*" not in prefix and (prefix == trusted.subject or (len(prefix) > 1 and prefix.endswith(_BOUNDARIES))),
            "a subject is exact, or ends in :* or /* after the part that must be the same",
        ),
        (trusted.jwks is None or trusted.jwks_uri is None, "a trusted issuer has a jwks or a jwks_uri, not both"),
        (
            trusted.jwks_uri is None or is_fetchable(trusted.jwks_uri, loopback=True),
            "a trusted issuer's jwks_uri is an https URL without a fragment",
        ),
        (
            trusted.jwks is None or is_public_key_set(trusted.jwks),
            "a trusted issuer's jwks holds public keys alone, one of them usable",
        ),
        (
            all(_is_condition(value) for value in trusted.claims.values()),
            "a claim's value is a string, a number, true, false, an object of such, or a list of alternatives",
        ),
    )


def is_public_key_set(jwks: Mapping[str, Any]) -> bool:
    """Whether a JWK Set may be registered: without private members, with at least one key that can verify."""
    try:
        return not public_jwks.holds_private_members(jwks) and bool(public_jwks.signing_keys(jwks))
    except ValueError:
        return False


def _is_condition(value: Any) -> bool:
    """Whether it demands something: neither null nor an empty list or object does."""
    if isinstance(value, dict):
        return bool(value) and all(map(_is_condition, value.values()))
    if isinstance(value, list):
        return bool(value) and all(map(_is_condition, value))
    return isinstance(value, str | int | float)


# Member, the types it may have, and what to say of another.
_MEMBERS: tuple[tuple[str, type | tuple[type, ...], str], ...] = (
    ("issuer", str, "a trusted issuer's issuer is a string"),
    ("subject", str, "a trusted issuer's subject is a string"),
    ("audience", str, "a trusted issuer's audience is a string"),
    ("jwks_uri", (str, type(None)), "a trusted issuer's jwks_uri is a string"),
    ("jwks", (dict, type(None)), "a trusted issuer's jwks is an object"),
    ("claims", dict, "a trusted issuer's claims are an object"),
    ("single_use", bool, "a trusted issuer's single_use is true or false"),
)
