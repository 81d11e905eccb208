"""The form that the token endpoint reads: application/x-www-form-urlencoded (RFC 6749 4.4.2 and appendix B)."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from auth_server.errors import InvalidRequestError
from auth_server.wire import Request

CONTENT_TYPE = "application/x-www-form-urlencoded"
MAX_PARAMETERS = 100
REPEATABLE = frozenset({"resource", "audience"})  # RFC 8707 2, RFC 8693 2.1


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters that were sent with a value; those without one count as absent (RFC 6749 3.2)."""

    parameters: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str | None:
        """Give the value of a parameter that is sent once at most."""
        return next((value for key, value in self.parameters if key == name), None)

    def required(self, name: str) -> str:
        """Give the value of a parameter that has to be there; raises `InvalidRequestError`."""
        value = self.one(name)
        if value is None:
            raise InvalidRequestError(f"The {name} is missing.")
        return value

    def many(self, name: str) -> tuple[str, ...]:
        """Give every value of a parameter that may be repeated."""
        return tuple(value for key, value in self.parameters if key == name)


def parse(request: Request) -> Form:
    """Read the form; raises `InvalidRequestError` for whatever is not a good one."""
    _require_form_content_type(request)
    parameters = tuple((name, value) for name, value in _decode(request.body) if value)
    names = [name for name, _ in parameters if name not in REPEATABLE]
    if len(names) != len(set(names)):
        raise InvalidRequestError("A parameter was sent more than once.")  # RFC 6749 3.2
    return Form(parameters)


def _require_form_content_type(request: Request) -> None:
    media_type = (request.header("content-type") or "").split(";", 1)[0].strip().lower()
    if media_type != CONTENT_TYPE:
        raise InvalidRequestError(f"The Content-Type must be {CONTENT_TYPE}.")


def _decode(body: bytes) -> list[tuple[str, str]]:
    try:
        text = body.decode("utf-8")
        parameters = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not UTF-8.") from None
    except ValueError:
        raise InvalidRequestError(f"The body has more than {MAX_PARAMETERS} parameters.") from None
    if any("\0" in name or "\0" in value for name, value in parameters):
        raise InvalidRequestError("The body holds a NUL character.")
    return parameters
