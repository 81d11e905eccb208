"""An API behind the authorizer: docs/resource-lambda.md; programs that call one with a token: docs/token-client.md."""
