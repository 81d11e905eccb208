"""How a command can fail: one line on stderr, and an exit status.

| status | means |
| --- | --- |
| 0 | done |
| 1 | refused, not found, or there already |
| 2 | the command line is wrong |
| 3 | AWS or the issuer is unavailable, or does not authorise it |
"""

from typing import ClassVar

from auth_server.errors import DependencyError

EXIT_STATUS_HELP = (
    "Exit status: 0 done; 1 refused, not found or there already; 2 wrong usage; "
    "3 AWS or the issuer unavailable, or not authorised."
)

# The last word of a `DependencyError` (AWS's error code, or botocore's exception), and what it means to an operator.
_NOT_FOUND = {
    "ResourceNotFoundException": (
        "there is no such table or function; see --clients-table, --people-table, --state-table, --keys-table and "
        "--rotation-function"
    ),
    "NotFoundException": "there is no such key; see --signing-key-id",
}
_UNAVAILABLE = {
    code: meaning
    for meaning, codes in {
        "the key is disabled or about to be deleted": "DisabledException KMSInvalidStateException",
        "these AWS credentials do not allow it": "AccessDeniedException AccessDenied",
        "AWS does not accept these credentials": (
            "UnrecognizedClientException InvalidSignatureException InvalidClientTokenId "
            "ExpiredTokenException ExpiredToken SSOTokenLoadError UnauthorizedSSOTokenError TokenRetrievalError"
        ),
        "there are no AWS credentials": "NoCredentialsError PartialCredentialsError CredentialRetrievalError",
        "there is no such AWS profile": "ProfileNotFound",
        "no AWS region is configured; set AWS_DEFAULT_REGION": "NoRegionError",
        "AWS does not answer": (
            "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError "
            "HTTPClientError SSLError"
        ),
        "AWS asks to slow down; try again": (
            "ThrottlingException ProvisionedThroughputExceededException RequestLimitExceeded"
        ),
    }.items()
    for code in codes.split()
}


class CommandError(Exception):
    """The command was refused, or what it names is not there. `str(error)` is one line and holds no secret."""

    exit_status: ClassVar[int] = 1


class UsageError(CommandError):
    """The options make no sense, in a way that only reading them together, or their values, shows."""

    exit_status = 2


class UnavailableError(CommandError):
    """AWS or the issuer does not answer, or does not authorise the caller."""

    exit_status = 3


def of_dependency(error: DependencyError) -> CommandError:
    """Say what a failed AWS call means to an operator."""
    operation, _, code = str(error).rpartition(": ")
    if code in _NOT_FOUND:
        return CommandError(f"{operation}: {_NOT_FOUND[code]} ({code})")
    return UnavailableError(f"{operation}: {_UNAVAILABLE.get(code, 'the call failed')} ({code})")
