"""How long a token in memory is used, and from when on it is renewed, by two clocks."""

import pytest

from tests.token_client.hands import Hands
from token_client.access_token import AccessToken
from token_client.memory import Memory


def held(life_s: float) -> tuple[Hands, Memory]:
    """Keep a token of so many seconds."""
    hands = Hands()
    memory = Memory(hands.clocks)
    now = int(hands.wall * 1000)
    memory.keep(AccessToken("token", "Bearer", (), now, now + int(life_s * 1000)))
    return hands, memory


@pytest.mark.parametrize(
    ("life_s", "due_s", "last_s"),
    [(3600, 3300, 3590), (1000, 800, 990), (300, 240, 290), (60, 48, 54), (1, 0.8, 0.9)],
)
def test_a_token_is_due_in_its_last_fifth_and_usable_almost_to_its_end(
    life_s: float, due_s: float, last_s: float
) -> None:
    """Due in the last fifth of its life or the last 300 seconds; used until 10 seconds or a tenth before its end."""
    hands, memory = held(life_s)
    hands.turn(due_s - 0.01)
    assert memory.fresh() is not None
    hands.turn(0.02)
    assert memory.fresh() is None
    assert memory.usable() is not None
    hands.turn(last_s - due_s - 0.02)
    assert memory.usable() is not None
    hands.turn(0.02)
    assert memory.usable() is None


def test_the_monotonic_clock_counts_where_the_time_was_set_back() -> None:
    """Whoever sets the machine's time back gives no token a longer life."""
    hands, memory = held(3600)
    hands.turn(3595)
    hands.wall -= 7200
    assert memory.usable() is None


def test_the_wall_clock_counts_where_the_machine_slept() -> None:
    """A Lambda that was frozen, or a laptop that was closed, has a monotonic clock that stood still."""
    hands, memory = held(3600)
    hands.wall += 3595
    assert memory.usable() is None


def test_a_time_that_was_set_back_while_it_was_fetched_adds_no_life() -> None:
    """The clock is set back by an hour between the question and the answer: the token lasts its own time, not two."""
    hands, memory = Hands(), None
    memory = Memory(hands.clocks)
    asked = int(hands.wall * 1000)
    hands.wall -= 3600
    memory.keep(AccessToken("token", "Bearer", (), asked, asked + 3_600_000))
    hands.turn(3595)
    assert memory.usable() is None


def test_there_is_none_at_first() -> None:
    """Nothing is in memory before something was kept, nor from a token without life."""
    memory = Memory(Hands().clocks)
    assert (memory.fresh(), memory.usable()) == (None, None)
    _, memory = held(0)
    assert memory.usable() is None
