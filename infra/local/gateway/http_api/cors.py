"""The CORS configuration of an HTTP API.

Developer guide, "Configure CORS for HTTP APIs in API Gateway"; "x-amazon-apigateway-cors object". API Gateway answers
preflight requests itself where no route takes them, sets its headers on the answers of integrations, and drops those
that the integrations set. Of what it answers itself to any other request, without a token for one, the guide promises
nothing: here such an answer has no CORS headers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infra.local.gateway.request import Request

PREFIX: Final = "access-control-"
# Of allowOrigins: every origin, or every one of a scheme.
WILDCARDS: Final = frozenset({"*", "https://*", "http://*"})
# What each setting that is a list or a number becomes, for a preflight request and for any other.
PREFLIGHT: Final = (
    ("allowMethods", "access-control-allow-methods"),
    ("allowHeaders", "access-control-allow-headers"),
    ("maxAge", "access-control-max-age"),
)
ACTUAL: Final = (("exposeHeaders", "access-control-expose-headers"),)
SETTINGS: Final = frozenset({"allowOrigins", "allowCredentials", *(name for name, _ in (*PREFLIGHT, *ACTUAL))})


@dataclass(frozen=True, slots=True)
class Cors:
    """The configuration, as it stands in the document."""

    settings: Mapping[str, Any]

    def is_preflight(self, request: Request) -> bool:
        """Whether a request is OPTIONS with Origin and Access-Control-Request-Method: the guide asks for all three."""
        asked = request.header("origin") and request.header("access-control-request-method")
        return request.method == "OPTIONS" and bool(asked)

    def dressed(self, response: Response, request: Request) -> Response:
        """Return a response with the configured headers in place of its own; an origin not allowed gets none."""
        own = [pair for pair in response.headers if not pair[0].lower().startswith(PREFIX)]
        return Response(response.status, [*own, *self._headers(request)], response.body)

    def _headers(self, request: Request) -> list[tuple[str, str]]:
        origin = request.header("origin")
        if origin is None or not self._allows(origin):
            return []
        every = "*" in self.settings["allowOrigins"]
        fixed = [("access-control-allow-origin", "*" if every else origin)]
        if self.settings.get("allowCredentials"):
            fixed.append(("access-control-allow-credentials", "true"))
        table = PREFLIGHT if self.is_preflight(request) else ACTUAL
        return fixed + [(header, _text(self.settings[name])) for name, header in table if self.settings.get(name)]

    def _allows(self, origin: str) -> bool:
        scheme = origin.partition("://")[0]
        return not {"*", f"{scheme}://*", origin}.isdisjoint(self.settings["allowOrigins"])


def _text(value: Any) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


def compile_cors(settings: Mapping[str, Any] | None) -> Cors | None:
    """Compile `x-amazon-apigateway-cors`; None where a document has none. Raises DocumentError."""
    if settings is None:
        return None
    origins = settings.get("allowOrigins")
    if settings.keys() - SETTINGS or not origins:
        raise DocumentError(f"x-amazon-apigateway-cors has allowOrigins, and may have {sorted(SETTINGS)}")
    if settings.get("allowCredentials") and not WILDCARDS.isdisjoint(origins):
        raise DocumentError("allowCredentials is not for every origin")  # API Gateway's own refusal
    return Cors(settings)
