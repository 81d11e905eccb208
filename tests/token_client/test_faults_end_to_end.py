"""Each failure ends as docs/token-client.md says, and nothing is lost by it.

What is not lost: whoever has a token keeps it; what is in the table stays there, and is read by whoever comes new; no
lease stays with anybody; and once the failure is over, the next call gets a token.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from email.utils import formatdate
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws_proxy import cut_short as cut_short_by_aws
from tests.aws_proxy import empty, error, hang_up, proxy_to
from tests.aws_proxy import garbage as garbage_of_aws
from tests.contract.servers.running import FOREIGN, latchkey_command, local, pem
from tests.token_client import fleet
from tests.token_client.clients import KINDS
from tests.token_client.front import (
    Fault,
    Front,
    cut_short,
    dripping,
    garbage,
    hanging_up,
    late,
    once,
    refused,
    status,
    truncated,
)
from tests.token_client.shared_table import store
from tests.token_client.worlds import NOT_STORED, STORED, World, world_of
from token_client.credentials.private_key_jwt import PrivateKeyJWT
from token_client.credentials.secrets_manager import SecretsManagerSecret
from token_client.errors import DiscoveryError, ServerUnavailableError, TokenClientError, TokenRefusedError
from token_client.store.dynamodb import DynamoDBTokenStore

Failure = Callable[[Front], AbstractContextManager[None]]
QUICK = {"retries": 1, "retry_interval_ms": 10}


def answered(fault: Fault) -> Failure:
    """Fail token requests."""
    return lambda front: front.failing(fault)


@contextmanager
def _as_another(front: Front) -> Iterator[None]:
    front.renames = False  # the metadata names the server behind, which is another than was asked
    try:
        yield
    finally:
        front.renames = True


# What happens; the error of whoever has no token; how many token requests are made; further arguments of the client.
FAILURES: Mapping[str, tuple[Failure, type[TokenClientError], int, Mapping[str, Any]]] = {
    "down": (Front.down, ServerUnavailableError, 0, {}),
    "hangs up": (answered(hanging_up), ServerUnavailableError, 2, {}),
    "slow": (answered(late), ServerUnavailableError, 1, {"timeout_s": 1, "retries": 0}),
    "drips": (answered(dripping), ServerUnavailableError, 1, {"timeout_s": 1, "retries": 0}),
    "500": (answered(status(500)), ServerUnavailableError, 2, {}),
    "502": (answered(status(502)), ServerUnavailableError, 2, {}),
    "429": (answered(status(429)), ServerUnavailableError, 2, {}),
    "503 for a minute": (answered(status(503, Retry_After="60")), ServerUnavailableError, 1, {}),
    "garbage": (answered(garbage), ServerUnavailableError, 2, {}),
    "truncated JSON": (answered(truncated), ServerUnavailableError, 2, {}),
    "half an answer": (answered(cut_short), ServerUnavailableError, 2, {}),
    "redirects": (answered(status(307, Location="http://127.0.0.1:1/")), ServerUnavailableError, 2, {}),
    "refuses": (answered(refused(400, "invalid_scope")), TokenRefusedError, 1, {}),
    "another issuer": (_as_another, DiscoveryError, 0, {}),
}


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest, local_stack: dict[str, Any]) -> Iterator[World]:
    """Give a world for each kind of client."""
    with world_of(local_stack, request.param) as made:
        yield made


@pytest.fixture
def threads(local_stack: dict[str, Any]) -> Iterator[World]:
    """Give one for threads, where the kind makes no difference."""
    with world_of(local_stack) as made:
        yield made


def stored(world: World) -> str:
    """Have a token fetched and stored."""
    with world.client() as client:
        return client.token()


@pytest.mark.parametrize("name", FAILURES)
def test_a_failing_server_loses_nothing(world: World, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Tokens in memory and in the store serve through it; whoever has none hears why, and gets one afterwards."""
    failure, expected, requests, further = FAILURES[name]
    token = stored(world)
    [(kept_id, kept)] = world.table.items().items()
    with world.client() as holder, world.client(scope=NOT_STORED, **{**QUICK, **further}) as without:
        assert holder.token() == token
        before = world.front.token_requests
        with failure(world.front):
            assert holder.token() == token
            with world.client() as newcomer:
                assert newcomer.token() == token
            with pytest.raises(expected) as caught:
                without.token()
        assert world.front.token_requests - before == requests
        assert world.table.items()[kept_id] == kept
        assert world.table.lease_owners() == []
        if getattr(caught.value, "retry_after_s", None) is None:
            assert world.front.issued[without.token()][1]["scope"] == NOT_STORED
        with world.client(scope=NOT_STORED) as later:
            assert world.front.issued[later.token()][1]["scope"] == NOT_STORED
    assert world.is_taken(token)
    for text in (str(caught.value), caplog.text):
        assert world.stack["client_secret"] not in text
        assert not any(value in text for value in world.front.issued)


def waited_for(world: World, seconds: float, retry_after: str, **headers: str) -> None:
    """Ask a server that is busy once, and check that it is left alone for so long."""
    fault, began = once(status(503, Retry_After=retry_after, **headers)), time.monotonic()
    with world.front.failing(fault), world.client(**QUICK) as client:
        token = client.token()
    assert time.monotonic() - began >= seconds
    assert world.front.token_requests == 2
    assert world.table.lease_owners() == []
    with world.client() as later:
        assert later.token() == token


@pytest.mark.spec("RFC 9110", "10.2.3")
def test_a_short_retry_after_is_waited_for(world: World) -> None:
    """The next attempt comes no sooner than the server asked, and its token is everybody's."""
    waited_for(world, 1, "1")


@pytest.mark.spec("RFC 9110", "10.2.3")
def test_a_retry_after_is_by_the_servers_clock_where_it_is_a_date(threads: World) -> None:
    """A server whose clock is ten minutes behind asks for two seconds, and they are two."""
    now = time.time() - 600
    waited_for(threads, 2, formatdate(now + 2, usegmt=True), Date=formatdate(now, usegmt=True))


@pytest.mark.spec("RFC 9110", "10.2.3")
def test_a_long_retry_after_is_not_waited_for(world: World) -> None:
    """The error says how long, and until then nobody asks the server: this client says so by itself."""
    with world.front.failing(status(503, Retry_After="120")), world.client(**QUICK) as client:
        for _ in range(3):
            with pytest.raises(ServerUnavailableError) as caught:
                client.token()
            assert caught.value.retry_after_s is not None
            assert 60 < caught.value.retry_after_s <= 120
    assert world.front.token_requests == 1
    assert world.table.lease_owners() == []


@pytest.mark.parametrize("ahead", [600, -600])
@pytest.mark.parametrize("name", FOREIGN)
def test_a_servers_clock_that_is_off(name: str, ahead: int) -> None:
    """Ten minutes either way: assertions and proofs are dated by the server, and the token is kept for its life."""
    with FOREIGN[name](ahead=ahead) as server:
        given: dict[str, Any] = {"issuer": server.issuer, **server.wanted}
        given |= {"credentials": PrivateKeyJWT(server.key_client_id, pem()), "dpop": server.binds_tokens}
        with KINDS["threads"](**given) as client:
            token = client.access_token()
            assert client.token() == token.value
    assert token.token_type == ("DPoP" if server.binds_tokens else "Bearer")
    assert token.expires_at - token.issued_at >= 600_000
    assert abs(token.issued_at / 1000 - time.time()) < 60


@pytest.mark.parametrize("ahead", [600, -600])
def test_a_clients_clock_that_is_off(threads: World, ahead: int, tmp_path: Path) -> None:
    """Our server takes assertions and proofs of clients whose clocks are ten minutes off: they are dated by its own."""
    server = local(threads.stack, tmp_path)
    given = {"issuer": server.issuer, "scope": server.read, "dpop": True}
    with fleet.ready(1, given, key=[server.key_client_id, pem()], ahead=ahead) as off:
        off.go()
        [said] = off.said()
    assert "error" not in said
    assert said["token_type"] == "DPoP"
    assert 3_500 < said["lasts_s"] <= 3_600


def lives(lasts_s: float) -> bool:
    """Whether it is for the hour that it was given; DynamoDB's Date has whole seconds, so that much it may differ."""
    return 3_500 < lasts_s <= 3_602


def asked_ahead(world: World, ahead: int) -> str:
    """Ask in a process whose clock is ahead, give the token."""
    table = {"table": world.table.name, "endpoint_url": world.table.endpoint_url}
    with fleet.ready(1, world.arguments, **table, ahead=ahead) as off:
        off.go()
        [said] = off.said()
    assert lives(said["lasts_s"])
    token: str = said["token"]
    return token


@pytest.mark.parametrize("ahead", [600, -600])
def test_clocks_that_differ_share_a_store(threads: World, ahead: int) -> None:
    """Whoever of two clocks fetched it, ten minutes apart, the other has the same token for as long as it lives."""
    token = stored(threads)
    assert asked_ahead(threads, ahead) == token
    threads.table.delete(next(iter(threads.table.items())))
    theirs = asked_ahead(threads, ahead)
    with threads.client() as client:
        found = client.access_token()
    assert found.value == theirs != token
    assert lives(found.expires_at / 1000 - time.time())
    assert threads.front.token_requests == 2


class Rotating:
    """A client whose secret is in Secrets Manager, and is rotated by the command line."""

    def __init__(self, world: World) -> None:
        """Register it, and put its secret there."""
        self.world = world
        create = ("clients", "create", "--scope", f"{STORED} {NOT_STORED}", "--audience", world.stack["audience"])
        self.made = latchkey_command(world.stack, *create)
        self.secrets: Any = boto3.client("secretsmanager", endpoint_url=world.stack["aws_endpoint_url"])
        self.name = f"token-client/{self.made['client_id']}"
        self.secrets.create_secret(Name=self.name, SecretString=self._document())

    def _document(self) -> str:
        return json.dumps({name: self.made[name] for name in ("client_id", "client_secret")})

    def rotate(self) -> None:
        """Give it another secret; the one before is good no longer."""
        rotate = ("clients", "rotate-secret", self.made["client_id"], "--overlap", "0")
        self.made |= latchkey_command(self.world.stack, *rotate)

    def publish(self) -> None:
        """Put the secret that it has now into Secrets Manager."""
        self.secrets.put_secret_value(SecretId=self.name, SecretString=self._document())

    def credentials(self) -> SecretsManagerSecret:
        """Give the credentials, as a process of its own would read them."""
        return SecretsManagerSecret(self.name, endpoint_url=self.world.stack["aws_endpoint_url"])


def test_a_secret_that_is_rotated_in_the_middle(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A token from before serves on; who knows the old secret reads the new one, and shares what it gets under it."""
    rotating, front = Rotating(world), world.front
    old = rotating.made["client_secret"]
    known = rotating.credentials()
    with world.client(credentials=known) as holder:
        token = holder.token()  # `known` has read the old secret
        rotating.rotate()

        with world.client(credentials=known, scope=NOT_STORED, **QUICK) as early:
            with pytest.raises(TokenRefusedError) as caught:  # it is rotated, and not yet in Secrets Manager
                early.token()
            assert (caught.value.error, holder.token()) == ("invalid_client", token)
            assert world.table.lease_owners() == []

            rotating.publish()
            before = front.token_requests
            assert front.issued[early.token()][1]["scope"] == NOT_STORED
            assert front.token_requests - before == 2  # refused once, read anew, accepted
            assert holder.token() == token

        for scope, asked in ((NOT_STORED, 0), (STORED, 1), (STORED, 0)):
            before = front.token_requests  # of the old secret's token nobody can read any more; it is fetched anew once
            with world.client(credentials=rotating.credentials(), scope=scope) as later:
                assert front.issued[later.token()][1]["scope"] == scope
            assert front.token_requests - before == asked
    assert world.table.lease_owners() == []
    for secret in (old, rotating.made["client_secret"]):
        assert secret not in f"{caught.value} {caplog.text}"


STORE_FAILURES: Mapping[str, Callable[[Any], None]] = {
    "throttled": error(400, "ProvisionedThroughputExceededException"),
    "denied": error(400, "AccessDeniedException"),
    "no such table": error(400, "ResourceNotFoundException"),
    "5xx": error(500, "InternalServerError"),
    "hangs up": hang_up,
    "half an answer": cut_short_by_aws,
    "garbage": garbage_of_aws,
    "nothing": empty,
}


@pytest.mark.parametrize("name", STORE_FAILURES)
def test_a_failing_store_is_done_without(world: World, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever the table says, the client fetches a token for itself, says so once, and shares again afterwards."""
    token = stored(world)
    with proxy_to(lambda: world.table.endpoint_url) as faults:
        through = store(world.table, endpoint_url=faults.url)
        faults.failing["dynamodb"] = STORE_FAILURES[name]
        with world.client(store=through) as client:
            own = client.token()
            assert client.token() == own != token
        faults.failing.clear()
        with world.client(store=through) as client:
            assert client.token() == token
    assert world.front.token_requests == 2
    assert caplog.text.count("store is not used") == 1
    assert world.is_taken(own)


def test_a_missing_table_is_done_without(threads: World, caplog: pytest.LogCaptureFixture) -> None:
    """A client whose table nobody has made gets its token, and a warning names the cause."""
    missing = DynamoDBTokenStore("no-such-table", endpoint_url=threads.table.endpoint_url)
    with threads.client(store=missing) as client:
        assert threads.is_taken(client.token())
    assert "ResourceNotFoundException" in caplog.text
