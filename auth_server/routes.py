"""The route table of the authorization server. Functions of their own have tables of their own, over the same `App`."""

from auth_server.app import Routes
from auth_server.endpoints import (
    authorization_endpoint,
    introspection_endpoint,
    jwks_endpoint,
    metadata_endpoint,
    revocation_endpoint,
    revocations_endpoint,
    token_endpoint,
)
from auth_server.services import Services

ROUTES: Routes[Services] = {
    "/oauth/token": ("token", {"POST": token_endpoint.respond}),
    "/oauth/authorize": ("authorization", dict.fromkeys(("GET", "POST"), authorization_endpoint.respond)),
    "/oauth/introspect": ("introspection", {"POST": introspection_endpoint.respond}),
    "/oauth/revoke": ("revocation", {"POST": revocation_endpoint.respond}),
    "/oauth/revocations": ("revocations", {"GET": revocations_endpoint.respond}),
    "/.well-known/jwks.json": ("jwks", {"GET": jwks_endpoint.respond}),
    "/.well-known/oauth-authorization-server": ("metadata", {"GET": metadata_endpoint.respond}),
    "/.well-known/openid-configuration": ("metadata", {"GET": metadata_endpoint.respond}),
}
