"""The artifacts, built once for all workers; a Python with Lambda's runtime client; and a stack in moto to run over."""

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from infra.build import PLATFORMS, ROOT
from tests.artifact.deployed import Deployed
from tests.infra.deployed import deploy

LOCK = Path(__file__).with_name("requirements.txt")
CACHE = ROOT / ".artifacts" / "functions"
KEPT_BUILDS = 3
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"
ARCHITECTURE = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
SOURCES = (
    "auth_server",
    "authorizer",
    "resource_server",
    "infra/openapi",
    "infra/*.py",
    "infra/*.*ml",
    "infra/Makefile",
)


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Return the folder with a folder for each function, as `sam build` makes them for this machine."""
    if sys.platform != "linux" or ARCHITECTURE not in PLATFORMS:
        pytest.skip(f"Lambda's functions do not run on {sys.platform} {ARCHITECTURE}")
    if shutil.which("make") is None:
        pytest.skip("sam build needs make")
    folder = CACHE / _digest_of_sources() / "build"
    with _one_at_a_time():
        if not folder.exists():
            shutil.rmtree(CACHE / "last", ignore_errors=True)
            _sam_build(CACHE / "last")
            folder.parent.mkdir(parents=True, exist_ok=True)
            (CACHE / "last").rename(folder)
            _forget_old_builds()
    return folder


@pytest.fixture(scope="session")
def authorizer_alone(artifacts: Path) -> Iterator[Path]:
    """Return the folder that `make deploy STACK=authorizer` would deploy the authorizer from."""
    with TemporaryDirectory(dir=artifacts.parent) as folder:
        _sam_build(Path(folder), "--config-env", "authorizer")
        yield Path(folder) / "AuthorizerFunction"


@pytest.fixture(scope="session")
def python_of_lambda() -> Path:
    """Return a Python that has Lambda's runtime client, and nothing else."""
    venv = CACHE / f"awslambdaric-{_digest_of_files([LOCK])[:16]}-{RUNTIME}"
    python = venv / "bin" / "python"
    with _one_at_a_time():
        if not (venv / "complete").exists():
            _run(sys.executable, "-m", "uv", "venv", "--clear", "--python", sys.executable, str(venv))
            _run(
                sys.executable, "-m", "uv", "pip", "install", "--python", str(python),
                "--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK),
            )  # fmt: skip
            (venv / "complete").touch()
    return python


@pytest.fixture(scope="session")
def deployed(artifacts: Path, python_of_lambda: Path, aws_endpoint: str) -> Deployed:
    """Return the artifacts with the template's own settings, over tables and a key in moto."""
    return Deployed(artifacts, python_of_lambda, aws_endpoint, deploy(aws_endpoint))


def _forget_old_builds() -> None:
    """Remove all but the latest builds, which other test runs may be using."""
    builds = sorted(CACHE.glob("*/build"), key=lambda folder: folder.stat().st_mtime)
    for folder in builds[:-KEPT_BUILDS]:
        shutil.rmtree(folder.parent)


def _sam_build(folder: Path, *options: str) -> None:
    environ = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "LATCHKEY_RUNTIME": RUNTIME,
        "LATCHKEY_ARCHITECTURE": ARCHITECTURE,
        "SAM_CLI_TELEMETRY": "0",
        "PYTHONWARNINGS": "",
    }
    overrides = (f"Runtime={RUNTIME}", f"Architecture={ARCHITECTURE}")
    _run("sam", "build", "--build-dir", str(folder), *options, "--parameter-overrides", *overrides, environ=environ)


def _run(*command: str, environ: dict[str, str] | None = None) -> None:
    done = subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=ROOT / "infra", env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let one worker build while the others wait."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _digest_of_sources() -> str:
    """Name the build after everything that it is made of."""
    files: list[Path] = []
    for pattern in SOURCES:
        for path in ROOT.glob(pattern):
            files += sorted(path.rglob("*")) if path.is_dir() else [path]
    return _digest_of_files([path for path in files if path.is_file() and "__pycache__" not in path.parts])


def _digest_of_files(files: list[Path]) -> str:
    digest = hashlib.sha256(f"{RUNTIME} {ARCHITECTURE}".encode())
    for path in sorted(files):
        digest.update(f"\n{path.relative_to(ROOT)} ".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
