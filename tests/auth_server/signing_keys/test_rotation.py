"""Rotation, gone through exhaustively: killed at each of its calls, run twice, and run at once.

What must hold at every moment: whatever key a function takes for the active one, every verifier knows it, whose keys
are up to 3 h old (2 h of its own, 1 h of the key set's `max-age`), from a function whose own view is up to 1 h old; and
each token is verified until it expires.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from auth_server.key_ring import MAX_STALE_SECONDS
from auth_server.signing_keys.key_record import DATA_KEY, KMS
from auth_server.signing_keys.rotation import NEVER, RotationError, RotationRules
from auth_server.signing_keys.timeline import State
from tests.auth_server.signing_keys.world import DAY, FIRST_KEY, HOUR, RULES, KilledError, World
from tests.simulator import NOW

VERIFIER_SECONDS = 3 * HOUR
LONGEST_TOKEN_SECONDS = DAY
HOURS = 75  # three rotations
SIGNERS = (KMS, DATA_KEY)


def kill_at(number: int) -> Callable[[str], None]:
    """Give a hook that ends a run at the point of that number."""
    counter = itertools.count()

    def hook(_: str) -> None:
        if next(counter) == number:
            raise KilledError

    return hook


def live(world: World, hours: int = HOURS) -> None:
    """Let so many hours pass, with a run at each."""
    for _ in range(hours):
        with suppress(KilledError):
            world.rotation().run()
        world.now += HOUR


def moments(world: World, since: int) -> Iterator[int]:
    """Give each hour, and the seconds about everything that happens of itself."""
    hours = range(since, world.now, HOUR)
    records = {record for _, records in world.history for record in records if record.active_from >= since}
    ends = {record.active_from for record in records} | {record.expires_at or 0 for record in records}
    yield from sorted({*hours, *(end + off for end in ends if since < end < world.now for off in (-1, 0))})


def active_kids(world: World, now: int) -> set[str | None]:
    """Give every key that some function may take for the active one."""
    views = world.timelines(now - MAX_STALE_SECONDS, now)
    return {active.kid if active else None for active in (view.active(now) for view in views)}


def is_known_to_all(world: World, kid: str, at: int) -> bool:
    """Whether every key set that is given out at that time has the key."""
    views = world.timelines(at - MAX_STALE_SECONDS, at)
    return all(kid in {record.kid for record in view.published(at)} for view in views)


def check_every_moment(world: World, since: int = NOW) -> None:
    """Hold what happened against what must hold."""
    for now in moments(world, since):
        for kid in active_kids(world, now):
            if kid is None:
                continue  # the first key: in every key set there ever is
            times = (*range(now - VERIFIER_SECONDS, now, HOUR), *range(now, now + LONGEST_TOKEN_SECONDS + 1, 6 * HOUR))
            for at in times:
                assert is_known_to_all(world, kid, at), f"{kid} at {now - NOW} s, asked for at {at - now} s"
            key_ids = {record.key_id for _, records in world.history for record in records if record.kid == kid}
            assert all(world.disabled.get(key_id or "", now + 1) > now for key_id in key_ids)


def points(rules: RotationRules) -> int:
    """Count the points at which a run can end, in all of the hours."""
    world = World(rules)
    live(world)
    return len(world.calls)


@pytest.mark.parametrize("signer", SIGNERS)
def test_keys_take_turns_for_ever(signer: str) -> None:
    """Left alone, each day has its key, known before it signs and published after: none too many, none too few."""
    world = World(RULES[signer])
    live(world)
    check_every_moment(world)
    days = {kid for hour in range(24, HOURS) for kid in active_kids(world, NOW + hour * HOUR)}
    assert len(days) == 3
    assert None not in days
    (view,) = world.timelines(world.now, world.now)
    states = [view.state(record, world.now) for record in view.records]
    assert states.count(State.ACTIVE) == 1
    assert len(states) <= 4
    assert len(world.made) <= 4


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_run_may_be_killed_before_and_after_each_call(signer: str) -> None:
    """Wherever a run ends, the next one completes it, and there is never a moment without a key that all know."""
    for number in range(points(RULES[signer])):
        world = World(RULES[signer], hook=kill_at(number))
        live(world)
        world.hook = None
        check_every_moment(world)
        assert active_kids(world, world.now) != {None}, f"no rotation after a death at point {number}"
        live(world, 3)
        named = {record.key_id for record in world.records.values()} - {None}
        assert set(world.made) == named, f"a key is left over after a death at point {number}"


@pytest.mark.parametrize("signer", SIGNERS)
def test_two_runs_at_once_make_one_key(signer: str) -> None:
    """Between any two calls of a run there may be another run, whole or killed at any of its own calls."""
    whole = _points_of_one_run(signer)
    for outer in range(whole):
        for inner in range(whole + 1):
            world = World(RULES[signer])
            world.hook = _another_run_at(world, outer, kill_at(inner))
            world.rotation().run()
            world.hook = None
            announced = [record for record in world.records.values() if record.active_from > NOW]
            assert len(announced) == 1, (outer, inner)
            world.now += HOUR
            live(world, 40)
            check_every_moment(world)
            assert set(world.made) == {record.key_id for record in world.records.values()} - {None}, (outer, inner)


def test_a_run_leaves_alone_what_another_is_about_to_announce() -> None:
    """A run that has nothing to announce, in the midst of a rotation by hand, deletes no key that this one has made."""
    for number in range(_points_of_one_run(KMS)):
        world = World(replace(RULES[KMS], period_seconds=NEVER))
        world.hook = _another_run_at(world, number, lambda _: None)
        (step,) = world.rotation().rotate()
        world.hook = None
        live(world, 30)
        check_every_moment(world)
        assert active_kids(world, world.now) == {step.kid}


def _points_of_one_run(signer: str) -> int:
    world = World(RULES[signer])
    world.rotation().run()
    return len(world.calls)


def _another_run_at(world: World, number: int, inner: Callable[[str], None]) -> Callable[[str], None]:
    counter = itertools.count()

    def hook(_: str) -> None:
        if next(counter) == number:
            world.hook = inner
            with suppress(KilledError):
                world.rotation().run()
            world.hook = None

    return hook


@pytest.mark.parametrize("signer", SIGNERS)
def test_a_rotation_that_never_comes_leaves_the_first_key_or_the_last(signer: str) -> None:
    """Where no run succeeds for a month, tokens go on: a KMS key signs on, a data key ends at its hour."""
    world = World(RULES[signer])
    live(world, 30)
    (last,) = active_kids(world, world.now)
    world.now += 30 * DAY
    assert last is not None
    assert active_kids(world, world.now) == ({last} if signer == KMS else {None})
    check_every_moment(world)
    live(world, HOURS)
    check_every_moment(world)


@pytest.mark.parametrize(("before", "after"), [(KMS, DATA_KEY), (DATA_KEY, KMS)])
def test_another_signer_takes_over_as_any_key_does(before: str, after: str) -> None:
    """Where the setting says otherwise from now on, the next run announces a key of the other kind."""
    world = World(RULES[before])
    live(world, 40)
    world.rules = RULES[after]
    live(world, 40)
    check_every_moment(world)
    (view,) = world.timelines(world.now, world.now)
    active = view.active(world.now)
    assert active is not None
    assert active.signer == after


def test_by_hand_a_key_is_announced_once() -> None:
    """To ask for a rotation twice is to ask for one: the second time tells of the first."""
    world = World(replace(RULES[KMS], period_seconds=NEVER))
    (first,), (again,) = world.rotation().rotate(), world.rotation().rotate()
    assert (first.outcome, again.outcome) == ("announced", "announced already")
    assert first.kid == again.kid
    assert first.active_from == NOW + 4 * HOUR
    live(world, 100)
    check_every_moment(world)
    assert active_kids(world, world.now) == {first.kid}


def test_at_once_is_at_once() -> None:
    """In an emergency a key signs at once, whatever is announced for later."""
    world = World(RULES[KMS])
    world.rotation().rotate()
    (step,) = world.rotation().rotate(at_once=True)
    (view,) = world.timelines(world.now, world.now)
    active = view.active(world.now)
    assert active is not None
    assert (active.kid, active.active_from) == (step.kid, NOW)


def test_the_key_that_was_asked_for_last_signs() -> None:
    """However often another key is to sign at once, within one second too, it is the last one that does."""
    world = World(RULES[KMS])
    for count in range(1, 9):
        (step,) = world.rotation().rotate(at_once=True)
        (view,) = world.timelines(world.now, world.now)
        active = view.active(world.now + count)
        assert active is not None
        assert (active.kid, active.active_from) == (step.kid, NOW + count - 1)


def test_a_loop_of_rotations_ends_before_the_key_set_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often another key is to sign at once, verifiers can read the key set."""
    monkeypatch.setattr("auth_server.signing_keys.rotation.MAX_PUBLISHED", 5)
    world = World(RULES[KMS])
    for _ in range(5):
        world.rotation().rotate(at_once=True)
    with pytest.raises(RotationError, match="5 keys are published"):
        world.rotation().rotate(at_once=True)
    assert len(world.made) == 5


def test_a_retired_key_is_gone_and_the_one_before_it_signs() -> None:
    """A key that is retired by hand signs nothing and verifies nothing from now on, and those who sign are known."""
    world = World(RULES[KMS])
    live(world, 50)
    before = [record.kid for record in sorted(world.records.values(), key=lambda each: each.active_from)]
    (view,) = world.timelines(world.now, world.now)
    active = view.active(world.now)
    assert active is not None
    assert world.rotation().retire(active.kid)[-1].kid == active.kid
    (view,) = world.timelines(world.now, world.now)
    assert active.kid not in {record.kid for record in view.published(world.now)}
    assert active.key_id in world.disabled
    now_active = view.active(world.now)
    assert now_active is not None
    assert now_active.kid == before[before.index(active.kid) - 1]
    assert is_known_to_all(world, now_active.kid, world.now - VERIFIER_SECONDS)


@pytest.mark.parametrize(
    ("kid", "why"), [(FIRST_KEY.kid, "first key"), ("unknown", "no key of that name")], ids=["first", "unknown"]
)
def test_what_cannot_be_retired_is_refused(kid: str, why: str) -> None:
    """The first key, and a key that is not there."""
    world = World(RULES[KMS])
    live(world, 10)
    with pytest.raises(RotationError, match=why):
        world.rotation().retire(kid)


def test_a_killed_retirement_is_completed_by_asking_again_or_by_the_next_run() -> None:
    """Wherever it ends, the key is either still there, to be retired again, or its KMS key is cleared away later."""
    for number in itertools.count():
        world = World(RULES[KMS])
        live(world, 50)
        (view,) = world.timelines(world.now, world.now)
        active = view.active(world.now)
        assert active is not None
        world.hook = kill_at(number)
        try:
            world.rotation().retire(active.kid)
        except KilledError:
            world.hook = None
            assert active.kid not in world.records or active.key_id not in world.disabled
            with suppress(RotationError):
                world.rotation().retire(active.kid)
            world.now += 2 * HOUR
            world.rotation().run()
            assert active.kid not in world.records
            assert active.key_id not in world.made
        else:
            break
