"""`latchkey clients`: register clients and keep their records."""

import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any

import typer

from auth_server import revocation
from auth_server.aws.dynamodb import ClientChangedError, ClientExistsError, DynamoDBClientStore
from auth_server.client_registration import InvalidClientMetadataError, check, new_secret, rotate_secret
from auth_server.clients import REGISTERED_ID_PREFIX, SECRET_METHODS, Client, is_client_id
from latchkey import client_options as option
from latchkey import secret_uses
from latchkey.aws import client_store, state_table
from latchkey.client_document import document, in_full, overview, unreadable
from latchkey.confirmation import confirm_deletion
from latchkey.errors import CommandError, UsageError
from latchkey.moment import moment, timestamp
from latchkey.options import (
    CLIENTS_TABLE,
    STATE_TABLE,
    ClientId,
    ClientsTable,
    Json,
    SecretStdin,
    StateTable,
    command_group,
    help_end,
)
from latchkey.output import emit, print_line, to_json
from latchkey.secret_input import read_secret

GENERATED_ID_BYTES = 10
TRIES = 5
DEFAULT_OVERLAP_SECONDS, MAX_OVERLAP_SECONDS = 86_400, 31_536_000

app = command_group("Register clients and keep their records.")


@app.command(
    epilog=help_end(
        'latchkey clients create reporting --scope "products:read products:write"',
        "latchkey clients create --scope products:read --claim tier=gold --claim seats=3",
        "latchkey clients create legacy --secret-stdin < secret.txt",
        "latchkey clients create signer --auth-method private_key_jwt --jwks public-keys.json",
        "latchkey clients create deployer --auth-method federated_jwt --trust github.json",
    )
)
def create(  # noqa: PLR0913 - each option is a parameter
    client_id: Annotated[
        str | None, typer.Argument(metavar="CLIENT_ID", help="Printable ASCII; one is made up where none is given.")
    ] = None,
    *,
    scope: option.Scope = None,
    default_scope: option.DefaultScope = None,
    audience: option.Audience = None,
    auth_method: option.AuthMethod = None,
    grant_type: option.GrantType = None,
    may_grant_scope: option.MayGrantScope = None,
    may_grant_audience: option.MayGrantAudience = None,
    token_lifetime: option.TokenLifetime = None,
    claim: option.Claim = None,
    name: option.Name = None,
    is_audience: option.IsAudience = None,
    dpop_bound: option.DpopBound = None,
    tls_bound: option.TlsBound = None,
    tls_subject_dn: option.TlsSubjectDn = None,
    tls_san_dns: option.TlsSanDns = None,
    tls_san_uri: option.TlsSanUri = None,
    tls_san_ip: option.TlsSanIp = None,
    tls_san_email: option.TlsSanEmail = None,
    jwks: option.Jwks = None,
    jwks_uri: option.JwksUri = None,
    trust: option.Trust = None,
    usage_identifier_key: option.UsageIdentifierKey = None,
    allow_from: option.AllowFrom = None,
    tokens_per_hour: option.TokensPerHour = None,
    monitor_quota: option.MonitorQuota = None,
    token_reuse: option.TokenReuse = None,
    secret_stdin: SecretStdin = False,
    clients_table: ClientsTable = CLIENTS_TABLE,
    as_json: Json = False,
) -> None:
    """Register a client, and print its record with the secret, this once, as JSON.

    A client that authenticates in no way that needs a secret has none.
    """
    now = int(time.time())
    named = option.named(locals())
    chosen_id = secrets.token_hex(GENERATED_ID_BYTES) if client_id is None else client_id
    with _refusals(chosen_id):
        described = named.apply(Client(chosen_id, scopes=(), created_at=now, updated_at=now))
        client, secret = _with_secret(described, now, from_stdin=secret_stdin)
        client_store(clients_table).create(check(client))
    _print_registration(document(client, now), None if secret_stdin else secret, as_json=as_json)
    if client.client_id.startswith(REGISTERED_ID_PREFIX):
        sys.stderr.write(
            f"Warning: ids that begin with {REGISTERED_ID_PREFIX} are those of clients registered over HTTP; "
            "the function that registers them may write this one too.\n"
        )
    if not client.scopes:
        sys.stderr.write("Warning: no scope was given, so the client's tokens will have none.\n")


@app.command("list", epilog=help_end("latchkey clients list", "latchkey clients list --json"))
def list_(
    *,
    clients_table: ClientsTable = CLIENTS_TABLE,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """List all clients. A record that cannot be read hides no other: it is named, and the exit status is 1 then.

    Secrets that will soon end, and are still needed, are warned of.
    """
    now = int(time.time())
    records = sorted(client_store(clients_table).list(), key=lambda record: record.client_id)
    clients = [record for record in records if isinstance(record, Client)]
    uses = secret_uses.of_all(state_table_name)
    shown = [document(each, now, uses) if isinstance(each, Client) else unreadable(each.client_id) for each in records]
    emit(shown, as_json=as_json, show=lambda: overview(clients, now, uses))
    secret_uses.warn(clients, uses, now)
    if lost := [record.client_id for record in records if not isinstance(record, Client)]:
        raise CommandError(f"these records could not be read: {', '.join(map(repr, lost))}")


@app.command(epilog=help_end("latchkey clients show reporting", "latchkey clients show -- -id-that-starts-so"))
def show(
    client_id: ClientId,
    *,
    clients_table: ClientsTable = CLIENTS_TABLE,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """Show a client: everything but its secrets, which nobody knows. When they were used last is told to the hour."""
    now = int(time.time())
    client = _read(client_store(clients_table), client_id)
    uses = secret_uses.of(client, state_table_name)
    emit(document(client, now, uses), as_json=as_json, show=lambda: in_full(client, now, uses))
    secret_uses.warn([client], uses, now)


@app.command(
    epilog=help_end(
        'latchkey clients update reporting --scope "products:read" --token-lifetime 900',
        'latchkey clients update reporting --audience "" --token-lifetime ""',
        'latchkey clients update reporting --claim "" --claim tier=silver',
    )
)
def update(  # noqa: PLR0913 - each option is a parameter
    client_id: ClientId,
    *,
    scope: option.Scope = None,
    default_scope: option.DefaultScope = None,
    audience: option.Audience = None,
    auth_method: option.AuthMethod = None,
    grant_type: option.GrantType = None,
    may_grant_scope: option.MayGrantScope = None,
    may_grant_audience: option.MayGrantAudience = None,
    token_lifetime: option.TokenLifetime = None,
    claim: option.Claim = None,
    name: option.Name = None,
    is_audience: option.IsAudience = None,
    dpop_bound: option.DpopBound = None,
    tls_bound: option.TlsBound = None,
    tls_subject_dn: option.TlsSubjectDn = None,
    tls_san_dns: option.TlsSanDns = None,
    tls_san_uri: option.TlsSanUri = None,
    tls_san_ip: option.TlsSanIp = None,
    tls_san_email: option.TlsSanEmail = None,
    jwks: option.Jwks = None,
    jwks_uri: option.JwksUri = None,
    trust: option.Trust = None,
    usage_identifier_key: option.UsageIdentifierKey = None,
    allow_from: option.AllowFrom = None,
    tokens_per_hour: option.TokensPerHour = None,
    monitor_quota: option.MonitorQuota = None,
    token_reuse: option.TokenReuse = None,
    clients_table: ClientsTable = CLIENTS_TABLE,
    as_json: Json = False,
) -> None:
    """Change what is named, and nothing else.

    An option replaces the whole of what it names, and "" clears it. --claim alone adds to the claims there are, or
    changes the one of that name; --claim "" clears them all, before any other --claim of the same command is added.
    """
    named = option.named(locals())
    if not named.members():
        raise UsageError("name what to change")
    store = client_store(clients_table)
    with _refusals(client_id):
        client = _read(store, client_id)
        changed = check(named.apply(client))
        if changed != client:
            client = store.update(changed, now=int(time.time()))
    _print_record(client, as_json=as_json)


@app.command(epilog=help_end("latchkey clients disable reporting"))
def disable(client_id: ClientId, *, clients_table: ClientsTable = CLIENTS_TABLE, as_json: Json = False) -> None:
    """Issue no more tokens to a client. Those that it has stay good at APIs; see revoke-tokens."""
    _print_record(_set_enabled(client_store(clients_table), client_id, enabled=False), as_json=as_json)


@app.command(epilog=help_end("latchkey clients enable reporting"))
def enable(client_id: ClientId, *, clients_table: ClientsTable = CLIENTS_TABLE, as_json: Json = False) -> None:
    """Issue tokens to a client again."""
    _print_record(_set_enabled(client_store(clients_table), client_id, enabled=True), as_json=as_json)


@app.command(epilog=help_end("latchkey clients delete reporting", "latchkey clients delete reporting --yes"))
def delete(
    client_id: ClientId,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. Needed where stdin is not a terminal.")] = False,
    clients_table: ClientsTable = CLIENTS_TABLE,
    as_json: Json = False,
) -> None:
    """Delete a client. There is no way back."""
    store = client_store(clients_table)
    _read(store, client_id)
    confirm_deletion(client_id, yes=yes)
    if not store.delete(client_id):
        raise _not_found(client_id)
    emit({"client_id": client_id, "deleted": True}, as_json=as_json, show=lambda: f"Deleted {client_id!r}.")


@app.command(
    "rotate-secret",
    epilog=help_end(
        "latchkey clients rotate-secret reporting",
        "latchkey clients rotate-secret reporting --overlap 0",
        "latchkey clients rotate-secret legacy --secret-stdin < secret.txt",
    ),
)
def rotate(
    client_id: ClientId,
    *,
    overlap: Annotated[
        int,
        typer.Option(
            min=0, max=MAX_OVERLAP_SECONDS, metavar="SECONDS", help="How long the old secret stays good; 0 ends it now."
        ),
    ] = DEFAULT_OVERLAP_SECONDS,
    secret_stdin: SecretStdin = False,
    clients_table: ClientsTable = CLIENTS_TABLE,
    as_json: Json = False,
) -> None:
    """Give a client a new secret, and print it, this once, as JSON. The old one stays good for a while."""
    now = int(time.time())
    store = client_store(clients_table)
    with _refusals(client_id):
        client = _read(store, client_id)
        _require_secret_method(client)
        secret, record = new_secret(imported=read_secret() if secret_stdin else None, now=now)
        rotated = rotate_secret(client, record, overlap=overlap, now=now)
        client = store.update(rotated, now=now)
    _print_registration(document(client, now), None if secret_stdin else secret, as_json=as_json)


@app.command(
    "revoke-tokens",
    epilog=help_end(
        "latchkey clients revoke-tokens reporting",
        "latchkey clients revoke-tokens reporting --deleted --state-table latchkey-state",
    ),
)
def revoke_tokens(
    client_id: ClientId,
    *,
    deleted: Annotated[
        bool, typer.Option("--deleted", help="The client is there no more: take its id as it is written here.")
    ] = False,
    clients_table: ClientsTable = CLIENTS_TABLE,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """Revoke every token issued to a client up to now. It may get new ones: to prevent that, disable it first.

    A token tells the second of its issue and no more, and clocks differ a little, so that one issued within the next
    two seconds is revoked too; the client gets another one after them.
    """
    if deleted and not is_client_id(client_id):
        raise _not_found(client_id)
    if not deleted:
        _read(client_store(clients_table), client_id)
    store, now = state_table(state_table_name)
    not_before = revocation.revoke_tokens_of(store, client_id, now=now)
    emit(
        {"client_id": client_id, "not_before": timestamp(not_before)},
        as_json=as_json,
        show=lambda: f"Every token issued to {client_id!r} before {moment(not_before, now)} is revoked.",
    )


def _with_secret(client: Client, now: int, *, from_stdin: bool) -> tuple[Client, str | None]:
    """Give a new client the secret that its ways to authenticate need, if any does."""
    if not set(client.auth_methods) & set(SECRET_METHODS):
        if from_stdin:
            raise UsageError("--secret-stdin: none of its authentication methods has a secret")
        return client, None
    secret, record = new_secret(imported=read_secret() if from_stdin else None, now=now)
    return replace(client, secrets=(record,)), secret


def _require_secret_method(client: Client) -> None:
    if not set(client.auth_methods) & set(SECRET_METHODS):
        raise CommandError(f"client {client.client_id!r} authenticates in no way that has a secret")


@contextmanager
def _refusals(client_id: str) -> Iterator[None]:
    """Say why the store or the rules of registration refuse."""
    try:
        yield
    except InvalidClientMetadataError as error:
        raise CommandError(str(error)) from error
    except ClientExistsError as error:
        raise CommandError(f"there is a client {client_id!r} already; it was left as it is") from error
    except ClientChangedError as error:
        raise CommandError(
            f"client {client_id!r} was changed by somebody else meanwhile; nothing was written, look and try again"
        ) from error


def _read(store: DynamoDBClientStore, client_id: str) -> Client:
    client = store.get(client_id) if is_client_id(client_id) else None
    if client is None:
        raise _not_found(client_id)
    return client


def _not_found(client_id: str) -> CommandError:
    return CommandError(f"there is no client {client_id!r}")


def _set_enabled(store: DynamoDBClientStore, client_id: str, *, enabled: bool) -> Client:
    """Read and write until nobody else writes in between: whatever they changed, this is still what is wanted."""
    for _ in range(TRIES):
        client = _read(store, client_id)
        if client.enabled == enabled:
            return client
        try:
            return store.update(replace(client, enabled=enabled), now=int(time.time()))
        except ClientChangedError:
            continue
    raise CommandError(f"client {client_id!r} is being changed by somebody else again and again; try later")


def _print_record(client: Client, *, as_json: bool) -> None:
    now = int(time.time())
    emit(document(client, now), as_json=as_json, show=lambda: in_full(client, now))


def _print_registration(registered: dict[str, Any], secret: str | None, *, as_json: bool) -> None:
    """Print a record, with the secret where it was made here: the one time that anybody sees it."""
    shown = {"client_id": registered["client_id"], "client_secret": secret, **registered} if secret else registered
    print_line(to_json(shown, indent=None if as_json else 2))
    if secret and not as_json:
        sys.stderr.write("Keep the secret: it is shown this once, and stored nowhere.\n")
