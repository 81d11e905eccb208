"""Finding an issuer's token endpoint, with a client of either kind and a real server."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from tests.token_client.authorization_server import (
    Answer,
    AuthorizationServer,
    Call,
    metadata,
    raw,
    said,
    serving,
    token,
)
from tests.token_client.hands import Hands
from token_client.errors import DiscoveryError, ServerUnavailableError
from token_client.server_metadata import well_known_urls


def at(paths: dict[str, Answer]) -> Answer:
    """Answer by path; elsewhere with 404."""
    return lambda call: paths.get(call.path, raw(b"", 404))(call)


def gets(server: AuthorizationServer) -> list[str]:
    """Give the paths of the documents that were asked for."""
    return [asked.path for asked in server.asked if asked.method == "GET"]


@pytest.mark.spec("RFC 8414", "3.1")
@pytest.mark.parametrize(
    ("issuer", "urls"),
    [
        ("https://x", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]),
        ("https://x/", ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]),
        (
            "https://x/a/b",
            [
                "/.well-known/oauth-authorization-server/a/b",
                "/a/b/.well-known/oauth-authorization-server",
                "/a/b/.well-known/openid-configuration",
            ],
        ),
        (
            "https://x/a/",
            [
                "/.well-known/oauth-authorization-server/a",
                "/a/.well-known/oauth-authorization-server",
                "/a/.well-known/openid-configuration",
            ],
        ),
    ],
)
def test_where_metadata_may_be(issuer: str, urls: list[str]) -> None:
    """First where RFC 8414 has it, then where many servers put it, then OpenID Connect's; each place once."""
    assert list(well_known_urls(issuer)) == [f"https://x{path}" for path in urls]


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server/t",
        "/t/.well-known/oauth-authorization-server",
        "/t/.well-known/openid-configuration",
    ],
)
@pytest.mark.parametrize("elsewhere", [raw(b"", 404), raw(b"", 403), raw(b"<html>"), raw(b"", 302), raw(b"", 500)])
def test_metadata_are_found_at_each_of_the_places(made: Callable[..., Any], path: str, elsewhere: Answer) -> None:
    """Whatever stands at those before: nothing, a gateway's refusal, a page for every path, a redirect, an error."""
    with serving() as server:

        def answer(call: Call) -> None:
            (metadata(issuer=f"{server.url}/t") if call.path == path else elsewhere)(call)

        server.metadata = answer
        with made(f"{server.url}/t", retries=0) as client:
            assert client.token() == "token-1"
        assert gets(server)[-1] == path


@pytest.mark.spec("RFC 8414", "3.3")
@pytest.mark.parametrize("issuer", ["https://elsewhere.example", None, 7, "\n" * 1000])
def test_metadata_of_another_issuer_are_not_followed(made: Callable[..., Any], issuer: object) -> None:
    """They could name any token endpoint, and have the secret sent there. No second attempt is made."""
    with serving() as server:
        server.metadata = metadata(issuer=issuer)
        with made(server.url) as client, pytest.raises(DiscoveryError, match="not of the issuer") as caught:
            client.token()
        assert len(server.asked) == 1
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_issuer_is_identical_or_another(made: Callable[..., Any], slash: str) -> None:
    """A slash at its end makes it another, whichever of the two has it."""
    with serving() as server:
        server.metadata = metadata(issuer=f"{server.url}/"[: -1 if slash else None])
        with made(f"{server.url}{slash}") as client, pytest.raises(DiscoveryError):
            client.token()


@pytest.mark.parametrize(
    "endpoint",
    [None, 7, "", "/token", "http://as.example/token", "ftp://as.example/", "https://a@as.example/", "https://x/#f"],
)
def test_a_token_endpoint_that_no_secret_may_go_to_is_refused(made: Callable[..., Any], endpoint: object) -> None:
    """It is https, or on this machine."""
    with serving() as server:
        server.metadata = metadata(token_endpoint=endpoint)
        with made(server.url) as client, pytest.raises(DiscoveryError, match="token_endpoint"):
            client.token()


def test_an_issuer_without_metadata_says_where_they_were_looked_for(made: Callable[..., Any]) -> None:
    """With what was answered there, and no second attempt."""
    with serving() as server:
        server.metadata = at({"/.well-known/openid-configuration": raw(b"<html>")})
        with (
            made(server.url) as client,
            pytest.raises(DiscoveryError, match=r"authorization-server answered 404, .*configuration answered 200 w"),
        ):
            client.token()
        assert len(server.asked) == 2


def test_metadata_are_tried_for_again_where_the_server_cannot_answer(made: Callable[..., Any]) -> None:
    """A 503 is asked again after its Retry-After, as a token request is."""
    hands, answers = Hands(), [raw(b"", 503, Retry_After="7"), raw(b"", 404), metadata()]
    with serving() as server:

        def answer(call: Call) -> None:
            answers.pop(0)(call)

        server.metadata = answer
        with made(server.url, clocks=hands.clocks) as client:
            assert client.token() == "token-1"
        assert hands.pauses == [7]


def test_metadata_are_kept_for_an_hour(made: Callable[..., Any]) -> None:
    """A second token needs no second look, one an hour later does."""
    hands = Hands()
    with serving(token(expires_in=1000)) as server, made(server.url, clocks=hands.clocks) as client:
        for seconds, looks in ((0, 1), (1001, 1), (2700, 2)):
            hands.turn(seconds)
            client.token()
            assert len(gets(server)) == looks


def test_known_metadata_serve_while_none_can_be_had(made: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """An hour later the documents are gone: tokens are still got, with a warning, and the next look is a minute off."""
    hands = Hands()
    with serving(token(expires_in=20)) as server, made(server.url, clocks=hands.clocks) as client:
        client.token()
        server.metadata = raw(b"", 503)
        hands.turn(3601)
        with caplog.at_level(logging.WARNING, "token_client"):
            assert client.token() == "token-1"
        assert "serves on" in caplog.text
        looks = len(gets(server))
        hands.turn(21)
        client.token()
        assert len(gets(server)) == looks
        hands.turn(61)
        client.token()
        assert len(gets(server)) > looks


def test_known_metadata_do_not_hide_that_the_issuer_became_another(made: Callable[..., Any]) -> None:
    """Whatever was right an hour ago."""
    hands = Hands()
    with serving(token(expires_in=20)) as server, made(server.url, clocks=hands.clocks) as client:
        client.token()
        server.metadata = said({"issuer": "https://elsewhere.example", "token_endpoint": "https://elsewhere.example/t"})
        hands.turn(3601)
        with pytest.raises(DiscoveryError):
            client.token()


def test_a_server_that_is_down_is_unavailable(made: Callable[..., Any]) -> None:
    """And not without metadata."""
    with serving() as server:
        url = server.url
    with made(url, retries=0) as client, pytest.raises(ServerUnavailableError, match="cannot be reached"):
        client.token()
