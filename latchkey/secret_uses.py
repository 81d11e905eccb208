"""When the secrets of clients were used last, and which of them will be missed."""

import sys
from collections.abc import Callable, Iterable

from auth_server import last_use
from auth_server.clients import Client
from auth_server.errors import DependencyError
from latchkey.aws import state_store
from latchkey.client_document import Uses
from latchkey.escape import printable
from latchkey.moment import moment


def of_all(table: str) -> Uses:
    """Read the uses of all secrets there are, by one query."""
    return _lookup(lambda: state_store(table).all_seen(last_use.KIND))


def of(client: Client, table: str) -> Uses:
    """Read the uses of one client's secrets."""
    return _lookup(lambda: _seen(client, table))


def _seen(client: Client, table: str) -> dict[str, int]:
    store, names = state_store(table), [last_use.name_of(secret.digest) for secret in client.secrets]
    return {name: at for name in names if (at := store.seen(last_use.KIND, name)) is not None}


def _lookup(read: Callable[[], dict[str, int]]) -> Uses:
    """Look secrets up in what was read. What cannot be read hides no client: it is said, and no use is known."""
    try:
        seen = read()
    except DependencyError as error:
        sys.stderr.write(f"Warning: when secrets were used last cannot be read: {error}\n")
        seen = {}
    return lambda secret: seen.get(last_use.name_of(secret.digest))


def warn(clients: Iterable[Client], uses: Uses, now: int) -> None:
    """Name, on stderr, the secrets that end soon and are still needed."""
    for client in clients:
        for secret in last_use.still_needed(client, uses, now):
            at, used = secret.expires_at, uses(secret)
            until = "" if at is None else f" ends {moment(at, now)}"
            since = "and is its only one" if used is None else f"and was used {moment(used, now)}"
            sys.stderr.write(f"Warning: a secret of client {printable(repr(client.client_id))}{until} {since}.\n")
