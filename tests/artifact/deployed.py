"""The built functions, and the stack that they run over."""

from dataclasses import dataclass
from pathlib import Path

from infra.cloudformation import Stack
from tests.artifact.runtime_api import RunningFunction
from tests.conftest import AWS_ENVIRON


@dataclass(frozen=True, slots=True)
class Deployed:
    """What would be deployed: the built functions, and everything around them on one local endpoint."""

    artifacts: Path
    python: Path
    endpoint: str
    stack: Stack

    def function(self, logical_id: str, **changed: str) -> RunningFunction:
        """Return a function with the template's environment, and what Lambda adds to it; `changed` wins over both."""
        function = self.stack.functions()[logical_id]
        environ = {
            **AWS_ENVIRON,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            **function.environment,
            **changed,
        }
        return RunningFunction(self.artifacts / logical_id, function.handler, environ, self.python)
