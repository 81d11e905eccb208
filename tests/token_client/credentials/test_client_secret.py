"""An id and a secret, written as RFC 6749 says, against our server, and as another library reads them."""

from base64 import b64decode
from typing import Any
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.token_client.credentials.registered import ODD, claims, register
from token_client import ClientSecret, ConfigurationError
from token_client.credentials.protocol import Server

SERVER = Server("https://auth.example.com/oauth/token", "https://auth.example.com")
ODD_ID = 'odd id:+%&=/?"\\'
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", None])
@pytest.mark.parametrize(("client_id", "secret"), [("plain-id", "s3cret"), ("plain-id-2", ODD), (ODD_ID, ODD)])
def test_our_server_knows_any_id_and_secret(
    local_stack: dict[str, Any], client_id: str, secret: str, method: str | None
) -> None:
    """Whatever form-encoding changes arrives as it was, by either method."""
    register(local_stack, client_id, secret)
    assert claims(local_stack, ClientSecret(client_id, secret, method))["client_id"] == client_id


@pytest.mark.spec("RFC 6749", "2.3.1")
@given(TEXT, TEXT)
def test_a_header_is_decoded_to_what_was_given(client_id: str, secret: str) -> None:
    """A reader that does as the RFC says gets id and secret back, and the header is one line of ASCII."""
    header = ClientSecret(client_id, secret).authenticate(SERVER, 0).headers["Authorization"]
    scheme, _, encoded = header.partition(" ")
    pair = b64decode(encoded, validate=True).decode("ascii").split(":")
    assert (scheme, list(map(unquote_plus, pair))) == ("Basic", [client_id, secret])


@pytest.mark.spec("RFC 8414", "2")
@pytest.mark.parametrize(
    ("offered", "is_post"),
    [
        (None, False),
        ((), False),
        (("client_secret_post", "client_secret_basic"), False),
        (("client_secret_post",), True),
        (("private_key_jwt", "client_secret_post"), True),
        (("private_key_jwt",), False),
    ],
)
def test_the_metadata_decides_how_a_secret_is_sent(offered: tuple[str, ...] | None, is_post: bool) -> None:
    """By Basic, which every server has to know, unless the server names the other one alone."""
    server = Server("https://auth.example.com/oauth/token", auth_methods=offered)
    sent = ClientSecret("demo", "s3cret").authenticate(server, 0)
    assert (bool(sent.form), bool(sent.headers)) == (is_post, not is_post)
    assert sent.form == ({"client_id": "demo", "client_secret": "s3cret"} if is_post else {})


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_method_that_was_chosen_is_kept(method: str) -> None:
    """Whatever the metadata says: it may be wrong, and the user may know better."""
    server = Server("https://auth.example.com/oauth/token", auth_methods=("private_key_jwt",))
    sent = ClientSecret("demo", "s3cret", method).authenticate(server, 0)
    assert bool(sent.form) == (method == "client_secret_post")


@pytest.mark.parametrize(
    "arguments", [("", "s3cret"), ("demo", ""), ("demo", "s3cret", "none"), ("demo", "half\ud83d"), ("demo\udfff", "x")]
)
def test_what_cannot_work_is_refused_at_once(arguments: tuple[str, ...]) -> None:
    """An empty part, half a character, and a method that is none; the error shows none of it."""
    with pytest.raises(ConfigurationError) as refused:
        ClientSecret(*arguments)
    assert "half" not in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_nothing_shows_a_secret() -> None:
    """Neither the credentials nor what they make, for whoever prints or logs them."""
    for method in ("client_secret_basic", "client_secret_post"):
        credentials = ClientSecret("demo", "s3cret", method)
        sent = credentials.authenticate(SERVER, 0)
        assert not any(part in f"{credentials!r} {sent!r}" for part in ("s3cret", "ZGVtbzpz"))
    assert credentials.secret == b"s3cret"
