"""Building a function: which platform it is for, and what cannot be built. The artifacts have tests of their own."""

from pathlib import Path

import pytest

from infra.build import PACKAGES, SERVICES, BuildError, Target, build, main
from infra.cloudformation import CLIENT_EXAMPLE, Stack


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
    client = Stack(CLIENT_EXAMPLE, parameters=dict.fromkeys(("Issuer", "TokenEndpoint", "Api", "SecretName"), "x"))
    functions = [*Stack().functions().values(), *client.functions().values()]
    packages = {function.handler.partition(".")[0] for function in functions}
    assert packages == PACKAGES.keys() == SERVICES.keys()


def test_a_function_is_built_for_a_platform_that_this_machine_is_not(tmp_path: Path) -> None:
    """The wheels are those of Lambda's platform, whatever machine builds."""
    for architecture, machine in (("arm64", "aarch64"), ("x86_64", "x86_64")):
        folder = tmp_path / architecture
        build("AuthorizerFunction", folder, Target("python3.12", architecture))
        (library,) = folder.glob("_cffi_backend*.so")
        assert f"cpython-312-{machine}-linux" in library.name
        assert (folder / "authorizer" / "handler.py").exists()


def test_a_wheel_that_the_lock_does_not_vouch_for_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dependency whose hash is not in the lock file is not installed."""
    package = tmp_path / "resource_server"
    package.mkdir()
    (package / "requirements.txt").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n", "utf-8")
    monkeypatch.setattr("infra.build.ROOT", tmp_path)
    with pytest.raises(BuildError, match=r"(?i)hash"):
        build("ResourceFunction", tmp_path / "artifact", Target("python3.13", "arm64"))


def test_the_command_says_why_it_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command that SAM runs ends with 1 and one line, not with a stack trace."""
    monkeypatch.setattr("sys.argv", ["build", "OtherFunction", str(tmp_path)])
    assert main() == 1
    assert capsys.readouterr().err == "no template has a function OtherFunction\n"
