"""What a command prints: one JSON document, or something for a person."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from latchkey.escape import printable

_UNBOUNDED = 100_000  # columns

Cell = str | tuple[str, ...]  # a text, or one for each line


def emit(document: Any, *, as_json: bool, show: Callable[[], Table | str]) -> None:
    """Print `document` as one line of JSON, or what `show` makes of it for a person."""
    if as_json:
        print_line(to_json(document))
        return
    shown = show()
    if isinstance(shown, str):
        print_line(printable(shown))
    else:
        print_table(shown)


def print_line(text: str) -> None:
    """Print a text as it is, now: a reader that has gone is noticed here, and not while Python ends."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def to_json(document: Any, indent: int | None = None) -> str:
    """Write JSON in printable ASCII: `json` escapes everything else."""
    return json.dumps(document, indent=indent)


def table(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """Lay out rows under a heading. What is too wide is folded, never cut."""
    laid_out = Table()
    for column in columns:
        laid_out.add_column(column, overflow="fold")
    for row in rows:
        laid_out.add_row(*map(_cell, row))
    return laid_out


def details(members: Iterable[tuple[str, Cell]]) -> Table:
    """Lay out names and values, one pair below the other."""
    laid_out = table(("", ""), members)
    laid_out.show_header = False
    return laid_out


def _cell(content: Cell) -> Text:
    lines = (content,) if isinstance(content, str) else content
    return Text("\n".join(map(printable, lines)))


def print_table(shown: Table) -> None:
    """Print a table, folded at the edge of a terminal; a file or a pipe has no edge."""
    console = Console(highlight=False)
    if not console.is_terminal:
        unbounded = console.options.update(max_width=_UNBOUNDED)
        console.width = max(1, Measurement.get(console, unbounded, shown).maximum)
    console.print(shown)
