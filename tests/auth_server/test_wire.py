"""The three event formats, and the answer they share."""

import base64
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.errors import InvalidRequestError
from auth_server.wire import request_from_event
from tests.simulator import SECRET, Simulator, event

FORM = urlencode({"grant_type": "client_credentials", "client_id": "demo", "client_secret": SECRET})


def payload_2(path: str, *, stage: str = "$default", **changes: Any) -> dict[str, Any]:
    """Give an HTTP API or function-URL event."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "requestContext": {
            "requestId": "request-2",
            "stage": stage,
            "http": {"method": "POST", "path": path, "sourceIp": "203.0.113.9"},
        },
        "body": base64.b64encode(FORM.encode()).decode(),
        "isBase64Encoded": True,
        **changes,
    }


FORMATS = {
    "REST API": event("POST", "/oauth/token", body=FORM),
    "REST API behind a base path": {**event("POST", "/oauth/token", body=FORM), "path": "/auth/oauth/token"},
    "REST API, greedy resource": event("POST", "/oauth/token", body=FORM, resource="/{proxy+}"),
    "REST API, single-value headers alone": event("POST", "/oauth/token", body=FORM, multiValueHeaders=None),
    "HTTP API": payload_2("/oauth/token"),
    "HTTP API, named stage": payload_2("/prod/oauth/token", stage="prod"),
    "function URL": payload_2("/oauth/token", body=FORM, isBase64Encoded=False),
}


@pytest.mark.parametrize("received", FORMATS.values(), ids=FORMATS.keys())
def test_every_format_gets_a_token(received: dict[str, Any]) -> None:
    """A token is issued through a REST API, an HTTP API and a function URL alike."""
    assert Simulator().send(received)["statusCode"] == 200


def test_source_address_and_request_id_are_the_gateways() -> None:
    """Who called is what the gateway saw, not what X-Forwarded-For says."""
    headers = {"X-Forwarded-For": "198.51.100.1"}
    first = request_from_event(event("GET", "/", headers=headers))
    second = request_from_event(payload_2("/"))
    assert (first.source_ip, first.request_id) == ("203.0.113.7", "request-1")
    assert (second.source_ip, second.request_id) == ("203.0.113.9", "request-2")


def test_a_path_that_only_begins_like_the_stage_is_kept() -> None:
    """The stage is cut off as a whole segment, never as the beginning of one."""
    assert request_from_event(payload_2("/production/x", stage="prod")).path == "/production/x"


def test_a_header_sent_twice_is_told_apart() -> None:
    """A header that may be sent once, sent twice under names of different case, is refused where it is read."""
    request = request_from_event(event("GET", "/", multiValueHeaders={"A": ["1"], "a": ["2"], "B": ["3"]}))
    assert request.header("b") == "3"
    assert request.header("c") is None
    with pytest.raises(InvalidRequestError):
        request.header("a")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KNOWN = [
    "version",
    "resource",
    "path",
    "httpMethod",
    "headers",
    "multiValueHeaders",
    "requestContext",
    "body",
    "rawPath",
]


@given(st.dictionaries(st.sampled_from([*KNOWN, "isBase64Encoded"]), json_values))
def test_an_event_of_any_shape_is_answered(received: dict[str, Any]) -> None:
    """Whatever JSON invokes the Lambda, it answers with a status and JSON, and does not crash."""
    response = Simulator().send(received)
    assert response["statusCode"] in (400, 401, 404, 405)
    assert response["headers"]["Content-Type"] == "application/json"
