"""The same small API with three frameworks, each behind the authorizer: docs/resource-lambda.md."""
