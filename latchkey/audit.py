"""`latchkey audit`: the lines that each decision left, by client, by outcome, by time."""

import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from latchkey import audit_lines
from latchkey.audit_lines import Filter, Line
from latchkey.aws import logs
from latchkey.errors import UsageError
from latchkey.moment import timestamp
from latchkey.options import Json, help_end
from latchkey.output import emit, table

# The functions that decide something, as STACK-NAME in the name of their log group.
FUNCTIONS: Final = ("token", "challenge", "authorizer", "registration", "vending", "people")
DEFAULT_SINCE: Final = "1h"
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_COLUMNS: Final = ("time", "event", "outcome", "client_id", "error", "reason", "jti")

app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


def _option(metavar: str, about: str, **more: Any) -> Any:
    return typer.Option(metavar=metavar, help=about, **more)


@app.command(
    epilog=help_end(
        "latchkey audit --since 24h --outcome refused",
        "latchkey audit --client reporting --since 2026-11-25T08:00:00Z --json",
        "latchkey audit --file lines.txt --event token",
    )
)
def audit(  # noqa: PLR0913 - each is an option of the command
    *,
    client: Annotated[str | None, _option("ID", "Lines about this client.")] = None,
    outcome: Annotated[list[str] | None, _option("OUTCOME", "issued, refused, allow...; several: any of them.")] = None,
    event: Annotated[list[str] | None, _option("EVENT", "token, authorizer_decision...; several: any.")] = None,
    since: Annotated[str | None, _option("WHEN", "From this date (RFC 3339), or 90s, 30m, 24h, 7d ago.")] = None,
    until: Annotated[str | None, _option("WHEN", "Up to then.")] = None,
    file: Annotated[Path | None, _option("FILE", "Read the lines of a file, not of CloudWatch; - is stdin.")] = None,
    stack_name: Annotated[
        str, _option("NAME", "The stack whose logs are read.", envvar="LATCHKEY_STACK_NAME")
    ] = "latchkey",
    log_group: Annotated[list[str] | None, _option("NAME", "Read this log group, not the stack's.")] = None,
    limit: Annotated[int, _option("N", "The latest so many lines.", min=1, max=100_000)] = 1000,
    as_json: Json = False,
) -> None:
    """Show what was decided, oldest first, out of CloudWatch Logs or a file.

    Without --since, CloudWatch is asked about the last hour, and a file about all of it.
    """
    if file is not None and log_group:
        raise UsageError("--file and --log-group are two places; choose one")
    now = time.time()
    since = since or (None if file is not None else DEFAULT_SINCE)
    asked = Filter(
        client, tuple(outcome or ()), tuple(event or ()), _moment(since, now, "--since"), _moment(until, now, "--until")
    )
    groups = tuple(log_group or (f"/aws/lambda/{stack_name}-{name}" for name in FUNCTIONS))
    texts = audit_lines.of_log_groups(logs(), groups, asked) if file is None else audit_lines.of_file(file)
    lines = audit_lines.latest(filter(asked.admits, audit_lines.parse(texts)), limit)
    emit(lines, as_json=as_json, show=lambda: table(_COLUMNS, map(_row, lines)))
    if len(lines) == limit:
        sys.stderr.write(f"These are the latest {limit} lines; --limit and --since show more.\n")


def _moment(text: str | None, now: float, option: str) -> float | None:
    if text is None:
        return None
    if (ago := re.fullmatch(r"([0-9]{1,9})([smhd])", text)) is not None:
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"{option} is a date such as 2026-11-25T08:00:00Z, or a time ago such as 30m") from None


def _row(line: Line) -> list[str]:
    return [str(timestamp(line["time"])), *("" if line.get(name) is None else str(line[name]) for name in _COLUMNS[1:])]
