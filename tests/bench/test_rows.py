"""The rows: each does what it measures, and comes to finite numbers."""

import math
from collections.abc import Callable, Mapping

import pytest

from bench import cost, growth, issue, issue_in_kms, issue_over_http, token_request, verify
from bench.cost import Invocation
from bench.measure import Effort
from bench.row import Result
from bench.rows import BY_KEY
from infra.cloudformation import Function
from latchkey import prices

TINY = Effort(rounds=1, turn_s=0.001, cold_starts=1, clients=300, tokens=20)


def _numbers(result: Result) -> list[float]:
    if result.value is None:
        return []
    return list(result.value.values()) if isinstance(result.value, Mapping) else [result.value]


@pytest.mark.parametrize(
    "run",
    [
        issue.issue_in_process,
        issue_over_http.issue_http,
        issue_in_kms.issue_kms,
        verify.verify_new,
        verify.verify_repeat,
        growth.clients_growth,
        growth.growth,
    ],
    ids=lambda run: run.__name__,
)
def test_a_row_comes_to_finite_numbers(run: Callable[[Effort], Result]) -> None:
    """Or it says why it does not; its values are those that its reach is about."""
    result = run(TINY)
    assert bool(result.reason) is (result.value is None)
    assert all(math.isfinite(number) and number > 0 for number in _numbers(result))
    assert BY_KEY[run.__name__].is_reached(result.value) in ([None] if result.value is None else [True, False])


def test_calls_are_counted_by_the_stand_in_itself() -> None:
    """In steady state a token is one read and one signature, keys being kept; the gate remembers its clients."""
    with issue_in_kms.functions() as both:
        token = both.calls("token", clients=3, times=6)
        gate = both.calls("gate", clients=3, times=6)
    others = {"GetPublicKey": 0, "Scan": 0, "Decrypt": 0, "UpdateItem": 0}
    assert token == {"GetItem": 1, "Sign": 1, **others}
    assert gate == {"GetItem": 0, "Sign": 0, **others}


def test_a_data_key_needs_no_signature_of_kms() -> None:
    """In steady state a token is one read, and nothing else of AWS."""
    with issue_in_kms.functions("data_key") as both:
        token = both.calls("token", clients=3, times=6)
    assert {name for name, count in token.items() if count} == {"GetItem"}


def test_a_server_that_issues_no_token_is_not_measured() -> None:
    """A refusal is quick: it would make a fine figure."""
    with issue.unheard(), pytest.raises(issue.UnansweredError):
        issue.issuing(issue.server(), token_request.event("nobody"))()


def test_the_cost_of_an_invocation_is_its_parts_at_the_price_list() -> None:
    """Calls, requests, GB-seconds and bytes, each times its price; 3.5 ms of CPU and 14 ms of waiting bill 18 ms."""
    function = Function("F", "f", "m.h", {}, timeout=1, memory=1024, runtime="python3.11", architecture="arm64")
    invocation = Invocation({"GetItem": 1, "Sign": 1, "GetPublicKey": 0}, cpu_s=0.002, log_bytes=400)
    assert cost.price(invocation, function) == pytest.approx(
        {
            "Lambda requests": 0.20e-6,
            "Lambda duration": 0.018 * 0.0000133334,
            "KMS": 3e-6,
            "DynamoDB": 0.125e-6,
            "log lines": 400 * 0.5e-9,
            "Lambda's own log lines": prices.PLATFORM_LOG_BYTES * 0.5e-9,
        }
    )


def test_every_price_says_where_it_comes_from() -> None:
    """A price is a page of AWS's."""
    listed = [price for price in vars(prices).values() if isinstance(price, prices.Price)]
    assert len(listed) >= 7
    assert all(price.source.startswith("https://aws.amazon.com/") for price in listed)
