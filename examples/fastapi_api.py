"""An API with FastAPI on Mangum, behind the authorizer, on a REST API as well as on an HTTP API."""

from typing import Annotated, Any

from fastapi import FastAPI, Request, Security
from fastapi.openapi.models import OAuthFlowClientCredentials, OAuthFlows
from fastapi.responses import JSONResponse
from fastapi.security import OAuth2, SecurityScopes
from mangum import Mangum
from pydantic import BaseModel

from resource_server.caller import Caller, CallerRefusedError, caller_of

app = FastAPI()
# For /docs alone: the authorizer has checked the token before, and its word is in the event.
SCOPES = {"products:read": "see the products", "products:write": "add to them"}
TOKEN = OAuthFlowClientCredentials(tokenUrl="https://auth.example.com/oauth/token", scopes=SCOPES)
OAUTH2 = OAuth2(flows=OAuthFlows(clientCredentials=TOKEN), auto_error=False)


class Product(BaseModel):
    """What there is to sell."""

    name: str


def caller(request: Request, needed: SecurityScopes, _: Annotated[Any, Security(OAUTH2)]) -> Caller:
    """Give the caller of a request; raises `CallerRefusedError` where its token lacks one of the scopes."""
    found = caller_of(request.scope.get("aws.event"))
    found.require(*needed.scopes)
    return found


@app.exception_handler(CallerRefusedError)
def refuse(_: Request, refused: CallerRefusedError) -> JSONResponse:
    """Answer 401 or 403 with the challenge."""
    return JSONResponse(refused.body, refused.status, refused.headers)


@app.get("/products")
def list_products(reader: Annotated[Caller, Security(caller, scopes=["products:read"])]) -> dict[str, Any]:
    """List the products."""
    return {"products": [], "may_write": reader.may("products:write")}


@app.post("/products", status_code=201)
def create_product(
    product: Product, creator: Annotated[Caller, Security(caller, scopes=["products:write"])]
) -> dict[str, Any]:
    """Add a product."""
    return {"name": product.name, "created_by": creator.client_id}


lambda_handler = Mangum(app, lifespan="off")
