"""How often somebody may try (NIST SP 800-63B-4 3.2.2), and that a stranger's tries are the stranger's."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from auth_server import windows
from auth_server.people.throttle import (
    FAILURES_OF_ADDRESS,
    FAILURES_OF_NAME,
    FAILURES_OF_NAME_AT_ADDRESS,
    FAMILIAR_SECONDS,
    SIGNUPS_OF_ADDRESS,
)
from tests.auth_server.people.simulator import PASSWORD, PeopleSimulator
from tests.simulator import NOW, Response, document

WRONG = "eight herons on the jetty"
OWN, STRANGE = "203.0.113.7", "198.51.100.23"
WINDOW = FAILURES_OF_ADDRESS.seconds


@pytest.fixture
def server() -> PeopleSimulator:
    """Give a function that Alice has signed up at, at the start of a window."""
    server = PeopleSimulator(now=NOW // 86_400 * 86_400)
    assert server.sign_up()["statusCode"] == 201
    return server


def statuses(server: PeopleSimulator, times: int, username: str = "alice", address: str = STRANGE) -> list[int]:
    """Try a wrong password so many times."""
    return [server.log_in(username, WRONG, address=address)["statusCode"] for _ in range(times)]


def refused(response: Response) -> int:
    """Check that these were too many attempts, and give after how many seconds to try again."""
    assert (response["statusCode"], document(response)["error"]) == (429, "too_many_attempts"), response
    assert response["headers"]["Access-Control-Allow-Origin"]
    return int(response["headers"]["Retry-After"])


@pytest.mark.spec("NIST SP 800-63B-4", "3.2.2")
@pytest.mark.parametrize("username", ["alice", "bob", "no name at all"])
def test_a_name_is_tried_ten_times_from_an_address(server: PeopleSimulator, username: str) -> None:
    """Then 429, with the right password too, whether or not there is such a person; nothing is looked up or hashed."""
    most = FAILURES_OF_NAME_AT_ADDRESS.most
    assert statuses(server, most, username) == [401] * most
    server.hasher.computed.clear()
    server.people.calls.clear()
    server.now += 100
    assert refused(server.log_in(username, PASSWORD, address=STRANGE)) == WINDOW - 100
    assert (server.hasher.computed, server.people.calls) == ([], [])


def test_it_may_be_tried_again_when_it_says(server: PeopleSimulator) -> None:
    """Retry-After is the time at which the next attempt is one of a new window."""
    statuses(server, FAILURES_OF_NAME_AT_ADDRESS.most)
    server.now += refused(server.log_in(address=STRANGE)) - 1
    assert refused(server.log_in(address=STRANGE)) == 1
    server.now += 1
    assert server.log_in(address=STRANGE)["statusCode"] == 200


def test_a_stranger_does_not_lock_a_person_out(server: PeopleSimulator) -> None:
    """However often a name is tried elsewhere, the person logs in at an address of their own."""
    assert server.log_in(address=OWN)["statusCode"] == 200
    for number in range(20):
        statuses(server, 12, address=f"198.51.100.{number}")
    assert refused(server.log_in(address="192.0.2.99"))
    assert server.log_in(address=OWN)["statusCode"] == 200


@pytest.mark.spec("NIST SP 800-63B-4", "3.2.2")
def test_a_name_is_tried_a_hundred_times_a_day_from_all_addresses(server: PeopleSimulator) -> None:
    """Where the person never logged in lately, the tries of all addresses count together."""
    answers = [server.log_in("alice", WRONG, address=f"198.51.100.{number}")["statusCode"] for number in range(101)]
    assert answers == [401] * FAILURES_OF_NAME.most + [429]
    assert server.log_in("bob", WRONG, address="198.51.100.200")["statusCode"] == 401
    server.now += FAILURES_OF_NAME.seconds
    assert server.log_in(address="192.0.2.99")["statusCode"] == 200


def test_an_address_is_familiar_for_a_while(server: PeopleSimulator) -> None:
    """Thirty days after the last log-in there, it counts like any other."""
    assert server.log_in(address=OWN)["statusCode"] == 200
    server.now += FAMILIAR_SECONDS
    for number in range(FAILURES_OF_NAME.most):
        server.log_in("alice", WRONG, address=f"198.51.100.{number}")
    assert refused(server.log_in(address=OWN))


def test_an_address_has_a_hundred_failures(server: PeopleSimulator) -> None:
    """Whatever names it tries; what comes after them writes nothing but the one count."""
    most = FAILURES_OF_ADDRESS.most
    answers = [server.log_in(f"name-{number}", WRONG, address=STRANGE)["statusCode"] for number in range(most + 1)]
    assert answers == [401] * most + [429]
    items, calls = len(server.state.counts), server.state.calls
    assert refused(server.log_in("another", WRONG, address=STRANGE))
    assert (len(server.state.counts), server.state.calls) == (items, calls + 1)
    assert server.log_in(address=OWN)["statusCode"] == 200


def test_what_succeeds_is_no_failure(server: PeopleSimulator) -> None:
    """A person, or a whole office, may log in as often as they like."""
    assert {server.log_in()["statusCode"] for _ in range(FAILURES_OF_ADDRESS.most + 20)} == {200}
    assert {count for (kind, _), count in server.state.counts.items() if kind.startswith("login name ")} == {0}


def test_a_success_does_not_wipe_out_the_failures_of_others(server: PeopleSimulator) -> None:
    """Who has a name of their own cannot use it to try on at others from the same address."""
    answers = []
    for number in range(FAILURES_OF_ADDRESS.most + 1):
        answers.append(server.log_in(f"name-{number}", WRONG, address=STRANGE)["statusCode"])
        if number < 90:
            assert server.log_in(address=STRANGE)["statusCode"] == 200
    assert answers[-1] == 429


def test_a_disabled_person_is_counted_like_a_wrong_password(server: PeopleSimulator) -> None:
    """The right password of somebody who is disabled is no success."""
    server.people.people["alice"] = replace(server.people.people["alice"], enabled=False)
    most = FAILURES_OF_NAME_AT_ADDRESS.most
    answers = [server.log_in(address=OWN)["statusCode"] for _ in range(most + 1)]
    assert answers == [401] * most + [429]


def test_an_address_signs_up_so_many_people_an_hour(server: PeopleSimulator) -> None:
    """Then 429, before anything is hashed; elsewhere people go on signing up."""
    for number in range(SIGNUPS_OF_ADDRESS.most):
        assert server.sign_up(f"person-{number}", address=STRANGE)["statusCode"] == 201
    server.hasher.computed.clear()
    assert refused(server.sign_up("another", address=STRANGE)) == SIGNUPS_OF_ADDRESS.seconds
    assert server.hasher.computed == []
    assert server.sign_up("another", address="192.0.2.99")["statusCode"] == 201


def test_of_many_at_once_no_more_are_let_through(server: PeopleSimulator) -> None:
    """The count is one atomic write before the work: racing gains nothing."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: server.log_in("alice", WRONG, address=STRANGE)["statusCode"], range(40)))
    assert sorted(answers) == [401] * FAILURES_OF_NAME_AT_ADDRESS.most + [429] * 30


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("", "nonsense", True),
    ],
)
def test_an_address_is_what_one_party_has(one: str, other: str, same: bool) -> None:
    """Of IPv6 that is a network of 64 bits: whoever has one address there has them all."""
    assert (windows.network(one) == windows.network(other)) is same


def test_no_name_stands_in_the_counters(server: PeopleSimulator) -> None:
    """What is typed into a wrong field is not kept: the names of counters are digests."""
    server.log_in("my-secret-thing-of-old", WRONG, address=STRANGE)
    assert "secret" not in str(server.state.counts)
    assert STRANGE not in str(server.state.counts)
