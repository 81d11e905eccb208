"""Every setting of the authorizer: an environment variable, read once while the Lambda starts.

A bad value stops the cold start with a `SettingsError` that names the variable and never its value.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authorizer.audit import LEVELS
from authorizer.decision import HttpApiResponse, InvalidTokenResult, PolicyFor
from authorizer.errors import JwksError, SettingsError
from authorizer.jwks import KeySet, parse_jwks
from authorizer.route_map import RouteMap
from authorizer.urls import check_issuer, check_url

JWKS_PATH = "/.well-known/jwks.json"


def _audiences(text: str) -> frozenset[str]:
    if not text.isprintable() or not text.split():
        raise ValueError("must be one audience or several, with spaces between them")
    return frozenset(text.split())


def _optional_url(text: str) -> str:
    return check_url(text) if text else ""


def _optional_origin(text: str) -> str:
    # As an issuer: neither a query nor a slash at its end, as a path follows.
    return check_issuer(text) if text else ""


def _routes(text: str) -> RouteMap | None:
    return RouteMap.parse(text.encode("utf-8")) if text else None


def _routes_file(path: str) -> RouteMap | None:
    if not path:
        return None
    try:
        return RouteMap.parse(Path(path).read_bytes())
    except OSError as error:
        raise ValueError(f"cannot be read: {type(error).__name__}") from None


def _jwks(text: str) -> KeySet | None:
    if not text:
        return None
    try:
        return parse_jwks(text.encode("utf-8"))
    except JwksError as error:
        raise ValueError(f"must be a JWK Set with an RSA key to verify with: {error}") from None


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


# Names of fields in `Settings` are these in lower case.
SETTINGS: tuple[Setting, ...] = (
    Setting("ISSUER", None, "URL", "The issuer whose tokens are accepted, exactly as in `iss`.", check_issuer),
    Setting("AUDIENCE", None, "URLs", "What this API is called in `aud`; of several, one suffices.", _audiences),
    Setting("JWKS_URI", "", "URL", f"Where the issuer's keys are; by default ISSUER and `{JWKS_PATH}`.", _optional_url),
    Setting("JWKS", "", "JSON", "The issuer's keys themselves, instead of JWKS_URI; then none is ever fetched.", _jwks),
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
        _routes,
    ),
    Setting(
        "ROUTES_FILE", "", "path", "The same in a file of the artifact or of a layer, instead of ROUTES.", _routes_file
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
        _optional_origin,
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
        "LOG_LEVEL",
        "INFO",
        "DEBUG, INFO, WARNING or ERROR",
        "The least level of a log line; at WARNING, allowed requests leave none.",
        _one_of({level: level for level in LEVELS}),
    ),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings, checked. `jwks_uri` is empty where the keys are bundled (`jwks`), and never fetched from then."""

    issuer: str
    audience: frozenset[str]
    jwks_uri: str
    jwks: KeySet | None
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
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables; raises `SettingsError`."""
        values = {setting.name.lower(): _read(setting, environ) for setting in SETTINGS}
        if values["jwks"] is not None and values["jwks_uri"]:
            raise SettingsError("JWKS and JWKS_URI exclude each other")
        if values["jwks"] is None and not values["jwks_uri"]:
            values["jwks_uri"] = values["issuer"] + JWKS_PATH
        if values["routes"] is not None and values["routes_file"] is not None:
            raise SettingsError("ROUTES and ROUTES_FILE exclude each other")
        settings = cls(**values)
        if settings.needs_patterns and settings.route_map is not None and not settings.route_map.has_patterns:
            raise SettingsError("ROUTES was compiled for single calls: compile it anew, or set POLICY_FOR to call")
        return settings

    @property
    def route_map(self) -> RouteMap | None:
        """Which scopes permit which routes, None where each good token may call each."""
        return self.routes or self.routes_file

    @property
    def needs_patterns(self) -> bool:
        """Whether any answer is a policy for a whole stage."""
        return self.policy_for is PolicyFor.STAGE and self.http_api_response is HttpApiResponse.POLICY


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
