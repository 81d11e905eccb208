"""Mock integrations, which answer CORS preflight requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from infra.local.gateway.errors import DocumentError
from tests.local.gateway_api import client_of, document, gateway

if TYPE_CHECKING:
    import httpx

ORIGIN = "Access-Control-Allow-Origin"
METHODS = "Access-Control-Allow-Methods"


def preflight(**integration: Any) -> dict[str, Any]:
    """Return an OPTIONS operation with a mock integration."""
    answer = {
        "statusCode": "204",
        "responseParameters": {
            f"method.response.header.{ORIGIN}": "'*'",
            f"method.response.header.{METHODS}": "'GET,POST,OPTIONS'",
        },
    }
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 204}'},
        "responses": {"default": answer},
    }
    return {
        "responses": {204: {"headers": {ORIGIN: {}, METHODS: {}, "X-Context": {}}}, "400": {}},
        "x-amazon-apigateway-integration": mock | integration,
    }


def answer(operation: dict[str, Any], **request: Any) -> httpx.Response:
    """Send one preflight request."""
    with client_of(gateway(document({"/": {"options": operation}}))) as client:
        return client.request("OPTIONS", "/", **request)


def test_a_preflight_request_is_answered_without_a_function() -> None:
    """The static header values of the response leave without their quotes; there is no body."""
    response = answer(preflight(), headers={"Origin": "https://web.example"})
    assert (response.status_code, response.content) == (204, b"")
    assert (response.headers[ORIGIN], response.headers[METHODS]) == ("*", "GET,POST,OPTIONS")
    assert "x-amzn-requestid" in response.headers


def test_the_template_status_selects_the_response() -> None:
    """A response whose pattern matches the status comes before the default one."""
    bad = {"statusCode": 400, "responseTemplates": {"application/json": '{"bad":true}'}}
    responses = preflight()["x-amazon-apigateway-integration"]["responses"] | {r"4\d\d": bad}
    templates = {"application/json": '{"statusCode": 422}'}
    response = answer(preflight(responses=responses, requestTemplates=templates))
    assert (response.status_code, response.json()) == (400, {"bad": True})


def test_a_header_can_come_from_the_context() -> None:
    """A response parameter may be a context variable."""
    responses = {
        "default": {"statusCode": 204, "responseParameters": {"method.response.header.X-Context": "context.stage"}}
    }
    assert answer(preflight(responses=responses)).headers["x-context"] == "prod"


@pytest.mark.parametrize(
    ("passthrough", "content", "status"),
    [
        ("never", b'{"statusCode": 200}', 415),
        ("when_no_templates", b'{"statusCode": 200}', 415),
        ("WHEN_NO_MATCH", b'{"statusCode": 200}', 204),
        ("when_no_match", b"text", 500),
        ("when_no_match", b"[]", 500),
        ("when_no_match", b'{"statusCode": "200"}', 500),
        ("when_no_match", b"\xff", 500),
    ],
)
def test_a_content_type_without_a_template_passes_through_or_not(passthrough: str, content: bytes, status: int) -> None:
    """The passthrough behaviour says whether the body stands in for a template; a strict one is 415."""
    operation = preflight(passthroughBehavior=passthrough)
    assert answer(operation, content=content, headers={"Content-Type": "text/plain"}).status_code == status


def test_no_matching_response_is_a_configuration_error() -> None:
    """A status for which there is no response, not even a default one, is 500."""
    assert answer(preflight(responses={"400": {"statusCode": 400}})).status_code == 500


@pytest.mark.parametrize(
    "integration",
    [
        {"requestTemplates": {"application/json": "text"}},
        {"requestTemplates": {"application/json": '{"statusCode": "204"}'}},
        {"requestTemplates": {"application/json": '#if(true){"statusCode": 204}#end'}},
        {"passthroughBehavior": "sometimes"},
        {"responses": {"default": {}}},
        {"responses": {"default": {"statusCode": 999}}},
        {"responses": {"(": {"statusCode": 204}}},
        {"responses": {"default": {"statusCode": 204, "responseTemplates": {"application/json": "$context.stage"}}}},
        {"responses": {"default": {"statusCode": 204, "responseParameters": {"method.response.header.X-New": "'a'"}}}},
        {"responses": {"default": {"statusCode": 204, "responseParameters": {"header.X-Context": "'a'"}}}},
        {
            "responses": {
                "default": {"statusCode": 204, "responseParameters": {f"method.response.header.{ORIGIN}": "*"}}
            }
        },
    ],
)
def test_a_mock_that_is_not_plain_is_refused(integration: dict[str, Any]) -> None:
    """Velocity templates, undeclared headers and unquoted values are refused when the document is loaded."""
    with pytest.raises(DocumentError):
        gateway(document({"/": {"options": preflight(**integration)}}))
