"""A client's keys, and the issuers that it trusts, out of files that options name."""

from pathlib import Path
from typing import Any

from auth_server import trusted_issuers
from auth_server.trusted_issuers import TrustedIssuer
from authorizer import strict_json
from latchkey.errors import CommandError, UsageError

MAX_FILE_BYTES = 65_536


def read_jwks(path: str) -> dict[str, Any] | None:
    """Read a JWK Set; None for no path. Raises `UsageError`, `CommandError`."""
    return _read(path, "--jwks") if path else None


def read_trusted_issuer(path: str) -> TrustedIssuer:
    """Read the record of one trusted issuer; raises `UsageError`, `CommandError`."""
    try:
        return trusted_issuers.from_document(_read(path, "--trust"))
    except ValueError as error:
        raise CommandError(f"{path!r}: {error}") from None


def _read(path: str, option: str) -> dict[str, Any]:
    """Read a file of one JSON object. Nothing of it is quoted: somebody may have named the private key."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError):
        raise UsageError(f"{option}: there is no file {path!r} to read") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"{option}: {path!r} is larger than {MAX_FILE_BYTES} bytes")
    try:
        return strict_json.parse_object(data)
    except ValueError as error:
        raise UsageError(f"{option}: {path!r}: {error}") from None
