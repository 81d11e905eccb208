"""Ratios and spreads."""

from dataclasses import replace

import pytest

from bench import units
from bench.measure import QUICK, Spread, in_process, ratios


def test_a_ratio_is_the_cpu_of_one_as_a_multiple_of_the_units() -> None:
    """A thing that takes 6 ms each time costs three units of 2 ms, however often each has its turn."""
    costs = ratios({"thing": lambda times: times * 0.006}, lambda times: times * 0.002, QUICK)
    assert costs["thing"].median == pytest.approx(3)
    assert costs["thing"].low == pytest.approx(costs["thing"].high)


def test_every_thing_has_a_turn_in_every_round_and_every_second_round_goes_backwards() -> None:
    """A machine that grows slower during the run favours neither side."""
    turns: list[str] = []

    def taking_turns(name: str, times: int) -> float:
        turns.append(name)
        return times * 0.001

    effort = replace(QUICK, rounds=4)
    ratios({"thing": lambda times: taking_turns("thing", times)}, lambda times: taking_turns("unit", times), effort)
    assert turns[-8:] == ["thing", "unit", "unit", "thing"] * 2


def test_a_thing_too_fast_for_the_clock_still_has_an_end() -> None:
    """Where the clock shows nothing, a turn has a limit in runs."""
    most: list[int] = []

    def measure(times: int) -> float:
        most.append(times)
        return 0.0

    ratios({"thing": measure}, lambda times: times * 0.001, replace(QUICK, rounds=1))
    assert max(most) <= 20_000


def test_the_spread_is_median_and_quartiles() -> None:
    """One round that went wrong moves neither."""
    assert Spread.of([1.0, 2.0, 3.0, 4.0, 1000.0]) == Spread(3.0, 2.0, 4.0)
    assert Spread.of([7.0]) == Spread(7.0, 7.0, 7.0)


def test_work_in_this_process_is_done_as_often_as_asked() -> None:
    """The meter counts CPU, and does not skip."""
    done: list[int] = []
    assert in_process(lambda: done.append(1))(25) >= 0
    assert len(done) == 25


def test_the_units_are_a_signature_and_its_verification() -> None:
    """Both units do real work, or verifying would raise."""
    assert len(units.signature()) == 256
    units.verification()()
    assert "one signature" in units.description()
