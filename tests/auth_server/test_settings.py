"""Settings: one table, and a bad value stops the cold start."""

from dataclasses import fields

import pytest

from auth_server.settings import SETTINGS, Settings, SettingsError
from tests.simulator import ENVIRON


def test_every_row_is_a_field_and_the_reverse() -> None:
    """The table and the value that is read from it name the same variables."""
    assert {row.name.lower() for row in SETTINGS} == {field.name for field in fields(Settings)}


def test_defaults_are_read_like_values() -> None:
    """What is not set has its documented default."""
    settings = Settings.from_environ(ENVIRON)
    assert (settings.token_lifetime_seconds, settings.key_cache_seconds, settings.signer) == (3600, 300, "kms")
    assert settings.scopes_supported == ()


@pytest.mark.parametrize("name", [row.name for row in SETTINGS if row.default is None])
def test_a_variable_without_default_must_be_set(name: str) -> None:
    """A missing variable is named."""
    environ = {key: value for key, value in ENVIRON.items() if key != name}
    with pytest.raises(SettingsError, match=f"^{name} is not set$"):
        Settings.from_environ(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", ""),
        ("ISSUER", "auth.example.com"),
        ("ISSUER", "http://auth.example.com"),
        ("ISSUER", "https://auth.example.com/"),
        ("ISSUER", "https://auth.example.com?"),
        ("ISSUER", "https://auth.example.com#"),
        ("ISSUER", "https://user@auth.example.com"),
        ("ISSUER", "http://localhost.example.com"),
        ("ISSUER", "https://" + "a" * 250),
        ("ISSUER", "https://[bad"),
        ("AUDIENCE", "api"),
        ("AUDIENCE", "https://api.example.com/#x"),
        ("CLIENTS_TABLE", ""),
        ("STATE_TABLE", ""),
        ("SIGNING_KEY_ID", ""),
        ("SIGNER", "hmac"),
        ("TOKEN_LIFETIME_SECONDS", "59"),
        ("TOKEN_LIFETIME_SECONDS", "86401"),
        ("TOKEN_LIFETIME_SECONDS", "1e3"),
        ("TOKEN_LIFETIME_SECONDS", "-60"),
        ("KEY_CACHE_SECONDS", "0"),
        ("SCOPES_SUPPORTED", 'a"b'),
        ("TOKEN_REUSE", "yes"),
        ("ADDRESS_FAILURES", "9"),
        ("ADDRESS_FAILURES", "1000001"),
        ("LOG_LEVEL", "verbose"),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: str) -> None:
    """A bad value stops the cold start, and the message names the variable and what it must be."""
    with pytest.raises(SettingsError, match=f"^{name} must "):
        Settings.from_environ({**ENVIRON, name: value})


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080", "https://a.b/c"]
)
def test_http_is_for_loopback_alone(issuer: str) -> None:
    """On a laptop the issuer may be plain http on its own loopback interface."""
    assert Settings.from_environ({**ENVIRON, "ISSUER": issuer}).issuer == issuer
