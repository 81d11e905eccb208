"""Token vending over HTTP, at whatever path ends in /tokens.

GET /tokens HTTP/1.1
Origin: https://app.example.com

HTTP/1.1 200 OK
Content-Type: application/json
Cache-Control: no-store
Access-Control-Allow-Origin: https://app.example.com

{"token": "eyJ...", "exp": 1790003600, "token_type": "Bearer", "scope": "products:read"}
"""

from typing import Any, Final

from auth_server import scope
from auth_server.app import Routes
from auth_server.audit import Decision
from auth_server.vending.modes import MODES
from auth_server.vending.services import VendingServices
from auth_server.vending.vending import Vended
from auth_server.wire import Request, Response


def respond(request: Request, services: VendingServices, decision: Decision) -> Response:
    """Vend a token to whoever asks; raises an `OAuthError` or `DependencyError` for whatever stands in the way."""
    decision.auth_method = services.settings.vending_mode
    known = MODES[services.settings.vending_mode](request, services)
    decision.subject = known.identity.sub
    vended = services.vending.vend(known.identity, known.scopes)
    record(decision, vended, services.settings.vending_client_id, services.settings.vending_audience)
    return Response(200, document(vended))


def record(decision: Decision, vended: Vended, client_id: str, audience: str) -> None:
    """Write down what was vended: `issued` where it was signed for this request, `vended` where it was kept."""
    decision.outcome = "issued" if vended.is_new else "vended"
    decision.client_id, decision.audience, decision.scope = client_id, (audience,), scope.render(vended.scope)
    decision.jti, decision.kid = vended.jti, vended.kid


def document(vended: Vended) -> dict[str, Any]:
    """Give what whoever asked is told."""
    return {"token": vended.token, "exp": vended.exp, "token_type": "Bearer", "scope": scope.render(vended.scope)}


ROUTES: Final[Routes[VendingServices]] = {"*/tokens": ("vending", {"GET": respond})}
