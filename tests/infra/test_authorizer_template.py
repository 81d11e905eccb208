"""The authorizer's own template gives it what its parameters say, and lets in whom they name."""

import json
import re
import subprocess
import tomllib
from contextlib import nullcontext

import pytest

from authorizer import settings
from authorizer.errors import SettingsError
from infra.cloudformation import AUTHORIZER_TEMPLATE, Stack
from infra.template_yaml import load
from tests.authorizer.issuer import jwks

ISSUER, AUDIENCE = "https://auth.example.com/prod", "https://api.example.com"
ONE = {"Issuer": ISSUER, "Audience": AUDIENCE}
SEVERAL = {"Issuers": json.dumps([{"issuer": ISSUER, "audiences": [AUDIENCE]}])}
LAYER = "arn:aws:lambda:us-east-1:123456789012:layer:routes:1"
ROUTES = json.dumps({"latchkey_routes": 1, "groups": [], "closed": {"routes": [], "deny": []}})
KEYS = jwks().decode()

# Parameter: a value, and what it makes of the environment besides what is always there.
VARIABLES: dict[str, tuple[str, dict[str, str]]] = {
    "Issuer": (ISSUER, {"ISSUER": ISSUER}),
    "Audience": ("https://a.example.com urn:b", {"AUDIENCE": "https://a.example.com urn:b"}),
    "JwksUri": (f"{ISSUER}/keys", {"JWKS_URI": f"{ISSUER}/keys"}),
    "Jwks": (KEYS, {"JWKS": KEYS}),
    "RevocationsUri": ("off", {"REVOCATIONS_URI": "off"}),
    "Issuers": (SEVERAL["Issuers"], {"ISSUERS": SEVERAL["Issuers"]}),
    "Routes": (ROUTES, {"ROUTES": ROUTES}),
    "RoutesLayerArn": (LAYER, {"ROUTES_FILE": "/opt/routes.json"}),
    "PolicyFor": ("call", {"POLICY_FOR": "call"}),
    "HttpApiResponse": ("simple", {"HTTP_API_RESPONSE": "simple"}),
    "InvalidTokenResult": ("deny", {"INVALID_TOKEN_RESULT": "deny"}),
    "ApiOrigin": ("https://api.example.com", {"API_ORIGIN": "https://api.example.com"}),
    "LogLevel": ("WARNING", {"LOG_LEVEL": "WARNING"}),
}
ALWAYS = {
    "POLICY_FOR": "stage",
    "HTTP_API_RESPONSE": "policy",
    "INVALID_TOKEN_RESULT": "unauthorized",
    "LOG_LEVEL": "INFO",
}
LEFT_ALONE = {
    "CLOCK_SKEW_SECONDS",
    "DPOP_MAX_AGE_SECONDS",
    "JWKS_CACHE_SECONDS",
    "JWKS_COOLDOWN_SECONDS",
    "JWKS_TIMEOUT_SECONDS",
    "JWKS_MAX_STALE_SECONDS",
    "REVOCATIONS_POLL_SECONDS",
    "REVOCATIONS_MAX_STALE_SECONDS",
}


def stack(**parameters: str) -> Stack:
    """Return the stack with these parameters."""
    return Stack(AUTHORIZER_TEMPLATE, parameters=parameters)


def environment(**parameters: str) -> dict[str, str]:
    """Return the function's environment."""
    return dict(stack(**parameters).functions()["AuthorizerFunction"].environment)


def test_every_variable_is_a_setting_and_every_setting_is_known() -> None:
    """The template can set every setting of the authorizer, but those that are left at their defaults."""
    given = {name for _, variables in VARIABLES.values() for name in variables}
    assert given | LEFT_ALONE == {setting.name for setting in settings.SETTINGS}
    assert not given & LEFT_ALONE


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_parameter_is_a_variable_and_an_empty_one_is_none(name: str) -> None:
    """A parameter sets its variable; where it is empty, there is no variable at all."""
    value, variables = VARIABLES[name]
    assert environment() == ALWAYS
    assert environment(**{name: value}) == {**ALWAYS, **variables}


@pytest.mark.parametrize("parameters", [ONE, SEVERAL, {**ONE, "RevocationsUri": "off", "Routes": ROUTES}])
def test_what_the_rules_let_through_the_function_accepts(parameters: dict[str, str]) -> None:
    """The environment of a stack that CloudFormation would make passes the function's own checks."""
    assert stack(**parameters).refusals() == []
    settings.Settings.from_environ(environment(**parameters))


@pytest.mark.parametrize(
    ("parameters", "refusal"),
    [
        ({}, "Issuer with Audience, or Issuers, is needed."),
        ({"Issuer": ISSUER}, "Issuer needs Audience."),
        ({**SEVERAL, "Audience": AUDIENCE}, "Issuers excludes Audience; each issuer has its own audiences."),
        ({**SEVERAL, "JwksUri": ISSUER}, "Issuers excludes JwksUri; each issuer has its own jwks_uri."),
        ({**SEVERAL, "Jwks": KEYS}, "Issuers excludes Jwks; each issuer has its own jwks."),
        (
            {**SEVERAL, "RevocationsUri": "off"},
            "Issuers excludes RevocationsUri; each issuer has its own revocations_uri.",
        ),
        ({**ONE, "Jwks": KEYS, "JwksUri": ISSUER}, "Jwks and JwksUri exclude each other."),
        ({**ONE, "Routes": ROUTES, "RoutesLayerArn": LAYER}, "Routes and RoutesLayerArn exclude each other."),
    ],
)
def test_what_the_function_would_refuse_is_refused_before(parameters: dict[str, str], refusal: str) -> None:
    """Parameters that exclude or need each other are refused by CloudFormation, which says why."""
    assert stack(**parameters).refusals() == [refusal]
    with pytest.raises(SettingsError):
        settings.Settings.from_environ(environment(**parameters))


@pytest.mark.parametrize("parameter", ["Issuer", "ApiOrigin"])
@pytest.mark.parametrize(
    ("value", "accepted"),
    [(ISSUER, True), (f"{ISSUER}/", False), (f"{ISSUER}?x", False), ("auth.example.com", False)],
)
def test_a_url_that_the_function_would_refuse_is_refused_before(*, parameter: str, value: str, accepted: bool) -> None:
    """What CloudFormation lets through as an issuer or an origin, the function takes, and nothing else."""
    pattern = load(AUTHORIZER_TEMPLATE)["Parameters"][parameter]["AllowedPattern"]
    assert (re.fullmatch(pattern, value) is not None) is accepted
    with nullcontext() if accepted else pytest.raises(SettingsError):
        settings.Settings.from_environ(environment(**{**ONE, parameter: value}))


def test_issuer_and_issuers_exclude_each_other() -> None:
    """Either one issuer or several: an issuer beside the several is refused, with what belongs to it."""
    assert stack(**SEVERAL, **ONE).refusals() == [
        "Issuers excludes Issuer.",
        "Issuers excludes Audience; each issuer has its own audiences.",
    ]


def test_no_api_is_let_in_unless_it_is_named() -> None:
    """By default the stack lets no API invoke the function: the API's own stack does."""
    assert "AuthorizerPermission" not in stack(**ONE).resources()


@pytest.mark.parametrize("api", ["a1b2c3d4e5", "*"])
def test_a_named_api_is_let_in_through_its_authorizers_alone(api: str) -> None:
    """Who is let in is an API of this account and Region, or each of them, and only with an authorizer of its own."""
    permission = stack(**ONE, ApiId=api).properties("AuthorizerPermission")
    assert "AuthorizerPermission" in stack(**ONE, ApiId=api).resources()
    assert permission == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "latchkey-authorizer",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": f"arn:aws:execute-api:us-east-1:123456789012:{api}/authorizers/*",
    }


def test_the_layer_with_the_scope_map_is_attached() -> None:
    """A layer is attached where there is one, and the scope map is read from it."""
    assert "Layers" not in stack(**ONE).properties("AuthorizerFunction")
    assert stack(**ONE, RoutesLayerArn=LAYER).properties("AuthorizerFunction")["Layers"] == [LAYER]


def test_the_outputs_are_what_an_api_has_to_name() -> None:
    """The outputs name the function for SAM and for OpenAPI, and say the commands that come next."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:latchkey-authorizer"
    outputs = stack(**ONE).outputs()
    assert outputs["AuthorizerArn"] == arn
    assert outputs["AuthorizerUri"] == (
        f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    )
    assert "--function-name latchkey-authorizer --statement-id API_ID" in outputs["LetAnApiIn"]
    assert outputs["ReadTheLog"] == "aws logs tail /aws/lambda/latchkey-authorizer --region us-east-1 --follow"


def test_the_authorizer_is_deployed_beside_everything_and_never_over_it() -> None:
    """`make deploy STACK=authorizer` builds into a folder, and deploys into a stack, that the whole does not use."""
    config = tomllib.loads((AUTHORIZER_TEMPLATE.parent / "samconfig.toml").read_text("utf-8"))
    alone, together = config["authorizer"], config["default"]
    assert alone["build"]["parameters"]["template_file"] == AUTHORIZER_TEMPLATE.name
    built = alone["build"]["parameters"]["build_dir"]
    assert alone["deploy"]["parameters"]["template_file"] == f"{built}/template.yaml"
    assert built != ".aws-sam/build"
    assert alone["deploy"]["parameters"]["stack_name"] != together["deploy"]["parameters"]["stack_name"]
    assert {**alone["deploy"]["parameters"], **together["deploy"]["parameters"]} == {
        "template_file": f"{built}/template.yaml",
        **together["deploy"]["parameters"],
    }


STACKS = ("default", "authorizer", "token-vending", "token-client")


@pytest.mark.parametrize(("name", "status"), [*((name, 0) for name in STACKS), ("orders", 2)])
def test_what_is_deployed_is_never_guessed(name: str, status: int) -> None:
    """SAM takes a configuration that it does not know for the default: somebody's `orders` would be the whole of it."""
    make = ("make", "--dry-run", "deploy", f"STACK={name}")
    done = subprocess.run(make, cwd=AUTHORIZER_TEMPLATE.parent.parent, capture_output=True, text=True, check=False)  # noqa: S603 - fixed
    config = tomllib.loads((AUTHORIZER_TEMPLATE.parent / "samconfig.toml").read_text("utf-8"))
    assert config.keys() - {"version"} == set(STACKS)
    assert (done.returncode, f"STACK is one of: {' '.join(STACKS)};" in done.stderr) == (status, status != 0)


def test_the_authorizer_is_the_same_in_both_templates() -> None:
    """Alone or with everything, it is the same function: its code, size, time, processor and role."""
    alone, together = (functions["AuthorizerFunction"] for functions in (stack().functions(), Stack().functions()))
    for name in ("handler", "timeout", "memory", "runtime", "architecture"):
        assert getattr(alone, name) == getattr(together, name), name
    assert stack().properties("AuthorizerRole") == Stack().properties("AuthorizerRole")
