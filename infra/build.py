"""Build one function for Lambda: its packages whole, and its locked dependencies for Lambda's platform.

    python -m infra.build TokenFunction .aws-sam/build/TokenFunction

LATCHKEY_RUNTIME (python3.13) and LATCHKEY_ARCHITECTURE (arm64) choose the platform. They have to be what the stack's
parameters Runtime and Architecture are, and are so by default. A wheel whose hash is not in the lock is refused, and
nothing is ever compiled here.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.cloudformation import CLIENT_EXAMPLE, FUNCTION, TEMPLATES, VENDING_EXAMPLE, Stack
from infra.template_yaml import load

ROOT: Final = Path(__file__).parent.parent

# What each handler's package imports besides itself, and the AWS services that its botocore has to know.
PACKAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "auth_server": ("auth_server", "authorizer"),
    "authorizer": ("authorizer",),
    "examples": ("examples", "token_client"),
    "resource_server": ("resource_server",),
    "token_client": ("token_client",),
}
SERVICES: Final[Mapping[str, frozenset[str]]] = {
    "auth_server": frozenset({"dynamodb", "kms", "resourcegroupstaggingapi"}),
    "authorizer": frozenset(),
    "examples": frozenset({"dynamodb", "secretsmanager"}),
    "resource_server": frozenset({"dynamodb"}),
    "token_client": frozenset({"dynamodb", "secretsmanager"}),
}
# Whose lock file it is, where the package has none of its own.
LOCKS: Final[Mapping[str, str]] = {"examples": "token_client"}

# Wheels for a glibc at least as old as Lambda's: Amazon Linux 2 (2.26) under Python 3.11, 2023 (2.34) from 3.12 on.
PLATFORMS: Final[Mapping[str, str]] = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}

# In dist-info, besides licences: METADATA, by which a package's version is read.
_KEPT_METADATA: Final = frozenset({"METADATA", "NOTICE"})
_SOURCES: Final = shutil.ignore_patterns("__pycache__", "requirements.txt")


class BuildError(Exception):
    """The function cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the function will run: `runtime` as Lambda calls it (python3.13), `architecture` arm64 or x86_64."""

    runtime: str
    architecture: str

    @property
    def version(self) -> str:
        """Return the version of Python."""
        return self.runtime.removeprefix("python")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Target":
        """Read the two variables; the template's own parameters are the defaults. Raises `BuildError`."""
        function = next(iter(Stack().functions().values()))
        runtime = environ.get("LATCHKEY_RUNTIME") or function.runtime
        architecture = environ.get("LATCHKEY_ARCHITECTURE") or function.architecture
        if architecture not in PLATFORMS or not runtime.startswith("python3."):
            raise BuildError(
                f"LATCHKEY_ARCHITECTURE is one of {sorted(PLATFORMS)}, LATCHKEY_RUNTIME such as python3.13"
            )
        return cls(runtime, architecture)


def build(logical_id: str, folder: Path, target: Target) -> None:
    """Fill `folder` with what the function's archive is made of; raises `BuildError`."""
    handlers = _handlers()
    if logical_id not in handlers:
        raise BuildError(f"no template has a function {logical_id}")
    package = handlers[logical_id].partition(".")[0]
    _install(ROOT / LOCKS.get(package, package) / "requirements.txt", folder, target)
    _leave_out(folder, SERVICES[package])
    for name in PACKAGES[package]:
        shutil.copytree(ROOT / name, folder / name, ignore=_SOURCES)
    _compile(folder, target)


def _handlers() -> dict[str, str]:
    """Return the handlers of all functions that are built here; a name that two templates have is one and the same."""
    handlers: dict[str, str] = {}
    for template in map(load, (*TEMPLATES, VENDING_EXAMPLE, CLIENT_EXAMPLE)):
        common = template.get("Globals", {}).get("Function", {})
        functions = {name: made for name, made in template["Resources"].items() if made["Type"] == FUNCTION}
        handlers |= {name: {**common, **made["Properties"]}["Handler"] for name, made in functions.items()}
    return handlers


def _install(lock: Path, folder: Path, target: Target) -> None:
    """Install what the lock file names and its hashes vouch for."""
    _run(
        sys.executable, "-m", "uv", "pip", "install", "--quiet", "--link-mode", "copy",
        "--target", str(folder), "--requirement", str(lock), "--require-hashes", "--only-binary", ":all:",
        "--python-version", target.version, "--python-platform", PLATFORMS[target.architecture],
    )  # fmt: skip


def _leave_out(folder: Path, services: frozenset[str]) -> None:
    """Remove what nothing here reads, above all the descriptions of AWS's other services, most of botocore's bulk."""
    for path in sorted(_unread(folder, services)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _unread(folder: Path, services: frozenset[str]) -> Iterator[Path]:
    for metadata in folder.glob("*.dist-info"):
        yield from (path for path in metadata.iterdir() if path.name not in _KEPT_METADATA and not _is_licence(path))
    yield from (path for path in folder.glob("botocore/data/*") if path.is_dir() and path.name not in services)
    # What cryptography runs on is _cffi_backend, beside these two, which write such modules.
    yield from (folder / name for name in ("cffi", "pycparser", "boto3/examples") if (folder / name).exists())
    yield from folder.glob("bin")
    yield from folder.glob(".lock")


def _is_licence(path: Path) -> bool:
    return path.name.lower().startswith(("licen", "copying"))


def _compile(folder: Path, target: Target) -> None:
    """Add bytecode, where that Python is here: imports take about half the time with it.

    Unchecked, as the times of files change when an archive is unpacked. Another Python ignores it.
    """
    python = _python(target)
    if python is None:
        sys.stderr.write(f"There is no {target.runtime} here: the function is built without bytecode.\n")
        return
    # Without the name of this machine's folder, two builds of the same sources are the same bytes.
    _run(python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "-s", str(folder), str(folder))


def _python(target: Target) -> str | None:
    """Find an interpreter of the target's version on this machine; uv knows where installers keep them."""
    command = (sys.executable, "-m", "uv", "python", "find", "--no-python-downloads", "--no-project", target.version)
    # The shims of pyenv answer for the version that they are told.
    environ = {**os.environ, "PYENV_VERSION": target.version}
    found = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)  # noqa: S603 - a fixed command
    return found.stdout.strip() or None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a fixed command
    if done.returncode != 0:
        raise BuildError(f"{' '.join(command[1:4])}: {(done.stderr or done.stdout).strip()}")


def main() -> int:
    """Build what the command line names."""
    try:
        logical_id, folder = sys.argv[1:]
        build(logical_id, Path(folder), Target.from_environ(os.environ))
    except (BuildError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
