"""`latchkey[client]`, installed alone: what comes with it, what does not, and that it does its work."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "token_client" / "requirements.txt"
# What the servers and the command line are made of, and a client has no use for.
OF_OTHERS = ("jwt", "moto", "typer", "yaml", "starlette", "requests")
PROGRAM = """
from token_client import AccessToken, AsyncTokenClient, DynamoDBTokenStore, EnvironmentSecret, TokenClient
from token_client import InsufficientScopeError, SecretsManagerSecret, TokenClientError


def made(table: str) -> tuple[TokenClient, AsyncTokenClient]:
    store = DynamoDBTokenStore(table)
    secret = SecretsManagerSecret("orders")
    return TokenClient("https://a.example", credentials=secret, scope=["a", "b"], store=store), AsyncTokenClient(
        token_endpoint="https://a.example/token", credentials=EnvironmentSecret(), resource="https://api.example.com"
    )


async def used(client: TokenClient, coroutines: AsyncTokenClient) -> list[str]:
    token: AccessToken = client.access_token()
    try:
        return [client.token(), await coroutines.token(), token.value, *token.scope]
    except InsufficientScopeError as error:
        return list(error.needed)
    except TokenClientError as error:
        return [str(error)]
"""
WRONG = (
    "from token_client import TokenClient\n\nTokenClient('https://a.example', scope=1, retries='3').token().nothing\n"
)


def run(*command: str, cwd: Path, environ: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command, which inherits nothing but where programs are, and sees nothing of the checkout."""
    base = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(command, cwd=cwd, env=base | (environ or {}), capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments


def done(*command: str) -> None:
    """Run a command that must not fail. Unlike `run`, with this process's index and mirrors."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}\n{result.stderr}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, with the hatchling of the lock: nothing is fetched for that."""
    folder = tmp_path_factory.mktemp("dist")
    done(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment that holds `latchkey[client]`, in its locked versions, and nothing else."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    uv, python = (sys.executable, "-m", "uv"), folder / "bin" / "python"
    done(*uv, "venv", "--quiet", "--python", sys.executable, str(folder))
    install = (*uv, "pip", "install", "--quiet", "--python", str(python))
    done(*install, "--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK))
    # Without an index: what the extra names has to be there by now.
    done(*install, "--no-index", f"latchkey[client] @ {wheel.as_uri()}")
    return python


def test_the_wheel_is_typed_and_has_its_licence(wheel: Path) -> None:
    """A type checker believes annotations of packages with `py.typed` alone (PEP 561)."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "token_client/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_nothing_of_the_servers_comes_with_it(python: Path, tmp_path: Path) -> None:
    """Neither their dependencies nor those of the command line; and nothing that is there is broken."""
    code = f"import importlib.util as i; print([name for name in {OF_OTHERS!r} if i.find_spec(name)])"
    assert run(str(python), "-c", code, cwd=tmp_path).stdout.strip() == "[]"
    done(sys.executable, "-m", "uv", "pip", "check", "--python", str(python))


def test_the_command_line_says_what_it_is_missing(python: Path, tmp_path: Path) -> None:
    """The command comes with every part; whoever has this one alone is told in a line what to install."""
    result = run(str(python.parent / "latchkey"), "--help", cwd=tmp_path)
    said = "Error: typer is missing: pip install 'latchkey[cli]'\n"
    assert (result.returncode, result.stdout, result.stderr) == (1, "", said)


def test_boto3_is_imported_where_aws_is_used_alone(python: Path, tmp_path: Path) -> None:
    """Whoever has no store and no secret in AWS does not wait for boto3, which takes longer than all the rest."""
    code = (
        "import sys; from token_client import TokenClient\n"
        "TokenClient('https://a.example', client_id='a', client_secret='b')\n"
        "print(sorted({'boto3', 'botocore', 'requests'} & sys.modules.keys()))"
    )
    result = run(str(python), "-c", code, cwd=tmp_path)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_the_script_runs_with_it(python: Path, local_stack: dict[str, Any], tmp_path: Path) -> None:
    """A copy of the script, in an environment with nothing else, gets a token and calls the API."""
    script = tmp_path / "token_script.py"
    script.write_bytes((ROOT / "examples" / "token_script.py").read_bytes())
    environ = {"CLIENT_ID": local_stack["client_id"], "CLIENT_SECRET": local_stack["client_secret"]}
    arguments = (local_stack["issuer"], local_stack["api"], "products:read")
    result = run(str(python), str(script), *arguments, cwd=tmp_path, environ=environ)
    assert (result.returncode, result.stderr) == (0, "")
    assert "Kettle: 24.90\n" in result.stdout


def test_a_program_passes_the_strict_type_checker(python: Path, tmp_path: Path) -> None:
    """mypy accepts a user's program against what is installed, and tells what is wrong in another."""  # noqa: D403 - its name
    for name, source, errors in (("program", PROGRAM, 0), ("wrong", WRONG, 3)):
        file = tmp_path / f"{name}.py"
        file.write_text(source, encoding="utf-8")
        strict = ("--strict", "--config-file=", "--no-incremental", "--python-executable", str(python))
        result = run(sys.executable, "-m", "mypy", *strict, str(file), cwd=tmp_path)
        assert result.stdout.count(" error: ") == errors, result.stdout + result.stderr
