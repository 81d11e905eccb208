"""What goes wrong: with the OpenAPI document when it is loaded, and with a request when it is served."""

from __future__ import annotations


class DocumentError(ValueError):
    """The document asks for something that API Gateway refuses or ignores, or that this gateway does not interpret.

    It is raised when the document is loaded: nothing in it is left out silently.
    """


class GatewayError(Exception):
    """A request that the gateway answers itself, with the gateway response of this type.

    `status` replaces the type's own status; `message` is what the caller reads as `$context.error.message`
    (None is JSON null, which is what API Gateway sends for a failed authorizer).
    """

    def __init__(self, response_type: str, message: str | None, *, status: int | None = None) -> None:
        super().__init__(response_type)
        self.response_type = response_type
        self.message = message
        self.status = status


class HttpError(Exception):
    """A request that an HTTP API answers itself: {"message": ...}, and `challenge` as its www-authenticate."""

    def __init__(self, status: int, message: str, challenge: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.challenge = challenge
