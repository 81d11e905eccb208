"""Base64url without padding (RFC 7515 2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import base64url
from tests.authorizer.issuer import encode


@pytest.mark.spec("RFC 7515", "2")
@given(st.binary(max_size=200))
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    """Every octet sequence has an encoding, and it is read back."""
    assert base64url.decode(encode(data)) == data


@pytest.mark.spec("RFC 4648", "3.5")
@given(st.text(alphabet=st.sampled_from("ABYZabyz0189-_+/=. \n\0é"), max_size=12))
def test_no_two_texts_are_the_same_octets(text: str) -> None:
    """A text is either the one encoding of what it decodes to, or refused."""
    try:
        decoded = base64url.decode(text)
    except ValueError:
        return
    assert encode(decoded) == text


@pytest.mark.spec("RFC 7515", "2")
@pytest.mark.parametrize("text", ["QQ==", "QQ=", "Q", "QR", "QUJ", "Q+__", "Q/__", "QU I", "QUI\n", "\0QUI", "QUé"])
def test_another_alphabet_padding_and_unused_bits_are_refused(text: str) -> None:
    """Padding, a length of 4n+1, set bits that are not used, `+`, `/`, white space and NUL are refused."""
    with pytest.raises(ValueError, match=r"."):
        base64url.decode(text)
