"""One call of a protected API: what is sent with it, and what its answer is followed by. Does no I/O.

| answer to a request that had the token | what is done |
| --- | --- |
| 401 `invalid_token`, or one that names no error | the token is renewed and the request sent again, once |
| 401 `use_dpop_nonce`, with a nonce | it is sent again with the nonce, once (RFC 9449 9) |
| 401 `invalid_dpop_proof`, with a `Date` | it is sent again with a proof of that time, once |
| 401 after a redirect, and the token is bound to a key | it is sent again with a proof for where it got to, once |
| 403 `insufficient_scope` | `InsufficientScopeError` |
| anything else, and any second time | it is the caller's |
"""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

from token_client import challenge, urls
from token_client.dpop import Nonces, htu, origin
from token_client.errors import ConfigurationError, InsufficientScopeError
from token_client.retries import http_date

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from token_client.access_token import AccessToken
    from token_client.dpop import DPoPKey
    from token_client.request_body import RequestBody

# API Gateway renames what a function behind it says in the first (docs/adr/0018).
_CHALLENGES: Final = ("WWW-Authenticate", "x-amzn-Remapped-WWW-Authenticate")
_SCHEMES: Final = ("bearer", "dpop")
_SCOPE_TOKEN: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 3.3
_DPOP: Final = "DPoP"  # a type of token, a scheme, and a header
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_logger = logging.getLogger("token_client")


class Signer(Protocol):
    """What of a client, of either kind, a request is signed with."""

    @property
    def dpop_key(self) -> DPoPKey | None:
        """The key that its tokens are bound to."""
        ...

    @property
    def allow_http(self) -> bool:
        """Whether tokens may be sent in the clear."""
        ...

    def now(self) -> float:
        """Give the server's time, in Unix seconds."""
        ...


class Client(Signer, Protocol):
    """A client that blocks."""

    def access_token(self) -> AccessToken:
        """Give a token."""
        ...

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give another token than the rejected one; None where there is none so soon."""
        ...


class AsyncClient(Signer, Protocol):
    """A client of coroutines."""

    async def access_token(self) -> AccessToken:
        """Give a token."""
        ...

    async def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Give another token than the rejected one; None where there is none so soon."""
        ...


class Answer(Protocol):
    """An answer, of any HTTP library. `request` is what it answers, after redirects."""

    @property
    def request(self) -> Any:
        """A request with `url` and `headers`."""
        ...

    @property
    def status_code(self) -> int:
        """HTTP's status."""
        ...

    @property
    def headers(self) -> Any:
        """A mapping without regard to case, which joins fields of one name by commas (RFC 9110 5.3)."""
        ...


@dataclass(frozen=True, slots=True)
class Token:
    """Asks for a token."""


@dataclass(frozen=True, slots=True)
class Renew:
    """Asks for another token than the rejected one, or None."""

    rejected: AccessToken


@dataclass(frozen=True, slots=True)
class Read:
    """Asks for the answer's body, all of it."""


@dataclass(frozen=True, slots=True)
class Send:
    """Asks for the request to be sent with these headers in place of its own, and for the answer.

    The request is the caller's at first, then that of the last answer.
    """

    headers: Mapping[str, str] = field(repr=False)


Step = Token | Renew | Read | Send


@dataclass(frozen=True, slots=True)
class Signed:
    """What a request is sent with: the token, the headers that carry it, and the URL that its proof is for, if any."""

    token: AccessToken
    headers: Mapping[str, str] = field(repr=False)
    htu: str | None


class Remedy(Enum):
    """What may mend a 401."""

    RENEW = "another token"
    NONCE = "the nonce that the API gave"
    TIME = "a proof of the API's own time"
    PROOF = "a proof for the URL that the request was redirected to"


class ApiCalls:
    """The calls that are made with one client's tokens."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._nonces = Nonces()

    def require_privacy(self, url: str) -> None:
        """Raise `ConfigurationError` where a token would be sent in the clear (RFC 6750 5.3)."""
        parts, allow_http = urlsplit(url), self._signer.allow_http
        if parts.scheme == "http" and (allow_http or urls.is_loopback(parts.hostname or "")):
            return
        if parts.scheme != "https":
            where = origin(url) if parts.hostname else "a URL without a host"
            raise ConfigurationError(
                f"a token is not sent to {where}: only by https, by http to this machine, or with allow_http=True"
            )

    def sign(self, method: str, url: str, token: AccessToken, *, now: float | None = None) -> Signed:
        """Make the headers of a request (RFC 6750 2.1, RFC 9449 7.1). Raises `ConfigurationError`.

        A proof is dated `now`, in Unix seconds, or by the server's clock as far as the client knows it.
        """
        self.require_privacy(url)
        headers = {"Authorization": f"{token.token_type} {token.value}"}
        if token.token_type != _DPOP:
            return Signed(token, headers, None)
        key = self._signer.dpop_key
        if key is None:
            raise ConfigurationError("the token is bound to a key (DPoP), and the client has none")
        nonce = self._nonces.of(url)
        now = self._signer.now() if now is None else now
        proof = key.proof(method, url, now=now, access_token=token.value, nonce=nonce)
        return Signed(token, headers | {_DPOP: proof}, htu(url))

    def call(self, method: str, url: str, body: RequestBody) -> Generator[Step, Any, None]:
        """Make one call, with as many requests as it takes. Raises `InsufficientScopeError`."""
        self.require_privacy(url)  # before a token is asked for
        signed = self.sign(method, url, (yield Token()))
        yield from self.follow(signed, body, (yield Send(signed.headers)))

    def follow(self, signed: Signed, body: RequestBody, answer: Answer) -> Generator[Step, Any, None]:
        """Follow the answer to a signed request until it is the caller's. Raises `InsufficientScopeError`."""
        tried: set[Remedy] = set()
        # Where a redirect led to another origin, the HTTP library took the token away: what is said there is not of it.
        while answer.request.headers.get("Authorization") == signed.headers["Authorization"]:
            self._nonces.hear(str(answer.request.url), answer.headers.get("DPoP-Nonce"))
            yield from _permitted(signed, answer)
            remedy = _remedy(signed, answer)
            if remedy is None or remedy in tried or not _is_repeatable(body, answer):
                return
            tried.add(remedy)
            token = (yield Renew(signed.token)) if remedy is Remedy.RENEW else signed.token
            if token is None:
                return
            # Whoever has its token from a store has never heard the server's time.
            now = _date(answer) if remedy is Remedy.TIME else None
            signed = self.sign(answer.request.method, str(answer.request.url), token, now=now)
            answer = yield Send(signed.headers)


def advance(steps: Generator[Step, Any, None], result: object = None) -> Step | None:
    """Hand over what a step gave, nothing at first: what the next step is, None after the last."""
    try:
        return steps.send(result)
    except StopIteration:
        return None


def _permitted(signed: Signed, answer: Answer) -> Generator[Step, Any, None]:
    """Raise `InsufficientScopeError` where the header or the body says so (RFC 6750 3.1)."""
    if answer.status_code != _FORBIDDEN:
        return
    said = [each for each in _own_challenges(answer) if each.get("error") == "insufficient_scope"]
    if said or "json" in answer.headers.get("Content-Type", "").lower():
        said += [each for each in [_json_object((yield Read()))] if each.get("error") == "insufficient_scope"]
    if said:
        needed = next(filter(None, (_scopes(each.get("scope")) for each in said)), ())
        raise InsufficientScopeError(needed, signed.token.scope, answer)


def _remedy(signed: Signed, answer: Answer) -> Remedy | None:
    if answer.status_code != _UNAUTHORIZED:
        return None
    own = _own_challenges(answer)
    errors = {each["error"] for each in own if each.get("error")}
    if signed.htu not in (None, htu(str(answer.request.url))):
        return Remedy.PROOF
    if "use_dpop_nonce" in errors:
        return Remedy.NONCE if signed.htu and "DPoP-Nonce" in answer.headers else None
    if "invalid_dpop_proof" in errors:
        return Remedy.TIME if signed.htu and _date(answer) is not None else None
    # API Gateway's refusals name no error, or are no challenge at all (docs/challenges.md). Other schemes are not ours.
    is_bare = not errors and (own or not _challenges(answer))
    return Remedy.RENEW if is_bare or "invalid_token" in errors else None


def _date(answer: Answer) -> float | None:
    """Give the API's time (RFC 9110 6.6.1), in Unix seconds; None where it does not say."""
    return http_date(answer.headers.get("Date", ""))


def _challenges(answer: Answer) -> list[challenge.Challenge]:
    return challenge.parse(answer.headers[name] for name in _CHALLENGES if name in answer.headers)


def _own_challenges(answer: Answer) -> list[Mapping[str, Any]]:
    return [each.params for each in _challenges(answer) if each.scheme in _SCHEMES]


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _scopes(value: object) -> tuple[str, ...]:
    """Read a scope (RFC 6749 3.3); what breaks the grammar is left out, as an error's text will show the rest."""
    return tuple(filter(_SCOPE_TOKEN.fullmatch, value.split())) if isinstance(value, str) else ()


def _is_repeatable(body: RequestBody, answer: Answer) -> bool:
    if body.rewind():
        return True
    api = origin(str(answer.request.url))
    _logger.warning("%s answered 401, and the request is not tried again: its body can be sent only once", api)
    return False
