"""The `latchkey` command."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, NoReturn

from auth_server.audit import where
from auth_server.errors import DependencyError
from latchkey.errors import CommandError, of_dependency
from latchkey.escape import printable


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command that `arguments` (by default the process's) name; exits with a status of `latchkey.errors`."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may know fewer characters than a name has
    try:
        _need_the_cli_extra()(arguments, prog_name="latchkey")
    except CommandError as error:
        _fail(error)
    except DependencyError as error:
        _fail(of_dependency(error))
    except Exception as error:  # noqa: BLE001 - the last guard: a line that tells the place, never a traceback
        _fail(CommandError(f"latchkey itself has failed: {where(error)}"))
    sys.exit(0)


def _need_the_cli_extra() -> Any:
    """Give the command table, which whoever installed another part alone cannot import, and has the command."""
    try:
        from latchkey.cli import app  # noqa: PLC0415 - as said
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is missing: pip install 'latchkey[cli]'") from None
    return app


def _fail(error: CommandError) -> NoReturn:
    sys.stderr.write(f"Error: {printable(error)}\n")
    sys.exit(error.exit_status)


if __name__ == "__main__":
    main()
