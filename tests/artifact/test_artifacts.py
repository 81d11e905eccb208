"""What `sam build` makes is small, whole, and holds nothing that it must not."""

import io
import zipfile
from pathlib import Path

import pytest

from infra.build import PACKAGES
from infra.cloudformation import Stack

MEGABYTE = 1_000_000
# The sizes that the project has set itself, zipped.
LIMITS = {
    "AuthorizerFunction": 5.5,
    "ChallengeFunction": 22,
    "PeopleFunction": 22,
    "RegistrationFunction": 22,
    "ResourceFunction": 22,
    "RotationFunction": 22,
    "TokenFunction": 22,
    "VendingFunction": 22,
}


@pytest.mark.parametrize("logical_id", sorted(LIMITS))
def test_an_artifact_is_small(artifacts: Path, logical_id: str) -> None:
    """An artifact is no larger, zipped, than the project has set itself."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted((artifacts / logical_id).rglob("*")):
            file.write(path, path.relative_to(artifacts / logical_id))
    assert archive.tell() < LIMITS[logical_id] * MEGABYTE


def test_every_function_of_the_template_is_built(artifacts: Path) -> None:
    """There is an artifact, and a limit, for each function of the template."""
    assert Stack().functions().keys() == LIMITS.keys()
    assert {path.name for path in artifacts.iterdir() if path.is_dir()} == LIMITS.keys()


def test_the_authorizer_knows_nothing_of_aws(artifacts: Path) -> None:
    """The authorizer's artifact holds neither boto3 nor botocore: it makes no AWS call at all."""
    names = {path.name.lower() for path in (artifacts / "AuthorizerFunction").rglob("*")}
    assert not {name for name in names if "boto" in name}


def test_the_authorizer_alone_is_the_same_artifact(artifacts: Path, authorizer_alone: Path) -> None:
    """What the authorizer's own template deploys is, byte for byte, what the whole template does."""
    both = [
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (artifacts / "AuthorizerFunction", authorizer_alone)
    ]
    assert both[0] == both[1]


@pytest.mark.parametrize("logical_id", sorted(LIMITS))
def test_an_artifact_holds_its_packages_whole_and_no_other(artifacts: Path, logical_id: str) -> None:
    """An artifact holds every module of its packages, none of another package of ours, and no test."""
    root = Path(__file__).parent.parent.parent
    wanted = PACKAGES[Stack().functions()[logical_id].handler.partition(".")[0]]
    for package in {*PACKAGES, "tests", "infra", "latchkey"}:
        held = {path.relative_to(artifacts / logical_id) for path in (artifacts / logical_id / package).rglob("*.py")}
        ours = {path.relative_to(root) for path in (root / package).rglob("*.py")} if package in wanted else set()
        assert held == ours


@pytest.mark.parametrize("logical_id", sorted(LIMITS))
def test_every_dependency_keeps_its_licence(artifacts: Path, logical_id: str) -> None:
    """Every dependency's licence goes with it, whatever else of its metadata is left out."""
    folder = artifacts / logical_id
    for metadata in folder.glob("*.dist-info"):
        names = [path.name.lower() for path in metadata.iterdir()]
        assert [name for name in names if name.startswith(("licen", "copying"))], metadata.name


@pytest.mark.parametrize("logical_id", sorted(LIMITS))
def test_every_module_has_its_bytecode(artifacts: Path, logical_id: str) -> None:
    """Every module is compiled already: Lambda's folder cannot be written to, so it would be again at each start."""
    for path in (artifacts / logical_id).rglob("*.py"):
        assert list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc")), path
