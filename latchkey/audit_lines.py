"""Audit lines, wherever they are kept: in a file, or in CloudWatch Logs."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from auth_server.aws import dependency
from latchkey.errors import CommandError
from latchkey.secret_input import read_stdin

# A line may reach CloudWatch some seconds after its decision, and is asked for by the time of its arrival.
_LATE_S: Final = 60
# What CloudWatch's patterns take between quotes as it is; anything else is looked for here, in what it gives.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/@ +=-]+")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which lines count. What is empty or None asks for nothing; `since` and `until` are Unix times in seconds."""

    client_id: str | None = None
    outcomes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    def admits(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is asked for."""
        return (
            all(line.get(name) in values for name, values in self.members().items())
            and (self.since is None or line["time"] >= self.since)
            and (self.until is None or line["time"] < self.until)
        )

    def members(self) -> dict[str, tuple[str, ...]]:
        """Give the members that are asked for, and the values that will do for each."""
        clients = () if self.client_id is None else (self.client_id,)
        asked = {"client_id": clients, "outcome": self.outcomes, "event": self.events}
        return {name: values for name, values in asked.items() if values}

    def pattern(self) -> str:
        """Give as much of it as a filter pattern of CloudWatch Logs for JSON says; empty for all lines."""
        plain = {name: values for name, values in self.members().items() if all(map(_PLAIN.fullmatch, values))}
        parts = ("(" + " || ".join(f'$.{name} = "{value}"' for value in values) + ")" for name, values in plain.items())
        return "{ " + " && ".join(parts) + " }" if plain else ""


def parse(texts: Iterable[str]) -> Iterator[Line]:
    """Give the audit lines among texts: JSON objects with `event` and `time`, whatever a log has put before them."""
    for text in texts:
        with suppress(ValueError, RecursionError):
            line = json.loads(text[max(text.find("{"), 0) :])
            if isinstance(line, dict) and isinstance(line.get("event"), str) and type(line.get("time")) in (int, float):
                yield line


def latest(lines: Iterable[Line], limit: int) -> list[Line]:
    """Give the latest lines, oldest first; no more than twice as many are held at once."""
    kept: list[Line] = []
    for line in lines:
        kept.append(line)
        if len(kept) >= 2 * limit:
            kept = sorted(kept, key=_time_of)[-limit:]
    return sorted(kept, key=_time_of)[-limit:]


def _time_of(line: Line) -> float:
    return float(line["time"])


def of_file(file: Path) -> list[str]:
    """Read a file, or stdin where it is called `-`; raises `CommandError`."""
    try:
        text = read_stdin() if str(file) == "-" else file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}") from None
    return text.splitlines()


def of_log_groups(logs: Any, groups: tuple[str, ...], asked: Filter) -> Iterator[str]:
    """Give the messages of those log groups that exist. `logs` is a boto3 client.

    A group may be missing: a function that was never called has none in some deployments. Raises `DependencyError`, and
    `CommandError` where none of them is there.
    """
    missing = []
    for group in groups:
        for page in _pages(logs, group, asked):
            if page is None:
                missing.append(group)
            else:
                yield from page
    if len(missing) == len(groups):
        raise CommandError(f"there is no log group {' or '.join(missing)}; see --stack-name and --log-group")


def _pages(logs: Any, group: str, asked: Filter) -> Iterator[list[str] | None]:
    """Give page after page of a group's messages; None for a group that is not there."""
    request: dict[str, Any] = {"logGroupName": group, "filterPattern": asked.pattern()}
    if asked.since is not None:
        request["startTime"] = int(asked.since * 1000)
    if asked.until is not None:
        request["endTime"] = int((asked.until + _LATE_S) * 1000)
    while True:
        with dependency("logs:FilterLogEvents"):
            try:
                answer = logs.filter_log_events(**request)
            except logs.exceptions.ResourceNotFoundException:
                yield None
                return
            messages, token = [str(event["message"]) for event in answer["events"]], answer.get("nextToken")
        yield messages
        if not token:
            return
        request["nextToken"] = token
