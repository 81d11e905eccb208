"""Passwords as they are kept: Argon2id (RFC 9106), in PHC form with the parameters and the salt.

$argon2id$v=19$m=65536,t=3,p=4$<salt, 16 bytes>$<tag, 32 bytes>     both in base64 without padding
"""

import base64
import re
import secrets
from dataclasses import dataclass
from threading import Lock
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from auth_server.people import passwords

SALT_BYTES: Final = 16
TAG_BYTES: Final = 32
_PHC: Final = re.compile(
    r"\$argon2id\$v=19\$m=[0-9]{1,7},t=[0-9]{1,2},p=[0-9]{1,2}\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"
)

# OpenSSL has one pool of threads for all lanes of all computations, and fails where a second one asks for it. A Lambda
# has one request at a time anyhow; elsewhere this bounds the memory as well.
_ONE_AT_A_TIME: Final = Lock()


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a hash costs: memory in KiB, passes over it, and lanes, which could be computed side by side."""

    memory_kib: int
    passes: int
    lanes: int


RECOMMENDED: Final = Parameters(memory_kib=65_536, passes=3, lanes=4)  # RFC 9106 4, the second recommended option


def is_password_hash(text: str) -> bool:
    """Whether `text` is a hash as this module writes them, of whatever parameters."""
    return _PHC.fullmatch(text) is not None


class PasswordHasher:
    """Hashes and verifies, for any number of threads. Each call is one computation of Argon2id."""

    def __init__(self, parameters: Parameters = RECOMMENDED) -> None:
        """`parameters` are those of new hashes."""
        self._parameters = parameters
        self._start = f"$argon2id$v=19$m={parameters.memory_kib},t={parameters.passes},p={parameters.lanes}$"
        self._nobodys = f"{self._start}{_base64(bytes(SALT_BYTES))}${_base64(bytes(TAG_BYTES))}"

    def hash(self, password: str) -> str:
        """Hash a password with a salt of its own."""
        argon2id = Argon2id(
            salt=secrets.token_bytes(SALT_BYTES),
            length=TAG_BYTES,
            iterations=self._parameters.passes,
            lanes=self._parameters.lanes,
            memory_cost=self._parameters.memory_kib,
        )
        with _ONE_AT_A_TIME:
            return argon2id.derive_phc_encoded(_bytes(password))

    def verify(self, password: str, kept: str | None) -> bool:
        """Whether this is the password of the hash. None, where there is nobody, takes the same work and is False."""
        try:
            with _ONE_AT_A_TIME:
                Argon2id.verify_phc_encoded(_bytes(password), kept or self._nobodys)
        except InvalidKey:
            return False
        return kept is not None

    def is_current(self, kept: str) -> bool:
        """Whether a hash has the parameters that a new one would have."""
        return kept.startswith(self._start)


def _bytes(password: str) -> bytes:
    # What is too long, or holds half of a surrogate pair, was never accepted: it is wrong, and takes the same work.
    if len(password) > passwords.MAX_UNNORMALISED_LENGTH:
        return b""
    return passwords.normalise(password).encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")
