"""Challenges as resource servers write them (token_client/challenge.py)."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_client.challenge import Challenge, parse

# What is written, and what it says: RFC 9110 11.6.1, RFC 7235 4.1, RFC 6750 3, RFC 9449 7.1, API Gateway, and others.
WRITTEN: dict[str, list[Challenge]] = {
    "": [],
    "Bearer": [Challenge("bearer")],
    'Bearer realm="example"': [Challenge("bearer", {"realm": "example"})],
    'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""': [
        Challenge("basic", {"realm": "simple"}),
        Challenge("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
    ],
    'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"': [
        Challenge("newauth", {"realm": "apps", "type": "1", "title": 'Login to "apps"'}),
        Challenge("basic", {"realm": "simple"}),
    ],
    'BEARER Error="invalid_token" , SCOPE = a': [Challenge("bearer", {"error": "invalid_token", "scope": "a"})],
    'DPoP algs="ES256 PS256", error="use_dpop_nonce"': [
        Challenge("dpop", {"algs": "ES256 PS256", "error": "use_dpop_nonce"})
    ],
    "Negotiate, Negotiate abc/+==, Bearer": [
        Challenge("negotiate"),
        Challenge("negotiate", {}, "abc/+=="),
        Challenge("bearer"),
    ],
    ", ,Basic ,, a=b,\t": [Challenge("basic", {"a": "b"})],
    'Bearer error="a, Basic realm=\\"x\\""': [Challenge("bearer", {"error": 'a, Basic realm="x"'})],
    'Bearer scope="" error="invalid_token" error_description="the token"': [
        Challenge("bearer", {"scope": "", "error": "invalid_token", "error_description": "the token"})
    ],
    # What breaks the grammar is passed over, and costs no more than itself.
    'Bearer resource_metadata=https://a.example/x, error="e"': [
        Challenge("bearer", {"resource_metadata": "https", "error": "e"})
    ],
    'Bearer error="first", error="second"': [Challenge("bearer", {"error": "first"})],
    'error="invalid_token", Bearer': [Challenge("bearer")],
    'Bearer a="b", error="without an end': [Challenge("bearer", {"a": "b"})],
    'Bearer error="without an end\\"': [Challenge("bearer")],
    'Bearer error=, scope="a"': [Challenge("bearer", {"scope": "a"}, "error=")],
    '(é) Bearer "a" error="e"': [Challenge("bearer", {"error": "e"})],
}


@pytest.mark.spec("RFC 9110", "11.6.1")
@pytest.mark.parametrize(("written", "said"), WRITTEN.items())
def test_a_field_is_read(written: str, said: list[Challenge]) -> None:
    """Schemes, parameters and token68s are found, whatever stands in their strings."""
    assert parse([written]) == said


@pytest.mark.spec("RFC 9110", "5.3")
@pytest.mark.parametrize("first", ["Basic", 'Basic realm="a, b"', "Negotiate abc=="])
@pytest.mark.parametrize("second", ['Bearer error="e"', "Bearer"])
def test_fields_may_be_joined(first: str, second: str) -> None:
    """Two fields say what the one says that a proxy makes of them."""
    assert parse([first, second]) == parse([f"{first}, {second}"])


def test_a_field_without_an_end_hides_no_other() -> None:
    """An open string ends with its field."""
    assert parse(['Basic realm="', "Bearer"]) == [Challenge("basic"), Challenge("bearer")]


TOKENS = st.text("!#$%&'*+-.^_`|~09azAZ", min_size=1)
TEXTS = st.text(st.characters(codec="latin-1"))
PIECES = st.sampled_from(['"', "\\", "=", ",", " ", "\t", "Bearer", "error", "a", "/", "é", "\x00", "\r\n"])


@given(st.lists(TEXTS | st.lists(PIECES).map("".join)))
def test_nothing_that_is_sent_raises(values: list[str]) -> None:
    """Whatever a server sends, it is read."""
    for each in parse(values):
        assert each.scheme == each.scheme.lower()


def quoted(value: str) -> str:
    """Write a quoted-string (RFC 9110 5.6.4)."""
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(st.lists(st.tuples(TOKENS, st.dictionaries(TOKENS.map(str.lower), TEXTS, min_size=1)), min_size=1))
def test_what_is_written_by_the_grammar_is_read_in_full(challenges: list[tuple[str, dict[str, str]]]) -> None:
    """Every challenge with parameters comes back as it was."""
    written = ", ".join(
        f"{scheme} " + ", ".join(f"{name}={quoted(value)}" for name, value in params.items())
        for scheme, params in challenges
    )
    assert parse([written]) == [Challenge(scheme.lower(), params) for scheme, params in challenges]


HOSTILE = ['"', '\\"', 'a="', 'a="\\', "a=", "a ", "a\t=", " ", ",", "=", "a/=", "a b=\t", 'a="",', "/ "]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("begin", ["", "Bearer ", 'Bearer a="'])
def test_time_is_linear(piece: str, begin: str) -> None:
    """Much of what makes careless parsers slow is read in moments: what takes squares of this would take hours."""
    value = begin + piece * (200_000 // len(piece))
    started = time.process_time()
    parse([value, value + "x", value + '"'])
    assert time.process_time() - started < 10
