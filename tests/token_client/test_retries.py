"""What is asked again, and when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.token_client.hands import Hands
from token_client import retries
from token_client.clocks import Clocks
from token_client.errors import ServerUnavailableError
from token_client.limits import Limits
from token_client.transport import HttpAnswer

_DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
_AT = 1_800_000_000.0


def waits(value: str, date: str | None = _DATE, wall: float = _AT) -> float | None:
    """Give what a Retry-After asks for."""
    headers = {"retry-after": value} | ({} if date is None else {"date": date})
    return retries.retry_after_s(HttpAnswer(503, headers, b""), wall)


@pytest.mark.spec("RFC 9110", "10.2.3")
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("10000000000", 1e10),
        ("Fri, 15 Jan 2027 08:02:00 GMT", 120.0),
        (_DATE, 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float) -> None:
    """A number is seconds; a date counts from the answer's own, and one that is past is no wait."""
    assert waits(value) == seconds
    assert waits("Fri, 15 Jan 2027 07:00:00 GMT") == 0.0


def test_a_date_counts_by_the_servers_clock() -> None:
    """This machine's clock is ten minutes off: the wait is that between the two dates of the answer."""
    assert waits("Fri, 15 Jan 2027 08:02:00 GMT", wall=_AT + 600) == 120.0
    assert waits("Fri, 15 Jan 2027 08:02:00 GMT", date=None, wall=_AT) == 120.0


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "1e3", "9" * 400, "Fri, 99 Jan 2027 08:00:00 GMT", "٣"])
def test_what_is_neither_says_nothing(value: str) -> None:
    """Garbage is no wait, and no error."""
    assert waits(value) is None


@given(st.text())
def test_any_text_is_seconds_or_nothing(value: str) -> None:
    """Whatever the header holds, the wait is none or not negative."""
    assert (waits(value) or 0.0) >= 0.0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 599])
def test_429_and_5xx_are_passing(status: int) -> None:
    """These say that the server cannot answer now."""
    assert retries.is_retried(status)


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404])
def test_other_statuses_speak_of_the_request(status: int) -> None:
    """What they say is for the body to tell."""
    assert not retries.is_retried(status)


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 0.5), (0.5, 1.0), (0.999, 1.499)])
def test_pauses_have_jitter(chance: float, seconds: float) -> None:
    """From half of the interval to one and a half."""
    error = ServerUnavailableError("")
    clocks = Clocks(random=lambda: chance)
    assert retries.pause_s(Limits(3, 1.0, 1, 1), clocks, error) == pytest.approx(seconds)


@pytest.mark.parametrize(("retry_after_s", "seconds"), [(None, 1.0), (0.2, 1.0), (7.0, 7.0)])
def test_the_server_can_ask_for_longer_and_not_for_shorter(retry_after_s: float | None, seconds: float) -> None:
    """Retry-After counts where it is longer than the interval."""
    error = ServerUnavailableError("", retry_after_s=retry_after_s)
    assert retries.pause_s(Limits(3, 1.0, 1, 1), Hands().clocks, error) == seconds
