"""What holds for every command: help with an example, exit statuses, quick start, no configuration for a laptop."""

import subprocess
import sys
from importlib import metadata
from typing import Any

import pytest

from latchkey.cli import COMMANDS, command_of
from latchkey.errors import EXIT_STATUS_HELP
from tests.latchkey.command import Command

LEAVES = [
    (name, *path)
    for name, _, _ in COMMANDS
    for path in (((leaf,) for leaf in vars(command_of(name)).get("commands", {})) if name != "local" else [()])
]


def test_the_commands_are_those_of_the_interface() -> None:
    """People and scripts outside this repository hold on to these names."""
    assert set(LEAVES) >= {
        *(("clients", name) for name in ("create", "list", "show", "update", "disable", "enable", "delete")),
        ("clients", "rotate-secret"),
        *(("keys", name) for name in ("list", "rotate", "retire")),
        ("clients", "revoke-tokens"),
        ("token", "get"),
        ("token", "inspect"),
        ("tokens", "revoke"),
    }


def test_a_command_has_one_name() -> None:
    """No name stands for two rows of the table, of which one would be hidden."""
    names = [name for name, _, _ in COMMANDS]
    assert len(set(names)) == len(names)
    assert "Run all of it on this machine, until Ctrl-C." in Command().run("--help").stdout


def test_the_command_says_what_it_is_and_talks_to() -> None:
    """--help begins with what this is for, before its commands."""
    about, _, _ = Command().run("--help").stdout.partition("Commands:")
    assert "OAuth 2.0 for machines" in about
    assert "AWS_ENDPOINT_URL" in about


def test_the_version_is_printed() -> None:
    """--version says which release this is."""
    result = Command().run("--version")
    assert (result.status, result.stdout) == (0, f"latchkey {metadata.version('latchkey')}\n")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "nonsense", "", "192.0.2.1", "localhost.example", "[::1]"])  # noqa: S104 - refused
def test_the_local_stack_is_for_this_machine_alone(host: str) -> None:
    """--host takes a loopback address: anything else is wrong usage, and the line says why."""
    Command().run("local", "--host", host).refused(2, "--host", "loopback", "plain http")


@pytest.mark.parametrize(
    ("option", "value"), [("--signer", "none"), ("--rotate-every", "9"), ("--rotate-every", "86401")]
)
def test_a_local_stack_signs_in_ways_that_there_are(option: str, value: str) -> None:
    """Another signer, and keys that would not last, are wrong usage."""
    result = Command().run("local", option, value)
    assert (result.status, result.stdout) == (2, "")
    assert option in result.stderr


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_helps_itself(path: tuple[str, ...]) -> None:
    """--help has what it does, --json, an example that starts with the command, and what its exit status means."""
    result = Command().run(*path, "--help")
    assert result.status == 0
    assert "--json" in result.stdout
    example = result.stdout.partition("Example:\n")[2]
    assert f"latchkey {' '.join(path)}" in example
    assert " ".join(EXIT_STATUS_HELP.split()) in " ".join(result.stdout.split())


def test_help_starts_quickly() -> None:
    """The list of commands imports nothing that only some of them need."""
    program = (
        "import sys\nfrom latchkey.__main__ import main\n"
        "try:\n    main(['--help'])\nfinally:\n    print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert "clients" in done.stdout
    loaded = {name.partition(".")[0] for name in done.stderr.split()}
    assert not loaded & {"boto3", "botocore", "moto", "uvicorn", "httpx", "cryptography", "jwt"}


@pytest.mark.parametrize(
    "arguments", [("cliens",), ("clients", "make"), ("clients", "show"), ("clients", "list", "--all"), ("token", "get")]
)
def test_wrong_usage_has_a_status_of_its_own(arguments: tuple[str, ...]) -> None:
    """2, nothing on stdout, and the last line says what is wrong."""
    result = Command().run(*arguments)
    assert (result.status, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].startswith("Error: ")


AWS_FAILURES: dict[str, tuple[dict[str, str], str]] = {
    "nobody there": ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "AWS does not answer"),
    "no region": ({"AWS_ENDPOINT_URL": ""}, "AWS_DEFAULT_REGION"),
    "no profile": ({"AWS_PROFILE": "none"}, "profile"),
    "no credentials": (
        {"AWS_ENDPOINT_URL": "http://0.0.0.0:9", "AWS_DEFAULT_REGION": "x", "AWS_EC2_METADATA_DISABLED": "true"},
        "credentials",
    ),
}


@pytest.mark.parametrize(("environ", "words"), AWS_FAILURES.values(), ids=AWS_FAILURES.keys())
def test_a_failure_of_aws_is_a_line(latchkey: Command, environ: dict[str, str], words: str) -> None:
    """Unavailable, unauthorised or misconfigured: status 3, and one line that says which."""
    latchkey.but(**environ).run("clients", "list", "--json").refused(3, words)


def test_a_table_that_is_not_there_is_not_found(latchkey: Command) -> None:
    """Not found is status 1, for a table as for a client, and the option that names it is said."""
    latchkey.but(LATCHKEY_CLIENTS_TABLE="none").run("clients", "list", "--json").refused(1, "--clients-table")


@pytest.mark.parametrize("url", ["127.0.0.1:4566", "nonsense", "ftp://127.0.0.1", "http://", "http://127.0.0.1:x"])
def test_an_aws_endpoint_is_a_url(latchkey: Command, url: str) -> None:
    """AWS_ENDPOINT_URL without its http:// is wrong usage, and not a region that is missing."""
    for command in (("clients", "list"), ("keys", "list"), ("token", "inspect", "x")):
        latchkey.but(AWS_ENDPOINT_URL=url).run(*command).refused(2, "AWS_ENDPOINT_URL", "http://127.0.0.1:4566")


def test_a_refusal_by_aws_is_a_line(latchkey: Command, issuer: Any) -> None:
    """Credentials that do not allow it are named as the cause."""
    issuer.instead["/"] = (400, b'{"__type": "com.amazon.coral.service#AccessDeniedException", "message": "no"}')
    latchkey.but(AWS_ENDPOINT_URL=issuer.url).run("clients", "list").refused(3, "do not allow it")


def test_the_local_stack_needs_no_configuration(latchkey: Command) -> None:
    """With AWS_ENDPOINT_URL on this machine, and no region or credentials anywhere, the installed command works."""
    assert latchkey.process("clients", "create", "demo", "--json").json["client_id"] == "demo"
    assert [each["client_id"] for each in latchkey.process("clients", "list", "--json").json] == ["demo"]


def test_what_is_configured_stands(latchkey: Command, issuer: Any) -> None:
    """Region and credentials that are configured are used for a local endpoint too."""
    issuer.instead["/"] = (200, b'{"Items": [], "Count": 0}')
    configured = {"AWS_ACCESS_KEY_ID": "MINE", "AWS_SECRET_ACCESS_KEY": "x", "AWS_DEFAULT_REGION": "eu-central-1"}
    for environ, used in ((configured, "MINE/"), ({}, "local/")):
        assert latchkey.but(AWS_ENDPOINT_URL=issuer.url, **environ).run("clients", "list", "--json").json == []
        signed_by = issuer.asked[-1][1]["Authorization"]
        assert f"Credential={used}" in signed_by
        assert ("/eu-central-1/" if environ else "/us-east-1/") in signed_by


def test_a_reader_that_has_gone_is_no_traceback(latchkey: Command) -> None:
    """`latchkey ... | head` ends quietly."""
    program = f"{sys.executable} -m latchkey clients list --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(  # noqa: S603 - ours
        ["/bin/bash", "-c", program], env=dict(latchkey.environ), capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout in ("0\n", "1\n")


def test_a_fault_of_its_own_is_a_line_too(latchkey: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw: the place, never a traceback, never a text that may quote a secret."""

    def fail(*_: Any) -> None:
        raise RuntimeError("with a secret")

    monkeypatch.setattr("auth_server.aws.dynamodb.DynamoDBClientStore.get", fail)
    result = latchkey.run("clients", "show", "demo")
    result.refused(1, "RuntimeError at test_command.py")
    assert "secret" not in result.stderr
