"""Base64url without padding (RFC 7515 2, Appendix C)."""

from base64 import urlsafe_b64decode, urlsafe_b64encode


def decode(text: str) -> bytes:
    """Decode the one encoding of some bytes; raises `ValueError` for every other text.

    The library's decoder skips foreign characters and ignores the unused bits of the last one (RFC 4648 3.3, 3.5).
    Only a text that comes out of the encoder again is taken, so that no two texts stand for the same bytes.
    """
    decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != text.encode("ascii"):
        raise ValueError("not canonical base64url")
    return decoded


def encode(data: bytes) -> str:
    """Encode bytes."""
    return urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
