"""The functions people know, for programs older than `TokenClient`, over its parts: docs/token-client.md.

    SECRET_NAME=reporting URL=https://auth.example.com/oauth/token SCOPE=products:read

    secrets = get_secrets()                            {"consumer_key": "reporting", "consumer_secret": "..."}
    key = generate_encryption_key(**secrets)           32 bytes
    token = load_token_from_dynamodb(key) or refresh_token()
    token["access_token"], token["expires_at"]         expires_at is Unix time in milliseconds

The environment is read at each call. No error and no line of the log holds a secret or a token.
"""

import logging
import os
import time
import uuid
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, Protocol, TypedDict, TypeVar, overload
from urllib.parse import unquote_to_bytes

import httpx

from token_client import limits, memory, token_request, token_response, transport, urls
from token_client.access_token import AccessToken
from token_client.clocks import REAL
from token_client.credentials.client_secret import ClientSecret
from token_client.credentials.protocol import Authenticated, Server
from token_client.credentials.secrets_manager import SecretsManagerSecret
from token_client.errors import ConfigurationError, ServerUnavailableError, StoreError, TokenRefusedError
from token_client.retries import LONGEST_PAUSE_S, is_retried
from token_client.store.dynamodb import DynamoDBTokenSlot, DynamoDBTokenStore
from token_client.store.encryption import KEY_BYTES, derive_key, seal, unseal
from token_client.store.protocol import TokenKey

RETRIES: Final = 3
INTERVAL_MS: Final = 1000
TABLE: Final = "token-cache"
LOCAL_AWS: Final = "http://127.0.0.1:4566"

_TIMEOUT_S: Final = 10.0
_LEASE_S: Final = 5.0  # for one write, which ends it
# Bound into what `encrypt` makes, so that it passes for nothing else that is under the same secret.
_PURPOSE: Final = b"latchkey token_manager 1"
# The form is ours to write, and its answer is not to be compressed.
_OURS: Final = frozenset({"content-type", "content-length", "accept-encoding"})
# What another attempt may change. Functions of one's own fail as their HTTP library does; requests' are OSErrors.
_PASSING: Final = (ServerUnavailableError, httpx.TransportError, OSError)
_log = logging.getLogger("token_client")

T = TypeVar("T")


class Refreshed(TypedDict):
    """All of a token but the token. `scope` has the scopes separated by spaces.

    `expires_in` is in seconds, `expires_at` is Unix time in milliseconds.
    """

    token_type: str
    scope: str
    expires_in: int
    expires_at: int


class Token(Refreshed):
    """A token."""

    access_token: str


class Invocation(Protocol):
    """A Lambda context, as far as it is looked at."""

    @property
    def aws_request_id(self) -> str:
        """The id of the invocation."""
        ...


def get_secrets() -> dict[str, str]:
    """Read the secret SECRET_NAME: `{"consumer_key": ..., "consumer_secret": ...}`.

    In Secrets Manager it may have these names, or `client_id` and `client_secret`. Raises `CredentialsError`.
    """
    identity = SecretsManagerSecret(_required("SECRET_NAME"), **_aws()).load()
    return {"consumer_key": identity.client_id, "consumer_secret": (identity.secret or b"").decode()}


def generate_encryption_key(consumer_key: str, consumer_secret: str) -> bytes:
    """Derive the 32 bytes that tokens are encrypted under (HKDF, RFC 5869); the same ones each time."""
    return derive_key(consumer_key, consumer_secret.encode())


def encrypt(data: str, key: bytes) -> str:
    """Encrypt a text under a key of 32 bytes (AES-256-GCM): base64url of nonce, ciphertext and tag."""
    return urlsafe_b64encode(seal(_checked(key), data.encode(), _PURPOSE)).decode()


def decrypt(data: str, key: bytes) -> str:
    """Decrypt what `encrypt` gave; raises `ValueError` where that was under another key, or has been changed."""
    try:
        plaintext = unseal(_checked(key), urlsafe_b64decode(data), _PURPOSE)
    except ValueError as error:
        raise ValueError(f"not what encrypt gives: {error}") from None
    if plaintext is None:
        raise ValueError("encrypted under another key, or changed since")
    return plaintext.decode()


def save_token_to_dynamodb(token: Mapping[str, Any], key: bytes) -> None:
    """Keep a token in TOKEN_TABLE, encrypted under a key of 32 bytes, and bound to SECRET_NAME, URL and SCOPE.

    It needs `access_token` and `expires_at`. Raises `StoreError` where it is not kept, and `ValueError` for no token.
    """
    kept, slot, owner = _read(token), _slot(key), uuid.uuid4().hex
    # Whoever has the lease writes another token at this moment, or died of it. The later one is kept, as ever.
    if not slot.acquire(owner, _LEASE_S):
        slot.acquire(owner, _LEASE_S, instead_of=slot.read().lease_owner)
    if not slot.write(owner, kept):
        raise StoreError("dynamodb:UpdateItem: other processes keep tokens there at this moment")


def load_token_from_dynamodb(key: bytes) -> Token | None:
    """Give the token that is kept; None where there is none, an expired one, or none that this key decrypts.

    One that ends within 10 seconds, or a tenth of its life, counts as expired. Where the table does not answer it is
    None as well, with a warning: whoever asks has to fetch a token then.
    """
    slot = _slot(key)
    try:
        token = slot.read().token
    except StoreError as error:
        _log.warning("going on without the token that is kept: %s", error)
        return None
    if token is None or time.time() >= token.expires_at / 1000 - memory.last_use_s(token):
        return None
    return _written(token)


def fetch_token(url: str, headers: Mapping[str, str], params: Mapping[str, str]) -> Token:
    """Ask a token endpoint for a token: one POST, with `params` as its form (RFC 6749 4.4.2).

    What authenticates the client is in `headers` or `params`; `grant_type` is `client_credentials`, said or not. Raises
    `ServerUnavailableError` where another attempt may succeed, and `TokenRefusedError` or `UnusableTokenError` where
    none would. No redirect is followed, and http is for this machine alone (`ConfigurationError`).
    """
    if wrong := urls.problem(url, allow_http=False):
        raise ConfigurationError(f"url {wrong}")
    form = dict(params)
    if form.pop("grant_type", "client_credentials") != "client_credentials":
        raise ConfigurationError("grant_type must be client_credentials")
    request = token_request.checked(form.pop("scope", None), None, None)
    sent = {name.title(): value for name, value in headers.items() if name.lower() not in _OURS}
    now = time.time()
    authenticated = Authenticated(sent, form)
    answer = transport.send(request.to(url, authenticated, None), _TIMEOUT_S)
    secrets = token_response.secrets(authenticated, *_passwords(sent.get("Authorization", "")))
    outcome = token_response.read(answer, token_response.Asked(url, now, "Bearer", request.scope, secrets))
    if isinstance(outcome, token_response.Refusal):
        raise TokenRefusedError(outcome.error, outcome.description, outcome.status)
    return _written(outcome)


def _passwords(authorization: str) -> tuple[bytes, ...]:
    """Give the secret that Basic authentication has, as it is and out of its form (RFC 6749 2.3.1); none of others."""
    try:
        password = b64decode(authorization.partition(" ")[2]).partition(b":")[2]
    except ValueError:
        return ()
    return password, unquote_to_bytes(password.replace(b"+", b" "))


def retry_fetch_token(retries: int, interval: float, fetch_token_func: Callable[[], T]) -> T:
    """Call a function, and up to `retries` times more where it failed and may yet succeed; give what it gives.

    The pause is `interval` milliseconds, give or take a half, or longer where the server asks for it (Retry-After); an
    error that asks for more than 30 s is raised at once. At the end the last error is raised.
    """
    bounds = limits.checked(retries=retries, retry_interval_ms=interval, timeout_s=_TIMEOUT_S, lease_s=None)
    for _ in range(bounds.retries):
        try:
            return fetch_token_func()
        except _PASSING as error:
            asked_s = getattr(error, "retry_after_s", None) or 0.0
            # requests' `raise_for_status` says by an OSError too that a server has answered, and refused.
            status = getattr(getattr(error, "response", None), "status_code", None)
            if asked_s > LONGEST_PAUSE_S or (status is not None and not is_retried(status)):
                raise
            # Of others' errors the type alone: their texts may hold a header.
            cause = error if isinstance(error, ServerUnavailableError) else type(error).__name__
            _log.warning("no token yet, and asking again: %s", cause)
            time.sleep(max(REAL.jittered(bounds.retry_interval_s), asked_s))
    return fetch_token_func()


@overload
def refresh_token(retries: int | None = None, interval: float | None = None, should_retry: bool = True) -> Token: ...  # noqa: FBT001, FBT002 - its third argument in all programs


@overload
def refresh_token(retries: object, interval: Invocation) -> Refreshed: ...


def refresh_token(retries: Any = None, interval: Any = None, should_retry: bool = True) -> Token | Refreshed:  # noqa: FBT001, FBT002 - as above
    """Fetch a token from URL, keep it in TOKEN_TABLE, and give it; with `should_retry=False` after one attempt.

    By default there are RETRIES further attempts, INTERVAL milliseconds apart. A token that cannot be kept is given all
    the same, with a warning.

    It is a Lambda handler as well, called with an event, which is not read, and a context. It then gives all but the
    token, as Lambda hands that to whoever invokes it; and a token that cannot be kept, of use to nobody, is an error.
    """
    is_invocation = any(value is not None and not isinstance(value, int | float) for value in (retries, interval))
    if is_invocation:
        retries = interval = None
    secrets = get_secrets()
    key = generate_encryption_key(**secrets)
    retries = _number("RETRIES", RETRIES) if retries is None else retries
    interval = _number("INTERVAL", INTERVAL_MS) if interval is None else interval
    token = retry_fetch_token(retries if should_retry else 0, interval, _fetching(secrets))
    try:
        save_token_to_dynamodb(token, key)
    except StoreError as error:
        if is_invocation:
            raise
        _log.warning("the token is not kept: %s", error)
    return _without_the_token(token) if is_invocation else token


def _fetching(secrets: Mapping[str, str]) -> Callable[[], Token]:
    """Give what asks URL for a token for SCOPE, in the name of the client."""
    url, scope = _required("URL"), os.environ.get("SCOPE", "")
    client = ClientSecret(secrets["consumer_key"], secrets["consumer_secret"])
    authenticated = client.authenticate(Server(url), time.time())
    params = {"grant_type": "client_credentials", **({"scope": scope} if scope else {}), **authenticated.form}
    return partial(fetch_token, url, authenticated.headers, params)


def _slot(key: bytes) -> DynamoDBTokenSlot:
    """Give the place of the token for SECRET_NAME, URL and SCOPE. The store makes of the key a key for that place."""
    scope = tuple(sorted(set(os.environ.get("SCOPE", "").split())))
    place = TokenKey(_required("URL"), _required("SECRET_NAME"), scope)
    return DynamoDBTokenStore(os.environ.get("TOKEN_TABLE") or TABLE, **_aws()).slot(place, _checked(key))


def _written(token: AccessToken) -> Token:
    return {
        "access_token": token.value,
        "token_type": token.token_type,
        "scope": " ".join(token.scope),
        "expires_in": (token.expires_at - token.issued_at) // 1000,
        "expires_at": token.expires_at,
    }


def _read(token: Mapping[str, Any]) -> AccessToken:
    value, expires_at = token.get("access_token"), token.get("expires_at")
    if not isinstance(value, str) or not isinstance(expires_at, int | float):
        raise ValueError("a token to keep has access_token, a text, and expires_at, in milliseconds")  # noqa: TRY004 - a fault of the value
    life_ms = int(token.get("expires_in") or 0) * 1000
    scope = tuple(str(token.get("scope") or "").split())
    ends_ms = int(expires_at)  # time.time() * 1000 is a float
    return AccessToken(value, str(token.get("token_type") or "Bearer"), scope, ends_ms - life_ms, ends_ms)


def _without_the_token(token: Token) -> Refreshed:
    return {
        "token_type": token["token_type"],
        "scope": token["scope"],
        "expires_in": token["expires_in"],
        "expires_at": token["expires_at"],
    }


def _aws() -> dict[str, Any]:
    """Give what the connections to AWS are made with: of a local endpoint where IS_LOCAL says so."""
    is_local = os.environ.get("IS_LOCAL", "").lower()
    if is_local in ("", "false"):
        return {}
    if is_local != "true":  # a misspelt one would write to an account
        raise ConfigurationError("IS_LOCAL must be true or false")
    from boto3.session import Session  # noqa: PLC0415 - in an account the store and the credentials import it, when first used

    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    session = Session("local", "local", region_name=region)  # nobody's
    return {"endpoint_url": os.environ.get("AWS_ENDPOINT_URL") or LOCAL_AWS, "session": session}


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"the key must be {KEY_BYTES} bytes: generate_encryption_key gives them")
    return key


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(f"{name} must be set")
    return value


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        raise ConfigurationError(f"{name} must be a whole number")
    return int(text)
