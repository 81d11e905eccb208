"""`latchkey tokens`: revoke one."""

import re
from typing import Annotated, Any

import typer

from auth_server import own_tokens, revocation
from authorizer.access_token import AccessToken
from authorizer.errors import JwksError
from authorizer.jwks import parse_jwks
from authorizer.jwks_fetch import fetch
from latchkey.aws import state_table
from latchkey.endpoint import issuer_or_local
from latchkey.errors import CommandError, UnavailableError, UsageError
from latchkey.issuer import TIMEOUT_SECONDS, discover
from latchkey.moment import moment, timestamp
from latchkey.options import STATE_TABLE, Issuer, Json, StateTable, command_group, help_end
from latchkey.output import emit
from latchkey.secret_input import read_stdin

_JTI = re.compile(r"[A-Za-z0-9_-]{22}")  # what the token endpoint makes of 16 random bytes

app = command_group("Revoke tokens.")


@app.callback()
def tokens() -> None:
    """Revoke tokens."""


@app.command(
    epilog=help_end(
        "latchkey tokens revoke - < token.txt",
        "latchkey tokens revoke kQ9vX2mPq9sTw4zB7cE1fA",
        "latchkey tokens revoke -- -Q9vX2mPq9sTw4zB7cE1fA",
    )
)
def revoke(
    token: Annotated[
        str,
        typer.Argument(
            metavar="TOKEN_OR_JTI",
            help="The token, or its jti, as audit lines have it; - reads it from stdin. A jti that starts with - goes "
            "after --.",
        ),
    ],
    *,
    issuer: Issuer = None,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """Revoke a token.

    A token is verified first, with the keys that the issuer publishes, and revoked until it expires. A jti is taken at
    its word, without a look at the issuer, and revoked for as long as a token can live.
    """
    text = (read_stdin() if token == "-" else token).strip()  # noqa: S105 - it stands for stdin
    if "." in text:
        revoked = _revoke_token(text, issuer_or_local(issuer), state_table_name)
    elif _JTI.fullmatch(text):
        revoked = _revoke_jti(text, state_table_name)
    else:
        raise UsageError("that is neither a token (three parts with dots between them) nor a jti (22 characters)")
    shown = {**revoked, "remembered_until": timestamp(revoked["remembered_until"])}
    emit(shown, as_json=as_json, show=lambda: _said(revoked))


def _revoke_token(text: str, issuer: str, table: str) -> dict[str, Any]:
    """Revoke a token that verifies; raises `CommandError` for any other."""
    store, now = state_table(table)
    token = _verified(text, issuer, now)
    return _document(token.jti, token.client_id, revocation.revoke_token(store, token))


def _revoke_jti(jti: str, table: str) -> dict[str, Any]:
    store, now = state_table(table)
    return _document(jti, None, revocation.revoke_jti(store, jti, now=now))


def _verified(text: str, issuer: str, now: int) -> AccessToken:
    jwks_uri = discover(issuer).jwks_uri
    try:
        keys = parse_jwks(fetch(jwks_uri, TIMEOUT_SECONDS))
    except JwksError as error:
        raise UnavailableError(f"the keys of {issuer} cannot be had: {error}") from error
    skew = revocation.MAX_CLOCK_SKEW_SECONDS
    found = own_tokens.verify_with(keys, text, issuer=issuer, now=now, clock_skew_s=skew)
    if found is None:
        raise CommandError(
            f"nothing was revoked: that is no token of {issuer}, or one that has expired; "
            "see `latchkey token inspect`, or revoke its jti"
        )
    return found.token


def _document(jti: str, client_id: str | None, until: int) -> dict[str, Any]:
    return {"jti": jti, "client_id": client_id, "revoked": True, "remembered_until": until}


def _said(revoked: dict[str, Any]) -> str:
    whose = f" of {revoked['client_id']!r}" if revoked["client_id"] else ""
    return f"Revoked {revoked['jti']}{whose}; remembered until {moment(revoked['remembered_until'])}."
