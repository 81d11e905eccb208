"""A local API Gateway: it serves the OpenAPI documents that are deployed to API Gateway, REST APIs and HTTP APIs."""

from infra.local.gateway.app import Gateway
from infra.local.gateway.errors import DocumentError
from infra.local.gateway.http_api.app import HttpGateway

__all__ = ["DocumentError", "Gateway", "HttpGateway"]
