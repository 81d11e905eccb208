"""The Lambda runtime in this process: cold starts with settings of their own, and invocations."""

from __future__ import annotations

import json
import os
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from infra.local.lambda_runtime import FunctionError, LambdaContext, invoke, load_function

if TYPE_CHECKING:
    from pathlib import Path

CONTEXT = LambdaContext("id", "arn:aws:lambda:us-east-1:123456789012:function:tokens:live", time.monotonic() + 3)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a package whose handler and whose settings module read the environment while they are imported."""
    name = f"sample_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "settings.py").write_text("import os\nNAME = os.environ['NAME']\nENVIRON = dict(os.environ)\n")
    handler = f"""
        from . import settings
        from {name}.settings import NAME
        CALLS = []
        def lambda_handler(event, context):
            CALLS.append(event)
            return [NAME, settings.NAME, len(CALLS), settings.ENVIRON]
        """
    (folder / "handler.py").write_text(textwrap.dedent(handler))
    (folder / "broken.py").write_text("from . import settings\nraise RuntimeError(settings.NAME)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def test_two_functions_over_one_package_have_their_own_settings(package: str) -> None:
    """Each cold start imports the whole package anew: settings and state are not shared."""
    first = load_function(f"{package}.handler", {"NAME": "one"})
    second = load_function(f"{package}.handler", {"NAME": "two"})
    calls = [handler({}, CONTEXT)[:3] for handler in (first, second, first)]
    assert calls == [["one", "one", 1], ["two", "two", 1], ["one", "one", 2]]


def test_a_function_sees_its_settings_and_little_else(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of this process's variables only a few that name no setting are there during a cold start."""
    monkeypatch.setenv("AWS_PROFILE", "laptop")
    monkeypatch.setenv("HOME", "/home/somebody")
    environ = load_function(f"{package}.handler", {"NAME": "one"})({}, CONTEXT)[3]
    assert "AWS_PROFILE" not in environ
    assert (environ["NAME"], environ["HOME"], environ["PATH"]) == ("one", "/home/somebody", os.environ["PATH"])


def test_the_process_is_as_it_was_after_a_cold_start(package: str) -> None:
    """Variables and modules are put back: those that were there, and none that were not."""
    variables, modules = dict(os.environ), set(sys.modules)
    load_function(f"{package}.handler", {"NAME": "one", "PATH": "/nowhere"})
    assert dict(os.environ) == variables
    assert not {name for name in set(sys.modules) - modules if name.startswith(package)}


def test_a_package_that_is_imported_already_stays(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold start does not replace the modules that the rest of the process uses."""
    monkeypatch.setenv("NAME", "process")
    settings = __import__(f"{package}.settings").settings
    assert load_function(f"{package}.handler", {"NAME": "one"})({}, CONTEXT)[1] == "one"
    assert sys.modules[f"{package}.settings"] is settings
    assert settings.NAME == "process"


@pytest.mark.parametrize(
    ("module", "environ", "error"),
    [("handler", {}, KeyError), ("broken", {"NAME": "one"}, RuntimeError), ("absent", {}, ModuleNotFoundError)],
)
def test_a_failed_cold_start_is_raised_and_undone(
    package: str, module: str, environ: dict[str, str], error: type[Exception]
) -> None:
    """A handler module that raises stops its function's start and changes nothing else."""
    variables = dict(os.environ)
    with pytest.raises(error):
        load_function(f"{package}.{module}", environ)
    assert dict(os.environ) == variables
    assert not [name for name in sys.modules if name.startswith(package)]


def test_a_module_without_a_handler_is_no_function(package: str) -> None:
    """A module must have a lambda_handler."""
    with pytest.raises(AttributeError):
        load_function(f"{package}.settings", {"NAME": "one"})


def test_cold_starts_take_turns(package: str) -> None:
    """Cold starts at the same time do not see each other's settings."""
    with ThreadPoolExecutor(8) as pool:
        handlers = list(pool.map(lambda n: load_function(f"{package}.handler", {"NAME": str(n)}), range(8)))
    assert [handler({}, CONTEXT)[:2] for handler in handlers] == [[str(n)] * 2 for n in range(8)]


@pytest.mark.parametrize(
    ("result", "read"),
    [
        ((1, 2), [1, 2]),
        ({1: None, None: "x"}, {"1": None, "null": "x"}),
        (Decimal("1.5"), 1.5),
        ("\u2028€", "\u2028€"),
        (None, None),
    ],
)
def test_a_result_passes_through_json(result: Any, read: Any) -> None:
    """The caller reads what JSON makes of the result, not the result."""
    value, size = invoke(lambda _event, _context: result, {}, CONTEXT)
    assert value == read
    assert type(value) is type(read)
    assert size >= len(json.dumps(read, ensure_ascii=False))


def test_a_result_is_a_copy() -> None:
    """What the caller does with a result does not reach the handler."""
    kept: dict[str, list[int]] = {"a": []}
    value, _ = invoke(lambda _event, _context: kept, {}, CONTEXT)
    value["a"].append(1)
    assert kept == {"a": []}


RECURSIVE: list[Any] = []
RECURSIVE.append(RECURSIVE)


@pytest.mark.parametrize(
    "result", [{1, 2}, b"bytes", object(), float("nan"), {(1, 2): 3}, RECURSIVE, "x" * (6 * 1024 * 1024)]
)
def test_a_result_that_json_cannot_carry_is_an_error(result: Any) -> None:
    """Lambda fails an invocation whose result is not JSON or over 6 MB."""
    with pytest.raises(FunctionError):
        invoke(lambda _event, _context: result, {}, CONTEXT)


@pytest.mark.parametrize("error", [ValueError("text"), SystemExit("text"), KeyboardInterrupt("text")])
def test_what_a_handler_raises_is_its_error(error: BaseException) -> None:
    """Whatever a handler raises becomes the error message of its invocation."""

    def fail(_event: Any, _context: Any) -> None:
        raise error

    with pytest.raises(FunctionError, match=r"^text$"):
        invoke(fail, {}, CONTEXT)


def test_a_context_tells_its_function_and_the_time_left() -> None:
    """The name is that of the ARN without its qualifier; the time left is never less than 0."""
    assert (CONTEXT.function_name, CONTEXT.log_group_name) == ("tokens", "/aws/lambda/tokens")
    assert (CONTEXT.function_version, CONTEXT.log_stream_name) == ("$LATEST", "local")
    assert 0 <= CONTEXT.get_remaining_time_in_millis() <= 3000
    assert LambdaContext("id", "arn", time.monotonic() - 1).get_remaining_time_in_millis() == 0
