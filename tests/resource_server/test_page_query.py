"""The page asked for: a bounded limit and a cursor that only this API can have made."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.errors import InvalidRequest
from resource_server.page_query import PageQuery, cursor_of_id, id_of_cursor, parse_page_query
from resource_server.products import PRODUCT_ID

PRODUCT_IDS = st.from_regex(PRODUCT_ID, fullmatch=True)


def test_a_page_has_twenty_products_from_the_start() -> None:
    """Nothing asked for is the first twenty; parameters of no meaning are ignored."""
    assert parse_page_query((("color", "red"),)) == PageQuery(limit=20, after_id=None)


@pytest.mark.parametrize("limit", ["1", "20", "100"])
def test_a_limit_from_1_to_100_is_good(limit: str) -> None:
    """The bounds are inside."""
    assert parse_page_query((("limit", limit),)).limit == int(limit)


@pytest.mark.parametrize("limit", ["", "0", "101", "-1", "+1", "1.0", "01", " 1", "1 ", "1\n", "1000", "ten", "\u0663"])
def test_any_other_limit_is_refused(limit: str) -> None:
    """A number from 1 to 100, in plain digits."""
    with pytest.raises(InvalidRequest, match="limit must be a number from 1 to 100"):
        parse_page_query((("limit", limit),))


@pytest.mark.parametrize("name", ["limit", "next"])
def test_a_parameter_sent_twice_is_refused(name: str) -> None:
    """Two limits are no limit."""
    value = {"limit": "5", "next": cursor_of_id("a")}[name]
    with pytest.raises(InvalidRequest, match=f"The parameter {name} is there twice"):
        parse_page_query(((name, value), (name, value)))


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "A", "YQ==", "YR", "Y Q", "YQ\n", "é", "\ud800", "a" * 4000, base64.b64encode(b"a/b").decode(), "_w"],
)
def test_a_cursor_that_was_not_given_out_is_refused(cursor: str) -> None:
    """Neither padding, nor stray bits, nor an id that cannot be."""
    with pytest.raises(InvalidRequest, match="next is not a cursor"):
        parse_page_query((("next", cursor),))


@given(PRODUCT_IDS)
def test_a_cursor_leads_back_to_its_product(product_id: str) -> None:
    """What was given out is taken back, and stands in a URL as it is."""
    cursor = cursor_of_id(product_id)
    assert cursor.isascii()
    assert parse_page_query((("next", cursor),)).after_id == product_id


@given(st.text() | st.text("ABCDYZ_-=", max_size=12))
def test_any_text_is_the_one_cursor_of_its_product_or_refused(cursor: str) -> None:
    """No two cursors lead to the same place."""
    try:
        product_id = id_of_cursor(cursor)
    except InvalidRequest:
        return
    assert cursor_of_id(product_id) == cursor
