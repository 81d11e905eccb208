"""A job that lives for a second, and runs every minute with a token that lives for an hour.

    * * * * * ISSUER=... API=... SECRET_NAME=... TOKEN_TABLE=token-cache python token_cron.py

Each run finds the token of an earlier one in DynamoDB, whatever machine that ran on; one in sixty asks for another.
"""

import os
import sys

import httpx

from token_client import DynamoDBTokenStore, SecretsManagerSecret, TokenClient, TokenClientError


def main() -> None:
    """Write a line with the number of products."""
    with (
        TokenClient(
            os.environ["ISSUER"],
            credentials=SecretsManagerSecret(os.environ["SECRET_NAME"]),
            scope="products:read",
            store=DynamoDBTokenStore(os.environ["TOKEN_TABLE"]),
        ) as client,
        httpx.Client(base_url=os.environ["API"], auth=client.auth()) as api,
    ):
        listed = api.get("/products").raise_for_status().json()["products"]
    sys.stdout.write(f"{len(listed)} products\n")


if __name__ == "__main__":
    try:
        main()
    except (TokenClientError, httpx.HTTPError) as error:
        sys.exit(str(error))
