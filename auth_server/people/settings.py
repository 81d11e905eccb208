"""The settings of the people function: environment variables, read once; a bad value stops the cold start.

Those that token vending has as well are read, and mean, the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from auth_server import settings
from auth_server.settings import Setting, SettingsError, one_of, text
from auth_server.vending import settings as vending_settings
from auth_server.vending.settings import GroupSettings, is_group

_SHARED: Final = {field.name.upper() for field in fields(GroupSettings)} | {"CORS_ORIGINS", "LOG_LEVEL"}


def _groups(given: str) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(given.split()))
    if not all(map(is_group, groups)):
        raise ValueError("must be groups separated by spaces, of printable characters other than commas")
    return groups


# fmt: off
SETTINGS = (
    *(row for row in vending_settings.SETTINGS if row.name in _SHARED),
    Setting("PEOPLE_TABLE", None, text, "name", "The DynamoDB table of people."),
    Setting("DEFAULT_GROUPS", "members", _groups, "groups", "The groups of whoever signs up, separated by spaces."),
    Setting("SIGNUP", "on", one_of("on", "off"), "on or off", "Whether people may sign up."),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class PeopleSettings(GroupSettings):
    """The table above, read."""

    people_table: str
    default_groups: tuple[str, ...]
    signup: str
    cors_origins: tuple[str, ...]
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read these variables; raises `SettingsError` at the first that will not do."""
        read = cls(**settings.read_fields(cls, SETTINGS, environ))
        settings.check_signer(read)
        if not read.group_scopes:
            raise SettingsError("GROUP_SCOPES is not set: nobody who logs in could do anything")
        return read
