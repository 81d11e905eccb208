"""A token in a file, as Kubernetes projects service account tokens, and SPIFFE's and other agents write theirs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from token_client.credentials.file import read_text


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A file with a JWT in it. It is read for each request: the kubelet replaces it before the token expires."""

    path: str | Path

    def __call__(self) -> str:
        """Read it. Raises `CredentialsError`, which names it."""
        return read_text(Path(self.path)).strip()
