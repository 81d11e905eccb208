"""Gateway responses: the answers of the gateway itself, as a document shapes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.local.gateway.errors import DocumentError, GatewayError
from infra.local.gateway.responses import STATUS, GatewayResponses
from tests.local.gateway_api import client_of, document, gateway, proxy, token_scheme

if TYPE_CHECKING:
    import httpx

TEMPLATE = "application/json"
CORS = {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}
CHALLENGE = {"gatewayresponse.header.WWW-Authenticate": """'Bearer realm="api", error="invalid_token"'"""}


def deny(_event: Any, _context: Any) -> dict[str, Any]:
    """Deny everything, with a reason in the context."""
    statement = {"Effect": "Deny", "Action": "execute-api:Invoke", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "me", "policyDocument": policy, "context": {"error": "insufficient_scope", "level": 3}}


def fail(_event: Any, _context: Any) -> None:
    """Raise."""
    raise ValueError


def answer(settings: dict[str, Any], path: str = "/nowhere", method: str = "GET", **request: Any) -> httpx.Response:
    """Send a request to an API with these gateway responses."""
    paths = {"/denied": {"get": proxy(security=[{"auth": []}])}, "/fail": {"get": proxy("fail")}}
    described = document(
        paths,
        components={"securitySchemes": {"auth": token_scheme("deny")}},
        **{"x-amazon-apigateway-gateway-responses": settings},
    )
    served = gateway(described, {"deny": deny, "fail": fail}, stage_variables={"site": "eu"})
    with client_of(served) as client:
        return client.request(method, path, **request)


def test_the_default_answer_is_a_message() -> None:
    """Unless it is set, a gateway response is a JSON object with a message."""
    response = answer({})
    assert (response.status_code, response.text) == (403, '{"message":"Missing Authentication Token"}')
    assert response.headers["content-type"] == "application/json"


def test_a_status_code_replaces_the_default_one() -> None:
    """The status of a type is the one that the document gives, a number or digits."""
    assert answer({"MISSING_AUTHENTICATION_TOKEN": {"statusCode": "404"}}).status_code == 404
    assert answer({"MISSING_AUTHENTICATION_TOKEN": {"responseParameters": CORS}}).status_code == 403


def test_a_challenge_leaves_under_its_own_name() -> None:
    """A gateway response's headers are not remapped: this is how WWW-Authenticate reaches a client."""
    response = answer({"UNAUTHORIZED": {"responseParameters": CHALLENGE | CORS}}, "/denied")
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("mapping", "value"),
    [
        ("method.request.header.origin", "https://web.example"),
        ("method.request.header.Origin", "https://web.example"),
        ("method.request.querystring.q", "find"),
        ("context.stage", "prod"),
        ("context.error.responseType", "ACCESS_DENIED"),
        ("context.authorizer.error", "insufficient_scope"),
        ("context.identity.sourceIp", "127.0.0.1"),
        ("stageVariables.site", "eu"),
        ("''", ""),
        ("method.request.header.x-absent", None),
        ("method.request.path.id", None),
        ("context.nothing.at.all", None),
        ("context.stage.further", None),
        ("method.request.querystring.split", None),
    ],
)
def test_a_header_can_come_from_the_request(mapping: str, value: str | None) -> None:
    """A value may be mapped from the request, the context or a stage variable; one that is absent leaves no header."""
    settings = {"ACCESS_DENIED": {"responseParameters": {"gatewayresponse.header.X-Mapped": mapping}}}
    headers = {"Origin": "https://web.example", "Authorization": "Bearer x"}
    response = answer(settings, "/denied?q=find&split=a%0d%0aSet-Cookie:b", headers=headers)
    assert response.headers.get("x-mapped") == value


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (
            '{"message":$context.error.messageString}',
            '{"message":"User is not authorized to access this resource with ',
        ),
        ("$context.error.message", "User is not authorized to access this resource with an explicit deny"),
        ('{"type":"$context.error.responseType"}', '{"type":"ACCESS_DENIED"}'),
        (
            '{"error":"$context.authorizer.error", "level":$context.authorizer.level}',
            '{"error":"insufficient_scope", "level":3}',
        ),
        ("$context.httpMethod $context.resourcePath.", "GET /denied."),
        ("$method.request.header.User-Agent/$stageVariables.site", "agent/eu"),
        ("[$context.absent] $other $", "[] $other $"),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    """Variables of the context, stage and request are substituted; nothing else is a variable."""
    settings = {"ACCESS_DENIED": {"responseTemplates": {TEMPLATE: template}}}
    response = answer(settings, "/denied", headers={"Authorization": "Bearer x", "User-Agent": "agent"})
    assert response.text.startswith(text)


def test_the_request_id_of_a_template_is_that_of_the_answer() -> None:
    """$context.requestId is the x-amzn-RequestId."""
    response = answer({"DEFAULT_4XX": {"responseTemplates": {TEMPLATE: "$context.requestId"}}})
    assert response.text == response.headers["x-amzn-requestid"]


def test_a_template_of_another_content_type_is_sent_as_such() -> None:
    """The content type is that of the template."""
    response = answer({"DEFAULT_4XX": {"responseTemplates": {"text/plain": "no"}}})
    assert (response.headers["content-type"], response.text) == ("text/plain", "no")


def test_an_unset_type_follows_the_default_of_its_class() -> None:
    """DEFAULT_4XX and DEFAULT_5XX speak for all types of their class that are not set, with the status of each."""
    settings = {"DEFAULT_4XX": {"responseParameters": CORS}}
    assert "access-control-allow-origin" in answer(settings).headers
    assert answer(settings).status_code == 403
    assert "access-control-allow-origin" not in answer(settings, "/fail").headers
    assert "access-control-allow-origin" in answer({"DEFAULT_5XX": {"responseParameters": CORS}}, "/fail").headers


def test_a_status_of_the_default_is_the_status_of_all() -> None:
    """A status code of DEFAULT_5XX replaces that of every 5XX type."""
    assert answer({"DEFAULT_5XX": {"statusCode": 503}}, "/fail").status_code == 503


def test_a_set_type_inherits_nothing() -> None:
    """A type that is set does not get the headers of the default of its class: they must be repeated."""
    settings = {"DEFAULT_4XX": {"responseParameters": CORS}, "MISSING_AUTHENTICATION_TOKEN": {"statusCode": 404}}
    assert "access-control-allow-origin" not in answer(settings).headers


def test_request_too_large_cannot_be_customized() -> None:
    """The response of REQUEST_TOO_LARGE is always the default one, whatever it or DEFAULT_4XX says."""
    settings = {
        "REQUEST_TOO_LARGE": {"statusCode": 400},
        "DEFAULT_4XX": {"statusCode": 400, "responseParameters": CORS},
    }
    large = b"x" * (10 * 1024 * 1024 + 1)
    response = answer(settings, method="POST", content=large)
    assert (response.status_code, response.json()) == (413, {"message": "Request Too Long"})
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("response_type", sorted(STATUS))
def test_every_type_can_be_set(response_type: str) -> None:
    """Each type of API Gateway's list is known."""
    GatewayResponses({response_type: {"responseTemplates": {TEMPLATE: "{}"}}})


@pytest.mark.parametrize(
    "settings",
    [
        {"UNAUTHORISED": {}},
        {"UNAUTHORIZED": {"statusCode": 99}},
        {"UNAUTHORIZED": {"statusCode": "4xx"}},
        {"UNAUTHORIZED": {"responseParameters": {"gatewayresponse.header.X": "unquoted"}}},
        {"UNAUTHORIZED": {"responseParameters": {"gatewayresponse.header.X": 7}}},
        {"UNAUTHORIZED": {"responseParameters": {"gatewayresponse.querystring.X": "'a'"}}},
        {"UNAUTHORIZED": {"responseParameters": {"gatewayresponse.header.X": "method.request.body.x"}}},
    ],
)
def test_a_misspelt_gateway_response_is_refused(settings: dict[str, Any]) -> None:
    """A type, status or mapping that API Gateway does not know is refused when the document is loaded."""
    with pytest.raises(DocumentError):
        GatewayResponses(settings)


def test_an_error_keeps_its_text_to_itself() -> None:
    """The text of the error is its type: a message that is logged by accident says nothing of a request."""
    assert str(GatewayError("UNAUTHORIZED", "Unauthorized")) == "UNAUTHORIZED"
