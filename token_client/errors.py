"""What can go wrong on the way to a token. No message holds a secret, a token or an assertion."""


class TokenClientError(Exception):
    """The family of all errors of this package. `str(error)` names the cause, and may be logged."""

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by text and members: an error that cannot be read again breaks the pool whose worker raised it."""
        return _remade, (type(self), self.args, self._members())

    def _members(self) -> dict[str, object]:
        return self.__dict__


class ConfigurationError(TokenClientError, ValueError):
    """What the client was made with cannot work; raised where it is made."""


class CredentialsError(TokenClientError):
    """The credentials cannot be read: the secret is missing, of another shape, or AWS refuses it."""


class DiscoveryError(TokenClientError):
    """The issuer's metadata says something that must not be followed, like another issuer (RFC 8414 3.3)."""


class ServerUnavailableError(TokenClientError):
    """The authorization server gave no usable answer, after all retries: down, slow, 5xx, 429, or not OAuth at all.

    `retry_after_s` is what its last Retry-After said, in seconds; None where there was none.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class UnusableTokenError(TokenClientError):
    """The authorization server gave a token of no use: of another type than was asked for, or expired already."""


class TokenRefusedError(TokenClientError):
    """The authorization server refused the request (RFC 6749 5.2), and would refuse it again.

    `error` is its code, such as `invalid_client`; `description` its text, None where there is none; `status` is HTTP's.
    """

    def __init__(self, error: str, description: str | None, status: int, *, hint: str = "") -> None:
        said = f"{error}: {description}" if description else error
        super().__init__(f"the authorization server refused a token ({status}): {said}{hint and f'; {hint}'}")
        self.error, self.description, self.status = error, description, status


class InsufficientScopeError(TokenClientError):
    """An API answered 403 `insufficient_scope` (RFC 6750 3.1): the token is good, and does not permit this.

    `needed` are the scopes that the API asks for, empty where it does not say; `granted` those of the token.
    `response` is the API's answer, of the HTTP library in use; None where the error has been pickled.
    """

    def __init__(self, needed: tuple[str, ...], granted: tuple[str, ...], response: object) -> None:
        missing = " ".join(scope for scope in needed if scope not in granted) or "a scope that it does not name"
        super().__init__(f"the API needs {missing}; the token has {' '.join(granted) or 'no scope'}")
        self.needed, self.granted, self.response = needed, granted, response

    def _members(self) -> dict[str, object]:
        return self.__dict__ | {"response": None}  # it has its request, and that has the token


class StoreError(TokenClientError):
    """The shared store does not answer, or not so that it can be used. It is logged, and the client does without it."""


def _remade(kind: type[TokenClientError], args: tuple[object, ...], members: dict[str, object]) -> TokenClientError:
    error: TokenClientError = kind.__new__(kind, *args)
    error.__dict__.update(members)
    return error
