"""Building a function: which platform it is for, and what cannot be built. The artifacts have tests of their own."""

from pathlib import Path

import pytest

from infra.build import PACKAGES, SERVICES, BuildError, Target, build
from infra.cloudformation import Stack


def test_the_platform_is_the_template_s_own_by_default() -> None:
    """Without being told otherwise, a function is built for the platform that the template's parameters default to."""
    function = Stack().functions()["TokenFunction"]
    assert Target.from_environ({}) == Target(function.runtime, function.architecture)


def test_the_environment_chooses_another_platform() -> None:
    """LATCHKEY_RUNTIME and LATCHKEY_ARCHITECTURE choose the platform."""
    target = Target.from_environ({"LATCHKEY_RUNTIME": "python3.12", "LATCHKEY_ARCHITECTURE": "x86_64"})
    assert (target.version, target.architecture) == ("3.12", "x86_64")


@pytest.mark.parametrize("environ", [{"LATCHKEY_ARCHITECTURE": "arm"}, {"LATCHKEY_RUNTIME": "nodejs22.x"}])
def test_a_platform_that_lambda_does_not_have_is_refused(environ: dict[str, str]) -> None:
    """A misspelt platform is an error that says what to write."""
    with pytest.raises(BuildError, match="LATCHKEY_ARCHITECTURE is one of"):
        Target.from_environ(environ)


def test_an_unknown_function_is_refused(tmp_path: Path) -> None:
    """Only functions of the template are built."""
    with pytest.raises(BuildError, match="OtherFunction"):
        build("OtherFunction", tmp_path, Target("python3.13", "arm64"))


def test_every_handler_s_package_can_be_built() -> None:
    """What goes into an artifact is said for the package of every handler."""
    packages = {function.handler.partition(".")[0] for function in Stack().functions().values()}
    assert packages == PACKAGES.keys() == SERVICES.keys()
