"""`latchkey clients`: from where a client may come."""

import pytest

from tests.latchkey.command import Command


def test_networks_are_set_shown_and_cleared(latchkey: Command) -> None:
    """They are shown in their normal form, and "" lets the client come from anywhere again."""
    created = latchkey.run("clients", "create", "demo", "--allow-from", "192.0.2.7", "--json").json
    assert created["allow_from"] == ["192.0.2.7/32"]
    assert "192.0.2.7/32" in latchkey.run("clients", "show", "demo").stdout
    assert latchkey.run("clients", "update", "demo", "--allow-from", "", "--json").json["allow_from"] == []
    assert "anywhere" in latchkey.run("clients", "show", "demo").stdout


@pytest.mark.parametrize("network", ["here", "192.0.2.1/24", "192.0.2.0/33", "2001:db8::/129"])
def test_what_is_no_network_is_refused(latchkey: Command, network: str) -> None:
    """The command says what is wrong with it, and nothing is written."""
    latchkey.run("clients", "create", "demo", "--allow-from", network).refused(2, "--allow-from", network)
    latchkey.run("clients", "show", "demo").refused(1, "there is no client")
