"""The API Gateway Lambda authorizer: verifies a token and returns an IAM policy with its scopes."""
