"""A script that calls an API with a token.

    export CLIENT_ID=... CLIENT_SECRET=...
    python token_script.py https://auth.example.com https://api.example.com products:read

prints the API's products, or says what went wrong, and then ends with status 1.
"""

import sys

import httpx

from token_client import EnvironmentSecret, TokenClient, TokenClientError


def products(issuer: str, api: str, scope: str) -> list[dict[str, str]]:
    """Ask the API for its products."""
    with (
        TokenClient(issuer, credentials=EnvironmentSecret(), scope=scope) as client,
        httpx.Client(base_url=api, auth=client.auth()) as calls,
    ):
        listed: list[dict[str, str]] = calls.get("/products").raise_for_status().json()["products"]
        return listed


def main() -> None:
    """Print what there is, or why there is nothing to print."""
    try:
        _, issuer, api, scope = sys.argv
    except ValueError:
        sys.exit("usage: token_script.py ISSUER API SCOPE")
    try:
        for product in products(issuer, api, scope):
            sys.stdout.write(f"{product['name']}: {product['price']}\n")
    except (TokenClientError, httpx.HTTPError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
