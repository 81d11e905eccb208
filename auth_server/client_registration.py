"""What may be registered about a client, and the life of its secrets. Shared by every way to register one."""

import json
from collections.abc import Callable
from dataclasses import replace

from auth_server import allow_list, trusted_issuers
from auth_server.access_token import MAX_LIFETIME_SECONDS, RESERVED_CLAIMS
from auth_server.client_authentication import (
    METHODS,
    federated_jwt,
    private_key_jwt,
    self_signed_tls_client_auth,
    tls_client_auth,
)
from auth_server.clients import (
    MAX_CLIENT_ID_LENGTH,
    MAX_LIVE_SECRETS,
    NO_AUTHENTICATION,
    REGISTER_SCOPE,
    Client,
    ClientSecret,
    digest_secret,
    generate_secret,
    is_client_id,
)
from auth_server.grants import GRANTS
from auth_server.jwks_fetch import is_fetchable
from auth_server.scope import is_scope_token
from authorizer import usage_identifier_key

MIN_IMPORTED_SECRET_LENGTH = 22  # characters: 128 bits in base64url
MIN_LIFETIME_SECONDS = 60
MIN_DISTINCT_CHARACTERS = 10
MAX_TOKEN_CONTENT_BYTES = 2_300  # as JSON: leaves a token of everything below what KMS signs (4,096)
MAX_NAME_LENGTH = 200
MAX_JWKS_BYTES = 32_768  # as JSON
MAX_TLS_SUBJECT_LENGTH = 1_000
MAX_TOKENS_PER_HOUR = 1_000_000_000
MAX_RESOURCE_IDENTIFIERS, MAX_AUDIENCE_LENGTH = 20, 1_000


class InvalidClientMetadataError(ValueError):
    """The record breaks a rule of this file; the message says which (RFC 7591 3.2.2 names the code)."""


def _token_content_fits(client: Client) -> bool:
    key = client.usage_identifier_key
    claims = {**client.claims, **({} if key is None else {"usage_identifier_key": key})}
    content = [client.client_id, client.client_id, list(client.audiences), claims, " ".join(client.scopes)]
    return len(json.dumps(content, separators=(",", ":"))) <= MAX_TOKEN_CONTENT_BYTES


def _is_bound(client: Client) -> bool:
    return client.dpop_bound_access_tokens or client.tls_client_certificate_bound_access_tokens


def _is_audience(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


_RULES: tuple[tuple[Callable[[Client], bool], str], ...] = (
    (
        lambda client: is_client_id(client.client_id),
        f"a client id is 1 to {MAX_CLIENT_ID_LENGTH} printable ASCII characters",
    ),
    (lambda client: all(map(is_scope_token, client.scopes)), "a scope is printable ASCII without spaces, quotes or \\"),
    (lambda client: len(set(client.scopes)) == len(client.scopes), "a scope is named once"),
    (lambda client: set(client.default_scopes) <= set(client.scopes), "the default scopes are some of the scopes"),
    (lambda client: all(map(_is_audience, client.audiences)), "an audience is a URL, or ASCII without spaces"),
    (lambda client: bool(client.auth_methods), "a client has at least one authentication method"),
    (
        lambda client: set(client.auth_methods) <= {*METHODS, NO_AUTHENTICATION},
        "the methods are " + ", ".join((*METHODS, NO_AUTHENTICATION)),
    ),
    (
        lambda client: NO_AUTHENTICATION not in client.auth_methods or len(client.auth_methods) == 1,
        f"a client whose method is {NO_AUTHENTICATION} has no other",
    ),
    (
        lambda client: NO_AUTHENTICATION not in client.auth_methods or not (client.secrets or _is_bound(client)),
        f"a client whose method is {NO_AUTHENTICATION} has no secret, and no tokens that are bound to a key",
    ),
    (
        lambda client: NO_AUTHENTICATION not in client.auth_methods or not client.allow_from,
        f"a client whose method is {NO_AUTHENTICATION} authenticates nowhere, and so from nowhere",
    ),
    (
        lambda client: (
            len(client.allow_from) <= allow_list.MAX_NETWORKS and all(map(allow_list.is_network, client.allow_from))
        ),
        f"it may come from at most {allow_list.MAX_NETWORKS} networks, such as 192.0.2.0/24 or 2001:db8::/32",
    ),
    (
        lambda client: client.tokens_per_hour is None or 1 <= client.tokens_per_hour <= MAX_TOKENS_PER_HOUR,
        f"a quota is 1 to {MAX_TOKENS_PER_HOUR} tokens an hour",
    ),
    (
        lambda client: NO_AUTHENTICATION not in client.auth_methods or client.tokens_per_hour is None,
        f"a client whose method is {NO_AUTHENTICATION} asks for no tokens, and has no quota",
    ),
    (lambda client: bool(client.grant_types), "a client has at least one grant type"),
    (lambda client: set(client.grant_types) <= set(GRANTS), "the grant types are " + ", ".join(GRANTS)),
    (
        lambda client: (
            client.token_lifetime is None or MIN_LIFETIME_SECONDS <= client.token_lifetime <= MAX_LIFETIME_SECONDS
        ),
        f"a token lives {MIN_LIFETIME_SECONDS} to {MAX_LIFETIME_SECONDS} seconds",
    ),
    (
        lambda client: not set(client.claims) & RESERVED_CLAIMS,
        "these claims are the server's own: " + ", ".join(sorted(RESERVED_CLAIMS)),
    ),
    (
        _token_content_fits,
        f"what a token says (id twice, scopes, audiences, claims) is at most {MAX_TOKEN_CONTENT_BYTES} bytes of JSON",
    ),
    (
        lambda client: len(client.name) <= MAX_NAME_LENGTH and client.name.isprintable(),
        f"a name is at most {MAX_NAME_LENGTH} printable characters",
    ),
    (
        lambda client: (
            client.usage_identifier_key is None
            or usage_identifier_key.is_usage_identifier_key(client.usage_identifier_key)
        ),
        usage_identifier_key.RULE,
    ),
    (
        lambda client: REGISTER_SCOPE not in client.registrable_scopes,
        f"{REGISTER_SCOPE} is for operators to give: no client may grant it",
    ),
    (
        lambda client: (
            all(map(is_scope_token, client.registrable_scopes)) and all(map(_is_audience, client.registrable_audiences))
        ),
        "what a client may grant are scopes and audiences",
    ),
    (
        lambda client: (
            len(client.resource_identifiers) <= MAX_RESOURCE_IDENTIFIERS
            and all(len(each) <= MAX_AUDIENCE_LENGTH and _is_audience(each) for each in client.resource_identifiers)
        ),
        f"an API is at most {MAX_RESOURCE_IDENTIFIERS} audiences: URLs, or ASCII without spaces",
    ),
    (lambda client: client.jwks is None or client.jwks_uri is None, "a client has a jwks or a jwks_uri, not both"),
    (
        lambda client: (
            client.jwks is None
            or (len(json.dumps(dict(client.jwks))) <= MAX_JWKS_BYTES and trusted_issuers.is_public_key_set(client.jwks))
        ),
        f"a jwks is {MAX_JWKS_BYTES} bytes of public keys, one of them RSA (2048 bits or more), P-256 or Ed25519",
    ),
    (
        lambda client: client.jwks_uri is None or is_fetchable(client.jwks_uri, loopback=True),
        "a jwks_uri is an https URL without a fragment",
    ),
    (
        lambda client: private_key_jwt.METHOD not in client.auth_methods or bool(client.jwks or client.jwks_uri),
        "private_key_jwt needs a jwks or a jwks_uri",
    ),
    (
        lambda client: federated_jwt.METHOD not in client.auth_methods or bool(client.trusted_issuers),
        "federated_jwt needs a trusted issuer",
    ),
    (
        lambda client: (
            client.tls_subject is None
            or (
                len(client.tls_subject.value) <= MAX_TLS_SUBJECT_LENGTH
                and tls_client_auth.is_subject(client.tls_subject)
            )
        ),
        f"a certificate is known by a name of RFC 4514, DNS, URI, IP or email, of {MAX_TLS_SUBJECT_LENGTH} characters",
    ),
    (
        lambda client: tls_client_auth.METHOD not in client.auth_methods or client.tls_subject is not None,
        "tls_client_auth needs the subject that the client's certificate names, in one of five ways (RFC 8705 2.1.2)",
    ),
    (
        lambda client: self_signed_tls_client_auth.METHOD not in client.auth_methods or client.jwks is not None,
        "self_signed_tls_client_auth needs a jwks with the certificate's key",
    ),
    (lambda client: len(client.secrets) <= MAX_LIVE_SECRETS, f"a client has at most {MAX_LIVE_SECRETS} live secrets"),
)


def check(client: Client) -> Client:
    """Give the client back; raises `InvalidClientMetadataError` with the first rule that it breaks."""
    for holds, rule in _RULES:
        if not holds(client):
            raise InvalidClientMetadataError(rule)
    try:
        trusted_issuers.check(client.trusted_issuers)
    except ValueError as error:
        raise InvalidClientMetadataError(str(error)) from None
    return client


def new_secret(*, imported: str | None, now: int) -> tuple[str, ClientSecret]:
    """Generate a secret, or take an `imported` one, so that a fleet can move here without changing its clients.

    Gives the secret, which is shown once and never kept, and its record. Raises `InvalidClientMetadataError`.
    """
    if imported is not None and not _is_strong(imported):
        raise InvalidClientMetadataError(
            f"an imported secret is random: at least {MIN_IMPORTED_SECRET_LENGTH} printable characters, "
            f"{MIN_DISTINCT_CHARACTERS} of them different"
        )
    secret = imported if imported is not None else generate_secret()
    return secret, ClientSecret(digest_secret(secret), created_at=now)


def _is_strong(secret: str) -> bool:
    """Whether it can be random, as far as one can see. A digest is no protection for a secret that can be guessed."""
    distinct = len(set(secret)) >= MIN_DISTINCT_CHARACTERS
    return len(secret) >= MIN_IMPORTED_SECRET_LENGTH and distinct and secret.isprintable()


def rotate_secret(client: Client, secret: ClientSecret, *, overlap: int, now: int) -> Client:
    """Add a secret. The newest live one stays good for `overlap` seconds more at most, any other ends now."""
    live = sorted((old for old in client.secrets if old.is_live(now)), key=lambda old: old.created_at)
    kept = [_expire(old, now + overlap) for old in live[-1:]] if overlap else []
    return replace(client, secrets=(*kept, secret))


def _expire(secret: ClientSecret, at: int) -> ClientSecret:
    return replace(secret, expires_at=at if secret.expires_at is None else min(secret.expires_at, at))
