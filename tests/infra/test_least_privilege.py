"""Each function's role allows what the function does, and nothing else: both are counted, and compared.

The real handlers run over moto, which does not ask whether a call is allowed. Every call that botocore makes for them
is written down, as (action, resource), and held against the policies of the translated template.
"""

import importlib
import json
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import boto3
import botocore.handlers
import pytest

from auth_server.aws.key_makers import ENDORSES, RETIRES, TAG
from auth_server.aws.state_table import CLIENT, TOKEN
from auth_server.clients import REGISTERED_ID_PREFIX
from auth_server.endpoints.introspection_endpoint import JWT_MEDIA_TYPE
from infra.cloudformation import AUTHORIZER_TEMPLATE, Stack
from infra.template_yaml import Document
from infra.translation import load_template, translated_template
from tests.conftest import AWS_ENVIRON
from tests.infra.deployed import CLIENT_ID, REGISTRAR_ID, SECRET, basic, deploy, document, recorded, with_header

Action = tuple[str, str]
LATER_KEY = "a later signing key"
KEYS = ("SigningKey", "VendedTokenKey", "KeyEncryptionKey")
# One call that is allowed by the name of another: https://docs.aws.amazon.com/service-authorization (TransactWriteItems
# has no name of its own), and the service that is called tagging and allowed as tag.
ACTIONS = {"dynamodb:TransactWriteItems": "dynamodb:PutItem", "tagging:GetResources": "tag:GetResources"}


@dataclass(frozen=True, slots=True)
class Call:
    """One AWS call: its IAM action, and its parameters."""

    action: str
    parameters: Mapping[str, Any]


@pytest.fixture(scope="module")
def stack(aws_endpoint: str) -> Stack:
    """Return the stack, deployed over moto."""
    return deploy(aws_endpoint, Signer="data_key")


@pytest.fixture(scope="module")
def template() -> Document:
    """Return the translated template."""
    return translated_template()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Return the calls of every botocore session made from now on."""
    made: list[Call] = []

    def record(params: Mapping[str, Any], model: Any, **_: Any) -> None:
        action = f"{model.service_model.endpoint_prefix}:{model.name}"
        made.append(Call(ACTIONS.get(action, action), dict(params)))

    handlers = [*botocore.handlers.BUILTIN_HANDLERS, ("before-parameter-build.*", record)]
    monkeypatch.setattr(botocore.handlers, "BUILTIN_HANDLERS", handlers)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return made


@pytest.fixture
def start(stack: Stack, aws_endpoint: str) -> Iterator[Callable[..., Callable[[Any], Any]]]:
    """Return what starts a function: it imports its handler anew, with the template's environment."""
    before = dict(sys.modules)

    def start(logical_id: str, **changed: str) -> Callable[[Any], Any]:
        function = stack.functions()[logical_id]
        environ = {**AWS_ENVIRON, "AWS_ENDPOINT_URL": aws_endpoint, **function.environment, **changed}
        with patch.dict(os.environ, environ, clear=True):
            sys.modules.pop(function.module, None)
            handler = importlib.import_module(function.module).lambda_handler
        return lambda event: handler(event, None)

    yield start
    for name in (
        "auth_server.handler",
        "auth_server.challenge_handler",
        "auth_server.people_handler",
        "auth_server.registration_handler",
        "auth_server.rotation_handler",
        "auth_server.vending_handler",
        "authorizer.handler",
        "resource_server.handler",
    ):
        sys.modules.pop(name, None)
        if name in before:
            sys.modules[name] = before[name]


def use_token_function(start: Callable[..., Callable[[Any], Any]]) -> None:
    """Send the token function one request of each kind."""
    invoke = start("TokenFunction")
    answers = [
        invoke(recorded(name))
        for name in ("rest_token_endpoint", "http_api_token_endpoint", "rest_jwks", "rest_metadata")
    ]
    answers.append(invoke(with_header(recorded("rest_token_endpoint"), "Authorization", basic(CLIENT_ID, "wrong"))))
    body = urlencode({"token": document(answers[0])["access_token"]})
    for path, accept in (("introspect", "*/*"), ("introspect", JWT_MEDIA_TYPE), ("revoke", "*/*")):
        about_token = recorded("rest_token_endpoint", resource=f"/oauth/{path}", path=f"/oauth/{path}", body=body)
        answers.append(invoke(with_header(about_token, "Accept", accept)))
    answers.append(invoke(recorded("rest_metadata", resource="/oauth/revocations", path="/oauth/revocations")))
    assert [answer["statusCode"] for answer in answers] == [200, 200, 200, 200, 401, 200, 200, 200, 200]


def use_challenge_function(start: Callable[..., Callable[[Any], Any]]) -> None:
    """Send the challenge function good credentials, bad ones, and none."""
    invoke = start("ChallengeFunction")
    event = recorded("request_authorizer_token_endpoint")
    for authorization in (basic(CLIENT_ID, SECRET), None):
        assert invoke(with_header(event, "Authorization", authorization))["principalId"]
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        invoke(with_header(event, "Authorization", basic("nobody", SECRET)))


def test_the_gate_may_write_nothing_but_its_counters(
    template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """The gate's role names the kinds of items that its function counts in, and no revocation is one of them."""
    use_challenge_function(start)
    patterns = [
        pattern
        for policy in template["Resources"]["ChallengeRole"]["Properties"]["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        for pattern in one.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", ())
    ]
    kinds = {call.parameters["Key"]["kind"]["S"] for call in calls if call.action == "dynamodb:UpdateItem"}
    assert {next(one for one in patterns if fnmatchcase(kind, one)) for kind in kinds} == set(patterns)
    assert not any(fnmatchcase(kind, one) for kind in (TOKEN, CLIENT, "revocations demo") for one in patterns)


def use_resource_function(start: Callable[..., Callable[[Any], Any]]) -> None:
    """Add, show and list a product, and read the metadata."""
    invoke = start("ResourceFunction")
    names = ("rest_create_product", "rest_show_product", "rest_list_products", "rest_resource_metadata")
    assert [invoke(recorded(name))["statusCode"] for name in names] == [201, 404, 200, 200]
    board = {"resource": "/messages", "path": "/messages"}
    writer = recorded("rest_create_product", **board, body='{"text": "Tea?"}')
    writer["requestContext"]["authorizer"] |= {"permissions": "messages:write", "scope": "messages:write"}
    assert [invoke(event)["statusCode"] for event in (writer, recorded("rest_list_products", **board))] == [201, 200]


def use_people_function(start: Callable[..., Callable[[Any], Any]]) -> str:
    """Sign somebody up, log them in, out and in again; give the last token."""
    invoke, person = start("PeopleFunction"), {"username": f"p-{uuid.uuid4()}", "password": "a teapot full of rain"}
    assert invoke(people_event("/signup", person))["statusCode"] == 201
    assert invoke(people_event("/signup", person))["statusCode"] == 409
    token = document(invoke(people_event("/login", person)))["token"]
    assert invoke(people_event("/login", person | {"password": "wrong"}))["statusCode"] == 401
    assert invoke(with_header(people_event("/logout", {}), "Authorization", f"Bearer {token}"))["statusCode"] == 200
    again = invoke(people_event("/login", person))
    assert again["statusCode"] == 200
    return str(document(again)["token"])


def people_event(path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of the people function."""
    own = {"resource": path, "path": path, "body": json.dumps(body), "isBase64Encoded": False}
    return with_header(recorded("rest_token_endpoint", **own), "Content-Type", "application/json")


def with_either_signer(
    start: Callable[..., Callable[[Any], Any]], calls: list[Call]
) -> list[Callable[..., Callable[[Any], Any]]]:
    """Let a data key sign from now on, and return what starts functions that use it, and functions that do not."""
    assert start("RotationFunction")({"action": "rotate", "at_once": True})["steps"]
    calls.clear()
    return [start, partial(start, SIGNER="kms")]


USES = {
    "TokenFunction": use_token_function,
    "ChallengeFunction": use_challenge_function,
    "ResourceFunction": use_resource_function,
    "PeopleFunction": use_people_function,
}


@pytest.mark.parametrize("logical_id", sorted(USES))
def test_a_role_allows_what_its_function_does_and_nothing_else(
    stack: Stack,
    template: Document,
    calls: list[Call],
    start: Callable[..., Callable[[Any], Any]],
    logical_id: str,
) -> None:
    """What a function asks of AWS is what its role allows, whatever signs: nothing is missing, nothing is unused."""
    for started in with_either_signer(start, calls):
        USES[logical_id](started)
    assert {(call.action, resource_of(call, stack)) for call in calls} == allowed(stack, template, logical_id)


def test_the_authorizer_asks_nothing_of_aws(
    stack: Stack, template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """The authorizer makes no AWS call for a good token or a bad one, and may make none."""
    token_function = start("TokenFunction")
    token = document(token_function(recorded("rest_token_endpoint")))["access_token"]
    jwks = token_function(recorded("rest_jwks"))["body"]
    calls.clear()
    authorizer = start("AuthorizerFunction", JWKS=jwks, REVOCATIONS_URI="off")
    assert authorizer(recorded("token_authorizer", authorizationToken=f"Bearer {token}"))["principalId"] == CLIENT_ID
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        authorizer(recorded("token_authorizer"))
    assert calls == []
    assert allowed(stack, template, "AuthorizerFunction") == set()


def test_the_authorizer_alone_may_write_its_log_and_nothing_else() -> None:
    """In its own template too, the authorizer's role allows it to write its own log, and no more."""
    alone, template = Stack(AUTHORIZER_TEMPLATE), translated_template(load_template(AUTHORIZER_TEMPLATE))
    log = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/lambda/latchkey-authorizer:*"
    assert granted(alone, template, "AuthorizerFunction") == {
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }


def test_registration_does_what_its_role_allows(
    stack: Stack, template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """To register, read, change and delete a client takes all that the role allows; and signing is no part of it."""
    asked = with_header(recorded("rest_token_endpoint"), "Authorization", basic(REGISTRAR_ID, SECRET))
    form = {"body": "grant_type=client_credentials", "isBase64Encoded": False}
    token = document(start("TokenFunction")({**asked, **form}))["access_token"]
    calls.clear()
    invoke = start("RegistrationFunction")
    made = invoke(registration_event("POST", "/oauth/register", token, {"scope": "products:read"}))
    assert made["statusCode"] == 201
    client_id, path = document(made)["client_id"], f"/oauth/register/{document(made)['client_id']}"
    token = document(made)["registration_access_token"]
    assert invoke(registration_event("GET", path, token, {}))["statusCode"] == 200
    changed = invoke(registration_event("PUT", path, token, {"client_id": client_id}))
    assert changed["statusCode"] == 200
    token = document(changed)["registration_access_token"]
    assert invoke(registration_event("DELETE", path, token, {}))["statusCode"] == 204
    assert {(call.action, resource_of(call, stack)) for call in calls} == allowed(
        stack, template, "RegistrationFunction"
    )
    written = [call for call in calls if call.action in {"dynamodb:PutItem", "dynamodb:DeleteItem"}]
    ids = {call.parameters.get("Item", call.parameters.get("Key"))["client_id"]["S"] for call in written}
    (pattern,) = writable_ids(template)
    assert ids == {client_id}
    assert fnmatchcase(client_id, pattern)
    assert not fnmatchcase(REGISTRAR_ID, pattern)


def writable_ids(template: Document) -> list[str]:
    """Return the patterns of the client ids that the registration function may write; it writes no other client."""
    policies = template["Resources"]["RegistrationRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    writing = [one for one in statements if {"dynamodb:PutItem", "dynamodb:DeleteItem"} & set(as_list(one["Action"]))]
    (condition,) = [one["Condition"] for one in writing]
    patterns: list[str] = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert patterns == [REGISTERED_ID_PREFIX + "*"]
    return patterns


def registration_event(method: str, path: str, token: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of the registration function."""
    event = with_header(recorded("rest_token_endpoint"), "Authorization", f"Bearer {token}")
    event = with_header(event, "Content-Type", "application/json")
    own = {"resource": path, "path": path, "httpMethod": method, "body": json.dumps(body), "isBase64Encoded": False}
    return {**event, **own}


def test_vending_does_what_its_role_allows(
    stack: Stack, template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """To renew a log-in and to vend at another API, from the cache and anew, takes all that the role allows."""
    token = use_people_function(start)
    with_data_keys, with_kms = with_either_signer(start, calls)
    asked = recorded("rest_metadata", resource="/tokens", path="/tokens")
    assert with_kms("VendingFunction")(with_header(asked, "Authorization", f"Bearer {token}"))["statusCode"] == 200
    kept = {call.action for call in calls}
    assert not kept & {"kms:Sign", "kms:Encrypt"}
    for scope, started in (("products:read", with_kms), ("messages:write", with_data_keys)):
        elsewhere = {"VENDING_MODE": "open", "VENDING_SCOPE": scope}
        assert started("VendingFunction", **elsewhere)(asked)["statusCode"] == 200
    assert {(call.action, resource_of(call, stack)) for call in calls} == allowed(stack, template, "VendingFunction")


def test_rotation_does_what_its_role_and_the_keys_allow(
    aws_endpoint: str, template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """To make, announce and retire keys of both kinds takes all that is allowed, by the role or a key's own policy."""
    own = deploy(aws_endpoint, Signer="data_key")
    calls.clear()
    environ = own.functions()["RotationFunction"].environment
    by_kms = start("RotationFunction", **{**environ, "SIGNER": "kms", "ROTATE_EVERY_SECONDS": "never"})
    (announced,) = by_kms({"action": "rotate"})["steps"]
    assert by_kms({})["steps"] == []
    assert start("RotationFunction", **environ)({})["steps"][0]["key_id"] is None
    assert by_kms({"action": "retire", "kid": announced["kid"]})["steps"][-1]["outcome"] == "retired"
    made = {(call.action, resource_of(call, own)) for call in calls}
    role = own.resolve({"Fn::GetAtt": ["RotationRole", "Arn"]})
    policy = json.loads(next(call.parameters["Policy"] for call in calls if call.action == "kms:CreateKey"))
    by_its_policy = {
        (action, LATER_KEY)
        for one in policy["Statement"]
        if role in as_list(one["Principal"]["AWS"])
        for action in as_list(one["Action"])
    }
    unseen = {("kms:TagResource", "*"), ("kms:ReplicateKey", LATER_KEY), ("kms:GetKeyPolicy", LATER_KEY)}
    assert made | unseen == allowed(own, template, "RotationFunction") | by_its_policy
    (created,) = [call for call in calls if call.action == "kms:CreateKey"]
    (condition,) = [one["Condition"] for one in keys_policy(own, template) if one["Action"] == "kms:CreateKey"]
    assert condition["StringEquals"] == {
        "kms:KeySpec": created.parameters["KeySpec"],
        "kms:KeyUsage": created.parameters["KeyUsage"],
        f"aws:RequestTag/{TAG}": created.parameters["Tags"][0]["TagValue"],
    }


def test_a_later_key_has_the_first_ones_policy_but_for_who_endorses(
    stack: Stack, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """Who signs with the first key signs with all; who endorses ends the later ones, and signs with the first alone."""
    start("RotationFunction", SIGNER="kms")({"action": "rotate", "at_once": True})
    (created,) = [call for call in calls if call.action == "kms:CreateKey"]
    first = stack.properties("SigningKey")["KeyPolicy"]["Statement"]
    later = json.loads(created.parameters["Policy"])["Statement"]
    changed = [(before, after) for before, after in zip(first, later, strict=True) if before != after]
    ((before, after),) = changed
    assert (before["Sid"], after["Sid"]) == (ENDORSES, RETIRES)
    assert before["Principal"] == after["Principal"]
    assert "kms:Sign" not in after["Action"]


def keys_policy(stack: Stack, template: Document) -> list[Document]:
    """Return the statements of what the rotation may do with keys."""
    policy = template["Resources"]["RotationKeysPolicy"]["Properties"]["PolicyDocument"]
    statements: list[Document] = stack.resolve(policy["Statement"])
    return statements


def test_tokens_are_kept_under_the_issuers_name(
    stack: Stack, template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """Each use of the key for vended tokens has the encryption context that the key's policy makes a condition."""
    token = use_people_function(start)
    asked = recorded("rest_metadata", resource="/tokens", path="/tokens")
    start("VendingFunction")(with_header(asked, "Authorization", f"Bearer {token}"))
    contexts = [call.parameters["EncryptionContext"] for call in calls if call.action in {"kms:Encrypt", "kms:Decrypt"}]
    assert {call.action for call in calls} >= {"kms:Encrypt", "kms:Decrypt"}
    statements = stack.resolve(template["Resources"]["VendedTokenKey"]["Properties"]["KeyPolicy"]["Statement"])
    for statement in statements[1:]:
        (required,) = statement["Condition"]["StringEquals"].items()
        assert required[0].removeprefix("kms:EncryptionContext:") == "issuer"
        assert {context["issuer"] for context in contexts} == {required[1]}


def test_every_function_is_counted(stack: Stack) -> None:
    """There is no function whose calls are not counted here."""
    others = {"AuthorizerFunction", "RegistrationFunction", "RotationFunction", "VendingFunction"}
    assert stack.functions().keys() == {*USES, *others}


@pytest.mark.parametrize("logical_id", ["TokenFunction", "PeopleFunction", "VendingFunction", "RotationFunction"])
def test_the_keys_allow_a_function_what_its_role_says(stack: Stack, template: Document, logical_id: str) -> None:
    """The keys' own policies let a function's role do what the role's policy says."""
    role = stack.resolve(template["Resources"][logical_id]["Properties"]["Role"])
    assert {
        (action, stack.resolve({"Fn::GetAtt": [key, "Arn"]}))
        for key in KEYS
        for one in stack.resolve(template["Resources"][key]["Properties"]["KeyPolicy"]["Statement"])
        for action in as_list(one["Action"])
        if role in as_list(one["Principal"]["AWS"])
    } == {pair for pair in allowed(stack, template, logical_id) if pair[0].startswith("kms:") and pair[1] != "*"}


@pytest.mark.parametrize("key", KEYS)
def test_a_key_lets_nobody_else_use_it(stack: Stack, template: Document, key: str) -> None:
    """What whoever administers a key may do is neither to sign with it nor to decrypt, nor whatever there is."""
    names = ("Token", "People", "Vending", "Rotation")
    roles = {stack.resolve({"Fn::GetAtt": [f"{name}Role", "Arn"]}) for name in names}
    statements = stack.resolve(template["Resources"][key]["Properties"]["KeyPolicy"]["Statement"])
    others = [one for one in statements if not set(as_list(one["Principal"]["AWS"])) <= roles]
    assert [one["Sid"] for one in others] == ["TheAccountAdministers"]
    assert not {"kms:Sign", "kms:Encrypt", "kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant", "kms:*"} & set(
        others[0]["Action"]
    )


def test_a_token_that_is_given_again_costs_one_read(
    calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """With token reuse, a client that asks again makes the function read its record, and nothing else."""
    invoke = start("TokenFunction", TOKEN_REUSE="on")
    first = document(invoke(recorded("rest_token_endpoint")))
    calls.clear()
    assert document(invoke(recorded("rest_token_endpoint")))["access_token"] == first["access_token"]
    assert [call.action for call in calls] == ["dynamodb:GetItem"]


def test_signatures_are_asked_for_as_the_policies_demand(
    template: Document, calls: list[Call], start: Callable[..., Callable[[Any], Any]]
) -> None:
    """Each kms:Sign has the algorithm and the message type that both policies make a condition."""
    use_token_function(start)
    policies = (
        template["Resources"]["SigningKey"]["Properties"]["KeyPolicy"]["Statement"],
        template["Resources"]["TokenSigningPolicy"]["Properties"]["PolicyDocument"]["Statement"],
    )
    signed = [call.parameters for call in calls if call.action == "kms:Sign"]
    assert signed
    for statements in policies:
        signing = [one for one in statements if one["Action"] == "kms:Sign"]
        assert signing
        for statement in signing:
            for name, value in statement["Condition"]["StringEquals"].items():
                assert {parameters[name.removeprefix("kms:")] for parameters in signed} == {value}


@pytest.mark.parametrize(
    "logical_id",
    [
        "TokenFunction",
        "ChallengeFunction",
        "RegistrationFunction",
        "AuthorizerFunction",
        "ResourceFunction",
        "RotationFunction",
        "PeopleFunction",
        "VendingFunction",
    ],
)
def test_a_function_writes_its_own_log_alone(stack: Stack, template: Document, logical_id: str) -> None:
    """A role may write to the log of its function, and to no other."""
    log = stack.resolve(template["Resources"][logical_id]["Properties"]["LoggingConfig"]["LogGroup"])
    resources = {resource for action, resource in granted(stack, template, logical_id) if action.startswith("logs:")}
    assert resources == {f"arn:aws:logs:us-east-1:123456789012:log-group:{log}:*"}


def resource_of(call: Call, stack: Stack) -> str:
    """Return the ARN of what a call is about; of what has none, a wildcard."""
    if call.action in {"kms:CreateKey", "tag:GetResources"}:
        return "*"
    if call.action.startswith("kms:"):
        keys = {stack.properties(f"{key}Alias")["AliasName"]: key for key in KEYS}
        keys |= {str(stack.resolve({"Ref": key})): key for key in KEYS}
        keys |= {str(stack.resolve({"Fn::GetAtt": [key, "Arn"]})): key for key in KEYS}
        key_id = call.parameters["KeyId"]
        return str(stack.resolve({"Fn::GetAtt": [keys[key_id], "Arn"]})) if key_id in keys else LATER_KEY
    names = {table.name: logical_id for logical_id, table in stack.tables().items()}
    tables = {write["Put"]["TableName"] for write in call.parameters.get("TransactItems", [])}
    (table,) = tables or {call.parameters["TableName"]}
    return str(stack.resolve({"Fn::GetAtt": [names[table], "Arn"]}))


def allowed(stack: Stack, template: Document, logical_id: str) -> set[Action]:
    """Return every (action, resource) that a function's role allows, its log aside."""
    return {pair for pair in granted(stack, template, logical_id) if not pair[0].startswith("logs:")}


def granted(stack: Stack, template: Document, logical_id: str) -> set[Action]:
    """Return every (action, resource) that a function's role allows."""
    resources = template["Resources"]
    role = resources[logical_id]["Properties"]["Role"]["Fn::GetAtt"][0]
    assert "ManagedPolicyArns" not in resources[role]["Properties"]
    documents = [policy["PolicyDocument"] for policy in resources[role]["Properties"]["Policies"]]
    documents += [
        resource["Properties"]["PolicyDocument"]
        for name, resource in resources.items()
        if resource["Type"] == "AWS::IAM::RolePolicy" and resource["Properties"]["RoleName"] == {"Ref": role}
        if "Condition" not in resource or name in stack.resources()
    ]
    statements = [statement for document in stack.resolve(documents) for statement in document["Statement"]]
    assert {statement["Effect"] for statement in statements} == {"Allow"}
    return {
        (action, resource)
        for statement in statements
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }


def as_list(value: Any) -> list[Any]:
    """Return what may be one value or a list of them as a list."""
    return value if isinstance(value, list) else [value]
