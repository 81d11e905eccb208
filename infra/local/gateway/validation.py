"""Request validation, before an integration is called.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html: required
parameters must be there and not blank; a body is checked against the model of its content type, and not at all if no
model is declared for that type (`$default` is declared for all). Models are JSON schema draft 4 without minItems and
maxItems ("Important notes"). A missing body is checked as `{}`. Names of headers are case-insensitive here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from jsonschema import Draft4Validator, SchemaError, validators  # type: ignore[import-untyped] # has no type information

from infra.local.gateway.errors import DocumentError, GatewayError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from infra.local.gateway.request import Exchange

LOCATIONS = ("header", "path", "query")
DEFAULT_MODEL = "$default"

KEYWORDS = {name: check for name, check in Draft4Validator.VALIDATORS.items() if name not in ("minItems", "maxItems")}
ModelValidator = validators.create(Draft4Validator.META_SCHEMA, KEYWORDS, type_checker=Draft4Validator.TYPE_CHECKER)


class Model(Protocol):
    """A compiled schema."""

    def is_valid(self, instance: Any) -> bool:
        """Whether a JSON value is what the schema describes."""


@dataclass(frozen=True, slots=True)
class Validator:
    """What one operation demands: (location, name) of its parameters, and models by content type."""

    parameters: tuple[tuple[str, str], ...]
    models: Mapping[str, Model]

    def check(self, exchange: Exchange) -> None:
        """Raise GatewayError BAD_REQUEST_PARAMETERS or BAD_REQUEST_BODY."""
        missing = [name for location, name in self.parameters if not _parameter(exchange, location, name)]
        if missing:
            raise GatewayError("BAD_REQUEST_PARAMETERS", f"Missing required request parameters: [{', '.join(missing)}]")
        model = self.models.get(exchange.media_type) or self.models.get(DEFAULT_MODEL)
        if model is not None and not _is_valid(model, exchange.request.body):
            raise GatewayError("BAD_REQUEST_BODY", "Invalid request body")


def _parameter(exchange: Exchange, location: str, name: str) -> str | None:
    if location == "header":
        return exchange.request.header(name)
    if location == "path":
        return exchange.path_parameters.get(name)
    return exchange.request.query.get(name, [""])[-1]


def _is_valid(model: Model, body: bytes) -> bool:
    """Whether a body is JSON that fits; a number or a nesting that Python will not read is none."""
    try:
        return model.is_valid(json.loads(body.decode("utf-8", errors="replace") or "{}", parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return False


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def compile_validator(
    document: Mapping[str, Any], operation: Mapping[str, Any], parameters: Iterable[Mapping[str, Any]]
) -> Validator | None:
    """Compile the validator that the operation, or else the document, names; None without one. Raises DocumentError.

    `parameters` are those of the operation and its path, `$ref` resolved.
    """
    key = "x-amazon-apigateway-request-validator"
    name = operation.get(key, document.get(key))
    if not name:
        return None
    settings = document.get("x-amazon-apigateway-request-validators", {}).get(name)
    if settings is None:
        raise DocumentError(f"there is no request validator {name}")
    required = _required(parameters) if settings.get("validateRequestParameters") else ()
    models = _models(document, operation) if settings.get("validateRequestBody") else {}
    return Validator(required, models)


def _required(parameters: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    found = {(parameter["in"], parameter["name"]) for parameter in parameters if parameter.get("required")}
    return tuple(sorted(pair for pair in found if pair[0] in LOCATIONS))


def _models(document: Mapping[str, Any], operation: Mapping[str, Any]) -> dict[str, Model]:
    content = resolve(document, operation.get("requestBody") or {}).get("content") or {}
    return {
        media_type if media_type == DEFAULT_MODEL else media_type.lower(): _model(document, media["schema"])
        for media_type, media in content.items()
        if "schema" in media
    }


def _model(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Model:
    """Compile a schema, whose `$ref` may name the document's components."""
    rooted = {"components": document.get("components") or {}, "allOf": [schema]}
    try:
        ModelValidator.check_schema(rooted)
    except SchemaError as error:
        raise DocumentError(f"a request model is not a JSON schema of draft 4: {error.message}") from error
    model: Model = ModelValidator(rooted)
    return model


def resolve(document: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a `$ref` within the document. Raises DocumentError."""
    reference = node.get("$ref")
    if reference is None:
        return node
    target: Any = document
    for part in str(reference).removeprefix("#/").split("/"):
        target = target.get(part) if isinstance(target, dict) else None
    if not isinstance(target, dict):
        raise DocumentError(f"nothing stands at {reference}")
    return resolve(document, target)
