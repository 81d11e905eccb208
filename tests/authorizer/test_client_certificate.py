"""The thumbprint of a client certificate (RFC 8705 3.1)."""

import pytest

from auth_server import client_certificate as of_the_server
from authorizer import client_certificate
from tests.auth_server.certificates import certificate

_PEM = certificate()


@pytest.mark.spec("RFC 8705", "3.1")
def test_the_thumbprint_is_the_one_that_tokens_are_bound_to() -> None:
    """The server, which reads the whole certificate, comes to the same digest."""
    assert client_certificate.thumbprint(_PEM) == of_the_server.from_pem(_PEM).thumbprint


@pytest.mark.parametrize(
    "written",
    [_PEM.replace("\n", "\r\n"), _PEM.strip(), f"\n{_PEM}\n", _PEM.replace("\n", " ")],
    ids=["CRLF", "stripped", "surrounded", "one line"],
)
def test_the_lines_make_no_difference(written: str) -> None:
    """White space between the lines is what a header or an event makes of it."""
    assert client_certificate.thumbprint(written) == client_certificate.thumbprint(_PEM)


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        {},
        "",
        "PEM",
        _PEM + _PEM,
        _PEM.replace("CERTIFICATE", "PRIVATE KEY"),
        _PEM.replace("A", "!", 1),
        _PEM[:-40],
        "-----BEGIN CERTIFICATE-----\nA\n-----END CERTIFICATE-----",
        _PEM + " " * 65_536,
    ],
)
def test_anything_else_is_an_error(value: object) -> None:
    """None, two, another kind, another alphabet, cut off, too long."""
    with pytest.raises(ValueError, match=r"."):
        client_certificate.thumbprint(value)
