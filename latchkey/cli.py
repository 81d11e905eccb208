"""The command table. A command's module is imported when that command is called, so that the rest starts quickly."""

from importlib import import_module, metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from latchkey.options import command_group, help_end

# Command, the module whose `app` it is, and its line in the help of `latchkey`.
COMMANDS = (
    ("local", "latchkey.local", "Run all of it on this machine, until Ctrl-C."),
    ("clients", "latchkey.clients", "Register clients and keep their records."),
    ("people", "latchkey.people", "See who signed up, and say what they may do."),
    ("keys", "latchkey.keys", "See, rotate and retire the keys that sign tokens."),
    ("tokens", "latchkey.tokens", "Revoke tokens."),
    ("token", "latchkey.token", "Get a token, or see what one says and whether it would be accepted."),
    ("audit", "latchkey.audit", "Read what was decided: by client, by outcome, by time."),
    ("cost", "latchkey.cost", "Estimate what a month costs, beside Amazon Cognito's price."),
    ("routes", "latchkey.routes", "Compile the map from scopes to routes, and see what it allows."),
)
_MODULES = {name: module for name, module, _ in COMMANDS}


class _CommandTable(TyperGroup):
    """The groups that Typer knows hold nothing but a name and a line of help; the real one takes its place here."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command that `args` start with, and import it."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and command_of(str(name)), rest


def command_of(name: str) -> Any:
    """Import the command of this name."""
    return typer.main.get_command(import_module(_MODULES[name]).app)


app = command_group(
    "OAuth 2.0 for machines, on your own AWS account.\n\n"
    "Talks to AWS as it is configured, or to a local stack where AWS_ENDPOINT_URL points to one."
)
for _name, _, _about in COMMANDS:
    app.add_typer(command_group(_about), name=_name)


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if asked:
        typer.echo(f"latchkey {metadata.version('latchkey')}")
        raise typer.Exit


@app.callback(cls=_CommandTable, epilog=help_end("latchkey clients list", "latchkey clients create --help"))
def latchkey(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version, and stop.")
    ] = False,
) -> None:
    """Read what stands before a command."""
