"""The handler over a real table: every route, in both payload formats."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from resource_server.app import ROUTES
from tests.resource_server.api import ISSUER, RESOURCE, Answer, Api, cold_start, log_lines
from tests.resource_server.events import BUILDERS, EVERYTHING, GOOD_BODY, GOOD_MESSAGE, Event, http_event, rest_event

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

METADATA_URL = f"{RESOURCE}/.well-known/oauth-protected-resource"
UUID_4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
Build = Callable[..., Event]
both_formats = pytest.mark.parametrize("build", BUILDERS)


def created(api: Api, body: str = GOOD_BODY) -> Answer:
    """Return the answer to a good POST."""
    return api(rest_event("POST", "/products", body=body))


@both_formats
def test_a_product_is_created_and_found(api: Api, build: Build) -> None:
    """201 says where the product is; it is there, and in the list."""
    answer = api(build("POST", "/products", body=GOOD_BODY))
    product = answer.document
    assert answer.status == 201
    assert answer.headers["Location"] == f"{RESOURCE}/products/{product['id']}"
    assert UUID_4.fullmatch(product["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", product["created_at"])
    assert (product["name"], product["price"], product["created_by"]) == ("Kettle", "24.90", "shop")
    found = api(build("GET", f"/products/{product['id']}"))
    assert (found.status, found.document) == (200, product)
    listed = api(build("GET", "/products"))
    assert (listed.status, listed.document) == (200, {"products": [product], "next": None})


def test_a_name_in_any_writing_survives_the_table(api: Api) -> None:
    """What was sent is what is read."""
    product = created(api, '{"name": "\\ud83d\\udc69\\u200d\\ud83c\\udf73 Żółć", "price": "1"}').document
    assert product["name"] == "👩\u200d🍳 Żółć"
    assert api(rest_event("GET", f"/products/{product['id']}")).document == product


def test_a_product_without_a_known_creator_has_none(api: Api) -> None:
    """Permissions alone are enough to write; nobody's name is made up."""
    event = rest_event("POST", "/products", body=GOOD_BODY)
    event["requestContext"]["authorizer"] = {"permissions": "products:read products:write", "exp": "4102444800"}
    product = api(event).document
    assert product["created_by"] is None
    assert api(rest_event("GET", f"/products/{product['id']}")).document == product


def test_pages_hold_every_product_once(api: Api) -> None:
    """Following `next` from the start to its end shows every product exactly once."""
    ids = {created(api).document["id"] for _ in range(7)}
    seen: list[str] = []
    page = api(rest_event("GET", "/products", limit="3")).document
    while True:
        assert len(page["products"]) <= 3
        seen += [product["id"] for product in page["products"]]
        if page["next"] is None:
            break
        page = api(http_event("GET", "/products", raw_query=f"limit=3&next={quote(page['next'])}")).document
    assert sorted(seen) == sorted(ids)


def test_a_page_may_begin_after_a_product_that_is_gone(api: Api, dynamodb: "DynamoDBClient", table: str) -> None:
    """A cursor outlives the product it was made of."""
    for _ in range(3):
        created(api)
    page = api(rest_event("GET", "/products", limit="1")).document
    dynamodb.delete_item(TableName=table, Key={"id": {"S": page["products"][0]["id"]}})
    assert api(rest_event("GET", "/products", next=page["next"])).status == 200


@both_formats
@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"next": "not-a-cursor"}])
def test_a_bad_page_is_a_clear_400(api: Api, build: Build, query: dict[str, str]) -> None:
    """The error names the parameter."""
    (name, value), *_ = query.items()
    event = build("GET", "/products", **({"raw_query": f"{name}={value}"} if build is http_event else query))
    answer = api(event)
    assert (answer.status, answer.document["error"]) == (400, "invalid_request")
    assert name in answer.document["error_description"]


@both_formats
@pytest.mark.parametrize("body", [None, "", "{", '{"name": "Kettle"}', '{"name": "Kettle", "price": NaN}'])
def test_a_bad_body_is_a_400_and_nothing_is_kept(api: Api, build: Build, body: str | None) -> None:
    """A refused product is not in the list."""
    answer = api(build("POST", "/products", body=body))
    assert (answer.status, answer.document["error"]) == (400, "invalid_request")
    assert api(build("GET", "/products")).document["products"] == []


@both_formats
@pytest.mark.parametrize(
    "product_id",
    ["11111111-1111-4111-8111-111111111111", "a" * 64, "a" * 65, "a" * 3000, "%00", "%2F", "é", "{id}", " "],
    ids=lambda value: value[:12],
)
def test_an_unknown_product_is_a_404(api: Api, build: Build, product_id: str) -> None:
    """An id that no product has, or could have, is not found; the table never sees an impossible one."""
    answer = api(build("GET", f"/products/{product_id}"))
    assert (answer.status, answer.document) == (
        404,
        {"error": "not_found", "error_description": "There is no such product."},
    )


@both_formats
@pytest.mark.parametrize(
    "path", ["", "/", "/products/", "/products/1/2", "/Products", "//products", "/orders", "/{id}"]
)
def test_an_unknown_path_is_a_404(api: Api, build: Build, path: str) -> None:
    """Only the route table's paths exist."""
    answer = api(build("GET", path))
    assert (answer.status, answer.document["error"]) == (404, "not_found")


@both_formats
@pytest.mark.spec("RFC 9110", "15.5.6")
@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/products", "GET, POST"),
        ("get", "/products", "GET, POST"),
        ("POST", "/products/1", "GET"),
        ("PUT", "/products/1", "GET"),
        ("HEAD", "/messages", "GET, POST"),
        ("DELETE", "/messages", "GET, POST"),
        ("POST", "/.well-known/oauth-protected-resource", "GET"),
    ],
)
def test_a_wrong_method_is_a_405_with_allow(api: Api, build: Build, method: str, path: str, allowed: str) -> None:
    """The answer names the methods that the path has."""
    answer = api(build(method, path))
    assert (answer.status, answer.document["error"], answer.headers["Allow"]) == (405, "method_not_allowed", allowed)


ROUTES_AND_SCOPES = [
    ("GET", "/products", "products:read"),
    ("GET", "/products/{id}", "products:read"),
    ("POST", "/products", "products:write"),
    ("GET", "/messages", None),
    ("POST", "/messages", "messages:write"),
    ("GET", "/.well-known/oauth-protected-resource", None),
]


def test_every_route_is_in_the_table_of_scopes() -> None:
    """A new route cannot be forgotten by the tests below."""
    assert [(route.method, route.template, route.scope) for route in ROUTES] == ROUTES_AND_SCOPES


@both_formats
@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.spec("RFC 9728", "5.1")
@pytest.mark.parametrize(("method", "template", "scope"), [row for row in ROUTES_AND_SCOPES if row[2]])
@pytest.mark.parametrize("permissions", ["", "other", "products", "products:*", EVERYTHING.upper()])
def test_a_route_needs_its_very_scope(  # noqa: PLR0913, PLR0917 - the axes of one table
    api: Api, build: Build, method: str, template: str, scope: str, permissions: str
) -> None:
    """Without the scope: 403, a challenge that names the scope, and where to ask for it."""
    answer = api(build(method, template.replace("{id}", "1"), permissions=permissions, body=GOOD_BODY))
    assert answer.status == 403
    assert answer.document == {
        "error": "insufficient_scope",
        "error_description": f"The access token does not carry the scope {scope}.",
        "scope": scope,
    }
    assert answer.headers["WWW-Authenticate"] == (
        f'Bearer realm="api", error="insufficient_scope", scope="{scope}", resource_metadata="{METADATA_URL}"'
    )


@both_formats
@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize(("method", "template"), [row[:2] for row in ROUTES_AND_SCOPES if row[2]])
def test_a_route_needs_an_authorizer(api: Api, build: Build, method: str, template: str) -> None:
    """Without any context, as on a stage whose authorizer was forgotten: 401, and a challenge without an error code."""
    answer = api(build(method, template.replace("{id}", "1"), permissions=None, body=GOOD_BODY))
    assert (answer.status, answer.document) == (401, {"error_description": "There is no access token."})
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="api", resource_metadata="{METADATA_URL}"'


@both_formats
@pytest.mark.parametrize(
    ("method", "path", "scope", "status"),
    [
        ("GET", "/products", "products:read", 200),
        ("GET", "/products", "products:write", 403),
        ("GET", "/products/1", "products:read", 404),
        ("GET", "/products/1", "products:write", 403),
        ("POST", "/products", "products:write", 201),
        ("POST", "/products", "products:read", 403),
        ("GET", "/messages", None, 200),
        ("POST", "/messages", "messages:write", 201),
        ("POST", "/messages", "products:write", 403),
        ("POST", "/products", "messages:write", 403),
        ("GET", "/.well-known/oauth-protected-resource", None, 200),
    ],
)
def test_a_scope_opens_its_own_routes_only(  # noqa: PLR0913, PLR0917 - the columns of one table
    api: Api, build: Build, method: str, path: str, scope: str | None, status: int
) -> None:
    """Reading does not allow writing, and writing does not allow reading."""
    body = GOOD_MESSAGE if path == "/messages" else GOOD_BODY
    assert api(build(method, path, permissions=scope, body=body)).status == status


@pytest.mark.spec("RFC 9728", "2")
@both_formats
@pytest.mark.spec("RFC 9728", "3.2")
def test_the_metadata_says_where_to_get_a_token(api: Api, build: Build) -> None:
    """Anyone may read it and keep it for an hour; it names no host but the settings'."""
    answer = api(build("GET", "/.well-known/oauth-protected-resource", permissions=None))
    assert answer.status == 200
    assert answer.document == {
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["messages:write", "products:read", "products:write"],
        "bearer_methods_supported": ["header"],
        "resource_name": "Latchkey sample API",
    }
    assert answer.headers["Cache-Control"] == "public, max-age=3600"


@pytest.mark.parametrize("resource", ["https://api.example.com/v1", "https://api.example.com/v1/"])
def test_an_api_below_a_path_names_urls_that_exist(
    monkeypatch: pytest.MonkeyPatch, moto_endpoint: str, table: str, resource: str
) -> None:
    """The resource is named as it was set; the URLs built on it lie beneath it, with or without its last slash."""
    api = cold_start(monkeypatch, moto_endpoint, table, RESOURCE=resource)
    product = api(rest_event("POST", "/v1/products", body=GOOD_BODY))
    assert product.headers["Location"] == f"https://api.example.com/v1/products/{product.document['id']}"
    refused = api(rest_event("GET", "/v1/products", permissions=""))
    url = "https://api.example.com/v1/.well-known/oauth-protected-resource"
    assert refused.headers["WWW-Authenticate"].endswith(f'resource_metadata="{url}"')
    described = api(rest_event("GET", "/v1/.well-known/oauth-protected-resource"))
    assert described.document["resource"] == resource


@both_formats
@pytest.mark.parametrize(
    "path", ["/products", "/products/1", "/messages", "/orders", "/.well-known/oauth-protected-resource"]
)
@pytest.mark.parametrize("permissions", [None, "products:read"])
def test_a_browser_may_read_every_answer(api: Api, build: Build, path: str, permissions: str | None) -> None:
    """Any origin, no credentials, and the headers that a script needs are shown to it; refusals too."""
    headers = api(build("GET", path, permissions=permissions)).headers
    assert headers["Access-Control-Allow-Origin"] == "*"
    assert headers["Access-Control-Expose-Headers"] == "Location, Retry-After, WWW-Authenticate"
    assert "Access-Control-Allow-Credentials" not in headers
    assert headers["Content-Type"] == "application/json"


@both_formats
def test_each_request_is_one_line(api: Api, build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """The line says who did what with which outcome, and nothing that a caller wrote."""
    api(build("GET", "/products/secret-in-the-path"))
    (line,) = log_lines(capsys)
    assert isinstance(line.pop("time"), float)
    assert line == {
        "level": "INFO",
        "event": "request",
        "method": "GET",
        "route": "/products/{id}",
        "status": 404,
        "client_id": "shop",
        "request_id": "request-1",
    }


def test_a_line_is_compact_json(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """A line is paid for by the byte, and looks as those of the other functions do."""
    api(rest_event("GET", "/products"))
    line = capsys.readouterr().out
    assert line == json.dumps(json.loads(line), separators=(",", ":")) + "\n"


def test_a_line_repeats_no_word_of_an_unknown_request(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """A method and a path of the caller's own making are logged as such."""
    api(rest_event("SECRET", "/secret", permissions=None, body="secret", secret="secret"))
    (line,) = log_lines(capsys)
    assert (line["method"], line["route"], line["status"]) == ("other", "unmatched", 404)
    assert "secret" not in str(line).lower()


def test_a_higher_log_level_leaves_the_line_out(
    monkeypatch: pytest.MonkeyPatch, moto_endpoint: str, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """At WARNING an answered request is no news."""
    cold_start(monkeypatch, moto_endpoint, table, LOG_LEVEL="WARNING")(rest_event("GET", "/products"))
    assert log_lines(capsys) == []


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize("exp", ["1", "nan", "inf", "", "soon", None, True, -1, 10**400])
def test_a_token_that_has_expired_since_is_401(api: Api, exp: object) -> None:
    """API Gateway keeps the authorizer's answer past the token's expiry; the API does not, and guesses at no time."""
    event = rest_event("GET", "/products")
    event["requestContext"]["authorizer"]["exp"] = exp
    response = api(event)
    assert (response.status, response.document["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
