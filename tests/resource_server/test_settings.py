"""Settings: each is checked, and a bad one stops the cold start."""

import pytest

from resource_server.settings import SETTINGS, Settings, SettingsError
from tests.resource_server.api import cold_start

GOOD = {
    "PRODUCTS_TABLE": "products",
    "MESSAGES_TABLE": "messages",
    "RESOURCE": "https://api.example.com/v1",
    "ISSUER": "https://auth.example.com",
}


def test_good_settings_are_read_and_the_log_level_has_a_default() -> None:
    """Four settings must be given; the log level is INFO unless it is."""
    settings = Settings.from_environ(GOOD)
    assert settings == Settings(
        "products", "messages", "https://api.example.com/v1", "https://auth.example.com", "INFO"
    )


@pytest.mark.parametrize("name", sorted(GOOD))
@pytest.mark.parametrize("value", [None, ""], ids=["absent", "empty"])
def test_a_missing_setting_is_named(name: str, value: str | None) -> None:
    """A setting that is absent or empty stops the cold start, and the error says which."""
    given = {key: good for key, good in GOOD.items() if key != name}
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        Settings.from_environ(given if value is None else {**given, name: value})


@pytest.mark.spec("RFC 9728", "1.2")
@pytest.mark.parametrize("name", ["RESOURCE", "ISSUER"])
@pytest.mark.parametrize(
    "value",
    [
        "api.example.com",
        "http://api.example.com",
        "http://127.0.0.1.example.com",
        "ftp://api.example.com",
        "https://",
        "https://api.example.com/?tenant=1",
        "https://api.example.com/#top",
        "https://user@api.example.com",
        "https://api.example.com:99999",
        "https://[::1",
        'https://api.example.com/"',
        "https://api.example.com/\\",
        "https://api.example.com/\r\nX-Injected: 1",
        "https://api.example.com/ü",
    ],
)
def test_a_url_that_is_not_plain_https_is_refused(name: str, value: str) -> None:
    """The resource and the issuer are https URLs without query, fragment, user or anything to be escaped."""
    with pytest.raises(SettingsError, match=f"^{name} is not an https URL"):
        Settings.from_environ({**GOOD, name: value})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "http://localhost:8081", "http://[::1]:8081"])
def test_plain_http_is_good_on_this_very_machine(url: str) -> None:
    """The local stack has no certificate."""
    assert Settings.from_environ({**GOOD, "RESOURCE": url}).resource == url


@pytest.mark.parametrize("name", ["PRODUCTS_TABLE", "MESSAGES_TABLE"])
@pytest.mark.parametrize("value", ["ab", "products table", "a" * 256, "products/1"])
def test_a_table_name_that_aws_does_not_know_is_refused(name: str, value: str) -> None:
    """A table name has 3 to 255 letters, digits, dots, dashes and underscores."""
    with pytest.raises(SettingsError, match=rf"^{name} is not the name"):
        Settings.from_environ({**GOOD, name: value})


@pytest.mark.parametrize("value", ["info", "TRACE", "10"])
def test_an_unknown_log_level_is_refused(value: str) -> None:
    """The log level is one of four words."""
    with pytest.raises(SettingsError, match=r"^LOG_LEVEL is not one of"):
        Settings.from_environ({**GOOD, "LOG_LEVEL": value})


def test_the_table_of_settings_names_the_fields_of_the_value() -> None:
    """What the documentation lists is what is read."""
    assert [setting.name.lower() for setting in SETTINGS] == list(Settings.__slots__)
    assert all(setting.unit and setting.meaning for setting in SETTINGS)


def test_a_bad_setting_stops_the_cold_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler's import raises, so that a Lambda with a bad setting never answers."""
    with pytest.raises(SettingsError, match=r"^RESOURCE is not an https URL"):
        cold_start(monkeypatch, "http://127.0.0.1:9", "products", RESOURCE="http://api.example.com")
