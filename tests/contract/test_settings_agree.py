"""The deployables agree about settings that they share: a value that one takes, none of the others refuses."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import auth_server.settings
import authorizer.errors
import authorizer.settings
import resource_server.settings
from tests import simulator
from tests.authorizer import cold_start

# Each deployable: how it reads its settings, what it raises, and its other settings.
Deployable = tuple[Callable[[Mapping[str, str]], Any], type[Exception], Mapping[str, str]]
DEPLOYABLES: dict[str, Deployable] = {
    "auth_server": (
        auth_server.settings.Settings.from_environ,
        auth_server.settings.SettingsError,
        simulator.ENVIRON,
    ),
    "authorizer": (
        lambda environ: authorizer.settings.Settings.from_environ(environ).issuers[0],
        authorizer.errors.SettingsError,
        cold_start.ENVIRON,
    ),
    "resource_server": (
        resource_server.settings.Settings.from_environ,
        resource_server.settings.SettingsError,
        {"PRODUCTS_TABLE": "products", "MESSAGES_TABLE": "messages", "RESOURCE": "https://api.example.com"},
    ),
}

GOOD = (
    "https://auth.example.com",
    "https://auth.example.com:8443",
    "https://a.b/c",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
    "http://localhost:1",
)
BAD = (
    "",
    " ",
    "auth.example.com",
    "//auth.example.com",
    "https://",
    "https://:443",
    "http://[",
    "https://[bad",
    "ftp://auth.example.com",
    "http://example.com",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "https://auth.example.com/",
    "https://a.b/c/",
    "https://auth.example.com?",
    "https://auth.example.com?tenant=1",
    "https://auth.example.com#",
    "https://auth.example.com/#part",
    "https://user@auth.example.com",
    "https://user:pw@auth.example.com",
    "https://:pw@auth.example.com",
    "https://@auth.example.com",
    "http://127.0.0.1@auth.example.com",
    "https://auth.example.com:99999",
    "https://auth.example.com:port",
    "https://auth example.com",
    " https://auth.example.com",
    "https://auth.example.com ",
    "https://auth.example.com\n",
    "https://auth.\nexample.com",
    "https://auth.example.com\t",
    "https://auth.example.com/\x7f",
    'https://auth.example.com/"',
    "https://\u00e4uth.example.com",
    "https://auth.example.com/\u00e4",
)


@pytest.mark.spec("RFC 8414", "2")
@pytest.mark.parametrize("issuer", GOOD)
@pytest.mark.parametrize("name", DEPLOYABLES)
def test_a_good_issuer_is_taken_as_it_is(name: str, issuer: str) -> None:
    """An issuer is an https URL, with a path or without; on a laptop, http on its own loopback interface."""
    read, _, others = DEPLOYABLES[name]
    assert read({**others, "ISSUER": issuer}).issuer == issuer


@pytest.mark.spec("RFC 8414", "2")
@pytest.mark.parametrize("issuer", BAD, ids=ascii)
@pytest.mark.parametrize("name", DEPLOYABLES)
def test_a_bad_issuer_stops_the_cold_start(name: str, issuer: str) -> None:
    """An issuer has no query, fragment, user information or final slash; the error names the setting, not its value."""
    read, error, others = DEPLOYABLES[name]
    read({**others, "ISSUER": GOOD[0]})
    with pytest.raises(error, match=r"^ISSUER ") as raised:
        read({**others, "ISSUER": issuer})
    assert not issuer.strip() or issuer not in str(raised.value)
