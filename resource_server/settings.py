"""Every setting of the sample API: read once, checked once, one frozen value."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")

# RFC 3986 2: what a URL is written with. Neither a quote nor a backslash is among it, so a URL that
# passes can stand inside the quoted string of a challenge (RFC 9110 5.6.4).
_URL_CHARACTERS: Final = re.compile(r"[A-Za-z0-9._~:/\[\]@!$&'()*+,;=%-]+")
# AWS's naming rule for a table.
_TABLE_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{3,255}")


class SettingsError(ValueError):
    """A setting is missing or wrong; the text names the setting, and the Lambda does not start."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable, as the documentation lists it.

    `default` is None where the variable must be given.
    """

    name: str
    default: str | None
    unit: str
    meaning: str


SETTINGS: Final = (
    Setting(
        "PRODUCTS_TABLE", None, "DynamoDB table name", "The table of products; its partition key is `id` (string)."
    ),
    Setting(
        "MESSAGES_TABLE",
        None,
        "DynamoDB table name",
        "The table of messages; its keys are `board` (partition) and `id` (sort), both strings.",
    ),
    Setting("RESOURCE", None, "URL", "This API's own URL, which is the audience of the tokens that it takes."),
    Setting("ISSUER", None, "URL", "The authorization server whose tokens this API takes, for its metadata."),
    Setting("LOG_LEVEL", "INFO", "level", "The least level of the lines written to the log."),
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one deployed sample API. Its scopes are no setting: the route table fixes them."""

    products_table: str
    messages_table: str
    resource: str
    issuer: str
    log_level: str

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables of `SETTINGS`; raises `SettingsError` for a missing or a wrong one."""
        given = {setting.name: _value(setting, environ) for setting in SETTINGS}
        return cls(
            products_table=_checked("PRODUCTS_TABLE", given, _is_table_name, "not the name of a DynamoDB table"),
            messages_table=_checked("MESSAGES_TABLE", given, _is_table_name, "not the name of a DynamoDB table"),
            resource=_checked("RESOURCE", given, _is_secure_url, "not an https URL without query and fragment"),
            issuer=_checked("ISSUER", given, _is_issuer, "not an https URL without query, fragment and final slash"),
            log_level=_checked("LOG_LEVEL", given, LOG_LEVELS.__contains__, f"not one of {', '.join(LOG_LEVELS)}"),
        )


def _value(setting: Setting, environ: Mapping[str, str]) -> str:
    value = environ.get(setting.name) or setting.default
    if value is None:
        raise SettingsError(f"{setting.name} is not set: {setting.meaning}")
    return value


def _checked(name: str, given: Mapping[str, str], check: Callable[[str], bool], complaint: str) -> str:
    value = given[name]
    if not check(value):
        raise SettingsError(f"{name} is {complaint}")
    return value


def _is_table_name(value: str) -> bool:
    return _TABLE_NAME.fullmatch(value) is not None


def _is_secure_url(value: str) -> bool:
    """RFC 9728 1.2 and RFC 8414 2: https, no query, no fragment. Plain http only to this very machine."""
    if not _URL_CHARACTERS.fullmatch(value):
        return False
    try:
        url = urlsplit(value)
        host, port = url.hostname, url.port  # an impossible port raises
    except ValueError:
        return False
    if not host or port == 0 or "@" in url.netloc:
        return False
    return url.scheme == "https" or (url.scheme == "http" and _is_loopback(host))


def _is_issuer(value: str) -> bool:
    """RFC 8414 2; a slash at the end is a mistake more often than not, and the issuer is compared exactly."""
    return _is_secure_url(value) and not value.endswith("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
