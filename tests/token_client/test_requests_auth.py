"""What is requests' own about its adapter (token_client/requests_auth.py); the rest is in test_api_call.py."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests.token_client.callers import AsyncTokens, Tokens
from tests.token_client.protected_api import Asked, Reply, accepting, serving
from token_client.dpop import DPoPKey
from token_client.errors import InsufficientScopeError, ServerUnavailableError
from token_client.requests_auth import RequestsAuth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from token_client.access_token import AccessToken

REFUSED = Reply(401, {"WWW-Authenticate": 'Bearer error="invalid_token"'}, b"no")
SCOPELESS = Reply(403, {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}, b"why")


class RecordingAdapter(HTTPAdapter):
    """requests' own adapter, which keeps with which settings it was called, and what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.settings: list[dict[str, Any]] = []
        self.responses: list[requests.Response] = []

    def send(self, request: Any, *args: Any, **settings: Any) -> Any:
        """Keep the settings, and send."""
        self.settings.append(settings)
        self.responses.append(super().send(request, *args, **settings))
        return self.responses[-1]


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """Give a session whose first token is refused."""
    with requests.Session() as session:
        session.auth = RequestsAuth(Tokens(["old", "new"]))
        yield session


def test_a_client_of_coroutines_is_refused() -> None:
    """Requests knows no coroutines."""
    with pytest.raises(TypeError, match="everything else takes a TokenClient"):
        RequestsAuth(AsyncTokens(Tokens(["good"])))  # type: ignore[arg-type] # the mistake itself


def test_the_second_request_has_the_settings_of_the_first(session: requests.Session, tmp_path: Path) -> None:
    """Verification, certificates, time-outs, proxies and streaming are the caller's, and the adapter is."""
    file = tmp_path / "file.pem"
    file.touch()
    adapter = RecordingAdapter()
    session.mount("http://", adapter)
    own: dict[str, Any] = {"timeout": 7, "verify": str(file), "cert": str(file), "stream": True}
    with serving(accepting("new", REFUSED)) as api:
        session.get(api.url, proxies={"https": "http://127.0.0.1:9"}, **own).close()
    first, second = adapter.settings
    assert first == second
    assert {name: second[name] for name in own} == own
    assert second["proxies"]["https"] == "http://127.0.0.1:9"


def test_history_and_hooks_are_kept(session: requests.Session) -> None:
    """The refusal is in the history, each answer has its own request, and the caller's hook sees the last answer."""
    seen: list[int] = []
    with serving(accepting("new", REFUSED)) as api:
        response = session.get(api.url, hooks={"response": lambda answer, **_: seen.append(answer.status_code)})
    assert seen == [200]
    (refused,) = response.history
    assert [each.request.headers["Authorization"] for each in (refused, response)] == ["Bearer old", "Bearer new"]
    assert (refused.status_code, refused.content) == (401, b"no")


def test_cookies_of_both_answers_are_the_sessions(session: requests.Session) -> None:
    """A session keeps what the refusal set as well."""
    answers = iter([Reply(401, {"Set-Cookie": "a=1"}), Reply(200, {"Set-Cookie": "b=2"})])
    with serving(lambda _: next(answers)) as api:
        session.get(api.url)
    assert session.cookies.get_dict() == {"a": "1", "b": "2"}


def test_a_good_answer_streams(session: requests.Session) -> None:
    """After a renewal too, the answer is the caller's before it is complete."""
    end = threading.Event()

    def parts() -> Iterator[bytes]:
        yield b"first"
        end.wait(30)
        yield b"last"

    def answer(asked: Asked) -> Reply:
        return Reply(body=parts()) if asked.token == "new" else REFUSED

    with serving(answer) as api, session.get(api.url, stream=True) as response:
        got = response.iter_content(None)
        assert next(got) == b"first"
        end.set()
        assert b"".join(got) == b"last"


def test_a_connection_is_used_again(session: requests.Session) -> None:
    """The refusal is read to its end and its connection is free, for the second request and for the next call."""
    with serving(accepting("new", REFUSED)) as api:
        for _ in range(3):
            with session.get(api.url, stream=True, auth=RequestsAuth(Tokens(["old", "new"]))) as response:
                assert (response.status_code, response.content) == (200, b"good:")
        assert len({each.port for each in api.asked}) == 1


def test_a_file_is_sent_again_from_where_it_began(session: requests.Session) -> None:
    """A file that was handed over in its middle is sent from there, both times."""
    body = io.BytesIO(b"before, after")
    body.seek(len(b"before, "))
    with serving(accepting("new", REFUSED)) as api:
        assert session.post(api.url, data=body).content == b"good:after"
        assert [each.body for each in api.asked] == [b"after", b"after"]


def test_a_form_with_files_is_sent_again(session: requests.Session) -> None:
    """Requests encodes a form once; it is sent twice."""
    with serving(accepting("new", REFUSED)) as api:
        assert session.post(api.url, files={"file": io.BytesIO(b"of a file")}).status_code == 200
        first, second = (each.body for each in api.asked)
        assert first == second


def test_a_prepared_request_may_be_sent_by_many() -> None:
    """Nothing is remembered of one sending for another: each is renewed for itself, at the same time too."""
    tokens = Tokens(["old", *["new"] * 40])
    with serving(accepting("new", REFUSED)) as api, requests.Session() as session:
        prepared = session.prepare_request(requests.Request("GET", api.url, auth=RequestsAuth(tokens)))
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: session.send(prepared).status_code, range(40)))
        assert (statuses, api.tokens.count("old"), api.tokens.count("new")) == ([200] * 40, 40, 40)


def test_a_redirect_after_a_renewal_is_followed(session: requests.Session) -> None:
    """Requests makes the redirected request of the first one, old token and all: it is renewed there as well."""
    tokens = Tokens(["old", "new", "new"], "DPoP", DPoPKey.generate())
    session.auth = RequestsAuth(tokens)

    def answer(asked: Asked) -> Reply:
        if asked.token != "new":
            return REFUSED
        return Reply(307, {"Location": "/there"}) if asked.path == "/here" else Reply(body=b"good")

    with serving(answer) as api:
        assert session.get(f"{api.url}/here").content == b"good"
        assert [each.path for each in api.asked] == ["/here", "/here", "/there", "/there", "/there"]


@pytest.mark.parametrize("replies", [[SCOPELESS], [REFUSED, SCOPELESS]], ids=["at first", "after a renewal"])
def test_the_connection_is_free_after_a_missing_scope(session: requests.Session, replies: list[Reply]) -> None:
    """The answer was read for the error: its connection serves the next call."""
    answers = iter(replies * 2)
    with serving(lambda _: next(answers)) as api:
        for _ in range(2):
            with pytest.raises(InsufficientScopeError) as raised:
                session.get(api.url, stream=True, auth=RequestsAuth(Tokens(["old", "new"])))
            error: Any = raised.value
            assert error.response.content == b"why"
        assert len({each.port for each in api.asked}) == 1


class Failing(Tokens):
    """A client that gets no other token."""

    def renew(self, rejected: AccessToken) -> AccessToken | None:
        """Fail."""
        self.renewals.append(rejected.value)
        raise ServerUnavailableError("the authorization server is down")


def test_an_error_leaves_no_connection_open(session: requests.Session) -> None:
    """A refusal that nobody gets is closed, and not left to the garbage collector."""
    session.mount("http://", adapter := RecordingAdapter())
    with serving(lambda _: REFUSED) as api, pytest.raises(ServerUnavailableError):
        session.get(api.url, stream=True, auth=RequestsAuth(Failing(["old"])))
    (refused,) = adapter.responses
    assert refused.raw.closed
