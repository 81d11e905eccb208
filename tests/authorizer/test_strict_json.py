"""Strict JSON objects."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authorizer import strict_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.spec("RFC 8259", "4")
@given(st.dictionaries(st.text(), _VALUES, max_size=4))
def test_an_object_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    """A JSON object in UTF-8 is read back."""
    assert strict_json.parse_object(json.dumps(value).encode()) == value


@pytest.mark.spec("RFC 8259", "2")
@given(st.binary(max_size=60))
def test_any_other_octets_are_refused_in_one_way(data: bytes) -> None:
    """Whatever the octets are, the answer is an object or a `ValueError` that quotes nothing of them."""
    try:
        value = strict_json.parse_object(data)
    except ValueError as error:
        assert str(error) in {"not strict JSON", "not a JSON object"}  # noqa: PT017 - both answers are right
    else:
        assert isinstance(value, dict)


@pytest.mark.spec("RFC 7515", "4")
@pytest.mark.parametrize(
    "text",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e400}',
        b'{"a": -1e400}',
        b'{"a": ' + b"9" * 5_000 + b"}",
        b'{"a": "\xff"}',
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
        b'{"a": 1} x',
        b'{"a": "\n"}',
        b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
        b"[" * 100_000,
        b'["a"]',
        b'"a"',
        b"null",
        b"",
    ],
)
def test_what_two_parsers_could_read_differently_is_refused(text: bytes) -> None:
    """Twice the same member, numbers that are none, other encodings, bottomless nesting, no object: refused."""
    with pytest.raises(ValueError, match=r"not strict JSON|not a JSON object|nested too deeply"):
        strict_json.parse_object(text)


def test_nesting_has_a_bound() -> None:
    """Thirty-two levels are read, one more is not, and brackets in strings are no levels."""
    deep = b'{"a":' * 32 + b"1" + b"}" * 32
    assert strict_json.parse_object(deep)
    assert strict_json.parse_object(b'{"a": "' + b"[{" * 500 + b'\\""}')
    assert strict_json.parse_object(b'{"a": [' + b",".join([b"[]"] * 100) + b"]}")
    with pytest.raises(ValueError, match="nested too deeply"):
        strict_json.parse_object(b'{"b":' + deep + b"}")


def test_a_string_without_end_takes_no_time() -> None:
    """Escaped quotes in a string that never ends, behind enough brackets to be counted: refused in linear time."""
    endless = b'{"a": [' + b"[], " * 40 + b'"' + b'\\"' * 20_000
    began = time.process_time()
    with pytest.raises(ValueError, match="not strict JSON"):
        strict_json.parse_object(endless)
    assert time.process_time() - began < 1
