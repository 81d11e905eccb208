"""Authorization server metadata (RFC 8414), under its own name and under OpenID Connect Discovery's.

GET /.well-known/oauth-authorization-server HTTP/1.1

HTTP/1.1 200 OK

{"issuer": "https://auth.example.com", "token_endpoint": "https://auth.example.com/oauth/token", ...}

API Gateway's own JWT authorizers read /.well-known/openid-configuration below the issuer. Where the issuer has a path
(the stage of an API), RFC 8414 3.1 would put the document at the host's root, which a stage cannot serve; both names
are then found below the issuer, as RFC 8414 5 foresees.
"""

from typing import Any

from auth_server.audit import Decision
from auth_server.client_authentication import REGISTERED_METHODS, TLS_METHODS
from auth_server.endpoints.jwks_endpoint import public_for
from auth_server.endpoints.registration_endpoint import PATH as REGISTRATION_PATH
from auth_server.grants import GRANTS
from auth_server.services import Services
from auth_server.settings import Settings
from auth_server.wire import Request, Response
from authorizer.public_key import ALGORITHMS

MAX_AGE_SECONDS = 300


def respond(request: Request, services: Services, decision: Decision) -> Response:  # noqa: ARG001 - as every endpoint
    """Describe this deployment."""
    return Response(200, document(services.settings), public_for(MAX_AGE_SECONDS))


def document(settings: Settings) -> dict[str, Any]:
    """State only what is true of this deployment (RFC 8414 2)."""
    scopes = {"scopes_supported": list(settings.scopes_supported)} if settings.scopes_supported else {}
    has_mtls = settings.mtls == "on"
    methods = [name for name in REGISTERED_METHODS if has_mtls or name not in TLS_METHODS]
    return {
        "issuer": settings.issuer,
        "authorization_endpoint": f"{settings.issuer}/oauth/authorize",  # refuses; some clients want one to be named
        "token_endpoint": f"{settings.issuer}/oauth/token",
        "jwks_uri": f"{settings.issuer}/.well-known/jwks.json",
        "response_types_supported": [],  # required by RFC 8414 2; there is none
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "registration_endpoint": f"{settings.issuer}{REGISTRATION_PATH}",  # served by a function of its own
        "introspection_endpoint": f"{settings.issuer}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": methods,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_signing_alg_values_supported": ["RS256"],  # RFC 9701 7
        "revocation_endpoint": f"{settings.issuer}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_signing_alg_values_supported": list(ALGORITHMS),  # RFC 9449 5.1
        **({"tls_client_certificate_bound_access_tokens": True} if has_mtls else {}),  # RFC 8705 3.3
        **scopes,
    }
