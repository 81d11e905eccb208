"""Compile an OpenAPI 3.0 document with `x-amazon-apigateway-*` extensions, once, when it is loaded.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from infra.local.gateway.authorizers import compile_authorizer
from infra.local.gateway.errors import DocumentError
from infra.local.gateway.integrations import compile_integration
from infra.local.gateway.integrations.base import Setting
from infra.local.gateway.routes import ANY, Router
from infra.local.gateway.validation import compile_validator, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from infra.local.gateway.authorizers import Authorizer
    from infra.local.gateway.functions import Functions
    from infra.local.gateway.integrations.base import Integration
    from infra.local.gateway.validation import Validator

METHODS = {
    **{method.lower(): method for method in ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")},
    "x-amazon-apigateway-any-method": ANY,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """What stands at a method of a resource."""

    authorizer: Authorizer | None
    scopes: Sequence[str]
    validator: Validator | None
    integration: Integration


def compile_document(
    document: Mapping[str, Any], functions: Functions, clock: Callable[[], float]
) -> Router[Operation]:
    """Compile all paths of a document. Raises DocumentError, which names the operation."""
    schemes = security_schemes(document)
    authorizers = {name: compile_authorizer(name, scheme, functions, clock) for name, scheme in schemes.items()}
    router: Router[Operation] = Router()
    for path, item in (document.get("paths") or {}).items():
        router.add(path, _methods(path, item, document, functions, authorizers))
    return router


def security_schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schemes of a document that is OpenAPI 3.0 and has no security at its root. Raises DocumentError."""
    if not str(document.get("openapi", "")).startswith("3.0"):
        raise DocumentError("only OpenAPI 3.0 is interpreted")
    if document.get("security"):
        # "Important notes": API Gateway does not use root level security. Deployed, these methods would be open.
        raise DocumentError("API Gateway ignores security at the root of a document: state it for each operation")
    schemes: Mapping[str, Any] = (document.get("components") or {}).get("securitySchemes") or {}
    return schemes


def _methods(
    path: str,
    item: Mapping[str, Any],
    document: Mapping[str, Any],
    functions: Functions,
    authorizers: Mapping[str, Authorizer],
) -> dict[str, Operation]:
    """Compile the operations of one path."""
    operations: dict[str, Operation] = {}
    for key, method in METHODS.items():
        if key in item:
            try:
                operations[method] = _operation(item[key], item, document, functions, authorizers)
            except DocumentError as error:
                raise DocumentError(f"{method} {path}: {error}") from error
    return operations


def _operation(
    operation: Mapping[str, Any],
    item: Mapping[str, Any],
    document: Mapping[str, Any],
    functions: Functions,
    authorizers: Mapping[str, Authorizer],
) -> Operation:
    integration = operation.get("x-amazon-apigateway-integration")
    if not integration:
        raise DocumentError("no integration: API Gateway would not deploy it")
    binary = frozenset(media.lower() for media in document.get("x-amazon-apigateway-binary-media-types") or [])
    declared = [*(item.get("parameters") or []), *(operation.get("parameters") or [])]
    required = required_scheme(operation, authorizers)
    return Operation(
        authorizer=authorizers[required[0]] if required else None,
        scopes=required[1] if required else (),
        validator=compile_validator(document, operation, [resolve(document, parameter) for parameter in declared]),
        integration=compile_integration(integration, Setting(operation, functions, binary)),
    )


def required_scheme(operation: Mapping[str, Any], known: Iterable[str]) -> tuple[str, list[str]] | None:
    """Find the one scheme of an operation, and its scopes; None where it has none. Raises DocumentError.

    API Gateway has no alternatives and no combinations of authorizers.
    """
    required = [pair for requirement in operation.get("security") or [] for pair in requirement.items()]
    if not required:
        return None
    names = [name for name, _ in required]
    if len(names) > 1 or names[0] not in known:
        raise DocumentError(f"security is one authorizer of {sorted(known)}, not {names}")
    name, scopes = required[0]
    return name, list(scopes)
