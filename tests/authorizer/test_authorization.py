"""The Authorization header of a bearer token (RFC 6750 2.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import authorization
from authorizer.errors import MalformedTokenError, Reason

_B64TOKEN = st.from_regex(r"[A-Za-z0-9\-._~+/]+=*", fullmatch=True)


@pytest.mark.spec("RFC 6750", "2.1")
@given(st.sampled_from(["Bearer", "bearer", "BEARER", "bEaReR"]), st.integers(1, 5), _B64TOKEN)
def test_the_one_token_is_taken(scheme: str, spaces: int, token: str) -> None:
    """The scheme is written in any case (RFC 9110 11.1), one or more spaces follow, then one b64token."""
    assert authorization.token_of(scheme + " " * spaces + token) == token


@pytest.mark.spec("RFC 6750", "2.1")
@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Bearera.b.c",
        "Bearer a.b.c d",
        "Bearer a.b.c, Bearer d.e.f",
        "Bearer a.b.c,d.e.f",
        "Bearer a.b.c ",
        "Bearer a.b.c\n",
        "Bearer\ta.b.c",
        "Bearer a.b\0.c",
        "Bearer a=b",
        'Bearer "a.b.c"',
        "Bearer é",
        " Bearer a.b.c",
        "Bearer Bearer a.b.c",
        "Basic YTpi",
        "DPoP a.b.c",
        "a.b.c",
        "Beare\u0280 a.b.c",
        7,
        ["Bearer a.b.c"],
        {"Bearer": "a.b.c"},
        b"Bearer a.b.c",
    ],
)
def test_anything_else_is_malformed(value: object) -> None:
    """No token, two tokens, another scheme, another separator, another alphabet, another type: malformed."""
    with pytest.raises(MalformedTokenError) as raised:
        authorization.token_of(value)
    assert raised.value.refusal.reason is Reason.AUTHORIZATION_MALFORMED


@pytest.mark.parametrize("value", [None, ""])
def test_no_header_is_a_missing_token(value: object) -> None:
    """An absent or empty header is told apart in the audit line."""
    with pytest.raises(MalformedTokenError) as raised:
        authorization.token_of(value)
    assert raised.value.refusal.reason is Reason.TOKEN_MISSING


def test_the_length_is_bounded_before_anything_is_read() -> None:
    """8,192 bytes are read, one more is refused."""
    longest = "Bearer " + "a" * (8_192 - len("Bearer "))
    assert len(authorization.token_of(longest)) == 8_185
    with pytest.raises(MalformedTokenError) as raised:
        authorization.token_of(longest + "a")
    assert raised.value.refusal.reason is Reason.AUTHORIZATION_TOO_LONG
