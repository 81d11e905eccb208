"""The conformance page cannot drift from the tests."""

from tests.docs.conformance import PAGE, ROOT, SECTIONS, marks, page


def test_the_page_is_that_of_the_tests() -> None:
    """docs/conformance.md says what the marks of the tests say: `make docs` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_mark_names_a_listed_standard() -> None:
    """A mark with a misspelt standard would vanish from the page."""
    assert {standard for standard, _, _ in marks(ROOT / "tests")} <= set(SECTIONS)


def test_no_section_is_a_gap() -> None:
    """Every section that binds this product has a test."""
    assert "**gap**" not in page()
