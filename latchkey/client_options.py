"""What the options of `clients create` and `clients update` say about a client."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, NoReturn

import typer

from auth_server.client_authentication import METHODS
from auth_server.clients import CLIENT_CREDENTIALS, Client
from auth_server.grants import GRANTS
from latchkey.errors import UsageError

Scope = Annotated[str | None, typer.Option(metavar="SCOPES", help="Its scopes, separated by spaces.")]
DefaultScope = Annotated[
    str | None, typer.Option(metavar="SCOPES", help="The scopes of a token when none are asked for. Else all of them.")
]
Audience = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AUDIENCE", help="An audience it may ask for. Several: say it again; the first is its default."
    ),
]
AuthMethod = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METHOD",
        help=f"How it may authenticate: {', '.join(METHODS)}. Several: say it again. All of them where none is named.",
    ),
]
GrantType = Annotated[
    list[str] | None,
    typer.Option(
        metavar="GRANT",
        help=f"How it may get tokens: {', '.join(GRANTS)}. Several: say it again. "
        f"{CLIENT_CREDENTIALS} alone where none is named.",
    ),
]
TokenLifetime = Annotated[
    str | None, typer.Option(metavar="SECONDS", help="How long its tokens live. Else as long as the server says.")
]
Claim = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="A claim for its tokens. VALUE is read as JSON where it is valid JSON (3, true, [1]), else as a string. "
        "Several: say it again.",
    ),
]
Name = Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.")]


@dataclass(frozen=True, slots=True)
class Named:
    """The options as they were given; None, or an empty list, for one that was not."""

    scope: str | None
    default_scope: str | None
    audience: Sequence[str] | None
    auth_method: Sequence[str] | None
    grant_type: Sequence[str] | None
    token_lifetime: str | None
    claim: Sequence[str] | None
    name: str | None

    def members(self) -> dict[str, Any]:
        """Give the options that were given."""
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        return {name: given for name, given in options.items() if given is not None and given != []}

    def apply(self, client: Client) -> Client:
        """Change what is named, and nothing else. An empty text clears what it names. Raises `UsageError`."""
        changes = {}
        for name, given in self.members().items():
            member, read = _MEMBERS[name]
            changes[member] = read(given, client)
        return replace(client, **changes)


def _scopes(given: str, _: Client) -> tuple[str, ...]:
    return tuple(dict.fromkeys(given.split()))


def _values(given: Sequence[str], _: Client) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, given)))


def _lifetime(given: str, _: Client) -> int | None:
    if given and not re.fullmatch("[0-9]{1,9}", given):
        raise UsageError("--token-lifetime is a whole number of seconds")
    return int(given) if given else None


def _claims(given: Sequence[str], client: Client) -> dict[str, Any]:
    kept = {} if "" in given else client.claims
    return {**kept, **dict(_claim(pair) for pair in given if pair)}


def _claim(pair: str) -> tuple[str, Any]:
    name, equals, value = pair.partition("=")
    if not name or not equals or not name.isprintable():
        raise UsageError("--claim is NAME=VALUE")
    try:
        return name, json.loads(value, parse_constant=_not_json, parse_float=_finite)
    except (ValueError, RecursionError):
        return name, value


def _not_json(_: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")  # RFC 8259 6


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UsageError("a number in --claim is out of range")
    return number


# Option, the member of a client that it changes, and how it is read.
_MEMBERS: dict[str, tuple[str, Callable[[Any, Client], Any]]] = {
    "scope": ("scopes", _scopes),
    "default_scope": ("default_scopes", _scopes),
    "audience": ("audiences", _values),
    "auth_method": ("auth_methods", _values),
    "grant_type": ("grant_types", _values),
    "token_lifetime": ("token_lifetime", _lifetime),
    "claim": ("claims", _claims),
    "name": ("name", lambda given, _: given),
}
