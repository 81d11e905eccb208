"""`python -m bench [--quick] [--output FILE] [ROW...]`: measure, print the table, write `bench/results.json`.

A reach that is missed is a result. The exit status is 1 where a row could not be run to its end.
"""

import argparse
import sys
import traceback
from pathlib import Path

from bench import table, units
from bench.measure import FULL, QUICK, Effort
from bench.row import Row
from bench.rows import BY_KEY
from bench.table import Line


def main(arguments: list[str] | None = None) -> int:
    """Measure; give the exit status."""
    options = _options(arguments)
    effort = QUICK if options.quick else FULL
    rows = [BY_KEY[key] for key in options.rows or BY_KEY]
    lines = [line for row in rows if (line := _run(row, effort)) is not None]
    table.write(lines, options.output, tried=[row.key for row in rows])
    sys.stdout.write(f"{table.render(lines)}\n{units.description()}\n")
    return 0 if len(lines) == len(rows) else 1


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Latchkey.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"all, or some of {', '.join(BY_KEY)}")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller growth")
    parser.add_argument("--output", type=Path, default=table.RESULTS, help="where the results go (%(default)s)")
    options = parser.parse_args(arguments)
    if unknown := set(options.rows) - BY_KEY.keys():
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    return options


def _run(row: Row, effort: Effort) -> Line | None:
    """Measure one row; whatever it raises is told, and the other rows are measured all the same."""
    sys.stderr.write(f"{row.key} ...\n")
    try:
        return Line(row, row.run(effort))
    except Exception:  # noqa: BLE001 - the last guard of a row: told here, and in the exit status
        sys.stderr.write(f"{row.key} failed\n{traceback.format_exc()}")
        return None


if __name__ == "__main__":
    sys.exit(main())
