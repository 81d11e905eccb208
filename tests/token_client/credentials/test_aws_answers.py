"""What AWS answers, cut short on its way: nothing of it is in an error, or in what is printed of one."""

import traceback
from collections.abc import Callable

import boto3
import pytest

from tests.token_client.authorization_server import raw, serving
from token_client import AwsRole, CredentialsError, ParameterStoreSecret, SecretsManagerSecret

# Named, as a traceback quotes the lines of this file.
_STS = b"<GetWebIdentityTokenResponse><GetWebIdentityTokenResult><WebIdentityToken>s3cret</WebIdentityToken>"
_STRING, _BINARY = b'{"SecretString": "s3cret', b'{"SecretBinary": "s3cret+/"}'
_VALUE = b'{"Parameter": {"Value": "s3cret'


@pytest.mark.parametrize(
    ("read", "answer"),
    [
        (lambda **aws: AwsRole("https://as.example", **aws)(), _STS),
        (lambda **aws: SecretsManagerSecret("name", **aws).load(), _STRING),
        (lambda **aws: SecretsManagerSecret("name", **aws).load(), _BINARY),
        (lambda **aws: ParameterStoreSecret("name", **aws).load(), _VALUE),
    ],
)
def test_an_answer_that_makes_no_sense_is_not_quoted(read: Callable[..., object], answer: bytes) -> None:
    """A parser's own error repeats what it could not read."""
    session = boto3.session.Session("nobody", "nothing", region_name="us-east-1")
    with serving(raw(answer)) as server, pytest.raises(CredentialsError) as caught:
        read(endpoint_url=server.url, session=session)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))
