"""Client credentials grant (RFC 6749 4.4)."""

from auth_server import resource_indicators, scope
from auth_server.access_token import MAX_LIFETIME_SECONDS, Grant, own_claims
from auth_server.clients import Client
from auth_server.errors import InvalidScopeError
from auth_server.form import Form
from auth_server.services import Services


def grant(client: Client, form: Form, services: Services) -> Grant:
    """Decide what the client's token is good for; raises `InvalidScopeError` or `InvalidTargetError`."""
    return Grant(
        client_id=client.client_id,
        scopes=_scopes(client, form.one("scope")),
        audience=resource_indicators.choose_audience(
            resources=form.many("resource"),
            audiences=form.many("audience"),
            allowed=client.audiences,
            default=services.settings.audience,
        ),
        lifetime=min(client.token_lifetime or services.settings.token_lifetime_seconds, MAX_LIFETIME_SECONDS),
        claims=own_claims(client),
    )


def _scopes(client: Client, asked: str | None) -> tuple[str, ...]:
    if asked is None:
        return client.default_scopes or client.scopes
    scopes = scope.parse(asked)
    if not set(scopes) <= set(client.scopes):  # nothing is narrowed silently
        raise InvalidScopeError("The client may not ask for this scope.")
    return scopes
