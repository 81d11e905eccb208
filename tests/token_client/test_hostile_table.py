"""Whoever reads the table learns nothing, and whoever writes it makes nobody use a token that is not theirs.

Nine clients share a table: of two servers, with two identities, two scopes, and one with a key of its own. After each
attack all of them come new, and each gets a token that its own server issued to it, for its scope, within the time of
some leases.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jwt
import pytest

from tests.contract.servers.running import latchkey_command
from tests.token_client.front import Front, before
from tests.token_client.shared_table import SharedTable, shared_table, store
from token_client import AccessToken, TokenClient
from token_client.dpop import DPoPKey
from token_client.store.protocol import TokenKey, TokenStore

Stack = dict[str, Any]
Items = dict[str, dict[str, Any]]
Attack = Callable[["World", random.Random], None]
LEASE_S = 0.5
BOUND_S = 60.0  # many times three leases and a token request, for a busy machine
YEARS_MS = 10 * 365 * 86_400_000
SECRETS = ("client_id", "client_secret")


@dataclass(frozen=True)
class Victim:
    """A client of the table. One with a key asks the server itself: proofs name the URL that they are for."""

    issuer: str
    front: Front | None
    scope: str
    who: Mapping[str, str]
    dpop_key: DPoPKey | None = None

    @property
    def key(self) -> TokenKey:
        """Give what its token depends on."""
        jkt = None if self.dpop_key is None else self.dpop_key.jkt
        return TokenKey(self.issuer, self.who["client_id"], (self.scope,), jkt=jkt)

    def client(self, shared: TokenStore) -> TokenClient:
        """Come new."""
        own: dict[str, Any] = {**self.who, "dpop": self.dpop_key or False, "store": shared}
        return TokenClient(self.issuer, scope=self.scope, lease_s=LEASE_S, **own)

    def token(self, shared: TokenStore) -> str:
        """Come new, and get a token."""
        with self.client(shared) as client:
            return client.token()

    def owns(self, token: str) -> bool:
        """Whether its server issued this token to it, for what it asks for, and bound it to its key."""
        claims = jwt.decode(token, options={"verify_signature": False})
        bound = None if self.dpop_key is None else {"jkt": self.dpop_key.jkt}
        found = (claims["client_id"], claims["scope"], claims.get("cnf"))
        return found == (self.who["client_id"], self.scope, bound) and (
            self.front is None or token in self.front.issued
        )


@dataclass
class World:
    """A table full of tokens, its clients, and its items as they were at two times."""

    table: SharedTable
    store: TokenStore
    fronts: tuple[Front, Front]
    victims: list[Victim]
    earlier: Items
    now: Items

    def restore(self) -> None:
        """Put every item back."""
        for item_id in self.table.items().keys() - self.now.keys():
            self.table.delete(item_id)
        for item in self.now.values():
            self.table.put(item)

    def tokens(self) -> list[str]:
        """Have all clients come new at once, and give what each gets; fails where one has nothing in time."""
        pool = ThreadPoolExecutor(len(self.victims))
        try:
            asked = [pool.submit(victim.token, self.store) for victim in self.victims]
            return [each.result(timeout=BOUND_S) for each in asked]
        finally:
            pool.shutdown(wait=False)  # whoever has nothing in time is not waited for

    def check(self) -> None:
        """Check that each client gets a token of its own, and that it stays with it."""
        for victim, token in zip(self.victims, self.tokens(), strict=True):
            assert victim.owns(token), victim

    @property
    def requests(self) -> int:
        """Give how many tokens were asked for so far."""
        return sum(front.token_requests for front in self.fronts)

    @property
    def counted(self) -> int:
        """Give how many of the clients ask where it is counted."""
        return sum(victim.front is not None for victim in self.victims)


@pytest.fixture(scope="module")
def world(local_stack: Stack) -> Iterator[World]:
    """Give the world; each test leaves whatever it likes in the table."""
    create = ("clients", "create", "--scope", "products:read products:write", "--audience", local_stack["audience"])
    made = latchkey_command(local_stack, *create)
    identities = [{name: client[name] for name in SECRETS} for client in (local_stack, made)]
    url = local_stack["issuer"]
    with before(url) as one, before(url) as other, shared_table(local_stack["aws_endpoint_url"]) as table:
        victims = [
            Victim(front.url, front, scope, who)
            for front in (one, other)
            for scope in ("products:read", "products:write")
            for who in identities
        ]
        victims.append(Victim(url, None, "products:read", identities[0], DPoPKey.generate()))
        made_world = World(table, store(table), (one, other), victims, {}, {})
        made_world.check()
        made_world.earlier = table.items()
        for item_id in made_world.earlier:
            table.delete(item_id)
        made_world.check()
        made_world.now = table.items()
        assert len(made_world.now) == len(victims)
        yield made_world


def test_who_reads_the_table_learns_nothing(world: World) -> None:
    """Neither a token nor a secret nor a client, server or scope is in any attribute of any item."""
    world.restore()
    found = repr(world.table.items())
    hidden = [world.victims[0].issuer, "products:read", *world.tokens()]
    hidden += [value for victim in world.victims for value in victim.who.values()]
    assert [value for value in hidden if value in found] == []


def test_tokens_that_nobody_touched_are_read(world: World) -> None:
    """What the attacks are held against: left alone, nobody asks the server."""
    world.restore()
    asked = world.requests
    world.check()
    assert world.requests == asked


def swap_tokens(world: World, chance: random.Random) -> None:
    """Give every item another's token."""
    ids = list(world.now)
    by = chance.randrange(1, len(ids))
    for item_id, other in zip(ids, ids[by:] + ids[:by], strict=True):
        world.table.put({**world.now[item_id], "token": world.now[other]["token"]})


def swap_items(world: World, chance: random.Random) -> None:
    """Put every item in the place of another."""
    ids = list(world.now)
    by = chance.randrange(1, len(ids))
    for item_id, other in zip(ids, ids[by:] + ids[:by], strict=True):
        world.table.put({**world.now[other], "id": {"S": item_id}})


def copy_one(world: World, chance: random.Random) -> None:
    """Put one item in the place of all."""
    one = world.now[chance.choice(list(world.now))]
    for item_id in world.now:
        world.table.put({**one, "id": {"S": item_id}})


def roll_back(world: World, _chance: random.Random) -> None:
    """Put back what was there before, which is each client's own."""
    for item in world.earlier.values():
        world.table.put(item)


def delete(world: World, _chance: random.Random) -> None:
    """Delete everything."""
    for item_id in world.now:
        world.table.delete(item_id)


def spoil(world: World, chance: random.Random) -> None:
    """Flip a bit, cut an end off, or put anything in the place of a token."""
    for item in world.now.values():
        data = bytearray(item["token"]["B"])
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        whole = bytes(item["token"]["B"])
        token = chance.choice(
            [
                {"B": bytes(data)},
                {"B": whole[: chance.randrange(len(whole))] or b"\0"},
                {"B": whole + b"\0"},
                {"B": chance.randbytes(chance.randrange(1, 5_000))},
                {"S": "a token"},
                {"N": "1"},
                {"L": []},
                {"NULL": True},
            ]
        )
        world.table.put({**item, "token": token})


def leases(world: World, chance: random.Random) -> None:
    """Plant leases far in the future, and things that only look like one, with nothing else in the item."""
    for item_id in world.now:
        world.table.put(
            {
                "id": {"S": item_id},
                "expires_at": chance.choice([{"N": "0"}, {"N": "9" * 30}, {"S": "never"}]),
                "lease_owner": chance.choice([{"S": "attacker"}, {"S": "x" * 10_000}, {"N": "1"}, {"B": b"x"}]),
                "lease_until": chance.choice(
                    [{"N": str(int(time.time() * 1000) + YEARS_MS)}, {"N": "9.9E+125"}, {"N": "-1"}, {"S": "never"}]
                ),
            }
        )


def anything(world: World, chance: random.Random) -> None:
    """Make every attribute of every item that of any other, of any time, of a lease, or none."""
    pool = [*world.now.values(), *world.earlier.values()]
    planted = {"lease_owner": {"S": "attacker"}, "lease_until": {"N": str(int(time.time() * 1000) + YEARS_MS)}}
    for item_id in world.now:
        made = {}
        for name in ("token", "expires_at", "lease_owner", "lease_until"):
            found = chance.choice([*pool, planted]).get(name)
            if found is not None and chance.random() < 0.9:
                made[name] = found
        world.table.put({"id": {"S": item_id}, **made})


ATTACKS: Mapping[str, tuple[Attack, int]] = {
    "tokens swapped": (swap_tokens, 1),
    "items swapped": (swap_items, 1),
    "one for all": (copy_one, 1),
    "rolled back": (roll_back, 1),
    "deleted": (delete, 1),
    "spoilt": (spoil, 3),
    "leases planted": (leases, 2),
    "anything": (anything, 4),
}
ROUNDS = [(name, seed) for name, (_, rounds) in ATTACKS.items() for seed in range(rounds)]


@pytest.mark.parametrize(("name", "seed"), ROUNDS)
def test_everybody_gets_a_token_of_their_own(world: World, name: str, seed: int) -> None:
    """Whatever was done to the table, each client uses its own token or fetches it, and shares it again."""
    world.restore()
    ATTACKS[name][0](world, random.Random(seed))  # noqa: S311 - an attack that can be repeated
    world.check()
    asked = world.requests
    world.check()
    assert world.requests == asked


def test_no_swapped_token_is_read_at_all(world: World) -> None:
    """Not one of them is taken from an item that was another's: each client asks its server, once."""
    world.restore()
    asked = world.requests
    swap_items(world, random.Random(1))  # noqa: S311 - as above
    world.check()
    assert world.requests - asked == world.counted


def test_an_expired_token_that_is_put_back_is_not_used(world: World) -> None:
    """An item is rolled back to a token that has expired since, and its attribute says that it has not."""
    world.restore()
    victim, now_ms = world.victims[0], int(time.time() * 1000)
    slot = world.store.slot(victim.key, victim.who["client_secret"].encode())
    world.table.delete(victim.key.id)
    expired = AccessToken("expired", "Bearer", (victim.scope,), now_ms - 7_200_000, now_ms - 3_600_000)
    assert slot.acquire("whoever", 1)
    assert slot.write("whoever", expired)
    world.table.put({**world.table.items()[victim.key.id], "expires_at": {"N": str(now_ms // 1000 + 3_600)}})
    assert victim.owns(victim.token(world.store))


def test_a_refused_token_that_is_put_back_is_not_given_for_another(world: World) -> None:
    """After a 401 the item is rolled back to the refused token: the client gets another one from the server."""
    world.restore()
    victim = world.victims[0]
    with victim.client(world.store) as client:
        refused = client.access_token()
        world.restore()
        renewed = client.renew(refused)
    assert renewed is not None
    assert renewed.value != refused.value
    assert victim.owns(renewed.value)


@contextmanager
def leasing_all_the_time(world: World) -> Iterator[None]:
    """Hold every lease, each time under another name, faster than anybody looks."""
    begun, over = threading.Event(), threading.Event()

    def hold() -> None:
        turn = 0
        while not over.wait(0.01):
            turn += 1
            until = {"N": str(int(time.time() * 1000) + YEARS_MS)}
            for item_id in world.now:
                world.table.put({"id": {"S": item_id}, "lease_owner": {"S": str(turn)}, "lease_until": until})
            begun.set()

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        try:
            assert begun.wait(BOUND_S)
            yield
        finally:
            over.set()
        held.result()


def test_a_lease_that_is_never_free_is_done_without(world: World) -> None:
    """The holder seems alive for ever: after three times a lease, each client asks for itself."""
    world.restore()
    asked = world.requests
    with leasing_all_the_time(world):
        world.check()
    assert world.requests - asked == world.counted
