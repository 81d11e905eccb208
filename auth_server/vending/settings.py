"""The settings of token vending: environment variables, read once; a bad value stops the cold start.

Those that the authorization server has as well are read, and mean, the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from auth_server import cors, scope, settings
from auth_server.settings import Setting, SettingsError, audience, one_of, scopes, text, whole_number
from auth_server.vending.vending import Terms
from authorizer import strict_json

SIGNING: Final = ("SIGNING_KEY_ID", "KEYS_TABLE", "SIGNER", "KEY_ENCRYPTION_KEY_ID")
GroupScopes = Mapping[str, tuple[str, ...]]
# Who may ask; and what each of them needs beside what all need.
NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "open": ("VENDING_SCOPE",),
    "authorizer": ("VENDING_SCOPE",),
    "cognito": ("GROUP_SCOPES",),
    "login": ("GROUP_SCOPES", "PEOPLE_TABLE"),
}


def _group_scopes(given: str) -> GroupScopes:
    """Read {"group": "scope scope"}."""
    try:
        members = strict_json.parse_object(given.encode("utf-8"))
    except ValueError:
        raise ValueError('must be a JSON object, such as {"readers": "products:read"}') from None
    if not all(map(is_group, members)):
        raise ValueError(
            "names a group with a comma or white space in it, where API Gateway separates groups with those, or with no name"
        )
    if not all(isinstance(names, str) and all(map(scope.is_scope_token, names.split())) for names in members.values()):
        raise ValueError("must give each group its scopes, separated by spaces")
    return {group: tuple(names.split()) for group, names in members.items()}


def is_group(name: str) -> bool:
    """Whether a group can be called so."""
    return name != "" and name.isprintable() and not any(separator in name for separator in ", ")


def _origins(given: str) -> tuple[str, ...]:
    return tuple(map(cors.check_origin, given.split()))


def _optional(read: Callable[[str], Any], absent: Any) -> Callable[[str], Any]:
    return lambda given: read(given) if given else absent


# fmt: off
SETTINGS = (
    *(row for row in settings.SETTINGS if row.name in {"ISSUER", "CLIENTS_TABLE", "STATE_TABLE", *SIGNING}),
    Setting("VENDING_TABLE", None, text, "name", "The DynamoDB table of tokens that were vended, encrypted."),
    Setting("VENDED_TOKEN_KEY_ID", None, text, "id", "The KMS key that encrypts them: key id, ARN or alias; symmetric."),
    Setting("VENDING_CLIENT_ID", "browser", text, "id", "The client in whose name tokens are vended; its record is their ceiling."),
    Setting("VENDING_AUDIENCE", None, audience, "URI", "`aud` of every token that is vended: one of the client's audiences."),
    Setting("VENDING_LIFETIME_SECONDS", "3600", whole_number(60, 86_400), "seconds", "How long a token lives, unless the client's record says less."),
    Setting("VENDING_RENEW_SECONDS", "300", whole_number(0, 3_600), "seconds", "With less than this left, or half of its life, a caller's token is replaced by another."),
    Setting("VENDING_MODE", None, one_of(*NEEDS), "open, authorizer, cognito or login", "Who may ask for a token, and by whose word."),
    Setting("VENDING_SCOPE", "", scopes, "scopes", "The scope of every token (`open`, `authorizer`)."),
    Setting("GROUP_SCOPES", "", _optional(_group_scopes, {}), "JSON", 'The scopes of each group (`cognito`, `login`): {"group": "scope scope"}.'),
    Setting("PEOPLE_TABLE", "", str, "name", "The DynamoDB table of people (`login`)."),
    Setting("SESSION_SECONDS", "43200", whole_number(60, 2_592_000), "seconds", "How long after a log-in its token can be renewed (`login`)."),
    Setting("CORS_ORIGINS", "", _origins, "origins", "The origins whose pages may read the answers, separated by spaces; none: no page of another origin."),
    *(row for row in settings.SETTINGS if row.name in {"KEY_CACHE_SECONDS", "LOG_LEVEL"}),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """The rows that vending itself needs, wherever it is built in. Times are in seconds."""

    issuer: str
    clients_table: str
    state_table: str
    signing_key_id: str
    keys_table: str
    signer: str
    key_encryption_key_id: str
    vending_table: str
    vended_token_key_id: str
    vending_client_id: str
    vending_audience: str
    vending_lifetime_seconds: int
    vending_renew_seconds: int
    key_cache_seconds: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read these variables; raises `SettingsError` at the first that will not do."""
        read = cls(**settings.read_fields(cls, SETTINGS, environ))
        settings.check_signer(read)
        return read

    @property
    def terms(self) -> Terms:
        """How this deployment vends."""
        return Terms(
            issuer=self.issuer,
            client_id=self.vending_client_id,
            audience=self.vending_audience,
            lifetime_seconds=self.vending_lifetime_seconds,
            renew_seconds=self.vending_renew_seconds,
        )


@dataclass(frozen=True, slots=True)
class GroupSettings(EmbeddedSettings):
    """The same where people are in groups."""

    group_scopes: GroupScopes

    def scopes_of(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        """Give all the scopes of these groups, each once. A group that the configuration does not name has none."""
        named = (names for group, names in self.group_scopes.items() if group in groups)
        return tuple(dict.fromkeys(name for names in named for name in names))


@dataclass(frozen=True, slots=True)
class VendingSettings(GroupSettings):
    """The table above, read."""

    vending_mode: str
    vending_scope: tuple[str, ...]
    people_table: str
    session_seconds: int
    cors_origins: tuple[str, ...]
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read these variables; raises `SettingsError` at the first that will not do, or that the mode misses."""
        read = cls(**settings.read_fields(cls, SETTINGS, environ))
        settings.check_signer(read)
        for name in NEEDS[read.vending_mode]:
            if not getattr(read, name.lower()):
                raise SettingsError(f"{name} is not set, and VENDING_MODE {read.vending_mode} needs it")
        return read
