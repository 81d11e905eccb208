"""Client authentication: what never reaches the store, what is no encoding, and how much work a comparison is."""

import base64
import hmac
import json
from urllib.parse import quote_plus

import pytest

from auth_server.clients import MAX_LIVE_SECRETS, ClientSecret, digest_secret
from tests.simulator import NOW, SECRET, MemoryClientStore, Response, Simulator, basic, client, document

FORM = {"grant_type": "client_credentials"}


@pytest.fixture
def server() -> Simulator:
    """Give a server that knows one client, `demo`."""
    return Simulator()


def by_header(server: Simulator, credentials: str, *, after: str = "") -> Response:
    """Ask for a token with these Basic credentials, as they are; `after` follows the base64."""
    encoded = base64.b64encode(credentials.encode()).decode()
    return server.post(FORM, headers={"Authorization": f"Basic {encoded}{after}"})


def send_by(way: str, server: Simulator, client_id: str) -> Response:
    """Ask for a token as this client, with the good secret."""
    if way == "basic":
        return server.token(client_id)
    return server.post({**FORM, "client_id": client_id, "client_secret": SECRET})


@pytest.mark.spec("RFC 6749", "A.1")
@pytest.mark.parametrize("way", ["basic", "post"])
@pytest.mark.parametrize(
    "client_id",
    ["x" * 256, "x" * 3_000, "demo\x01", "demo\n", "\x7fdemo", "demo\x80", "d\u00e9mo"],
    ids=["256", "3000", "control", "newline", "delete", "C1 control", "not ASCII"],
)
def test_an_id_that_cannot_be_is_never_looked_up(server: Simulator, way: str, client_id: str) -> None:
    """A client id is at most 255 characters of printable ASCII: no other costs a read, or can end in one that fails."""
    server.clients.failing = True
    response = send_by(way, server, client_id)
    assert (response["statusCode"], document(response)["error"]) == (401, "invalid_client")
    assert server.clients.reads == 0


@pytest.mark.parametrize("way", ["basic", "post"])
def test_the_longest_id_is_looked_up(way: str) -> None:
    """255 characters are a client id."""
    server = Simulator(clients=MemoryClientStore(client(client_id="x" * 255)))
    assert send_by(way, server, "x" * 255)["statusCode"] == 200
    assert server.clients.reads == 1


@pytest.mark.spec("RFC 7617", "2")
@pytest.mark.parametrize("secret", [SECRET, f"%{ord(SECRET[0]):02x}{SECRET[1:]}"], ids=["unpadded", "padded"])
@pytest.mark.parametrize("after", ["!", "\n", "%", "AA", "\u00e9", ",Zm9v"])
def test_good_basic_credentials_with_something_behind_them_are_refused(
    server: Simulator, secret: str, after: str
) -> None:
    """The credentials are base64 and nothing else: what does not belong to it is not skipped."""
    assert by_header(server, f"demo:{secret}")["statusCode"] == 200
    response = by_header(server, f"demo:{secret}", after=after)
    assert (response["statusCode"], document(response)["error"]) == (401, "invalid_client")


def test_good_basic_credentials_with_something_inside_are_refused(server: Simulator) -> None:
    """Nor is a foreign character skipped in the middle."""
    scheme, encoded = basic("demo", SECRET)["Authorization"].split(" ")
    headers = {"Authorization": f"{scheme} {encoded[:8]}!{encoded[8:]}"}
    assert server.post(FORM, headers=headers)["statusCode"] == 401


@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize(
    "credentials",
    [f"demo%ff:{SECRET}", f"%c3demo:{SECRET}", f"de%ed%a0%80mo:{SECRET}", f"demo:{SECRET}%ff", f"demo:%c0%80{SECRET}"],
)
def test_percent_encoded_bytes_that_are_no_utf_8_are_refused(server: Simulator, credentials: str) -> None:
    """Id and secret are UTF-8 before they are percent-encoded: other bytes are neither dropped nor replaced."""
    assert by_header(server, f"demo:{quote_plus(SECRET)}")["statusCode"] == 200
    reads = server.clients.reads
    response = by_header(server, credentials)
    assert (response["statusCode"], document(response)["error"]) == (401, "invalid_client")
    assert server.clients.reads == reads


@pytest.mark.spec("RFC 7617", "2.1")
def test_the_challenge_says_that_credentials_are_utf_8(server: Simulator) -> None:
    """The charset parameter tells a client which encoding the server takes, which is how an id with an umlaut works."""
    headers = server.token(secret="wrong")["headers"]
    assert headers["WWW-Authenticate"] == 'Basic realm="oauth", charset="UTF-8"'


OTHER = ClientSecret(digest_secret("another secret"), created_at=NOW)
EXPIRED = ClientSecret(digest_secret(SECRET), created_at=NOW - 9, expires_at=NOW)
GOOD = ClientSecret(digest_secret(SECRET), created_at=NOW)
KNOWN: dict[str, tuple[ClientSecret, ...]] = {
    "no secret": (),
    "one secret, another": (OTHER,),
    "one secret, expired": (EXPIRED,),
    "two secrets, none matches": (OTHER, OTHER),
    "one secret, the good one": (GOOD,),
    "two secrets, the first matches": (GOOD, OTHER),
    "two secrets, the second matches": (OTHER, GOOD),
}


@pytest.mark.parametrize("name", ["unknown client", *KNOWN])
def test_every_attempt_is_the_same_number_of_comparisons(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret is compared as often for any client, known or not, whichever of its secrets matches: time tells nothing.

    The calls are counted, since no test may time itself.
    """
    compared: list[tuple[int, int]] = []
    compare = hmac.compare_digest

    def counting(left: bytes, right: bytes) -> bool:
        compared.append((len(left), len(right)))
        return compare(left, right)

    clients = [client(secrets=KNOWN[name])] if name in KNOWN else []
    server = Simulator(clients=MemoryClientStore(*clients))
    monkeypatch.setattr(hmac, "compare_digest", counting)
    response = server.token()
    assert response["statusCode"] == (200 if GOOD in KNOWN.get(name, ()) else 401)
    assert compared == [(32, 32)] * MAX_LIVE_SECRETS


HEADERS = {
    "good Basic": basic("demo", SECRET),
    "Basic with a wrong secret": basic("demo", "wrong"),
    "broken Basic": {"Authorization": "Basic ???"},
    "Basic without credentials": {"Authorization": "Basic"},
    "Bearer": {"Authorization": "Bearer abc"},
}
BODIES = {
    "id and secret": {"client_id": "demo", "client_secret": SECRET},
    "a secret alone": {"client_secret": SECRET},
    "a wrong secret": {"client_id": "demo", "client_secret": "wrong"},
    "another client's id": {"client_id": "other", "client_secret": SECRET},
}


@pytest.mark.spec("RFC 6749", "2.3")
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("body", BODIES)
def test_two_methods_at_once_are_an_invalid_request(server: Simulator, header: str, body: str) -> None:
    """The client must not use more than one method in each request, whether or not each of them would do alone."""
    response = server.post({**FORM, **BODIES[body]}, headers=HEADERS[header])
    assert (response["statusCode"], document(response)["error"]) == (400, "invalid_request")
    assert server.clients.reads == 0
    assert SECRET not in json.dumps(response)


@pytest.mark.spec("RFC 6749", "2.3.1")
def test_a_client_id_beside_basic_is_no_second_method(server: Simulator) -> None:
    """A client may name itself in the body as well."""
    assert server.token(client_id="demo")["statusCode"] == 200
    headers = basic("demo", SECRET)
    assert server.post({**FORM, "client_id": "demo"}, headers=headers)["statusCode"] == 200
