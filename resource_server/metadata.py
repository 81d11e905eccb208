"""Protected resource metadata (RFC 9728): where to get a token for this API, and with which scopes.

GET /.well-known/oauth-protected-resource

{"resource": "https://api.example.com", "authorization_servers": ["https://auth.example.com"],
 "scopes_supported": ["messages:write", "products:read", "products:write"],
 "bearer_methods_supported": ["header"], "resource_name": "Latchkey sample API"}
"""

from collections.abc import Iterable
from typing import Final

from resource_server.settings import Settings

METADATA_PATH: Final = "/.well-known/oauth-protected-resource"
METADATA_MAX_AGE_SECONDS: Final = 3600


def metadata_url(settings: Settings) -> str:
    """Return where the metadata is served.

    RFC 9728 3.1 puts the well-known path in front of a resource's own path. Behind an API Gateway stage this API has
    no say over paths outside its own, so there it serves it beneath, and every challenge says so (RFC 9728 5.1).
    """
    return settings.resource.rstrip("/") + METADATA_PATH


def metadata(settings: Settings, scopes: Iterable[str]) -> dict[str, object]:
    """Return the members of RFC 9728 2 that are true of this API."""
    return {
        "resource": settings.resource,
        "authorization_servers": [settings.issuer],
        "scopes_supported": sorted(scopes),
        "bearer_methods_supported": ["header"],
        "resource_name": "Latchkey sample API",
    }
