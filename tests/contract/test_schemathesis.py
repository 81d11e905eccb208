"""Requests that schemathesis makes out of the OpenAPI document: no 500, and no answer that it does not know."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import pytest

from infra.cloudformation import Stack as Template
from tests.contract.test_node import create_client

schemathesis: Any = pytest.importorskip("schemathesis", reason="needs schemathesis, of the dev group")
checks: Any = pytest.importorskip("schemathesis.checks")

Stack = dict[str, Any]
checks.load_all_checks()
CHECKS = checks.CHECKS.get_by_names(
    ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"]
)
EXAMPLES = 10
REGISTER = "/oauth/register"
CLIENT = "/oauth/register/{client_id}"


def description() -> Any:
    """Give the deployed document, as schemathesis reads it, with a small and repeatable sample."""
    schema = schemathesis.openapi.from_dict(Template().api("AuthApi"))
    schema.config.generation.update(max_examples=EXAMPLES, deterministic=True)
    return schema


# Typed, as what is imported by its name is not.
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
    auth = None if headers else (local_stack["client_id"], local_stack["client_secret"])
    case.call_and_validate(base_url=local_stack["issuer"], headers=headers, auth=auth, checks=CHECKS)


def own(case: Any, stack: Stack, registrar: Mapping[str, str]) -> Mapping[str, str]:
    """Turn the case to a client that is registered for it, and give that client's header."""
    answer = httpx.post(stack["issuer"] + REGISTER, json={}, headers=registrar).raise_for_status().json()
    case.path_parameters["client_id"] = answer["client_id"]
    if isinstance(case.body, dict):
        case.body["client_id"] = answer["client_id"]
    return {"Authorization": f"Bearer {answer['registration_access_token']}"}
