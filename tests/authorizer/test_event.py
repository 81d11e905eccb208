"""The event of a TOKEN authorizer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import event
from authorizer.errors import EventError
from authorizer.event import MethodArn
from tests.authorizer.issuer import METHOD_ARN

_NOT_A_TOKEN_EVENT = st.none() | st.text() | st.integers() | st.lists(st.text())


def test_a_token_event_is_read_once() -> None:
    """The header's value is passed on unread, the ARN is taken apart."""
    request = event.parse({"type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": METHOD_ARN})
    assert request.authorization == "Bearer x"
    assert (request.method_arn.api, request.method_arn.stage) == ("abcdef1234", "prod")
    assert (request.method_arn.method, request.method_arn.path) == ("GET", "/products")


def test_an_absent_token_is_not_a_malformed_event() -> None:
    """An event without `authorizationToken` is for the decision, which answers 401."""
    assert event.parse({"type": "TOKEN", "methodArn": METHOD_ARN}).authorization is None


@pytest.mark.parametrize(
    ("arn", "resource"),
    [
        (METHOD_ARN, "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*"),
        (
            "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/prod/POST/products/a/b",
            "arn:aws-us-gov:execute-api:us-gov-west-1:123456789012:abcdef1234/prod/*",
        ),
        (
            "arn:aws-cn:execute-api:cn-north-1:123456789012:abcdef1234/v1_2-x/DELETE/",
            "arn:aws-cn:execute-api:cn-north-1:123456789012:abcdef1234/v1_2-x/*",
        ),
        (
            "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/test-invoke-stage/GET",
            "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/test-invoke-stage/*",
        ),
        (
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/a/../*/:x?\n/b",
            "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*",
        ),
    ],
)
def test_the_resource_is_the_stage_in_its_own_partition(arn: str, resource: str) -> None:
    """Partition, Region, account, API and stage stay; whatever the path is does not widen the resource."""
    assert MethodArn.parse(arn).stage_resource == resource


@pytest.mark.parametrize(
    "arn",
    [
        None,
        7,
        "",
        "*",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/*/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/pro?/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:*/prod/GET/products",
        "arn:aws:execute-api:us-east-1:*:abcdef1234/prod/GET/products",
        "arn:aws:execute-api:*:123456789012:abcdef1234/prod/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/*/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234//GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GETx",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod/GET\n",
        "arn:aws:execute-api:us-east-1:123456789012:/prod/GET/products",
        "arn:aws:execute-api:us-east-1:12345:abcdef1234/prod/GET/products",
        "arn:aws:execute-api:us-east-1:123456789012:abcdef1234/prod\n/GET/products",
        "arn:aws:s3:us-east-1:123456789012:abcdef1234/prod/GET/products",
        "arn:*:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/products",
        "arn:azure:execute-api:us-east-1:123456789012:abcdef1234/prod/GET/products",
        " " + METHOD_ARN,
        "arn:aws:execute-api:us-east-1:123456789012:" + "a" * 65 + "/prod/GET/products",
    ],
)
def test_a_malformed_arn_is_an_error(arn: object) -> None:
    """A missing part, a wildcard, another service or partition: no policy can be made of it."""
    with pytest.raises(EventError):
        event.parse({"type": "TOKEN", "authorizationToken": "Bearer x", "methodArn": arn})


@given(st.text(max_size=80) | st.builds("arn:aws:execute-api:{}".format, st.text(max_size=60)))
def test_no_arn_becomes_a_resource_with_a_second_wildcard(arn: str) -> None:
    """Whatever the ARN is, it is refused or becomes a resource of six parts with one `*`, at its end."""
    try:
        resource = MethodArn.parse(arn).stage_resource
    except EventError:
        return
    assert resource.startswith("arn:aws")
    assert (resource.count("*"), resource[-2:], resource.count(":")) == (1, "/*", 5)


@pytest.mark.parametrize("kind", ["REQUEST", "token", "", None])
def test_an_event_of_another_type_is_an_error(kind: str | None) -> None:
    """An authorizer that is configured as something else than TOKEN is told so."""
    with pytest.raises(EventError):
        event.parse({"type": kind, "authorizationToken": "Bearer x", "methodArn": METHOD_ARN})


@given(_NOT_A_TOKEN_EVENT | st.dictionaries(st.text(), _NOT_A_TOKEN_EVENT))
def test_anything_else_is_an_error_of_ours(value: object) -> None:
    """Whatever the event is, what is raised is an `EventError`."""
    with pytest.raises(EventError):
        event.parse(value)
