"""What many tests share: an AWS endpoint on loopback, and credentials that no AWS account knows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from moto.server import ThreadedMotoServer

from tests.dynamodb_local import server as dynamodb_local

# Without its clock: how fast an example runs on a busy machine says nothing about the code.
hypothesis_settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("untimed")

AWS_ENVIRON = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session", autouse=True)
def _no_aws_account() -> Iterator[None]:
    """Keep every test away from a developer's own AWS profile."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        for name, value in AWS_ENVIRON.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """Give the URL of a local AWS endpoint. Its state is shared: a test names tables and keys of its own."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def dynamodb_local_endpoint() -> Iterator[str]:
    """Give the URL of the official DynamoDB Local; skips where Java or Maven is missing."""
    with dynamodb_local.running() as url:
        yield url


@contextmanager
def running_stack(*options: str) -> Iterator[dict[str, Any]]:
    """Run `latchkey local --json` on free ports, and give what it prints."""
    command = [sys.executable, "-m", "latchkey", "local", "--json"]
    command += ["--issuer-port", "0", "--api-port", "0", "--aws-port", "0", "--web-port", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - our own arguments
        try:
            assert process.stdout is not None
            announcement: dict[str, Any] = json.loads(process.stdout.readline())
            yield announcement
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def local_stack() -> Iterator[dict[str, Any]]:
    """Give a running local stack: what `latchkey local --json` prints. Its state is shared by a worker's tests."""
    with running_stack() as announcement:
        yield announcement
