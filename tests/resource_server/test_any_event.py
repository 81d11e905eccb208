"""Whatever arrives: an answer, never an exception, never a 500."""

import base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from resource_server.wire import result_of
from tests.resource_server.api import app_in_memory
from tests.resource_server.events import EVERYTHING, GOOD_BODY, GOOD_MESSAGE, Event, http_event, rest_event

SCOPES = set(EVERYTHING.split())
STATUSES = {200, 201, 400, 401, 403, 404, 405}
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
METHODS = st.sampled_from(["GET", "POST", "PUT"]) | st.text(max_size=8)
PATHS = (
    st.sampled_from(["/products", "/products/1", "/messages", "/.well-known/oauth-protected-resource"])
    | st.text(max_size=20).map("/products/{}".format)
    | st.text(max_size=20)
)
BODIES = (
    st.none()
    | st.sampled_from([GOOD_BODY, GOOD_MESSAGE])
    | st.text()
    | st.binary().map(lambda body: base64.b64encode(body).decode())
)
PERMISSIONS = st.none() | st.just(EVERYTHING) | st.text()
GOOD_EVENTS = (
    st.builds(rest_event, METHODS, PATHS, permissions=PERMISSIONS, body=BODIES)
    | st.builds(rest_event, METHODS, PATHS, permissions=PERMISSIONS, body=BODIES, limit=st.text(), next=st.text())
    | st.builds(http_event, METHODS, PATHS, permissions=PERMISSIONS, body=BODIES, raw_query=st.text())
)


@st.composite
def damaged_events(draw: st.DrawFn) -> Event:
    """Draw an event in which any one member, at any depth, is something else or gone."""
    event: Event = draw(GOOD_EVENTS)
    inner: dict[str, Any] = event
    while True:
        name = draw(st.sampled_from(sorted(inner)))
        if isinstance(inner[name], dict) and inner[name] and draw(st.booleans()):
            inner = inner[name]
            continue
        if draw(st.booleans()):
            del inner[name]
        else:
            inner[name] = draw(JSON)
        return event


@given(GOOD_EVENTS)
def test_any_request_is_answered(event: Event) -> None:
    """No method, path, query, body or permission is too odd."""
    assert result_of(app_in_memory().handle(event))["statusCode"] in STATUSES


@given(damaged_events())
def test_any_damaged_event_is_answered(event: Event) -> None:
    """No member of an event is taken for granted."""
    assert result_of(app_in_memory().handle(event))["statusCode"] in STATUSES


@given(JSON)
def test_any_json_is_answered(event: object) -> None:
    """An event that is none has no route."""
    assert result_of(app_in_memory().handle(event))["statusCode"] == 404


@given(damaged_events(), st.text().filter(lambda text: not SCOPES & set(text.split(" "))))
def test_no_damage_opens_a_route(event: Event, permissions: str) -> None:
    """Without the scope in the authorizer's context, no damage elsewhere gets past the check."""
    context = event.get("requestContext")
    if isinstance(context, dict):
        context.pop("authorizer", None)
        context["authorizer"] = {"permissions": permissions, "lambda": {"permissions": permissions}}
    response = app_in_memory().handle(event)
    assert response.status in STATUSES - {201}
    assert not {"products", "id"} & set(response.document)
