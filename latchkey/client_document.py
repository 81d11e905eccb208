"""A client as it is shown: everything but what its secrets could be checked with."""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.table import Table

from auth_server import last_use, scope, trusted_issuers
from auth_server.clients import Client, ClientSecret
from latchkey.moment import moment, timestamp
from latchkey.output import Cell, details, table

# When a secret was used last, as a Unix time; None: never, as far as is known.
Uses = Callable[[ClientSecret], int | None]


def unknown(_: ClientSecret) -> None:
    """Give the last use of a secret where nobody looked."""


def document(client: Client, now: int, uses: Uses = unknown) -> dict[str, Any]:
    """Describe a client in JSON, at the Unix time `now`; `uses` are those of its secrets.

    {"client_id": "demo", "name": "", "enabled": true, "scope": "products:read", "default_scope": "",
     "audience": ["https://api.example.com"], "is_audience": [], "auth_methods": ["client_secret_basic"],
     "grant_types": ["client_credentials"], "token_lifetime": null, "claims": {},
     "jwks": null, "jwks_uri": null, "trusted_issuers": [],
     "may_grant_scope": "", "may_grant_audience": [], "registered_by": null,
     "dpop_bound": false, "tls_bound": false, "tls_subject": null, "usage_identifier_key": null,
     "allow_from": [], "tokens_per_hour": null, "quota_monitored": false,
     "token_reuse": null,
     "secrets": [{"created_at": "2026-09-21T13:33:20Z", "expires_at": null, "live": true, "expires_soon": false,
                  "last_used_at": "2026-09-21T14:00:00Z"}],
     "created_at": "2026-09-21T13:33:20Z", "updated_at": "2026-09-21T13:33:20Z", "version": 1}
    """
    return {
        "client_id": client.client_id,
        "name": client.name,
        "enabled": client.enabled,
        "scope": scope.render(client.scopes),
        "default_scope": scope.render(client.default_scopes),
        "audience": list(client.audiences),
        "is_audience": list(client.resource_identifiers),
        "auth_methods": list(client.auth_methods),
        "grant_types": list(client.grant_types),
        "token_lifetime": client.token_lifetime,
        "claims": dict(client.claims),
        "jwks": None if client.jwks is None else dict(client.jwks),
        "jwks_uri": client.jwks_uri,
        "trusted_issuers": list(map(trusted_issuers.to_document, client.trusted_issuers)),
        "may_grant_scope": scope.render(client.registrable_scopes),
        "may_grant_audience": list(client.registrable_audiences),
        "registered_by": client.registration.registered_by if client.registration else None,
        "dpop_bound": client.dpop_bound_access_tokens,
        "tls_bound": client.tls_client_certificate_bound_access_tokens,
        "tls_subject": {client.tls_subject.parameter: client.tls_subject.value} if client.tls_subject else None,
        "usage_identifier_key": client.usage_identifier_key,
        "allow_from": list(client.allow_from),
        "tokens_per_hour": client.tokens_per_hour,
        "quota_monitored": client.quota_monitored,
        "token_reuse": client.token_reuse,
        "secrets": [_secret(secret, now, uses) for secret in client.secrets],
        "created_at": timestamp(client.created_at),
        "updated_at": timestamp(client.updated_at),
        "version": client.version,
    }


def unreadable(client_id: str) -> dict[str, Any]:
    """Describe, in JSON, an item of the table of clients of which the id is all that can be read."""
    return {"client_id": client_id, "unreadable": True}


def _secret(secret: ClientSecret, now: int, uses: Uses) -> dict[str, Any]:
    return {
        "created_at": timestamp(secret.created_at),
        "expires_at": timestamp(secret.expires_at),
        "live": secret.is_live(now),
        "expires_soon": last_use.expires_soon(secret, now),
        "last_used_at": timestamp(uses(secret)),
    }


def overview(clients: Sequence[Client], now: int, uses: Uses) -> Table | str:
    """Lay out clients for a person, a row for each."""
    if not clients:
        return "There are no clients."
    columns = ("client_id", "name", "scope", "enabled", "live secrets", "created")
    return table(columns, (_row(client, now, uses) for client in clients))


def _row(client: Client, now: int, uses: Uses) -> tuple[Cell, ...]:
    return (
        client.client_id,
        client.name,
        scope.render(client.scopes),
        _yes_or_no(client.enabled),
        _expiries(client.secrets, now, uses),
        moment(client.created_at, now),
    )


def in_full(client: Client, now: int, uses: Uses = unknown) -> Table:
    """Lay out one client for a person."""
    said = document(client, now) | {
        "enabled": _yes_or_no(client.enabled),
        "audience": client.audiences,
        "is_audience": client.resource_identifiers,
        "auth_methods": client.auth_methods,
        "grant_types": client.grant_types,
        "may_grant_audience": client.registrable_audiences,
        "registered_by": client.registration.registered_by if client.registration else "an operator",
        "token_lifetime": "the server's" if client.token_lifetime is None else f"{client.token_lifetime} s",
        "claims": json.dumps(dict(client.claims)) if client.claims else "",
        "jwks": _keys(client),
        "jwks_uri": client.jwks_uri or "",
        "trusted_issuers": tuple(f"{each.issuer}: {each.subject}" for each in client.trusted_issuers),
        "dpop_bound": _yes_or_no(client.dpop_bound_access_tokens),
        "tls_bound": _yes_or_no(client.tls_client_certificate_bound_access_tokens),
        "tls_subject": f"{client.tls_subject.parameter} {client.tls_subject.value}" if client.tls_subject else "",
        "usage_identifier_key": client.usage_identifier_key or "",
        "allow_from": client.allow_from or "anywhere",
        "tokens_per_hour": "no quota" if client.tokens_per_hour is None else str(client.tokens_per_hour),
        "quota_monitored": _yes_or_no(client.quota_monitored),
        "token_reuse": "as the server says" if client.token_reuse is None else _yes_or_no(client.token_reuse),
        "secrets": _expiries(client.secrets, now, uses),
        "created_at": moment(client.created_at, now),
        "updated_at": moment(client.updated_at, now),
    }
    return details((name, value if isinstance(value, tuple) else str(value)) for name, value in said.items())


def _expiries(secrets: Iterable[ClientSecret], now: int, uses: Uses) -> tuple[str, ...]:
    live = (secret for secret in secrets if secret.is_live(now))
    return tuple(_expiry(secret, now) + _last_use(secret, now, uses) for secret in live) or ("none",)


def _expiry(secret: ClientSecret, now: int) -> str:
    return "no expiry" if secret.expires_at is None else f"until {moment(secret.expires_at, now)}"


def _last_use(secret: ClientSecret, now: int, uses: Uses) -> str:
    at = uses(secret)
    return "" if at is None else f", used {moment(at, now)}"


def _keys(client: Client) -> tuple[str, ...]:
    keys = client.jwks["keys"] if client.jwks else ()
    return tuple(f"{jwk.get('kty')} {jwk.get('kid', 'without a kid')}" for jwk in keys if isinstance(jwk, dict))


def _yes_or_no(value: object) -> str:
    return "yes" if value else "no"
