"""The local stack: the template's tables, key, functions and APIs on one machine, no AWS account and no Docker.

    with running(Addresses()) as stack:
        stack.issuer            "http://127.0.0.1:8080"
        stack.web               "http://127.0.0.1:8082"
    stack.announcement()    what `latchkey local --json` prints

The AWS endpoint is moto's server. The functions are the handlers that the template names, with the environment that it
gives them; the APIs are its OpenAPI documents, behind the local gateway. The page of the sample comes with the headers
of the template's distribution.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3.session

import resource_server
from auth_server.aws.dynamodb import DynamoDBClientStore
from auth_server.client_registration import check, new_secret
from auth_server.clients import NO_AUTHENTICATION, Client
from auth_server.signing_keys.key_record import DATA_KEY
from infra.cloudformation import TOKEN_CACHE_EXAMPLE, Stack, Table
from infra.local.aws_endpoint import aws_endpoint
from infra.local.developer_page import with_developer_page
from infra.local.gateway import Gateway
from infra.local.gateway.server import serving
from infra.local.lambda_runtime import load_function
from infra.local.rotation import fast_motion, invoked, on_schedule
from infra.local.static_site import StaticSite
from resource_server.aws.products_table import ProductsTable
from resource_server.products import Product

REGION: Final = "us-east-1"
DEMO_CLIENT_ID: Final = "demo"
DEMO_SCOPES: Final = ("products:read", "products:write", "messages:write")
BROWSER_SCOPES: Final = ("products:read", "messages:write")
DEMO_PRODUCTS: Final = (("Kettle", "24.90"), ("Teapot", "39.00"), ("Tea towel", "7.50"))
WEB: Final = Path(resource_server.__file__).parent / "web"
_AS_IT_IS: Final[Mapping[str, str]] = {}
# Everybody comes from the loopback interface: what one party may get wrong there would be all that anybody may.
_ONE_ADDRESS: Final = {"AddressFailures": "1000000"}
# What only CloudFront knows. No function needs it here: the page has an origin of its own.
_DISTRIBUTION: Final = {"WebDistribution.DomainName": "page.invalid"}
# moto takes any credentials; these are nobody's.
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


class PortInUseError(Exception):
    """Something listens on a port already; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the stack listens: a loopback address, as it speaks plain http. Port 0 is any free one."""

    host: str = "127.0.0.1"
    issuer_port: int = 8080
    api_port: int = 8081
    aws_port: int = 4566
    web_port: int = 8082


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running stack: where it answers, and the demo client that it knows."""

    issuer: str
    api: str
    web: str
    aws_endpoint_url: str
    client_secret: str = field(repr=False)
    signing_key_id: str
    template: Stack

    def announcement(self) -> dict[str, Any]:
        """Give what `latchkey local --json` prints."""
        return {
            "issuer": self.issuer,
            "api": self.api,
            "web": self.web,
            "aws_endpoint_url": self.aws_endpoint_url,
            "region": REGION,
            "client_id": DEMO_CLIENT_ID,
            "client_secret": self.client_secret,
            "scope": " ".join(DEMO_SCOPES),
            "audience": self.api,
            "authorizer_cache_ttl_s": int(self.template.resolve({"Ref": "AuthorizerCacheSeconds"})),
        }

    def aws(self, service: str) -> Any:
        """Give a boto3 client of the stack's AWS endpoint."""
        return _aws(service, self.aws_endpoint_url)


@contextmanager
def running(  # noqa: PLR0913 - each of them is a way in which this stack may differ from the one deployed
    addresses: Addresses,
    *,
    name: str = "latchkey",
    functions_reach_aws_at: Callable[[str], str] = lambda url: url,
    parameters: Mapping[str, str] = _AS_IT_IS,
    settings: Mapping[str, str] = _AS_IT_IS,
    rotate_every: int | None = None,
) -> Iterator[LocalStack]:
    """Start everything, give the stack once all of it answers, and stop it at the end.

    `name` is the CloudFormation stack's: tables and alias have it in theirs. `functions_reach_aws_at` tells what the
    functions call for the AWS endpoint's URL: a proxy, for example. `parameters` are the template's, and `settings` are
    laid over the environment of every function. With `rotate_every`, in seconds, signing keys take turns in fast
    motion. Raises `PortInUseError` before anything starts.
    """
    if rotate_every is not None:
        fast_parameters, fast_settings = fast_motion(rotate_every)
        parameters, settings = {**fast_parameters, **parameters}, {**fast_settings, **settings}
    with ExitStack() as at_end:
        issuer_socket = at_end.enter_context(_listening(addresses.host, addresses.issuer_port, "issuer"))
        api_socket = at_end.enter_context(_listening(addresses.host, addresses.api_port, "api"))
        aws_socket = at_end.enter_context(_listening(addresses.host, addresses.aws_port, "aws"))
        web_socket = at_end.enter_context(_listening(addresses.host, addresses.web_port, "web"))
        issuer, api, endpoint, web = map(_url, (issuer_socket, api_socket, aws_socket, web_socket))
        invocable: dict[str, Any] = {}
        at_end.enter_context(aws_endpoint(aws_socket, invocable))
        given = {"IssuerUrl": issuer, "ApiUrl": api, "CorsOrigins": web, "WebPage": "on"}
        template = _provision(endpoint, name, {**_ONE_ADDRESS, **parameters, **given})
        functions = load_functions(template, functions_reach_aws_at(endpoint), settings)
        at_end.enter_context(_rotating(template, functions, invocable, rotate_every))
        secret = _register_clients(template, endpoint, api)
        key_id = template.functions()["TokenFunction"].environment["SIGNING_KEY_ID"]
        stack = LocalStack(issuer, api, web, endpoint, secret, key_id, template)
        auth_api = with_developer_page(stack, gateway_of(template, "AuthApi", functions, endpoint))
        at_end.enter_context(serving(auth_api, issuer_socket))
        at_end.enter_context(serving(gateway_of(template, "ResourceApi", functions, endpoint), api_socket))
        at_end.enter_context(serving(_page(template, issuer, api), web_socket))
        yield stack


@contextmanager
def _rotating(
    template: Stack, functions: Mapping[str, Any], invocable: dict[str, Any], every: int | None
) -> Iterator[None]:
    """Rotate the signing keys as deployed: on a schedule, and whenever lambda:Invoke says so."""
    function = template.functions()["RotationFunction"]
    arn = template.resolve({"Fn::GetAtt": [function.logical_id, "Arn"]})
    invocable[function.name] = functions[arn]
    if function.environment["SIGNER"] == DATA_KEY:  # no verifier knows any key yet, so none has to be waited for
        invoked(functions[arn], {"action": "rotate", "at_once": True}, arn)
    with on_schedule(functions[arn], arn, every):
        yield


def _listening(host: str, port: int, name: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = os.strerror(error.errno or 0)  # the text of the error itself has the address in it once more
        another = f'--{name}-port 0 (make run ARGS="--{name}-port 0") takes any free one'
        raise PortInUseError(f"cannot listen on {_authority(host, port)}: {why}; {another}") from None


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{_authority(host, port)}"


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"  # RFC 3986 3.2.2: an IPv6 address is in brackets


def _aws(service: str, endpoint: str) -> Any:
    session = boto3.session.Session("local", "local", region_name=REGION)
    return session.client(service, endpoint_url=endpoint)  # type: ignore[call-overload] # the stubs want a literal name


def _provision(endpoint: str, name: str, parameters: Mapping[str, str]) -> Stack:
    """Create what the template's functions use: its keys and alias, and its tables with some products in one.

    And the table `token-cache` beside them, for clients that share their tokens.
    """
    pseudo = {"AWS::StackName": name, "AWS::Region": REGION}
    kms = _aws("kms", endpoint)
    made = _DISTRIBUTION | create_keys(kms, Stack(parameters=parameters, pseudo_parameters=pseudo))
    template = Stack(parameters=parameters, attributes=made, pseudo_parameters=pseudo)
    dynamodb = _aws("dynamodb", endpoint)
    for table in template.tables().values():
        _create_table(dynamodb, table)
    for table in Stack(TOKEN_CACHE_EXAMPLE).tables().values():
        # It is called the same in every stack, and those of one process have one and the same AWS.
        with suppress(dynamodb.exceptions.ResourceInUseException):
            _create_table(dynamodb, table)
    _stock_products(dynamodb, template.tables()["ProductsTable"].name)
    return template


def create_keys(kms: Any, template: Stack) -> dict[str, str]:
    """Create the keys of the template and their aliases; give what `Ref` and `Fn::GetAtt` of each key are."""
    made: dict[str, str] = {}
    for name in (name for name, kind in template.resources().items() if kind == "AWS::KMS::Key"):
        properties = template.properties(name)
        key = kms.create_key(
            KeySpec=properties["KeySpec"],
            KeyUsage=properties["KeyUsage"],
            MultiRegion=properties.get("MultiRegion") == "true",
            Policy=json.dumps(properties["KeyPolicy"]),
        )["KeyMetadata"]
        kms.create_alias(AliasName=template.properties(f"{name}Alias")["AliasName"], TargetKeyId=key["KeyId"])
        made |= {name: key["KeyId"], f"{name}.Arn": key["Arn"]}
    return made


def _create_table(dynamodb: Any, table: Table) -> None:
    dynamodb.create_table(**table.definition)
    if table.ttl_attribute is not None:
        ttl = {"AttributeName": table.ttl_attribute, "Enabled": True}
        dynamodb.update_time_to_live(TableName=table.name, TimeToLiveSpecification=ttl)


def _stock_products(dynamodb: Any, table: str) -> None:
    store, created_at = ProductsTable(dynamodb, table), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    for name, price in DEMO_PRODUCTS:
        product_id = name.lower().replace(" ", "-")
        store.put(Product(id=product_id, name=name, price=price, created_by=None, created_at=created_at))


def load_functions(template: Stack, endpoint: str, settings: Mapping[str, str]) -> dict[str, Any]:
    """Start every function cold, as its Lambda would; give the handlers by ARN."""
    given = {**CREDENTIALS, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": endpoint}
    return {
        template.resolve({"Fn::GetAtt": [name, "Arn"]}): load_function(
            function.module, {**given, **function.environment, **settings}
        )
        for name, function in template.functions().items()
    }


def gateway_of(template: Stack, api: str, functions: Mapping[str, Any], endpoint: str) -> Gateway:
    """Give the gateway of one API of a template; user pools are those of the AWS endpoint."""
    return Gateway(
        template.api(api),
        functions,
        stage=template.properties(api)["StageName"],
        region=REGION,
        account_id=template.resolve({"Ref": "AWS::AccountId"}),
        api_id=template.resolve({"Ref": api}),
        cognito_url=endpoint,
    )


def _page(template: Stack, issuer: str, api: str) -> StaticSite:
    """Give the page of the sample, as the distribution of the template would serve it."""
    config = json.dumps({"issuer": issuer, "api": api}).encode()
    return StaticSite(WEB, headers=page_headers(template), documents={"config.json": config})


def page_headers(template: Stack) -> dict[str, str]:
    """Read the headers that CloudFront adds to every answer (AWS::CloudFront::ResponseHeadersPolicy)."""
    config = template.properties("WebHeaders")["ResponseHeadersPolicyConfig"]
    given = config["SecurityHeadersConfig"]
    transport = given["StrictTransportSecurity"]
    subdomains = "; includeSubDomains" if transport["IncludeSubdomains"] else ""
    return {
        "Content-Security-Policy": given["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": given["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": f"max-age={transport['AccessControlMaxAgeSec']}{subdomains}",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": given["FrameOptions"]["FrameOption"],
        **{item["Header"]: item["Value"] for item in config["CustomHeadersConfig"]["Items"]},
    }


def _register_clients(template: Stack, endpoint: str, audience: str) -> str:
    """Register the demo client, and the one that tokens are vended for; give the secret of the first."""
    now = int(time.time())
    secret, record = new_secret(imported=None, now=now)
    browser_id = template.resolve({"Ref": "VendingClientId"})
    none = (NO_AUTHENTICATION,)
    clients = (
        Client(DEMO_CLIENT_ID, DEMO_SCOPES, now, (record,), audiences=(audience,), name="Demo client"),
        Client(browser_id, BROWSER_SCOPES, now, audiences=(audience,), auth_methods=none, name="Pages and people"),
    )
    store = DynamoDBClientStore(_aws("dynamodb", endpoint), template.tables()["ClientsTable"].name)
    for client in clients:
        store.create(check(client))
    return secret
