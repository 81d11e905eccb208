"""Running the command: in this process where many cases are tried, as a process of its own where that matters."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from latchkey.__main__ import main

EXECUTABLE = Path(sys.executable).with_name("latchkey")


@dataclass(frozen=True, slots=True)
class Result:
    """What a command printed, and how it ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Give the one JSON document on stdout."""
        assert self.stdout.endswith("\n"), self
        return json.loads(self.stdout)

    def refused(self, status: int, *words: str) -> None:
        """Check that it failed with one line on stderr that has these words in it, and nothing on stdout."""
        assert (self.status, self.stdout) == (status, ""), self
        self.said(*words)

    def said(self, *words: str) -> None:
        """Check that stderr is one clear line with these words in it."""
        assert self.stderr.startswith("Error: "), self
        assert self.stderr.count("\n") == 1, self
        assert self.stderr.endswith("\n"), self
        for word in words:
            assert word in self.stderr, self


@dataclass(frozen=True, slots=True)
class Command:
    """The command in an environment of its own, where AWS is the test's endpoint and nothing else is configured."""

    environ: Mapping[str, str] = field(default_factory=dict)

    def but(self, **environ: str) -> "Command":
        """Give the same with these variables."""
        return Command({**self.environ, **environ})

    def run(self, *arguments: str, stdin: str | bytes = b"") -> Result:
        """Run it in this process."""
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for name in ("stdout", "stderr")}
        given = io.TextIOWrapper(io.BytesIO(_bytes(stdin)), encoding="utf-8")
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(("AWS_", "LATCHKEY_"))]:
                patch.delenv(name)
            for name, value in self.environ.items():
                patch.setenv(name, value)
            for name, stream in {**streams, "stdin": given}.items():
                patch.setattr(sys, name, stream)
            with pytest.raises(SystemExit) as ended:
                main(arguments)
        assert isinstance(ended.value.code, int)
        return Result(ended.value.code, *(_written(stream) for stream in streams.values()))

    def process(self, *arguments: str, stdin: str | bytes = b"") -> Result:
        """Run the installed command as a process."""
        done = subprocess.run(  # noqa: S603 - the command under test
            [EXECUTABLE, *arguments], env=dict(self.environ), input=_bytes(stdin), capture_output=True, check=False
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def _bytes(stdin: str | bytes) -> bytes:
    return stdin.encode() if isinstance(stdin, str) else stdin


def _written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode("utf-8")
