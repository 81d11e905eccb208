"""The whole path over real HTTP: the template's APIs, functions, tables and key, as `latchkey local` runs them."""

import base64
import errno
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
import pytest

from auth_server import access_token
from auth_server.access_token import Grant
from auth_server.aws.kms import KmsKeySource
from infra import cloudformation
from infra.local.gateway import Gateway
from infra.local.gateway.server import serving
from infra.local.lambda_runtime import load_function
from infra.local.stack import page_headers
from tests.authorizer import issuer as token_issuer
from tests.authorizer import jwks_server
from tests.conftest import running_stack

Stack = dict[str, Any]
FORM = {"grant_type": "client_credentials"}
LOCAL = [sys.executable, "-m", "latchkey", "local"]


def aws(stack: Stack, service: str) -> Any:
    """Give a boto3 client of the stack's AWS endpoint."""
    return boto3.client(service, endpoint_url=stack["aws_endpoint_url"], region_name=stack["region"])  # type: ignore[call-overload] # the stubs want a literal name


def credentials(stack: Stack) -> tuple[str, str]:
    """Give the demo client's id and secret."""
    return stack["client_id"], stack["client_secret"]


def ask(stack: Stack, **parameters: str) -> httpx.Response:
    """Ask for a token with Basic."""
    return httpx.post(f"{stack['issuer']}/oauth/token", data={**FORM, **parameters}, auth=credentials(stack))


def products(stack: Stack, authorization: str | None) -> httpx.Response:
    """Ask for the products with this Authorization header."""
    headers = {"Authorization": authorization} if authorization else {}
    return httpx.get(f"{stack['api']}/products", headers=headers)


def signed(stack: Stack, *, now: float, lifetime: int = 3600) -> str:
    """Sign a token with the stack's own key at another time."""
    key = KmsKeySource(aws(stack, "kms"), "alias/latchkey").load()
    grant = Grant("demo", ("products:read",), (stack["audience"],), lifetime)
    return access_token.mint(grant, issuer=stack["issuer"], key=key, now=int(now)).value


def test_the_announcement_is_what_others_rely_on(local_stack: Stack) -> None:
    """`latchkey local --json` prints these members, and no other."""
    assert set(local_stack) == {
        "issuer",
        "api",
        "web",
        "aws_endpoint_url",
        "region",
        "client_id",
        "client_secret",
        "scope",
        "audience",
        "authorizer_cache_ttl_s",
    }
    assert local_stack["scope"] == "products:read products:write messages:write"
    assert local_stack["audience"] == local_stack["api"]


def test_a_token_opens_the_api(local_stack: Stack) -> None:
    """By Basic and by body parameters, a token is issued that the API accepts; without one it is 401."""
    client_id, secret = credentials(local_stack)
    by_body = {**FORM, "client_id": client_id, "client_secret": secret}
    for answer in (ask(local_stack), httpx.post(f"{local_stack['issuer']}/oauth/token", data=by_body)):
        assert answer.status_code == 200
        assert products(local_stack, f"Bearer {answer.json()['access_token']}").status_code == 200
    assert products(local_stack, None).status_code == 401


@pytest.mark.spec("RFC 6749", "5.2")
def test_a_challenge_leaves_the_gateway_under_its_own_name(local_stack: Stack) -> None:
    """A client that used the Authorization header is challenged by WWW-Authenticate, not by a renamed header."""
    url = f"{local_stack['issuer']}/oauth/token"
    answer = httpx.post(url, data=FORM, auth=("demo", "wrong"))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Basic realm="oauth", charset="UTF-8"'
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == {"error": "invalid_client", "error_description": "Client authentication failed."}
    without_header = httpx.post(url, data={**FORM, "client_id": "demo", "client_secret": "wrong"})
    assert without_header.status_code == 401
    assert without_header.json() == answer.json()


@pytest.mark.spec("RFC 6750", "3")
@pytest.mark.parametrize(
    "authorization",
    [None, "Bearer", "Bearer a b", "Basic ZGVtbzpk", "Bearer not-a-token", "Bearer a.b.c", "bearer"],
)
def test_a_bad_token_is_challenged(local_stack: Stack, authorization: str | None) -> None:
    """No token, or one that is no good: 401 with a Bearer challenge, readable by a page of any origin."""
    answer = products(local_stack, authorization)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    assert "/.well-known/oauth-protected-resource" in answer.headers["WWW-Authenticate"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_an_expired_and_an_early_token_are_401(local_stack: Stack) -> None:
    """A token of the right key, out of its time, is refused."""
    assert products(local_stack, f"Bearer {signed(local_stack, now=time.time())}").status_code == 200
    for now in (time.time() - 7200, time.time() + 7200):
        assert products(local_stack, f"Bearer {signed(local_stack, now=now)}").status_code == 401


@pytest.mark.spec("RFC 6750", "3.1")
def test_a_token_without_the_scope_is_403(local_stack: Stack) -> None:
    """A good token that lacks the scope is insufficient_scope, and header and body name the API's scopes."""
    token = ask(local_stack, scope="products:read").json()["access_token"]
    answer = httpx.post(
        f"{local_stack['api']}/products",
        json={"name": "Mug", "price": "8.00"},
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.status_code == 403
    assert (answer.json()["error"], answer.json()["scope"]) == (
        "insufficient_scope",
        "messages:write products:read products:write",
    )
    assert (
        'error="insufficient_scope", scope="messages:write products:read products:write"'
        in answer.headers["WWW-Authenticate"]
    )


def test_a_cached_allow_serves_every_route(local_stack: Stack) -> None:
    """The authorizer's result is cached for the token; the next route is allowed by it as the first was."""
    headers = {"Authorization": f"Bearer {ask(local_stack).json()['access_token']}"}
    made = httpx.post(f"{local_stack['api']}/products", json={"name": "Mug", "price": "8.00"}, headers=headers)
    assert made.status_code == 201
    assert httpx.get(made.headers["Location"], headers=headers).json()["created_by"] == "demo"


@pytest.mark.parametrize("path", ["/oauth/nothing", "/oauth", "/tokens/nothing", "/products"])
def test_an_unknown_path_of_the_issuer_is_404_in_json(local_stack: Stack, path: str) -> None:
    """What is not there is answered in JSON, and not as API Gateway would by itself."""
    answer = httpx.get(local_stack["issuer"] + path)
    assert (answer.status_code, answer.json()["error"]) == (404, "not_found")


def test_the_page_of_the_sample_comes_with_the_headers_of_the_template(local_stack: Stack) -> None:
    """The page, its files and its config.json are served as the distribution would; an unknown name is 404."""
    parameters = {"IssuerUrl": local_stack["issuer"], "ApiUrl": local_stack["api"], "WebPage": "on"}
    expected = page_headers(cloudformation.Stack(parameters=parameters))
    for path, status in (("/", 200), ("/app.js", 200), ("/config.json", 200), ("/nothing", 404)):
        answer = httpx.get(local_stack["web"] + path)
        assert answer.status_code == status
        kept = {name: value for name, value in expected.items() if name != "Cache-Control"}
        assert kept.items() <= {name: answer.headers.get(name) for name in kept}.items()
    assert httpx.get(local_stack["web"] + "/config.json").json() == {
        "issuer": local_stack["issuer"],
        "api": local_stack["api"],
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(local_stack: Stack, method: str) -> None:
    """The gateway hands every method of the token endpoint on, so that the answer is 405 with Allow."""
    answer = httpx.request(method, f"{local_stack['issuer']}/oauth/token")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_bytes_that_are_no_utf_8_reach_the_token_endpoint(local_stack: Stack) -> None:
    """The gateway hands the form over byte by byte: what is not UTF-8 is refused and not replaced."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = b"grant_type=client_credentials&scope=\xff"
    answer = httpx.post(f"{local_stack['issuer']}/oauth/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_no_metadata_is_taken_from_the_host_header(local_stack: Stack) -> None:
    """Whatever the Host header says, the documents name the configured issuer and resource."""
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    for path in ("/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"):
        assert httpx.get(local_stack["issuer"] + path, headers=headers).json()["issuer"] == local_stack["issuer"]
    resource = httpx.get(f"{local_stack['api']}/.well-known/oauth-protected-resource", headers=headers).json()
    assert resource["resource"] == local_stack["api"]
    assert resource["authorization_servers"] == [local_stack["issuer"]]


def payload(token: str) -> dict[str, Any]:
    """Give a token's claims, unverified."""
    segment = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    return claims


def test_sixteen_clients_at_once_get_tokens_of_their_own(local_stack: Stack) -> None:
    """Parallel requests do not disturb each other."""
    with ThreadPoolExecutor(16) as pool:
        tokens = [answer.json()["access_token"] for answer in pool.map(lambda _: ask(local_stack), range(64))]
    assert len({payload(token)["jti"] for token in tokens}) == 64


@pytest.fixture(scope="module")
def own_stack() -> Iterator[Stack]:
    """Give a stack that this module may break."""
    with running_stack() as announcement:
        yield announcement


def test_a_client_that_is_deleted_gets_nothing_more(own_stack: Stack) -> None:
    """The next request after a change of the table sees it."""
    dynamodb = aws(own_stack, "dynamodb")
    key = {"client_id": {"S": "demo"}}
    item = dynamodb.get_item(TableName="latchkey-clients", Key=key)["Item"]
    dynamodb.delete_item(TableName="latchkey-clients", Key=key)
    assert ask(own_stack).status_code == 401
    dynamodb.put_item(TableName="latchkey-clients", Item=item)
    assert ask(own_stack).status_code == 200


def test_a_port_in_use_is_one_clear_line(local_stack: Stack) -> None:
    """A second instance on the same ports says which port, and exits with a status that is not 0."""
    port = local_stack["issuer"].rpartition(":")[2]
    command = [*LOCAL, "--issuer-port", port, "--api-port", "0", "--aws-port", "0", "--web-port", "0"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own arguments
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}: {os.strerror(errno.EADDRINUSE)};" in result.stderr
    assert result.stderr.count(port) == 1
    assert 'make run ARGS="--issuer-port 0"' in result.stderr


@pytest.mark.parametrize("option", ["issuer", "api", "aws", "web"])
def test_every_port_in_use_has_its_option_named(option: str) -> None:
    """Whichever port it is: the line names the option that moves it, and nothing is left running."""
    ports = {"issuer": "0", "api": "0", "aws": "0", "web": "0"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports[option] = str(taken.getsockname()[1])
        command = [*LOCAL, *(word for name, port in ports.items() for word in (f"--{name}-port", port))]
        result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own arguments
    assert (result.returncode, result.stdout) == (1, "")
    assert f"--{option}-port" in result.stderr


@pytest.mark.parametrize(
    ("host", "written"), [("127.0.0.2", "127.0.0.2"), ("::1", "[::1]"), ("localhost", "127.0.0.1")]
)
def test_every_loopback_address_serves(host: str, written: str) -> None:
    """--host moves every address, a URL has an IPv6 address in brackets, and the API can be called there."""
    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with running_stack("--host", host) as stack:
        for name in ("issuer", "api", "web", "aws_endpoint_url"):
            assert stack[name].startswith(f"http://{written}:")
        assert products(stack, f"Bearer {ask(stack).json()['access_token']}").status_code == 200
        assert aws(stack, "dynamodb").list_tables()["TableNames"]


def test_clients_find_the_table_to_share_tokens_in(local_stack: Stack) -> None:
    """It has the name that everybody writes, the key of the template, and its items end by themselves."""
    dynamodb = aws(local_stack, "dynamodb")
    assert dynamodb.describe_table(TableName="token-cache")["Table"]["KeySchema"] == [
        {"AttributeName": "id", "KeyType": "HASH"}
    ]
    ttl = dynamodb.describe_time_to_live(TableName="token-cache")["TimeToLiveDescription"]
    assert (ttl["AttributeName"], ttl["TimeToLiveStatus"]) == ("expires_at", "ENABLED")


def test_the_banner_shows_a_good_call_and_the_refusals() -> None:
    """Without --json a person sees the addresses, a token, and 200, 401, 401 and 403."""
    command = [*LOCAL, "--issuer-port", "0", "--api-port", "0", "--aws-port", "0", "--web-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:  # noqa: S603 - our own arguments
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line.removesuffix("\n"))
            if "clients create" in line:
                break
        process.terminate()
    assert [line for line in lines if line.startswith(("  POST", "  GET"))] == [
        "  POST /oauth/token with the client's id and secret: 200",
        "  GET /products with no token: 401",
        "  GET /products with that token: 200",
        "  GET /products with a token that has expired: 401",
        "  GET /products with a token without the scope: 403",
    ]
    assert "  Client                demo" in lines
    assert lines == [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/", {"Origin": "https://evil.example", "X-Amz-Target": "DynamoDB_20120810.ListTables"}),
        ("OPTIONS", "/", {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}),
        ("POST", "/2015-03-31/functions/latchkey-rotation/invocations", {"Origin": "https://evil.example"}),
        ("POST", "/moto-api/reset", {}),
        ("GET", "/moto-api", {}),
    ],
)
def test_the_aws_endpoint_answers_no_web_page(
    local_stack: Stack, method: str, path: str, headers: dict[str, str]
) -> None:
    """A page in the developer's browser can neither read nor change what the local endpoint holds."""
    answer = httpx.request(method, local_stack["aws_endpoint_url"] + path, headers=headers)
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert ask(local_stack).status_code == 200


@pytest.mark.spec("RFC 9110", "11.1")
@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR"])
def test_the_scheme_of_a_token_is_case_insensitive(local_stack: Stack, scheme: str) -> None:
    """A good token opens the API however its scheme is written: the gateway's own check does not stand in the way."""
    token = ask(local_stack).json()["access_token"]
    assert products(local_stack, f"{scheme} {token}").status_code == 200


@pytest.mark.spec("RFC 6750", "3")
def test_a_challenge_of_the_api_names_its_realm_and_where_to_get_a_token(local_stack: Stack) -> None:
    """The challenge has realm, scope and metadata's URL (RFC 9728 5.1); a page may read it, and no cache keeps it."""
    answer = products(local_stack, None)
    metadata = f"{local_stack['api']}/.well-known/oauth-protected-resource"
    scope = " ".join(httpx.get(metadata).json()["scopes_supported"])
    assert answer.headers["WWW-Authenticate"] == f'Bearer realm="api", scope="{scope}", resource_metadata="{metadata}"'
    assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("path", "method"), [("/products", "GET"), ("/products", "POST"), ("/products/kettle", "GET")])
def test_a_preflight_permits_the_token(local_stack: Stack, path: str, method: str) -> None:
    """A browser asks without a token whether it may send one: Authorization and the method are allowed."""
    asked = {
        "Origin": "https://web.example",
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization",
    }
    answer = httpx.options(local_stack["api"] + path, headers=asked)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"].split(", ")  # "*" would not cover it


@pytest.mark.spec("RFC 6749", "5.1")
def test_the_gateways_own_refusal_of_a_client_is_kept_by_no_cache(local_stack: Stack) -> None:
    """The 401 that the gateway itself gives has Cache-Control: no-store and Pragma: no-cache, as the function's has."""
    url = f"{local_stack['issuer']}/oauth/token"
    by_gateway = httpx.post(url, data=FORM, auth=("demo", "wrong"))
    by_function = httpx.post(url, data={**FORM, "client_id": "demo", "client_secret": "wrong"})
    for answer in (by_gateway, by_function):
        assert answer.status_code == 401
        assert (answer.headers["Cache-Control"], answer.headers["Pragma"]) == ("no-store", "no-cache")


def test_a_page_of_any_origin_may_read_a_refusal(local_stack: Stack) -> None:
    """403 and 404, of the function and of the gateway, have the CORS header, without which a browser hides them."""
    headers = {"Authorization": f"Bearer {ask(local_stack, scope='products:read').json()['access_token']}"}
    api = local_stack["api"]
    answers = (
        httpx.post(f"{api}/products", json={"name": "Mug", "price": "8.00"}, headers=headers),
        httpx.get(f"{api}/products/no-such-product", headers=headers),
        httpx.get(f"{api}/no-such-path", headers=headers),
    )
    assert [answer.status_code for answer in answers] == [403, 404, 404]
    assert [answer.headers["Access-Control-Allow-Origin"] for answer in answers] == ["*"] * 3


@contextmanager
def sample_api(environ: dict[str, str], **parameters: str) -> Iterator[httpx.Client]:
    """Serve the template's API with these parameters; its authorizer starts with `environ` over what they give it."""
    given = {"IssuerUrl": token_issuer.ISSUER, "ApiUrl": token_issuer.AUDIENCE, **parameters}
    template = cloudformation.Stack(parameters=given)
    settings = template.functions()["AuthorizerFunction"].environment
    functions: dict[str, Any] = {
        template.resolve({"Fn::GetAtt": ["AuthorizerFunction", "Arn"]}): load_function(
            "authorizer.handler", {**settings, **environ}
        ),
        template.resolve({"Fn::GetAtt": ["ResourceFunction", "Arn"]}): lambda *_: {"statusCode": 200, "body": "{}"},
    }
    described = template.api("ResourceApi")
    served = Gateway(
        described, functions, stage="v1", region="us-east-1", account_id="123456789012", api_id="abcdef1234"
    )
    with serving(served) as url, httpx.Client(base_url=url) as client:
        yield client


def bearer(**members: Any) -> dict[str, str]:
    """Give the header of a good token with some claims changed."""
    claims = token_issuer.claims(time.time(), **members)
    return {"Authorization": f"Bearer {token_issuer.sign(token_claims=claims)}"}


BUNDLED = {"JWKS": token_issuer.jwks().decode(), "JWKS_URI": "", "REVOCATIONS_URI": "off"}
EXPIRED = {"iat": 1_000_000_000, "exp": 1_000_003_600}


@pytest.mark.spec("RFC 6750", "3.1")
@pytest.mark.parametrize(("result", "status"), [("deny", 403), ("unauthorized", 401)])
def test_an_invalid_token_is_denied_where_the_template_says_so(result: str, status: int) -> None:
    """InvalidTokenResult=deny: 403 with the challenge invalid_token, readable by any page; else 401."""
    with sample_api(BUNDLED, InvalidTokenResult=result) as api:
        assert api.get("/products", headers=bearer()).status_code == 200
        assert api.get("/products").status_code == 401
        answer = api.get("/products", headers=bearer(**EXPIRED))
    assert (answer.status_code, answer.json()["error"]) == (status, "invalid_token")
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="api", ')
    assert ('error="invalid_token"' in answer.headers["WWW-Authenticate"]) == (result == "deny")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"


def test_keys_that_cannot_be_had_are_503() -> None:
    """An authorizer without keys says neither yes nor no: 503 and Retry-After, and a client keeps its good token."""
    with (
        jwks_server.serving(jwks_server.document(b"", 503)) as keys,
        sample_api({"JWKS_URI": keys.uri}) as api,
    ):
        answer = api.get("/products", headers=bearer())
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in answer.headers


@pytest.mark.parametrize("name", ["AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"])
@pytest.mark.parametrize("api", ["AuthApi", "ResourceApi"])
def test_an_authorizer_that_fails_in_whatever_way_is_503(api: str, name: str) -> None:
    """API Gateway has two types of response for it, of which it gives 500 by itself: both are 503 with Retry-After."""
    described = cloudformation.Stack().api(api)["x-amazon-apigateway-gateway-responses"][name]
    assert described["statusCode"] == "503"
    assert described["responseParameters"]["gatewayresponse.header.Retry-After"] == "'1'"
    assert described["responseParameters"]["gatewayresponse.header.Cache-Control"] == "'no-store'"
    assert json.loads(described["responseTemplates"]["application/json"])["error"] == "temporarily_unavailable"
