"""The way to an endpoint, and the one place where a refusal becomes an answer and every decision is written down."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Generic, TypeVar

from auth_server import cors
from auth_server.audit import AuditLog, Decision, where
from auth_server.errors import (
    DependencyError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
    OAuthError,
    ServerError,
    TemporarilyUnavailableError,
)
from auth_server.wire import Event, Request, Response, request_from_event

S = TypeVar("S")
Endpoint = Callable[[Request, S, Decision], Response]

# Path, the event of its audit line, and the endpoint of each method. A last segment in braces stands for any one, and
# all before a last segment is any path where an asterisk stands for it.
Routes = Mapping[str, tuple[str, Mapping[str, Endpoint[S]]]]

NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 5.1, and of errors too

# The level of an outcome's audit line. Public documents, read by anyone at any time, are no decisions.
LEVEL_OF_OUTCOME = {
    "issued": "INFO",
    "reused": "INFO",
    "vended": "INFO",
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


class App(Generic[S]):
    """The authorization server behind whatever serves HTTP."""

    def __init__(self, services: S, log: AuditLog, routes: Routes[S], *, origins: Collection[str] = ()) -> None:
        """`services` are the endpoints' argument; every decision goes to `log`.

        The pages of `origins` may read the answers (CORS), and are told so before they ask.
        """
        self._services, self._log, self._routes, self._origins = services, log, routes, origins

    def handle(self, event: Event) -> Response:
        """Answer a request; never raises."""
        response = self._answer(event)
        if not self._origins:
            return response
        return Response(
            response.status, response.document, {**response.headers, **cors.headers(_headers_of(event), self._origins)}
        )

    def _answer(self, event: Event) -> Response:
        decision = Decision("request")
        try:
            response = self._route(request_from_event(event), decision)
        except ServerError as error:
            response = _refuse(error, decision, "fault")
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
        route = next((self._routes[name] for name in _names(request.path) if name in self._routes), None)
        if route is None:
            raise NotFoundError("There is nothing at this path.")
        decision.event, endpoints = route
        if request.method == cors.PREFLIGHT_METHOD and self._origins:
            return cors.preflight(request, self._origins, endpoints)
        endpoint = endpoints.get("GET" if request.method == "HEAD" else request.method)
        if endpoint is None:
            allowed = ", ".join(endpoints)
            raise MethodNotAllowedError(f"Use {allowed}.", headers={"Allow": allowed})
        return endpoint(request, self._services, decision)


def _names(path: str) -> Iterator[str]:
    """Give what the route of a path may be called."""
    before, _, last = path.rpartition("/")
    yield from (path, f"{before}/{{}}", f"*/{last}")


def _headers_of(event: Event) -> Request:
    """Give a request with its headers at least: a body that cannot be read is no reason to hide that from its page."""
    try:
        return request_from_event({**event, "body": None})
    except (InvalidRequestError, TypeError):
        return Request("", "")


def _refuse(error: OAuthError, decision: Decision, outcome: str) -> Response:
    decision.outcome, decision.error, decision.reason = outcome, error.error, error.reason
    return Response(error.status, {"error": error.error, "error_description": error.description}, error.headers)
