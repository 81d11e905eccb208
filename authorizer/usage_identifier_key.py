"""The value of an API key, by which API Gateway finds the usage plan that a call counts for. Not a credential here.

Source: API Gateway developer guide, "Usage plans and API keys for REST APIs in API Gateway": alphanumeric, 20 to 128
characters. Hyphen and underscore are taken too, as UUIDs and base64url have them.
"""

import re

RULE = "a usage identifier key is the value of an API key: 20 to 128 letters, digits, - or _"
_VALUE = re.compile(r"[A-Za-z0-9_-]{20,128}", re.ASCII)


def is_usage_identifier_key(value: object) -> bool:
    """Whether it can be the value of an API key."""
    return isinstance(value, str) and _VALUE.fullmatch(value) is not None
