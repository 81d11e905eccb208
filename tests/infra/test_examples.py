"""The examples of how to attach the authorizer: what SAM makes of them, and how such an API answers."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from auth_server.vending.settings import VendingSettings
from infra.cloudformation import TOKEN_CACHE_EXAMPLE, VENDING_EXAMPLE, Stack
from infra.lint import EXAMPLES
from infra.local.gateway import Gateway
from infra.local.gateway.server import serving
from infra.template_yaml import Document, load
from infra.translation import load_template, translated_template
from tests.authorizer.cold_start import ENVIRON, cold_start
from tests.authorizer.deciding import jkt, proof_for
from tests.authorizer.issuer import claims, header, sign

PLACE = "us-east-1:123456789012"
AUTHORIZER = f"arn:aws:lambda:{PLACE}:function:latchkey-api-authorizer"
ORDERS = f"arn:aws:lambda:{PLACE}:function:orders"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{AUTHORIZER}/invocations"
LETS_IN = {
    # Example: the API that its own stack lets in, through which of its authorizers.
    "rest-token": "latchkey-OrdersApi/authorizers/*",
    "rest-request": "latchkey-OrdersApi/authorizers/*",
    "http-api": "latchkey-OrdersApi/authorizers/*",
    "websocket": "latchkey-ChatApi/authorizers/latchkey-ChatAuthorizer",
}
BY_ITSELF = {"http-api-jwt", "load-balancer", "token-cache", "token-vending"}  # without our authorizer
OF_CLIENTS = {"token-client"}  # no API at all: tests/examples/test_token_lambda.py
GIVEN = {
    "AuthorizerArn": AUTHORIZER,
    "Issuer": "https://auth.example.com",
    "Audience": "https://api.example.com",
    "ListenerArn": "arn:listener",
    "TargetGroupArn": "arn:target",
}
TOKENS = "Bearer abc.def.ghi", "bearer abc", "BEARER  a-b_c~d+e/f=="

Deploy = Callable[[str], Stack]


@pytest.fixture
def deployed(tmp_path: Path) -> Deploy:
    """Return what gives the stack that SAM makes of an example."""

    def deploy(name: str) -> Stack:
        (example,) = [path for path in EXAMPLES if path.stem == name]
        template = tmp_path / example.name
        template.write_text(json.dumps(translated_template(load_template(example))), "utf-8")
        names = load(template)["Parameters"].keys() & GIVEN.keys()
        attributes = {"OrdersFunction.Arn": ORDERS, "OrdersFunctionRole.Arn": "arn:role"}
        kept = {key: value for key, value in attributes.items() if key.split(".")[0] in load(template)["Resources"]}
        return Stack(template, parameters={parameter: GIVEN[parameter] for parameter in names}, attributes=kept)

    return deploy


def body(stack: Stack) -> Document:
    """Return the OpenAPI document of an example's API."""
    document: Document = stack.properties("OrdersApi")["Body"]
    return document


def authorizer_of(stack: Stack) -> Document:
    """Return the authorizer in the API's document."""
    settings: Document = body(stack)["components"]["securitySchemes"]["Latchkey"]["x-amazon-apigateway-authorizer"]
    return settings


def test_every_example_is_tested_here() -> None:
    """There is no example of which nothing is said here, or where it is used."""
    assert {path.stem for path in EXAMPLES} == LETS_IN.keys() | BY_ITSELF | OF_CLIENTS


@pytest.mark.parametrize("name", sorted(LETS_IN))
def test_an_api_s_own_stack_lets_it_in_and_no_other(deployed: Deploy, name: str) -> None:
    """The one permission that an example gives on the authorizer is its own API's, through its authorizers."""
    stack = deployed(name)
    permissions = [
        stack.properties(logical_id)
        for logical_id, kind in stack.resources().items()
        if kind == "AWS::Lambda::Permission" and stack.properties(logical_id)["FunctionName"] == AUTHORIZER
    ]
    assert permissions == [
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": AUTHORIZER,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": f"arn:aws:execute-api:{PLACE}:{LETS_IN[name]}",
        }
    ]


def test_a_token_authorizer_is_kept_by_the_token_alone(deployed: Deploy) -> None:
    """The REST API asks once for each token in five minutes, and passes Bearer tokens alone (RFC 9110 11.1)."""
    settings = authorizer_of(deployed("rest-token"))
    assert (settings["type"], settings["authorizerResultTtlInSeconds"]) == ("token", 300)
    assert settings["authorizerUri"] == URI
    assert all(re.search(settings["identityValidationExpression"], token) for token in TOKENS)
    assert not re.search(settings["identityValidationExpression"], "Basic abc")


@pytest.mark.spec("RFC 9449", "4.3")
def test_a_request_authorizer_keeps_nothing_and_would_tell_calls_apart(deployed: Deploy) -> None:
    """For DPoP nothing is kept; and what a longer TTL kept would be found by token, proof, method and path together."""
    settings = authorizer_of(deployed("rest-request"))
    assert (settings["type"], settings["authorizerResultTtlInSeconds"]) == ("request", 0)
    assert settings["authorizerUri"] == URI
    assert settings["identitySource"].split(", ") == [
        "method.request.header.Authorization",
        "method.request.header.DPoP",
        "context.httpMethod",
        "context.path",
    ]


def test_an_http_api_asks_with_payload_2_0(deployed: Deploy) -> None:
    """The HTTP API sends format 2.0, and takes a policy for an answer."""
    settings = authorizer_of(deployed("http-api"))
    assert (settings["type"], settings["authorizerPayloadFormatVersion"]) == ("request", "2.0")
    assert settings["identitySource"] == ["$request.header.Authorization"]
    assert settings["authorizerUri"] == URI
    assert not settings.get("enableSimpleResponses", False)


def test_a_native_authorizer_asks_for_issuer_audience_and_scope(deployed: Deploy) -> None:
    """API Gateway's own JWT authorizer knows issuer and audience, and the route its scope; warnings are failures."""
    stack = deployed("http-api-jwt")
    settings = authorizer_of(stack)
    assert settings["jwtConfiguration"] == {"issuer": GIVEN["Issuer"], "audience": [GIVEN["Audience"]]}
    assert body(stack)["paths"]["/orders"]["get"]["security"] == [{"Latchkey": ["orders:read"]}]
    assert stack.properties("OrdersApi")["FailOnWarnings"] is True


def test_a_connection_is_asked_about_before_it_stands(deployed: Deploy) -> None:
    """The WebSocket API's $connect is behind the authorizer, which gets the Authorization header."""
    stack = deployed("websocket")
    settings, route = stack.properties("ChatAuthorizer"), stack.properties("ConnectRoute")
    assert (settings["AuthorizerType"], settings["IdentitySource"], settings["AuthorizerUri"]) == (
        "REQUEST",
        ["route.request.header.Authorization"],
        URI,
    )
    assert (route["RouteKey"], route["AuthorizationType"]) == ("$connect", "CUSTOM")
    assert route["AuthorizerId"] == stack.resolve({"Ref": "ChatAuthorizer"})


def test_a_load_balancer_verifies_before_it_forwards(deployed: Deploy) -> None:
    """The load balancer's rule verifies issuer, keys, audience and scope first, and forwards second."""
    verify, forward = deployed("load-balancer").properties("OrdersRule")["Actions"]
    assert (verify["Order"], verify["Type"], forward["Order"], forward["Type"]) == (1, "jwt-validation", 2, "forward")
    assert verify["JwtValidationConfig"]["JwksEndpoint"] == "https://auth.example.com/.well-known/jwks.json"
    assert {claim["Name"]: claim["Values"] for claim in verify["JwtValidationConfig"]["AdditionalClaims"]} == {
        "aud": [GIVEN["Audience"]],
        "scope": ["orders:read"],
    }


@pytest.mark.spec("RFC 6750", "3")
@pytest.mark.parametrize(
    ("name", "scheme"),
    [("rest-token", 'Bearer realm="orders"'), ("rest-request", 'DPoP realm="orders", algs="ES256 RS256 PS256 EdDSA"')],
)
def test_gateway_responses_carry_the_challenge(deployed: Deploy, name: str, scheme: str) -> None:
    """A REST API's 401 says how to authenticate, and its 403 that the scope is missing (RFC 9449 7.1 for DPoP)."""
    responses = body(deployed(name))["x-amazon-apigateway-gateway-responses"]
    for kind, status, challenge, error in (
        ("UNAUTHORIZED", "401", f"'{scheme}'", "invalid_token"),
        ("ACCESS_DENIED", "403", f"'{scheme}, error=\"insufficient_scope\"'", "insufficient_scope"),
    ):
        response = responses[kind]
        assert str(response["statusCode"]) == status
        assert response["responseParameters"]["gatewayresponse.header.WWW-Authenticate"] == challenge
        assert json.loads(response["responseTemplates"]["application/json"])["error"] == error


@contextmanager
def served(stack: Stack, **environ: str) -> Iterator[httpx.Client]:
    """Serve an example's REST API, with the real authorizer before the example's own function."""
    example: dict[str, Any] = {}
    exec(stack.properties("OrdersFunction")["Code"]["ZipFile"], example)  # noqa: S102 - the example's own code
    functions = {AUTHORIZER: cold_start({**ENVIRON, **environ}).lambda_handler, ORDERS: example["handler"]}
    document = body(stack)
    # NONE is how SAM writes that there is no security; no scheme has that name, and the local gateway insists on one.
    document["paths"]["/health"]["get"]["security"].remove({"NONE": []})
    gateway = Gateway(
        document, functions, stage="prod", region="us-east-1", account_id="123456789012", api_id="latchkey-OrdersApi"
    )
    with serving(gateway) as url, httpx.Client(base_url=url) as client:
        yield client


def test_an_api_for_bearer_tokens_answers_as_its_example_says(deployed: Deploy) -> None:
    """Behind the authorizer a good token leads to the function, which knows whose it is; no token, to the challenge."""
    good = sign(header(), claims(time.time()))
    with served(deployed("rest-token")) as orders:
        answer = orders.get("/orders", headers={"Authorization": f"Bearer {good}"})
        assert (answer.status_code, answer.json()) == (200, {"client_id": "client-1"})
        for authorization in ({}, {"Authorization": "Bearer a.b.c"}):
            refused = orders.get("/orders", headers=authorization)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer realm="orders"')
            assert refused.json()["error"] == "invalid_token"
        assert orders.get("/health").json() == {"client_id": None}


@pytest.mark.spec("RFC 9449", "4.3")
def test_an_api_for_bound_tokens_answers_as_its_example_says(deployed: Deploy) -> None:
    """With a proof for this call a bound token is good once; as a bearer, and with the proof of another call, never."""
    now = time.time()
    bound = sign(header(), claims(now, cnf={"jkt": jkt()}))
    with served(deployed("rest-request"), API_ORIGIN=GIVEN["Audience"], POLICY_FOR="call") as orders:

        def call(scheme: str, url: str, **changes: Any) -> httpx.Response:
            dpop = proof_for(bound, url, iat=now, **changes)
            return orders.get("/orders", headers={"Authorization": f"{scheme} {bound}", "DPoP": dpop})

        here = f"{GIVEN['Audience']}/orders"  # the local gateway is an API at a domain of its own: no stage in the path
        good = call("DPoP", here, jti="1")
        assert (good.status_code, good.json()) == (200, {"client_id": "client-1"})
        for refused in (call("DPoP", here, jti="1"), call("DPoP", f"{here}/1", jti="2"), call("Bearer", here, jti="3")):
            assert refused.status_code == 401
            assert refused.headers["WWW-Authenticate"] == 'DPoP realm="orders", algs="ES256 RS256 PS256 EdDSA"'
        # API Gateway's own 401: one of the identity sources is missing.
        assert orders.get("/orders", headers={"Authorization": f"Bearer {bound}"}).status_code == 401


def test_the_table_of_tokens_costs_nothing_unused_and_empties_itself() -> None:
    """It is paid by the call, its items end by themselves, it is encrypted, and goes with its stack."""
    stack = Stack(TOKEN_CACHE_EXAMPLE)
    (table,) = stack.tables().values()
    assert table.name == "token-cache"
    assert table.ttl_attribute == "expires_at"
    assert table.definition["BillingMode"] == "PAY_PER_REQUEST"
    assert table.definition["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    properties = stack.properties("TokenCache")
    assert properties["SSESpecification"]["SSEEnabled"]
    assert "PointInTimeRecoverySpecification" not in properties
    assert load(TOKEN_CACHE_EXAMPLE)["Resources"]["TokenCache"]["DeletionPolicy"] == "Delete"


def test_a_client_may_use_the_table_and_a_key_where_there_is_one() -> None:
    """Without a key the policy is of two actions on the table; with one, of two more on that key and no other."""
    key = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/token-cache"
    on_table = [("dynamodb:GetItem", table), ("dynamodb:UpdateItem", table)]
    on_key = [("kms:GenerateDataKey", key), ("kms:Decrypt", key)]
    for given, expected in (("", on_table), (key, on_table + on_key)):
        stack = Stack(TOKEN_CACHE_EXAMPLE, parameters={"TokenKeyArn": given})
        statements = stack.properties("TokenCachePolicy")["PolicyDocument"]["Statement"]
        assert [(action, each["Resource"]) for each in statements for action in each["Action"]] == expected


def test_the_functions_that_vend_have_what_latchkeys_stack_made(tmp_path: Path) -> None:
    """Tables, keys, log and audience of the vending example are those of the stack beside it, and both start."""
    latchkey = Stack(parameters={"IssuerUrl": "https://auth.example.com", "ApiUrl": "https://api.example.com"})
    given = {
        "VendingRoleArn": "arn:aws:iam::123456789012:role/vending",
        "Issuer": "https://auth.example.com",
        "Audience": "https://api.example.com",
        "UserPoolArn": "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_a",
    }
    template = tmp_path / "token-vending.json"
    template.write_text(json.dumps(translated_template(load_template(VENDING_EXAMPLE))), "utf-8")
    roles = {made["Properties"].get("Role", {}).get("Ref") for made in load(template)["Resources"].values()} - {None}
    example = Stack(VENDING_EXAMPLE, parameters=given)
    main = latchkey.functions()["VendingFunction"].environment
    own = {"VENDING_MODE", "VENDING_CLIENT_ID", "VENDING_SCOPE", "GROUP_SCOPES"}
    modes = {}
    for name, function in example.functions().items():
        settings = VendingSettings.from_environ(function.environment)
        modes[name] = (settings.vending_mode, settings.vending_client_id)
        shared = {key: value for key, value in function.environment.items() if key not in own}
        assert shared.items() <= main.items()
        assert example.properties(name)["LoggingConfig"]["LogGroup"] == latchkey.resolve({"Ref": "VendingLog"})
    assert modes == {"AdminVendingFunction": ("cognito", "admin-page"), "OrderVendingFunction": ("open", "order-page")}
    assert roles == {"VendingRoleArn"}
