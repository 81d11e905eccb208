"""The sample API itself: route table, scope check, and the one place where a refusal becomes an answer."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from resource_server.caller import CallerRefusedError
from resource_server.errors import MethodNotAllowed, NotFound, Problem, ServerError
from resource_server.log import Log
from resource_server.messages import MessageBoard, author_of, new_message
from resource_server.metadata import METADATA_MAX_AGE_SECONDS, METADATA_PATH, metadata, metadata_url
from resource_server.page_query import cursor_of_id, parse_page_query
from resource_server.products import PRODUCT_ID, Product, ProductStore, parse_new_product
from resource_server.settings import Settings
from resource_server.wire import Request, Response, request_of

HTTP_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


def utc_now() -> datetime:
    """Return the time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """The sample API over its store and its board; `clock` gives the time in UTC."""

    settings: Settings
    store: ProductStore
    board: MessageBoard
    log: Log
    clock: Callable[[], datetime] = utc_now

    def handle(self, event: Any) -> Response:
        """Answer one event and write one log line for it; raises nothing."""
        request = request_of(event, urlsplit(self.settings.resource).path.rstrip("/"))
        route = None
        try:
            route, product_id = find_route(request)
            self._require_token(route, request)
            response, reason = route.respond(self, request, product_id), None
        except Problem as problem:
            response, reason = _refusal(problem), problem.reason
        except CallerRefusedError as refused:
            response, reason = Response(refused.status, refused.body, refused.headers), None
        except Exception as error:  # noqa: BLE001 - the last line of defence: a caller never sees a stack trace
            self.log.write_exception(error, request.request_id)
            response, reason = _refusal(ServerError(type(error).__name__)), type(error).__name__
        self._write_request_line(request, route, response.status, reason)
        return response

    def _require_token(self, route: "Route", request: Request) -> None:
        if route.scope is not None:
            now, url = self.clock().timestamp(), metadata_url(self.settings)
            request.caller.require(route.scope, now=now, resource_metadata=url)

    def _write_request_line(self, request: Request, route: "Route | None", status: int, reason: str | None) -> None:
        self.log.write(
            "INFO" if status < ServerError.status else "ERROR",
            "request",
            # A caller may send any word as the method.
            method=request.method if request.method in HTTP_METHODS else "other",
            route=route.template if route else "unmatched",
            status=status,
            reason=reason,
            client_id=request.caller.client_id,
            request_id=request.request_id,
        )


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: `{id}` in `template` stands for one path segment; `scope` is None where none is needed."""

    method: str
    template: str
    scope: str | None
    respond: Callable[[App, Request, str], Response]


def find_route(request: Request) -> tuple[Route, str]:
    """Return the request's route, and the `{id}` in its path ("" where the route has none).

    Raises `NotFound` or `MethodNotAllowed`.
    """
    prefix, _, last = request.path.rpartition("/")
    # The exact template comes first, so that no id can shadow a path of its own.
    for template, product_id in ((request.path, ""), (f"{prefix}/{{id}}", unquote(last))):
        routes = {route.method: route for route in ROUTES if route.template == template}
        if request.method in routes:
            return routes[request.method], product_id
        if routes:
            raise MethodNotAllowed(tuple(sorted(routes)))
    raise NotFound("There is no such path.")


def list_products(app: App, request: Request, _: str) -> Response:
    """GET /products?limit=20&next=...

    `{"products": [...], "next": "..."}`; `next` is null on the last page, and the last page may be empty.
    """
    asked = parse_page_query(request.query)
    page = app.store.page(asked.limit, asked.after_id)
    return Response(
        200,
        {
            "products": [product.document() for product in page.products],
            "next": None if page.last_id is None else cursor_of_id(page.last_id),
        },
    )


def show_product(app: App, _: Request, product_id: str) -> Response:
    """GET /products/{id}."""
    product = app.store.get(product_id) if PRODUCT_ID.fullmatch(product_id) else None
    if product is None:
        raise NotFound("There is no such product.")
    return Response(200, product.document())


def create_product(app: App, request: Request, _: str) -> Response:
    """POST /products: 201, the product, and where it is (RFC 9110 15.3.2)."""
    new = parse_new_product(request.body)
    product = Product(
        id=str(uuid.uuid4()),
        name=new.name,
        price=new.price,
        created_by=request.caller.client_id,
        created_at=app.clock().strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    app.store.put(product)
    location = f"{app.settings.resource.rstrip('/')}/products/{product.id}"
    return Response(201, product.document(), {"Location": location})


def list_messages(app: App, _: Request, __: str) -> Response:
    """GET /messages: `{"messages": [...]}`, the latest 20, newest first. Anyone may read them."""
    return Response(200, {"messages": [message.document() for message in app.board.latest()]})


def post_message(app: App, request: Request, _: str) -> Response:
    """POST /messages: 201 and the message. A message has no URL of its own, so there is no Location."""
    message = new_message(request.body, author=author_of(request.caller), now=app.clock())
    app.board.post(message)
    return Response(201, message.document())


def show_metadata(app: App, _: Request, __: str) -> Response:
    """GET /.well-known/oauth-protected-resource (RFC 9728 3)."""
    cache = {"Cache-Control": f"public, max-age={METADATA_MAX_AGE_SECONDS}"}
    return Response(200, metadata(app.settings, SCOPES), cache)


ROUTES: Final = (
    Route("GET", "/products", "products:read", list_products),
    Route("GET", "/products/{id}", "products:read", show_product),
    Route("POST", "/products", "products:write", create_product),
    Route("GET", "/messages", None, list_messages),
    Route("POST", "/messages", "messages:write", post_message),
    Route("GET", METADATA_PATH, None, show_metadata),
)
SCOPES: Final = frozenset(route.scope for route in ROUTES if route.scope is not None)


def _refusal(problem: Problem) -> Response:
    return Response(problem.status, problem.members(), problem.headers())
