"""A local API Gateway: it serves the OpenAPI documents that are deployed to API Gateway REST APIs."""

from infra.local.gateway.app import Gateway
from infra.local.gateway.errors import DocumentError

__all__ = ["DocumentError", "Gateway"]
