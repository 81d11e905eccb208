"""Limits through the local gateway: the gate counts, and the token endpoint says so."""

import uuid
from typing import Any

import httpx

from auth_server.throttle import FAILURES_OF_CLIENT_AT_ADDRESS

FORM = {"grant_type": "client_credentials"}


def test_too_many_wrong_secrets_are_429_and_others_are_served(local_stack: dict[str, Any]) -> None:
    """401 with the challenge ten times, then 429 with Retry-After; another client at the address gets its token."""
    most, guessed = FAILURES_OF_CLIENT_AT_ADDRESS.most, f"guessed-{uuid.uuid4()}"
    with httpx.Client(base_url=local_stack["issuer"]) as http:
        answers = [http.post("/oauth/token", data=FORM, auth=(guessed, "wrong")) for _ in range(most + 2)]
        right = http.post("/oauth/token", data=FORM, auth=(local_stack["client_id"], local_stack["client_secret"]))
    assert [answer.status_code for answer in answers] == [401] * most + [429] * 2
    assert all("www-authenticate" in answer.headers for answer in answers[:most])
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 2
    assert answers[-1].json()["error"] == "temporarily_unavailable"
    assert right.status_code == 200
