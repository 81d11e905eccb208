"""An issuer as the settings name it: one by a variable for each thing, several by a JSON array (`ISSUERS`).

[{"issuer": "https://auth.example.com", "audiences": ["https://api.example.com"]},
 {"issuer": "https://idp.example.net", "audiences": ["orders"],
  "jwks_uri": "https://idp.example.net/keys", "revocations_uri": "off"}]
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from authorizer import strict_json
from authorizer.errors import JwksError
from authorizer.jwks import KeySet, parse_jwks
from authorizer.urls import check_other_issuer, check_url

JWKS_PATH = "/.well-known/jwks.json"
REVOCATIONS_PATH = "/oauth/revocations"
OFF = "off"


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """An issuer, checked. `jwks_uri` is empty where the keys are bundled, `revocations_uri` where no feed is read."""

    issuer: str
    audiences: frozenset[str]
    jwks_uri: str
    jwks: KeySet | None
    revocations_uri: str

    @classmethod
    def of(
        cls, issuer: str, audiences: frozenset[str], *, jwks_uri: str, jwks: KeySet | None, revocations_uri: str
    ) -> "TrustedIssuer":
        """Put its usual address in the place of each that is empty."""
        base = issuer.removesuffix("/")
        if jwks is None and not jwks_uri:
            jwks_uri = base + JWKS_PATH
        feed = "" if revocations_uri == OFF else revocations_uri or base + REVOCATIONS_PATH
        return cls(issuer, audiences, jwks_uri, jwks, feed)


def read_jwks(text: str) -> KeySet:
    """Read a JWK Set; raises `ValueError`."""
    try:
        return parse_jwks(text.encode("utf-8"))
    except JwksError as error:
        raise ValueError(f"must be a JWK Set with an RSA key to verify with: {error}") from None


def read_revocations_uri(text: str) -> str:
    """Read the feed's address, or `off`; raises `ValueError`."""
    if text == OFF:
        return text
    try:
        return check_url(text)
    except ValueError as error:
        raise ValueError(f"{error}, or {OFF}") from None


def read_issuers(text: str) -> tuple[TrustedIssuer, ...]:
    """Read `ISSUERS`; raises `ValueError`, which tells the place and never what stands there."""
    try:
        entries = strict_json.parse(text.encode("utf-8"))
    except UnicodeError:
        raise
    except ValueError:
        raise ValueError("must be strict JSON") from None
    if not isinstance(entries, list) or not entries:
        raise ValueError("must be a JSON array of one issuer or several")
    issuers = tuple(_at(number, entry) for number, entry in enumerate(entries, 1))
    if len({each.issuer for each in issuers}) != len(issuers):
        raise ValueError("must be a JSON array that names no issuer twice")
    return issuers


def _at(number: int, entry: object) -> TrustedIssuer:
    try:
        return _read(entry)
    except ValueError as error:
        what = "not text" if isinstance(error, UnicodeError) else str(error)
        raise ValueError(f"must be a JSON array of issuers, and number {number} is not one: {what}") from None


def _read(entry: object) -> TrustedIssuer:
    if not isinstance(entry, dict):
        raise ValueError("an object is wanted")  # noqa: TRY004 - a fault of the data, not of the caller's types
    # What is not known might have been meant to forbid something, or be another member misspelt.
    if not entry.keys() <= _MEMBERS.keys():
        raise ValueError(f"it has members beside {', '.join(_MEMBERS)}")
    values = {name: _member(name, entry) for name in _MEMBERS}
    if values["jwks"] is not None and values["jwks_uri"]:
        raise ValueError("jwks and jwks_uri exclude each other")
    return TrustedIssuer.of(values.pop("issuer"), values.pop("audiences"), **values)


def _member(name: str, entry: Mapping[str, Any]) -> Any:
    default, read = _MEMBERS[name]
    if name not in entry and default is not _REQUIRED:
        return default
    try:
        return read(entry.get(name))
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None


def _text(read: Callable[[str], str]) -> Callable[[object], str]:
    def parse(value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("must be a string")  # noqa: TRY004 - as above
        return read(value)

    return parse


def _audiences(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not value or not all(map(_is_audience, value)):
        raise ValueError("must be an array of one audience or several, without spaces")
    if len(set(value)) != len(value):
        raise ValueError("must name no audience twice")
    return frozenset(value)


def _is_audience(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and value.split() == [value]


def _jwks(value: object) -> KeySet:
    return read_jwks(json.dumps(value))


_REQUIRED = object()
# Member, what stands for an absent one, and how a present one is read.
_MEMBERS: Mapping[str, tuple[object, Callable[[object], Any]]] = {
    "issuer": (_REQUIRED, _text(check_other_issuer)),
    "audiences": (_REQUIRED, _audiences),
    "jwks_uri": ("", _text(check_url)),
    "jwks": (None, _jwks),
    "revocations_uri": ("", _text(read_revocations_uri)),
}
