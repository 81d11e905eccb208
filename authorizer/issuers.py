"""The issuers whose tokens are accepted, and which of them a token is to be held against.

Each has its own audiences, keys and revocations: what one issuer vouches for, no other can, and none of them speaks for
an audience that only another one was given.
"""

from dataclasses import dataclass

from authorizer import base64url, strict_json
from authorizer.access_token import Expectation
from authorizer.errors import InvalidTokenError, Reason
from authorizer.jwks import KeySource
from authorizer.jws import UnverifiedJws
from authorizer.revocations import Revocations


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer: what its tokens must say, the keys that they are verified with, and what it has revoked."""

    expected: Expectation
    keys: KeySource
    revocations: Revocations


class Issuers:
    """Those that are trusted, each under a name of its own."""

    def __init__(self, *issuers: Issuer) -> None:
        """Take one or several."""
        self._by_name = {issuer.expected.issuer: issuer for issuer in issuers}
        self._only = issuers[0] if len(issuers) == 1 else None

    def of(self, unverified: UnverifiedJws) -> Issuer:
        """Return the issuer whose token this would have to be; raises `InvalidTokenError`.

        Where there is one, it is that one. Of several, the token itself says which: it is believed in this alone, and
        only for as long as the issuer it names has not been asked. The claim is compared once more after verification.
        """
        return self._only if self._only is not None else self._named_in(unverified)

    def _named_in(self, unverified: UnverifiedJws) -> Issuer:
        try:
            unverified_iss = strict_json.parse_object(base64url.decode(unverified.unverified_payload)).get("iss")
        except ValueError:
            raise InvalidTokenError(Reason.CLAIMS_MALFORMED) from None
        issuer = self._by_name.get(unverified_iss) if isinstance(unverified_iss, str) else None
        if issuer is None:  # and nobody is asked for keys
            raise InvalidTokenError(Reason.ISSUER_REFUSED)
        return issuer
