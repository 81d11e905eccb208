"""Secrets that are kept elsewhere: in Secrets Manager, the Parameter Store, a file and the environment."""

import json
import os
import signal
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.token_client.credentials.registered import ODD, claims, register, token_client
from token_client import (
    ClientSecret,
    ConfigurationError,
    CredentialsError,
    EnvironmentSecret,
    FileSecret,
    ParameterStoreSecret,
    SecretsManagerSecret,
    TokenRefusedError,
)

# A port that nobody listens on, and a name that nobody answers to: what AWS is when it cannot be reached.
NOWHERE = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Place:
    """Where a secret is kept: how a test writes and removes it, and what reads it."""

    write: Callable[[str], object]
    remove: Callable[[], object]
    read: Callable[..., Any]


def in_secrets_manager(endpoint: str, _: Path) -> Place:
    """Keep it in Secrets Manager."""
    client, name = boto3.client("secretsmanager", endpoint_url=endpoint), f"client-{uuid.uuid4()}"
    client.create_secret(Name=name, SecretString="not yet")
    return Place(
        lambda text: client.put_secret_value(SecretId=name, SecretString=text),
        lambda: client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
        lambda **options: SecretsManagerSecret(name, endpoint_url=endpoint, **options),
    )


def in_parameter_store(endpoint: str, _: Path) -> Place:
    """Keep it in the Parameter Store, encrypted."""
    client, name = boto3.client("ssm", endpoint_url=endpoint), f"/clients/{uuid.uuid4()}"
    return Place(
        lambda text: client.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True),
        lambda: client.delete_parameter(Name=name),
        lambda **options: ParameterStoreSecret(name, endpoint_url=endpoint, **options),
    )


def in_a_file(_: str, folder: Path) -> Place:
    """Keep it in a file, which is replaced by another as Kubernetes does it."""
    path, other = folder / "credentials", folder / "other"

    def write(text: str) -> None:
        other.write_text(text, encoding="utf-8")
        other.replace(path)

    return Place(write, path.unlink, lambda **options: FileSecret(path, **options))


PLACES = {"secrets manager": in_secrets_manager, "parameter store": in_parameter_store, "file": in_a_file}
AWS = ("secrets manager", "parameter store")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, aws_endpoint: str, tmp_path: Path) -> Place:
    """Give each place in turn."""
    return PLACES[request.param](aws_endpoint, tmp_path)


@pytest.fixture(params=AWS)
def aws_place(request: pytest.FixtureRequest, aws_endpoint: str, tmp_path: Path) -> Place:
    """Give each place of AWS in turn."""
    return PLACES[request.param](aws_endpoint, tmp_path)


def document(client_id: str = "demo", secret: str = "s3cret") -> str:  # noqa: S107 - keeps nothing secret
    """Write a secret as an operator does."""
    return json.dumps({"client_id": client_id, "client_secret": secret})


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ({"client_id": "demo", "client_secret": ODD}, {}),
        ({"consumer_key": "demo", "consumer_secret": ODD, "url": "https://elsewhere.example.com"}, {}),
        ({"client_secret": ODD}, {"client_id": "demo"}),
        (ODD, {"client_id": "demo"}),
        (f"{ODD}\n", {"client_id": "demo"}),
    ],
)
def test_each_form_is_read(place: Place, text: Any, options: dict[str, str]) -> None:
    """Two names for the pair, the secret alone beside an id, and a text that an editor ended with a line end."""
    place.write(text if isinstance(text, str) else json.dumps(text))
    assert place.read(**options).load() == ClientSecret("demo", ODD)
    read = place.read(method="client_secret_post", **options).load()
    assert read == ClientSecret("demo", ODD, "client_secret_post")


@pytest.mark.parametrize("secret", [" s3cret ", "12345678", '"s3cret"', "null"])
def test_a_secret_that_is_no_object_is_taken_as_it_is(place: Place, secret: str) -> None:
    """Also one that happens to be JSON, or begins and ends with spaces."""
    place.write(secret)
    assert place.read(client_id="demo").load() == ClientSecret("demo", secret)


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        "[]",
        '{"client_id": "demo", "client_secret": "s3cret"',
        '{"client_id": "demo", "s3cret": "s3cret"}',
        '{"client_id": "demo", "client_secret": ["s3cret"]}',
        '{"client_id": "demo", "client_secret": ""}',
        '{"client_id": "demo", "client_secret": "s3cret\\ud83d"}',
        '{"client_id": "demo", "consumer_secret": "s3cret"}',
        "[" * 100_000,
    ],
)
def test_a_text_of_another_form_is_refused(tmp_path: Path, text: str) -> None:
    """The error names where it is and what has to be there, and shows nothing of what is."""
    path = tmp_path / "credentials"
    path.write_text(text[:60_000], encoding="utf-8")
    with pytest.raises(CredentialsError, match="client_id and client_secret, or consumer_key") as refused:
        FileSecret(path).load()
    assert str(path) in str(refused.value)
    assert "s3cret" not in str(refused.value)


def test_a_binary_secret_is_read(aws_endpoint: str) -> None:
    """Secrets Manager keeps bytes as well; those that are no text are refused."""
    client, name = boto3.client("secretsmanager", endpoint_url=aws_endpoint), f"client-{uuid.uuid4()}"
    client.create_secret(Name=name, SecretBinary=document().encode())
    credentials = SecretsManagerSecret(name, endpoint_url=aws_endpoint)
    assert credentials.load() == ClientSecret("demo", "s3cret")
    client.put_secret_value(SecretId=name, SecretBinary=b"\xff\xfes3cret")
    with pytest.raises(CredentialsError, match="UnicodeDecodeError"):
        SecretsManagerSecret(name, endpoint_url=aws_endpoint).load()


def test_what_was_read_is_kept_until_it_is_asked_for_anew(aws_place: Place) -> None:
    """Within its age AWS is asked once, whatever changes there; `fresh` sees what there is now."""
    aws_place.write(document())
    credentials = aws_place.read()
    assert credentials.load().client_secret == "s3cret"
    aws_place.write(document(secret="another"))
    assert credentials.load().client_secret == "s3cret"
    assert credentials.load(fresh=True).client_secret == "another"
    assert credentials.load().client_secret == "another"


def test_what_is_too_old_is_read_again(aws_place: Place) -> None:
    """Past its age what there is now counts, without any refusal."""
    aws_place.write(document())
    credentials = aws_place.read(max_age_s=0)
    assert credentials.load().client_secret == "s3cret"
    aws_place.write(document(secret="another"))
    assert credentials.load().client_secret == "another"


def test_a_file_is_read_each_time(aws_endpoint: str, tmp_path: Path) -> None:
    """It costs nothing, and one that was replaced counts at once."""
    file = in_a_file(aws_endpoint, tmp_path)
    file.write(document())
    credentials = file.read()
    assert credentials.load().client_secret == "s3cret"
    file.write(document(secret="another"))
    assert credentials.load().client_secret == "another"


@pytest.mark.parametrize("text", [None, "{"])
def test_what_is_known_serves_on(place: Place, text: str | None, caplog: pytest.LogCaptureFixture) -> None:
    """Where the secret is gone, or of another form, with one warning, which shows nothing of it."""
    place.write(document())
    credentials = place.read()
    known = credentials.load()
    place.remove() if text is None else place.write(text)
    assert credentials.load(fresh=True) is known
    (said,) = [record.getMessage() for record in caplog.records if record.name == "token_client"]
    assert said.startswith(f"the credentials known so far serve on: {credentials._where}")  # noqa: SLF001 - each has its name
    assert "s3cret" not in said


def test_what_came_back_is_read(place: Place) -> None:
    """After a time in which what was known served on."""
    place.write(document())
    credentials = place.read()
    credentials.load()
    place.write("{")
    credentials.load(fresh=True)
    place.write(document(secret="another"))
    assert credentials.load(fresh=True).client_secret == "another"


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        (lambda at: SecretsManagerSecret("none", endpoint_url=at), "the secret none: .*: ResourceNotFoundException"),
        (lambda at: ParameterStoreSecret("none", endpoint_url=at), "the parameter none: .*: ParameterNotFound"),
        (lambda _: SecretsManagerSecret("s", endpoint_url=NOWHERE), "GetSecretValue: EndpointConnectionError"),
        (lambda _: ParameterStoreSecret("p", endpoint_url=NOWHERE), "ssm:GetParameter: EndpointConnectionError"),
        (lambda _: FileSecret("/none/credentials"), "/none/credentials: No such file"),
        (lambda _: FileSecret("/"), "/: Is a directory"),
    ],
)
def test_an_error_names_what_is_missing(aws_endpoint: str, credentials: Callable[[str], Any], said: str) -> None:
    """The secret, the operation and AWS's code, or the file."""
    with pytest.raises(CredentialsError, match=said):
        credentials(aws_endpoint).load()


def test_aws_without_credentials_of_its_own_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a machine without a role: botocore says so, within its short time-outs."""
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(variable)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="NoCredentialsError"):
        SecretsManagerSecret("s", endpoint_url=NOWHERE).load()


@pytest.mark.parametrize("content", [b"", b" \n", b"\xff\xfe", b"x" * 65_537])
def test_a_file_that_cannot_be_credentials_is_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, of another encoding, or as long as no secret is."""
    path = tmp_path / "credentials"
    path.write_bytes(content)
    with pytest.raises(CredentialsError, match=r"credentials is (empty|not UTF-8 text|larger than 64 KB)"):
        FileSecret(path, "demo").load()


@pytest.mark.parametrize(
    "make",
    [
        lambda: SecretsManagerSecret(""),
        lambda: ParameterStoreSecret(""),
        lambda: FileSecret("f", method="none"),
        lambda: FileSecret("f", client_id=""),
        lambda: SecretsManagerSecret("s", max_age_s=-1),
        lambda: SecretsManagerSecret("s", max_age_s=float("nan")),
        lambda: EnvironmentSecret(method="none"),
    ],
)
def test_what_cannot_work_is_refused_at_once(make: Callable[[], object]) -> None:
    """Where it is made, not at the first token."""
    with pytest.raises(ConfigurationError):
        make()


def test_one_reading_is_enough_for_all_threads(aws_place: Place) -> None:
    """Those who come while the secret is read wait for it, and none reads it again."""
    aws_place.write(document())
    credentials = aws_place.read()
    reads: list[int] = []
    read = credentials._read  # noqa: SLF001 - to count them there is no other way

    def count() -> str:
        reads.append(1)
        return str(read())

    credentials._read = count  # noqa: SLF001 - as above
    threads = [threading.Thread(target=credentials.load) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1


def test_nothing_shows_a_secret(place: Place) -> None:
    """What prints credentials shows where they are kept."""
    place.write(document())
    credentials = place.read()
    credentials.load()
    assert "s3cret" not in f"{credentials!r} {vars(credentials)!r}"
    assert credentials._where in repr(credentials)  # noqa: SLF001 - each place has its own name


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")  # that is the case under test
def test_a_forked_process_is_not_stuck(aws_place: Place) -> None:
    """A thread of the parent was reading when it forked: the child reads for itself, over connections of its own."""
    aws_place.write(document())
    credentials = aws_place.read()
    credentials.load()
    clients = dict(credentials._connection._clients)  # noqa: SLF001 - a connection is told from another by nothing else
    with credentials._lock, credentials._connection._lock:  # noqa: SLF001 - as if a thread held them
        child = os.fork()
        if child == 0:
            signal.alarm(20)  # a child that is stuck ends, and fails the test
            another = credentials.load(fresh=True) == ClientSecret("demo", "s3cret")
            of_its_own = not set(clients.values()) & set(credentials._connection._clients.values())  # noqa: SLF001 - as above
            os._exit(0 if another and of_its_own else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_our_server_knows_a_secret_from_each_place(local_stack: dict[str, Any], place: Place) -> None:
    """Id and secret as they are kept get a token."""
    register(local_stack, "kept", ODD)
    place.write(document("kept", ODD))
    assert claims(local_stack, place.read())["client_id"] == "kept"


def test_a_rotation_is_noticed_when_the_old_secret_is_refused(local_stack: dict[str, Any], place: Place) -> None:
    """Rotated at the server and where it is kept: the next token comes at once, however young the old one is."""
    register(local_stack, "rotated", "old-secret")
    place.write(document("rotated", "old-secret"))
    credentials = place.read()
    assert claims(local_stack, credentials)["client_id"] == "rotated"
    register(local_stack, "rotated", "new-secret")
    place.write(document("rotated", "new-secret"))
    assert claims(local_stack, credentials)["client_id"] == "rotated"


def test_a_secret_that_the_server_does_not_know_is_refused(local_stack: dict[str, Any], place: Place) -> None:
    """Read anew, it is the same: that is the end, and the error does not show it."""
    register(local_stack, "refused", "good-secret")
    place.write(document("refused", "bad-secret"))
    with pytest.raises(TokenRefusedError, match="invalid_client") as refused:
        token_client(local_stack, place.read()).token()
    assert "bad-secret" not in str(refused.value)


def test_the_environment_has_a_secret(local_stack: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the usual names, or by others; read anew each time."""
    register(local_stack, "by-environment", ODD)
    monkeypatch.setenv("CLIENT_ID", "by-environment")
    monkeypatch.setenv("CLIENT_SECRET", "wrong")
    monkeypatch.setenv("OTHER", ODD)
    assert claims(local_stack, EnvironmentSecret(secret_variable="OTHER"))["client_id"] == "by-environment"
    credentials = EnvironmentSecret()
    assert credentials.load().client_secret == "wrong"
    monkeypatch.setenv("CLIENT_SECRET", ODD)
    assert claims(local_stack, credentials)["client_id"] == "by-environment"
    assert ODD not in repr(credentials)


@pytest.mark.parametrize("variable", ["CLIENT_ID", "CLIENT_SECRET"])
@pytest.mark.parametrize(
    ("value", "said"), [(None, "is not set"), ("", "is not set"), ("s3cret\udcff", "is not UTF-8")]
)
def test_a_variable_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str | None, said: str
) -> None:
    """Absent, empty, or of bytes that are no text."""
    monkeypatch.setenv("CLIENT_ID", "demo")
    monkeypatch.setenv("CLIENT_SECRET", "s3cret")
    monkeypatch.delenv(variable) if value is None else monkeypatch.setenv(variable, value)
    with pytest.raises(CredentialsError, match=f"{variable} {said}") as missing:
        EnvironmentSecret().load()
    assert "s3cret" not in str(missing.value)
