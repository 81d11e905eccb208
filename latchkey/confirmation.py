"""Asking before what cannot be undone."""

import sys

from latchkey.errors import CommandError, UsageError


def confirm_deletion(name: str, *, yes: bool) -> None:
    """Ask whether to delete; raises `CommandError` where the answer is no, `UsageError` where nobody can be asked."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("say --yes to delete where nobody can be asked")
    sys.stderr.write(f"Delete {name!r}? [y/N] ")  # not on stdout, which is for the answer alone
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandError("nothing was deleted")
