"""One HTTP request as the gateway reads it, and what the gateway learns of it on the way (`Exchange`).

ASGI lower-cases header names, so the spelling that the client sent is lost: the names in SPELLED below are written as
their standards do, all others stay in lower case. Header values are read as Latin-1, which every byte is.
"""

from __future__ import annotations

import base64
import os
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import Scope

SPELLED = (
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Cache-Control",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-MD5",
    "Content-Type",
    "Cookie",
    "Date",
    "DPoP",
    "Expect",
    "Host",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "Max-Forwards",
    "Origin",
    "Pragma",
    "Proxy-Authenticate",
    "Range",
    "Referer",
    "Server",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "User-Agent",
    "Via",
    "WWW-Authenticate",
    "X-Amzn-Trace-Id",
    "X-Forwarded-For",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Requested-With",
)
# https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
TRACE_ID = re.compile(r"[A-Za-z]+=[A-Za-z0-9:-]+(;[A-Za-z]+=[A-Za-z0-9:-]+)*")

_spelling = {name.lower(): name for name in SPELLED}
_spelling_of_bytes = {name.lower().encode(): name for name in SPELLED}


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request: `path` and `raw_query` as sent, `query` decoded; `headers` keeps the last of each name."""

    method: str
    path: str
    protocol: str
    source_ip: str
    server_name: str
    server_port: str
    headers: dict[str, str]
    multi_value_headers: dict[str, list[str]]
    query: dict[str, list[str]]
    raw_query: str
    body: bytes

    def header(self, name: str) -> str | None:
        """Return the last value of a header; its name in any case."""
        name = name.lower()
        return self.headers.get(_spelling.get(name, name))


@dataclass(frozen=True, slots=True)
class Stage:
    """What is the same for every request: where the API is deployed."""

    name: str
    region: str
    account_id: str
    api_id: str
    variables: Mapping[str, str]

    @property
    def arn(self) -> str:
        """What the ARN of each of its methods or routes begins with."""
        return f"arn:aws:execute-api:{self.region}:{self.account_id}:{self.api_id}/{self.name}"


@dataclass(slots=True)
class Exchange:
    """A request on its way through the gateway; `epoch` is the time it came in, in seconds.

    `authorizer` is what integrations get of the authorizer; None where none let the request pass. `route_key` is an
    HTTP API's name for what stands at method and path.
    """

    stage: Stage
    request: Request
    epoch: float
    request_id: str
    extended_request_id: str
    trace_id: str
    resource_path: str | None = None
    route_key: str | None = None
    path_parameters: dict[str, str] = field(default_factory=dict)
    authorizer: dict[str, Any] | None = None

    @property
    def media_type(self) -> str:
        """The media type of the body; API Gateway reads a missing Content-Type as application/json.

        https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
        """
        return (self.request.header("content-type") or "application/json").partition(";")[0].strip().lower()


def begin(stage: Stage, request: Request, epoch: float) -> Exchange:
    """Give a request its identifiers: a UUID, an extended id, and the client's X-Ray trace or else a new one."""
    noise = os.urandom(39)
    request_id = str(uuid.UUID(bytes=noise[:16], version=4))
    extended = base64.b64encode(noise[16:27]).decode()
    claimed = request.headers.get("X-Amzn-Trace-Id", "")
    trace = claimed if TRACE_ID.fullmatch(claimed) else f"Root=1-{int(epoch):08x}-{noise[27:].hex()}"
    return Exchange(stage, request, epoch, request_id, extended, trace)


def parse_request(scope: Scope, body: bytes) -> Request:
    """Read an ASGI scope; nothing that a client can send makes this fail."""
    headers, multi_value_headers = _headers(scope["headers"])
    client, server = scope.get("client") or ("", 0), scope.get("server") or ("", 0)
    return Request(
        method=scope["method"],
        path=(scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1"),
        protocol="HTTP/" + scope["http_version"],
        source_ip=client[0],
        server_name=server[0],
        server_port=str(server[1]),
        headers=headers,
        multi_value_headers=multi_value_headers,
        query=_query(scope["query_string"]),
        raw_query=scope["query_string"].decode("latin-1"),
        body=body,
    )


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Read headers twice over: the last value of each name, and all of them."""
    last: dict[str, str] = {}
    every: dict[str, list[str]] = {}
    for raw_name, raw_value in raw:
        name = _spelling_of_bytes.get(raw_name) or raw_name.decode("latin-1")
        value = raw_value.decode("latin-1")
        last[name] = value
        every.setdefault(name, []).append(value)
    return last, every


def _query(raw: bytes) -> dict[str, list[str]]:
    """Decode a query string. Developer guide, "Important notes": a semicolon splits the data too."""
    query: dict[str, list[str]] = {}
    if raw:
        for name, value in parse_qsl(raw.decode("latin-1").replace(";", "&"), keep_blank_values=True, errors="replace"):
            query.setdefault(decoded(name), []).append(decoded(value))
    return query


def decoded(text: str) -> str:
    """Return a URL-decoded parameter as integrations see it.

    Developer guide, "Important notes" for REST APIs: request parameters are URL-decoded, and the percent character
    itself is encoded again before it is passed on.
    """
    return text.replace("%", "%25")
