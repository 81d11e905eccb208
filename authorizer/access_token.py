"""JWT access tokens: which claims there must be, and what they must say (RFC 9068 2 and 4, RFC 8725 3)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from authorizer import scope
from authorizer.errors import InvalidTokenError, Reason
from authorizer.usage_identifier_key import is_usage_identifier_key

# RFC 9068 4; RFC 7515 4.1.9 lets "application/" be left out, and media types have no case.
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_MAX_NUMERIC_DATE = 253_402_300_799  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a verified token says. Made only of claims under a signature of the issuer.

    Times are seconds since the epoch (RFC 7519 2, NumericDate). `scope` is empty where the token has none. `cnf` names
    the key that whoever presents the token must prove to have (RFC 7800 3.1), None where bearing it is enough. `actors`
    are the client ids in `act` (RFC 8693 4.1), of whoever acted last first. `usage_identifier_key` is the API key whose
    usage plan a call counts for, None where the token names none. `identity_provider` is None where `sub` is a client;
    otherwise it says by whose word `sub` is who it is: such a token was vended.
    """

    iss: str
    sub: str
    client_id: str
    aud: tuple[str, ...]
    iat: float
    exp: float
    nbf: float | None
    jti: str
    scope: str
    kid: str
    cnf: Mapping[str, Any] | None = None
    actors: tuple[str, ...] = ()
    usage_identifier_key: str | None = None
    identity_provider: str | None = None

    @property
    def scopes(self) -> frozenset[str]:
        """The scope tokens of `scope` (RFC 6749 3.3)."""
        return frozenset(self.scope.split())

    @property
    def parties(self) -> tuple[str, ...]:
        """Give everybody out of whose tokens it came: its client, then the subject and the actors of exchanges, once.

        Where one of them may have no token any more, nothing that was made out of its tokens is good either.
        """
        return tuple(dict.fromkeys((self.client_id, self.sub, *self.actors)))

    @property
    def client_parties(self) -> tuple[str, ...]:
        """Those of them that are clients: all but a subject that an identity provider has named."""
        subject = () if self.identity_provider is not None else (self.sub,)
        return tuple(dict.fromkeys((self.client_id, *subject, *self.actors)))


@dataclass(frozen=True, slots=True)
class Expectation:
    """What this API accepts: its issuer, the audiences that it is, and how far the clocks may be apart (seconds)."""

    issuer: str
    audiences: frozenset[str]
    clock_skew_s: float


def kid_of(unverified_header: Mapping[str, Any]) -> str:
    """Hold a header against what an access token's must be and return its `kid`; raises `InvalidTokenError`.

    `jwk`, `jku`, `x5c` and `x5u` are not looked at: a key comes from the issuer, never from the token (RFC 8725 3.10).
    """
    for reason, holds in _HEADER_RULES:
        if not holds(unverified_header):
            raise InvalidTokenError(reason)
    kid: str = unverified_header["kid"]
    return kid


def from_claims(claims: Mapping[str, Any], kid: str) -> AccessToken:
    """Turn verified claims into a value; raises `InvalidTokenError` where one is absent or of the wrong form."""
    for name, required, holds in _CLAIM_RULES:
        if name not in claims:
            if required:
                raise InvalidTokenError(Reason.CLAIM_MISSING, claim=name, kid=kid)
        elif not holds(claims[name]):
            raise InvalidTokenError(Reason.CLAIM_MALFORMED, claim=name, kid=kid)
    aud = claims["aud"]
    return AccessToken(
        iss=claims["iss"],
        sub=claims["sub"],
        client_id=claims["client_id"],
        aud=(aud,) if isinstance(aud, str) else tuple(aud),
        iat=claims["iat"],
        exp=claims["exp"],
        nbf=claims.get("nbf"),
        jti=claims["jti"],
        scope=claims.get("scope", ""),
        kid=kid,
        cnf=claims.get("cnf"),
        actors=tuple(_actors(claims.get("act"))),
        usage_identifier_key=claims.get("usage_identifier_key"),
        identity_provider=_identity_provider(claims.get("identity_provider")),
    )


def _identity_provider(said: object) -> str | None:
    """Give the claim of ADR 0034; another issuer's of that name may be of any form, and says nothing then."""
    return said if isinstance(said, str) else None


def _actors(act: object) -> Iterator[str]:
    """Give the client ids of a chain of actors; another issuer's `act` may be of any form, and names none then."""
    while isinstance(act, dict):
        if isinstance(client_id := act.get("client_id"), str):
            yield client_id
        act = act.get("act")


def check(token: AccessToken, expected: Expectation, now: float) -> None:
    """Hold a token against what is expected at the time `now`; raises `InvalidTokenError`."""
    if token.iss != expected.issuer:  # RFC 9068 4: exactly
        raise InvalidTokenError(Reason.ISSUER_REFUSED, kid=token.kid, token=token)
    if expected.audiences.isdisjoint(token.aud):
        raise InvalidTokenError(Reason.AUDIENCE_REFUSED, kid=token.kid, token=token)
    check_times(token, expected.clock_skew_s, now)


def check_times(token: AccessToken, clock_skew_s: float, now: float) -> None:
    """Check that the token is valid at the time `now`, give or take the skew; raises `InvalidTokenError`."""
    if now >= token.exp + clock_skew_s:  # RFC 7519 4.1.4: on or after
        raise InvalidTokenError(Reason.EXPIRED, kid=token.kid, token=token)
    if token.nbf is not None and now < token.nbf - clock_skew_s:  # RFC 7519 4.1.5
        raise InvalidTokenError(Reason.NOT_YET_VALID, kid=token.kid, token=token)
    if now < token.iat - clock_skew_s:
        raise InvalidTokenError(Reason.ISSUED_IN_THE_FUTURE, kid=token.kid, token=token)


def check_confirmation(token: AccessToken, proven: Mapping[str, str]) -> None:
    """Check that a token that is bound to keys comes from whoever has them; raises `InvalidTokenError`.

    `proven` is what the request proved, as members of `cnf`: `jkt` (RFC 9449 6.1), `x5t#S256` (RFC 8705 3.1). Each
    member of the token's must be among them, so that one of a kind that nobody here knows is never passed over.
    """
    if token.cnf is None:
        return
    if not token.cnf or any(name not in proven or proven[name] != token.cnf[name] for name in token.cnf):
        raise InvalidTokenError(Reason.KEY_NOT_PROVEN, kid=token.kid, token=token)


def _is_text(value: object) -> bool:
    """Whether it is a string to send on: not empty, no control characters, no half of a surrogate pair."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_client_id(value: object) -> bool:
    """Whether it is `client-id = *VSCHAR` (RFC 6749 A.1), and not empty."""
    return isinstance(value, str) and value.isascii() and _is_text(value)


def _is_audience(value: object) -> bool:
    """Whether it is a string or an array of strings (RFC 7519 4.1.3)."""
    return _is_text(value) or (isinstance(value, list) and all(map(_is_text, value)))


def _is_numeric_date(value: object) -> bool:
    # A bool is an int in Python, and not a number in JSON.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMERIC_DATE


def _is_scope(value: object) -> bool:
    return isinstance(value, str) and scope.is_scope(value)


_HEADER_RULES: tuple[tuple[Reason, Callable[[Mapping[str, Any]], bool]], ...] = (
    # One algorithm, fixed here and not chosen by the token (RFC 8725 3.1, 3.2).
    (Reason.ALG_REFUSED, lambda header: header.get("alg") == "RS256"),
    # RFC 8725 3.11: no other kind of JWT of the same issuer passes for an access token.
    (Reason.TYP_REFUSED, lambda header: isinstance(typ := header.get("typ"), str) and typ.lower() in _TYPES),
    # No extension is understood (RFC 7515 4.1.11), `b64` of RFC 7797 least of all (RFC 7797 7).
    (Reason.CRIT_REFUSED, lambda header: "crit" not in header and "b64" not in header),
    (Reason.KID_MISSING, lambda header: isinstance(header.get("kid"), str)),
)

# Claim, whether RFC 9068 2.2 requires it, and its form.
_CLAIM_RULES: tuple[tuple[str, bool, Callable[[object], bool]], ...] = (
    ("iss", True, _is_text),
    ("sub", True, _is_text),
    ("client_id", True, _is_client_id),
    ("aud", True, _is_audience),
    ("iat", True, _is_numeric_date),
    ("exp", True, _is_numeric_date),
    ("jti", True, _is_text),
    ("nbf", False, _is_numeric_date),
    ("scope", False, _is_scope),
    ("cnf", False, lambda value: isinstance(value, dict)),
    ("usage_identifier_key", False, is_usage_identifier_key),  # ADR 0030
)
