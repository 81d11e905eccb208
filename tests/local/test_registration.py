"""Registration and token exchange as they are deployed: two functions, one gateway, one table, over HTTP."""

import time
from typing import Any

import boto3
import httpx
import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.client_registration import check, new_secret
from auth_server.clients import CLIENT_CREDENTIALS, REGISTER_SCOPE, TOKEN_EXCHANGE, Client
from auth_server.grants.token_exchange import ACCESS_TOKEN_TYPE
from infra.cloudformation import Stack


def token(stack: dict[str, Any], client_id: str, secret: str, **parameters: str) -> str:
    """Get a token with a client's credentials."""
    form = {"grant_type": CLIENT_CREDENTIALS, **parameters}
    answer = httpx.post(f"{stack['issuer']}/oauth/token", data=form, auth=(client_id, secret))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def registrar_token(local_stack: dict[str, Any]) -> str:
    """Make a registrar, as an operator does, and get its initial access token."""
    now = int(time.time())
    secret, record = new_secret(imported=None, now=now)
    registrar = Client(
        "registrar-of-the-stack",
        scopes=(REGISTER_SCOPE,),
        created_at=now,
        secrets=(record,),
        audiences=(local_stack["issuer"],),
        registrable_scopes=("products:read", "products:write"),
        registrable_audiences=(local_stack["api"],),
    )
    dynamodb = boto3.client("dynamodb", endpoint_url=local_stack["aws_endpoint_url"])
    DynamoDBClientStore(dynamodb, Stack().tables()["ClientsTable"].name).create(check(registrar))
    return token(local_stack, registrar.client_id, secret)


def test_a_client_lives_its_whole_life_over_http(local_stack: dict[str, Any], registrar_token: str) -> None:
    """Registered, it gets a token, exchanges it for a narrower one, is changed, and is gone after its deletion."""
    metadata = {"scope": "products:read products:write", "grant_types": [CLIENT_CREDENTIALS, TOKEN_EXCHANGE]}
    bearer = {"Authorization": f"Bearer {registrar_token}"}
    registered = httpx.post(f"{local_stack['issuer']}/oauth/register", json=metadata, headers=bearer)
    assert registered.status_code == 201
    answer = registered.json()
    credentials = (answer["client_id"], answer["client_secret"])
    narrow = token(
        local_stack,
        *credentials,
        grant_type=TOKEN_EXCHANGE,
        subject_token=token(local_stack, *credentials),
        subject_token_type=ACCESS_TOKEN_TYPE,
        scope="products:read",
    )
    products, headers = f"{local_stack['api']}/products", {"Authorization": f"Bearer {narrow}"}
    assert httpx.get(products, headers=headers).status_code == 200
    assert httpx.post(products, json={"name": "Cup", "price": "4.50"}, headers=headers).status_code == 403
    uri, own = answer["registration_client_uri"], f"Bearer {answer['registration_access_token']}"
    changed = httpx.put(uri, json={"client_id": answer["client_id"]}, headers={"Authorization": own})
    assert changed.status_code == 200
    own = f"Bearer {changed.json()['registration_access_token']}"
    deleted = httpx.delete(uri, headers={"Authorization": own})
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert httpx.get(uri, headers={"Authorization": own}).status_code == 401


@pytest.mark.parametrize("path", ["/oauth/register", "/oauth/register/somebody"])
def test_another_method_is_405_through_the_gateway(local_stack: dict[str, Any], path: str) -> None:
    """Every method reaches the function, which says which there are."""
    answer = httpx.patch(local_stack["issuer"] + path)
    assert (answer.status_code, answer.json()["error"]) == (405, "invalid_request")
    assert answer.headers["Allow"] == ("POST" if path.endswith("register") else "GET, PUT, DELETE")
