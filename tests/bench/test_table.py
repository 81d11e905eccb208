"""The table, the file of results, and the command."""

import json
from pathlib import Path

import pytest

from bench import __main__ as command
from bench import table
from bench.measure import QUICK, Effort, Spread
from bench.row import Result, Row, measured
from bench.rows import ROWS
from bench.table import Line

KEYS = {"value", "unit", "reach", "reference", "command"}
EXPECTED_ROWS = {
    "issue_in_process",
    "issue_http",
    "issue_kms",
    "aws_calls",
    "verify_new",
    "verify_repeat",
    "routes_growth",
    "cold_authorizer",
    "cold_token",
    "artifact_size",
    "clients_growth",
    "cost",
    "growth",
}


def _fails(effort: Effort) -> Result:
    raise RuntimeError(f"cannot do {effort.rounds} rounds")


def _succeeds(_: Effort) -> Result:
    return measured(Spread(1.5, 1.0, 2.0), seen="another 3", notes=("a note",))


def _row(key: str, reach: float = 2.0) -> Row:
    return Row(key, "units", reach, "others 4", _succeeds)


def test_every_measure_has_a_row() -> None:
    """The rows are those that people and programs ask for by name."""
    assert {row.key for row in ROWS} == EXPECTED_ROWS
    assert len(ROWS) == len(EXPECTED_ROWS)


@pytest.mark.parametrize(
    ("reach", "value", "within"),
    [
        (2.0, 2.0, True),
        (2.0, 2.01, False),
        (2.0, None, None),
        ({"a": 1.0, "b": 2.0}, {"a": 1.0, "b": 2.0}, True),
        ({"a": 1.0, "b": 2.0}, {"a": 0.5, "b": 2.5}, False),
    ],
)
def test_a_value_is_within_reach_up_to_the_reach_itself(reach: float, value: float | None, *, within: bool) -> None:
    """Of several values each has a reach of its own; no value is neither within nor beyond."""
    assert _row("key", reach).is_reached(value) is within


def test_the_table_shows_what_came_out_beside_what_was_to_be_reached() -> None:
    """Median and spread, reach, verdict, reference and command in one line; what else was seen below."""
    text = table.render([Line(_row("one"), _succeeds(QUICK)), Line(_row("two", 1.0), Result(None, reason="why"))])
    _, _, one, two, _, *notes = text.splitlines()
    assert [cell.strip() for cell in one.split("|")] == [
        "one",
        "1.50 (1.00 to 2.00) units",
        "2",
        "yes",
        "others 4",
        "python -m bench one",
    ]
    assert [cell.strip() for cell in two.split("|")][1:4] == ["null", "1", "-"]
    assert notes == ["one, in the same run: another 3", "two, no figure: why", "a note"]


def test_the_results_have_one_entry_for_each_row(tmp_path: Path) -> None:
    """A row that has a value has no reason, a row that has none has one; rows of an earlier run stay."""
    path = tmp_path / "results.json"
    table.write([Line(_row("one"), _succeeds(QUICK))], path, tried=["one"])
    table.write([Line(_row("two"), Result(None, reason="why"))], path, tried=["two"])
    results = json.loads(path.read_text("utf-8"))
    assert results["one"] == {
        "value": 1.5,
        "unit": "units",
        "reach": 2.0,
        "reference": "others 4; in this run: another 3",
        "command": "python -m bench one",
        "spread": [1.0, 2.0],
    }
    assert results["two"].keys() == {*KEYS, "reason"}
    assert results["two"]["value"] is None


def test_a_row_that_cannot_be_measured_says_why_and_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command ends with 0, and the file says null."""
    path = tmp_path / "results.json"
    row = Row("absent", "units", 1.0, "", lambda _: Result(None, reason="there is no such thing here"))
    monkeypatch.setattr(command, "BY_KEY", {"absent": row})
    assert command.main(["--quick", "--output", str(path), "absent"]) == 0
    assert json.loads(path.read_text("utf-8"))["absent"]["value"] is None
    assert "no figure" in capsys.readouterr().out


def test_a_row_that_fails_is_told_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 1; the other rows are written, and what an earlier run said of the failed one is not kept."""
    path = tmp_path / "results.json"
    path.write_text('{"bad": {"value": 1.0}}', "utf-8")
    rows = {"bad": Row("bad", "units", 1.0, "", _fails), "good": _row("good", 1.0)}
    monkeypatch.setattr(command, "BY_KEY", rows)
    assert command.main(["--output", str(path)]) == 1
    assert json.loads(path.read_text("utf-8")).keys() == {"good"}
    assert "bad failed" in capsys.readouterr().err


def test_a_row_that_does_not_exist_is_refused() -> None:
    """A misspelt name measures nothing, and is no success."""
    with pytest.raises(SystemExit) as end:
        command.main(["issue"])
    assert end.value.code == 2
