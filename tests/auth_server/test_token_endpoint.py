"""The token endpoint, row by row of RFC 6749 and what it leaves to us."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth_server.clients import ClientSecret, digest_secret
from auth_server.wire import MAX_BODY_BYTES
from tests.simulator import AUDIENCE, ISSUER, NOW, SECRET, MemoryClientStore, Simulator, basic, client, document, event

GOOD = {"grant_type": "client_credentials", "client_id": "demo", "client_secret": SECRET}
CHALLENGED = "WWW-Authenticate"


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows one client, `demo`."""
    return Simulator()


def encoded(body: str) -> str:
    """Give a body as API Gateway hands over a binary one."""
    return base64.b64encode(body.encode()).decode()


def refused(response: dict[str, Any], status: int, error: str) -> dict[str, Any]:
    """Check that this is a refusal as RFC 6749 5.2 asks, and give its document."""
    assert (response["statusCode"], document(response)["error"]) == (status, error)
    assert response["headers"]["Content-Type"] == "application/json"
    assert response["headers"]["Cache-Control"] == "no-store"
    assert response["headers"]["Pragma"] == "no-cache"
    return document(response)


@pytest.mark.spec("RFC 6749", "4.4.3")
def test_a_good_request_gets_an_access_token(server: Simulator) -> None:
    """The authorization server issues an access token, and no refresh token."""
    response = server.token()
    assert response["statusCode"] == 200
    answer = document(response)
    assert answer.pop("access_token").count(".") == 2
    assert answer == {"token_type": "Bearer", "expires_in": 3600, "scope": "products:read products:write"}


@pytest.mark.spec("RFC 6749", "5.1")
def test_a_token_is_not_stored_by_caches(server: Simulator) -> None:
    """The server includes Cache-Control: no-store and Pragma: no-cache in any response that holds a token."""
    headers = server.token()["headers"]
    assert (headers["Cache-Control"], headers["Pragma"]) == ("no-store", "no-cache")
    assert headers["Content-Type"] == "application/json"


@pytest.mark.spec("RFC 6749", "2.3.1")
def test_credentials_in_the_body_are_accepted(server: Simulator) -> None:
    """The server may support the client credentials in the request body."""
    assert server.post(GOOD)["statusCode"] == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "application/x-www-form-urlencoded; charset=UTF-8",
        "APPLICATION/X-www-Form-URLencoded",
    ],
)
def test_the_form_is_read_with_or_without_a_charset(server: Simulator, content_type: str) -> None:
    """A media type is case-insensitive, and a charset parameter changes nothing."""
    assert server.post(GOOD, headers={"Content-Type": content_type})["statusCode"] == 200


MALFORMED: dict[str, Callable[[Simulator], dict[str, Any]]] = {
    "JSON body": lambda s: s.post(json.dumps(GOOD), headers={"Content-Type": "application/json"}),
    "no content type": lambda s: s.post(GOOD, headers={"Content-Type": None}),
    "two content types": lambda s: s.post(GOOD, headers={"Content-Type": ["application/x-www-form-urlencoded"] * 2}),
    "body over 64 KB": lambda s: s.post({**GOOD, "padding": "x" * MAX_BODY_BYTES}),
    "invalid UTF-8": lambda s: s.post(
        base64.b64encode(b"grant_type=client_credentials&a=\xff").decode(), isBase64Encoded=True
    ),
    "invalid UTF-8, percent-encoded": lambda s: s.post(urlencode(GOOD) + "&a=%ff"),
    "a NUL": lambda s: s.post(urlencode(GOOD) + "&a=%00"),
    "a NUL in a name": lambda s: s.post(urlencode(GOOD) + "&a%00=1"),
    "a NUL in a name without a value": lambda s: s.post(urlencode(GOOD) + "&a%00="),
    "base64 with a foreign character": lambda s: s.post(encoded(urlencode(GOOD)) + "!", isBase64Encoded=True),
    "base64 with a foreign character inside": lambda s: s.post("!" + encoded(urlencode(GOOD)), isBase64Encoded=True),
    "base64 in two lines": lambda s: s.post(encoded(urlencode(GOOD)) + "\n", isBase64Encoded=True),
    "bad base64": lambda s: s.post("***", isBase64Encoded=True),
    "a parameter twice": lambda s: s.post(urlencode(GOOD) + "&grant_type=client_credentials"),
    "an unknown parameter twice": lambda s: s.post(urlencode(GOOD) + "&a=1&a=2"),
    "no grant_type": lambda s: s.post({**GOOD, "grant_type": ""}),
    "an empty body": lambda s: s.post(""),
    "no body at all": lambda s: s.send(
        event("POST", "/oauth/token", headers={"Content-Type": "application/x-www-form-urlencoded"})
    ),
    "too many parameters": lambda s: s.post(urlencode([*GOOD.items(), *((f"p{n}", "1") for n in range(100))])),
    "two methods": lambda s: s.post(GOOD, headers=basic("demo", SECRET)),
    "another client_id than Basic's": lambda s: s.post(
        {"grant_type": "client_credentials", "client_id": "other"}, headers=basic("demo", SECRET)
    ),
    "two Authorization headers": lambda s: s.post(
        {"grant_type": "client_credentials"}, headers={"Authorization": [basic("demo", SECRET)["Authorization"]] * 2}
    ),
}


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("request_of", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_request_is_invalid_request(
    server: Simulator, request_of: Callable[[Simulator], dict[str, Any]]
) -> None:
    """A request that lacks a parameter, repeats one, uses two ways to authenticate or is malformed: invalid_request."""
    refused(request_of(server), 400, "invalid_request")
    assert server.clients.reads == 0


@pytest.mark.spec("RFC 6749", "3.2")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_the_token_endpoint_takes_post_alone(server: Simulator, method: str) -> None:
    """The client must use the HTTP POST method; any other is answered 405 with Allow."""
    response = server.send(event(method, "/oauth/token"))
    refused(response, 405, "invalid_request")
    assert response["headers"]["Allow"] == "POST"


def test_a_refusal_does_not_say_the_method_back(server: Simulator) -> None:
    """A method is whatever a caller writes: neither the body nor a header of the answer repeats it."""
    response = server.send(event("<SVG ONLOAD>", "/oauth/token"))
    refused(response, 405, "invalid_request")
    assert "SVG" not in json.dumps(response).upper()


@pytest.mark.spec("RFC 6749", "3.2")
def test_unknown_and_empty_parameters_are_ignored(server: Simulator) -> None:
    """Unrecognized parameters are ignored, and those sent without a value count as omitted."""
    response = server.post(urlencode({**GOOD, "foo": "bar"}) + "&scope=&scope=&resource=")
    assert document(response)["scope"] == "products:read products:write"


def test_a_base64_body_is_decoded(server: Simulator) -> None:
    """API Gateway hands over some bodies in base64."""
    assert server.post(encoded(urlencode(GOOD)), isBase64Encoded=True)["statusCode"] == 200


@pytest.mark.parametrize("in_base64", [False, True])
@pytest.mark.parametrize("filler", ["x", "%41", "ä"])
def test_a_body_of_64_kb_is_read_and_one_byte_more_is_not(server: Simulator, filler: str, *, in_base64: bool) -> None:
    """A body has at most 65,536 bytes, counted as they were sent, whatever API Gateway makes of them."""
    body = urlencode(GOOD) + "&padding="
    room = 65_536 - len(body)
    body += filler * (room // len(filler.encode())) + "x" * (room % len(filler.encode()))
    assert len(body.encode()) == 65_536

    def post(text: str) -> dict[str, Any]:
        return server.post(encoded(text) if in_base64 else text, isBase64Encoded=in_base64)

    assert post(body)["statusCode"] == 200
    refused(post(body + "x"), 400, "invalid_request")


@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize(
    ("client_id", "secret"),
    [
        ("with:colon", "se:cret:with:colons-and-more"),
        ("with+plus and space", "plus+and space+and+percent%20"),
        ("with%percent", "100%25%zz-percent-percent"),
        ('"quoted" & <odd> = ~', "käse-ключ-鍵-🔑-and-22-characters"),
    ],
)
@pytest.mark.parametrize("way", ["basic", "post"])
def test_ids_and_secrets_of_any_characters_work(client_id: str, secret: str, way: str) -> None:
    """Client id and secret are encoded with the form-urlencoded algorithm before Basic's base64."""
    kept = (ClientSecret(digest_secret(secret), created_at=NOW),)
    server = Simulator(clients=MemoryClientStore(client(client_id=client_id, secrets=kept)))
    if way == "basic":
        response = server.token(client_id, secret)
    else:
        response = server.post({**GOOD, "client_id": client_id, "client_secret": secret})
    assert server.claims(response)["client_id"] == client_id


def test_a_scheme_is_case_insensitive(server: Simulator) -> None:
    """An authentication scheme is matched whatever its case (RFC 9110 11.1)."""
    headers = {"authorization": basic("demo", SECRET)["Authorization"].replace("Basic", "bASIC")}
    assert server.post({"grant_type": "client_credentials"}, headers=headers)["statusCode"] == 200


BY_HEADER = {
    "unknown client": basic("nobody", SECRET),
    "wrong secret": basic("demo", SECRET[:-1] + "x"),
    "empty secret": basic("demo", ""),
    "empty id": basic("", SECRET),
    "id that cannot be": basic("x" * 256, SECRET),
    "id with a control character": basic("demo\x01", SECRET),
    "no colon": {"Authorization": "Basic " + base64.b64encode(b"demo").decode()},
    "not base64": {"Authorization": "Basic ???"},
    "not UTF-8": {"Authorization": "Basic " + base64.b64encode(b"demo:\xff").decode()},
    "percent-encoded, not UTF-8": {"Authorization": "Basic " + base64.b64encode(b"demo:%ff").decode()},
    "nothing after the scheme": {"Authorization": "Basic"},
    "another scheme": {"Authorization": "Bearer abc"},
    "empty header": {"Authorization": ""},
}


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("headers", BY_HEADER.values(), ids=BY_HEADER.keys())
def test_failed_authentication_by_header_is_challenged(server: Simulator, headers: dict[str, str]) -> None:
    """A client that used the Authorization header gets 401 with WWW-Authenticate, and one text for every cause."""
    response = server.post({"grant_type": "client_credentials"}, headers=headers)
    answer = refused(response, 401, "invalid_client")
    assert answer["error_description"] == "Client authentication failed."
    assert response["headers"][CHALLENGED].startswith("Basic realm=")


BY_BODY: dict[str, dict[str, str]] = {
    "no credentials": {"client_id": "", "client_secret": ""},
    "no secret": {"client_secret": ""},
    "no id": {"client_id": ""},
    "unknown client": {"client_id": "nobody"},
    "wrong secret": {"client_secret": SECRET + "x"},
}


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("changes", BY_BODY.values(), ids=BY_BODY.keys())
def test_failed_authentication_by_body_is_401(server: Simulator, changes: dict[str, str]) -> None:
    """Failed or absent authentication is 401 invalid_client; without an Authorization header, without a challenge."""
    response = server.post({**GOOD, **changes})
    assert refused(response, 401, "invalid_client")["error_description"] == "Client authentication failed."
    assert CHALLENGED not in response["headers"]


def test_a_disabled_client_is_refused() -> None:
    """A disabled client is answered like one that does not exist."""
    server = Simulator(clients=MemoryClientStore(client(enabled=False)))
    refused(server.token(), 401, "invalid_client")


def test_a_method_that_is_not_the_clients_is_refused() -> None:
    """A client that registered one method cannot use another."""
    server = Simulator(clients=MemoryClientStore(client(auth_methods=("client_secret_basic",))))
    assert server.token()["statusCode"] == 200
    refused(server.post(GOOD), 401, "invalid_client")


def test_a_client_without_a_secret_is_refused_whatever_it_sends() -> None:
    """No presented secret matches the digest that stands in for a missing one."""
    server = Simulator(clients=MemoryClientStore(client(secrets=())))
    refused(server.token(), 401, "invalid_client")


def test_both_live_secrets_work_until_they_expire() -> None:
    """A client has up to two live secrets; one is good until the second of its expiry, and no longer."""
    new = ClientSecret(digest_secret("the-new-secret-of-22-chars"), created_at=NOW)
    old = ClientSecret(digest_secret(SECRET), created_at=NOW - 9, expires_at=NOW + 60)
    server = Simulator(clients=MemoryClientStore(client(secrets=(old, new))))
    server.now = NOW + 59
    assert server.token()["statusCode"] == 200
    server.now = NOW + 60
    refused(server.token(), 401, "invalid_client")
    assert server.token(secret="the-new-secret-of-22-chars")["statusCode"] == 200


@pytest.mark.spec("RFC 6749", "5.2")
@pytest.mark.parametrize("grant_type", ["password", "authorization_code", "CLIENT_CREDENTIALS", "client_credentials "])
def test_another_grant_type_is_unsupported(server: Simulator, grant_type: str) -> None:
    """A grant type that the server does not support is unsupported_grant_type."""
    refused(server.token(grant_type=grant_type), 400, "unsupported_grant_type")


@pytest.mark.spec("RFC 6749", "5.2")
def test_a_grant_that_is_not_the_clients_is_unauthorized() -> None:
    """An authenticated client that may not use this grant type gets unauthorized_client."""
    server = Simulator(clients=MemoryClientStore(client(grant_types=("something_else",))))
    refused(server.token(), 400, "unauthorized_client")


@pytest.mark.spec("RFC 6749", "3.3")
@pytest.mark.parametrize(
    "scope",
    ["products:read  products:write", " products:read", "products:read ", 'a"b', "a\\b", "a\tb", "käse", "a\nb"],
)
def test_a_malformed_scope_is_refused(server: Simulator, scope: str) -> None:
    """Scope tokens are printable ASCII without quotes and backslashes, between single spaces."""
    refused(server.token(scope=scope), 400, "invalid_scope")


@pytest.mark.spec("RFC 6749", "3.3")
def test_a_scope_that_the_client_lacks_is_refused(server: Simulator) -> None:
    """Nothing is narrowed silently: one scope too many refuses the request."""
    refused(server.token(scope="products:read admin"), 400, "invalid_scope")


@pytest.mark.spec("RFC 6749", "3.3")
def test_the_scope_asked_for_is_the_scope_granted(server: Simulator) -> None:
    """The scope of the answer and of the token are those asked for, each once."""
    response = server.token(scope="products:write products:write")
    assert document(response)["scope"] == "products:write"
    assert server.claims(response)["scope"] == "products:write"


@pytest.mark.spec("RFC 6749", "3.3")
def test_the_default_scope_serves_where_none_is_asked() -> None:
    """If the client omits the scope, the server uses a pre-defined default."""
    server = Simulator(clients=MemoryClientStore(client(default_scopes=("products:read",))))
    assert document(server.token())["scope"] == "products:read"
    assert document(server.token(scope="products:write"))["scope"] == "products:write"


def test_a_client_without_scopes_gets_a_token_without_scope() -> None:
    """Where there is no scope to grant, neither the answer nor the token has an empty one."""
    server = Simulator(clients=MemoryClientStore(client(scopes=())))
    response = server.token()
    assert "scope" not in document(response)
    assert "scope" not in server.claims(response)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "nonsense"])
def test_every_answer_is_json_whatever_is_accepted(server: Simulator, accept: str) -> None:
    """`Accept` changes nothing: clients of machines parse JSON."""
    for response in (
        server.post(GOOD, headers={"Accept": accept}),
        server.send(event("GET", "/nothing", headers={"Accept": accept})),
    ):
        assert response["headers"]["Content-Type"] == "application/json"
        document(response)


def test_the_issuer_is_never_taken_from_the_host_header(server: Simulator) -> None:
    """Host and X-Forwarded-Host say what a caller likes; the issuer is a setting."""
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    response = server.post(GOOD, headers=headers)
    assert server.claims(response)["iss"] == ISSUER
    assert "evil" not in json.dumps(response)


@pytest.mark.spec("RFC 8707", "2")
def test_a_resource_chooses_the_audience() -> None:
    """The resource parameter, and the customary audience, choose `aud` among those that the client may ask for."""
    server = Simulator(clients=MemoryClientStore(client(audiences=("https://a.example", "https://b.example/x", "c"))))
    audiences = [
        server.claims(response)["aud"]
        for response in (
            server.token(),
            server.token(resource="https://b.example/x"),
            server.token(audience="c"),
            server.token(resource=["https://b.example/x", "https://a.example"]),
            server.token(resource="https://a.example", audience=["c", "https://a.example"]),
        )
    ]
    assert audiences == [
        "https://a.example",
        "https://b.example/x",
        "c",
        ["https://b.example/x", "https://a.example"],
        ["https://a.example", "c"],
    ]


@pytest.mark.spec("RFC 8707", "2")
@pytest.mark.parametrize(
    "resource",
    ["https://other.example", "relative/path", "https://api.example.com/#fragment", "api", "https://[bad", "https://"],
)
def test_another_resource_is_an_invalid_target(server: Simulator, resource: str) -> None:
    """A resource that is malformed, or not the client's to ask for, is invalid_target."""
    refused(server.token(resource=resource), 400, "invalid_target")


def test_the_servers_audience_serves_where_the_client_has_none(server: Simulator) -> None:
    """A client without audiences of its own gets, and may ask for, the server's default."""
    assert server.claims(server.token())["aud"] == AUDIENCE
    assert server.claims(server.token(resource=AUDIENCE))["aud"] == AUDIENCE


def test_an_unavailable_store_is_503(server: Simulator) -> None:
    """A dependency that is down is answered 503 with Retry-After, and service returns with it."""
    server.clients.failing = True
    response = server.token()
    refused(response, 503, "temporarily_unavailable")
    assert int(response["headers"]["Retry-After"]) >= 1
    server.clients.failing = False
    assert server.token()["statusCode"] == 200


def test_an_unavailable_signer_is_503(server: Simulator) -> None:
    """A key that does not answer, cached or not, is answered 503 with Retry-After, and service returns with it."""
    for _ in ("before the key was ever fetched", "with the public key cached"):
        server.keys.failing = True
        response = server.token()
        refused(response, 503, "temporarily_unavailable")
        assert "Retry-After" in response["headers"]
        server.keys.failing = False
        assert server.token()["statusCode"] == 200


def test_a_fault_of_ours_says_nothing_inside(server: Simulator, capsys: pytest.CaptureFixture[str]) -> None:
    """An unexpected exception becomes JSON for the caller; the log gets its type and place, not its text."""

    def explode(client_id: str) -> None:
        raise RuntimeError(f"secret of {client_id}: {SECRET}")

    server.clients.get = explode  # type: ignore[method-assign] # the fault is planted here
    refused(server.token(), 500, "server_error")
    log = capsys.readouterr().out
    assert "RuntimeError at test_token_endpoint.py" in log
    assert SECRET not in log


bodies = st.text() | st.dictionaries(st.sampled_from([*GOOD, "scope", "resource", "audience"]), st.text()).map(
    urlencode
)
header_values = st.text() | st.binary().map(lambda b: "Basic " + base64.b64encode(b).decode())


@settings(deadline=None)
@given(
    body=bodies,
    authorization=st.none() | header_values,
    content_type=st.sampled_from(["application/x-www-form-urlencoded", "text/plain"]) | st.text(),
    encoded=st.booleans(),
)
def test_no_request_ends_in_500(body: str, authorization: str | None, content_type: str, encoded: bool) -> None:
    """Whatever a client sends is answered with JSON, and never with a fault of ours."""
    server = Simulator()
    headers = {"Authorization": authorization, "Content-Type": content_type}
    response = server.post(body, headers=headers, isBase64Encoded=encoded)
    assert response["statusCode"] in (200, 400, 401)
    document(response)
