"""The functions people know, over the local stack: its token endpoint, its Secrets Manager, and its tables."""

import json
import logging
import re
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

import token_client
from infra.local.lambda_runtime import LambdaContext, invoke
from tests.token_client import authorization_server
from tests.token_client.authorization_server import AuthorizationServer
from token_client import (
    ConfigurationError,
    CredentialsError,
    ServerUnavailableError,
    StoreError,
    TokenRefusedError,
    token_manager,
)
from token_client.token_manager import (
    Token,
    decrypt,
    encrypt,
    fetch_token,
    generate_encryption_key,
    get_secrets,
    load_token_from_dynamodb,
    refresh_token,
    retry_fetch_token,
    save_token_to_dynamodb,
)

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
CONTEXT = LambdaContext("request-1", "arn:aws:lambda:us-east-1:123456789012:function:refresh", time.monotonic() + 60)
DEFINITION: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def a_token(value: str = "token-1", *, lives_s: int = 3600) -> Token:
    """Make a token that was fetched now."""
    expires_at = int((time.time() + lives_s) * 1000)
    return Token(access_token=value, token_type="Bearer", scope="a b", expires_in=lives_s, expires_at=expires_at)


@dataclass(frozen=True)
class Around:
    """A program's surroundings: the stack, its secret, and its table."""

    stack: dict[str, Any]
    secret_name: str
    table: str

    def aws(self, service: str) -> Any:
        """Give a boto3 client of the stack."""
        return boto3.client(service, endpoint_url=self.stack["aws_endpoint_url"])  # type: ignore[call-overload] # the stubs want a literal name

    def items(self) -> list[dict[str, Any]]:
        """Give all that is in the table."""
        found: list[dict[str, Any]] = self.aws("dynamodb").scan(TableName=self.table)["Items"]
        return found


@pytest.fixture
def around(local_stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Around:
    """Set the environment as a program has it that runs against the local stack."""
    name = f"reporting-{uuid.uuid4()}"
    around = Around(local_stack, name, f"token-cache-{uuid.uuid4()}")
    secret = {"consumer_key": local_stack["client_id"], "consumer_secret": local_stack["client_secret"]}
    around.aws("secretsmanager").create_secret(Name=name, SecretString=json.dumps(secret))
    around.aws("dynamodb").create_table(TableName=around.table, **DEFINITION)
    for variable, value in {
        "SECRET_NAME": name,
        "IS_LOCAL": "true",
        "URL": f"{local_stack['issuer']}/oauth/token",
        "SCOPE": "products:read",
        "INTERVAL": "1",
        "RETRIES": "2",
        "TOKEN_TABLE": around.table,
        "AWS_ENDPOINT_URL": local_stack["aws_endpoint_url"],
    }.items():
        monkeypatch.setenv(variable, value)
    return around


@pytest.fixture
def server(around: Around, monkeypatch: pytest.MonkeyPatch) -> Iterator[AuthorizationServer]:
    """Give a token endpoint that does what it is told, in the place of the stack's."""
    assert around
    with authorization_server.serving() as server:
        monkeypatch.setenv("URL", server.token_endpoint)
        yield server


def test_the_functions_can_be_imported_from_the_package() -> None:
    """A program may name either module."""
    for name in re.findall(r"^def ([a-z]\w+)", Path(token_manager.__file__).read_text(encoding="utf-8"), re.MULTILINE):
        assert getattr(token_client, name) is getattr(token_manager, name)


def test_the_secret_may_have_either_name_for_its_members(around: Around) -> None:
    """What is stored as `client_id` and `client_secret` is given by the names that programs know."""
    first = get_secrets()
    renamed = {"client_id": first["consumer_key"], "client_secret": first["consumer_secret"]}
    around.aws("secretsmanager").put_secret_value(SecretId=around.secret_name, SecretString=json.dumps(renamed))
    assert get_secrets() == first == {"consumer_key": "demo", "consumer_secret": around.stack["client_secret"]}


def test_a_secret_that_is_not_there_is_named(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error tells which secret, and what Secrets Manager says."""
    assert around
    monkeypatch.setenv("SECRET_NAME", "nowhere")
    with pytest.raises(CredentialsError, match=r"nowhere.*ResourceNotFoundException"):
        get_secrets()


def test_a_key_is_of_32_bytes_and_of_these_two_alone() -> None:
    """The same ones give the same key, any others another: also where they are the same characters in a row."""
    key = generate_encryption_key("ab", "cd")
    assert (len(key), generate_encryption_key("ab", "cd")) == (32, key)
    others = [generate_encryption_key(*pair) for pair in (("abc", "d"), ("cd", "ab"), ("ab", "ce"), ("", "abcd"))]
    assert len({key, *others}) == 5


@given(st.text())
def test_what_is_encrypted_can_be_decrypted(data: str) -> None:
    """Any text, and never twice to the same."""
    first, second = encrypt(data, KEY), encrypt(data, KEY)
    assert decrypt(first, KEY) == decrypt(second, KEY) == data
    assert first != second


@given(st.text())
def test_what_was_not_encrypted_is_refused(data: str) -> None:
    """Anything else is a ValueError, never another exception and never a text."""
    with pytest.raises(ValueError, match="encrypt"):
        decrypt(data, KEY)


def test_another_key_and_any_change_are_refused() -> None:
    """Under another key, or with one character changed, there is nothing to be had, and the error says none of it."""
    sealed = encrypt("the text", KEY)
    changed = sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:]
    for data, key in ((sealed, OTHER_KEY), (changed, KEY), (sealed[:-4], KEY), ("", KEY)):
        with pytest.raises(ValueError, match="another key, or changed") as refused:
            decrypt(data, key)
        assert sealed[:8] not in str(refused.value)


@pytest.mark.parametrize("use", [lambda key: encrypt("a", key), lambda key: decrypt("AAAA", key)])
def test_a_key_of_another_length_is_refused(use: Callable[[bytes], str]) -> None:
    """A password is no key: 32 bytes, as `generate_encryption_key` gives them."""
    for key in (b"", b"k" * 16, b"k" * 33):
        with pytest.raises(ValueError, match="32 bytes"):
            use(key)


def test_a_token_that_was_saved_is_loaded(around: Around) -> None:
    """With all of its members; and the table shows nothing of it."""
    token = a_token("a-token-of-some-length")
    save_token_to_dynamodb(token, KEY)
    assert load_token_from_dynamodb(KEY) == token
    (item,) = around.items()
    assert b"a-token-of-some-length" not in json.dumps(item, default=repr).encode()
    assert int(item["expires_at"]["N"]) == token["expires_at"] // 1000


def test_the_later_token_is_the_one_that_is_kept(around: Around) -> None:
    """Also while somebody who died has the lease."""
    save_token_to_dynamodb(a_token("first"), KEY)
    (item,) = around.items()
    around.aws("dynamodb").update_item(
        TableName=around.table,
        Key={"id": item["id"]},
        UpdateExpression="SET lease_owner = :owner, lease_until = :until",
        ExpressionAttributeValues={":owner": {"S": "gone"}, ":until": {"N": str(int(time.time() * 1000) + 60_000)}},
    )
    save_token_to_dynamodb(a_token("second"), KEY)
    loaded = load_token_from_dynamodb(KEY)
    assert loaded is not None
    assert loaded["access_token"] == "second"


def test_nothing_is_loaded_where_nothing_can_be_used(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """None for no token, another key's, another scope's, another server's, and one that is about to expire."""
    assert around
    assert load_token_from_dynamodb(KEY) is None
    save_token_to_dynamodb(a_token(lives_s=9), KEY)
    assert load_token_from_dynamodb(KEY) is not None
    save_token_to_dynamodb(a_token(lives_s=3600) | {"expires_at": int(time.time() * 1000) + 9_000}, KEY)
    assert load_token_from_dynamodb(KEY) is None
    save_token_to_dynamodb(a_token(), KEY)
    assert load_token_from_dynamodb(OTHER_KEY) is None
    for variable, value in (("SCOPE", "products:write"), ("URL", "https://a.example"), ("SECRET_NAME", "another")):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert load_token_from_dynamodb(KEY) is None
    monkeypatch.setenv("SCOPE", "products:read products:read")
    assert load_token_from_dynamodb(KEY) is not None


def test_a_swapped_item_is_of_no_use(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes the table can put the token for one scope in the place of another: it does not decrypt there."""
    save_token_to_dynamodb(a_token("narrow"), KEY)
    (narrow,) = around.items()
    monkeypatch.setenv("SCOPE", "products:write")
    save_token_to_dynamodb(a_token("wide"), KEY)
    (wide,) = [item for item in around.items() if item["id"] != narrow["id"]]
    around.aws("dynamodb").put_item(TableName=around.table, Item=wide | {"token": narrow["token"]})
    assert load_token_from_dynamodb(KEY) is None


def test_without_its_table_there_is_nothing_to_load(
    around: Around, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Loading gives None, with a warning that names the cause; saving is an error, as the token is not kept."""
    assert around
    monkeypatch.setenv("TOKEN_TABLE", "nowhere")
    assert load_token_from_dynamodb(KEY) is None
    assert "ResourceNotFoundException" in caplog.text
    with pytest.raises(StoreError, match="ResourceNotFoundException"):
        save_token_to_dynamodb(a_token(), KEY)


def test_an_end_may_be_a_float(around: Around) -> None:
    """As programs have it that add to `time.time() * 1000`."""
    token = a_token()
    save_token_to_dynamodb(token | {"expires_at": token["expires_at"] + 0.5}, KEY)
    assert (len(around.items()), load_token_from_dynamodb(KEY)) == (1, token)


@pytest.mark.parametrize(
    "token", [{}, {"access_token": "a"}, {"expires_at": 1}, {"access_token": "a", "expires_at": "1"}]
)
def test_what_is_no_token_is_not_kept(around: Around, token: dict[str, Any]) -> None:
    """It has to have a token and an end."""
    with pytest.raises(ValueError, match="expires_at, in milliseconds"):
        save_token_to_dynamodb(token, KEY)
    assert around.items() == []


@pytest.mark.spec("RFC 6749", "4.4.2")
def test_a_token_is_fetched_by_one_post(around: Around) -> None:
    """It carries its end in milliseconds, and it opens the API."""
    before = time.time() * 1000
    params = {"grant_type": "client_credentials", "scope": "products:read"}
    params |= {"client_id": "demo", "client_secret": around.stack["client_secret"]}
    token = fetch_token(f"{around.stack['issuer']}/oauth/token", {}, params)
    assert (token["token_type"], token["scope"], token["expires_in"]) == ("Bearer", "products:read", 3600)
    assert before + 3_600_000 - 1 <= token["expires_at"] <= time.time() * 1000 + 3_600_000
    headers = {"Authorization": f"{token['token_type']} {token['access_token']}"}
    assert httpx.get(f"{around.stack['api']}/products", headers=headers).status_code == 200


def test_what_a_program_says_is_sent_as_a_form(server: AuthorizationServer) -> None:
    """Its headers and parameters go along; that it is a form, and not compressed, is not the program's to say."""
    headers = {
        "authorization": "Basic abc",
        "X-Trace": "1",
        "content-type": "application/json",
        "Accept-Encoding": "gzip",
    }
    fetch_token(server.token_endpoint, headers, {"scope": "a b", "audience": "https://api.example.com"})
    (asked,) = server.asked
    assert asked.form == {"grant_type": "client_credentials", "scope": "a b", "audience": "https://api.example.com"}
    assert asked.headers.get_all("Content-Type") == ["application/x-www-form-urlencoded"]
    assert asked.headers.get_all("Accept-Encoding") == ["identity"]
    assert (asked.headers["Authorization"], asked.headers["X-Trace"]) == ("Basic abc", "1")
    assert asked.path == "/token"


def test_a_refusal_says_why_and_not_the_secret(around: Around) -> None:
    """With a wrong secret: `invalid_client`, and no word of what was sent."""
    params = {"client_id": "demo", "client_secret": "wrong-secret"}
    with pytest.raises(TokenRefusedError) as refused:
        fetch_token(f"{around.stack['issuer']}/oauth/token", {}, params)
    assert refused.value.error == "invalid_client"
    assert "wrong-secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "params", "named"),
    [
        ("http://auth.example.com/token", {}, "url"),
        ("auth.example.com", {}, "url"),
        ("https://auth.example.com/token", {"grant_type": "password"}, "grant_type"),
        ("https://auth.example.com/token", {"scope": 'a"b'}, "scope"),
    ],
)
def test_what_must_not_be_sent_is_not(url: str, params: dict[str, str], named: str) -> None:
    """No secret goes over plain http to another machine; and what no server could make sense of is named."""
    with pytest.raises(ConfigurationError, match=named):
        fetch_token(url, {}, params)


class Flaky:
    """A function that fails with each of these errors, one a call, and then gives 7. `called_at` are the times."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.called_at: list[float] = []

    def __call__(self) -> int:
        """Fail, or give 7."""
        self.called_at.append(time.monotonic())
        if self._errors:
            raise self._errors.pop(0)
        return 7


@pytest.mark.parametrize("error", [ServerUnavailableError("down"), ConnectionError(), httpx.ReadTimeout("late")])
def test_what_may_yet_succeed_is_tried_again(error: Exception) -> None:
    """`retries` are the further attempts; a function of one's own fails as its HTTP library does."""
    function = Flaky(error, error)
    assert retry_fetch_token(2, 1, function) == 7
    assert len(function.called_at) == 3
    function = Flaky(error, error)
    with pytest.raises(type(error)):
        retry_fetch_token(1, 1, function)
    assert len(function.called_at) == 2


@pytest.mark.parametrize(
    "error", [TokenRefusedError("invalid_scope", None, 400), KeyError("a"), ConfigurationError("b")]
)
def test_what_would_fail_again_is_not_tried_again(error: Exception) -> None:
    """One call, and its error."""
    function = Flaky(error)
    with pytest.raises(type(error)):
        retry_fetch_token(3, 1, function)
    assert len(function.called_at) == 1


def test_the_interval_is_in_milliseconds() -> None:
    """200 are a fifth of a second, give or take a half."""
    function = Flaky(ServerUnavailableError("down"))
    retry_fetch_token(1, 200, function)
    first, second = function.called_at
    assert 0.1 <= second - first < 1


@pytest.mark.spec("RFC 9110", "10.2.3")
def test_the_server_may_ask_for_more_time() -> None:
    """A second that it asks for is waited; a minute is not, and the error says so."""
    function = Flaky(ServerUnavailableError("busy", retry_after_s=1))
    retry_fetch_token(1, 1, function)
    assert function.called_at[1] - function.called_at[0] >= 1
    function = Flaky(ServerUnavailableError("busy", retry_after_s=60))
    with pytest.raises(ServerUnavailableError) as raised:
        retry_fetch_token(3, 1, function)
    assert (len(function.called_at), raised.value.retry_after_s) == (1, 60)


@pytest.mark.parametrize(
    ("retries", "interval", "named"), [(-1, 1, "retries"), (11, 1, "retries"), (1, -1, "interval")]
)
def test_bounds_out_of_their_range_are_named(retries: int, interval: float, named: str) -> None:
    """Neither a loop without end nor a pause of hours."""
    with pytest.raises(ConfigurationError, match=named):
        retry_fetch_token(retries, interval, lambda: 1)


def test_a_token_is_refreshed_and_kept(around: Around) -> None:
    """It is fetched with the secret, kept in the table, and each call gives another one."""
    first, second = refresh_token(3, 1, should_retry=True), refresh_token()
    key = generate_encryption_key(**get_secrets())
    assert load_token_from_dynamodb(key) == second
    assert first["access_token"] != second["access_token"]
    assert len(around.items()) == 1


def test_the_table_is_token_cache_unless_said(
    around: Around, local_stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that the local stack has."""
    monkeypatch.delenv("TOKEN_TABLE")
    token = refresh_token()
    assert load_token_from_dynamodb(generate_encryption_key("demo", local_stack["client_secret"])) == token
    assert around.items() == []


@pytest.mark.parametrize(
    ("arguments", "attempts"), [((), 3), ((1,), 2), ((0, 1), 1), ((3, 1, False), 1), ((3, 1, True), 4)]
)
def test_attempts_are_those_of_the_arguments_or_the_environment(
    server: AuthorizationServer, arguments: tuple[Any, ...], attempts: int
) -> None:
    """RETRIES is 2 here. Where `should_retry` is false there is one attempt."""
    server.answers = [authorization_server.raw(b"", 503)]
    with pytest.raises(ServerUnavailableError):
        refresh_token(*arguments)
    assert len(server.token_requests) == attempts


def test_a_token_that_cannot_be_kept_is_given_all_the_same(
    around: Around, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the table a program goes on, and is warned."""
    assert around
    monkeypatch.setenv("TOKEN_TABLE", "nowhere")
    assert refresh_token()["access_token"]
    assert "not kept: dynamodb:UpdateItem: ResourceNotFoundException" in caplog.text


@pytest.mark.parametrize("event", [{"time": "2026-11-25T00:00:00Z"}, {}, [], None, "x", 3])
def test_a_lambda_is_told_all_but_the_token(around: Around, event: Any) -> None:
    """Whatever invokes it, and whatever it says: the answer has no token in it, and the table has one."""
    assert around
    answer, _ = invoke(refresh_token, event, CONTEXT)
    kept = load_token_from_dynamodb(generate_encryption_key(**get_secrets()))
    assert kept is not None
    assert answer == {name: value for name, value in kept.items() if name != "access_token"}
    assert answer.keys() == {"token_type", "scope", "expires_in", "expires_at"}


def test_an_event_chooses_nothing(server: AuthorizationServer) -> None:
    """Whoever may invoke the function sends it nowhere else, and makes it try no more often."""
    server.answers = [authorization_server.raw(b"", 503)]
    with pytest.raises(ServerUnavailableError):
        refresh_token({"retries": 9, "url": "https://a.example", "should_retry": False}, CONTEXT)
    assert len(server.token_requests) == 3


def test_a_lambda_that_cannot_keep_the_token_fails(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would have the token: the invocation is an error, which an alarm can see."""
    assert around
    monkeypatch.setenv("TOKEN_TABLE", "nowhere")
    with pytest.raises(StoreError, match="ResourceNotFoundException"):
        refresh_token({}, CONTEXT)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SECRET_NAME", ""),
        ("URL", ""),
        ("URL", "http://auth.example.com/token"),
        ("RETRIES", "many"),
        ("RETRIES", "-1"),
        ("RETRIES", "99"),
        ("INTERVAL", "1s"),
        ("INTERVAL", "99999"),
        ("IS_LOCAL", "yes"),
    ],
)
def test_a_bad_setting_is_named(around: Around, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """One variable is wrong, and the error says which; a misspelt IS_LOCAL never means an account."""
    assert around
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"(?i)\b{variable}|retry_interval"):
        refresh_token()


def test_nothing_secret_is_logged(server: AuthorizationServer, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the secret nor the token, through a failure, a refusal and a success."""
    caplog.set_level(logging.DEBUG, logger="token_client")
    broken = authorization_server.raw(b'{"access_token": "the-token', 200)
    server.answers = [broken, authorization_server.token("the-token"), authorization_server.refusal("invalid_scope")]
    assert refresh_token()["access_token"] == "the-token"
    with pytest.raises(TokenRefusedError):
        refresh_token()
    assert "asking again" in caplog.text
    for secret in ("the-token", get_secrets()["consumer_secret"]):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("headers", "params"),
    [
        ({}, {"client_id": "demo", "client_secret": "s3cret+of/mine"}),
        ({"Authorization": f"Basic {b64encode(b'demo:s3cret%2Bof%2Fmine').decode()}"}, {}),
        ({"authorization": f"basic {b64encode(b'demo:s3cret+of/mine').decode()}"}, {}),
    ],
)
@pytest.mark.parametrize("echo", ["s3cret+of/mine", "s3cret%2Bof%2Fmine"])
def test_a_server_that_repeats_the_secret_is_not_quoted(
    headers: dict[str, str], params: dict[str, str], echo: str
) -> None:
    """In whichever way it was sent, and comes back."""
    with (
        authorization_server.serving(authorization_server.refusal("invalid_client", f"not {echo}")) as server,
        pytest.raises(TokenRefusedError) as refused,
    ):
        fetch_token(server.token_endpoint, headers, params)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(("status", "calls"), [(401, 1), (400, 1), (429, 4), (503, 4)])
def test_what_requests_says_of_a_status_is_tried_again_by_the_status(status: int, calls: int) -> None:
    """`raise_for_status` raises an OSError, as a connection that breaks does: a refusal is not asked for again."""
    called = []
    with authorization_server.serving(authorization_server.raw(b"", status)) as refusing:

        def fetch() -> None:
            called.append(requests.post(refusing.token_endpoint, timeout=5))
            called[-1].raise_for_status()

        with pytest.raises(requests.HTTPError):
            retry_fetch_token(3, 0, fetch)
    assert len(called) == calls
