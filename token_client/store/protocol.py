"""What a shared store offers: one slot for each token, and a lease, so that one process at a time fetches it."""

import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from token_client.access_token import AccessToken


@dataclass(frozen=True, slots=True)
class TokenKey:
    """All that a token depends on: two clients with the same key can share it, any others must not.

    `server` is the issuer, or the token endpoint where no issuer is known. `scope` and `resource` are sorted; `jkt` is
    the thumbprint of the DPoP key; `parameters` are further parameters of the token request, sorted.
    """

    server: str
    client_id: str
    scope: tuple[str, ...] = ()
    resource: tuple[str, ...] = ()
    jkt: str | None = None
    parameters: tuple[tuple[str, str], ...] = ()

    @property
    def associated_data(self) -> bytes:
        """Give its one encoding, to which ciphertexts are bound."""
        members = {name: getattr(self, name) for name in self.__slots__}
        return json.dumps({"latchkey_token": 1} | members, sort_keys=True, separators=(",", ":")).encode()

    @property
    def id(self) -> str:
        """Give its digest: base64url of SHA-256, 43 characters."""
        return urlsafe_b64encode(sha256(self.associated_data).digest()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found. `token` is None where there is none, an expired one, or one that cannot be read.

    `lease_owner` is who holds the lease at this moment, None where nobody does.
    """

    token: AccessToken | None
    lease_owner: str | None


class TokenSlot(Protocol):
    """The place of one token. Every method blocks, and raises `StoreError`, which names the operation and the cause."""

    def read(self) -> Reading:
        """Read token and lease."""
        ...

    def acquire(self, owner: str, seconds: float, *, instead_of: str | None = None) -> bool:
        """Take the lease where it is free, or held by `instead_of`, or by `owner`, for whom it is prolonged.

        Gives whether it was taken.
        """
        ...

    def write(self, owner: str, token: AccessToken) -> bool:
        """Keep the token and free the lease, if `owner` still has it: whether it was kept."""
        ...

    def release(self, owner: str) -> None:
        """Free the lease, if `owner` still has it."""
        ...


class TokenStore(Protocol):
    """A store of tokens that processes share."""

    def slot(self, key: TokenKey, secret: bytes | None) -> TokenSlot:
        """Give the slot of a key. Does no I/O. Raises `ConfigurationError` where it cannot encrypt without a secret."""
        ...
