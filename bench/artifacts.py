"""What is deployed: the folders that `sam build` fills, and their size."""

import platform
import shutil
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from bench import deployed
from bench.measure import Effort
from bench.row import Result
from bench.worker import ROOT
from infra.build import BuildError, Target, build

WORKPLACE = ROOT / ".artifacts" / "bench"
BYTES_PER_MB = 1_000_000
_ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}


@cache
def built(logical_id: str) -> Path:
    """Build a function once a run, as `sam build` has it built, for this machine and this Python; give its folder.

    Raises `BuildError`.
    """
    architecture = _ARCHITECTURES.get(platform.machine())
    if sys.platform != "linux" or architecture is None:
        raise BuildError(f"Lambda's functions do not run on {sys.platform} {platform.machine()}")
    folder = WORKPLACE / logical_id
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build(logical_id, folder, Target(deployed.runtime(), architecture))
    return folder


def zipped_mb(folder: Path) -> float:
    """Give the size of a folder as it is uploaded, in MB (10^6 bytes)."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell() / BYTES_PER_MB


def artifact_size(effort: Effort) -> Result:  # noqa: ARG001 - a size needs no rounds
    """Weigh the authorizer's and the token function's artifacts."""
    try:
        authorizer, token = built(deployed.AUTHORIZER), built(deployed.TOKEN)
    except BuildError as error:
        return Result(None, reason=str(error))
    return Result({"authorizer": zipped_mb(authorizer), "token": zipped_mb(token)})
