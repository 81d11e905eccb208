"""Starting the Lambda as AWS does: the module is imported with an environment of its own."""

import importlib
import os
import sys
from collections.abc import Mapping
from types import ModuleType
from unittest.mock import patch

from tests.authorizer import issuer

ENVIRON = {
    "ISSUER": issuer.ISSUER,
    "AUDIENCE": issuer.AUDIENCE,
    "JWKS": issuer.jwks().decode(),
    "REVOCATIONS_URI": "off",  # tests that read a feed say so
}


def cold_start(environ: Mapping[str, str]) -> ModuleType:
    """Import `authorizer.handler` anew, and return it."""
    sys.modules.pop("authorizer.handler", None)
    with patch.dict(os.environ, environ, clear=True):
        return importlib.import_module("authorizer.handler")
