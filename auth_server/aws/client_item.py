"""A client as a DynamoDB item, and back.

client_id   S       the partition key
scope, default_scope S     scopes separated by spaces
audiences, auth_methods, grant_types  L of S
secrets     L of M  {digest B, created_at N, expires_at N (absent: never)}
claims      S       a JSON object: DynamoDB's numbers would not come back as they were
token_lifetime N (absent: the server's), name S, enabled BOOL, created_at N, updated_at N, version N
registrable_scope S, registrable_audiences L of S (absent: none)
resource_identifiers L of S (absent: none)
jwks S, trusted_issuers S   an object and an array, in JSON; jwks_uri S (absent: none)
registration M  {registered_by S, token_digest B, scope S, audiences L of S} (absent: an operator made the client)
dpop_bound_access_tokens, tls_client_certificate_bound_access_tokens  BOOL (absent: false)
tls_subject M  {parameter S, value S} (absent: none)
usage_identifier_key S (absent: none)
allow_from  L of S (absent: from anywhere)
tokens_per_hour N (absent: no quota), quota_monitored BOOL (absent: false)
token_reuse BOOL (absent: the server's)
"""

import json
from typing import Any

from auth_server import scope, trusted_issuers
from auth_server.clients import Client, ClientSecret, Registration, TlsSubject
from auth_server.trusted_issuers import TrustedIssuer

Item = dict[str, dict[str, Any]]


def to_item(client: Client) -> Item:
    """Write a client in DynamoDB's attribute values."""
    item: Item = {
        "client_id": {"S": client.client_id},
        "scope": {"S": scope.render(client.scopes)},
        "default_scope": {"S": scope.render(client.default_scopes)},
        "audiences": _strings(client.audiences),
        "auth_methods": _strings(client.auth_methods),
        "grant_types": _strings(client.grant_types),
        "secrets": {"L": [{"M": _secret_to_item(secret)} for secret in client.secrets]},
        "claims": {"S": json.dumps(dict(client.claims))},
        "name": {"S": client.name},
        "enabled": {"BOOL": client.enabled},
        "created_at": _number(client.created_at),
        "updated_at": _number(client.updated_at),
        "version": _number(client.version),
    }
    item |= _registration_to_item(client) | _keys_to_item(client) | _binding_to_item(client) | _limits_to_item(client)
    if client.resource_identifiers:
        item["resource_identifiers"] = _strings(client.resource_identifiers)
    if client.usage_identifier_key is not None:
        item["usage_identifier_key"] = {"S": client.usage_identifier_key}
    return item if client.token_lifetime is None else {**item, "token_lifetime": _number(client.token_lifetime)}


def from_item(item: Item) -> Client:
    """Read a client; raises KeyError, TypeError or ValueError where the item is not one."""
    lifetime = item.get("token_lifetime")
    return Client(
        client_id=item["client_id"]["S"],
        scopes=tuple(item["scope"]["S"].split()),
        default_scopes=tuple(item["default_scope"]["S"].split()),
        audiences=_tuple(item["audiences"]),
        auth_methods=_tuple(item["auth_methods"]),
        grant_types=_tuple(item["grant_types"]),
        secrets=tuple(_secret_from_item(secret["M"]) for secret in item["secrets"]["L"]),
        claims=json.loads(item["claims"]["S"]),
        name=item["name"]["S"],
        enabled=item["enabled"]["BOOL"],
        created_at=int(item["created_at"]["N"]),
        updated_at=int(item["updated_at"]["N"]),
        version=int(item["version"]["N"]),
        token_lifetime=None if lifetime is None else int(lifetime["N"]),
        registrable_scopes=tuple(item["registrable_scope"]["S"].split()) if "registrable_scope" in item else (),
        registrable_audiences=_tuple(item["registrable_audiences"]) if "registrable_audiences" in item else (),
        registration=_registration_from_item(item["registration"]["M"]) if "registration" in item else None,
        resource_identifiers=_tuple(item["resource_identifiers"]) if "resource_identifiers" in item else (),
        tls_subject=_tls_subject_from_item(item["tls_subject"]["M"]) if "tls_subject" in item else None,
        dpop_bound_access_tokens="dpop_bound_access_tokens" in item and item["dpop_bound_access_tokens"]["BOOL"],
        tls_client_certificate_bound_access_tokens=(
            "tls_client_certificate_bound_access_tokens" in item
            and item["tls_client_certificate_bound_access_tokens"]["BOOL"]
        ),
        allow_from=_tuple(item["allow_from"]) if "allow_from" in item else (),
        tokens_per_hour=int(item["tokens_per_hour"]["N"]) if "tokens_per_hour" in item else None,
        quota_monitored="quota_monitored" in item and item["quota_monitored"]["BOOL"],
        token_reuse=bool(item["token_reuse"]["BOOL"]) if "token_reuse" in item else None,
        usage_identifier_key=item["usage_identifier_key"]["S"] if "usage_identifier_key" in item else None,
        jwks=json.loads(item["jwks"]["S"]) if "jwks" in item else None,
        jwks_uri=item["jwks_uri"]["S"] if "jwks_uri" in item else None,
        trusted_issuers=_trusted_issuers_from_item(item["trusted_issuers"]["S"]) if "trusted_issuers" in item else (),
    )


def _keys_to_item(client: Client) -> Item:
    item: Item = {}
    if client.jwks is not None:
        item["jwks"] = {"S": json.dumps(dict(client.jwks))}
    if client.jwks_uri is not None:
        item["jwks_uri"] = {"S": client.jwks_uri}
    if client.trusted_issuers:
        item["trusted_issuers"] = {"S": json.dumps(list(map(trusted_issuers.to_document, client.trusted_issuers)))}
    return item


def _trusted_issuers_from_item(text: str) -> tuple[TrustedIssuer, ...]:
    return tuple(TrustedIssuer(**document) for document in json.loads(text))


def _registration_to_item(client: Client) -> Item:
    item: Item = {}
    if client.registrable_scopes:
        item["registrable_scope"] = {"S": scope.render(client.registrable_scopes)}
    if client.registrable_audiences:
        item["registrable_audiences"] = _strings(client.registrable_audiences)
    if client.registration is not None:
        item["registration"] = {
            "M": {
                "registered_by": {"S": client.registration.registered_by},
                "token_digest": {"B": client.registration.token_digest},
                "scope": {"S": scope.render(client.registration.scopes)},
                "audiences": _strings(client.registration.audiences),
            }
        }
    return item


def _binding_to_item(client: Client) -> Item:
    item: Item = {}
    if client.dpop_bound_access_tokens:
        item["dpop_bound_access_tokens"] = {"BOOL": True}
    if client.tls_client_certificate_bound_access_tokens:
        item["tls_client_certificate_bound_access_tokens"] = {"BOOL": True}
    if client.tls_subject is not None:
        subject = client.tls_subject
        item["tls_subject"] = {"M": {"parameter": {"S": subject.parameter}, "value": {"S": subject.value}}}
    return item


def _limits_to_item(client: Client) -> Item:
    item: Item = {}
    if client.allow_from:
        item["allow_from"] = _strings(client.allow_from)
    if client.tokens_per_hour is not None:
        item["tokens_per_hour"] = _number(client.tokens_per_hour)
    if client.quota_monitored:
        item["quota_monitored"] = {"BOOL": True}
    if client.token_reuse is not None:
        item["token_reuse"] = {"BOOL": client.token_reuse}
    return item


def _tls_subject_from_item(item: Item) -> TlsSubject:
    return TlsSubject(parameter=item["parameter"]["S"], value=item["value"]["S"])


def _registration_from_item(item: Item) -> Registration:
    return Registration(
        registered_by=item["registered_by"]["S"],
        token_digest=bytes(item["token_digest"]["B"]),
        scopes=tuple(item["scope"]["S"].split()),
        audiences=_tuple(item["audiences"]),
    )


def _secret_to_item(secret: ClientSecret) -> Item:
    item: Item = {"digest": {"B": secret.digest}, "created_at": _number(secret.created_at)}
    return item if secret.expires_at is None else {**item, "expires_at": _number(secret.expires_at)}


def _secret_from_item(item: Item) -> ClientSecret:
    expires = item.get("expires_at")
    return ClientSecret(
        digest=bytes(item["digest"]["B"]),
        created_at=int(item["created_at"]["N"]),
        expires_at=None if expires is None else int(expires["N"]),
    )


def _strings(values: tuple[str, ...]) -> dict[str, Any]:
    return {"L": [{"S": value} for value in values]}


def _tuple(attribute: dict[str, Any]) -> tuple[str, ...]:
    return tuple(value["S"] for value in attribute["L"])


def _number(value: int) -> dict[str, Any]:
    return {"N": str(value)}
