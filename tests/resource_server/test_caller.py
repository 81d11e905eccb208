"""The caller: what the authorizer's context says, and nothing where it says nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resource_server.caller import NOBODY, Caller, caller_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_a_full_context_gives_the_client_and_its_permissions() -> None:
    """Permissions are a space-separated list."""
    context = {"client_id": "shop", "permissions": "products:read products:write"}
    assert caller_of(context) == Caller("shop", frozenset({"products:read", "products:write"}))


@pytest.mark.parametrize("context", [None, {}, [], "products:read", 1, True])
def test_no_context_is_nobody(context: object) -> None:
    """Without an authorizer's context there is no client and no permission."""
    assert caller_of(context) == NOBODY


@pytest.mark.parametrize("permissions", [None, "", " ", 1, True, ["products:read"], {"products:read": True}])
def test_permissions_of_another_type_permit_nothing(permissions: object) -> None:
    """Only a string is a list of permissions."""
    assert caller_of({"client_id": "shop", "permissions": permissions}) == Caller("shop", frozenset())


@pytest.mark.spec("RFC 6749", "3.3")
@pytest.mark.parametrize("separator", ["\t", "\n", ",", "\u00a0", "\u2028"])
def test_only_a_space_separates_permissions(separator: str) -> None:
    """No other character makes two scope tokens out of one."""
    assert caller_of({"permissions": f"a{separator}products:read"}).permissions == {f"a{separator}products:read"}


def test_the_principal_stands_in_for_a_missing_client_id() -> None:
    """A policy's principalId is the client's id."""
    assert caller_of({"principalId": "shop", "permissions": ""}).client_id == "shop"
    assert caller_of({"client_id": 7, "principalId": ""}).client_id is None


@given(JSON)
def test_no_context_is_too_odd(context: object) -> None:
    """Whatever the context is, the permissions come out of its one string."""
    permissions = context.get("permissions") if isinstance(context, dict) else None
    caller = caller_of(context)
    assert all(isinstance(permissions, str) and one in permissions for one in caller.permissions)
