"""A dependency that fails, in each way and at each call: 503 with Retry-After, and service again with it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from infra.local.stack import Addresses, LocalStack, running
from tests.aws_proxy import Faults, cut_short, empty, error, garbage, hang_up, proxy_to, slow

FAILURES: dict[tuple[str, str], Callable[[Any], None]] = {
    ("dynamodb", "throttled"): error(400, "ProvisionedThroughputExceededException"),
    ("dynamodb", "denied"): error(400, "AccessDeniedException"),
    ("dynamodb", "5xx"): error(500, "InternalServerError"),
    ("kms", "throttled"): error(400, "ThrottlingException"),
    ("kms", "key disabled"): error(400, "DisabledException"),
    ("kms", "key about to be deleted"): error(400, "KMSInvalidStateException"),
    ("kms", "5xx"): error(500, "KMSInternalException"),
    ("kms", "an empty answer"): empty,
    **{
        (service, name): failure
        for service in ("dynamodb", "kms")
        for name, failure in (
            ("no answer", hang_up),
            ("an answer cut short", cut_short),
            ("garbage", garbage),
            ("5 seconds late", slow),
        )
    },
}


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[LocalStack, Faults]]:
    """Give a stack whose functions reach AWS through a proxy that can fail."""
    reached: list[str] = []

    def through(url: str) -> str:
        reached.append(url)
        return faults.url

    addresses = Addresses(issuer_port=0, api_port=0, aws_port=0, web_port=0)
    with (
        proxy_to(lambda: reached[0]) as faults,
        running(addresses, name="faulty", functions_reach_aws_at=through) as stack,
    ):
        yield stack, faults


def ask(stack: LocalStack) -> httpx.Response:
    """Ask for a token."""
    form = {"grant_type": "client_credentials"}
    return httpx.post(f"{stack.issuer}/oauth/token", data=form, auth=("demo", stack.client_secret), timeout=30)


@pytest.mark.parametrize(("service", "name"), FAILURES, ids=map(" ".join, FAILURES))
def test_a_failing_dependency_is_503_and_recovers(world: tuple[LocalStack, Faults], service: str, name: str) -> None:
    """Sixteen clients at once get 503 and Retry-After while it fails; every one is served once it does not."""
    stack, faults = world
    assert ask(stack).status_code == 200
    with ThreadPoolExecutor(16) as pool:
        faults.failing[service] = FAILURES[service, name]
        answers = list(pool.map(lambda _: ask(stack), range(16)))
        faults.failing.clear()
        recovered = list(pool.map(lambda _: ask(stack), range(16)))
    for answer in answers:
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["Retry-After"] == "1"
        assert answer.headers["Cache-Control"] == "no-store"
    assert {answer.status_code for answer in recovered} == {200}


def test_wrong_credentials_are_not_let_through_by_an_outage(world: tuple[LocalStack, Faults]) -> None:
    """While the store fails, nobody is authenticated: neither gate nor endpoint opens."""
    stack, faults = world
    faults.failing["dynamodb"] = FAILURES["dynamodb", "throttled"]
    try:
        form = {"grant_type": "client_credentials"}
        answer = httpx.post(f"{stack.issuer}/oauth/token", data=form, auth=("demo", "wrong"), timeout=30)
    finally:
        faults.failing.clear()
    assert answer.status_code == 503


def test_the_key_set_survives_while_the_key_is_remembered(world: tuple[LocalStack, Faults]) -> None:
    """The public key is kept for KEY_CACHE_SECONDS: verifiers read it while KMS fails."""
    stack, faults = world
    assert ask(stack).status_code == 200
    faults.failing["kms"] = FAILURES["kms", "key disabled"]
    try:
        answer = httpx.get(f"{stack.issuer}/.well-known/jwks.json")
    finally:
        faults.failing.clear()
    assert answer.json()["keys"]
