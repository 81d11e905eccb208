"""Parsing of a new product: the one good shape, and a clear 400 for everything else."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.errors import InvalidRequest
from resource_server.json_body import MAXIMUM_BODY_BYTES
from resource_server.products import NewProduct, parse_new_product
from tests.resource_server.events import GOOD_BODY

GOOD: dict[str, Any] = json.loads(GOOD_BODY)
NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=100).filter(str.strip)


def refusal(body: bytes | None) -> str:
    """Return the text with which a body is refused."""
    with pytest.raises(InvalidRequest) as caught:
        parse_new_product(body)
    return caught.value.description


def changed(**members: object) -> bytes:
    """Return the good body with members changed."""
    return json.dumps({**GOOD, **members}).encode()


def test_a_good_body_is_a_product() -> None:
    """A product has a name and a price."""
    assert parse_new_product(GOOD_BODY.encode()) == NewProduct("Kettle", "24.90")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("0", "0.00"), ("24.9", "24.90"), ("24", "24.00"), ("0.05", "0.05"), ("999999999.99", "999999999.99")],
)
def test_a_price_is_kept_with_two_decimals(sent: str, kept: str) -> None:
    """One price has one spelling."""
    assert parse_new_product(changed(price=sent)).price == kept


@pytest.mark.parametrize(
    "price",
    ["", "-1", "+1", "1.", ".5", "1.234", "01", "1e3", "1,50", " 1", "1\n", "1000000000", "NaN", "\u0661", "1_0"],
)
def test_a_price_that_is_no_decimal_is_refused(price: str) -> None:
    """Digits, and at most two decimals after a point."""
    assert "price must be a decimal string" in refusal(changed(price=price))


@pytest.mark.parametrize("price", [24.9, 24, True, None, ["24.90"], {"amount": "24.90"}])
def test_a_price_that_is_no_string_is_refused(price: object) -> None:
    """A JSON number would lose cents."""
    assert "price must be a decimal string" in refusal(changed(price=price))


@pytest.mark.parametrize("name", ["", " ", "\u3000", "a" * 101, 5, None, ["Kettle"]])
def test_a_name_that_is_too_short_too_long_or_no_string_is_refused(name: object) -> None:
    """A name has 1 to 100 characters, and not only blanks."""
    assert "name must be a string of 1 to 100 characters" in refusal(changed(name=name))


@pytest.mark.parametrize("name", ["Ket\u0000tle", "Ket\ntle", "Ket\u007ftle", "Ket\ud800tle"])
def test_a_name_with_characters_that_cannot_be_shown_is_refused(name: str) -> None:
    """Neither control characters nor half a surrogate pair."""
    assert "control characters" in refusal(changed(name=name))


@pytest.mark.parametrize("name", ["a" * 100, "Żółć", "\u0645\u06cc\u200c\u0632", "👩\u200d🍳", "<script>"])
def test_a_name_in_any_writing_is_good(name: str) -> None:
    """A hundred characters are a hundred code points, joiners included."""
    assert parse_new_product(changed(name=name)).name == name


@pytest.mark.parametrize("member", ["name", "price"])
def test_a_missing_member_is_named(member: str) -> None:
    """Both members are needed."""
    body = json.dumps({name: value for name, value in GOOD.items() if name != member}).encode()
    assert refusal(body) == f"The member {member} is missing."


@pytest.mark.parametrize("member", ["id", "created_by", "currency", "<script>"])
def test_an_unknown_member_is_refused_and_not_repeated(member: str) -> None:
    """A caller chooses neither the id nor the creator, and its own words do not come back."""
    text = refusal(changed(**{member: "mine"}))
    assert text == "The body has an unknown member; a product has name and price."


@pytest.mark.spec("RFC 8259", "4")
@pytest.mark.parametrize(
    "body", [b'{"name": "A", "name": "B", "price": "1"}', b'{"name": {"a": 1, "a": 1}, "price": "1"}']
)
def test_a_member_sent_twice_is_refused(body: bytes) -> None:
    """Which of the two would count is anybody's guess."""
    assert refusal(body) == "A member of a JSON object is there twice."


@pytest.mark.spec("RFC 8259", "6")
@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_numbers_that_json_does_not_have_are_refused(constant: str) -> None:
    """JSON has no NaN."""
    assert refusal(f'{{"name": "Kettle", "price": {constant}}}'.encode()) == f"{constant} is not JSON."


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (None, "The body cannot be decoded."),
        (b"", "The request has no body; it must be a JSON object."),
        (b"\xff", "The body is not text in UTF-8."),
        (GOOD_BODY.encode("utf-16"), "The body is not text in UTF-8."),
        (b"\xef\xbb\xbf" + GOOD_BODY.encode(), "The body is not JSON."),
        (b"name=Kettle&price=24.90", "The body is not JSON."),
        (GOOD_BODY.encode() + b"}", "The body is not JSON."),
        (b"[" * MAXIMUM_BODY_BYTES, "The body is not JSON."),
        (b'{"a":' * 3000, "The body is not JSON."),
        (b"9" * 5000, "The body is not JSON."),
        (b"[]", "The body must be a JSON object."),
        (b"null", "The body must be a JSON object."),
        (b'"Kettle"', "The body must be a JSON object."),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_body_that_is_no_json_object_is_refused(body: bytes | None, text: str) -> None:
    """Each cause has its own text."""
    assert refusal(body) == text


def test_a_body_of_16_kb_is_read_and_one_byte_more_is_not() -> None:
    """The limit is 16,384 bytes, counted before anything is parsed."""
    good = GOOD_BODY.encode().ljust(16384)
    assert parse_new_product(good) == NewProduct("Kettle", "24.90")
    assert refusal(good + b" ") == "The body is over 16384 bytes."


@given(NAMES, st.from_regex(r"(0|[1-9][0-9]{0,8})\.[0-9]{2}", fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_every_good_product_comes_through_unchanged(name: str, price: str) -> None:
    """Any name and any price with two decimals is kept to the character."""
    assert parse_new_product(changed(name=name, price=price)) == NewProduct(name, price)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.sampled_from(["name", "price"]), inner),
    max_leaves=8,
)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_product_or_a_refusal(body: bytes) -> None:
    """There is no third outcome, and what is accepted is within its bounds."""
    try:
        product = parse_new_product(body)
    except InvalidRequest:
        return
    assert 1 <= len(product.name) <= 100
    assert re.fullmatch(r"[0-9]{1,9}\.[0-9]{2}", product.price)
