"""The lint finds nothing in what is deployed, and each rule finds the fault that it is for."""

import shutil
from pathlib import Path

import pytest

from infra.cloudformation import TEMPLATE
from infra.lint import findings, ruled
from infra.lint.__main__ import main
from infra.lint.deployment import Deployment
from infra.lint.openapi_rules import OPENAPI_RULES
from infra.lint.template_rules import TEMPLATE_RULES

AUTH, RESOURCE, ITSELF = "openapi/auth_server.yaml", "openapi/resource_server.yaml", "template.yaml"
HTTP = "openapi/resource_server_http.yaml"

# Rule, file, what is there, and the fault in its place.
FAULTS = [
    ("openapi_is_valid", AUTH, "    post:\n      operationId: issueToken", "    pst:\n      operationId: issueToken"),
    ("openapi_is_valid", RESOURCE, "description: The product, with its id.", "descriptoin: The product, with its id."),
    ("openapi_is_valid", HTTP, "'200': {description: The product.}", "'200': {descriptoin: The product.}"),
    ("gateway_response_exists", AUTH, "  THROTTLED:", "  THROTLED:"),
    ("gateway_response_exists", RESOURCE, "  ACCESS_DENIED:", "  FORBIDDEN:"),
    ("gateway_response_exists", RESOURCE, "  THROTTLED:", "  REQUEST_TOO_LARGE:"),
    (
        "gateway_response_has_cors",
        RESOURCE,
        "gatewayresponse.header.Access-Control-Allow-Origin",
        "gatewayresponse.header.Access-Control-Allow-Orgin",
    ),
    ("gateway_response_has_cors", RESOURCE, "  DEFAULT_5XX:", "  WAF_FILTERED:"),
    (
        "authorizer_ttl_is_within_the_limit",
        ITSELF,
        "MaxValue: 3600\n    Description: >-",
        "MaxValue: 3601\n    Description: >-",
    ),
    (
        "authorizer_ttl_is_within_the_limit",
        AUTH,
        "authorizerResultTtlInSeconds: 0",
        "authorizerResultTtlInSeconds: 3601",
    ),
    ("authorizer_ttl_is_within_the_limit", RESOURCE, "Ref: AuthorizerCacheSeconds", "Ref: StageName"),
    (
        "identity_source_is_there_for_what_is_kept",
        AUTH,
        "authorizerResultTtlInSeconds: 0",
        "authorizerResultTtlInSeconds: 1",
    ),
    ("uri_names_a_function", AUTH, "-challenge/invocations", "-chalenge/invocations"),
    ("uri_names_a_function", RESOURCE, "-resource/invocations", "-token/invocations"),
    ("uri_names_a_function", AUTH, "lambda:path/2015-03-31", "lambda:path/2015-03-13"),
    ("uri_names_a_function", ITSELF, "${AuthApi}/authorizers/*", "${ResourceApi}/authorizers/*"),
    ("operation_is_importable", AUTH, "- clientCredentials: []", "- clientCredential: []"),
    ("operation_is_importable", AUTH, "x-amazon-apigateway-integration:", "x-amazon-apigateway-integraton:"),
    ("operation_is_importable", AUTH, "\npaths:", "\nsecurity: []\npaths:"),
    (
        "operation_is_importable",
        RESOURCE,
        "responses:\n        '200':",
        "responses:\n        '418': {$ref: '#/components/schemas/Problem'}\n        '200':",
    ),
    (
        "operation_with_a_token_says_its_scopes",
        RESOURCE,
        "x-latchkey-scopes: ['products:write']",
        "x-latchkey-scopes: []",
    ),
    (
        "operation_with_a_token_says_its_scopes",
        RESOURCE,
        "        - accessToken: []\n      requestBody",
        "        []\n      requestBody",
    ),
    (
        "challenge_names_the_scopes_of_the_api",
        RESOURCE,
        'messages:write products:read products:write\\"',
        'products:read\\"',
    ),
    (
        "challenge_names_the_scopes_of_the_api",
        RESOURCE,
        "x-latchkey-scopes: ['products:write']",
        "x-latchkey-scopes: ['a']",
    ),
    ("http_api_has_what_it_can_have", HTTP, "x-amazon-apigateway-cors:", "x-amazon-apigateway-crs:"),
    (
        "http_api_has_what_it_can_have",
        HTTP,
        "\ncomponents:",
        "\nx-amazon-apigateway-gateway-responses: {UNAUTHORIZED: {statusCode: '401'}}\ncomponents:",
    ),
    (
        "http_integration_says_its_format",
        HTTP,
        "      payloadFormatVersion: '2.0'",
        "      payloadFormatVersion: '3.0'",
    ),
    ("http_integration_says_its_format", HTTP, "        authorizerPayloadFormatVersion: '2.0'\n", ""),
    ("simple_response_is_kept_for_its_route", HTTP, "enableSimpleResponses: false", "enableSimpleResponses: true"),
    (
        "no_route_takes_preflight_requests",
        HTTP,
        "    post:\n      operationId: createProduct",
        "    x-amazon-apigateway-any-method:\n      operationId: createProduct",
    ),
    ("authorizer_ttl_is_within_the_limit", HTTP, "Ref: AuthorizerCacheSeconds", "Ref: StageName"),
    (
        "identity_source_is_there_for_what_is_kept",
        HTTP,
        "        identitySource: $request.header.Authorization\n",
        "",
    ),
    ("uri_names_a_function", HTTP, "-resource/invocations", "-resorce/invocations"),
    ("operation_is_importable", HTTP, "- accessToken: []", "- accesToken: []"),
    ("operation_is_importable", HTTP, "\npaths:", "\nsecurity: []\npaths:"),
    (
        "operation_with_a_token_says_its_scopes",
        HTTP,
        "x-latchkey-scopes: ['products:write']",
        "x-latchkey-scopes: []",
    ),
    ("component_is_importable", AUTH, "KeySet", "Key_Set"),
    ("component_is_importable", AUTH, "type: apiKey", "type: http"),
    ("file_has_no_aliases", ITSELF, "Resources:\n", "Resources: &all\n"),
    (
        "included_file_has_long_forms_alone",
        AUTH,
        "authorizerResultTtlInSeconds: 0",
        "authorizerResultTtlInSeconds: !Ref TokenBurst",
    ),
    (
        "asymmetric_key_does_not_rotate",
        ITSELF,
        "      KeySpec: RSA_2048\n      MultiRegion",
        "      KeySpec: RSA_2048\n      EnableKeyRotation: true\n      MultiRegion",
    ),
    ("function_is_bounded", ITSELF, "      MemorySize: 512\n", ""),
    ("function_is_bounded", ITSELF, "      Timeout: 28\n", ""),
    ("function_is_bounded", ITSELF, "    Architectures: [!Ref Architecture]\n", ""),
    ("function_is_bounded", ITSELF, "        LogGroup: !Ref TokenLog", "        LogFormat: JSON"),
    ("function_is_bounded", ITSELF, "-challenge\n      RetentionInDays: !Ref LogRetentionDays", "-challenge"),
    ("environment_fits", ITSELF, "    MaxLength: 2048\n", ""),
    ("role_names_what_it_may_do", ITSELF, "Action: dynamodb:GetItem", "Action: dynamodb:*"),
    ("role_names_what_it_may_do", ITSELF, "Resource: !GetAtt ProductsTable.Arn", "Resource: '*'"),
    ("role_names_what_it_may_do", ITSELF, "Action: tag:GetResources", "Action: [tag:GetResources, kms:Sign]"),
    ("table_is_safe", ITSELF, "      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}\n", ""),
    (
        "table_is_safe",
        ITSELF,
        "Policy: Retain\n    Properties:\n      TableName",
        "Policy: Delete\n    Properties:\n      TableName",
    ),
    (
        "parameter_is_described",
        ITSELF,
        "    ConstraintDescription: 1 to 128 letters, digits, hyphens and underscores.\n",
        "",
    ),
    (
        "parameter_is_described",
        ITSELF,
        "[TokenLifetimeSeconds, TokenReuse, ScopesSupported, MutualTls]",
        "[TokenLifetimeSeconds, TokenReuse, MutualTls]",
    ),
]


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a copy of the template, with copies of its documents, to plant a fault in."""
    shutil.copy(TEMPLATE, tmp_path)
    shutil.copytree(TEMPLATE.parent / "openapi", tmp_path / "openapi")
    return tmp_path / TEMPLATE.name


def plant(template: Path, file: str, there: str, fault: str) -> None:
    """Put the fault in the place of what is there."""
    path = template.parent / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, fault), "utf-8")


def test_nothing_is_found_in_what_is_deployed() -> None:
    """cfn-lint, on the template and on what SAM makes of it, and the rules of our own find nothing."""
    assert list(findings()) == []


@pytest.mark.parametrize(("rule", "file", "there", "fault"), FAULTS)
def test_a_rule_finds_its_fault(template: Path, rule: str, file: str, there: str, fault: str) -> None:
    """A fault that linters pass over is found, by the rule for it."""
    plant(template, file, there, fault)
    if rule == "file_has_no_aliases":
        plant(template, file, "Outputs:\n", "Outputs:\n  Again: *all\n")
    assert any(finding.startswith(rule) for finding in ruled(Deployment.read(template)))


def test_a_boolean_may_be_kept_with_its_route(template: Path) -> None:
    """Simple responses with $context.routeKey among the identity sources are no finding, nor are those never kept."""
    plant(template, HTTP, "enableSimpleResponses: false", "enableSimpleResponses: true")
    plant(template, HTTP, "$request.header.Authorization\n", "$request.header.Authorization, $context.routeKey\n")
    assert list(ruled(Deployment.read(template))) == []


def test_every_rule_has_a_fault() -> None:
    """There is no rule that was never seen to find anything."""
    planted = {rule for rule, *_ in FAULTS}
    assert [
        rule.__name__ for rule in (*OPENAPI_RULES, *TEMPLATE_RULES) if not rule.__name__.startswith(tuple(planted))
    ] == []


@pytest.mark.parametrize(
    ("there", "fault", "found"),
    [
        ("Action: dynamodb:GetItem", "Action: dynamodb:GetItems", "W3037"),
        ("!GetAtt ClientsTable.Arn", "!GetAtt ClientTable.Arn", "E"),
        ("Handler: authorizer.handler.lambda_handler", "Handlr: authorizer.handler.lambda_handler", "E3002"),
    ],
)
def test_the_linters_are_asked(template: Path, there: str, fault: str, found: str) -> None:
    """A misspelt action, reference or property is found by cfn-lint."""
    plant(template, "template.yaml", there, fault)
    assert any(finding.startswith(found) for finding in findings(template))


@pytest.mark.parametrize(
    ("found", "status", "text"),
    [([], 0, "infra: no findings\n"), (["rule: fault"], 1, "rule: fault\ninfra: 1 finding\n")],
)
def test_the_command_ends_with_what_it_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: list[str], status: int, text: str
) -> None:
    """The command prints a line for each finding, and ends with 0 only where there is none."""
    monkeypatch.setattr("infra.lint.__main__.findings", lambda: iter(found))
    assert main() == status
    assert capsys.readouterr().out == text
