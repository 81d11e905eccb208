"""The signed feed of revoked tokens, for whoever verifies tokens without asking about each of them.

GET /oauth/revocations HTTP/1.1
If-None-Match: "mK2..."

HTTP/1.1 304 Not Modified
ETag: "mK2..."
Cache-Control: public, max-age=30
"""

import re

from auth_server.audit import Decision
from auth_server.endpoints.jwks_endpoint import public_for
from auth_server.services import Services
from auth_server.wire import Request, Response

_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")|(\*)')  # RFC 9110 8.8.3 and 13.1.2, where W/ makes no difference


def respond(request: Request, services: Services, decision: Decision) -> Response:  # noqa: ARG001 - as every endpoint
    """Publish what is revoked; raises `DependencyError`."""
    max_age = services.settings.revocation_feed_seconds
    feed = services.feed.feed(
        services.state, services.keys, issuer=services.settings.issuer, now=services.clock(), max_age=max_age
    )
    headers = {"ETag": feed.etag, **public_for(max_age)}
    if _names(request, feed.etag):
        return Response(304, "", headers)  # RFC 9110 15.4.5
    return Response(200, feed.body, headers)


def _names(request: Request, etag: str) -> bool:
    named = _ENTITY_TAG.findall(",".join(request.headers.get("if-none-match", ())))
    return any(tag == etag or any_tag for tag, any_tag in named)
