"""Authorization endpoint (RFC 6749 3.1), of a server that authorizes machines and asks nobody.

GET /oauth/authorize?response_type=code&client_id=demo HTTP/1.1

HTTP/1.1 400 Bad Request

{"error": "unsupported_response_type", "error_description": "..."}

It is there because some clients will not read metadata that names no authorization endpoint, although RFC 8414 2 lets
a server without such a grant leave it out. The metadata's `response_types_supported` is empty, and so is this.
"""

from auth_server.audit import Decision
from auth_server.errors import UnsupportedResponseTypeError
from auth_server.services import Services
from auth_server.wire import Request, Response


def respond(request: Request, services: Services, decision: Decision) -> Response:  # noqa: ARG001 - as every endpoint
    """Refuse, without ever redirecting: no redirect URI is registered here (RFC 6749 4.1.2.1)."""
    raise UnsupportedResponseTypeError("This server has no response types: it issues tokens at the token endpoint.")
