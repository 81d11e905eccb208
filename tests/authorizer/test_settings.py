"""The settings: every variable, its default and its range."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from authorizer.decision import HttpApiResponse, InvalidTokenResult, PolicyFor
from authorizer.errors import SettingsError
from authorizer.settings import SETTINGS, Settings
from authorizer.trusted_issuer import TrustedIssuer
from tests.authorizer.issuer import AUDIENCE, ISSUER, jwk, jwks

_ENVIRON = {"ISSUER": ISSUER, "AUDIENCE": AUDIENCE}
# The variables that one issuer is made of, and the names of what they become in it.
_OF_ONE_ISSUER = {
    "issuer": "issuer",
    "audience": "audiences",
    "jwks_uri": "jwks_uri",
    "jwks": "jwks",
    "revocations_uri": "revocations_uri",
}


def _settings(**environ: str) -> Settings:
    return Settings.from_environ(_ENVIRON | environ)


def test_what_is_not_set_has_its_default() -> None:
    """Issuer and audience suffice."""
    settings = _settings()
    assert settings == Settings(
        issuers=(
            TrustedIssuer(
                issuer=ISSUER,
                audiences=frozenset({AUDIENCE}),
                jwks_uri=ISSUER + "/.well-known/jwks.json",
                jwks=None,
                revocations_uri=ISSUER + "/oauth/revocations",
            ),
        ),
        invalid_token_result=InvalidTokenResult.UNAUTHORIZED,
        routes=None,
        routes_file=None,
        policy_for=PolicyFor.STAGE,
        http_api_response=HttpApiResponse.POLICY,
        api_origin="",
        dpop_max_age_seconds=60,
        clock_skew_seconds=60,
        jwks_cache_seconds=300,
        jwks_cooldown_seconds=10,
        jwks_timeout_seconds=2,
        jwks_max_stale_seconds=3_600,
        revocations_poll_seconds=30,
        revocations_max_stale_seconds=300,
        log_level="INFO",
    )


def test_the_table_has_a_row_for_every_setting() -> None:
    """The names of the table are those of the value, or of its issuers, and each row says what it is for."""
    names = [setting.name.lower() for setting in SETTINGS]
    assert names == [*_OF_ONE_ISSUER, *(field.name for field in fields(Settings))]
    assert all(setting.unit and setting.meaning for setting in SETTINGS)


@pytest.mark.parametrize("name", ["ISSUER", "AUDIENCE"])
def test_a_required_setting_is_required(name: str) -> None:
    """Without an issuer or an audience nothing starts; empty is absent."""
    for environ in ({key: value for key, value in _ENVIRON.items() if key != name}, _ENVIRON | {name: ""}):
        with pytest.raises(SettingsError, match=f"^{name} is required$"):
            Settings.from_environ(environ)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("ISSUER", "http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("ISSUER", "http://localhost:8080", "http://localhost:8080"),
        ("ISSUER", "http://[::1]:8080", "http://[::1]:8080"),
        ("ISSUER", "https://abc.execute-api.eu-west-1.amazonaws.com/prod", None),
        ("AUDIENCE", "https://a.example  https://b.example ", frozenset({"https://a.example", "https://b.example"})),
        ("JWKS_URI", "https://keys.example.com/jwks?v=1", None),
        ("REVOCATIONS_URI", "off", ""),
        ("REVOCATIONS_URI", "https://feed.example.com/revoked?v=1", None),
        ("REVOCATIONS_POLL_SECONDS", "1", 1),
        ("REVOCATIONS_MAX_STALE_SECONDS", "0", 0),
        ("INVALID_TOKEN_RESULT", "deny", InvalidTokenResult.DENY),
        ("CLOCK_SKEW_SECONDS", "0", 0),
        ("CLOCK_SKEW_SECONDS", "300", 300),
        ("JWKS_MAX_STALE_SECONDS", "0", 0),
        ("LOG_LEVEL", "WARNING", "WARNING"),
    ],
)
def test_a_good_value_is_read(name: str, value: str, read: Any) -> None:
    """Each of these is what it says."""
    settings, field = _settings(**{name: value}), name.lower()
    of_issuer = _OF_ONE_ISSUER.get(field)
    found = getattr(settings.issuers[0], of_issuer) if of_issuer else getattr(settings, field)
    assert found == (value if read is None else read)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "auth.example.com"),
        ("ISSUER", "http://auth.example.com"),
        ("ISSUER", "http://127.0.0.1.evil.example"),
        ("ISSUER", "ftp://127.0.0.1"),
        ("ISSUER", "https://"),
        ("ISSUER", "https://auth.example.com/"),
        ("ISSUER", "https://auth.example.com?x"),
        ("ISSUER", "https://auth.example.com?"),
        ("ISSUER", "https://auth.example.com#x"),
        ("ISSUER", "https://auth.example.com#"),
        ("ISSUER", "https://user:secret@auth.example.com"),
        ("ISSUER", "https://auth.example.com:99999"),
        ("ISSUER", "https://auth.example.com:0"),
        ("ISSUER", "https://[::1"),
        ("ISSUER", "https://auth.example.com/a b"),
        ("ISSUER", " https://auth.example.com"),
        ("ISSUER", "https://auth.example.com\n"),
        ("ISSUER", "https://äuth.example.com"),
        ("AUDIENCE", " "),
        ("AUDIENCE", "a\tb"),
        ("AUDIENCE", "a\n"),
        ("JWKS_URI", "http://keys.example.com/jwks"),
        ("JWKS_URI", "file:///etc/passwd"),
        ("JWKS_URI", "https://keys.example.com/jwks#1"),
        ("JWKS", "{}"),
        ("JWKS", "\udc80"),
        pytest.param("JWKS", jwks(jwk(use="enc")).decode(), id="unusable-jwks"),
        pytest.param("JWKS", jwks(jwk(), jwk()).decode(), id="ambiguous-jwks"),
        ("REVOCATIONS_URI", "http://feed.example.com/revoked"),
        ("REVOCATIONS_URI", "OFF"),
        ("REVOCATIONS_URI", "none"),
        ("REVOCATIONS_URI", "/oauth/revocations"),
        ("REVOCATIONS_POLL_SECONDS", "0"),
        ("REVOCATIONS_POLL_SECONDS", "301"),
        ("REVOCATIONS_MAX_STALE_SECONDS", "901"),
        ("INVALID_TOKEN_RESULT", "allow"),
        ("INVALID_TOKEN_RESULT", "Deny"),
        ("CLOCK_SKEW_SECONDS", "301"),
        ("CLOCK_SKEW_SECONDS", "-1"),
        ("CLOCK_SKEW_SECONDS", "1.5"),
        ("CLOCK_SKEW_SECONDS", "1_0"),
        ("CLOCK_SKEW_SECONDS", " 1"),
        ("CLOCK_SKEW_SECONDS", "٣"),
        ("CLOCK_SKEW_SECONDS", "9" * 5_000),
        ("JWKS_CACHE_SECONDS", "0"),
        ("JWKS_COOLDOWN_SECONDS", "0"),
        ("JWKS_TIMEOUT_SECONDS", "0"),
        ("JWKS_TIMEOUT_SECONDS", "11"),
        ("JWKS_MAX_STALE_SECONDS", "86401"),
        ("LOG_LEVEL", "info"),
    ],
)
def test_a_bad_value_stops_the_cold_start(name: str, value: str) -> None:
    """The error names the variable, and does not quote what it was set to."""
    with pytest.raises(SettingsError, match=rf"^{name} (must be|is not text)") as raised:
        _settings(**{name: value})
    assert len(value.strip()) < 3 or value not in str(raised.value)
    assert raised.value.__suppress_context__


_FOR_CALLS = '{"latchkey_routes": 1, "groups": [], "closed": {"routes": []}}'


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ISSUER", "auth.example.com", "must be a URL that begins with https://"),
        ("ISSUER", f"{ISSUER}/", "must be a URL without a slash at its end"),
        ("ISSUER", f"{ISSUER}?x", "must be a URL without query"),
        ("REVOCATIONS_URI", "none", "must be a URL that begins with https://, or off"),
        ("REVOCATIONS_URI", "http://x.example", "must be an https URL (http on a loopback host only), or off"),
        (
            "ROUTES",
            "routes.json",
            "is not what `latchkey routes compile` writes: neither JSON nor its compact form",
        ),
        ("ROUTES", '{"latchkey_routes": 2}', "is not what `latchkey routes compile` writes: latchkey_routes is not 1"),
        ("ROUTES", _FOR_CALLS, "was compiled for single calls: compile it anew, or set POLICY_FOR to call"),
    ],
)
def test_the_error_says_what_would_be_right(name: str, value: str, words: str) -> None:
    """A sentence that begins with the variable, and says what to write there instead."""
    with pytest.raises(SettingsError) as raised:
        _settings(**{name: value})
    assert str(raised.value) == f"{name} {words}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not what `latchkey routes compile` writes: it is empty"),
        (_FOR_CALLS, "was compiled for single calls: compile it anew, or set POLICY_FOR to call"),
        (None, "cannot be read: FileNotFoundError"),
    ],
)
def test_the_error_of_a_file_names_its_variable(tmp_path: Path, text: str | None, words: str) -> None:
    """ROUTES_FILE, and not ROUTES, where the map is in a file."""
    path = tmp_path / "routes.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError) as raised:
        _settings(ROUTES_FILE=str(path))
    assert str(raised.value) == f"ROUTES_FILE {words}"


def test_bundled_keys_are_read_at_the_cold_start() -> None:
    """A JWK Set in the environment is the key set; there is nothing to fetch from."""
    (trusted,) = _settings(JWKS=jwks().decode()).issuers
    assert trusted.jwks is not None
    assert trusted.jwks.find("key-1") is not None
    assert trusted.jwks_uri == ""


def test_keys_come_from_one_place() -> None:
    """Both a document and a URL: which of them would count is not guessed."""
    with pytest.raises(SettingsError, match="JWKS and JWKS_URI"):
        _settings(JWKS=jwks().decode(), JWKS_URI="https://keys.example.com/jwks")
