"""The settings of vending: a bad one stops the cold start, and is named."""

from dataclasses import fields

import pytest

from auth_server.settings import SETTINGS as SERVER_SETTINGS
from auth_server.settings import SettingsError
from auth_server.vending.settings import NEEDS, SETTINGS, EmbeddedSettings, VendingSettings
from tests.auth_server.vending.simulator import ENVIRON


def test_every_row_is_a_field() -> None:
    """The table and the value say the same, and what the server has as well is the very same row."""
    assert {row.name.lower() for row in SETTINGS} == {field.name for field in fields(VendingSettings)}
    server = {row.name: row for row in SERVER_SETTINGS}
    assert all(server.get(row.name, row) is row for row in SETTINGS)


@pytest.mark.parametrize("name", [row.name for row in SETTINGS if row.default is None])
def test_what_must_be_set_is_named(name: str) -> None:
    """Without it there is no start."""
    with pytest.raises(SettingsError, match=name):
        VendingSettings.from_environ({key: value for key, value in ENVIRON.items() if key != name})


@pytest.mark.parametrize(
    ("mode", "name"), [(mode, name) for mode, names in NEEDS.items() for name in names], ids="-".join
)
def test_what_a_mode_needs_is_named(mode: str, name: str) -> None:
    """A mode without what it gives is a mistake, and not a function that gives nothing."""
    with pytest.raises(SettingsError, match=rf"{name}.*{mode}"):
        VendingSettings.from_environ({**ENVIRON, "VENDING_MODE": mode, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VENDING_MODE", "anybody"),
        ("VENDING_MODE", "Open"),
        ("VENDING_AUDIENCE", "not a URI"),
        ("VENDING_SCOPE", 'a "b"'),
        ("VENDING_LIFETIME_SECONDS", "59"),
        ("VENDING_LIFETIME_SECONDS", "86401"),
        ("VENDING_RENEW_SECONDS", "-1"),
        ("SESSION_SECONDS", "0"),
        ("GROUP_SCOPES", "readers"),
        ("GROUP_SCOPES", '["readers"]'),
        ("GROUP_SCOPES", '{"readers": ["products:read"]}'),
        ("GROUP_SCOPES", '{"readers": "a", "readers": "b"}'),
        ("GROUP_SCOPES", '{"readers": "a\\\\b"}'),
        ("GROUP_SCOPES", '{"a,b": "products:read"}'),
        ("GROUP_SCOPES", '{"a b": "products:read"}'),
        ("GROUP_SCOPES", '{"": "products:read"}'),  # which is what a text of no groups is split into
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "app.example.com"),
        ("CORS_ORIGINS", "http://app.example.com"),
        ("CORS_ORIGINS", "https://app.example.com/"),
        ("CORS_ORIGINS", "https://app.example.com/page"),
        ("CORS_ORIGINS", "https://App.example.com"),
        ("CORS_ORIGINS", "https://app.example.com:443"),
        ("CORS_ORIGINS", "https://app.example.com:"),
        ("CORS_ORIGINS", "https://app.example.com?x"),
        ("CORS_ORIGINS", "https://*.example.com"),
        ("LOG_LEVEL", "TRACE"),
    ],
)
def test_a_bad_value_stops_the_start(name: str, value: str) -> None:
    """The message names the variable."""
    with pytest.raises(SettingsError, match=name):
        VendingSettings.from_environ({**ENVIRON, name: value})


def test_what_is_left_out_has_its_default() -> None:
    """One hour, five minutes, twelve hours, the client `browser`, and no page of another origin."""
    needed = {row.name for row in SETTINGS if row.default is None} | {"VENDING_SCOPE"}
    read = VendingSettings.from_environ({name: ENVIRON[name] for name in needed})
    assert (read.vending_lifetime_seconds, read.vending_renew_seconds, read.session_seconds) == (3600, 300, 43_200)
    assert (read.vending_client_id, read.cors_origins, read.group_scopes) == ("browser", (), {})


def test_several_origins_are_separated_by_spaces() -> None:
    """As a browser writes them, on a laptop as well."""
    origins = "https://a.example.com https://b.example.com:8443 http://127.0.0.1:8082 http://localhost:8082"
    assert VendingSettings.from_environ({**ENVIRON, "CORS_ORIGINS": origins}).cors_origins == tuple(origins.split(" "))


def test_an_application_needs_no_mode() -> None:
    """Built into an application, vending has neither mode nor origins."""
    environ = {name: value for name, value in ENVIRON.items() if name not in {"VENDING_MODE", "LOG_LEVEL"}}
    terms = EmbeddedSettings.from_environ(environ).terms
    assert (terms.client_id, terms.lifetime_seconds, terms.renew_seconds) == ("browser", 3600, 300)
