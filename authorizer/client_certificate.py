"""The thumbprint of a client certificate, as a token is bound to it (RFC 8705 3.1).

API Gateway has verified the certificate's chain and that the client holds its key. All that is left to ask is whether
it is the one that the token names, for which nothing of it has to be read.
"""

import re
from base64 import b64decode
from hashlib import sha256

from authorizer import base64url

MAX_PEM_LENGTH = 65_536
# One certificate (RFC 7468 5): which of two is meant would be a guess.
_PEM = re.compile(r"\s*-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----\s*", re.ASCII)


def thumbprint(pem: object) -> str:
    """Digest the DER encoding, as `x5t#S256` does; raises `ValueError` for what is not one certificate in PEM."""
    match = _PEM.fullmatch(pem) if isinstance(pem, str) and len(pem) <= MAX_PEM_LENGTH else None
    if match is None:
        raise ValueError("not a certificate in PEM")
    return base64url.encode(sha256(b64decode("".join(match[1].split()), validate=True)).digest())
