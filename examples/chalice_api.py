"""An API with Chalice, behind the authorizer. In a Chalice project this is app.py, and caller.py is in chalicelib/."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from chalice import Chalice, CustomAuthorizer, Response

from resource_server.caller import Caller, CallerRefusedError, caller_of

app = Chalice(app_name="products")
AUTHORIZER = "arn:aws:lambda:eu-west-1:123456789012:function:latchkey-authorizer"
latchkey = CustomAuthorizer(
    "latchkey",
    authorizer_uri=f"arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{AUTHORIZER}/invocations",
)


def needs(*scopes: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Hand the caller to a view, or answer 401 or 403 with the challenge where its token lacks one of the scopes.

    Chalice makes a 500 out of any exception of a view before its middleware sees it, so this is a decorator.
    """

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def checked(**parameters: Any) -> Any:
            caller = caller_of({"requestContext": app.current_request.context})
            try:
                caller.require(*scopes)
            except CallerRefusedError as refused:
                return Response(refused.body, dict(refused.headers), refused.status)
            return view(caller, **parameters)

        return checked

    return decorate


@app.route("/products", methods=["GET"], authorizer=latchkey)
@needs("products:read")
def list_products(reader: Caller) -> dict[str, Any]:
    """List the products."""
    return {"products": [], "may_write": reader.may("products:write")}


@app.route("/products", methods=["POST"], authorizer=latchkey)
@needs("products:write")
def create_product(creator: Caller) -> Response:
    """Add a product."""
    return Response({"name": app.current_request.json_body["name"], "created_by": creator.client_id}, status_code=201)
