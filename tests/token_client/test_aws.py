"""The connection to AWS: which region it goes to."""

import pytest

from token_client.aws import Connection


@pytest.mark.parametrize(
    ("region_name", "variables", "region"),
    [
        ("eu-north-1", {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "us-west-2"}, "eu-north-1"),
        (None, {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "us-west-2"}, "eu-west-1"),
        (None, {"AWS_REGION": "us-west-2"}, "us-west-2"),
    ],
)
def test_the_region_is_the_one_that_is_said(
    monkeypatch: pytest.MonkeyPatch, region_name: str | None, variables: dict[str, str], region: str
) -> None:
    """By the caller, by boto3's own configuration, or by the variable that the other SDKs read, in this order."""
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    assert Connection(region_name).client("dynamodb").meta.region_name == region
