"""What a month costs: for each way of signing, the units that it takes of each service, times AWS's price.

    bill(Month(tokens=1_000_000), "kms")      [Item("KMS", "signatures", 1_000_000, Price(...)), ...]

An estimate, on demand and without free tiers. What a token takes is counted and measured by `make bench`; only the
waits for AWS are assumed (`prices.WAIT_S`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from latchkey import prices
from latchkey.prices import Price

HOURS_A_MONTH: Final = 730
MEMORY_GB: Final = 1.0
TOKEN_S: Final = {"kms": 0.019, "data_key": 0.010, "reuse": 0.009}  # billed for a token's invocation
GATE_S: Final = 0.001  # the challenge function's, before a REST API's token endpoint
AUTHORIZER_S: Final = 0.002
TOKEN_LOG_BYTES: Final = 900  # with what Lambda writes itself; the gate's included
AUTHORIZER_LOG_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class Month:
    """How much is asked for: token requests, and calls of protected APIs, in a month.

    `clients` is how many share the requests evenly, `lifetime_s` how long a token lives, `cache_s` how long API Gateway
    keeps an authorizer's answer for a token. `rest` tells a REST API from an HTTP API at the token endpoint.
    """

    tokens: int
    api_calls: int = 0
    clients: int = 100
    lifetime_s: int = 3600
    cache_s: int = 300
    rest: bool = True

    @property
    def new_tokens(self) -> int:
        """Give how many tokens are signed where unexpired ones are given again: each client's, one after another."""
        return min(self.tokens, self.clients * math.ceil(HOURS_A_MONTH * 3600 / self.lifetime_s))

    @property
    def authorizations(self) -> int:
        """Give how often an authorizer is asked at most: for each token, once in each time that its answer is kept."""
        kept = self.cache_s or 1
        asked = self.api_calls if not self.cache_s else self.tokens * math.ceil(self.lifetime_s / kept)
        return min(self.api_calls, asked)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the bill: `quantity` units at a price each."""

    service: str
    unit: str
    quantity: float
    price: Price

    @property
    def dollars(self) -> float:
        """Give what it comes to."""
        return self.quantity * self.price.dollars


def bill(month: Month, signing: str) -> list[Item]:
    """Itemise a month; `signing` is one of `TOKEN_S`: how tokens are signed, or `reuse` on top of KMS."""
    lambda_s = month.tokens * (TOKEN_S[signing] + GATE_S * month.rest) + month.authorizations * AUTHORIZER_S
    logged = month.tokens * TOKEN_LOG_BYTES + month.authorizations * AUTHORIZER_LOG_BYTES
    api = prices.REST_API_REQUEST if month.rest else prices.HTTP_API_REQUEST
    return [
        Item("API Gateway", "token requests", month.tokens, api),
        Item("Lambda", "invocations", month.tokens * (1 + month.rest) + month.authorizations, prices.LAMBDA_REQUEST),
        Item("Lambda", "GB-seconds, arm64", lambda_s * MEMORY_GB, prices.LAMBDA_GB_SECOND["arm64"]),
        Item("KMS", "signatures", _SIGNATURES[signing](month), prices.KMS_REQUEST),
        Item("KMS", "keys, one of them announced or retiring", _KEYS[signing], prices.KMS_KEY_MONTH),
        Item("DynamoDB", "consistent reads", month.tokens, prices.DYNAMODB_READ_UNIT),
        Item("CloudWatch Logs", "bytes", logged, prices.LOG_BYTE),
    ]


_SIGNATURES: Final[dict[str, Callable[[Month], int]]] = {
    "kms": lambda month: month.tokens,
    "data_key": lambda month: 0,  # noqa: ARG005 - one signature a day endorses the key
    "reuse": lambda month: month.new_tokens,
}
_KEYS: Final = {"kms": 2, "data_key": 1, "reuse": 2}


def cognito(month: Month) -> list[Item]:
    """Itemise the same month at Amazon Cognito, in its first and dearest tier."""
    return [
        Item("Cognito", "token requests", month.tokens, prices.COGNITO_TOKEN),
        Item("Cognito", "app clients", month.clients, prices.COGNITO_CLIENT_MONTH),
    ]


def total(items: list[Item]) -> float:
    """Add a bill up, in dollars."""
    return sum(item.dollars for item in items)
