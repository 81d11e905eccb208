"""Proof by a shared secret (RFC 6749 2.3.1), however it was sent."""

import hmac
from dataclasses import dataclass, field

from auth_server.clients import MAX_LIVE_SECRETS, Client, ClientSecret, digest_secret
from auth_server.errors import InvalidClientError

# Stands in where a client has fewer secrets than it may have: no secret has this digest.
_NO_DIGEST = bytes(32)


@dataclass(frozen=True, slots=True)
class ClientSecretCredentials:
    """A client id and a secret, from the Authorization header or the body."""

    method: str
    client_id: str
    secret: str = field(repr=False)

    def prove(self, client: Client | None, now: int) -> None:
        """Compare in constant time, with as many digests as a client may have, whether or not there is a client."""
        presented = digest_secret(self.secret)
        live = [secret.digest for secret in client.secrets if secret.is_live(now)] if client else []
        padded = [*live, *[_NO_DIGEST] * (MAX_LIVE_SECRETS - len(live))]
        matches = [hmac.compare_digest(presented, digest) for digest in padded]  # all of them: no early way out
        if client is None:
            raise InvalidClientError(reason="unknown client")
        if not any(matches):
            raise InvalidClientError(reason="the secret matches none of the client's live secrets")

    def match(self, client: Client) -> ClientSecret:
        """Give the secret that it proved to be."""
        presented = digest_secret(self.secret)
        # Proven, it is no secret to whoever sent it: how long this takes tells nothing.
        return next(secret for secret in client.secrets if secret.digest == presented)
