"""`latchkey cost`: a month's bill, item by item."""

import pytest

from latchkey import bill, prices
from latchkey.bill import Month
from tests.latchkey.command import Command, Result


def run(*options: str) -> Result:
    """Run `latchkey cost`, with no AWS anywhere."""
    return Command().run("cost", *options)


def test_a_million_tokens_cost_what_the_price_list_says() -> None:
    """Signed by KMS, behind a REST API: about seven dollars and the keys; Cognito asks for hundreds of times that."""
    bills = run("--tokens-per-month", "1000000", "--json").json["bills"]
    signed = {item["unit"]: item["dollars"] for item in bills["kms"]["items"]}
    assert signed["token requests"] == 3.5
    assert signed["signatures"] == 3
    assert 7 < bills["kms"]["total"] - signed["keys, one of them announced or retiring"] < 8
    assert bills["cognito"]["total"] == 2250 + 100 * 6


def test_each_item_names_its_source_and_a_total_is_its_items() -> None:
    """Nobody has to believe a figure: quantity, dollars and AWS's page are there."""
    document = run("--tokens-per-month", "123456", "--api-calls-per-month", "7654321", "--json").json
    assert document["prices_as_of"] == prices.AS_OF
    for found in document["bills"].values():
        assert sum(item["dollars"] for item in found["items"]) == pytest.approx(found["total"], abs=0.001)
        assert all(item["source"].startswith("https://aws.amazon.com/") for item in found["items"])


def test_a_data_key_costs_no_signature_and_an_http_api_no_gate() -> None:
    """What a way of signing does without is not on its bill."""
    rest, http = Month(1000), Month(1000, rest=False)
    assert _quantity(rest, "data_key", "signatures") == 0
    assert _quantity(http, "kms", "invocations") == 1000
    assert _quantity(rest, "kms", "invocations") == 2000


@pytest.mark.parametrize(
    ("tokens", "clients", "lifetime_s", "signed"),
    [(1_000_000, 100, 3600, 73_000), (500, 100, 3600, 500), (1_000_000, 1, 86_400, 31)],
)
def test_reuse_signs_a_token_for_each_client_and_lifetime(
    tokens: int, clients: int, lifetime_s: int, signed: int
) -> None:
    """No more than one after another for each client in 730 hours, and never more than are asked for."""
    month = Month(tokens, clients=clients, lifetime_s=lifetime_s)
    assert _quantity(month, "reuse", "signatures") == signed


@pytest.mark.parametrize(
    ("calls", "cache_s", "asked"), [(1_000_000, 300, 1200), (500, 300, 500), (1_000_000, 0, 1_000_000)]
)
def test_an_authorizer_is_asked_once_for_each_token_and_cache_time(calls: int, cache_s: int, asked: int) -> None:
    """100 tokens of an hour, kept five minutes: 1,200 at most; without a cache, each call."""
    assert Month(100, api_calls=calls, cache_s=cache_s).authorizations == asked


def test_the_bill_is_laid_out_for_people() -> None:
    """A table of dollars, and under it what is in them and what is not."""
    printed = run("--tokens-per-month", "1000000", "--http-api").stdout
    for text in ("data_key", "cognito", "together", "2,850.00", prices.AS_OF, "Not counted"):
        assert text in printed


def test_the_number_of_tokens_is_needed() -> None:
    """There is no bill of an unknown month: status 2."""
    result = run()
    assert (result.status, result.stdout) == (2, "")
    assert "--tokens-per-month" in result.stderr


def _quantity(month: Month, signing: str, unit: str) -> float:
    return next(item.quantity for item in bill.bill(month, signing) if item.unit == unit)
