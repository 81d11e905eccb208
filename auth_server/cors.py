"""Answers that a page of another origin may read (Fetch 3.3, CORS): those of configured origins, and no other page's.

Neither cookies nor any other ambient credentials are used here, so there is no `Access-Control-Allow-Credentials`: a
page sends its token by itself, and whoever has no token gets nothing out of a person's browser.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final
from urllib.parse import urlsplit

from auth_server.wire import Request, Response
from authorizer.urls import check_url

PREFLIGHT_METHOD: Final = "OPTIONS"
MAX_AGE_SECONDS: Final = 600
# What a page may send beyond what every form can. By name: `*` would leave Authorization out (Fetch 3.3.3).
REQUEST_HEADERS: Final = "Authorization, Content-Type"
# What it may read beyond what every page can. A REST API renames the challenge of a Lambda's answer.
RESPONSE_HEADERS: Final = "Retry-After, WWW-Authenticate"
# RFC 6454 6.2, of a host as browsers write it.
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


def check_origin(text: str) -> str:
    """Give an origin back as a browser writes it; raises ValueError, which says what it must be."""
    check_url(text)
    url = urlsplit(text)
    default_port = {"https": 443, "http": 80}[url.scheme]
    if _ORIGIN.fullmatch(text) is None or url.port == default_port:
        raise ValueError("must be an origin, such as https://app.example.com: no path, no capitals, no default port")
    return text


def headers(request: Request, origins: Collection[str]) -> dict[str, str]:
    """Give the headers that every answer needs, good or bad. Without any configured origin there are none."""
    if not origins:
        return {}
    vary = {"Vary": "Origin"}  # whoever keeps the answer keeps it for this origin
    sent = request.headers.get("origin", ())
    if len(sent) != 1 or sent[0] not in origins:
        return vary
    return {**vary, "Access-Control-Allow-Origin": sent[0], "Access-Control-Expose-Headers": RESPONSE_HEADERS}


def preflight(request: Request, origins: Collection[str], methods: Iterable[str]) -> Response:
    """Answer a browser that asks whether a page may send a request, with or without a token (Fetch 4.8).

    OPTIONS /tokens HTTP/1.1
    Origin: https://app.example.com
    Access-Control-Request-Method: GET

    HTTP/1.1 204 No Content
    Access-Control-Allow-Origin: https://app.example.com
    Access-Control-Allow-Methods: GET
    """
    allowed = headers(request, origins)
    if "Access-Control-Allow-Origin" not in allowed:
        return Response(204, "", allowed)
    permissions = {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(MAX_AGE_SECONDS),
    }
    return Response(204, "", {**allowed, **permissions})
