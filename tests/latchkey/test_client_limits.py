"""`latchkey clients`: from where a client may come, and how many tokens it may get."""

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


def test_a_quota_is_set_shown_and_cleared(latchkey: Command) -> None:
    """It is a number or none, monitored or enforced."""
    created = latchkey.run("clients", "create", "demo", "--tokens-per-hour", "100", "--monitor-quota", "--json").json
    assert (created["tokens_per_hour"], created["quota_monitored"]) == (100, True)
    updated = latchkey.run("clients", "update", "demo", "--enforce-quota", "--json").json
    assert (updated["tokens_per_hour"], updated["quota_monitored"]) == (100, False)
    assert latchkey.run("clients", "update", "demo", "--tokens-per-hour", "", "--json").json["tokens_per_hour"] is None
    assert "no quota" in latchkey.run("clients", "show", "demo").stdout


@pytest.mark.parametrize(("number", "status"), [("0", 1), ("many", 2), ("-1", 2), ("1.5", 2), ("1000000000000", 2)])
def test_what_is_no_quota_is_refused(latchkey: Command, number: str, status: int) -> None:
    """The command says what one is."""
    result = latchkey.run("clients", "create", "demo", f"--tokens-per-hour={number}")
    result.refused(status, "tokens" if status == 1 else "--tokens-per-hour")


def test_reuse_is_set_shown_and_cleared(latchkey: Command) -> None:
    """It is on, off, or the server's to say; anything else is wrong usage."""
    assert latchkey.run("clients", "create", "demo", "--token-reuse", "on", "--json").json["token_reuse"] is True
    assert latchkey.run("clients", "update", "demo", "--token-reuse", "", "--json").json["token_reuse"] is None
    assert "as the server says" in latchkey.run("clients", "show", "demo").stdout
    latchkey.run("clients", "update", "demo", "--token-reuse", "maybe").refused(2, "--token-reuse is on or off")
