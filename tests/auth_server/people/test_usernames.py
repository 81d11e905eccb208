"""Usernames: one person, one name."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_server.people import usernames


@pytest.mark.parametrize(
    ("text", "name"),
    [("alice", "alice"), ("Alice", "alice"), ("a_b", "a_b"), ("0-0.x_y", "0-0.x_y"), ("a" * 64, "a" * 64)],
)
def test_a_username_is_kept_in_lower_case(text: str, name: str) -> None:
    """Case does not count."""
    assert usernames.normalise(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "al",
        "a" * 65,
        "alice ",
        " alice",
        "alice\n",
        "alice\0",
        "al ice",
        ".alice",
        "-alice",
        "alice@example.com",
        "аlice",  # noqa: RUF001 - the first letter is Cyrillic
        "ａｌｉｃｅ",  # noqa: RUF001 - full width
        "ali\u0441e",
        "\u017fam",  # a long s, which casefolds to s
        "\u212aim",  # the sign of Kelvin, which casefolds to a k
        "\u0131van",  # an i without its dot
        "zo\u0308e",
        usernames.NOBODY,
    ],
)
def test_what_might_be_mistaken_for_a_username_is_none(text: str) -> None:
    """It is refused, and never turned into a name that somebody else may have."""
    assert usernames.normalise(text) is None


@given(st.text(max_size=70))
def test_no_two_names_read_alike(text: str) -> None:
    """A name is what Unicode's own normalisation and case folding make of it, and stays itself."""
    name = usernames.normalise(text)
    if name is not None:
        assert name == unicodedata.normalize("NFKC", text).casefold() == usernames.normalise(name)
        assert name.isascii()
