"""Text, times and tables, as people and terminals get them."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from latchkey.escape import printable
from latchkey.moment import moment, timestamp
from latchkey.output import emit, table, to_json

NOW = 1_790_000_000


@given(text=st.text(st.characters()))
def test_escaped_text_is_printable(text: str) -> None:
    """Nothing unprintable is left, and what is printable stays as it is."""
    assert printable(text).isprintable()
    assert printable(text) == text or not text.isprintable()


@given(text=st.text(st.characters()))
@example("\x7f")
def test_json_is_printable_ascii(text: str) -> None:
    """A JSON document has no control characters and still says the same."""
    written = to_json({"x": text})
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written) == {"x": text}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "now"),
        (1, "in 1 s"),
        (-59, "59 s ago"),
        (3599, "in 59 min"),
        (3600, "in 1 h"),
        (-172_799, "47 h ago"),
        (172_800, "in 2 days"),
        (-86_400 * 400, "400 days ago"),
    ],
)
def test_how_far_off_a_time_is(seconds: int, text: str) -> None:
    """In the largest unit that fits, and never more than it is."""
    assert moment(NOW + seconds, NOW).endswith(f" UTC ({text})")
    assert moment(NOW, NOW) == "2026-09-21 14:13:20 UTC (now)"


@given(seconds=st.one_of(st.integers(), st.floats()))
def test_any_number_can_be_taken_for_a_time(seconds: float) -> None:
    """What is in no calendar is no date in JSON, and the number itself for a person."""
    date = timestamp(seconds)
    assert date is None or date.endswith("Z")
    assert (moment(seconds, NOW) == str(seconds)) is (date is None)


@pytest.mark.parametrize(("columns", "folded"), [("40", True), ("400", False)])
def test_a_wide_cell_is_folded_and_never_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str, *, folded: bool
) -> None:
    """On a narrow terminal all of an id can still be read."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", columns)
    emit(None, as_json=False, show=lambda: table(("id",), [["0123456789" * 10]]))
    printed = capsys.readouterr().out
    assert sum(printed.count(digit) for digit in "0123456789") >= 100
    assert ("0123456789" * 10 not in printed) is folded


def test_a_pipe_has_no_edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """In a file or a pipe a row is one line, however long."""
    monkeypatch.setenv("COLUMNS", "40")
    cell: Any = "0123456789" * 50
    emit(None, as_json=False, show=lambda: table(("id",), [[cell]]))
    assert cell in capsys.readouterr().out
