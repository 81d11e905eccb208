"""A client's id and secret out of a text that is kept somewhere: what such a text may be, and how long it is believed.

| text | |
| --- | --- |
| `{"client_id": "...", "client_secret": "..."}` | |
| `{"consumer_key": "...", "consumer_secret": "..."}` | as older secrets have them |
| the secret itself | where the id is known from elsewhere |

Other members of an object are passed over.
"""

from __future__ import annotations

import json
import logging
import time
from threading import Lock
from typing import TYPE_CHECKING, Final

from token_client.credentials.client_secret import ClientSecret, check_method
from token_client.errors import CredentialsError

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
            found = document.get(id_name, client_id), document.get(secret_name)
            if all(isinstance(value, str) and value for value in found):
                return ClientSecret(str(found[0]), str(found[1]), method)
    elif client_id is not None and text:
        return ClientSecret(client_id, text, method)
    needed = "client_id and client_secret, or consumer_key and consumer_secret"
    raise CredentialsError(f"{where} is not a JSON object with {needed}")


class KeptSecret:
    """Keeps what was read for some seconds, and on after that where it cannot be read again."""

    def __init__(
        self,
        read: Callable[[], str],
        where: str,
        *,
        client_id: str | None,
        method: str | None,
        max_age_s: float = 0,
    ) -> None:
        """`read` gives the text or raises `CredentialsError`; `where` is its name in errors."""
        check_method(method)
        self._read, self._where = read, where
        self._client_id, self._method = client_id, method
        self._max_age_s = max_age_s
        self._lock = Lock()
        self._kept: tuple[float, ClientSecret] | None = None

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
