"""Every refusal of the sample API: one class per error code, one shape on the wire.

HTTP/1.1 404 Not Found
Content-Type: application/json

{"error": "not_found", "error_description": "There is no such product."}
"""

from collections.abc import Mapping
from typing import ClassVar


class Problem(Exception):  # noqa: N818 - named for what the caller is told; each subclass is one error code
    """A request that is answered with an error.

    `description` goes to the caller; `reason` goes to the log line only, where there is one.
    """

    status: ClassVar[int]
    error: ClassVar[str]

    def __init__(self, description: str, *, reason: str | None = None) -> None:
        super().__init__(description)
        self.description = description
        self.reason = reason

    def members(self) -> dict[str, object]:
        """Return the members of the JSON body."""
        return {"error": self.error, "error_description": self.description}

    def headers(self) -> Mapping[str, str]:
        """Return the headers that belong to this refusal."""
        return {}


class InvalidRequest(Problem):
    """The caller sent something that this API cannot take."""

    status = 400
    error = "invalid_request"


class NotFound(Problem):
    """No such route, or no such product."""

    status = 404
    error = "not_found"


class MethodNotAllowed(Problem):
    """The path is known, the method is not one of its own (RFC 9110 15.5.6)."""

    status = 405
    error = "method_not_allowed"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(f"This path answers {', '.join(allowed)} only.")
        self.allowed = allowed

    def headers(self) -> Mapping[str, str]:
        """Return `Allow`, which a 405 must carry."""
        return {"Allow": ", ".join(self.allowed)}


class TemporarilyUnavailable(Problem):
    """The table of `what` does not answer, or answers nonsense; `reason` says which, for the log."""

    status = 503
    error = "temporarily_unavailable"

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(f"The {what} cannot be reached at the moment. Try again.", reason=reason)

    def headers(self) -> Mapping[str, str]:
        """Return how many seconds to wait (RFC 9110 10.2.3)."""
        return {"Retry-After": "1"}


class ServerError(Problem):
    """A fault of this API's own."""

    status = 500
    error = "server_error"

    def __init__(self, reason: str) -> None:
        super().__init__("The request could not be answered.", reason=reason)
