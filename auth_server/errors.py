"""Every way a request can be refused: OAuth error code, HTTP status and the section that defines it.

A refusal carries two texts. `description` is for the caller and says nothing an attacker could use; `reason` is for
the audit line. They are kept apart on purpose: a wrong secret and an unknown client differ only in `reason`.
"""

import math
from typing import ClassVar


class OAuthError(Exception):
    """A refusal, rendered in one place (`app.handle`) as RFC 6749 5.2 asks.

    HTTP/1.1 400 Bad Request
    Content-Type: application/json
    Cache-Control: no-store

    {"error": "invalid_scope", "error_description": "..."}
    """

    error: ClassVar[str]
    status: ClassVar[int] = 400

    def __init__(self, description: str, *, reason: str | None = None, headers: dict[str, str] | None = None) -> None:
        """`reason` defaults to the description; `headers` are added to the answer."""
        super().__init__(description)
        self.description = description
        self.reason = reason or description
        self.headers = headers or {}


class InvalidRequestError(OAuthError):
    """The request is malformed (RFC 6749 5.2)."""

    error = "invalid_request"


class MethodNotAllowedError(OAuthError):
    """The path exists, the method does not (RFC 9110 15.5.6); always sent with `Allow`."""

    error = "invalid_request"
    status = 405


class NotFoundError(OAuthError):
    """No such path (RFC 9110 15.5.5)."""

    error = "not_found"
    status = 404


class NotAcceptableError(OAuthError):
    """There is an answer, but not in the form that was asked for (RFC 9110 15.5.7)."""

    error = "invalid_request"
    status = 406


class InvalidClientError(OAuthError):
    """Client authentication failed, whatever the cause: one text for all of them (RFC 6749 5.2)."""

    error = "invalid_client"
    status = 401

    def __init__(self, *, reason: str) -> None:
        """Keep `reason` for the audit line: the caller learns nothing beyond the failure."""
        super().__init__("Client authentication failed.", reason=reason)


class UnauthorizedClientError(OAuthError):
    """The client is who it says, but this grant is not its own (RFC 6749 5.2)."""

    error = "unauthorized_client"


class UnsupportedGrantTypeError(OAuthError):
    """No such grant here (RFC 6749 5.2)."""

    error = "unsupported_grant_type"


class InvalidScopeError(OAuthError):
    """The scope is malformed, or not this client's (RFC 6749 5.2)."""

    error = "invalid_scope"


class InvalidTargetError(OAuthError):
    """The resource is malformed, or not this client's (RFC 8707 2)."""

    error = "invalid_target"


class InvalidDpopProofError(OAuthError):
    """The DPoP proof is missing, malformed, for another request, or was used before (RFC 9449 5)."""

    error = "invalid_dpop_proof"


class InvalidTokenError(OAuthError):
    """The bearer token is absent, expired, revoked or no good for this: one text for all of them (RFC 6750 3.1)."""

    error = "invalid_token"
    status = 401

    def __init__(self, *, reason: str, presented: bool = True) -> None:
        """Keep `reason` for the audit line. Without any token the challenge names no error (RFC 6750 3.1)."""
        challenge = 'Bearer realm="oauth"' + (', error="invalid_token"' if presented else "")
        super().__init__("Present a good access token.", reason=reason, headers={"WWW-Authenticate": challenge})


class InsufficientScopeError(OAuthError):
    """The token is good, and lacks the scope (RFC 6750 3.1)."""

    error = "insufficient_scope"
    status = 403

    def __init__(self, scope: str) -> None:
        """`scope` is what it takes."""
        challenge = f'Bearer realm="oauth", error="insufficient_scope", scope="{scope}"'
        super().__init__(f"The access token lacks the scope {scope}.", headers={"WWW-Authenticate": challenge})


class RejectedMetadataError(OAuthError):
    """What is to be registered about a client will not do (RFC 7591 3.2.2)."""

    error = "invalid_client_metadata"


class InvalidRedirectUriError(OAuthError):
    """A redirection URI will not do (RFC 7591 3.2.2)."""

    error = "invalid_redirect_uri"


class AccessDeniedError(OAuthError):
    """Whoever asks is known, and may not (RFC 7592 2)."""

    error = "access_denied"
    status = 403


class UnsupportedResponseTypeError(OAuthError):
    """There is no response type at all here (RFC 6749 4.1.2.1)."""

    error = "unsupported_response_type"


class InvalidCredentialsError(OAuthError):
    """No such person, a wrong password, or somebody who is disabled: one text for all of them.

    Without a challenge, which RFC 9110 15.5.2 would have: no scheme of HTTP is a password in a JSON body.
    """

    error = "invalid_credentials"
    status = 401

    def __init__(self, *, reason: str) -> None:
        """Keep `reason` for the audit line."""
        super().__init__("The username or the password is wrong.", reason=reason)


class UsernameTakenError(OAuthError):
    """There is somebody of this name already (RFC 9110 15.5.10)."""

    error = "username_taken"
    status = 409


class TooManyAttemptsError(OAuthError):
    """Too many attempts in too little time (RFC 6585 4)."""

    error = "too_many_attempts"
    status = 429

    def __init__(self, retry_after: int, *, reason: str) -> None:
        """`retry_after` is in seconds."""
        super().__init__(
            "Too many attempts. Try again later.", reason=reason, headers={"Retry-After": str(retry_after)}
        )


class TooManyRequestsError(OAuthError):
    """Too many requests in too little time (RFC 6585 4), in the words of the stage's own throttling.

    RFC 6749 5.2 has no code for it; `temporarily_unavailable` is that of 4.1.2.1 for a server that is overloaded.
    """

    error = "temporarily_unavailable"
    status = 429

    def __init__(self, retry_after: float, *, reason: str) -> None:
        """`retry_after` is in seconds, of which whole ones are told."""
        self.retry_after = max(1, math.ceil(retry_after))
        super().__init__("Too many requests. Try again.", reason=reason, headers={"Retry-After": str(self.retry_after)})


class DependencyError(Exception):
    """An AWS service did not answer, or refused. `str(error)` is for the log: service, operation and error code."""


class TemporarilyUnavailableError(OAuthError):
    """A dependency is down or throttled: try again (RFC 6749 4.1.2.1 names the code, RFC 9110 15.6.4 the status)."""

    error = "temporarily_unavailable"
    status = 503
    RETRY_AFTER_SECONDS: ClassVar[int] = 1

    def __init__(self, *, reason: str) -> None:
        """Keep `reason` for the audit line alone."""
        super().__init__(
            "The authorization server is temporarily unavailable. Try again.",
            reason=reason,
            headers={"Retry-After": str(self.RETRY_AFTER_SECONDS)},
        )


class ServerError(OAuthError):
    """A fault of ours (RFC 6749 4.1.2.1 names the code). Nothing a client can send leads here."""

    error = "server_error"
    status = 500


class VendingError(ServerError):
    """Tokens cannot be vended as this deployment is configured; nobody who asks can change that."""

    def __init__(self, *, reason: str) -> None:
        """Keep `reason` for the audit line alone."""
        super().__init__("Tokens cannot be vended here.", reason=reason)
