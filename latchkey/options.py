"""What all commands have in common: their options, and the end of their help."""

from typing import Annotated

import typer

from latchkey.errors import EXIT_STATUS_HELP

CLIENTS_TABLE = "latchkey-clients"
KEYS_TABLE = "latchkey-keys"
ROTATION_FUNCTION = "latchkey-rotation"
SIGNING_KEY_ID = "alias/latchkey"
STATE_TABLE = "latchkey-state"
PEOPLE_TABLE = "latchkey-people"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, and nothing else.")]
ClientId = Annotated[
    str, typer.Argument(metavar="CLIENT_ID", help="The client's id. One that starts with - goes after --.")
]
ClientsTable = Annotated[
    str, typer.Option(metavar="TABLE", envvar="LATCHKEY_CLIENTS_TABLE", help="The DynamoDB table of clients.")
]
StateTable = Annotated[
    str,
    typer.Option(
        "--state-table",
        metavar="TABLE",
        envvar="LATCHKEY_STATE_TABLE",
        help="The DynamoDB table of what was used once and what is revoked.",
    ),
]
PeopleTable = Annotated[
    str,
    typer.Option(
        "--people-table", metavar="TABLE", envvar="LATCHKEY_PEOPLE_TABLE", help="The DynamoDB table of people."
    ),
]
SigningKeyId = Annotated[
    str,
    typer.Option(
        metavar="KEY", envvar="LATCHKEY_SIGNING_KEY_ID", help="The first signing key, in KMS: id, ARN or alias."
    ),
]
KeysTable = Annotated[
    str,
    typer.Option(metavar="TABLE", envvar="LATCHKEY_KEYS_TABLE", help="The DynamoDB table of the later signing keys."),
]
RotationFunction = Annotated[
    str,
    typer.Option(
        metavar="FUNCTION", envvar="LATCHKEY_ROTATION_FUNCTION", help="The Lambda that rotates the signing keys."
    ),
]
Issuer = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="LATCHKEY_ISSUER",
        help="The issuer. Where AWS_ENDPOINT_URL points to this machine: http://127.0.0.1:8080.",
    ),
]
SecretStdin = Annotated[
    bool,
    typer.Option(
        "--secret-stdin",
        help="Take the secret from stdin, less one newline at its end, instead of making one. It is not printed.",
    ),
]


def command_group(about: str | None = None) -> typer.Typer:
    """Make a group of commands. Its help and errors are plain text, so that an error is a line and not a box."""
    return typer.Typer(
        help=about, no_args_is_help=True, rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False
    )


def help_end(*examples: str) -> str:
    """End a command's help with examples, which are not to be wrapped, and what its exit status means."""
    lines = "\n".join(f"  {example}" for example in examples)
    return f"\b\nExample:\n{lines}\n\n{EXIT_STATUS_HELP}"
