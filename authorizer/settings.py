"""Every setting of the authorizer: an environment variable, read once while the Lambda starts.

A bad value stops the cold start with a `SettingsError` that names the variable and never its value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authorizer.audit import LEVELS
from authorizer.decision import HttpApiResponse, InvalidTokenResult, PolicyFor
from authorizer.errors import SettingsError
from authorizer.jwks import KeySet
from authorizer.route_map import RouteMap
from authorizer.trusted_issuer import (
    JWKS_PATH,
    OFF,
    REVOCATIONS_PATH,
    TrustedIssuer,
    read_issuers,
    read_jwks,
    read_revocations_uri,
)
from authorizer.urls import check_issuer, check_url


def _audiences(text: str) -> frozenset[str]:
    if not text.isprintable() or not text.split():
        raise ValueError("must be one audience or several, with spaces between them")
    return frozenset(text.split())


def _optional(parse: Callable[[str], Any], absent: Any) -> Callable[[str], Any]:
    return lambda text: parse(text) if text else absent


def _routes(text: str) -> RouteMap:
    return _route_map(text.encode("utf-8"))


def _routes_file(path: str) -> RouteMap:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {type(error).__name__}") from None
    return _route_map(data)


def _route_map(data: bytes) -> RouteMap:
    try:
        return RouteMap.parse(data)
    except ValueError as error:
        raise ValueError(f"is not what `latchkey routes compile` writes: {error}") from None


def _seconds(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(high)) and low <= int(text) <= high):
            raise ValueError(f"must be a whole number from {low} to {high}")
        return int(text)

    return parse


def _one_of(names: Mapping[str, Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        if text not in names:
            raise ValueError(f"must be one of: {', '.join(names)}")
        return names[text]

    return parse


@dataclass(frozen=True, slots=True)
class Setting:
    """A row: the variable, what stands for an absent or empty one ("" is nothing, None an error), and how to read it."""

    name: str
    default: str | None
    unit: str
    meaning: str
    parse: Callable[[str], Any]


# Names of fields in `Settings` are these in lower case; those of one issuer make up its `issuers`.
SETTINGS: tuple[Setting, ...] = (
    Setting("ISSUER", None, "URL", "The issuer whose tokens are accepted, exactly as in `iss`.", check_issuer),
    Setting("AUDIENCE", None, "URLs", "What this API is called in `aud`; of several, one suffices.", _audiences),
    Setting(
        "JWKS_URI",
        "",
        "URL",
        f"Where the issuer's keys are; by default ISSUER and `{JWKS_PATH}`.",
        _optional(check_url, ""),
    ),
    Setting(
        "JWKS",
        "",
        "JSON",
        "The issuer's keys themselves, instead of JWKS_URI; then none is ever fetched.",
        _optional(read_jwks, None),
    ),
    Setting(
        "REVOCATIONS_URI",
        "",
        f"URL or {OFF}",
        f"Where the feed of what is revoked is; by default ISSUER and `{REVOCATIONS_PATH}`. `{OFF}`: none is read.",
        _optional(read_revocations_uri, ""),
    ),
    Setting(
        "ISSUERS",
        "",
        "JSON",
        "Several issuers, in the place of all of the above ([how](docs/several-issuers.md)).",
        _optional(read_issuers, None),
    ),
    Setting(
        "INVALID_TOKEN_RESULT",
        InvalidTokenResult.UNAUTHORIZED,
        "unauthorized or deny",
        "What an invalid or expired token leads to: 401, or an explicit Deny policy (403).",
        _one_of({result.value: result for result in InvalidTokenResult}),
    ),
    Setting(
        "ROUTES",
        "",
        "JSON or compact",
        "Which scopes permit which routes: what `latchkey routes compile` writes. None: each good token may call each.",
        _optional(_routes, None),
    ),
    Setting(
        "ROUTES_FILE",
        "",
        "path",
        "The same in a file of the artifact or of a layer, instead of ROUTES.",
        _optional(_routes_file, None),
    ),
    Setting(
        "POLICY_FOR",
        PolicyFor.STAGE,
        "stage or call",
        "What a policy is for: every route of the stage, or the one call that was made (REQUEST authorizers).",
        _one_of({each.value: each for each in PolicyFor}),
    ),
    Setting(
        "HTTP_API_RESPONSE",
        HttpApiResponse.POLICY,
        "policy or simple",
        "How an HTTP API with payload 2.0 is answered: `simple` where it has `enableSimpleResponses`.",
        _one_of({each.value: each for each in HttpApiResponse}),
    ),
    Setting(
        "API_ORIGIN",
        "",
        "URL",
        "What clients' URLs begin with, before the path: for DPoP. None: no proof counts.",
        _optional(check_issuer, ""),  # as an issuer: neither a query nor a slash at its end, as a path follows
    ),
    Setting(
        "DPOP_MAX_AGE_SECONDS",
        "60",
        "1 to 300 s",
        "How far the time of a DPoP proof may be off, either way.",
        _seconds(1, 300),
    ),
    Setting("CLOCK_SKEW_SECONDS", "60", "0 to 300 s", "How far the issuer's clock may be off.", _seconds(0, 300)),
    Setting("JWKS_CACHE_SECONDS", "300", "1 to 86400 s", "How long fetched keys serve unasked.", _seconds(1, 86_400)),
    Setting("JWKS_COOLDOWN_SECONDS", "10", "1 to 3600 s", "The pause between two fetches.", _seconds(1, 3_600)),
    Setting("JWKS_TIMEOUT_SECONDS", "2", "1 to 10 s", "How long a fetch may take in all.", _seconds(1, 10)),
    Setting(
        "JWKS_MAX_STALE_SECONDS",
        "3600",
        "0 to 86400 s",
        "How long fetched keys serve, from their fetch on, where fetching fails.",
        _seconds(0, 86_400),
    ),
    Setting(
        "REVOCATIONS_POLL_SECONDS",
        "30",
        "1 to 300 s",
        "How long the feed serves before it is asked for again.",
        _seconds(1, 300),
    ),
    Setting(
        "REVOCATIONS_MAX_STALE_SECONDS",
        "300",
        "0 to 900 s",
        "How long the feed serves, from its fetch on, where fetching fails; then every request is 503.",
        _seconds(0, 900),
    ),
    Setting(
        "LOG_LEVEL",
        "INFO",
        "DEBUG, INFO, WARNING or ERROR",
        "The least level of a log line; at WARNING, allowed requests leave none.",
        _one_of({level: level for level in LEVELS}),
    ),
)


_OF_ONE_ISSUER = ("ISSUER", "AUDIENCE", "JWKS_URI", "JWKS", "REVOCATIONS_URI")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, checked. `issuers` are one or several."""

    issuers: tuple[TrustedIssuer, ...]
    invalid_token_result: InvalidTokenResult
    routes: RouteMap | None
    routes_file: RouteMap | None
    policy_for: PolicyFor
    http_api_response: HttpApiResponse
    api_origin: str
    dpop_max_age_seconds: int
    clock_skew_seconds: int
    jwks_cache_seconds: int
    jwks_cooldown_seconds: int
    jwks_timeout_seconds: int
    jwks_max_stale_seconds: int
    revocations_poll_seconds: int
    revocations_max_stale_seconds: int
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables; raises `SettingsError`."""
        elsewhere = _OF_ONE_ISSUER if environ.get("ISSUERS") else ()
        for name in elsewhere:
            if environ.get(name):
                raise SettingsError(f"ISSUERS and {name} exclude each other")
        values = {row.name.lower(): _read(row, environ) for row in SETTINGS if row.name not in elsewhere}
        if not elsewhere:
            values["issuers"] = (_one_issuer(*(values.pop(name.lower()) for name in _OF_ONE_ISSUER)),)
        if values["routes"] is not None and values["routes_file"] is not None:
            raise SettingsError("ROUTES and ROUTES_FILE exclude each other")
        settings = cls(**values)
        if settings.needs_patterns and settings.route_map is not None and not settings.route_map.has_patterns:
            name = "ROUTES" if settings.routes is not None else "ROUTES_FILE"
            raise SettingsError(f"{name} was compiled for single calls: compile it anew, or set POLICY_FOR to call")
        return settings

    @property
    def route_map(self) -> RouteMap | None:
        """Which scopes permit which routes, None where each good token may call each."""
        return self.routes or self.routes_file

    def summary(self) -> dict[str, str]:
        """Tell in words, for the log, what these settings come to."""
        return {
            "issuers": " ".join(trusted.issuer for trusted in self.issuers),
            "routes": "by the map" if self.route_map else "no map: each good token may call each",
            "policy_for": self.policy_for.value,
            "revocations": "read" if all(trusted.revocations_uri for trusted in self.issuers) else "not read of all",
            "dpop": "verified" if self.api_origin else "refused: no API_ORIGIN",
        }

    @property
    def needs_patterns(self) -> bool:
        """Whether any answer is a policy for a whole stage."""
        return self.policy_for is PolicyFor.STAGE and self.http_api_response is HttpApiResponse.POLICY


def _one_issuer(
    issuer: str, audiences: frozenset[str], jwks_uri: str, jwks: KeySet | None, revocations_uri: str
) -> TrustedIssuer:
    if jwks is not None and jwks_uri:
        raise SettingsError("JWKS and JWKS_URI exclude each other")
    return TrustedIssuer.of(issuer, audiences, jwks_uri=jwks_uri, jwks=jwks, revocations_uri=revocations_uri)


def _read(setting: Setting, environ: Mapping[str, str]) -> Any:
    text = environ.get(setting.name) or setting.default
    if text is None:
        raise SettingsError(f"{setting.name} is required")
    try:
        return setting.parse(text)
    except ValueError as error:
        # UnicodeError is a ValueError that quotes what it could not encode.
        what = "is not text" if isinstance(error, UnicodeError) else str(error)
        raise SettingsError(f"{setting.name} {what}") from None
