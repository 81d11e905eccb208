"""How many tokens a client may get in an hour: what it is told, what is counted, and what that costs."""

import json

import pytest

from auth_server.clients import TOKEN_EXCHANGE
from auth_server.grants.token_exchange import ACCESS_TOKEN_TYPE
from auth_server.quota import HOUR_SECONDS, KIND
from tests.auth_server.client_requests import ask
from tests.simulator import NOW, MemoryClientStore, MemoryStateStore, Simulator, client, document

BEGIN = NOW // HOUR_SECONDS * HOUR_SECONDS
POLICY = '"hour";q=3;w=3600'


def server(state: MemoryStateStore | None = None, **changes: object) -> Simulator:
    """Give a server at the beginning of an hour, whose client may get three tokens in it."""
    clients = MemoryClientStore(client(**{"tokens_per_hour": 3, **changes}))
    return Simulator(clients=clients, state=state or MemoryStateStore(), now=BEGIN)


def counted(one: Simulator) -> int:
    """Give how many tokens were counted."""
    return sum(count for (kind, _), count in one.state.counts.items() if kind.startswith(KIND))


@pytest.mark.spec("RFC 6585", "4")
def test_a_quota_counts_down_and_then_refuses() -> None:
    """Each answer tells what is left and for how long; beyond it, 429, with Retry-After at the same moment."""
    one = server()
    one.now += 600
    answers = [one.token() for _ in range(4)]
    assert [answer["statusCode"] for answer in answers] == [200, 200, 200, 429]
    assert [answer["headers"]["RateLimit"] for answer in answers] == [
        f'"hour";r={left};t=3000' for left in (2, 1, 0, 0)
    ]
    assert {answer["headers"]["RateLimit-Policy"] for answer in answers} == {POLICY}
    assert answers[3]["headers"]["Retry-After"] == "3000"
    assert document(answers[3])["error"] == "temporarily_unavailable"


def test_the_next_hour_has_a_whole_quota() -> None:
    """Retry-After is the second from which there are tokens again, and no second earlier."""
    one = server()
    for _ in range(3):
        one.token()
    one.now += int(one.token()["headers"]["Retry-After"]) - 1
    assert one.token()["statusCode"] == 429
    one.now += 1
    assert one.token()["headers"]["RateLimit"] == '"hour";r=2;t=3600'


def test_a_client_without_a_quota_is_told_nothing_and_costs_nothing() -> None:
    """No header, and no count."""
    one = server(tokens_per_hour=None)
    assert not {"RateLimit", "RateLimit-Policy"} & one.token()["headers"].keys()
    assert one.state.counts == {}


def test_a_quota_that_is_used_up_costs_no_call() -> None:
    """Beyond one refusal, the Lambda that knows counts no more."""
    one = server()
    assert [one.token()["statusCode"] for _ in range(50)] == [200] * 3 + [429] * 47
    assert counted(one) == 4


def test_two_lambdas_share_a_quota() -> None:
    """What one has issued, the other counts on from."""
    state = MemoryStateStore()
    both = [server(state), server(state)]
    assert [one.token()["statusCode"] for _ in range(2) for one in both] == [200, 200, 200, 429]


def test_another_clients_quota_is_its_own() -> None:
    """A client that has used up its own takes nothing from others."""
    one = server()
    one.clients.clients["other"] = client(client_id="other", tokens_per_hour=3)
    for _ in range(4):
        one.token()
    assert one.token("other")["statusCode"] == 200


def test_a_raised_quota_holds_at_once() -> None:
    """An operator who raises it needs not wait for the next hour."""
    one = server()
    for _ in range(4):
        one.token()
    one.clients.clients["demo"] = client(tokens_per_hour=10)
    assert one.token()["headers"]["RateLimit"] == '"hour";r=5;t=3600'


@pytest.mark.parametrize("refused", [{"secret": "wrong"}, {"scope": "other"}, {"resource": "https://other.example"}])
def test_what_is_refused_is_not_counted(refused: dict[str, str]) -> None:
    """A quota is one of tokens, and not of requests; nor can a stranger use it up."""
    one = server()
    assert one.token(**refused)["statusCode"] in (400, 401)
    assert counted(one) == 0


def test_a_quota_that_is_monitored_refuses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """The client sees nothing of it; the audit line tells how many there were."""
    one = server(quota_monitored=True)
    answers = [one.token() for _ in range(5)]
    assert {answer["statusCode"] for answer in answers} == {200}
    assert not any({"RateLimit", "RateLimit-Policy"} & answer["headers"].keys() for answer in answers)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["quota"], line["quota_used"]) for line in lines] == [(3, number) for number in range(1, 6)]


def test_a_count_that_fails_refuses_unless_it_is_monitored() -> None:
    """What cannot be counted is an outage for a quota that holds, and none for one that is looked at."""
    statuses = {}
    for monitored in (False, True):
        one = server(quota_monitored=monitored)
        one.state.failing = True
        statuses[monitored] = one.token()["statusCode"]
    assert statuses == {False: 503, True: 200}


def test_an_exchanged_token_counts() -> None:
    """It is a token like any other, of the client that exchanges."""
    one = server(grant_types=("client_credentials", TOKEN_EXCHANGE))
    token = document(one.token())["access_token"]
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": ACCESS_TOKEN_TYPE}
    answer = ask(one, "/oauth/token", form)
    assert (answer["statusCode"], answer["headers"]["RateLimit"]) == (200, '"hour";r=1;t=3600')


def test_introspection_is_no_token() -> None:
    """Only tokens count."""
    one = server()
    assert ask(one, "/oauth/introspect", {"token": "x"})["statusCode"] == 200
    assert counted(one) == 0


def test_the_audit_line_of_a_refusal_tells_the_quota(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever asks why reads it there."""
    one = server()
    for _ in range(4):
        one.token()
    line = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (line["outcome"], line["client_id"], line["quota"]) == ("refused", "demo", 3)
    assert line["reason"] == "over the quota of 3 tokens an hour"
