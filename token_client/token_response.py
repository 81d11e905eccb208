"""The token endpoint's answer (RFC 6749 5.1, 5.2), read and checked: nothing of it is believed for being JSON."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

from token_client import retries, urls
from token_client.access_token import AccessToken
from token_client.credentials.protocol import Authenticated
from token_client.errors import UnusableTokenError
from token_client.transport import HttpAnswer

ASSUMED_LIFE_S = 300  # where the server does not say (5.1: expires_in is only recommended)
_LONGEST_LIFE_S = 366 * 86_400
_LONGEST_CODE = 64
_LONGEST_DESCRIPTION = 256
_LEFT_OUT = "(left out, for it repeats a secret)"
_TOKEN = re.compile(r"[!-~]+")  # what can stand in a header, whatever the scheme
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]+)?")
_TYPES = {"bearer": "Bearer", "dpop": "DPoP"}  # 5.1: case insensitive


@dataclass(frozen=True, slots=True)
class Asked:
    """What the answer is held against: where and when it was asked for (Unix seconds), type and scope.

    `secrets` are what no error may show, though the answer repeated it.
    """

    token_endpoint: str
    at: float
    token_type: str
    scope: tuple[str, ...]
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def shown(self, text: str, longest: int) -> str:
        """Give a text of the answer's as a log may show it."""
        return _LEFT_OUT if any(secret in text for secret in self.secrets) else printable(text, longest)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An OAuth error (5.2): code and description of printable characters, not too long; HTTP's status."""

    error: str
    description: str | None
    status: int


def secrets(authenticated: Authenticated, *others: bytes) -> tuple[str, ...]:
    """Give what a request is authenticated with, and others, as it is and as it stands in a form."""
    form = authenticated.form
    texts = [form.get("client_secret", ""), form.get("client_assertion", "")]
    texts += [other.decode(errors="replace") for other in others]
    texts += authenticated.headers.get("Authorization", "").split(" ")[1:]
    return tuple(shape for text in texts if text for shape in (text, quote_plus(text)))


def read(answer: HttpAnswer, asked: Asked) -> AccessToken | Refusal:
    """Give the token or the refusal.

    Raises `ServerUnavailableError` where the answer is neither, and `UnusableTokenError` where the token is of no use.
    """
    where = urls.shown(asked.token_endpoint)
    if retries.is_retried(answer.status):
        raise retries.unavailable(where, f"answered {answer.status}", answer, asked.at)
    members = json_object(answer.body)
    refusal = _refusal(answer.status, members, asked)
    if refusal is not None:
        return refusal
    if answer.status != HTTPStatus.OK:
        raise retries.unavailable(where, f"answered {answer.status} and no OAuth error", answer, asked.at)
    try:
        return _token(members or {}, asked)
    except ValueError as error:
        raise retries.unavailable(where, f"gave no token response: {error}", answer, asked.at) from None


def json_object(body: bytes) -> dict[str, Any] | None:
    """Parse a JSON object; None where it is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _refusal(status: int, members: Mapping[str, Any] | None, asked: Asked) -> Refusal | None:
    error = (members or {}).get("error")
    # Some servers say it with 200. Where there is a token as well, it is no error.
    if members is None or not isinstance(error, str) or not error or "access_token" in members:
        return None
    description = members.get("error_description")
    is_said = isinstance(description, str) and description
    said = asked.shown(str(description), _LONGEST_DESCRIPTION) if is_said else None
    return Refusal(asked.shown(error, _LONGEST_CODE), said, status)


def printable(text: str, longest: int) -> str:
    """Give a text of somebody else's as a log may show it: on one line, and not too long."""
    shown = "".join(character if character.isprintable() else " " for character in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[:longest]}..."


def _token(members: Mapping[str, Any], asked: Asked) -> AccessToken:
    value, kind = members.get("access_token"), members.get("token_type")
    if not isinstance(value, str) or _TOKEN.fullmatch(value) is None:
        raise ValueError("access_token is missing or malformed")
    if not isinstance(kind, str):
        raise ValueError("token_type is missing")  # noqa: TRY004 - a fault of the answer, not of the caller's types
    token_type = _TYPES.get(kind.lower())
    if token_type != asked.token_type:
        raise UnusableTokenError(f"the token is of type {asked.shown(kind, _LONGEST_CODE)}, not {asked.token_type}")
    life_s = _life_s(members.get("expires_in"))
    if life_s <= 0:
        raise UnusableTokenError("the token has expired already: expires_in is not above 0")
    # It lives from when it was made, which is after it was asked for.
    ends = asked.at + min(life_s, _LONGEST_LIFE_S)
    return AccessToken(value, token_type, _scope(members.get("scope"), asked.scope), _ms(asked.at), _ms(ends))


def _life_s(value: object) -> float:
    if value is None:
        return ASSUMED_LIFE_S
    if isinstance(value, str) and _NUMBER.fullmatch(value.strip()):
        return float(value)
    if (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and not math.isnan(value)):
        return min(value, _LONGEST_LIFE_S)  # first: JSON has integers that are no float
    raise ValueError("expires_in is no number")


def _scope(value: object, asked: tuple[str, ...]) -> tuple[str, ...]:
    if value is None:
        return asked  # 5.1: optional, if it is what was asked for
    if not isinstance(value, str):
        raise ValueError("scope is no text")  # noqa: TRY004 - as above
    return tuple(value.split())


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
