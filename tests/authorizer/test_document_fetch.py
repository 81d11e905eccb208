"""Fetching a document, and asking whether it has changed; the bounds are tested with the keys (`test_jwks_fetch`)."""

from http.server import BaseHTTPRequestHandler

import pytest

from authorizer.document_fetch import Fetched, Source, fetch
from authorizer.errors import FetchError
from tests.authorizer.jwks_server import JwksServer, document, serving

_BODY = b'{"revoked": {}}'


def _source(server: JwksServer, max_bytes: int = 100_000) -> Source:
    return Source(server.uri, "application/json", max_bytes, timeout_s=10.0)


@pytest.mark.spec("RFC 9110", "8.8.3")
@pytest.mark.parametrize("tag", ['"a"', 'W/"a"', '""', '"' + "a" * 256 + '"', '"#$%&()*+,-./:;<=>?@[]^_`{|}~"'])
def test_a_tag_comes_with_the_document(tag: str) -> None:
    """An entity tag, strong or weak, is given back as it is."""
    with serving(document(_BODY, ETag=tag)) as server:
        assert fetch(_source(server)) == Fetched(_BODY, tag)


@pytest.mark.spec("RFC 9110", "8.8.3")
@pytest.mark.parametrize("tag", ["", "a", '"a', '"a" x', "*", '"a b"', '"\u00e9"', '"' + "a" * 257 + '"', '"a", "b"'])
def test_what_is_no_tag_is_never_sent_back(tag: str) -> None:
    """Whatever else the header holds, the document is as good as one without a tag."""
    with serving(document(_BODY, ETag=tag)) as server:
        assert fetch(_source(server)) == Fetched(_BODY, None)


@pytest.mark.spec("RFC 9110", "13.1.2")
def test_what_is_known_is_asked_for_with_its_tag() -> None:
    """`If-None-Match` holds the tag where there is one, and is not sent where there is none; 304 is None."""
    asked: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.headers["If-None-Match"])
        document(b"", 304)(request) if asked[-1] == '"a"' else document(_BODY)(request)

    with serving(answer) as server:
        assert fetch(_source(server), '"a"') is None
        assert fetch(_source(server), '"b"') == Fetched(_BODY, None)
        assert fetch(_source(server)) == Fetched(_BODY, None)
    assert asked == ['"a"', '"b"', None]


@pytest.mark.parametrize("status", [204, 301, 302, 404, 412, 500, 503])
def test_with_a_tag_too_nothing_but_200_and_304_is_an_answer(status: int) -> None:
    """Another status is neither a document nor a word about it."""
    with serving(document(_BODY, status)) as server, pytest.raises(FetchError, match=str(status)):
        fetch(_source(server), '"a"')


def test_each_document_has_its_own_bound() -> None:
    """As many bytes as the source allows are read, and not one more."""
    with serving(document(b" " * 300_000)) as server:
        assert len(getattr(fetch(_source(server, 300_000)), "body", b"")) == 300_000
        with pytest.raises(FetchError, match="larger"):
            fetch(_source(server, 299_999))


def test_the_media_types_that_are_wanted_are_asked_for() -> None:
    """`Accept` is the source's."""
    wanted: list[str | None] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        wanted.append(request.headers["Accept"])
        document(_BODY)(request)

    with serving(answer) as server:
        fetch(_source(server))
    assert wanted == ["application/json"]
