"""Tokens for pages, each mode through the local gateway: who gets which, from whom, and what a page reads of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest

from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.clients import NO_AUTHENTICATION, Client
from infra.cloudformation import VENDING_EXAMPLE, Stack
from infra.local.gateway import Gateway
from infra.local.gateway.server import serving
from infra.local.lambda_runtime import load_function
from infra.local.stack import CREDENTIALS, REGION, Addresses, LocalStack, gateway_of, load_functions, running
from tests.local.gateway_api import document, gateway, proxy, token_scheme
from tests.local.user_pool import UserPool, make_pool

READ, WRITE = "products:read", "products:read products:write"
STRANGER = "https://evil.example"
# All by which somebody might ask for more than configuration gives.
TRIES: list[dict[str, Any]] = [
    {"params": {"scope": WRITE, "groups": "admins", "mode": "open", "audience": "https://other.example"}},
    {"headers": {"X-Scope": WRITE, "cognito_groups": "admins", "X-Amzn-Groups": "admins", "Scope": WRITE}},
    {"headers": {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}},
    {"headers": {"Cookie": "scope=products:write; groups=admins"}},
    {"content": b'{"scope": "products:write", "groups": ["admins"]}', "headers": {"Content-Type": "application/json"}},
]


@dataclass(frozen=True)
class World:
    """The local stack, the two APIs of the example beside it, and one behind Latchkey's authorizer."""

    stack: LocalStack
    pool: UserPool
    admin: str
    order: str
    inside: str


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Start all of it."""
    with ExitStack() as at_end:
        addresses = Addresses(issuer_port=0, api_port=0, aws_port=0, web_port=0)
        stack = at_end.enter_context(running(addresses, name="vending"))
        pool = make_pool(stack.aws_endpoint_url)
        example = vending_example(stack, pool)
        register(stack, "admin-page", WRITE)
        register(stack, "order-page", READ)
        functions = load_functions(example, stack.aws_endpoint_url, {})
        admin, order = (
            at_end.enter_context(serving(gateway_of(example, api, functions, stack.aws_endpoint_url)))
            for api in ("AdminApi", "OrderApi")
        )
        inside = at_end.enter_context(serving(behind_the_authorizer(stack, example)))
        yield World(stack, pool, admin, order, inside)


def vending_example(stack: LocalStack, pool: UserPool) -> Stack:
    """Give the example's stack, beside this one."""
    parameters = {
        "LatchkeyStack": "vending",
        "VendingRoleArn": "arn:aws:iam::123456789012:role/vending",
        "Issuer": stack.issuer,
        "Audience": stack.api,
        "UserPoolArn": pool.arn,
        "CorsOrigins": stack.web,
    }
    return Stack(VENDING_EXAMPLE, parameters=parameters)


def register(stack: LocalStack, client_id: str, scope: str) -> None:
    """Make a client that tokens are vended for."""
    table = stack.template.tables()["ClientsTable"].name
    client = Client(client_id, tuple(scope.split()), 0, audiences=(stack.api,), auth_methods=(NO_AUTHENTICATION,))
    DynamoDBClientStore(stack.aws("dynamodb"), table).create(client)


def behind_the_authorizer(stack: LocalStack, example: Stack) -> Gateway:
    """Give an API whose GET /tokens stands behind Latchkey's authorizer, for the mode `authorizer`."""
    given = {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": stack.aws_endpoint_url}
    vending = {**example.functions()["OrderVendingFunction"].environment, "VENDING_MODE": "authorizer"}
    authorizer = {**stack.template.functions()["AuthorizerFunction"].environment}
    del authorizer["ROUTES"]  # of another API; without a map, a good token opens the stage
    functions = {
        "vending": load_function("auth_server.vending_handler", given | vending),
        "latchkey": load_function("authorizer.handler", given | authorizer),
    }
    tokens = {
        "get": proxy("vending", security=[{"token": []}]),
        "options": proxy("vending"),
        "x-amazon-apigateway-any-method": proxy("vending"),
    }
    responses = example.api("OrderApi")["x-amazon-apigateway-gateway-responses"]
    described = document(
        {"/tokens": tokens},
        components={"securitySchemes": {"token": token_scheme("latchkey")}},
        **{"x-amazon-apigateway-gateway-responses": responses},
    )
    return gateway(described, functions)


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    """Give the claims of the token in an answer, which is 200."""
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"token", "exp", "token_type", "scope"}
    assert answer.headers["Cache-Control"] == "no-store"
    claims: dict[str, Any] = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert (claims["exp"], claims["scope"]) == (answer.json()["exp"], answer.json()["scope"])
    return claims


def uses(stack: LocalStack, answer: httpx.Response) -> tuple[int, int]:
    """Tell how the sample API answers GET and POST /products with the token in an answer."""
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    product = {"name": "Mug", "price": "8.00"}
    read = httpx.get(f"{stack.api}/products", headers=headers)
    return read.status_code, httpx.post(f"{stack.api}/products", json=product, headers=headers).status_code


def tokens(url: str, bearer: str | None = None, **request: Any) -> httpx.Response:
    """Ask for a token."""
    headers = request.pop("headers", {}) | ({"Authorization": f"Bearer {bearer}"} if bearer else {})
    return httpx.request("GET", f"{url}/tokens", headers=headers, timeout=30, **request)


def demo_token(stack: LocalStack) -> str:
    """Give a token of the demo client."""
    form = {"grant_type": "client_credentials"}
    answer = httpx.post(f"{stack.issuer}/oauth/token", data=form, auth=("demo", stack.client_secret))
    return str(answer.json()["access_token"])


def log_in(stack: LocalStack, username: str) -> dict[str, Any]:
    """Sign somebody up and log them in."""
    body = {"username": username, "password": "a teapot full of rain"}
    assert httpx.post(f"{stack.issuer}/signup", json=body, timeout=30).status_code == 201
    answer = httpx.post(f"{stack.issuer}/login", json=body, timeout=30)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_anybody_gets_one_token_at_the_order_api(world: World) -> None:
    """`open`: the same caller gets the same token, which reads and does not write, and names no address."""
    answer = tokens(world.order)
    claims = claims_of(answer)
    assert claims["sub"].startswith("address:")
    assert "127.0.0.1" not in str(claims["sub"])
    assert (claims["identity_provider"], claims["client_id"], claims["aud"]) == ("open", "order-page", world.stack.api)
    assert uses(world.stack, answer) == (200, 403)
    assert tokens(world.order).json()["token"] == answer.json()["token"]


def test_a_user_pools_groups_decide_at_the_admin_api(world: World) -> None:
    """`cognito`: readers read, admins write as well, who is in no group gets nothing; each by the pool's ID token."""
    for name, groups, scope, used in (
        ("rita", ["readers"], READ, (200, 403)),
        ("anna", ["readers-too", "admins"], WRITE, (200, 201)),
    ):
        identity = world.pool.tokens(name, *groups)["IdToken"]
        answer = tokens(world.admin, identity)
        claims = claims_of(answer)
        assert claims["sub"] == "cognito:" + jwt.decode(identity, options={"verify_signature": False})["sub"]
        assert (claims["scope"], claims["client_id"]) == (scope, "admin-page")
        assert uses(world.stack, answer) == used
    assert tokens(world.admin, world.pool.tokens("nemo", "guests")["IdToken"]).status_code == 403
    assert tokens(world.admin, world.pool.tokens("nobody")["IdToken"]).status_code == 403


def test_the_admin_api_knows_nobody_without_an_id_token(world: World) -> None:
    """`cognito`: no token, an access token of the pool, and a token of Latchkey's own are 401, in JSON."""
    access = world.pool.tokens("vera", "admins-of-old")["AccessToken"]
    for bearer in (None, access, demo_token(world.stack), "a.b.c"):
        answer = tokens(world.admin, bearer)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_token")


def test_whom_an_authorizer_let_in_gets_a_token(world: World) -> None:
    """`authorizer`: the name is the authorizer's word, and without a token that it accepts there is none."""
    answer = tokens(world.inside, demo_token(world.stack))
    claims = claims_of(answer)
    assert (claims["sub"], claims["identity_provider"], claims["scope"]) == ("user:demo", "authorizer", READ)
    assert uses(world.stack, answer) == (200, 403)
    assert [tokens(world.inside, bearer).status_code for bearer in (None, "a.b.c")] == [401, 401]


@pytest.mark.parametrize("asked", TRIES, ids="-".join)
def test_nothing_that_is_sent_makes_more_of_it(world: World, asked: dict[str, Any]) -> None:
    """No header, parameter, cookie or body makes a read-only caller's token another than it is."""
    reader = world.pool.tokens(f"reader-{TRIES.index(asked)}", "readers")["IdToken"]
    assert claims_of(tokens(world.admin, reader, **asked))["scope"] == READ
    before = tokens(world.order).json()
    assert tokens(world.order, **asked).json() == before
    demo = demo_token(world.stack)
    assert tokens(world.inside, demo, **asked).json() == tokens(world.inside, demo).json()


def test_a_log_in_is_renewed(world: World) -> None:
    """`login`: a person's token is renewed at the issuer; it writes messages in the person's name, and no products."""
    logged_in = log_in(world.stack, "alice")
    answer = tokens(world.stack.issuer, logged_in["token"])
    claims = claims_of(answer)
    assert (claims["sub"], claims["identity_provider"], claims["client_id"]) == ("person:alice", "login", "browser")
    assert claims["scope"].split() == ["products:read", "messages:write"]
    assert uses(world.stack, answer) == (200, 403)
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    posted = httpx.post(f"{world.stack.api}/messages", json={"text": "Tea, anyone?"}, headers=headers)
    assert (posted.status_code, posted.json()["author"]) == (201, "alice")
    assert httpx.get(f"{world.stack.api}/messages").json()["messages"][0] == posted.json()


def test_only_a_log_in_is_renewed(world: World) -> None:
    """`login`: the tokens of a client, of other modes and of a session that was logged out get none."""
    logged_in = log_in(world.stack, "bob")
    url, headers = f"{world.stack.issuer}/logout", {"Authorization": f"Bearer {logged_in['token']}"}
    assert httpx.post(url, headers=headers).status_code == 200
    others = (demo_token(world.stack), tokens(world.order).json()["token"], logged_in["token"], "a.b.c", None)
    assert [tokens(world.stack.issuer, bearer).status_code for bearer in others] == [401] * len(others)


def places(world: World) -> list[tuple[str, str]]:
    """Give every address that a page may call across origins, with its method."""
    issuer = world.stack.issuer
    people = [(f"{issuer}/{name}", "POST") for name in ("signup", "login", "logout")]
    return [(f"{url}/tokens", "GET") for url in (issuer, world.admin, world.order, world.inside)] + people


@pytest.mark.parametrize("authorization", [None, "Bearer a.b.c"])
def test_every_preflight_is_answered(world: World, authorization: str | None) -> None:
    """With and without a token, a page of a configured origin may send its token and JSON; another's may not."""
    for url, method in places(world):
        asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "authorization"}
        asked |= {"Authorization": authorization} if authorization else {}
        answer = httpx.options(url, headers={"Origin": world.stack.web, **asked})
        assert answer.status_code == 204, url
        assert answer.headers["Access-Control-Allow-Origin"] == world.stack.web
        assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
        assert {"Authorization", "Content-Type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
        stranger = httpx.options(url, headers={"Origin": STRANGER, **asked})
        assert "Access-Control-Allow-Origin" not in stranger.headers, url


def test_a_page_reads_every_answer(world: World) -> None:
    """200, 201, 400, 401, 403, 404, 405 and 409: each is JSON that the page may read, and says nothing inside."""
    issuer, page = world.stack.issuer, {"Origin": world.stack.web}
    nobody = world.pool.tokens("carol")["IdToken"]
    person = {"username": "dora", "password": "a teapot full of rain"}
    answers = [
        (200, httpx.get(f"{world.order}/tokens", headers=page)),
        (201, httpx.post(f"{issuer}/signup", json=person, headers=page, timeout=30)),
        (409, httpx.post(f"{issuer}/signup", json=person, headers=page, timeout=30)),
        (200, httpx.post(f"{issuer}/login", json=person, headers=page, timeout=30)),
        (401, httpx.post(f"{issuer}/login", json={**person, "password": "wrong"}, headers=page, timeout=30)),
        (400, httpx.post(f"{issuer}/login", content=b"{", headers=page)),
        (401, httpx.get(f"{issuer}/tokens", headers=page)),
        (401, httpx.get(f"{world.admin}/tokens", headers=page)),
        (403, httpx.get(f"{world.admin}/tokens", headers={**page, "Authorization": nobody})),
        (401, httpx.get(f"{world.inside}/tokens", headers=page)),
        *((404, httpx.get(f"{url}/nothing", headers=page)) for url in (issuer, world.admin, world.order)),
        *((405, httpx.request("PUT", url, headers=page)) for url, _ in places(world)),
    ]
    for status, answer in answers:
        assert answer.status_code == status, (answer.request.method, answer.url, answer.text)
        assert answer.headers["Access-Control-Allow-Origin"] in (world.stack.web, "*"), answer.url
        assert status < 400 or {"error", "error_description"} >= answer.json().keys() > {"error_description"}
        assert status != 405 or answer.headers["Allow"]


def test_a_page_reads_that_something_is_down(world: World) -> None:
    """Where no table answers: 503 and Retry-After, which a page may read; and preflight requests are answered."""
    functions = load_functions(world.stack.template, "http://127.0.0.1:1", {})
    broken = gateway_of(world.stack.template, "AuthApi", functions, "http://127.0.0.1:1")
    page, person = {"Origin": world.stack.web}, {"username": "erin", "password": "a teapot full of rain"}
    with serving(broken) as url:
        answers = [httpx.post(f"{url}/{name}", json=person, headers=page, timeout=60) for name in ("signup", "login")]
        headers = {**page, "Authorization": f"Bearer {log_in(world.stack, 'erin')['token']}"}
        answers.append(httpx.get(f"{url}/tokens", headers=headers, timeout=60))
        preflights = [httpx.options(f"{url}/{name}", headers=page) for name in ("tokens", "signup", "login", "logout")]
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable"), answer.text
        assert answer.headers["Retry-After"]
        assert answer.headers["Access-Control-Allow-Origin"] == world.stack.web
    assert [each.status_code for each in preflights] == [204] * 4


def test_a_page_reads_that_a_function_failed(world: World) -> None:
    """Where a function raises, which none of ours does, API Gateway's own answer is one that the page may read."""

    def fails(*_: Any) -> Any:
        raise RuntimeError("a fault")

    functions = dict.fromkeys(load_functions(world.stack.template, world.stack.aws_endpoint_url, {}), fails)
    with serving(gateway_of(world.stack.template, "AuthApi", functions, world.stack.aws_endpoint_url)) as url:
        for path in ("tokens", "signup", "login", "logout"):
            answer = httpx.request("GET" if path == "tokens" else "POST", f"{url}/{path}")
            assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (502, "*"), answer.text


def test_every_client_that_vends_is_a_ceiling(world: World) -> None:
    """What is vended at the order API ends with its client, and the other API's goes on."""
    table = world.stack.template.tables()["ClientsTable"].name
    dynamodb = world.stack.aws("dynamodb")
    key = {"client_id": {"S": "order-page"}}
    item = dynamodb.get_item(TableName=table, Key=key)["Item"]
    dynamodb.put_item(TableName=table, Item={**item, "enabled": {"BOOL": False}})
    try:
        assert tokens(world.order).status_code == 403
    finally:
        dynamodb.put_item(TableName=table, Item=item)
    assert tokens(world.order).status_code == 200
