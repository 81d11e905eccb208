"""The table, for people, and `bench/results.json`, for programs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import Spread
from bench.row import Result, Row, Value

RESULTS = Path(__file__).with_name("results.json")
COLUMNS = ("key", "measured", "reach", "within", "reference", "command")
WITHIN = {True: "yes", False: "no", None: "-"}
DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A row and what its run gave."""

    row: Row
    result: Result


def render(lines: Iterable[Line]) -> str:
    """Give the table, with the notes under it."""
    known = list(lines)
    rows = [COLUMNS, *map(_cells, known)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = ["-" * width for width in widths]
    table = [" | ".join(map(str.ljust, cells, widths)).rstrip() for cells in [rows[0], rule, *rows[1:]]]
    return "\n".join([*table, "", *_notes(known)])


def _cells(line: Line) -> tuple[str, ...]:
    row, result = line.row, line.result
    within = WITHIN[row.is_reached(result.value)]
    return row.key, _measured(row, result), _value(row.reach), within, row.reference, row.command


def _measured(row: Row, result: Result) -> str:
    if result.value is None:
        return "null"
    return f"{result.spread or _value(result.value)} {row.unit}"


def _value(value: Value) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {number:.4g}" for name, number in value.items())
    return f"{value:.4g}"


def _notes(lines: list[Line]) -> list[str]:
    """Say what else was seen, and why a row is empty."""
    seen = [f"{line.row.key}, in the same run: {line.result.seen}" for line in lines if line.result.seen]
    empty = [f"{line.row.key}, no figure: {line.result.reason}" for line in lines if line.result.reason]
    return [*seen, *empty, *(note for line in lines for note in line.result.notes)]


def document(lines: Iterable[Line]) -> dict[str, Any]:
    """Give what `results.json` says of these rows."""
    return {line.row.key: _entry(line.row, line.result) for line in lines}


def _entry(row: Row, result: Result) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "value": _rounded(result.value),
        "unit": row.unit,
        "reach": row.reach,
        "reference": "; in this run: ".join(filter(None, (row.reference, result.seen))),
        "command": row.command,
    }
    spread = {"spread": _quartiles(result.spread)} if result.spread else {}
    return {**entry, **spread, **({"reason": result.reason} if result.value is None else {})}


def _quartiles(spread: Spread) -> list[float]:
    return [round(spread.low, DECIMALS), round(spread.high, DECIMALS)]


def _rounded(value: Value | None) -> Any:
    if isinstance(value, Mapping):
        return {name: round(number, DECIMALS) for name, number in value.items()}
    return value if value is None else round(value, DECIMALS)


def write(lines: Iterable[Line], path: Path, *, tried: Iterable[str]) -> None:
    """Write the rows measured now; those of an earlier run stay, except where one was tried now and failed."""
    earlier = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    kept = {key: entry for key, entry in earlier.items() if key not in set(tried)}
    path.write_text(json.dumps({**kept, **document(lines)}, indent=2) + "\n", "utf-8")
