"""`latchkey clients`: what each command does to the table, and what it says."""

import json
import os
import pty
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from auth_server.aws.dynamodb import ClientChangedError, DynamoDBClientStore
from auth_server.client_authentication import METHODS
from auth_server.clients import NO_AUTHENTICATION, Client
from auth_server.grants import GRANTS
from tests.latchkey.command import EXECUTABLE, Command

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture
def store(dynamodb: "DynamoDBClient", table: str) -> DynamoDBClientStore:
    """Return the table as the token endpoint sees it."""
    return DynamoDBClientStore(dynamodb, table)


def stored(store: DynamoDBClientStore, client_id: str = "demo") -> Client:
    """Give a client out of the table."""
    client = store.get(client_id)
    assert client is not None
    return client


@pytest.fixture
def demo(latchkey: Command) -> dict[str, Any]:
    """Register `demo` with something of everything, and return what was printed."""
    created: dict[str, Any] = latchkey.run(
        *("clients", "create", "demo", "--scope", "b a b", "--default-scope", "a", "--name", "Demo"),
        *("--audience", "https://one.example", "--audience", "https://two.example"),
        *("--auth-method", "client_secret_basic", "--token-lifetime", "900"),
        *("--claim", "tier=gold", "--claim", "seats=3", "--claim", 'tags=["x"]', "--claim", "note=a=b", "--json"),
    ).json
    return created


def test_a_client_is_registered_as_it_was_described(demo: dict[str, Any], store: DynamoDBClientStore) -> None:
    """Each option is one member of the record; a claim's value is JSON where it is valid JSON, else a string."""
    client = stored(store)
    assert client.scopes == ("b", "a")
    assert client.default_scopes == ("a",)
    assert client.audiences == ("https://one.example", "https://two.example")
    assert client.auth_methods == ("client_secret_basic",)
    assert client.token_lifetime == 900
    assert client.claims == {"tier": "gold", "seats": 3, "tags": ["x"], "note": "a=b"}
    assert (client.name, client.enabled, client.version) == ("Demo", True, demo["version"])
    assert demo["scope"] == "b a"


def test_little_needs_to_be_said(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Without an id one of 20 hex characters is made up, and both secret methods are the client's."""
    created = latchkey.run("clients", "create", "--json").json
    assert len(created["client_id"]) == 20
    assert int(created["client_id"], 16)
    assert stored(store, created["client_id"]).auth_methods == ("client_secret_basic", "client_secret_post")


def test_a_registrar_says_what_it_may_grant(latchkey: Command, store: DynamoDBClientStore) -> None:
    """What a client may grant is said apart from what it may do, and clients:register is no part of it."""
    created = latchkey.run(
        *("clients", "create", "ci", "--scope", "clients:register", "--may-grant-scope", "a b", "--json"),
        *("--may-grant-audience", "https://one.example", "--may-grant-audience", "https://two.example"),
        *("--grant-type", "client_credentials", "--grant-type", "urn:ietf:params:oauth:grant-type:token-exchange"),
    ).json
    client = stored(store, "ci")
    assert (client.scopes, client.registrable_scopes) == (("clients:register",), ("a", "b"))
    assert client.registrable_audiences == ("https://one.example", "https://two.example")
    assert client.grant_types == ("client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange")
    assert (created["may_grant_scope"], created["registered_by"]) == ("a b", None)
    update = ("clients", "update", "ci", "--may-grant-scope")
    latchkey.run(*update, "a clients:register").refused(1, "for operators to give")
    assert latchkey.run(*update, "", "--json").json["may_grant_scope"] == ""


@pytest.mark.usefixtures("demo")
def test_an_id_is_taken_once(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Creating a client that exists is refused, and the client left as it is."""
    before = stored(store)
    latchkey.run("clients", "create", "demo", "--json").refused(1, "'demo'", "already")
    assert stored(store) == before


def test_of_two_creators_one_wins(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Two processes that create the same client at once: one has it, the other is told so."""
    with ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda name: latchkey.process("clients", "create", "x", "--name", name), "ab"))
    assert sorted(result.status for result in results) == [0, 1]
    winner, loser = sorted(results, key=lambda result: result.status)
    loser.refused(1, "already")
    assert json.loads(winner.stdout)["name"] == stored(store, "x").name


def test_an_id_of_the_registration_functions_kind_is_warned_of(latchkey: Command) -> None:
    """Any printable ASCII is an id, one that begins as those of registered clients do included; but it is said."""
    result = latchkey.run("clients", "create", "reg-ular", "--scope", "a", "--json")
    assert (result.status, result.json["client_id"]) == (0, "reg-ular")
    assert result.stderr.startswith("Warning: ids that begin with reg- are")
    assert "reg-" not in latchkey.run("clients", "create", "my-reg-ular", "--scope", "a", "--json").stderr


def test_a_client_without_scopes_is_warned_of(latchkey: Command) -> None:
    """One line on stderr, as its tokens will open nothing; where there is a scope, there is none."""
    for options, warnings in (((), 1), (("--scope", ""), 1), (("--scope", "a"), 0)):
        result = latchkey.run("clients", "create", *options, "--json")
        assert result.status == 0
        assert result.stderr.count("\n") == warnings
        assert ("no scope" in result.stderr) is bool(warnings)


def test_a_further_grant_can_be_registered(
    latchkey: Command, store: DynamoDBClientStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without --grant-type it is client_credentials; a grant of the server's is registered, and shown, by its name."""
    further = "urn:ietf:params:oauth:grant-type:token-exchange"
    monkeypatch.setitem(GRANTS, further, GRANTS["client_credentials"])
    assert latchkey.run("clients", "create", "demo", "--scope", "a", "--json").json["grant_types"] == [
        "client_credentials"
    ]
    both = ("--grant-type", "client_credentials", "--grant-type", further)
    assert latchkey.run("clients", "update", "demo", *both).status == 0
    assert stored(store).grant_types == ("client_credentials", further)
    assert latchkey.run("clients", "create", "other", *both, "--json").json["grant_types"][1] == further
    assert further in latchkey.run("clients", "show", "demo").stdout


@pytest.mark.parametrize("command", ["create", "update"])
def test_the_help_knows_every_method_and_grant(latchkey: Command, command: str) -> None:
    """What may be registered is what the server has."""
    told = "".join(latchkey.run("clients", command, "--help").stdout.split())  # a long name is wrapped
    for name in (*METHODS, NO_AUTHENTICATION, *GRANTS):
        assert name in told


def test_a_client_in_whose_name_is_vended_has_no_secret(latchkey: Command, store: DynamoDBClientStore) -> None:
    """`--auth-method none`: nothing is printed that could authenticate, and none can be made."""
    options = ("--auth-method", "none", "--scope", "products:read", "--audience", "https://one.example", "--json")
    created = latchkey.run("clients", "create", "browser", *options).json
    assert created["auth_methods"] == ["none"]
    assert "client_secret" not in created
    assert stored(store, "browser").secrets == ()
    latchkey.run("clients", "rotate-secret", "browser", "--json").refused(1, "in no way that has a secret")


def test_a_client_with_a_secret_vends_nothing(latchkey: Command, demo: dict[str, Any]) -> None:
    """A client that authenticates cannot become one that does not: its secrets would be left."""
    assert demo["client_id"] == "demo"
    latchkey.run("clients", "update", "demo", "--auth-method", "none", "--json").refused(1, "has no secret")


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(client_id=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=255))
@example("--help")
@example("-")
@example(" /../'\"\\%00 ")
def test_any_printable_ascii_is_an_id(latchkey: Command, client_id: str) -> None:
    """An id may hold spaces, slashes and quotes, and start with a dash after --."""
    created = latchkey.run("clients", "create", "--json", "--", client_id)
    assert created.json["client_id"] == client_id
    assert latchkey.run("clients", "show", "--json", "--", client_id).json["client_id"] == client_id
    assert latchkey.run("clients", "rotate-secret", "--json", "--", client_id).json["client_id"] == client_id
    deleted = latchkey.run("clients", "delete", "--yes", "--json", "--", client_id)
    assert deleted.json == {"client_id": client_id, "deleted": True}


@pytest.mark.parametrize("client_id", ["", "x" * 256, "naïve", "a\tb", "a\x1b[31m"])
def test_anything_else_is_no_id(latchkey: Command, client_id: str) -> None:
    """An id that is empty, too long or not printable ASCII is refused, and names no client."""
    latchkey.run("clients", "create", client_id).refused(1, "a client id is")
    for command in ("show", "disable", "enable", "rotate-secret"):
        latchkey.run("clients", command, client_id).refused(1, "there is no client")


REFUSED = {
    "scope": ("--scope", 'a"b'),
    "default scopes": ("--scope", "a", "--default-scope", "b"),
    "audience": ("--audience", "a b"),
    "methods": ("--auth-method", "password"),
    "has no other": ("--auth-method", "none", "--auth-method", "client_secret_basic"),
    "bound to a key": ("--auth-method", "none", "--dpop-bound"),
    "grant types": ("--grant-type", "password"),
    "at least one grant type": ("--grant-type", ""),
    "token lives": ("--token-lifetime", "1"),
    "server's own": ("--claim", "iss=me"),
    "bytes": ("--claim", "a=" + "x" * 4096),
    "name": ("--name", "a\x1b[31m"),
}


@pytest.mark.parametrize(("words", "options"), REFUSED.items(), ids=REFUSED.keys())
def test_the_rules_of_registration_hold(
    latchkey: Command, store: DynamoDBClientStore, words: str, options: tuple[str, ...]
) -> None:
    """What may not be registered is refused with the rule that it breaks, and nothing is written."""
    latchkey.run("clients", "create", "x", *options, "--json").refused(1, words)
    assert store.get("x") is None


@pytest.mark.parametrize(
    "options",
    [
        ("--claim", "novalue"),
        ("--claim", "=3"),
        ("--claim", "big=1e999"),
        ("--token-lifetime", "soon"),
        ("--token-lifetime", "9" * 5000),
        ("--token-lifetime", "٩٠٠"),
    ],
)
def test_an_option_that_makes_no_sense_is_wrong_usage(latchkey: Command, options: tuple[str, ...]) -> None:
    """Wrong usage has an exit status of its own, 2."""
    latchkey.run("clients", "create", "x", *options).refused(2, options[0])


@given(value=st.text(st.characters(codec="utf-8")))
def test_any_text_is_a_claims_value(value: str) -> None:
    """A claim's value is what strict JSON makes of it, else the text itself."""
    from latchkey.client_options import Named  # noqa: PLC0415 - the one test that is about this parser alone

    named = Named(claim=[f"x={value}"])
    claims = named.apply(Client("x", scopes=(), created_at=0)).claims
    assert claims == {"x": value} or claims == {"x": json.loads(value)}
    assert json.loads(json.dumps(claims, allow_nan=False)) == claims


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "[" * 100_000])
def test_what_no_json_parser_takes_is_a_string(value: str) -> None:
    """Only valid JSON is read as JSON (RFC 8259 6): everything else is a string."""
    from latchkey.client_options import Named  # noqa: PLC0415 - as above

    named = Named(claim=[f"x={value}"])
    assert named.apply(Client("x", scopes=(), created_at=0)).claims == {"x": value}


UPDATES: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "scope": (("--scope", "a c"), {"scopes": ("a", "c")}),
    "default scope": (("--default-scope", "b"), {"default_scopes": ("b",)}),
    "no default scope": (("--default-scope", ""), {"default_scopes": ()}),
    "audience": (("--audience", "https://three.example"), {"audiences": ("https://three.example",)}),
    "no audience": (("--audience", ""), {"audiences": ()}),
    "method": (("--auth-method", "client_secret_post"), {"auth_methods": ("client_secret_post",)}),
    "lifetime": (("--token-lifetime", "60"), {"token_lifetime": 60}),
    "no lifetime": (("--token-lifetime", ""), {"token_lifetime": None}),
    "usage key": (("--usage-identifier-key", "k" * 20), {"usage_identifier_key": "k" * 20}),
    "networks": (
        ("--allow-from", "192.0.2.0/24", "--allow-from", "2001:DB8::/32", "--allow-from", "192.0.2.7"),
        {"allow_from": ("192.0.2.0/24", "2001:db8::/32", "192.0.2.7/32")},
    ),
    "quota": (("--tokens-per-hour", "9", "--monitor-quota"), {"tokens_per_hour": 9, "quota_monitored": True}),
    "reuse": (("--token-reuse", "on"), {"token_reuse": True}),
    "no reuse": (("--token-reuse", "off"), {"token_reuse": False}),
    "name": (("--name", "Ünïcode"), {"name": "Ünïcode"}),
    "no name": (("--name", ""), {"name": ""}),
    "claim": (
        ("--claim", "tier=null"),
        {"claims": {"tier": None, "seats": 3, "tags": ["x"], "note": "a=b"}},
    ),
    "no claims": (("--claim", ""), {"claims": {}}),
    "other claims": (("--claim", "", "--claim", "x=1"), {"claims": {"x": 1}}),
    "no scope": (("--scope", "", "--default-scope", ""), {"scopes": (), "default_scopes": ()}),
}


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(("options", "changes"), UPDATES.values(), ids=UPDATES.keys())
def test_an_update_changes_what_is_named(
    latchkey: Command, store: DynamoDBClientStore, options: tuple[str, ...], changes: dict[str, Any]
) -> None:
    """An option replaces what it names, an empty text clears it, and all the rest stays."""
    before = stored(store)
    assert latchkey.run("clients", "update", "demo", *options, "--json").status == 0
    after = stored(store)
    assert after == replace(before, **changes, version=before.version + 1, updated_at=after.updated_at)


@pytest.mark.usefixtures("demo")
def test_an_update_to_what_is_already_so_writes_nothing(latchkey: Command, store: DynamoDBClientStore) -> None:
    """A script may say the same twice."""
    before = stored(store)
    assert latchkey.run("clients", "update", "demo", "--name", "Demo").status == 0
    assert stored(store) == before


@pytest.mark.usefixtures("demo")
def test_an_update_is_refused_as_a_registration_is(latchkey: Command, store: DynamoDBClientStore) -> None:
    """The same rules hold, an update that names nothing is wrong usage, and an unknown client is not found."""
    before = stored(store)
    latchkey.run("clients", "update", "demo", "--scope", "c").refused(1, "default scopes")
    latchkey.run("clients", "update", "demo").refused(2, "name what to change")
    latchkey.run("clients", "update", "other", "--name", "x").refused(1, "there is no client 'other'")
    assert stored(store) == before


@pytest.mark.usefixtures("demo")
def test_a_client_is_disabled_and_enabled(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Either is said as often as one likes, and written once."""
    version = stored(store).version
    for command, enabled, writes in (
        ("disable", False, 1),
        ("disable", False, 1),
        ("enable", True, 2),
        ("enable", True, 2),
    ):
        assert latchkey.run("clients", command, "demo", "--json").json["enabled"] is enabled
        assert (stored(store).enabled, stored(store).version) == (enabled, version + writes)


def interrupt(monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Let somebody else change the client between a read and the write that follows, so many times."""
    write, left = DynamoDBClientStore.update, iter(reversed(range(times)))

    def update(store: DynamoDBClientStore, client: Client, *, now: int) -> Client:
        for number in left:
            write(store, replace(stored(store), name=f"changed {number}"), now=now)
            break
        return write(store, client, now=now)

    monkeypatch.setattr(DynamoDBClientStore, "update", update)


@pytest.mark.usefixtures("demo")
def test_disabling_withstands_other_writers(
    latchkey: Command, store: DynamoDBClientStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's change is kept, and the client is disabled all the same."""
    interrupt(monkeypatch, 4)
    assert latchkey.run("clients", "disable", "demo").status == 0
    assert (stored(store).enabled, stored(store).name) == (False, "changed 0")


@pytest.mark.usefixtures("demo")
def test_disabling_does_not_try_for_ever(
    latchkey: Command, store: DynamoDBClientStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a number of tries it says that it did not succeed."""
    interrupt(monkeypatch, 100)
    latchkey.run("clients", "disable", "demo").refused(1, "somebody else")
    assert stored(store).enabled


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize("command", [("update", "demo", "--token-lifetime", "60"), ("rotate-secret", "demo")])
def test_nobodys_change_is_overwritten_unseen(
    latchkey: Command, store: DynamoDBClientStore, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """A client that was changed since it was read is left as somebody else made it, and one line says so."""
    before = stored(store)
    interrupt(monkeypatch, 1)
    latchkey.run("clients", *command).refused(1, "changed by somebody else")
    after = stored(store)
    assert after == replace(before, name="changed 0", version=before.version + 1, updated_at=after.updated_at)


@pytest.mark.usefixtures("demo")
def test_the_store_itself_refuses_the_stale_write(store: DynamoDBClientStore) -> None:
    """What the tests above rely on: a write with an old version is no write."""
    client = stored(store)
    store.update(client, now=1)
    with pytest.raises(ClientChangedError):
        store.update(client, now=2)


def test_a_client_is_shown_with_everything_but_its_digests(
    latchkey: Command, demo: dict[str, Any], store: DynamoDBClientStore
) -> None:
    """`show` says all that is known, and nothing that a secret could be checked with."""
    shown = latchkey.run("clients", "show", "demo", "--json").json
    del demo["client_secret"]
    assert shown == demo
    digest = stored(store).secrets[0].digest
    for printed in (latchkey.run("clients", "show", "demo").stdout, json.dumps(shown)):
        assert "digest" not in printed
        assert digest.hex() not in printed


def test_a_table_is_for_people(latchkey: Command, demo: dict[str, Any]) -> None:
    """Without --json, `list` and `show` lay the same out for reading; dates come with how far off they are."""
    listed = latchkey.run("clients", "list").stdout
    for text in (demo["client_id"], "Demo", "b a", "yes", "no expiry", " UTC ("):
        assert text in listed
    assert "900 s" in latchkey.run("clients", "show", "demo").stdout


def test_clients_are_listed_in_order_across_pages(latchkey: Command, store: DynamoDBClientStore) -> None:
    """`list` gives all clients by id, as one array."""
    assert latchkey.run("clients", "list", "--json").json == []
    assert latchkey.run("clients", "list").stdout == "There are no clients.\n"
    for client_id in ("c", "a", "b"):
        store.create(Client(client_id, scopes=(), created_at=0))
    assert [each["client_id"] for each in latchkey.run("clients", "list", "--json").json] == ["a", "b", "c"]


def test_a_record_that_cannot_be_read_hides_no_other(
    latchkey: Command, store: DynamoDBClientStore, dynamodb: "DynamoDBClient", table: str
) -> None:
    """The others are listed; what could not be read is named on stderr, and with --json; the status is 1."""
    for client_id in ("a", "c"):
        store.create(Client(client_id, scopes=(), created_at=0))
    dynamodb.put_item(TableName=table, Item={"client_id": {"S": "b"}, "scope": {"N": "1"}})
    as_json = latchkey.run("clients", "list", "--json")
    as_json.said("'b'")
    assert as_json.status == 1
    assert [(each["client_id"], each.get("unreadable", False)) for each in as_json.json] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]
    for_people = latchkey.run("clients", "list")
    for_people.said("these records could not be read: 'b'")
    assert for_people.status == 1
    assert for_people.stdout.count("no expiry") + for_people.stdout.count("none") == 2


def test_what_somebody_else_wrote_does_not_reach_the_terminal_raw(
    latchkey: Command, store: DynamoDBClientStore
) -> None:
    """Control characters in the table are shown escaped, in tables and in JSON."""
    store.create(
        Client("evil", scopes=(), created_at=0, name="\x1b]0;x\x07\x7f\x9b31m\u202e[bold]red", claims={"c": "\x7f"})
    )
    for arguments in (("list",), ("show", "evil"), ("list", "--json"), ("show", "evil", "--json")):
        printed = latchkey.run("clients", *arguments).stdout
        assert not {"\x1b", "\x07", "\x7f", "\x9b", "\u202e"} & set(printed)
        assert "[bold]red" in printed


@pytest.mark.usefixtures("demo")
def test_deleting_needs_a_yes(latchkey: Command, store: DynamoDBClientStore) -> None:
    """Where nobody can be asked, --yes says it; without it nothing is deleted, even if stdin says y."""
    latchkey.run("clients", "delete", "demo", "--json", stdin="y\n").refused(2, "--yes")
    assert store.get("demo") is not None
    assert latchkey.run("clients", "delete", "demo", "--yes").stdout == "Deleted 'demo'.\n"
    assert store.get("demo") is None
    latchkey.run("clients", "delete", "demo", "--yes").refused(1, "there is no client 'demo'")


@pytest.mark.usefixtures("demo")
@pytest.mark.parametrize(("answer", "status"), [(b"n\n", 1), (b"y\n", 0)])
def test_deleting_asks_on_a_terminal(latchkey: Command, store: DynamoDBClientStore, answer: bytes, status: int) -> None:
    """On a terminal it asks, on stderr, and takes no for an answer."""
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    done = subprocess.run(  # noqa: S603 - the command under test
        [EXECUTABLE, "clients", "delete", "demo", "--json"],
        env=dict(latchkey.environ), stdin=theirs, capture_output=True, check=False,
    )  # fmt: skip
    os.close(ours)
    os.close(theirs)
    assert done.returncode == status
    assert done.stderr.startswith(b"Delete 'demo'? [y/N] ")
    assert done.stderr.endswith(b"Error: nothing was deleted\n") is (status == 1)
    assert done.stdout == (b"" if status else b'{"client_id": "demo", "deleted": true}\n')
    assert (store.get("demo") is None) is (status == 0)
