"""A folder over real HTTP: what a browser gets, and what nobody gets."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from infra.local.gateway import Gateway
from infra.local.gateway.server import serving
from infra.local.static_site import StaticSite, security_headers

HEADERS = security_headers("http://127.0.0.1:8081")
PAGE, SCRIPT = "<!doctype html><title>A page</title>", "export const one = 1;\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a page, its script in a folder, and what is not to be served: a secret beside, hidden, and behind a link."""
    web = tmp_path / "web"
    (web / "modules").mkdir(parents=True)
    (web / "index.html").write_text(PAGE)
    (web / "modules" / "one.js").write_text(SCRIPT)
    (web / ".env.json").write_text('"hidden"')
    (tmp_path / "secret.json").write_text('"secret"')
    (web / "link.json").symlink_to(tmp_path / "secret.json")
    return web


@contextmanager
def served(site: StaticSite) -> Iterator[httpx.Client]:
    """Give an HTTP client of the site."""
    with serving(site) as url, httpx.Client(base_url=url) as browser:
        yield browser


@pytest.fixture
def browser(folder: Path) -> Iterator[httpx.Client]:
    """Give an HTTP client of the folder alone, with a document beside the files."""
    with served(StaticSite(folder, headers=HEADERS, documents={"config.json": b'{"a":1}'})) as client:
        yield client


@pytest.fixture
def in_front(folder: Path) -> Iterator[httpx.Client]:
    """Give an HTTP client of the folder in front of a gateway without a route."""
    document = {"openapi": "3.0.1", "info": {"title": "none", "version": "1"}, "paths": {}}
    gateway = Gateway(document, {}, stage="prod", region="us-east-1", account_id="123456789012", api_id="abc123")
    with served(StaticSite(folder, headers=HEADERS, otherwise=gateway)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "content_type", "text"),
    [
        ("/", "text/html; charset=utf-8", PAGE),
        ("/index.html", "text/html; charset=utf-8", PAGE),
        ("/modules/one.js", "text/javascript; charset=utf-8", SCRIPT),
        ("/config.json", "application/json", '{"a":1}'),
        ("/modules/one.js?v=1", "text/javascript; charset=utf-8", SCRIPT),
    ],
)
def test_a_file_is_served_as_what_it_is(browser: httpx.Client, path: str, content_type: str, text: str) -> None:
    """A file comes with its content type and the security headers."""
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, content_type, text)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_the_policy_names_the_apis_that_a_page_calls() -> None:
    """A page runs its own scripts and styles, none inline, and calls its own origin and the APIs that it is given."""
    policy = HEADERS["Content-Security-Policy"].split("; ")
    assert "connect-src 'self' http://127.0.0.1:8081" in policy
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
    assert "unsafe" not in HEADERS["Content-Security-Policy"]


@pytest.mark.spec("RFC 9110", "9.3.2")
def test_head_is_get_without_the_content(browser: httpx.Client) -> None:
    """HEAD answers with GET's headers, and no content."""
    got, head = browser.get("/"), browser.head("/")
    assert (head.status_code, head.content) == (200, b"")
    for each in (got, head):
        del each.headers["date"]
    assert head.headers == got.headers


@pytest.mark.spec("RFC 9110", "13.1.2")
@pytest.mark.parametrize("known", ["{}", "W/{}", '"another", {}', "*"])
def test_what_a_browser_has_is_not_sent_again(browser: httpx.Client, known: str) -> None:
    """A browser asks each time (no-cache), and is told 304 where it has the file."""
    first = browser.get("/")
    assert first.headers["cache-control"] == "no-cache"
    again = browser.get("/", headers={"If-None-Match": known.format(first.headers["etag"])})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_another_etag_is_another_file(browser: httpx.Client) -> None:
    """What a browser has of an earlier start is replaced."""
    assert browser.get("/", headers={"If-None-Match": '"another"'}).status_code == 200


def test_a_document_of_this_start_is_not_kept(browser: httpx.Client) -> None:
    """What is made at each start is stored by no browser."""
    answer = browser.get("/config.json", headers={"If-None-Match": "*"})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert "etag" not in answer.headers


@pytest.mark.spec("RFC 9110", "15.5.6")
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_files_are_only_read(browser: httpx.Client, method: str) -> None:
    """Any method but GET and HEAD is 405, with Allow."""
    answer = browser.request(method, "/")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "/absent.js",
        "/modules",
        "/modules/",
        "/.env.json",
        "/link.json",
        "/../secret.json",
        "/modules/../../secret.json",
        "/%2e%2e/secret.json",
        "/..%2fsecret.json",
        "/..%5csecret.json",
        "//index.html",
        "/index.html/",
        "/index.html%00.js",
    ],
)
def test_nothing_else_is_served(browser: httpx.Client, path: str) -> None:
    """A path that is not in the table is 404: neither a folder, nor a hidden file or a link, nor a way out."""
    connection = http.client.HTTPConnection(browser.base_url.host, browser.base_url.port or 80)
    connection.request("GET", path)  # as it stands: httpx would take the dots away
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (404, b"404 Not Found\n")
    assert answer.headers["x-content-type-options"] == "nosniff"
    connection.close()


@pytest.mark.parametrize("host", ["attacker.example", "localhost:{port}", "127.0.0.1"])
def test_another_host_is_sent_to_the_origin(folder: Path, host: str) -> None:
    """A request for another Host gets no content but the way to the page's own origin: against DNS rebinding."""
    documents = {"config.json": b'"secret"'}
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    origin = f"http://127.0.0.1:{port}"
    with serving(StaticSite(folder, headers=HEADERS, documents=documents, origin=origin), listener) as url:
        assert httpx.get(f"{url}/config.json").text == '"secret"'
        answer = httpx.get(f"{url}/config.json", headers={"Host": host.format(port=port)})
        assert (answer.status_code, answer.headers["location"]) == (307, f"{origin}/config.json")
        assert answer.content == b""


@pytest.mark.parametrize(("method", "path"), [("GET", "/absent"), ("POST", "/"), ("OPTIONS", "/index.html")])
def test_all_else_is_the_gateways(in_front: httpx.Client, method: str, path: str) -> None:
    """In front of a gateway, what is not GET or HEAD of a file is answered by the gateway."""
    answer = in_front.request(method, path)
    assert "x-amzn-requestid" in answer.headers
    assert "content-security-policy" not in answer.headers


def test_in_front_of_a_gateway_files_come_first(in_front: httpx.Client) -> None:
    """In front of a gateway, its own files are the site's."""
    assert in_front.get("/").text == PAGE


def test_a_kind_of_file_without_a_type_stops_the_start(folder: Path) -> None:
    """A file that would be served as nothing in particular is an error at the start."""
    (folder / "notes.txt").write_text("?")
    with pytest.raises(ValueError, match=r"notes\.txt is of no kind"):
        StaticSite(folder, headers=HEADERS)
