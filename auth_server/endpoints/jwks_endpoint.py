"""The JSON Web Key Set (RFC 7517 5).

GET /.well-known/jwks.json HTTP/1.1

HTTP/1.1 200 OK
Cache-Control: public, max-age=300

{"keys": [{"kty": "RSA", "kid": "...", "alg": "RS256", "use": "sig", "n": "...", "e": "AQAB"}]}
"""

from auth_server.audit import Decision
from auth_server.services import Services
from auth_server.wire import Request, Response


def respond(request: Request, services: Services, decision: Decision) -> Response:  # noqa: ARG001 - as every endpoint
    """Publish the keys that verify this server's tokens; raises `DependencyError`."""
    return Response(200, services.keys.jwks(), public_for(services.keys.max_age))


def public_for(seconds: int) -> dict[str, str]:
    """Give the headers of a document that anyone may read and keep for so many seconds (RFC 9111 5.2.2)."""
    return {"Cache-Control": f"public, max-age={seconds}", "Access-Control-Allow-Origin": "*"}
