"""The page about signing keys cannot drift: its times are the settings' own, its commands are commands."""

import json
import re
import shlex
from pathlib import Path

import pytest

from auth_server.signing_keys.rotation import DEFAULT_PERIOD_SECONDS
from auth_server.signing_keys.settings import RotationSettings
from auth_server.signing_keys.timeline import State
from infra.template_yaml import load
from latchkey.keys import _COLUMNS
from tests.latchkey.command import Command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "signing-keys.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("latchkey ")
]


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_is_one(line: str) -> None:
    """Each command of the page has help, and the options that it is given."""
    _, group, command, *rest = shlex.split(line)
    shown = Command().run(group, command, "--help")
    assert shown.status == 0
    assert all(option in shown.stdout for option in rest if option.startswith("-"))


def test_the_states_and_their_times_are_the_defaults() -> None:
    """Every state has its row, and the hours are those of the settings."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == list(State)
    read = RotationSettings.from_environ({"ISSUER": "https://a.example", "SIGNING_KEY_ID": "k", "KEYS_TABLE": "t"})
    assert f"{read.key_lead_seconds // 3600} h later (`KEY_LEAD_SECONDS`)" in PAGE
    assert f"{read.key_overlap_seconds // 3600} h later (`KEY_OVERLAP_SECONDS`)" in PAGE
    assert DEFAULT_PERIOD_SECONDS == {"kms": 90 * 86_400, "data_key": 86_400}
    assert "| a key lasts | 90 days | a day, and never more than two" in PAGE


def test_the_list_is_as_the_command_prints_it() -> None:
    """The members of the document are the command's."""
    (block,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for key in json.loads(block):
        assert tuple(key) == _COLUMNS


def test_the_parameters_are_the_templates() -> None:
    """What the page calls a parameter is one."""
    parameters = load(ROOT / "infra" / "template.yaml")["Parameters"]
    for name in ("Signer", "RotateEverySeconds", "MultiRegionKeys"):
        assert f"`{name}" in PAGE
        assert name in parameters
