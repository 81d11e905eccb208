"""The page about calls of protected APIs: what it tells people to write runs, and does what it says."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.token_client.callers import Tokens, access_token
from token_client.api_call import ApiCalls
from token_client.dpop import DPoPKey

PAGE = (Path(__file__).parents[2] / "docs" / "token-client-calls.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
# What each block of the page leaves behind.
SHOWN: list[Callable[[dict[str, Any]], bool]] = [
    lambda names: "products" in names["products"],
    lambda names: "products" in names["products"],
    lambda names: "products" in names["products"],
    lambda names: "products:write" in names["missing"],
    lambda names: names["client"].access_token().token_type == "DPoP",
]


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_what_the_page_says_runs(local_stack: dict[str, Any], number: int) -> None:
    """Each block runs as it stands, against the local stack, with the demo client's secret."""
    assert len(BLOCKS) == len(SHOWN)
    code = BLOCKS[number]
    for told, actual in (("http://127.0.0.1:8080", "issuer"), ("http://127.0.0.1:8081", "api")):
        code = code.replace(told, local_stack[actual])
    names: dict[str, Any] = {"SECRET": local_stack["client_secret"]}
    exec(compile(code, f"token-client-calls.md, block {number}", "exec"), names)  # noqa: S102 - the page's own words
    assert SHOWN[number](names)


def test_a_proof_says_what_the_page_shows() -> None:
    """The two headers and the members of a proof are those of a request that is signed."""
    key = DPoPKey.generate()
    token = access_token("t", "DPoP")
    headers = (
        ApiCalls(Tokens(["t"], "DPoP", key)).sign("GET", "https://api.example.com/products?limit=20", token).headers
    )
    assert set(headers) == set(re.findall(r"^    ([A-Za-z]+): ", PAGE, re.MULTILINE))
    proof = [json.loads(urlsafe_b64decode(segment + "==")) for segment in headers["DPoP"].split(".")[:2]]
    shown = [json.loads(line) for line in re.findall(r"^    (\{.*\})$", PAGE, re.MULTILINE)]
    assert [set(each) for each in proof] == [set(each) for each in shown]
    assert {proof[1][name] == shown[1][name] for name in ("htm", "htu")} == {True}
