"""The template and the OpenAPI documents say what the functions do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

import auth_server.app
import auth_server.routes
import infra
import resource_server.app
from auth_server import settings as auth_settings
from auth_server.client_authentication import CHALLENGE
from auth_server.endpoints.registration_endpoint import RegistrationEndpoint
from auth_server.errors import InvalidClientError
from auth_server.people import routes as people_routes
from auth_server.people import settings as people_settings
from auth_server.signing_keys import settings as rotation_settings
from auth_server.vending import endpoint as vending_endpoint
from auth_server.vending import settings as vending_settings
from auth_server.wire import Response, response_to_event
from authorizer import settings as authorizer_settings
from infra.cloudformation import Stack
from infra.local.stack import page_headers
from infra.route_map import compile_routes
from infra.template_yaml import Document, load
from resource_server import settings as resource_settings
from resource_server.wire import COMMON_HEADERS

DOMAINS = {
    "AuthDomainName": "auth.example.com",
    "AuthCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/a",
    "ApiDomainName": "api.example.com",
    "ApiCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/b",
}
URLS = {"IssuerUrl": "https://cdn.example.com/auth", "ApiUrl": "https://cdn.example.com/api"}
STAGE = "https://{}.execute-api.us-east-1.amazonaws.com/prod"

SETTINGS: dict[str, tuple[Any, set[str]]] = {
    # function: its settings, and those that the template leaves at their defaults
    "TokenFunction": (
        auth_settings.SETTINGS,
        {
            "KEY_CACHE_SECONDS",
            "REVOCATION_FEED_SECONDS",
            "ASSERTION_MAX_LIFETIME_SECONDS",
            "FEDERATED_MAX_LIFETIME_SECONDS",
            "DPOP_MAX_AGE_SECONDS",
        },
    ),
    "AuthorizerFunction": (
        authorizer_settings.SETTINGS,
        {
            "JWKS_URI",
            "JWKS",
            "REVOCATIONS_URI",
            "ISSUERS",
            "CLOCK_SKEW_SECONDS",
            "JWKS_CACHE_SECONDS",
            "JWKS_COOLDOWN_SECONDS",
            "JWKS_TIMEOUT_SECONDS",
            "JWKS_MAX_STALE_SECONDS",
            "REVOCATIONS_POLL_SECONDS",
            "REVOCATIONS_MAX_STALE_SECONDS",
            "ROUTES_FILE",
            "POLICY_FOR",
            "HTTP_API_RESPONSE",
            "API_ORIGIN",
            "DPOP_MAX_AGE_SECONDS",
        },
    ),
    "ResourceFunction": (resource_settings.SETTINGS, set()),
    "RotationFunction": (rotation_settings.SETTINGS, {"KEY_LEAD_SECONDS", "KEY_OVERLAP_SECONDS"}),
    "VendingFunction": (
        vending_settings.SETTINGS,
        {"VENDING_SCOPE", "VENDING_LIFETIME_SECONDS", "VENDING_RENEW_SECONDS", "KEY_CACHE_SECONDS"},
    ),
    "PeopleFunction": (
        people_settings.SETTINGS,
        {"VENDING_LIFETIME_SECONDS", "VENDING_RENEW_SECONDS", "KEY_CACHE_SECONDS"},
    ),
}
# What only a deployed distribution would tell.
DISTRIBUTION = {"WebDistribution.DomainName": "d111111abcdef8.cloudfront.net"}
WEB = {
    "WebPage": "on",
    "WebDomainName": "app.example.com",
    "WebCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/c",
}
METHODS = ("get", "post", "put", "patch", "delete")


def gateway_response(document: Document, name: str) -> tuple[str, dict[str, str], str]:
    """Return status, headers and body of a gateway response."""
    response = document["x-amazon-apigateway-gateway-responses"][name]
    headers = {
        key.removeprefix("gatewayresponse.header."): value.strip("'")
        for key, value in response["responseParameters"].items()
    }
    return response.get("statusCode", ""), headers, response["responseTemplates"]["application/json"]


@pytest.mark.parametrize("logical_id", sorted(SETTINGS))
def test_every_variable_is_a_setting_and_every_setting_is_known(logical_id: str) -> None:
    """The template gives a function settings that it has, and leaves none of the others out by mistake."""
    settings, left_alone = SETTINGS[logical_id]
    given = Stack().functions()[logical_id].environment.keys()
    assert {setting.name for setting in settings} - left_alone == given


def test_the_authorizer_has_the_map_of_the_sample_api() -> None:
    """ROUTES is compiled of the document that is deployed beside it: `latchkey routes compile` writes it anew."""
    given = Stack().functions()["AuthorizerFunction"].environment["ROUTES"]
    document = load(Path(infra.__file__).parent / "openapi" / "resource_server.yaml")
    assert json.loads(given) == compile_routes(document).map


def test_the_gate_has_its_settings() -> None:
    """The function before the token endpoint gets its tables and the level, and nothing that it does not need."""
    environment = Stack().functions()["ChallengeFunction"].environment
    assert environment.keys() == {"CLIENTS_TABLE", "STATE_TABLE", "ADDRESS_FAILURES", "LOG_LEVEL"}


@pytest.mark.parametrize(
    "parameters", [{}, DOMAINS, URLS, {"Signer": "data_key"}], ids=["stage", "domain", "given", "data_key"]
)
def test_the_settings_are_accepted(parameters: dict[str, str]) -> None:
    """What the template gives passes the functions' own checks, wherever the stack is reached."""
    functions = Stack(parameters=parameters).functions()
    auth_settings.Settings.from_environ(functions["TokenFunction"].environment)
    auth_settings.GateSettings.from_environ(functions["ChallengeFunction"].environment)
    authorizer_settings.Settings.from_environ(functions["AuthorizerFunction"].environment)
    resource_settings.Settings.from_environ(functions["ResourceFunction"].environment)
    rotation_settings.RotationSettings.from_environ(functions["RotationFunction"].environment)
    vending_settings.VendingSettings.from_environ(functions["VendingFunction"].environment)
    people_settings.PeopleSettings.from_environ(functions["PeopleFunction"].environment)


@pytest.mark.parametrize(
    ("parameters", "issuer", "api"),
    [
        ({}, STAGE.format("latchkey-AuthApi"), STAGE.format("latchkey-ResourceApi")),
        (DOMAINS, "https://auth.example.com", "https://api.example.com"),
        ({**DOMAINS, **URLS}, URLS["IssuerUrl"], URLS["ApiUrl"]),
    ],
    ids=["stage", "domain", "given"],
)
def test_all_functions_agree_about_issuer_and_audience(parameters: dict[str, str], issuer: str, api: str) -> None:
    """The issuer is the same everywhere, and so is the API: a URL that is given, else the domain, else the stage."""
    targets = {"AuthDomain.RegionalDomainName": "d-1", "ApiDomain.RegionalDomainName": "d-2"}
    stack = Stack(parameters=parameters, attributes=targets)
    environments = {name: function.environment for name, function in stack.functions().items()}
    issuers = {environment["ISSUER"] for environment in environments.values() if "ISSUER" in environment}
    apis = {
        *(environments[name]["VENDING_AUDIENCE"] for name in ("VendingFunction", "PeopleFunction")),
        environments["TokenFunction"]["AUDIENCE"],
        environments["AuthorizerFunction"]["AUDIENCE"],
        environments["ResourceFunction"]["RESOURCE"],
    }
    outputs = stack.outputs()
    assert (issuers, apis) == ({issuer}, {api})
    assert (outputs["Issuer"], outputs["TokenEndpoint"], outputs["ApiUrl"]) == (issuer, f"{issuer}/oauth/token", api)


@pytest.mark.spec("RFC 6749", "5.2")
def test_the_gate_answers_as_the_token_endpoint_does() -> None:
    """The 401 of the gateway is, byte for byte, the token endpoint's own: who asks cannot tell them apart."""
    error = InvalidClientError(reason="any")
    body = {"error": error.error, "error_description": error.description}
    own = response_to_event(Response(error.status, body, {**auth_server.app.NO_STORE, "WWW-Authenticate": CHALLENGE}))
    status, headers, text = gateway_response(Stack().api("AuthApi"), "UNAUTHORIZED")
    assert (status, {"Content-Type": "application/json", **headers}, text) == (
        str(own["statusCode"]),
        own["headers"],
        own["body"],
    )


@pytest.mark.parametrize(
    ("parameters", "metadata"),
    [
        ({}, ""),
        (DOMAINS, ', resource_metadata="https://api.example.com/.well-known/oauth-protected-resource"'),
        (URLS, ', resource_metadata="https://cdn.example.com/api/.well-known/oauth-protected-resource"'),
    ],
    ids=["stage", "domain", "given"],
)
@pytest.mark.spec("RFC 9728", "5.1")
def test_a_challenge_says_where_to_get_a_token(parameters: dict[str, str], metadata: str) -> None:
    """401 and 403 of the sample API name its scopes, and its metadata wherever the API's own address is known."""
    document = Stack(parameters=parameters).api("ResourceApi")
    scope = 'scope="messages:write products:read products:write"'
    status, headers, _ = gateway_response(document, "UNAUTHORIZED")
    assert (status, headers["WWW-Authenticate"]) == ("401", f'Bearer realm="api", {scope}{metadata}')
    status, headers, _ = gateway_response(document, "ACCESS_DENIED")
    challenge = f'Bearer realm="api", error="insufficient_scope", {scope}{metadata}'
    assert (status, headers["WWW-Authenticate"]) == ("403", challenge)


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize(("result", "error"), [("unauthorized", "insufficient_scope"), ("deny", "invalid_token")])
def test_a_denial_names_its_cause(result: str, error: str) -> None:
    """A 403 of the gateway is about scopes, unless invalid tokens are denied: then it says that."""
    document = Stack(parameters={"InvalidTokenResult": result}).api("ResourceApi")
    status, headers, text = gateway_response(document, "ACCESS_DENIED")
    assert (status, json.loads(text)["error"]) == ("403", error)
    assert f'error="{error}"' in headers["WWW-Authenticate"]


@pytest.mark.parametrize("api", ["AuthApi", "ResourceApi"])
def test_every_gateway_response_is_an_error_document(api: str) -> None:
    """Whatever the gateway answers itself is a JSON document with an error, and not to be kept."""
    document = Stack().api(api)
    for name, response in document["x-amazon-apigateway-gateway-responses"].items():
        text = response["responseTemplates"]["application/json"].replace("$context.error.messageString", '"x"')
        assert {"error", "error_description"} <= json.loads(text).keys() <= {"error", "error_description", "scope"}, (
            name
        )
        assert response["responseParameters"]["gatewayresponse.header.Cache-Control"] == "'no-store'", name
        if response.get("statusCode") in ("429", "503"):
            assert response["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'", name


def test_gateway_and_function_allow_the_same_origins() -> None:
    """The CORS headers of the gateway are those of the sample API's function."""
    document = Stack().api("ResourceApi")
    for name in document["x-amazon-apigateway-gateway-responses"]:
        _, headers, _ = gateway_response(document, name)
        assert COMMON_HEADERS.items() <= {**headers, "Content-Type": "application/json"}.items()


def test_the_document_of_the_authorization_server_has_its_routes() -> None:
    """The paths of the document are the routes of its functions, each with its methods and a way to a 405."""
    paths = Stack().api("AuthApi")["paths"]
    registration: Any = None  # where clients are written makes no difference to the routes
    routes: dict[str, Any] = {
        **auth_server.routes.ROUTES,
        **RegistrationEndpoint(registration).routes(),
        **{path.removeprefix("*"): route for path, route in vending_endpoint.ROUTES.items()},
        **people_routes.ROUTES,
    }
    assert {re.sub(r"{\w+}", "{}", path) for path in paths} == routes.keys()
    for path, item in paths.items():
        _, endpoints = routes[re.sub(r"{\w+}", "{}", path)]
        described = {name.upper() for name in METHODS if name in item}
        assert described, path
        assert described <= endpoints.keys(), path  # what is not described reaches the function as any method
        assert "x-amazon-apigateway-any-method" in item


def test_the_gate_stands_where_clients_authenticate_and_nowhere_else() -> None:
    """Only these POSTs pass the gate: the documents are public, and a 405 needs nobody's credentials."""
    paths = Stack().api("AuthApi")["paths"]
    operations = [(path, name) for path, item in paths.items() for name in item if name.startswith(("x-", *METHODS))]
    guarded = [(path, name) for path, name in operations if paths[path][name].get("security")]
    assert guarded == [("/oauth/token", "post"), ("/oauth/introspect", "post"), ("/oauth/revoke", "post")]


def test_the_document_of_the_sample_api_has_its_routes_and_scopes() -> None:
    """The operations of the document, and the scopes that they say they need, are those of the app's route table."""
    paths = Stack().api("ResourceApi")["paths"]
    described = {
        (name.upper(), path, scope)
        for path, item in paths.items()
        for name in METHODS
        if name in item
        for scope in item[name].get("x-latchkey-scopes", [None])
    }
    assert described == {(route.method, route.template, route.scope) for route in resource_server.app.ROUTES}


def test_every_path_of_pages_and_people_goes_to_its_function_whatever_the_method() -> None:
    """These paths answer preflight requests themselves, without a token: they alone know the configured origins."""
    paths = Stack().api("AuthApi")["paths"]
    functions = {"/tokens": "vending", "/signup": "people", "/login": "people", "/logout": "people"}
    assert {path for path, item in paths.items() if "options" in item} == functions.keys()
    for path, function in functions.items():
        for method in {"options", "x-amazon-apigateway-any-method", *METHODS} & paths[path].keys():
            operation = paths[path][method]
            assert f":function:latchkey-{function}/" in operation["x-amazon-apigateway-integration"]["uri"], path
            assert "security" not in operation, path


@pytest.mark.parametrize(
    ("parameters", "origins"),
    [
        ({}, []),
        ({"WebPage": "on"}, ["https://d111111abcdef8.cloudfront.net"]),
        (WEB, ["https://app.example.com"]),
        (
            {**WEB, "CorsOrigins": "https://b.example https://c.example"},
            ["https://app.example.com", "https://b.example", "https://c.example"],
        ),
        ({"CorsOrigins": "http://127.0.0.1:3000"}, ["http://127.0.0.1:3000"]),
    ],
)
def test_the_page_and_the_configured_origins_read_the_answers_and_no_other(
    parameters: dict[str, str], origins: list[str]
) -> None:
    """Who may call across origins is the page of the sample, where there is one, and what a parameter names."""
    functions = Stack(parameters=parameters, attributes=DISTRIBUTION).functions()
    for name, read in (
        ("VendingFunction", vending_settings.VendingSettings),
        ("PeopleFunction", people_settings.PeopleSettings),
    ):
        assert list(read.from_environ(functions[name].environment).cors_origins) == origins


def test_the_client_that_vends_may_have_what_the_groups_give() -> None:
    """The command in the outputs makes a client without credentials, whose scopes are those of all groups."""
    stack = Stack()
    command = stack.outputs()["VendingCommand"]
    given = json.loads(stack.functions()["VendingFunction"].environment["GROUP_SCOPES"])
    assert " clients create browser --auth-method none " in command
    scopes = re.search('--scope "([^"]+)"', command)
    assert scopes is not None
    assert set(scopes[1].split()) == {scope for names in given.values() for scope in names.split()}
    assert f"--audience {stack.outputs()['ApiUrl']}" in command


@pytest.mark.parametrize("parameters", [{}, DOMAINS, URLS], ids=["stage", "domain", "given"])
def test_the_page_runs_its_own_files_and_calls_its_own_apis(parameters: dict[str, str]) -> None:
    """The policy of the page names issuer and API, each with all below it, and else nothing but the page itself."""
    targets = {"AuthDomain.RegionalDomainName": "d-1", "ApiDomain.RegionalDomainName": "d-2"}
    stack = Stack(parameters={"WebPage": "on", **parameters}, attributes={**DISTRIBUTION, **targets})
    policy = page_headers(stack)["Content-Security-Policy"]
    directives = {name: sources for name, *sources in (each.split() for each in policy.split(";"))}
    outputs = stack.outputs()
    assert directives == {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'"],
        "connect-src": ["'self'", f"{outputs['Issuer']}/", f"{outputs['ApiUrl']}/"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
        "frame-ancestors": ["'none'"],
        "require-trusted-types-for": ["'script'"],
        "trusted-types": ["'none'"],
    }


def test_no_header_of_the_page_can_be_replaced_by_its_origin() -> None:
    """What the bucket says of an object does not stand before what the policy says of the page."""
    config = Stack(parameters={"WebPage": "on"}).properties("WebHeaders")["ResponseHeadersPolicyConfig"]
    headers = [*config["SecurityHeadersConfig"].values(), *config["CustomHeadersConfig"]["Items"]]
    assert len(headers) == 8
    assert all(header["Override"] for header in headers)


def test_the_bucket_of_the_page_is_the_distributions_alone() -> None:
    """No access is public, and the one that is granted is CloudFront's, for this distribution, to read."""
    attributes = {"WebDistribution": "E1", "WebBucket": "b", "WebBucket.Arn": "arn:aws:s3:::b"}
    stack = Stack(parameters={"WebPage": "on"}, attributes=attributes)
    assert set(stack.properties("WebBucket")["PublicAccessBlockConfiguration"].values()) == {True}
    granted = [
        one for one in stack.properties("WebBucketPolicy")["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"
    ]
    assert [(one["Principal"], one["Action"], one["Resource"]) for one in granted] == [
        ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject", "arn:aws:s3:::b/*")
    ]
    assert granted[0]["Condition"] == {
        "StringEquals": {"AWS:SourceArn": "arn:aws:cloudfront::123456789012:distribution/E1"}
    }


def test_there_is_no_page_unless_it_is_asked_for() -> None:
    """Bucket and distribution are made where the parameter says so; a domain of their own needs a certificate."""
    assert not [name for name in Stack().resources() if name.startswith("Web")]
    assert Stack(parameters={"WebPage": "on", "WebDomainName": "app.example.com"}).refusals() == [
        "WebDomainName needs WebCertificateArn."
    ]
    assert Stack(parameters=WEB).refusals() == []


def test_a_preflight_allows_what_the_path_has() -> None:
    """OPTIONS, without a token, allows exactly the methods that the path has."""
    for path, item in Stack().api("ResourceApi")["paths"].items():
        (response,) = item["options"]["x-amazon-apigateway-integration"]["responses"].values()
        allowed = response["responseParameters"]["method.response.header.Access-Control-Allow-Methods"].strip("'")
        assert allowed.split(", ") == [name.upper() for name in METHODS if name in item], path
        assert "security" not in item["options"]


def test_a_bearer_token_passes_the_identity_source() -> None:
    """A Bearer token, its scheme in any case (RFC 9110 11.1), is for the authorizer to judge; the rest is refused."""
    authorizer = Stack().api("ResourceApi")["components"]["securitySchemes"]["accessToken"]
    expression = authorizer["x-amazon-apigateway-authorizer"]["identityValidationExpression"]
    for good in ("Bearer abc.def.ghi", "bearer abc", "BEARER  a-b_c~d+e/f=="):
        assert re.search(expression, good)
    for bad in ("", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "XBearer abc", "Bearer a, Bearer b"):
        assert not re.search(expression, bad)
