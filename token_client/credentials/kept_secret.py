"""A client's id and secret out of a text that is kept somewhere: what such a text may be, and how long it is believed.

| text | |
| --- | --- |
| `{"client_id": "...", "client_secret": "..."}` | |
| `{"consumer_key": "...", "consumer_secret": "..."}` | as older secrets have them |
| the secret itself, less line ends around it | where the id is known from elsewhere |

Other members of an object are passed over.
"""

from __future__ import annotations

import json
import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from token_client import forks
from token_client.credentials.client_secret import ClientSecret, check_method, is_text
from token_client.errors import ConfigurationError, CredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES: Final = (("client_id", "client_secret"), ("consumer_key", "consumer_secret"))
_logger = logging.getLogger("token_client")


def parse(text: str, where: str, *, client_id: str | None, method: str | None) -> ClientSecret:
    """Read id and secret. Raises `CredentialsError`, which names `where` and quotes nothing of the text."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict):
        for id_name, secret_name in _NAMES:
            name, secret = document.get(id_name, client_id), document.get(secret_name)
            if is_text(name) and is_text(secret):
                return ClientSecret(name, secret, method)
    # An editor's line end is no part of it: a secret has none (RFC 6749 A.2).
    elif client_id is not None and is_text(secret := text.strip("\r\n")):
        return ClientSecret(client_id, secret, method)
    needed = "client_id and client_secret, or consumer_key and consumer_secret"
    raise CredentialsError(f"{where} is not a JSON object with {needed}")


class KeptSecret:
    """Keeps what was read for some seconds, and on after that where it cannot be read again."""

    def __init__(  # noqa: PLR0913 - what its kinds differ in, and what the user chose
        self,
        read: Callable[[], str],
        kind: str,
        name: str,
        *,
        client_id: str | None,
        method: str | None,
        max_age_s: float = 0,
    ) -> None:
        """`read` gives the text or raises `CredentialsError`; `kind` and `name` are what errors call it."""
        check_method(method)
        if not name:
            raise ConfigurationError(f"{kind} needs a name; it is empty")
        if client_id is not None and not is_text(client_id):
            raise ConfigurationError("client_id is empty, or no text")
        if not max_age_s >= 0:
            raise ConfigurationError("max_age_s is a number of seconds, 0 or more")
        self._read, self._where = read, f"{kind} {name}"
        self._client_id, self._method = client_id, method
        self._max_age_s = max_age_s
        self._lock = Lock()
        self._kept: tuple[float, ClientSecret] | None = None
        forks.tell(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._where}>"

    def forget(self) -> None:
        """Begin anew in a forked process: whoever read has the lock, and is not in it."""
        self._lock = Lock()

    def load(self, *, fresh: bool = False) -> ClientSecret:
        """Give what is kept while it is young and not asked for anew, else what is there now."""
        with self._lock:
            kept = self._kept
            if kept is not None and not fresh and time.monotonic() - kept[0] < self._max_age_s:
                return kept[1]
            try:
                found = parse(self._read(), self._where, client_id=self._client_id, method=self._method)
            except CredentialsError as error:
                if kept is None:
                    raise
                _logger.warning("the credentials known so far serve on: %s", error)
                return kept[1]
            self._kept = (time.monotonic(), found)
            return found
