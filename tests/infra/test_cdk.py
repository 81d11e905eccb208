"""The CDK example, synthesised: what CDK makes of it is what the authorizer needs, and passes the linter.

`npm install --prefix infra/cdk` installs what it needs; without that it is skipped.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import cfnlint.api  # type: ignore[import-untyped] # has no type information
import pytest

from infra.cloudformation import TEMPLATE

APP = TEMPLATE.parent / "cdk"
AUTHORIZER = "arn:aws:lambda:us-east-1:123456789012:function:latchkey-api-authorizer"
URI = f"lambda:path/2015-03-31/functions/{AUTHORIZER}/invocations"
CONTEXT = {
    "authorizerArn": AUTHORIZER,
    "issuer": "https://auth.example.com",
    "audience": "https://api.example.com",
    "backend": "https://backend.example.com/orders",
}

Template = dict[str, Any]


def run(*command: str, **environ: str) -> None:
    """Run a command in the app's folder; fails where it fails."""
    done = subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=APP, env={**os.environ, **environ}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """Return the template that CDK makes of the app; the compiler checks its types first."""
    node, compiler = shutil.which("node"), APP / "node_modules" / ".bin" / "tsc"
    if node is None or not compiler.exists():
        pytest.skip("CDK is not installed: npm install --prefix infra/cdk")
    folder = tmp_path_factory.mktemp("cdk")
    # Node finds CDK from the file that imports it, so the modules have to be beside what was compiled.
    (folder / "node_modules").symlink_to(APP / "node_modules")
    run(str(compiler), "--outDir", str(folder))
    run(node, str(folder / "app.js"), CDK_OUTDIR=str(folder / "out"), CDK_CONTEXT_JSON=json.dumps(CONTEXT))
    made: Template = json.loads((folder / "out" / "AttachedApis.template.json").read_text("utf-8"))
    return made


def of_type(template: Template, kind: str) -> dict[str, Template]:
    """Return the properties of every resource of a type, by its logical id."""
    return {
        name: resource["Properties"] for name, resource in template["Resources"].items() if resource["Type"] == kind
    }


def text(value: Any) -> str:
    """Return a string that CDK has cut up: what CloudFormation fills in stands in braces."""
    if isinstance(value, dict):
        ((name, argument),) = value.items()
        return "".join(map(text, argument[1])) if name == "Fn::Join" else f"{{{argument}}}"
    return str(value)


def permissions(template: Template) -> Iterator[str]:
    """Yield by what each API is let in."""
    for permission in of_type(template, "AWS::Lambda::Permission").values():
        assert (permission["FunctionName"], permission["Action"], permission["Principal"]) == (
            AUTHORIZER,
            "lambda:InvokeFunction",
            "apigateway.amazonaws.com",
        )
        yield text(permission["SourceArn"])


def test_a_rest_api_asks_once_for_each_token(template: Template) -> None:
    """The REST API's authorizer is asked with the Authorization header, and its answer is kept for five minutes."""
    ((name, authorizer),) = of_type(template, "AWS::ApiGateway::Authorizer").items()
    assert (authorizer["Type"], authorizer["AuthorizerResultTtlInSeconds"]) == ("TOKEN", 300)
    assert authorizer["IdentitySource"] == "method.request.header.Authorization"
    assert text(authorizer["AuthorizerUri"]).endswith(URI)
    assert re.search(authorizer["IdentityValidationExpression"], "Bearer abc.def.ghi")
    assert not re.search(authorizer["IdentityValidationExpression"], "Basic abc")
    (method,) = of_type(template, "AWS::ApiGateway::Method").values()
    assert (method["AuthorizationType"], method["AuthorizerId"]) == ("CUSTOM", {"Ref": name})


@pytest.mark.spec("RFC 6750", "3")
def test_the_rest_api_s_refusals_carry_the_challenge(template: Template) -> None:
    """A 401 says how to authenticate, and a 403 that the scope is missing."""
    found = {
        response["ResponseType"]: (
            response["StatusCode"],
            response["ResponseParameters"]["gatewayresponse.header.WWW-Authenticate"],
        )
        for response in of_type(template, "AWS::ApiGateway::GatewayResponse").values()
    }
    assert found == {
        "UNAUTHORIZED": ("401", "'Bearer realm=\"orders\"'"),
        "ACCESS_DENIED": ("403", '\'Bearer realm="orders", error="insufficient_scope"\''),
    }


def test_an_http_api_has_a_route_behind_each_authorizer(template: Template) -> None:
    """One route asks our authorizer, for a policy; the other API Gateway's own, for issuer, audience and scope."""
    by_type = {one["AuthorizerType"]: one for one in of_type(template, "AWS::ApiGatewayV2::Authorizer").values()}
    ours, native = by_type["REQUEST"], by_type["JWT"]
    assert text(ours["AuthorizerUri"]).endswith(URI)
    assert (ours["IdentitySource"], ours["AuthorizerResultTtlInSeconds"]) == (["$request.header.Authorization"], 300)
    assert not ours.get("EnableSimpleResponses", False)
    assert native["JwtConfiguration"] == {"Audience": [CONTEXT["audience"]], "Issuer": CONTEXT["issuer"]}
    routes = {route["RouteKey"]: route for route in of_type(template, "AWS::ApiGatewayV2::Route").values()}
    assert {key: route["AuthorizationType"] for key, route in routes.items()} == {
        "GET /orders": "CUSTOM",
        "GET /status": "JWT",
    }
    assert routes["GET /status"]["AuthorizationScopes"] == ["orders:read"]


def test_each_api_is_let_in_through_its_own_authorizer_alone(template: Template) -> None:
    """CDK lets the two APIs invoke the imported function, each through the one authorizer that it has for it."""
    (rest,), (http,) = of_type(template, "AWS::ApiGateway::RestApi"), of_type(template, "AWS::ApiGatewayV2::Api")
    (token,) = of_type(template, "AWS::ApiGateway::Authorizer")
    (request,) = [
        name
        for name, one in of_type(template, "AWS::ApiGatewayV2::Authorizer").items()
        if one["AuthorizerType"] == "REQUEST"
    ]
    place = "arn:{AWS::Partition}:execute-api:{AWS::Region}:{AWS::AccountId}"
    assert sorted(permissions(template)) == sorted(
        f"{place}:{{{api}}}/authorizers/{{{authorizer}}}" for api, authorizer in ((rest, token), (http, request))
    )


def test_the_linter_finds_nothing(template: Template) -> None:
    """cfn-lint finds nothing in what CDK makes of the app."""
    assert [match.message for match in cfnlint.api.lint(json.dumps(template))] == []


def test_versions_are_pinned_without_a_lock_file() -> None:
    """One version of each package; a lock file would name the registry it came from."""
    package = json.loads((APP / "package.json").read_text("utf-8"))
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())
    assert not (APP / "package-lock.json").exists()
