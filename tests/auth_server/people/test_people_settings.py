"""Settings of the people function: a bad value stops the cold start."""

from dataclasses import fields

import pytest

from auth_server.people.settings import SETTINGS, PeopleSettings
from auth_server.settings import SettingsError
from tests.auth_server.people.simulator import ENVIRON


def test_every_row_is_a_field_and_the_reverse() -> None:
    """The table and the value that is read from it name the same variables."""
    assert {row.name.lower() for row in SETTINGS} == {field.name for field in fields(PeopleSettings)}


def test_defaults_are_read_like_values() -> None:
    """What is not set has its documented default."""
    settings = PeopleSettings.from_environ(ENVIRON)
    assert (settings.signup, settings.default_groups, settings.vending_client_id) == ("on", ("members",), "browser")


@pytest.mark.parametrize("name", [row.name for row in SETTINGS if row.default is None or row.name == "GROUP_SCOPES"])
def test_a_variable_without_default_must_be_set(name: str) -> None:
    """A missing variable is named."""
    environ = {key: value for key, value in ENVIRON.items() if key != name}
    with pytest.raises(SettingsError, match=f"^{name} is not set"):
        PeopleSettings.from_environ(environ)


@pytest.mark.parametrize(
    ("name", "value"),
    [("PEOPLE_TABLE", ""), ("SIGNUP", "maybe"), ("SIGNUP", ""), ("DEFAULT_GROUPS", "a,b"), ("CORS_ORIGINS", "*")],
)
def test_a_value_out_of_range_is_named(name: str, value: str) -> None:
    """A bad value stops the cold start, and the message names the variable and what it must be."""
    with pytest.raises(SettingsError, match=f"^{name} must "):
        PeopleSettings.from_environ({**ENVIRON, name: value})
