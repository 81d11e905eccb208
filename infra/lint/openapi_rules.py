"""Rules for the OpenAPI documents, as API Gateway imports them, where linters are silent and AWS is not.

"Amazon API Gateway important notes": https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from openapi_spec_validator import OpenAPIV30SpecValidator

from infra.lint.deployment import Deployment, Rule
from infra.template_yaml import Document

# https://docs.aws.amazon.com/apigateway/latest/api/API_GatewayResponse.html, without REQUEST_TOO_LARGE, which API
# Gateway does not let one change ("Important notes").
GATEWAY_RESPONSES: Final = frozenset(
    {
        "ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE",
        "BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN",
        "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE",
        "MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "RESOURCE_NOT_FOUND", "THROTTLED", "UNAUTHORIZED",
        "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED",
    }
)  # fmt: skip
# "Choose between REST APIs and HTTP APIs" in the developer guide.
REST_ONLY: Final = frozenset(
    {
        "x-amazon-apigateway-binary-media-types", "x-amazon-apigateway-gateway-responses", "x-amazon-apigateway-policy",
        "x-amazon-apigateway-request-validator", "x-amazon-apigateway-request-validators",
    }
)  # fmt: skip
FORMATS: Final = ("1.0", "2.0")
MAX_AUTHORIZER_TTL_SECONDS: Final = 3600
OPERATIONS: Final = (
    "get", "post", "put", "patch", "delete", "head", "options", "x-amazon-apigateway-any-method"
)  # fmt: skip
_ANY: Final = "x-amazon-apigateway-any-method"
_CHALLENGE: Final = "gatewayresponse.header.WWW-Authenticate"
_CORS: Final = "gatewayresponse.header.Access-Control-Allow-Origin"
_FUNCTION_OF_URI: Final = re.compile(
    r"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    r"arn:aws:lambda:us-east-1:123456789012:function:(?P<name>[A-Za-z0-9_-]+)/invocations"
)


def openapi_is_valid(deployment: Deployment) -> Iterator[str]:
    """Check that each document is OpenAPI 3.0."""
    for api, document in deployment.every_document().items():
        for error in OpenAPIV30SpecValidator(document).iter_errors():
            yield f"{api}: {error.message[:200]}"


def gateway_response_exists(deployment: Deployment) -> Iterator[str]:
    """Check the types of gateway responses: API Gateway imports one that it does not know, and never uses it."""
    for api, document in deployment.documents.items():
        for name in sorted(_gateway_responses(document).keys() - GATEWAY_RESPONSES):
            yield f"{api}: there is no gateway response {name}"


def gateway_response_has_cors(deployment: Deployment) -> Iterator[str]:
    """Check that no gateway response is hidden from browsers, where they may call (a path answers OPTIONS).

    UNAUTHORIZED is no answer that they get, if no such path stands behind an authorizer.
    """
    for api, document in deployment.documents.items():
        browsed = [item for item in document["paths"].values() if "options" in item]
        guarded = any(item.get(method, {}).get("security") for item in browsed for method in OPERATIONS)
        if browsed:
            responses = _gateway_responses(document)
            # A type that is not set takes these two, so both have to be.
            for name in sorted({*responses, "DEFAULT_4XX", "DEFAULT_5XX"} - (set() if guarded else {"UNAUTHORIZED"})):
                if _CORS not in responses.get(name, {}).get("responseParameters", {}):
                    yield f"{api}: the gateway response {name} lacks Access-Control-Allow-Origin"


def challenge_names_the_scopes_of_the_api(deployment: Deployment) -> Iterator[str]:
    """Check that a challenge's scope, one for every route, is all that operations say in x-latchkey-scopes."""
    for api, document in deployment.documents.items():
        said = sorted(
            {scope for _, operation in _operations(document) for scope in operation.get("x-latchkey-scopes", [])}
        )
        for name, response in _gateway_responses(document).items():
            challenge = response.get("responseParameters", {}).get(_CHALLENGE, "")
            if said and "Bearer" in challenge and f'scope="{" ".join(said)}"' not in challenge:
                yield f"{api}: the challenge of {name} does not name the scopes {said}"


def http_api_has_what_it_can_have(deployment: Deployment) -> Iterator[str]:
    """Check that an HTTP API has CORS of its own, and nothing that only REST APIs have: it would be ignored."""
    for api in deployment.http_documents:
        document = deployment.every_document()[api]
        if "x-amazon-apigateway-cors" not in document:
            yield f"{api}: browsers get no answer without x-amazon-apigateway-cors"
        for name in sorted(document.keys() & REST_ONLY):
            yield f"{api}: an HTTP API has no {name}"


def http_integration_says_its_format(deployment: Deployment) -> Iterator[str]:
    """Check that each integration and Lambda authorizer of an HTTP API says its payload format."""
    for api in deployment.http_documents:
        document = deployment.every_document()[api]
        for where, operation in _operations(document):
            if _integration(document, operation).get("payloadFormatVersion") not in FORMATS:
                yield f"{api}: {where} has no payloadFormatVersion of {FORMATS}"
        for name, scheme in document["components"]["securitySchemes"].items():
            authorizer = scheme["x-amazon-apigateway-authorizer"]
            if authorizer["type"] == "request" and authorizer.get("authorizerPayloadFormatVersion") not in FORMATS:
                yield f"{api}: the authorizer {name} has no authorizerPayloadFormatVersion of {FORMATS}"


def simple_response_is_kept_for_its_route(deployment: Deployment) -> Iterator[str]:
    """Check that no Boolean is kept without the route among its identity sources: it would stand for every route."""
    for api, name, authorizer in _authorizers(deployment):
        given = authorizer.get("identitySource", "")
        sources = given if isinstance(given, list) else given.replace(" ", "").split(",")
        kept = authorizer.get("authorizerResultTtlInSeconds") != 0
        if authorizer.get("enableSimpleResponses") and kept and "$context.routeKey" not in sources:
            yield f"{api}: the authorizer {name} has simple responses and no $context.routeKey in its identity"


def no_route_takes_preflight_requests(deployment: Deployment) -> Iterator[str]:
    """Check that no route of an HTTP API is for ANY method behind an authorizer: preflight requests have no token."""
    for api, document in deployment.http_documents.items():
        for where, operation in _operations(document):
            if where.startswith("ANY ") and operation.get("security"):
                yield f"{api}: {where} takes preflight requests, which have no token"


def authorizer_ttl_is_within_the_limit(deployment: Deployment) -> Iterator[str]:
    """Check that a TTL is 0 to 3600 seconds, as a number or as a parameter that cannot be more."""
    parameters = deployment.template.get("Parameters", {})
    for api, name, authorizer in _authorizers(deployment):
        ttl = authorizer.get("authorizerResultTtlInSeconds")
        if isinstance(ttl, dict):
            ttl = int(parameters.get(ttl.get("Ref"), {}).get("MaxValue", -1))
        if not isinstance(ttl, int) or not 0 <= ttl <= MAX_AUTHORIZER_TTL_SECONDS:
            yield f"{api}: the authorizer {name} may keep results for 0 to {MAX_AUTHORIZER_TTL_SECONDS} seconds"


def identity_source_is_there_for_what_is_kept(deployment: Deployment) -> Iterator[str]:
    """Check that no result is kept for no identity in particular: it would be everybody's."""
    for api, name, authorizer in _authorizers(deployment):
        nobody = authorizer["type"] == "request" and not authorizer.get("identitySource")
        if nobody and authorizer.get("authorizerResultTtlInSeconds") != 0:
            yield f"{api}: the authorizer {name} has no identity source and has to keep nothing (TTL 0)"


def uri_names_a_function(deployment: Deployment) -> Iterator[str]:
    """Check that each integration and authorizer names a function of this stack, which lets the API invoke it."""
    functions = [logical_id for logical_id, _ in deployment.of_type("AWS::Serverless::Function")]
    names = {deployment.stack.resolve({"Ref": logical_id}): logical_id for logical_id in functions}
    for api, document in deployment.every_document().items():
        for where, uri in _uris(document):
            match = _FUNCTION_OF_URI.fullmatch(str(uri))
            if match is None or match["name"] not in names:
                yield f"{api}: {where} names no function of the template: {uri}"
            elif api in deployment.documents and not _may_invoke(deployment, api, names[match["name"]]):
                yield f"{api}: {where} may not invoke {names[match['name']]}"


def operation_is_importable(deployment: Deployment) -> Iterator[str]:
    """Check that each operation has an integration, responses of its own, and security of the document's schemes."""
    for api, document in deployment.every_document().items():
        if "security" in document:
            yield f"{api}: API Gateway ignores security at the root of a document"
        schemes = document["components"].get("securitySchemes", {})
        for where, operation in _operations(document):
            if "x-amazon-apigateway-integration" not in operation:
                yield f"{api}: {where} has no integration"
            if api in deployment.documents and any("$ref" in response for response in operation["responses"].values()):
                yield f"{api}: {where} has a response by reference, which API Gateway does not follow"
            yield from (
                f"{api}: {where} is secured by {name}, which there is not"
                for requirement in operation.get("security", [])
                for name in requirement.keys() - schemes.keys()
            )


def operation_with_a_token_says_its_scopes(deployment: Deployment) -> Iterator[str]:
    """Check that operations behind the token's authorizer, and no others, say in x-latchkey-scopes what they need."""
    for api, document in deployment.every_document().items():
        schemes = document["components"].get("securitySchemes", {})
        for where, operation in _operations(document):
            types = {
                schemes[name]["x-amazon-apigateway-authorizer"]["type"]
                for requirement in operation.get("security", [])
                for name in requirement.keys() & schemes.keys()
            }
            # In a REST API of ours, a request authorizer is for credentials that are no token.
            takes_token = "token" in types or (api in deployment.http_documents and bool(types))
            if takes_token != bool(operation.get("x-latchkey-scopes")):
                yield f"{api}: {where} has either a token's authorizer or x-latchkey-scopes, and not both"


def component_is_importable(deployment: Deployment) -> Iterator[str]:
    """Check that schemas have names for models, of letters and digits, and security schemes the type apiKey."""
    for api, document in deployment.documents.items():
        for name in document["components"].get("schemas", {}):
            if not re.fullmatch("[A-Za-z0-9]+", name):
                yield f"{api}: the schema {name} has a name of more than letters and digits"
        for name, scheme in document["components"].get("securitySchemes", {}).items():
            if scheme["type"] != "apiKey":
                yield f"{api}: the security scheme {name} is not of type apiKey"


def _gateway_responses(document: Document) -> Document:
    responses: Document = document.get("x-amazon-apigateway-gateway-responses", {})
    return responses


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for path, item in document["paths"].items():
        for method in OPERATIONS:
            if method in item:
                yield f"{'ANY' if method == _ANY else method.upper()} {path}", item[method]


def _integration(document: Document, operation: Document) -> Document:
    """Return the integration of an operation; an HTTP API may have it among the components."""
    integration: Document = operation.get("x-amazon-apigateway-integration", {})
    shared: Document = document["components"].get("x-amazon-apigateway-integrations", {})
    return shared.get(integration["$ref"].rpartition("/")[2], {}) if "$ref" in integration else integration


def _authorizers(deployment: Deployment) -> Iterator[tuple[str, str, Document]]:
    """Yield API, name and definition, as it is written, of each authorizer."""
    rest = {api: properties["DefinitionBody"] for api, properties in deployment.of_type("AWS::Serverless::Api")}
    for api, document in {**rest, **deployment.http_documents}.items():
        for name, scheme in document["components"].get("securitySchemes", {}).items():
            if "x-amazon-apigateway-authorizer" in scheme:
                yield api, name, scheme["x-amazon-apigateway-authorizer"]


def _uris(document: Document) -> Iterator[tuple[str, Any]]:
    for where, operation in _operations(document):
        integration = _integration(document, operation)
        if integration.get("type") != "mock":
            yield where, integration.get("uri")
    for name, scheme in document["components"].get("securitySchemes", {}).items():
        yield f"the authorizer {name}", scheme.get("x-amazon-apigateway-authorizer", {}).get("authorizerUri")


def _may_invoke(deployment: Deployment, api: str, function: str) -> bool:
    return any(
        permission["FunctionName"] == {"Ref": function} and f"${{{api}}}/" in permission["SourceArn"]["Fn::Sub"]
        for _, permission in deployment.of_type("AWS::Lambda::Permission")
    )


OPENAPI_RULES: Final[tuple[Rule, ...]] = (
    openapi_is_valid,
    gateway_response_exists,
    gateway_response_has_cors,
    challenge_names_the_scopes_of_the_api,
    http_api_has_what_it_can_have,
    http_integration_says_its_format,
    simple_response_is_kept_for_its_route,
    no_route_takes_preflight_requests,
    authorizer_ttl_is_within_the_limit,
    identity_source_is_there_for_what_is_kept,
    uri_names_a_function,
    operation_is_importable,
    operation_with_a_token_says_its_scopes,
    component_is_importable,
)
