"""An API behind the authorizer (docs/resource-lambda.md), and programs that call one with a token (docs/token-client.md)."""
