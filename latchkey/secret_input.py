"""A secret that is handed over without appearing on the command line, where other processes could read it."""

import sys
from getpass import getpass

from latchkey.errors import UsageError


def read_secret() -> str:
    """Read a secret from stdin, less exactly one newline at its end; unseen where stdin is a terminal."""
    if sys.stdin.isatty():
        return getpass("Secret: ", stream=sys.stderr)
    return read_stdin().removesuffix("\n")


def read_stdin() -> str:
    """Read all of stdin; raises `UsageError` where it is not UTF-8, and quotes nothing of it."""
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("stdin is not UTF-8 text") from None
