"""`latchkey people`: see who signed up, and say what they may do."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from auth_server import revocation
from auth_server.aws.people_table import DynamoDBPeopleStore
from auth_server.people import usernames
from auth_server.people.people import SUBJECT_PREFIX, Person, PersonChangedError
from latchkey.aws import people_table, state_table
from latchkey.confirmation import confirm_deletion
from latchkey.errors import CommandError, UsageError
from latchkey.moment import moment, timestamp
from latchkey.options import PEOPLE_TABLE, STATE_TABLE, Json, PeopleTable, StateTable, command_group, help_end
from latchkey.output import details, emit, table

TRIES = 5
MAX_GROUP_LENGTH = 128

Username = Annotated[str, typer.Argument(metavar="NAME", help="The person's username.")]

app = command_group("See who signed up, and say what they may do.")


@app.command("list", epilog=help_end("latchkey people list", "latchkey people list --json"))
def list_(*, people_table_name: PeopleTable = PEOPLE_TABLE, as_json: Json = False) -> None:
    """List everybody. A record that cannot be read hides no other: it is named, and the exit status is 1 then."""
    now = int(time.time())
    records = sorted(people_table(people_table_name).list(), key=lambda record: record.username)
    people = [record for record in records if isinstance(record, Person)]
    shown = [_document(each) if isinstance(each, Person) else _unreadable(each.username) for each in records]
    emit(shown, as_json=as_json, show=lambda: _overview(people, now))
    if lost := [record.username for record in records if not isinstance(record, Person)]:
        raise CommandError(f"these records could not be read: {', '.join(map(repr, lost))}")


@app.command(epilog=help_end("latchkey people show alice"))
def show(username: Username, *, people_table_name: PeopleTable = PEOPLE_TABLE, as_json: Json = False) -> None:
    """Show a person: everything but the password, which nobody knows."""
    _print(_read(people_table(people_table_name), username), as_json=as_json)


@app.command(
    epilog=help_end(
        "latchkey people update alice --group members --group editors", 'latchkey people update alice --group ""'
    )
)
def update(
    username: Username,
    *,
    group: Annotated[
        list[str], typer.Option("--group", metavar="GROUP", help='A group, in the place of all there are; "": none.')
    ],
    people_table_name: PeopleTable = PEOPLE_TABLE,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """Say which groups a person is in. Configuration (GROUP_SCOPES) says which scopes these have.

    Somebody who leaves a group is logged out everywhere, because the tokens that they have say what they could do.
    """
    groups = _groups(group)
    before = _read(people_table(people_table_name), username)
    person = _change(people_table(people_table_name), username, lambda each: replace(each, groups=groups))
    if not set(before.groups) <= set(groups):
        _log_out(person.username, state_table_name)
    _print(person, as_json=as_json)


@app.command(epilog=help_end("latchkey people disable alice"))
def disable(
    username: Username,
    *,
    people_table_name: PeopleTable = PEOPLE_TABLE,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """Let a person log in no more, and revoke every token that they have."""
    person = _change(people_table(people_table_name), username, lambda each: replace(each, enabled=False))
    _log_out(person.username, state_table_name)
    _print(person, as_json=as_json)


@app.command(epilog=help_end("latchkey people enable alice"))
def enable(username: Username, *, people_table_name: PeopleTable = PEOPLE_TABLE, as_json: Json = False) -> None:
    """Let a person log in again."""
    person = _change(people_table(people_table_name), username, lambda each: replace(each, enabled=True))
    _print(person, as_json=as_json)


@app.command(epilog=help_end("latchkey people delete alice", "latchkey people delete alice --yes"))
def delete(
    username: Username,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask. Needed where stdin is not a terminal.")] = False,
    people_table_name: PeopleTable = PEOPLE_TABLE,
    state_table_name: StateTable = STATE_TABLE,
    as_json: Json = False,
) -> None:
    """Delete a person, and revoke every token that they have. There is no way back.

    Anybody may take the name then, and is `person:NAME` to your APIs, as this person was. To keep it, disable instead.
    """
    store = people_table(people_table_name)
    person = _read(store, username)
    confirm_deletion(person.username, yes=yes)
    _change(store, username, lambda each: replace(each, enabled=False))  # so that no log-in comes between
    _log_out(person.username, state_table_name)  # first: who is gone could not be named again
    if not store.delete(person.username):
        raise _not_found(username)
    document = {"username": person.username, "deleted": True}
    emit(document, as_json=as_json, show=lambda: f"Deleted {person.username!r}.")


def _groups(given: list[str]) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(each for each in given if each))
    if not all(len(each) <= MAX_GROUP_LENGTH and each.isprintable() and " " not in each for each in groups):
        raise UsageError(f"--group: a group is 1 to {MAX_GROUP_LENGTH} printable characters without a space")
    return groups


def _read(store: DynamoDBPeopleStore, username: str) -> Person:
    name = usernames.normalise(username)
    person = store.get(name) if name is not None else None
    if person is None:
        raise _not_found(username)
    return person


def _not_found(username: str) -> CommandError:
    return CommandError(f"there is nobody called {username!r}")


def _change(store: DynamoDBPeopleStore, username: str, change: Callable[[Person], Person]) -> Person:
    """Read and write until nobody else writes in between: whatever they changed, this is still what is wanted."""
    for _ in range(TRIES):
        person = _read(store, username)
        changed = change(person)
        if changed == person:
            return person
        try:
            return store.update(changed, now=int(time.time()))
        except PersonChangedError:
            continue
    raise CommandError(f"{username!r} is being changed by somebody else again and again; try later")


def _log_out(username: str, state_table_name: str) -> None:
    """Revoke every token of the person: also where nothing was changed, so that a second try mends a first one."""
    store, now = state_table(state_table_name)
    revocation.revoke_tokens_of(store, SUBJECT_PREFIX + username, now=now)


def _document(person: Person) -> dict[str, Any]:
    """Describe a person in JSON.

    {"username": "alice", "enabled": true, "groups": ["members"], "created_at": "2026-09-21T13:33:20Z",
     "updated_at": "2026-09-21T13:33:20Z", "version": 1}
    """
    return {
        "username": person.username,
        "enabled": person.enabled,
        "groups": list(person.groups),
        "created_at": timestamp(person.created_at),
        "updated_at": timestamp(person.updated_at),
        "version": person.version,
    }


def _unreadable(username: str) -> dict[str, Any]:
    return {"username": username, "unreadable": True}


def _overview(people: list[Person], now: int) -> Any:
    if not people:
        return "There is nobody."
    rows = ((each.username, " ".join(each.groups), _yes_or_no(each), moment(each.created_at, now)) for each in people)
    return table(("username", "groups", "enabled", "created"), rows)


def _print(person: Person, *, as_json: bool) -> None:
    now = int(time.time())
    said = _document(person) | {
        "enabled": _yes_or_no(person),
        "groups": person.groups,
        "created_at": moment(person.created_at, now),
        "updated_at": moment(person.updated_at, now),
    }
    shown = ((name, value if isinstance(value, tuple) else str(value)) for name, value in said.items())
    emit(_document(person), as_json=as_json, show=lambda: details(shown))


def _yes_or_no(person: Person) -> str:
    return "yes" if person.enabled else "no"
