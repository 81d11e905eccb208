"""The Terraform module is infra/authorizer.yaml in another language, and what it says to the AWS provider exists.

Where terraform or tofu is on the PATH, it computes the function's environment and formats the files itself. It
validates them as well where the AWS provider lies in its implied local mirror, `~/.terraform.d/plugins`; nothing is
downloaded here.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest

from infra.cloudformation import AUTHORIZER_TEMPLATE, Stack
from infra.template_yaml import load
from tests.infra.test_authorizer_template import AUDIENCE, ISSUER, KEYS, LAYER, ROUTES

MODULE = AUTHORIZER_TEMPLATE.parent / "terraform"
EXAMPLES = sorted(path.parent for path in MODULE.glob("examples/*/main.tf"))
MIRROR = Path.home() / ".terraform.d" / "plugins"
AWS_PROVIDER = MIRROR / "registry.terraform.io" / "hashicorp" / "aws"
TERRAFORM = shutil.which("terraform") or shutil.which("tofu")

META = {"count", "depends_on", "for_each", "lifecycle", "provider"}
# Of each resource, or block of one: what has to be said, and what else is said here (the provider's documentation).
ARGUMENTS: dict[str, tuple[set[str], set[str]]] = {
    "aws_lambda_function": (
        {"function_name", "role"},
        {"architectures", "description", "environment", "filename", "handler", "layers", "logging_config"}
        | {"memory_size", "runtime", "source_code_hash", "timeout"},
    ),
    "aws_lambda_function.environment": (set(), {"variables"}),
    "aws_lambda_function.logging_config": ({"log_format"}, {"log_group"}),
    "aws_cloudwatch_log_group": (set(), {"name", "retention_in_days"}),
    "aws_iam_role": ({"assume_role_policy"}, {"name", "description"}),
    "aws_iam_role_policy": ({"role", "policy"}, {"name"}),
    "aws_lambda_permission": ({"action", "function_name", "principal"}, {"statement_id", "source_arn"}),
    "aws_api_gateway_authorizer": (
        {"name", "rest_api_id"},
        {"type", "authorizer_uri", "identity_source", "identity_validation_expression"}
        | {"authorizer_result_ttl_in_seconds"},
    ),
    "aws_api_gateway_gateway_response": (
        {"rest_api_id", "response_type"},
        {"status_code", "response_parameters", "response_templates"},
    ),
    "aws_api_gateway_rest_api": ({"name"}, {"endpoint_configuration"}),
    "aws_api_gateway_rest_api.endpoint_configuration": ({"types"}, set()),
    "aws_api_gateway_resource": ({"rest_api_id", "parent_id", "path_part"}, set()),
    "aws_api_gateway_method": ({"rest_api_id", "resource_id", "http_method", "authorization"}, {"authorizer_id"}),
    "aws_api_gateway_integration": (
        {"rest_api_id", "resource_id", "http_method", "type"},
        {"integration_http_method", "uri"},
    ),
    "aws_api_gateway_deployment": ({"rest_api_id"}, {"triggers"}),
    "aws_api_gateway_stage": ({"rest_api_id", "deployment_id", "stage_name"}, set()),
    "aws_apigatewayv2_api": ({"name", "protocol_type"}, set()),
    "aws_apigatewayv2_authorizer": (
        {"api_id", "authorizer_type", "name"},
        {"authorizer_uri", "authorizer_payload_format_version", "authorizer_result_ttl_in_seconds"}
        | {"enable_simple_responses", "identity_sources", "jwt_configuration"},
    ),
    "aws_apigatewayv2_authorizer.jwt_configuration": (set(), {"issuer", "audience"}),
    "aws_apigatewayv2_integration": (
        {"api_id", "integration_type"},
        {"integration_method", "integration_uri", "payload_format_version"},
    ),
    "aws_apigatewayv2_route": (
        {"api_id", "route_key"},
        {"authorization_scopes", "authorization_type", "authorizer_id", "target"},
    ),
    "aws_apigatewayv2_stage": ({"api_id", "name"}, {"auto_deploy"}),
}
# Parameters of the stack that are called otherwise, since here they are several.
RENAMED = {"ApiId": "api_ids"}

# Variables of the module, and the parameters of the stack that say the same.
SAME: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"issuer": ISSUER, "audience": [AUDIENCE, "urn:b"]}, {"Issuer": ISSUER, "Audience": f"{AUDIENCE} urn:b"}),
    ({"issuer": ISSUER, "audience": ["a"], "jwks": KEYS}, {"Issuer": ISSUER, "Audience": "a", "Jwks": KEYS}),
    (
        {"issuer": ISSUER, "audience": ["a"], "jwks_uri": f"{ISSUER}/k", "revocations_uri": "off"},
        {"Issuer": ISSUER, "Audience": "a", "JwksUri": f"{ISSUER}/k", "RevocationsUri": "off"},
    ),
    (
        {"issuer": ISSUER, "audience": ["a"], "routes": ROUTES, "policy_for": "call", "api_origin": AUDIENCE},
        {"Issuer": ISSUER, "Audience": "a", "Routes": ROUTES, "PolicyFor": "call", "ApiOrigin": AUDIENCE},
    ),
    (
        {"issuer": ISSUER, "audience": ["a"], "routes_layer_arn": LAYER, "http_api_response": "simple"},
        {"Issuer": ISSUER, "Audience": "a", "RoutesLayerArn": LAYER, "HttpApiResponse": "simple"},
    ),
    (
        {"issuer": ISSUER, "audience": ["a"], "invalid_token_result": "deny", "log_level": "ERROR"},
        {"Issuer": ISSUER, "Audience": "a", "InvalidTokenResult": "deny", "LogLevel": "ERROR"},
    ),
    (
        {"issuers": [{"issuer": ISSUER, "audiences": ["a"], "jwks": KEYS}]},
        {"Issuers": json.dumps([{"audiences": ["a"], "issuer": ISSUER, "jwks": json.loads(KEYS)}])},
    ),
    ({}, {}),
    (
        {"issuer": ISSUER, "audience": ["a"], "jwks": KEYS, "jwks_uri": ISSUER},
        {"Issuer": ISSUER, "Audience": "a", "Jwks": KEYS, "JwksUri": ISSUER},
    ),
    (
        {"issuer": ISSUER, "audience": ["a"], "routes": ROUTES, "routes_layer_arn": LAYER},
        {"Issuer": ISSUER, "Audience": "a", "Routes": ROUTES, "RoutesLayerArn": LAYER},
    ),
    ({"issuer": ISSUER}, {"Issuer": ISSUER}),
]
SEVERAL = [{"issuer": ISSUER, "audiences": ["a"]}]


def plain(value: Any) -> Any:
    """Return parsed HCL without the quotes of its names and strings, and without the parser's own members."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items() if not key.startswith("__")}
    return value[1:-1] if isinstance(value, str) and value.startswith('"') else value


def blocks(folder: Path, kind: str) -> Iterator[Any]:
    """Yield every block of a kind, as {label: {...}}."""
    for path in sorted(folder.glob("*.tf")):
        yield from plain(hcl2.loads(path.read_text("utf-8"))).get(kind, [])


def resources(folder: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield type, name and arguments of every resource."""
    for block in blocks(folder, "resource"):
        for kind, named in block.items():
            for name, arguments in named.items():
                yield kind, name, arguments


def said(kind: str, arguments: dict[str, Any]) -> Iterator[tuple[str, set[str]]]:
    """Yield a resource's arguments, and those of each block in it."""
    yield kind, arguments.keys() - META
    for name in arguments.keys() - META:
        if f"{kind}.{name}" in ARGUMENTS:
            yield from ((f"{kind}.{name}", set(block)) for block in arguments[name])


@pytest.mark.parametrize("folder", [MODULE, *EXAMPLES], ids=lambda folder: folder.name)
def test_a_resource_says_what_the_provider_knows_and_needs(folder: Path) -> None:
    """Each argument is one that the resource has, and none that it needs is missing."""
    found = [pair for kind, _, arguments in resources(folder) for pair in said(kind, arguments)]
    assert found
    for kind, names in found:
        needed, more = ARGUMENTS[kind]
        assert needed <= names <= needed | more, kind


def test_every_variable_is_a_parameter_of_the_stack() -> None:
    """The module can be told what the stack can be told, with the same defaults, besides its name and its code."""
    variables = {name: body for block in blocks(MODULE, "variable") for name, body in block.items()}
    parameters = {
        RENAMED.get(name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()): parameter
        for name, parameter in load(AUTHORIZER_TEMPLATE)["Parameters"].items()
    }
    assert variables.keys() == parameters.keys() | {"name", "package"}
    for name, parameter in parameters.items():
        assert (variables[name]["default"] or "") == parameter["Default"], name


def test_the_function_is_that_of_the_stack() -> None:
    """Handler, memory, time and description are those of the stack, and the role may write the log alone."""
    found = {(kind, name): arguments for kind, name, arguments in resources(MODULE)}
    function, stack = found["aws_lambda_function", "authorizer"], Stack(AUTHORIZER_TEMPLATE)
    properties = stack.properties("AuthorizerFunction")
    assert (function["handler"], function["memory_size"], function["timeout"], function["description"]) == (
        properties["Handler"],
        properties["MemorySize"],
        properties["Timeout"],
        properties["Description"],
    )
    assert [kind for kind, _ in found if kind.startswith("aws_iam")] == ["aws_iam_role", "aws_iam_role_policy"]
    policy = found["aws_iam_role_policy", "logs"]["policy"]
    assert re.findall(r"\w+:\w+(?=\")", policy) == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert re.findall(r"Resource *= *(.*?)}\]", policy) == ['"${aws_cloudwatch_log_group.authorizer.arn}:*"']
    permission = found["aws_lambda_permission", "api"]
    assert permission["source_arn"].endswith(":${each.value}/authorizers/*")
    assert permission["principal"] == "apigateway.amazonaws.com"


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_an_example_keeps_a_result_for_a_token_alone(folder: Path) -> None:
    """What is kept is kept by the Authorization header, and for no more than five minutes."""
    found = {(kind, name): arguments for kind, name, arguments in resources(folder)}
    (latchkey,) = [arguments for (kind, name), arguments in found.items() if name == "latchkey"]
    source = latchkey.get("identity_source") or latchkey["identity_sources"]
    assert source in ("method.request.header.Authorization", ["$request.header.Authorization"])
    assert latchkey["authorizer_result_ttl_in_seconds"] == 300


def run(folder: Path, *arguments: str) -> str:
    """Run terraform in a folder, without the user's own settings, and return what it prints; fails where it fails."""
    if TERRAFORM is None:
        pytest.skip("neither terraform nor tofu is installed")
    environ = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1"}
    done = subprocess.run(  # noqa: S603 - fixed commands
        [TERRAFORM, f"-chdir={folder}", *arguments], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture
def calculation(tmp_path: Path) -> Path:
    """Return a folder with the module's variables and what it makes of them, without its resources."""
    for name in ("variables.tf", "environment.tf"):
        shutil.copy(MODULE / name, tmp_path)
    outputs = "\n".join(f'output "{name}" {{ value = local.{name} }}' for name in ("environment", "refusals"))
    (tmp_path / "outputs.tf").write_text(outputs, "utf-8")
    run(tmp_path, "init", "-input=false")
    return tmp_path


@pytest.mark.parametrize(("variables", "parameters"), SAME)
def test_the_module_tells_the_function_what_the_stack_does(
    calculation: Path, variables: dict[str, Any], parameters: dict[str, str]
) -> None:
    """The same variables make the same environment, and what the stack's rules refuse the module refuses too."""
    outputs = calculated(calculation, **variables)
    stack = Stack(AUTHORIZER_TEMPLATE, parameters=parameters)
    assert canonical(outputs["environment"]) == canonical(stack.functions()["AuthorizerFunction"].environment)
    assert [_words(refusal) for refusal in outputs["refusals"]] == [_words(refusal) for refusal in stack.refusals()]


@pytest.mark.parametrize(
    ("variables", "refusal"),
    [
        ({"issuer": ISSUER, "audience": ["a"]}, "issuers excludes issuer. issuers excludes audience."),
        ({"audience": ["a"]}, "issuers excludes audience."),
        ({"jwks_uri": ISSUER}, "issuers excludes jwks_uri."),
        ({"jwks": KEYS}, "issuers excludes jwks."),
        ({"revocations_uri": "off"}, "issuers excludes revocations_uri."),
    ],
)
def test_what_belongs_to_one_issuer_is_refused_beside_several(
    calculation: Path, variables: dict[str, Any], refusal: str
) -> None:
    """Several issuers have what is theirs each for itself."""
    assert " ".join(calculated(calculation, issuers=SEVERAL, **variables)["refusals"]) == refusal


def test_a_scope_map_that_does_not_fit_is_refused(calculation: Path) -> None:
    """Lambda has 4 KB for an environment: more is refused before Lambda is asked."""
    outputs = calculated(calculation, issuer=ISSUER, audience=["a"], routes="x" * 4_000)
    assert outputs["refusals"] == ["The environment is more than 4,096 bytes."]


def test_the_files_are_formatted() -> None:
    """The files are formatted as `terraform fmt` does."""
    assert run(MODULE, "fmt", "-check", "-recursive") == ""


@pytest.mark.parametrize("folder", [MODULE, *EXAMPLES], ids=lambda folder: folder.name)
def test_terraform_accepts_it(tmp_path: Path, folder: Path) -> None:
    """`terraform validate`, with the AWS provider itself, finds nothing to say."""
    if TERRAFORM is not None and not AWS_PROVIDER.is_dir():
        pytest.skip(f"the AWS provider is not in {MIRROR}, and none is downloaded here")
    shutil.copytree(MODULE, tmp_path / "terraform", ignore=shutil.ignore_patterns(".terraform*"))
    copy = tmp_path / "terraform" / folder.relative_to(MODULE)
    run(copy, "init", "-backend=false", "-input=false", f"-plugin-dir={MIRROR}")
    run(copy, "validate")


def calculated(folder: Path, **variables: Any) -> dict[str, Any]:
    """Return what the module makes of its variables."""
    given = {"name": "orders", "package": "authorizer.zip", **variables}
    (folder / "terraform.tfvars.json").write_text(json.dumps(given), "utf-8")
    run(folder, "apply", "-auto-approve", "-input=false")
    return {name: output["value"] for name, output in json.loads(run(folder, "output", "-json")).items()}


def _words(refusal: str) -> str:
    return re.sub("[^a-z]", "", refusal.lower())


def canonical(environment: Any) -> dict[str, Any]:
    """Return an environment with the JSON in it parsed: its members have no order."""
    return {name: json.loads(value) if value[0] in "[{" else value for name, value in environment.items()}
