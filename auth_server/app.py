"""The route table, and the one place where a refusal becomes an answer and every decision is written down."""

from collections.abc import Callable, Mapping

from auth_server.audit import AuditLog, Decision, where
from auth_server.endpoints import (
    authorization_endpoint,
    introspection_endpoint,
    jwks_endpoint,
    metadata_endpoint,
    revocation_endpoint,
    revocations_endpoint,
    token_endpoint,
)
from auth_server.errors import (
    DependencyError,
    MethodNotAllowedError,
    NotFoundError,
    OAuthError,
    ServerError,
    TemporarilyUnavailableError,
)
from auth_server.services import Services
from auth_server.wire import Event, Request, Response, request_from_event

Endpoint = Callable[[Request, Services, Decision], Response]

# Path, the event of its audit line, and the endpoint of each method. A last segment in braces stands for any one.
Routes = Mapping[str, tuple[str, Mapping[str, Endpoint]]]

ROUTES: Routes = {
    "/oauth/token": ("token", {"POST": token_endpoint.respond}),
    "/oauth/authorize": ("authorization", dict.fromkeys(("GET", "POST"), authorization_endpoint.respond)),
    "/oauth/introspect": ("introspection", {"POST": introspection_endpoint.respond}),
    "/oauth/revoke": ("revocation", {"POST": revocation_endpoint.respond}),
    "/oauth/revocations": ("revocations", {"GET": revocations_endpoint.respond}),
    "/.well-known/jwks.json": ("jwks", {"GET": jwks_endpoint.respond}),
    "/.well-known/oauth-authorization-server": ("metadata", {"GET": metadata_endpoint.respond}),
    "/.well-known/openid-configuration": ("metadata", {"GET": metadata_endpoint.respond}),
}

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 5.1, and of errors too

# The level of an outcome's audit line. Public documents, read by anyone at any time, are no decisions.
LEVEL_OF_OUTCOME = {
    "issued": "INFO",
    "active": "INFO",
    "inactive": "INFO",
    "revoked": "INFO",
    "ignored": "INFO",
    "registered": "INFO",
    "read": "INFO",
    "changed": "INFO",
    "deleted": "INFO",
    "served": "DEBUG",
    "refused": "WARNING",
    "unavailable": "ERROR",
    "fault": "ERROR",
}


class App:
    """The authorization server behind whatever serves HTTP."""

    def __init__(self, services: Services, log: AuditLog, routes: Routes = ROUTES) -> None:
        """`services` are the endpoints' arguments; every decision goes to `log`."""
        self._services, self._log, self._routes = services, log, routes

    def handle(self, event: Event) -> Response:
        """Answer a request; never raises."""
        decision = Decision("request")
        try:
            response = self._route(request_from_event(event), decision)
        except OAuthError as error:
            response = _refuse(error, decision, "refused")
        except DependencyError as error:
            response = _refuse(TemporarilyUnavailableError(reason=str(error)), decision, "unavailable")
        except Exception as error:  # noqa: BLE001 - the last guard: the caller gets JSON, the log the place
            response = _refuse(
                ServerError("The authorization server has failed.", reason=where(error)), decision, "fault"
            )
        decision.status = response.status
        self._log.write(LEVEL_OF_OUTCOME[decision.outcome or "served"], decision)
        headers = response.headers if "Cache-Control" in response.headers else {**NO_STORE, **response.headers}
        return Response(response.status, response.document, headers)

    def _route(self, request: Request, decision: Decision) -> Response:
        decision.request_id, decision.source_ip = request.request_id, request.source_ip
        route = self._routes.get(request.path) or self._routes.get(_with_any_last_segment(request.path))
        if route is None:
            raise NotFoundError("There is nothing at this path.")
        decision.event, endpoints = route
        endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allowed = ", ".join(endpoints)
            raise MethodNotAllowedError(f"Use {allowed}.", headers={"Allow": allowed})
        return endpoint(request, self._services, decision)


def _with_any_last_segment(path: str) -> str:
    return path.rpartition("/")[0] + "/{}"


def _refuse(error: OAuthError, decision: Decision, outcome: str) -> Response:
    decision.outcome, decision.error, decision.reason = outcome, error.error, error.reason
    return Response(error.status, {"error": error.error, "error_description": error.description}, error.headers)
