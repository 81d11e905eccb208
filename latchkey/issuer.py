"""Asking the issuer: where its endpoints are (RFC 8414), and for a token (RFC 6749 4.4)."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx

from latchkey.endpoint import is_loopback_url, is_trusted_url
from latchkey.errors import CommandError, UnavailableError

METADATA_PATH = "/.well-known/oauth-authorization-server"
TIMEOUT_SECONDS = 10
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_ACCESS_TOKEN = re.compile(r"[\x21-\x7e]+")  # RFC 6749 A.12, less the space that no header could carry


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the issuer says of itself, as far as it is needed here."""

    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What to ask for, and who asks. No `scope` and no `resources`: the client's defaults."""

    client_id: str
    client_secret: str = field(repr=False)
    scope: str | None = None
    resources: Sequence[str] = ()


def discover(issuer: str) -> Metadata:
    """Read the issuer's metadata.

    Raises `UnavailableError` where it does not answer, `CommandError` where what it says is not to be trusted.
    """
    document = _json_of(_send(issuer, "GET", issuer + METADATA_PATH), HTTPStatus.OK)
    if document.get("issuer") != issuer:  # RFC 8414 3.3: exactly
        raise CommandError(f"the metadata found there are those of another issuer: {document.get('issuer')!r}")
    return Metadata(_url_in(document, "token_endpoint"), _url_in(document, "jwks_uri"))


def request_token(issuer: str, request: TokenRequest) -> dict[str, Any]:
    """Ask for a token, authenticating with Basic; gives the whole answer (RFC 6749 5.1).

    Raises `CommandError` with error and description where it is refused, `UnavailableError` where there is no answer.
    """
    endpoint = discover(issuer).token_endpoint
    answer = _send(issuer, "POST", endpoint, content=_form(request), headers=_FORM, auth=_basic(request))
    if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UnavailableError(f"the issuer answers {answer.status_code}; try again")
    document = _json_of(answer)
    if answer.status_code != HTTPStatus.OK or "error" in document:
        raise CommandError(_without_secret(_refusal(answer.status_code, document), request))
    token = document.get("access_token")
    if not isinstance(token, str) or not _ACCESS_TOKEN.fullmatch(token):
        raise UnavailableError("the answer holds no access token")
    return document


def _refusal(status: int, document: dict[str, Any]) -> str:
    described = f": {document['error_description']}" if "error_description" in document else ""
    return f"{document.get('error', status)}{described}"


def _without_secret(text: str, request: TokenRequest) -> str:
    """Give what the issuer says, unless the client's secret is in it, in any of the forms in which it was sent."""
    basic = _basic(request)
    sent = base64.b64encode(":".join(basic).encode()).decode().rstrip("=")
    if any(form in text for form in (request.client_secret, basic[1], sent)):
        return "the issuer refuses; what it says is not shown, as the client's secret is in it"
    return text


def _form(request: TokenRequest) -> str:
    scope = [("scope", request.scope)] if request.scope else []
    resources = [("resource", resource) for resource in request.resources]
    return urlencode([("grant_type", "client_credentials"), *scope, *resources], errors="surrogateescape")


def _basic(request: TokenRequest) -> tuple[str, str]:
    """Form-urlencode id and secret each (RFC 6749 2.3.1). What was no UTF-8 is sent as it was given."""
    return (
        quote_plus(request.client_id, errors="surrogateescape"),
        quote_plus(request.client_secret, errors="surrogateescape"),
    )


def _send(issuer: str, method: str, url: str, **request: Any) -> httpx.Response:
    """Send a request and follow no redirect: the secret goes where the metadata said, and nowhere else."""
    try:
        # What the environment says of proxies is not about this machine.
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=not is_loopback_url(url)) as client:
            return client.request(method, url, **request)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnavailableError(f"{issuer} does not answer ({type(error).__name__})") from error


def _json_of(answer: httpx.Response, status: int | None = None) -> dict[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or status not in (None, answer.status_code):
        raise UnavailableError(f"the answer of {answer.url} ({answer.status_code}) is not what a token issuer says")
    return document


def _url_in(document: dict[str, Any], member: str) -> str:
    url = document.get(member)
    if not isinstance(url, str) or not is_trusted_url(url):
        raise CommandError(f"the issuer's {member} is not an https URL (http on a loopback host only)")
    return url
