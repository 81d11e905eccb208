"""A Lambda that calls an API with a token: infra/examples/token-client.yaml deploys it.

The secret is in Secrets Manager. The token is in DynamoDB, encrypted, so that a thousand of these that start at once
ask for one token. What stands outside the handler is made once for each execution environment, and asks nothing of AWS
before the first invocation.
"""

import os
from typing import Any

import httpx

from token_client import DynamoDBTokenStore, SecretsManagerSecret, TokenClient

client = TokenClient(
    os.environ["ISSUER"],
    credentials=SecretsManagerSecret(os.environ["SECRET_NAME"]),
    scope="products:read",
    store=DynamoDBTokenStore(os.environ["TOKEN_TABLE"]),
)
api = httpx.Client(base_url=os.environ["API"], auth=client.auth())


def lambda_handler(_event: dict[str, Any], _context: object) -> dict[str, int]:
    """Count the products. An error ends the invocation; its text, which Lambda logs and returns, holds no secret."""
    return {"products": len(api.get("/products").raise_for_status().json()["products"])}
