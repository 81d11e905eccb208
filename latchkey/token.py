"""`latchkey token`: get one as a client would, or see what one says."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from latchkey.endpoint import issuer_or_local
from latchkey.errors import CommandError, UsageError
from latchkey.inspection import Inspection, inspect
from latchkey.issuer import TokenRequest, request_token
from latchkey.moment import moment, timestamp
from latchkey.options import Issuer, Json, command_group, help_end
from latchkey.output import details, emit, print_line, print_table, to_json
from latchkey.secret_input import read_secret, read_stdin

_TIMES = ("iat", "nbf", "exp", "auth_time")

app = command_group("Get a token, or see what one says and whether it would be accepted.")


@app.command(
    epilog=help_end(
        "latchkey token get --client-id reporting --client-secret - < secret.txt",
        'curl -H "Authorization: Bearer $(latchkey token get --client-id reporting)" http://127.0.0.1:8081/products',
    )
)
def get(  # noqa: PLR0913 - each option is a parameter
    *,
    client_id: Annotated[str, typer.Option(metavar="ID", help="The client's id.")],
    client_secret: Annotated[
        str | None,
        typer.Option(
            metavar="SECRET",
            envvar="LATCHKEY_CLIENT_SECRET",
            help="Its secret; - reads it from stdin. On the command line itself other processes can see it.",
        ),
    ] = None,
    scope: Annotated[str | None, typer.Option(metavar="SCOPES", help="Scopes, separated by spaces.")] = None,
    resource: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="The API that it is for. Several: say it again.")
    ] = None,
    issuer: Issuer = None,
    as_json: Json = False,
) -> None:
    """Get a token, and print it alone; with --json, the issuer's whole answer."""
    asked = issuer_or_local(issuer)
    if not client_secret:
        raise UsageError("give the secret in LATCHKEY_CLIENT_SECRET, or as --client-secret, or on stdin with -")
    secret = read_secret() if client_secret == "-" else client_secret  # noqa: S105 - it stands for stdin
    answer = request_token(asked, TokenRequest(client_id, secret, scope, resource or ()))
    emit(answer, as_json=as_json, show=lambda: str(answer["access_token"]))


@app.command("inspect", epilog=help_end("latchkey token inspect - < token.txt", "latchkey token inspect eyJhbGciOi..."))
def inspect_(
    jwt: Annotated[str, typer.Argument(metavar="JWT", help="The token; - reads it from stdin.")],
    *,
    issuer: Issuer = None,
    audience: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AUDIENCE", help="The audience of the API that it is for; any will do where this is not said."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """See what a token says, and whether the authorizer would accept it now; if not, why.

    The keys are the ones that the issuer publishes. Claims that they do not vouch for are called unverified.
    """
    now = time.time()
    text = (read_stdin() if jwt == "-" else jwt).strip()
    found = inspect(text, issuer=issuer_or_local(issuer), audiences=audience or (), now=now)
    emit(_document(found), as_json=as_json, show=lambda: _verdict(found))
    if not as_json:
        _print_content(found, now)
    if found.reason:  # a person has read it above
        raise CommandError("the token would be refused" + (f": {_why(found)}" if as_json else ""))


def _document(found: Inspection) -> dict[str, Any]:
    """Give {"valid": true, "reason": null, ..., "claims": {...}}; what is not vouched for is `unverified_claims`."""
    trust = "" if found.verified else "unverified_"
    return {
        "valid": found.reason is None,
        "reason": found.reason,
        "explanation": found.explanation,
        "audience_compared": found.audience_compared,
        f"{trust}header": found.header,
        f"{trust}claims": found.claims,
        f"{trust}times": {name: timestamp(at) for name, at in _times(found.claims or {}).items()},
    }


def _verdict(found: Inspection) -> str:
    if found.reason:
        return f"Would be refused: {_why(found)}."
    return "Valid." if found.audience_compared else "Valid, if the API is what aud says; compare it with --audience."


def _why(found: Inspection) -> str:
    return f"{found.explanation} ({found.reason})"


def _print_content(found: Inspection, now: float) -> None:
    trust = "verified" if found.verified else "UNVERIFIED: anybody can have written this"
    times = {name: moment(at, now) for name, at in _times(found.claims or {}).items()}
    for title, members in (("Header", found.header), ("Claims", found.claims)):
        if members is not None:
            shown = ((name, times.get(name) or _text(value)) for name, value in members.items())
            print_line(f"{title} ({trust})")
            print_table(details(shown))


def _times(members: Mapping[str, Any]) -> dict[str, float]:
    named = {name: members.get(name) for name in _TIMES}
    return {name: at for name, at in named.items() if isinstance(at, int | float) and not isinstance(at, bool)}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value)
