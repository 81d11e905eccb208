"""The authorization server's metadata (RFC 8414), found from its issuer, and kept."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from authlib.oauth2.rfc8414 import get_well_known_url

from token_client import retries, urls
from token_client.clocks import Clocks
from token_client.credentials.protocol import Server
from token_client.effects import Steps
from token_client.errors import DiscoveryError, ServerUnavailableError
from token_client.token_request import get
from token_client.token_response import json_object, printable
from token_client.transport import HttpAnswer, HttpRequest

_KEPT_S = 3_600.0
_NOT_AGAIN_S = 60.0  # after a failure, while what is known still serves
_LONGEST_ISSUER = 200
_logger = logging.getLogger("token_client")

Sender = Callable[[HttpRequest], Steps[HttpAnswer]]


def well_known_urls(issuer: str) -> tuple[str, ...]:
    """Give where its metadata may be: as RFC 8414 3.1 has it, then where many put it, then as OpenID Connect has it."""
    base = issuer.rstrip("/")  # RFC 8414 3.1: a terminating slash is removed first
    inserted: str = get_well_known_url(base, external=True)
    names = ("oauth-authorization-server", "openid-configuration")
    return tuple(dict.fromkeys((inserted, *(f"{base}/.well-known/{name}" for name in names))))


class ServerMetadata:
    """Finds the server of an issuer, keeps what it found for an hour, and longer while nothing can be found."""

    def __init__(self, issuer: str, clocks: Clocks, *, allow_http: bool) -> None:
        self.issuer = issuer
        self._clocks = clocks
        self._allow_http = allow_http
        self._known: Server | None = None
        self._fresh_until = float("-inf")

    def server(self, send: Sender) -> Steps[Server]:
        """Give the server; raises `DiscoveryError` and `ServerUnavailableError`."""
        if self._known is not None and self._clocks.monotonic() < self._fresh_until:
            return self._known
        try:
            self._known = yield from self._found(send)
            self._fresh_until = self._clocks.monotonic() + _KEPT_S
        except ServerUnavailableError as error:
            if self._known is None:
                raise
            _logger.warning("metadata of an hour ago serves on: %s", error)
            self._fresh_until = self._clocks.monotonic() + _NOT_AGAIN_S
        return self._known

    def _found(self, send: Sender) -> Steps[Server]:
        passing: ServerUnavailableError | None = None
        said = []
        for url in well_known_urls(self.issuer):
            answer = yield from send(get(url))
            members = json_object(answer.body) if answer.status == HTTPStatus.OK else None
            if members is not None:
                return self._read(members)
            said.append(f"{url} answered {answer.status}" + " without JSON" * (answer.status == HTTPStatus.OK))
            if retries.is_retried(answer.status):
                passing = retries.unavailable(url, f"answered {answer.status}", answer, self._clocks.wall())
        raise passing or DiscoveryError(f"the issuer has no metadata: {', '.join(said)}")

    def _read(self, members: dict[str, Any]) -> Server:
        issuer, endpoint = members.get("issuer"), members.get("token_endpoint")
        # RFC 8414 3.3: identical, or anybody who can publish a document could speak for the issuer.
        if issuer != self.issuer:
            said = printable(issuer, _LONGEST_ISSUER) if isinstance(issuer, str) else "nobody"
            raise DiscoveryError(f"the metadata is that of {said}, not of the issuer {self.issuer}")
        if not isinstance(endpoint, str):
            raise DiscoveryError("the metadata names no token_endpoint")
        if wrong := urls.problem(endpoint, allow_http=self._allow_http):
            raise DiscoveryError(f"the metadata's token_endpoint {wrong}")
        methods = members.get("token_endpoint_auth_methods_supported")
        return Server(endpoint, self.issuer, _texts(methods) if isinstance(methods, list) else None)


def _texts(values: list[Any]) -> tuple[str, ...]:
    return tuple(value for value in values if isinstance(value, str))
