"""How often a secret may be wrong (RFC 6749 2.3.1): what is counted, who has to wait, and what it costs."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from auth_server.clients import ClientSecret, digest_secret
from auth_server.throttle import (
    FAILURES_OF_ADDRESS,
    FAILURES_OF_CLIENT_AT_ADDRESS,
    PROVEN_SECONDS,
    Memory,
)
from tests.auth_server.assertions import P256, SIGN, claims, jwk, jwks, sign
from tests.simulator import (
    ENVIRON,
    NOW,
    SECRET,
    MemoryClientStore,
    MemoryStateStore,
    Response,
    Simulator,
    basic,
    client,
    document,
    event,
)

WRONG = "wrong"
OWN, STRANGE = "203.0.113.7", "198.51.100.23"
WINDOW = FAILURES_OF_CLIENT_AT_ADDRESS.seconds
MOST = FAILURES_OF_CLIENT_AT_ADDRESS.most
GUESSES = 100_000


@dataclass
class World:
    """A server at the start of a window, and how many calls of its stores it made."""

    server: Simulator = field(
        default_factory=lambda: Simulator(now=NOW // WINDOW * WINDOW, environ={**ENVIRON, "LOG_LEVEL": "ERROR"})
    )

    def ask(self, secret: str = SECRET, client_id: str = "demo", address: str | None = STRANGE) -> Response:
        """Ask for a token from an address."""
        body = "grant_type=client_credentials"
        return self.server.send(
            event(
                "POST", "/oauth/token", body=body, headers=basic(client_id, secret), requestContext=came_from(address)
            )
        )

    def statuses(self, times: int, secret: str = WRONG, **whose: Any) -> list[int]:
        """Ask so many times."""
        return [self.ask(secret, **whose)["statusCode"] for _ in range(times)]

    @property
    def calls(self) -> int:
        """Count the reads of clients, and the writes and reads of the state."""
        state = self.server.state
        return self.server.clients.reads + sum(state.counts.values()) + state.reads


def came_from(address: str | None) -> dict[str, Any]:
    """Give the context of a request from an address."""
    return {"requestId": "request-1", "identity": {"sourceIp": address}}


@pytest.fixture
def world() -> World:
    """Give a server that has seen nothing yet."""
    return World()


def pause(response: Response) -> int:
    """Check that these were too many, and give after how many seconds to try again."""
    assert (response["statusCode"], document(response)["error"]) == (429, "temporarily_unavailable"), response
    assert "WWW-Authenticate" not in response["headers"]
    return int(response["headers"]["Retry-After"])


@pytest.mark.spec("RFC 6749", "2.3.1")
@pytest.mark.spec("RFC 6585", "4")
@pytest.mark.parametrize("client_id", ["demo", "nobody"])
def test_failures_beyond_the_limit_are_answered_429_with_a_pause_that_doubles(world: World, client_id: str) -> None:
    """Ten wrong secrets are 401; each one more is 429, whether or not there is such a client, and doubles the pause."""
    assert world.statuses(MOST, client_id=client_id) == [401] * MOST
    pauses = []
    for _ in range(4):
        pauses.append(pause(world.ask("wrong", client_id)))
        world.server.now += pauses[-1]
    assert pauses == [2, 4, 8, 16]


def test_a_pause_ends_with_its_window(world: World) -> None:
    """However many failures there were, none is held against an address when the next window begins."""
    for _ in range(MOST + 20):
        world.ask("wrong")
        world.server.now += 60
        if world.server.now % WINDOW < 60:
            break
    assert world.statuses(MOST) == [401] * MOST


def test_a_pause_is_kept_without_any_call(world: World) -> None:
    """While it lasts, whatever is tried for that client at that address is refused without asking a store."""
    world.statuses(MOST + 1)
    before = world.calls
    assert world.statuses(50) == [429] * 50
    assert world.statuses(1, secret=SECRET) == [429]  # a right one as well: else it would be no limit to guessing
    assert world.calls == before


@pytest.mark.parametrize("others", ["another address", "another client"])
def test_a_pause_is_of_one_client_at_one_address(world: World, others: str) -> None:
    """A right secret from another address, and another client at the same one, are served."""
    world.server.clients.clients["other"] = client(client_id="other")
    world.statuses(MOST + 1)
    whose = {"address": OWN} if others == "another address" else {"client_id": "other"}
    assert world.ask(**whose)["statusCode"] == 200


def test_an_address_is_paused_for_all_ids_that_it_tries(world: World) -> None:
    """Many ids from one address come to one count, and each leaves no more than two counters in the table."""
    most = FAILURES_OF_ADDRESS.most
    ids = [f"c{number}" for number in range(most + 50)]
    statuses = [world.ask("wrong", client_id)["statusCode"] for client_id in ids]
    assert statuses == [401] * most + [429] * 50
    assert len(world.server.state.counts) == most + 1


def test_an_operator_says_how_often_an_address_may_fail() -> None:
    """Behind a proxy all callers have one address; what one client may fail there stays as it is."""
    environ = {**ENVIRON, "ADDRESS_FAILURES": "200", "LOG_LEVEL": "ERROR"}
    world = World(Simulator(now=NOW // WINDOW * WINDOW, environ=environ))
    statuses = [world.ask("wrong", f"c{number}")["statusCode"] for number in range(201)]
    assert statuses == [401] * 200 + [429]
    other = World(Simulator(now=NOW // WINDOW * WINDOW, environ=environ))
    assert other.statuses(MOST + 1)[-1] == 429


@pytest.mark.parametrize(
    "last",
    [
        pytest.param("2001:db8:1:2::ffff", id="the network"),
        pytest.param("2001:db8:1:3::1", id="another network"),
    ],
)
def test_an_address_of_ipv6_is_a_network(world: World, last: str) -> None:
    """What one party can choose of its address makes no difference."""
    world.statuses(MOST, address="2001:db8:1:2::1")
    assert world.ask("wrong", address=last)["statusCode"] == (429 if ":2::" in last else 401)


def test_requests_without_an_address_are_one_party(world: World) -> None:
    """An event that tells no address is no way around the count."""
    assert world.statuses(MOST + 1, address=None)[-1] == 429


def test_a_secret_that_proved_right_is_no_guess(world: World) -> None:
    """A client that was served here lately is served while somebody at its own address guesses, and proves it anew."""
    assert world.ask()["statusCode"] == 200
    world.statuses(MOST + 5)
    assert world.ask()["statusCode"] == 200
    world.server.clients.clients["demo"] = client(secrets=(ClientSecret(digest_secret("another"), NOW),))
    assert world.ask()["statusCode"] == 429  # proven, found wrong, counted
    before = world.calls
    assert world.ask()["statusCode"] == 429  # and a guess like any other
    assert world.calls == before


def test_what_proved_right_is_forgotten(world: World) -> None:
    """After an hour it is a guess again."""
    assert world.ask()["statusCode"] == 200
    world.server.now += PROVEN_SECONDS
    world.statuses(MOST + 1)
    assert world.ask()["statusCode"] == 429


def test_a_success_takes_nothing_back(world: World) -> None:
    """Whoever has a client of their own gets no more guesses at others by logging in between them."""
    world.server.clients.clients["own"] = client(client_id="own")
    for _ in range(MOST):
        world.ask("wrong")
        assert world.ask(client_id="own")["statusCode"] == 200
    assert world.ask("wrong")["statusCode"] == 429


def test_a_token_costs_no_call_beside_its_read(world: World) -> None:
    """Whoever has the right secret is counted nowhere: one read, before, during and after an attack."""
    for attacks in (0, MOST + 1, 1):
        world.statuses(attacks)
        before = world.calls
        assert world.ask(address=OWN)["statusCode"] == 200
        assert world.calls == before + 1


def test_a_key_is_not_guessed_at() -> None:
    """Bad assertions are refused and not counted, so that nobody who shares a client's address stops it by them."""
    signer = client(auth_methods=("private_key_jwt",), secrets=(), jwks=jwks(jwk(P256, kid="k1")))
    server = Simulator(clients=MemoryClientStore(signer))
    assertion_type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

    def ask(assertion: str) -> int:
        form = {"grant_type": "client_credentials", "client_assertion": assertion}
        status: int = server.post({**form, "client_assertion_type": assertion_type})["statusCode"]
        return status

    good = sign(claims(iss="demo", sub="demo"), {"alg": "ES256", "kid": "k1"}, SIGN["ES256"])
    assert [ask("eyJ.e30.bad") for _ in range(MOST + 5)] == [401] * (MOST + 5)
    assert ask(good) == 200
    assert server.state.counts == {}


def test_a_count_that_cannot_be_written_is_an_outage_and_opens_nothing(world: World) -> None:
    """A wrong secret is then 503, and a right one is still a token: nothing is asked about it."""
    world.server.state.failing = True
    assert world.statuses(2) == [503, 503]
    assert world.ask()["statusCode"] == 200


@pytest.mark.parametrize("path", ["/oauth/introspect", "/oauth/revoke"])
def test_every_endpoint_that_takes_a_secret_counts(world: World, path: str) -> None:
    """RFC 6749 2.3.1: any endpoint that takes a password is protected."""

    def ask() -> int:
        status: int = world.server.send(event("POST", path, body="token=x", headers=basic("demo", "wrong")))[
            "statusCode"
        ]
        return status

    assert [ask() for _ in range(MOST + 1)] == [401] * MOST + [429]


def test_what_the_gate_says_is_answered_without_any_call(world: World) -> None:
    """A pause that the gate before the endpoint knows of is the answer; nothing is read, and nothing counted."""
    context = {**came_from(STRANGE), "authorizer": {"principalId": "client", "pause": "7"}}
    headers = basic("demo", "wrong")
    response = world.server.send(
        event("POST", "/oauth/token", body="grant_type=client_credentials", headers=headers, requestContext=context)
    )
    assert (pause(response), world.calls) == (7, 0)


def test_the_audit_line_tells_why(capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the count that was over, and no client: none was looked up."""
    world = World(Simulator(now=NOW // WINDOW * WINDOW))
    world.statuses(MOST + 2)
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["outcome"], line["reason"]) == ("refused", "too many failures: client at address")
    assert "client_id" not in line


def attack(world: World, address: Callable[[int], str], secret: Callable[[int], str]) -> list[int]:
    """Guess at `demo` a hundred thousand times; give what the client itself is answered after each thousand."""
    served = []
    for number in range(GUESSES):
        assert world.ask(secret(number), address=address(number))["statusCode"] in (401, 429)
        if number % 1_000 == 0:
            served.append(world.ask(address=OWN)["statusCode"])
    return served


def test_a_hundred_thousand_guesses_from_one_address_are_bounded_work(world: World) -> None:
    """Ten are tried and one more is counted; all others cost no call, and the client itself is served throughout."""
    assert attack(world, lambda _: STRANGE, lambda number: f"guess-{number}") == [200] * 100
    assert world.calls == 100 + 3 * (MOST + 1)


def test_a_hundred_thousand_guesses_from_a_thousand_addresses_are_bounded_work(world: World) -> None:
    """Each address has its ten: the calls grow with the addresses, and not with the guesses."""
    served = attack(world, lambda number: f"198.51.{number % 1_000 // 250}.{number % 250}", lambda _: "guess")
    assert served == [200] * 100
    assert world.calls == 100 + 1_000 * 3 * (MOST + 1)


def test_the_memory_is_bounded() -> None:
    """Of too many names the oldest is forgotten, also while many threads remember."""
    memory = Memory(100)

    def remember(first: int) -> None:
        for number in range(first, first + 1_000):
            memory.remember(str(number), number)

    threads = [threading.Thread(target=remember, args=(first,)) for first in (0, 10_000, 20_000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(memory.until(str(number)) > 0 for number in range(30_000)) <= 100
    memory.remember("last", 1)
    assert memory.until("last") == 1


def test_two_lambdas_share_the_count() -> None:
    """What one Lambda has counted, the next goes on from: its first failure tells it that these were too many."""
    state = MemoryStateStore()
    worlds = [World(Simulator(now=NOW // WINDOW * WINDOW, state=state)) for _ in range(2)]
    assert worlds[0].statuses(MOST) == [401] * MOST
    assert worlds[1].statuses(1) == [429]
