"""Credentials in a file, as Docker and Kubernetes mount secrets."""

from __future__ import annotations

from pathlib import Path

from token_client.credentials.kept_secret import KeptSecret
from token_client.errors import CredentialsError

_MAX_BYTES = 65_536


class FileSecret(KeptSecret):
    """A file of one of the forms of `kept_secret`.

    It is read each time that a token is fetched, so that a file that is replaced counts at once.
    """

    def __init__(self, path: str | Path, client_id: str | None = None, *, method: str | None = None) -> None:
        self._path = Path(path)
        super().__init__(lambda: read_text(self._path), "the file", str(path), client_id=client_id, method=method)


def read_text(path: Path) -> str:
    """Read a small text file that is not empty. Raises `CredentialsError`, which names it."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        text = data.decode()
    except OSError as error:
        raise CredentialsError(f"the file {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"the file {path} is not UTF-8 text") from None
    if not text.strip():
        raise CredentialsError(f"the file {path} is empty")
    if len(data) > _MAX_BYTES:
        raise CredentialsError(f"the file {path} is larger than {_MAX_BYTES // 1024} KB")
    return text
