"""Lambda's side of a function: the Runtime API, and the process of the real runtime client that speaks to it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import queue
import subprocess
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

API = "/2018-06-01/runtime"
WAIT_SECONDS = 30
STARTED, ENDED = "started", "ended"  # what an outcome is of, besides an invocation
REMAINING_MS = "4102444800000"  # the deadline of every invocation: far away


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an invocation, or the start, ended: with a result, or with an error, whose `errorType` is in `document`."""

    document: Any
    failed: bool = False

    @property
    def error(self) -> tuple[str, str] | None:
        """Return type and message of the error, None where there is none."""
        return (self.document["errorType"], self.document["errorMessage"]) if self.failed else None


@dataclass(frozen=True, slots=True)
class _Invocation:
    request_id: str
    event: Any


class _Handler(BaseHTTPRequestHandler):
    """Answers the runtime client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each call waits 44 ms for the other side's acknowledgement
    server: "RuntimeApi"

    def do_GET(self) -> None:
        """Hand out the next invocation; the first call says that the function has started."""
        if self.path != f"{API}/invocation/next":
            self._answer(404)
            return
        self.server.outcomes.put((STARTED, Outcome(None)))
        invocation = self.server.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        # All of them: without one, the runtime client dies of a segmentation fault.
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": REMAINING_MS,
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:latchkey",
            "Lambda-Runtime-Trace-Id": "Root=1-6902b5a0-3d0f6f5b2c1e4a7f9b8d6c5e;Parent=0000000000000000;Sampled=0",
            "Content-Type": "application/json",
        }
        self._answer(200, json.dumps(invocation.event).encode(), headers)

    def do_POST(self) -> None:
        """Take a result or an error."""
        document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        what = self.path.removeprefix(f"{API}/")
        name = STARTED if what == "init/error" else what.split("/")[1]
        self.server.outcomes.put((name, Outcome(document, failed=what.endswith("error"))))
        self._answer(202)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""

    def _answer(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class RuntimeApi(ThreadingHTTPServer):
    """The Runtime API of one function, on a free port."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen; nothing is answered before `serve_forever`."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.invocations: queue.Queue[_Invocation | None] = queue.Queue()
        self.outcomes: queue.Queue[tuple[str, Outcome]] = queue.Queue()


class RunningFunction:
    """A built function under awslambdaric, which `python` has beside nothing else. `log` is what it wrote."""

    def __init__(self, folder: Path, handler: str, environ: Mapping[str, str], python: Path) -> None:
        """Describe the process: `folder` is the artifact, `environ` all of the function's environment."""
        self._api = RuntimeApi()
        self._command = (str(python), "-m", "awslambdaric", handler)
        self._folder = folder
        self._environ = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._api.server_port}",
            "LAMBDA_TASK_ROOT": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",  # /var/task cannot be written to
            **environ,
        }
        self.start = Outcome(None)
        self.log: list[str] = []

    def __enter__(self) -> Self:
        """Start the function; `start` then says how that went."""
        threading.Thread(target=self._api.serve_forever, daemon=True).start()
        self._process = subprocess.Popen(  # noqa: S603 - the artifact that this test built
            self._command,
            cwd=self._folder,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self.start = self._outcome_of(STARTED)
        return self

    def invoke(self, event: Any) -> Outcome:
        """Send an event to the function, and wait for what it says."""
        invocation = _Invocation(str(uuid.uuid4()), event)
        self._api.invocations.put(invocation)
        return self._outcome_of(invocation.request_id)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process, and the API with it."""
        self._process.terminate()
        self._process.wait(WAIT_SECONDS)
        self._reader.join(WAIT_SECONDS)
        if self._process.stdout:
            self._process.stdout.close()
        self._api.invocations.put(None)
        self._api.shutdown()
        self._api.server_close()

    def _outcome_of(self, name: str) -> Outcome:
        while True:
            try:
                outcome_of, outcome = self._api.outcomes.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                outcome_of = ENDED
            if outcome_of == ENDED:
                self._api.outcomes.put((ENDED, Outcome(None)))  # for whoever asks next
            assert outcome_of != ENDED, f"the function said nothing, and wrote: {''.join(self.log)}"
            if outcome_of == name:
                return outcome

    def _read_log(self) -> None:
        self.log.extend(self._process.stdout or ())
        self._api.outcomes.put((ENDED, Outcome(None)))
