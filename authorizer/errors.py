"""Every way a request can end in something other than Allow, and what the gateway makes of it.

| error | API Gateway's answer |
| --- | --- |
| `MalformedTokenError`, `ResultTooLargeError` | 401: the handler raises `Exception("Unauthorized")` |
| `InvalidTokenError` | 401, or an explicit Deny (403), as `INVALID_TOKEN_RESULT` says |
| `ForbiddenError` | 403: an explicit Deny |
| `EventError`, `KeysUnavailableError`, `RevocationsUnavailableError`, anything else | 500 |

No error holds a token or a part of one: what it says may be logged.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authorizer.access_token import AccessToken


class Reason(StrEnum):
    """Why a token was refused: the `reason` of the audit line. The caller is told none of these."""

    TOKEN_MISSING = "token_missing"  # noqa: S105 - the name of a reason
    AUTHORIZATION_MALFORMED = "authorization_malformed"
    AUTHORIZATION_TOO_LONG = "authorization_too_long"
    NOT_A_JWT = "not_a_jwt"
    ALG_REFUSED = "alg_refused"
    TYP_REFUSED = "typ_refused"
    CRIT_REFUSED = "crit_refused"
    KID_MISSING = "kid_missing"
    KEY_UNKNOWN = "key_unknown"
    SIGNATURE_INVALID = "signature_invalid"
    CLAIMS_MALFORMED = "claims_malformed"
    CLAIM_MISSING = "claim_missing"
    CLAIM_MALFORMED = "claim_malformed"
    ISSUER_REFUSED = "issuer_refused"
    AUDIENCE_REFUSED = "audience_refused"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ISSUED_IN_THE_FUTURE = "issued_in_the_future"
    KEY_NOT_PROVEN = "key_not_proven"
    REVOKED = "revoked"
    PROOF_UNSUPPORTED = "proof_unsupported"
    PROOF_MISSING = "proof_missing"
    PROOF_REFUSED = "proof_refused"
    PROOF_REUSED = "proof_reused"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    PATH_NOT_EXPRESSIBLE = "path_not_expressible"
    RESULT_TOO_LARGE = "result_too_large"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a token was refused, for the audit line.

    `claim` is the name of the offending claim. `kid` names a key of ours, never one that only the token speaks of.
    `token` is there only where its signature was verified. `detail` is a sentence of ours, which quotes nothing.
    """

    reason: Reason
    claim: str | None = None
    kid: str | None = None
    token: "AccessToken | None" = None
    detail: str | None = None


class RefusedError(Exception):
    """The token is not accepted."""

    def __init__(
        self,
        reason: Reason,
        *,
        claim: str | None = None,
        kid: str | None = None,
        token: "AccessToken | None" = None,
        detail: str | None = None,
    ) -> None:
        """Take the fields of `Refusal`."""
        super().__init__(reason.value)
        self.refusal = Refusal(reason, claim, kid, token, detail)


class MalformedTokenError(RefusedError):
    """There is no token, or what there is cannot be read as a JWT (RFC 6750 2.1, RFC 7519 7.2)."""


class InvalidTokenError(RefusedError):
    """A JWT, but expired or otherwise not one to accept (RFC 6750 3.1, RFC 9068 4)."""


class ForbiddenError(RefusedError):
    """The token is good, but not for this (RFC 6750 3.1, insufficient_scope)."""


class ResultTooLargeError(RefusedError):
    """The token is good, but API Gateway would not take the result that it leads to."""


class AuthorizerError(Exception):
    """The authorizer cannot decide. Never ends in Allow, and says nothing about the token."""

    reason = "internal_error"


class EventError(AuthorizerError):
    """The event is not one that API Gateway sends to an authorizer, or not one of an API that is set up safely."""

    reason = "event_malformed"


class KeysUnavailableError(AuthorizerError):
    """The issuer's keys cannot be had, so that the token can be neither accepted nor refused."""

    reason = "keys_unavailable"


class RevocationsUnavailableError(AuthorizerError):
    """What the issuer has revoked cannot be known, so that the token can be neither accepted nor refused."""

    reason = "revocations_unavailable"


class DocumentError(Exception):
    """A document of the issuer's could not be fetched, or is not to be believed. `str(error)` is for the log."""


class FetchError(DocumentError):
    """A document could not be fetched."""


class JwksError(DocumentError):
    """A JWK Set could not be fetched or holds no key to use."""


class RevocationFeedError(DocumentError):
    """The feed is not to be believed. `str(error)` holds nothing of the feed."""


class SettingsError(Exception):
    """A setting is missing or wrong; names the variable, never its value. Stops the cold start."""
