"""Requests that schemathesis makes out of the OpenAPI document: no 500, and no answer that it does not know."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest
import schemathesis
from schemathesis import checks

from infra.cloudformation import Stack as Template
from tests.contract.test_node import create_client

Stack = dict[str, Any]
checks.load_all_checks()
# Whether a request is good is more than its form: a schema knows no client's scopes.
CHECKS = [check for check in checks.CHECKS.get_all() if check.__name__ != "positive_data_acceptance"]
EXAMPLES = 15
REGISTER = "/oauth/register"
CLIENT = "/oauth/register/{client_id}"


def description() -> Any:
    """Give the deployed document, as schemathesis reads it, with a small and repeatable sample."""
    schema = schemathesis.openapi.from_dict(Template().api("AuthApi"))
    schema.config.generation.update(max_examples=EXAMPLES, deterministic=True)
    return schema


each_operation: Callable[[Callable[..., None]], Callable[..., None]] = description().parametrize()


@pytest.fixture(scope="module")
def registrar(local_stack: Stack) -> Mapping[str, str]:
    """Give the header of a client that may register others."""
    grants = ("--may-grant-scope", "products:read", "--may-grant-audience", local_stack["audience"])
    made = create_client(local_stack, "--scope", "clients:register", "--audience", local_stack["issuer"], *grants)
    form = {"grant_type": "client_credentials", "scope": "clients:register", "resource": local_stack["issuer"]}
    auth = (made["client_id"], made["client_secret"])
    answer = httpx.post(f"{local_stack['issuer']}/oauth/token", data=form, auth=auth).raise_for_status().json()
    return {"Authorization": f"Bearer {answer['access_token']}"}


@each_operation
def test_a_stranger_gets_documented_answers(case: Any, local_stack: Stack) -> None:
    """Whatever is sent without credentials, the answer is one of the document's, and never a 500."""
    case.call_and_validate(base_url=local_stack["issuer"], checks=CHECKS)


@each_operation
def test_a_client_gets_documented_answers(case: Any, local_stack: Stack, registrar: Mapping[str, str]) -> None:
    """So is whatever is sent with good credentials of the kind that the path wants."""
    headers: Mapping[str, str] = {}
    if case.path == REGISTER:
        headers = registrar
    elif case.path == CLIENT:
        headers = own(case, local_stack, registrar)
    auth = None if headers or lacks_credentials(case) else (local_stack["client_id"], local_stack["client_secret"])
    case.call_and_validate(base_url=local_stack["issuer"], headers=headers, auth=auth, checks=CHECKS)


def lacks_credentials(case: Any) -> bool:
    """Tell whether the case is about a request without an Authorization header."""
    return getattr(case.meta.phase.data, "parameter", None) == "Authorization"


def own(case: Any, stack: Stack, registrar: Mapping[str, str]) -> Mapping[str, str]:
    """Turn the case to a client that is registered for it, and give that client's header."""
    answer = httpx.post(stack["issuer"] + REGISTER, json={}, headers=registrar).raise_for_status().json()
    case.path_parameters["client_id"] = answer["client_id"]
    if isinstance(case.body, dict) and isinstance(case.body.get("client_id"), str):
        case.body["client_id"] = answer["client_id"]
    return {"Authorization": f"Bearer {answer['registration_access_token']}"}
