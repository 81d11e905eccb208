"""The integration types that are interpreted: one file and one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from infra.local.gateway.errors import DocumentError
from infra.local.gateway.integrations import lambda_proxy, mock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from infra.local.gateway.integrations.base import Integration, Setting

INTEGRATION_TYPES: dict[str, Callable[[Mapping[str, Any], Setting], Integration]] = {
    "aws_proxy": lambda_proxy.compile_integration,
    "mock": mock.compile_integration,
}


def compile_integration(integration: Mapping[str, Any], setting: Setting) -> Integration:
    """Compile an `x-amazon-apigateway-integration`. Raises DocumentError."""
    compile_type = INTEGRATION_TYPES.get(str(integration.get("type")).lower())
    if compile_type is None:
        raise DocumentError(
            f"an integration here is one of {sorted(INTEGRATION_TYPES)}, not {integration.get('type')!r}"
        )
    return compile_type(integration, setting)
