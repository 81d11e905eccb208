"""Many start cold at once, and the server hears of one: counted there, over DynamoDB as two programs have it."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from tests.token_client import fleet
from tests.token_client.crowds import CROWDS, processes
from tests.token_client.front import Call, Front, before, once
from tests.token_client.shared_table import SharedTable, shared_table, store
from token_client import TokenClient

Stack = dict[str, Any]
LEASE_S = 3.0
WAIT_S = 60.0  # for what takes less than a second on a machine that does nothing else


@pytest.fixture
def table(request: pytest.FixtureRequest, local_stack: Stack) -> Iterator[SharedTable]:
    """Give an empty table: moto's, or what the test names."""
    is_moto = getattr(request, "param", "moto") == "moto"
    url = local_stack["aws_endpoint_url"] if is_moto else request.getfixturevalue("dynamodb_local_endpoint")
    with shared_table(url) as made:
        yield made


@pytest.fixture
def front(local_stack: Stack) -> Iterator[Front]:
    """Give a front before the local stack, which counts."""
    with before(local_stack["issuer"]) as made:
        yield made


@pytest.fixture
def client(front: Front, local_stack: Stack) -> dict[str, Any]:
    """Give the arguments of a client of the server behind the front."""
    who = {name: local_stack[name] for name in ("client_id", "client_secret")}
    return {"issuer": front.url, **who, "scope": "products:read", "resource": local_stack["audience"]}


def is_taken(stack: Stack, token: str) -> bool:
    """Whether the API takes a token."""
    return httpx.get(f"{stack['api']}/products", headers={"Authorization": f"Bearer {token}"}).status_code == 200


BOTH = pytest.mark.parametrize("table", ["moto", "DynamoDB Local"], indirect=True)


@BOTH
@pytest.mark.parametrize("names", [*([name] for name in CROWDS), list(CROWDS)], ids="-".join)
def test_one_token_request(
    local_stack: Stack, table: SharedTable, front: Front, client: dict[str, Any], names: list[str]
) -> None:
    """Two hundred threads, two hundred tasks, twenty processes, and all of them at once: one request, one token."""
    with ExitStack() as at_end:
        crowds = [at_end.enter_context(CROWDS[name][1](CROWDS[name][0], client, table)) for name in names]
        for crowd in crowds:
            crowd.go()
        tokens = [token for crowd in crowds for token in crowd.tokens()]
    assert front.token_requests == 1
    assert len(tokens) == sum(CROWDS[name][0] for name in names)
    assert len(set(tokens)) == 1
    assert is_taken(local_stack, tokens[0])
    assert table.lease_owners() == []


def test_without_a_store_each_process_asks(front: Front, client: dict[str, Any]) -> None:
    """What the one request is worth: the same twenty processes make twenty without a store."""
    with processes(20, client, None) as crowd:
        crowd.go()
        assert len(set(crowd.tokens())) == 20
    assert front.token_requests == 20


def held(until: threading.Event) -> Any:
    """Keep a request until somebody says so, then forward it."""

    def fault(call: Call) -> None:
        until.wait(WAIT_S)
        call.forward()

    return fault


@pytest.mark.parametrize("table", ["DynamoDB Local"], indirect=True)
def test_the_lease_of_a_killed_holder_is_taken_over(
    local_stack: Stack, table: SharedTable, front: Front, client: dict[str, Any]
) -> None:
    """Its holder is killed while it waits for the server: of five others one takes over, and asks once.

    Had they not, each would ask for itself when its patience with the lease ends: that is five requests and not one.
    """
    client |= {"lease_s": LEASE_S}
    never = threading.Event()
    with front.failing(once(held(never))):
        with fleet.ready(1, client, table=table.name, endpoint_url=table.endpoint_url) as holder:
            holder.go()
            assert front.asked.wait(WAIT_S)
            [owner] = table.lease_owners()
            os.kill(holder.pids[0], signal.SIGKILL)
            with processes(5, client, table) as others:
                others.go()
                tokens = others.tokens()
            assert holder.said() == []
        never.set()
    assert owner not in table.lease_owners()
    assert table.lease_owners() == []
    assert front.token_requests == 2
    assert (len(tokens), len(set(tokens))) == (5, 1)
    assert is_taken(local_stack, tokens[0])


def test_a_holder_that_wakes_up_late_undoes_nothing(table: SharedTable, front: Front, client: dict[str, Any]) -> None:
    """Its holder is stopped, loses the lease, and goes on: it gets a token, and what the other has stored stays."""
    client |= {"lease_s": LEASE_S, "timeout_s": WAIT_S}
    answered = threading.Event()
    with (
        front.failing(once(held(answered))),
        fleet.ready(1, client, table=table.name, endpoint_url=table.endpoint_url) as holder,
    ):
        holder.go()
        assert front.asked.wait(WAIT_S)
        os.kill(holder.pids[0], signal.SIGSTOP)
        with TokenClient(**client, store=store(table)) as other:
            token = other.token()
        kept = table.items()
        os.kill(holder.pids[0], signal.SIGCONT)
        answered.set()
        [said] = holder.said()
    assert "error" not in said
    assert table.items() == kept
    with TokenClient(**client, store=store(table)) as later:
        assert later.token() == token
    assert front.token_requests == 2
