"""The settings of the authorization server: environment variables, read once; a bad value stops the cold start."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self
from urllib.parse import urlsplit

from auth_server import resource_indicators, scope
from authorizer.urls import check_issuer, is_loopback

MAX_ISSUER_LENGTH = 256


class SettingsError(Exception):
    """A variable is missing or out of range; the message names it and what it must be."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable: its name, its default (None: it must be set), how it is read, its unit or form, and its use."""

    name: str
    default: str | None
    read: Callable[[str], Any]
    unit: str
    meaning: str


def _issuer(text: str) -> str:
    if len(text) > MAX_ISSUER_LENGTH:
        raise ValueError(f"must have at most {MAX_ISSUER_LENGTH} characters")
    return check_issuer(text)


def audience(text: str) -> str:
    """Read an audience (RFC 8707 2)."""
    if not resource_indicators.is_absolute_uri(text):
        raise ValueError("must be an absolute URI without a fragment")
    return text


def text(given: str) -> str:
    """Read what may be any text."""
    if not given:
        raise ValueError("must not be empty")
    return given


def scopes(text: str) -> tuple[str, ...]:
    """Read scopes (RFC 6749 3.3)."""
    names = tuple(text.split())
    if not all(map(scope.is_scope_token, names)):
        raise ValueError("must be scopes separated by spaces")
    return names


def one_of(*choices: str) -> Callable[[str], str]:
    """Read one of these words."""

    def read(text: str) -> str:
        if text not in choices:
            raise ValueError("must be one of " + ", ".join(choices))
        return text

    return read


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """Read a number in this range."""

    def read(text: str) -> int:
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return read


# fmt: off
SETTINGS = (
    Setting("ISSUER", None, _issuer, "URL", "The issuer: `iss` of every token, base of every endpoint's URL. Never taken from a request."),
    Setting("AUDIENCE", None, audience, "URI", "`aud` of a token for a client that has no audience of its own and asks for none."),
    Setting("CLIENTS_TABLE", None, text, "name", "The DynamoDB table of clients."),
    Setting("STATE_TABLE", None, text, "name", "The DynamoDB table of what was used once and what was revoked."),
    Setting("SIGNING_KEY_ID", None, text, "id", "The first signing key, which endorses all later ones, in KMS: key id, ARN or alias; RSA_2048 or larger, SIGN_VERIFY."),
    Setting("KEYS_TABLE", "", str, "name", "The DynamoDB table of the later signing keys; none: the first key signs for ever."),
    Setting("SIGNER", "kms", one_of("kms", "data_key"), "name", "How tokens are signed: `kms` asks KMS for each signature, `data_key` signs in process with short-lived keys (docs/signing-keys.md)."),
    Setting("KEY_ENCRYPTION_KEY_ID", "", str, "id", "The KMS key that encrypts them (`data_key`): key id, ARN or alias; symmetric."),
    Setting("TOKEN_LIFETIME_SECONDS", "3600", whole_number(60, 86_400), "seconds", "How long a token lives, unless the client's record says otherwise."),
    Setting("SCOPES_SUPPORTED", "", scopes, "scopes", "`scopes_supported` of the metadata; none: the metadata is silent about scopes."),
    Setting("KEY_CACHE_SECONDS", "300", whole_number(1, 3_600), "seconds", "How long a warm Lambda keeps the public key; also `max-age` of the key set."),
    Setting("REVOCATION_FEED_SECONDS", "30", whole_number(1, 300), "seconds", "How long a warm Lambda keeps the feed of revoked tokens; also `max-age` of the feed."),
    Setting("ASSERTION_MAX_LIFETIME_SECONDS", "3600", whole_number(60, 3_600), "seconds", "The longest life of an assertion that a client signs itself (`private_key_jwt`)."),
    Setting("FEDERATED_MAX_LIFETIME_SECONDS", "86400", whole_number(60, 604_800), "seconds", "The longest life of another issuer's token that a client authenticates with (`federated_jwt`)."),
    Setting("DPOP_MAX_AGE_SECONDS", "60", whole_number(1, 300), "seconds", "How far the time of a DPoP proof may be from this server's, either way."),
    Setting("TOKEN_REUSE", "off", one_of("on", "off"), "on or off", "Whether a client that asks again gets its unexpired token again, unless its record says otherwise."),
    Setting("ADDRESS_FAILURES", "100", whole_number(10, 1_000_000), "failures", "How many wrong secrets one address may send in 15 minutes before it has to wait: more, where all callers have a proxy's."),
    Setting("MTLS", "off", one_of("on", "off"), "on or off", "Whether the certificate that API Gateway's mutual TLS hands over counts; `off` ignores it."),
    Setting("LOG_LEVEL", "INFO", one_of("DEBUG", "INFO", "WARNING", "ERROR"), "level", "The least level of a log line that is written."),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class GateSettings:
    """The rows that the gate before the token endpoint needs."""

    clients_table: str
    state_table: str
    address_failures: int
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read these variables; raises `SettingsError` at the first that will not do."""
        return cls(**read_fields(cls, SETTINGS, environ))


@dataclass(frozen=True, slots=True)
class Settings(GateSettings):
    """The table above, read. Times are in seconds."""

    issuer: str
    audience: str
    signing_key_id: str
    keys_table: str
    signer: str
    key_encryption_key_id: str
    token_lifetime_seconds: int
    scopes_supported: tuple[str, ...]
    key_cache_seconds: int
    revocation_feed_seconds: int
    dpop_max_age_seconds: int
    token_reuse: str
    mtls: str
    assertion_max_lifetime_seconds: int
    federated_max_lifetime_seconds: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read these variables; raises `SettingsError` at the first that will not do, or that the signer misses."""
        read = cls(**read_fields(cls, SETTINGS, environ))
        check_signer(read)
        return read

    @property
    def reuses_tokens(self) -> bool:
        """Whether clients get unexpired tokens again, unless their records say otherwise."""
        return self.token_reuse == "on"  # noqa: S105 - no token

    @property
    def is_on_loopback(self) -> bool:
        """Whether the issuer is on this machine's own loopback interface: a laptop, where others may be as well."""
        return is_loopback(urlsplit(self.issuer).hostname or "")


def read_fields(cls: type[Any], rows: Iterable[Setting], environ: Mapping[str, str]) -> dict[str, Any]:
    """Read the rows that the fields of a dataclass are named after; raises `SettingsError` at the first bad one."""
    by_field = {row.name.lower(): row for row in rows}
    return {field.name: _read(by_field[field.name], environ) for field in fields(cls)}


def check_signer(read: Any) -> None:
    """Raise `SettingsError` where these settings want data keys to sign, and lack what they need."""
    for name in ("KEYS_TABLE", "KEY_ENCRYPTION_KEY_ID"):
        if read.signer == "data_key" and not getattr(read, name.lower()):
            raise SettingsError(f"{name} is not set, and SIGNER data_key needs it")


def _read(setting: Setting, environ: Mapping[str, str]) -> Any:
    given = environ.get(setting.name, setting.default)
    if given is None:
        raise SettingsError(f"{setting.name} is not set")
    try:
        return setting.read(given)
    except ValueError as error:
        raise SettingsError(f"{setting.name} {error}") from None
